//! Distinct quasi-identifier tuples: all that a search needs to know of a table, so memory follows them, not rows.
//!
//! Of each tuple: its leaf per column, its rows, its persons, and a histogram of each sensitive column. The person is
//! the unit: k counts distinct persons, so persons with rows under several tuples are kept as sets of tuples
//! ([`Persons`]), and a class of tuples counts each of them once. `tuples/build.rs` makes them from batches (or from
//! the output of any GROUP BY), `tuples/intern.rs` numbers values, `tuples/roll.rs` merges tuples that a level makes
//! equal, `tuples/sequence.rs` measures how few events single a person out.

mod build;
mod intern;
mod roll;
mod sequence;

pub use build::{Layout, TupleBuilder, TuplesError};
pub use sequence::{SequenceUniqueness, sequence_uniqueness};

pub(crate) use intern::leaves_of;
pub(crate) use roll::{Grouping, Scratch};

use crate::hierarchy::Hierarchy;
use std::sync::Arc;

/// Distinct tuples in one search, at most.
pub const MAX_TUPLES: usize = 1 << 28;

/// Distinct tuples with their counts. No `Debug`, no `Serialize`: these are people.
#[derive(Clone)]
pub struct Tuples {
    pub(crate) hierarchies: Arc<[Hierarchy]>,
    /// Level of each column's codes: 0 are leaves.
    pub(crate) at: Vec<usize>,
    /// Column by column: the node of each tuple.
    pub(crate) codes: Vec<Vec<u32>>,
    pub(crate) rows: Vec<u32>,
    pub(crate) persons: Persons,
    pub(crate) sensitive: Vec<Sensitive>,
}

impl Tuples {
    /// Number of distinct tuples.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows of all tuples.
    #[must_use]
    pub fn total_rows(&self) -> u64 {
        self.rows.iter().map(|&n| u64::from(n)).sum()
    }

    /// Distinct persons of all tuples.
    #[must_use]
    pub fn total_persons(&self) -> u64 {
        let alone: u64 = self.persons.alone.iter().map(|&n| u64::from(n)).sum();
        alone + self.persons.weights.iter().map(|&n| u64::from(n)).sum::<u64>()
    }

    /// The hierarchies, one per quasi-identifier.
    #[must_use]
    pub fn hierarchies(&self) -> &[Hierarchy] {
        &self.hierarchies
    }
}

/// Distinct persons per tuple.
#[derive(Clone, Default)]
pub struct Persons {
    /// Persons all of whose rows have this tuple.
    pub(crate) alone: Vec<u32>,
    /// Of persons with several tuples: the tuples, ascending, of each different set; `starts` has one more entry.
    pub(crate) starts: Vec<u32>,
    pub(crate) members: Vec<u32>,
    /// How many persons have this set.
    pub(crate) weights: Vec<u32>,
}

impl Persons {
    /// Whether each person has one tuple, so that counts add up.
    pub(crate) const fn additive(&self) -> bool {
        self.weights.is_empty()
    }

    /// The sets of tuples that several-tuple persons have, with the number of persons.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (&[u32], u32)> {
        self.starts.windows(2).zip(&self.weights).map(|(w, &n)| (&self.members[w[0] as usize..w[1] as usize], n))
    }

    /// Distinct persons per class, when tuple `t` is in class `class_of[t]` of `classes`.
    pub(crate) fn per_class(&self, class_of: &[u32], classes: usize) -> Vec<u32> {
        let mut counts = vec![0u32; classes];
        for (&class, &n) in class_of.iter().zip(&self.alone) {
            if let Some(count) = counts.get_mut(class as usize) {
                *count += n;
            }
        }
        let mut seen = vec![u32::MAX; if self.additive() { 0 } else { classes }];
        for (set, (members, n)) in (0u32..).zip(self.sets()) {
            for &t in members {
                let class = class_of[t as usize] as usize;
                if class < classes && seen[class] != set {
                    seen[class] = set;
                    counts[class] += n;
                }
            }
        }
        counts
    }
}

/// Histograms of one sensitive column, per tuple, over rows.
#[derive(Clone)]
pub struct Sensitive {
    /// Number of different values; NULL is one.
    pub(crate) values: u32,
    /// Whether values are numbers, numbered by size.
    pub(crate) ordered: bool,
    pub(crate) starts: Vec<u32>,
    /// Value and rows, by value within a tuple.
    pub(crate) entries: Vec<(u32, u32)>,
    /// Rows per value in the whole table.
    pub(crate) total: Vec<u64>,
}

impl Sensitive {
    pub(crate) fn of(&self, tuple: usize) -> &[(u32, u32)] {
        &self.entries[self.starts[tuple] as usize..self.starts[tuple + 1] as usize]
    }
}
