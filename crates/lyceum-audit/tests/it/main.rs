//! The log through its public edge: formats, proofs, tampering, and the rules that a replay checks.
#![allow(clippy::unwrap_used, clippy::panic)]

mod epochs;
mod event;
mod merkle;
mod note;
mod receipt;
mod replay;
mod rows;
mod tamper;
mod tile;
mod vectors;
mod verify;
mod witness;
mod world;
