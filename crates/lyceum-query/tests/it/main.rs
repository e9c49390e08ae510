//! Behaviour of the engine through its public edge.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod attacks;
mod audit;
mod below;
mod certificate;
mod certify;
mod derive;
mod epochs;
mod experiments;
mod faults;
mod fuzz;
mod layout;
mod line;
mod neighbours;
mod parse;
mod refusals;
mod replay;
mod rows;
mod sample;
mod several;
mod statistics;
mod world;
