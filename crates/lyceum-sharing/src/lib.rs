//! The data-sharing service: use cases, authorisation and the ports they need.
//!
//! One file per use case in [`usecase`]; each begins by asking [`authz`], then walks one line of stages.
//! Ports ([`port`]) are what a use case needs from a database, a disk or a clock; adapters live elsewhere.

pub mod model;
pub mod port;
