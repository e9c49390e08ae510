//! Behaviour of the engine through its public edge.
#![allow(clippy::unwrap_used, clippy::panic)]

mod attacks;
mod below;
mod certify;
mod faults;
mod fuzz;
mod layout;
mod line;
mod neighbours;
mod parse;
mod refusals;
mod replay;
mod sample;
mod several;
mod world;
