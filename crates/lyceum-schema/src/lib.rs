//! The shared dataset schemas: ids, names, manifests, column roles, domains, policies and wire types.
//!
//! Everything here is parsed into types that cannot be invalid, and nothing here does I/O.
//! A newcomer reads [`manifest`] and [`policy`] first: they are what partners write.

pub mod document;
pub mod epoch;
pub mod failpoint;
pub mod id;
pub mod manifest;
pub mod name;
pub mod policy;
pub mod problem;
pub mod state;
pub mod time;
pub mod wire;
