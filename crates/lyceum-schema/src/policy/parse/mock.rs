//! `[mock]`: how many rows, and the seed.

use super::MAX_ROWS;
use crate::document::{Problems, Section};
use crate::policy::MockPolicy;

const DEFAULT: MockPolicy = MockPolicy { rows: 1_000, seed: 1 };
const MAX_SEED: i64 = i64::MAX;

/// Reads `[mock]`, which may be left out.
pub(super) fn read(top: &Section<'_>, problems: &mut Problems<'_>) -> Option<MockPolicy> {
    let Some(node) = top.get("mock") else { return Some(DEFAULT) };
    let section = node.section("[mock]", problems)?;
    section.only(&["rows", "seed"], problems);
    let number = |key: &str, low, high, example, default, problems: &mut Problems<'_>| match section.get(key) {
        None => Some(default),
        Some(node) => node.integer(low, high, example, problems).and_then(|n| u64::try_from(n).ok()),
    };
    let rows = number("rows", 1, MAX_ROWS, "rows = 1000", DEFAULT.rows, problems);
    let seed = number("seed", 0, MAX_SEED, "seed = 1", DEFAULT.seed, problems);
    Some(MockPolicy { rows: rows?, seed: seed? })
}

/// The terms as TOML.
pub(super) fn canonical(terms: &MockPolicy) -> String {
    format!("\n[mock]\nrows = {}\nseed = {}\n", terms.rows, terms.seed)
}
