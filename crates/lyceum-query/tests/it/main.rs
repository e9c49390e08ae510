//! Behaviour of the engine through its public edge.
#![allow(clippy::unwrap_used, clippy::panic)]

mod layout;
mod line;
mod world;
mod certify;
mod parse;
mod refusals;
mod sample;
