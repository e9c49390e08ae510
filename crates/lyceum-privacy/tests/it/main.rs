//! Behaviour of the crate through its public edge.
#![allow(clippy::unwrap_used, clippy::panic)]
