//! The adapters through their public edge: every port's conformance suite, the ledger against a model, crashes by a
//! real kill, and what is refused when files were changed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod blob;
mod conformance;
mod crash;
mod home;
mod ledger;
mod log;
mod part;
mod simulation;
mod spool;
mod witnesses;
mod world;
