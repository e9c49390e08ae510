//! Differential privacy: budgets, mechanisms, accounting and accuracy. No I/O, no async, no workspace crate below it.
//!
//! Read [`budget`] (the currency), then [`accounting`] (what a mechanism costs), [`mechanism`] (how numbers become
//! private), [`selection`] (which undeclared groups may be shown), [`accuracy`] (how wrong answers may be), and
//! [`histogram`] (quantiles from noisy trees of counts).
//! Everything that decides what is private is an integer or rounded against the spender.

pub mod accounting;
pub mod accuracy;
pub mod budget;
pub mod histogram;
pub mod mechanism;
mod normal;
pub mod selection;
#[cfg(feature = "testing")]
pub mod testing;

pub use budget::{Budget, Delta, Rho};
