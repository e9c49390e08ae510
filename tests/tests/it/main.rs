//! Whole-system tests: the real binary, real files, real HTTP, from the outside only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod crash;
mod epochs;
mod foreign_keys;
mod home;
mod journeys;
mod kills;
mod leaks;
mod ledger_race;
mod resumable;
mod witnesses;
