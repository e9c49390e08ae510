//! Whole-system tests: the testkit. It runs the real binary on a real folder and speaks to it as people do, over HTTP
//! and through the command line. Nothing here reaches into the server: what a test can't see from outside, it reads
//! from the files of the home.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod binary;
pub mod cli;
pub mod cutter;
pub mod folder;
pub mod hillstrom;
pub mod log;
pub mod person;
pub mod random;
pub mod server;
pub mod shop;
pub mod study;
pub mod witness;
