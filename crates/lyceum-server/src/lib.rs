//! The HTTP edge. A handler extracts, calls one use case and shapes the reply; no logic lives here.
//!
//! [`router`] is the table of contents. Errors of every kind become problem documents in `problem.rs`, the one
//! place that knows HTTP statuses.

mod answer;
mod body;
mod caller;
mod limits;
mod path;
mod problem;
mod router;
mod routes;
mod serve;
mod tus;

pub use limits::Limits;
pub use router::{ROUTES, router};
pub use serve::serve;
