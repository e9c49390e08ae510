//! Behaviour of the engine through its public edge.
#![allow(clippy::unwrap_used, clippy::panic)]

mod attacks;
mod below;
mod certificate;
mod certify;
mod derive;
mod epochs;
mod experiments;
mod layout;
mod line;
mod parse;
mod refusals;
mod replay;
mod sample;
mod several;
mod statistics;
mod world;
