//! The data-sharing service: use cases, authorisation and the ports they need.
//!
//! One file per use case in [`usecase`]; each begins by asking [`authz`], then walks one line of stages.
//! Ports ([`port`]) are what a use case needs from a database, a disk or a clock; adapters live elsewhere.

mod accounts;
mod actor;
mod app;
mod artefact;
pub mod authz;
mod documents;
mod error;
pub mod model;
pub mod port;
pub mod usecase;

pub use actor::Actor;
pub use app::{App, Config, Ports};
pub use error::{Error, OverBudget, Refusal, Result};
