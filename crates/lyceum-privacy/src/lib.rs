//! Differential privacy: budgets, mechanisms, accounting and accuracy. No I/O, no async, no workspace crate below it.
//!
//! Read [`budget`] (the currency), then [`mechanism`] (how numbers become private), then [`accuracy`]
//! (how wrong they may be). Everything is integer or rounded against the spender.

pub mod accounting;
pub mod accuracy;
pub mod budget;
pub mod mechanism;
pub mod selection;

pub use budget::{Budget, Delta, Rho};
