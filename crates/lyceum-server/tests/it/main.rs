//! The service through its HTTP edge: who may do what, and what bad input comes to.
#![allow(clippy::unwrap_used, clippy::panic)]

mod app;
mod bad_input;
mod exclusions;
mod line;
mod matrix;
mod mock;
mod uploads;
