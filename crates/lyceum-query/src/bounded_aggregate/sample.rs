//! Which groups a unit keeps where it may count in at most L0: the smallest by a keyed hash of unit and group.

use super::slots::Complete;
use super::spec::BoundSpec;
use crate::faults::{self, Fault};

/// The positions that complete units keep, and how many units each group has kept.
#[derive(Default)]
pub(super) struct Kept {
    positions: Vec<u32>,
    /// Units by group, over the whole pass.
    units: Vec<u64>,
    candidates: Vec<u32>,
}

impl Kept {
    /// Makes room for groups met since.
    pub(super) fn grow(&mut self, groups: usize) {
        self.units.resize(groups, 0);
    }

    /// Selects at most L0 positions of each complete unit. `names` has the keyed name of each group.
    pub(super) fn select(&mut self, complete: Complete<'_>, names: &[u64], spec: &BoundSpec) {
        let limit = if faults::on(Fault::L0Off) { usize::MAX } else { spec.max_groups as usize };
        self.positions.clear();
        for (&unit, range) in complete.units.iter().zip(complete.ranges()) {
            let positions = range.start as u32..range.end as u32;
            if range.len() <= limit {
                self.positions.extend(positions);
                continue;
            }
            self.candidates.clear();
            self.candidates.extend(positions);
            self.candidates.select_nth_unstable_by_key(limit - 1, |&position| {
                let name = names[complete.groups[position as usize] as usize];
                (spec.sampling.rank(unit, name), name)
            });
            self.positions.extend(&self.candidates[..limit]);
        }
        let all: Vec<u32> = if faults::on(Fault::UnitsBeforeL0) {
            complete.ranges().flat_map(|r| r.start as u32..r.end as u32).collect()
        } else {
            Vec::new()
        };
        for &position in if all.is_empty() { &self.positions } else { &all } {
            self.units[complete.groups[position as usize] as usize] += 1;
        }
    }

    /// The positions that are kept.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Units by group.
    pub(super) fn into_units(self) -> Vec<u64> {
        self.units
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        4 * (self.positions.capacity() + self.candidates.capacity()) + 8 * self.units.capacity()
    }
}
