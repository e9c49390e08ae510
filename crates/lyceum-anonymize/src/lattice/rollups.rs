//! Rolled-up tuples that later checks start from: the levels of the columns with most values are fixed one after the
//! other, and what each prefix of levels leaves is kept while memory lasts.

use crate::tuples::{Scratch, Tuples};
use hashbrown::HashMap;

/// Prefixes of levels that are kept, at most.
const MAX_PREFIXES: usize = 2_000;
/// Tuples that are kept, as a multiple of the table's.
const MAX_MULTIPLE: usize = 6;

pub(super) struct Rollups<'t> {
    tuples: &'t Tuples,
    /// The columns by number of leaves, most first, as far as prefixes reach.
    order: Vec<usize>,
    kept: HashMap<Vec<usize>, Option<Tuples>>,
    room: usize,
    scratch: Scratch,
}

impl<'t> Rollups<'t> {
    pub(super) fn new(tuples: &'t Tuples) -> Self {
        let mut order: Vec<usize> = (0..tuples.hierarchies.len()).collect();
        order.sort_by_key(|&c| std::cmp::Reverse(tuples.hierarchies[c].leaves()));
        let mut prefixes = 1;
        let reach = order.iter().take_while(|&&c| {
            prefixes *= tuples.hierarchies[c].levels();
            prefixes <= MAX_PREFIXES
        });
        let reach = reach.count();
        order.truncate(reach);
        let room = tuples.len().saturating_mul(MAX_MULTIPLE);
        Self { tuples, order, kept: HashMap::new(), room, scratch: Scratch::default() }
    }

    /// The fewest tuples at hand from which this node can be counted.
    pub(super) fn below(&mut self, levels: &[usize]) -> &Tuples {
        let mut base: Vec<usize> = Vec::new();
        let mut size = self.tuples.len();
        let mut prefix = Vec::with_capacity(self.order.len());
        for at in 0..self.order.len() {
            prefix.push(levels[self.order[at]]);
            if !self.kept.contains_key(&prefix) {
                let rolled = self.roll(&base, at, levels, size);
                self.kept.insert(prefix.clone(), rolled);
            }
            if let Some(Some(kept)) = self.kept.get(&prefix) {
                base.clone_from(&prefix);
                size = kept.len();
            }
        }
        self.kept.get(&base).and_then(Option::as_ref).unwrap_or(self.tuples)
    }

    /// The tuples with the levels of the first columns fixed, if that is worth keeping.
    fn roll(&mut self, base: &[usize], at: usize, levels: &[usize], size: usize) -> Option<Tuples> {
        let column = self.order[at];
        if levels[column] == 0 || size > self.room {
            return None;
        }
        let base = self.kept.get(base).and_then(Option::as_ref).unwrap_or(self.tuples);
        let mut target = base.at.clone();
        for &c in &self.order[..=at] {
            target[c] = levels[c];
        }
        let rolled = base.roll_up(&target, &mut self.scratch);
        if rolled.len() * 10 > size * 8 {
            return None;
        }
        self.room = self.room.saturating_sub(rolled.len());
        Some(rolled)
    }
}
