//! Wire types in words and tables for people. Plain words first; numbers with units; never a number without its interval.

pub(crate) mod answer;
pub(crate) mod audit;
pub(crate) mod budget;
pub(crate) mod catalog;
pub(crate) mod explanation;
pub(crate) mod number;
pub(crate) mod problem;
pub(crate) mod release;
pub(crate) mod report;
pub(crate) mod table;
