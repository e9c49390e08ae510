//! Whole-system tests: the testkit.
