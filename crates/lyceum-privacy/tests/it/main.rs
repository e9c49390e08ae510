//! Behaviour of the crate through its public edge.
#![allow(clippy::unwrap_used, clippy::panic)]

mod accounting;
mod accuracy;
mod audit;
mod budget;
mod coverage;
mod exponential;
mod histogram;
mod mechanism;
mod pld;
mod randomness;
mod sampler;
mod selection;
mod weighted;
