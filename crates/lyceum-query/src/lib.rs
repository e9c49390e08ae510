//! The DataFusion engine: one query, one line of typed stages.
//!
//! [`parse`] → [`bind`] → [`certify`] → [`price`] → [`charge`] → [`execute`] → [`release`] → [`finish`].
//! Each stage is a type that only the next stage accepts, consumed by value; none calls back, none can be
//! skipped. Only [`execute`] sees rows. [`layout`] is the other room: how releases are stored so that
//! contribution bounding is one streaming pass.

mod above;
pub mod answer;
pub mod barrier;
pub mod bind;
mod bounded_aggregate;
pub mod catalog;
pub mod certify;
pub mod charge;
mod config;
mod departure;
pub mod derive;
pub mod domain;
pub mod engine;
pub mod error;
mod exact;
pub mod execute;
pub mod explain;
pub mod failure;
pub mod faults;
pub mod finish;
mod functions;
pub mod layout;
mod lineage;
mod noise;
mod ordinals;
pub mod parse;
mod physical;
pub mod price;
mod public_rows;
pub mod release;
mod released_table;
mod session;
