//! Which groups a unit keeps where keys are undeclared: at most M, the smallest by a keyed hash of unit and group; and how
//! many units each group has, by how many groups they keep: what key selection weighs them by.

use super::slots::Complete;
use super::spec::BoundSpec;
use crate::faults::{self, Fault};
use arrow::array::{ArrayRef, FixedSizeListArray, UInt64Array};
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use std::sync::Arc;

/// The positions that complete units keep, and the units of each group.
#[derive(Default)]
pub(super) struct Kept {
    /// By unit, in their order.
    positions: Vec<u32>,
    /// By unit: where its positions end.
    ends: Vec<usize>,
    /// Of each unit's positions the first L0 in the order of their hashes, where a measure needs so few.
    fewest: Vec<u32>,
    /// Units by group, then class, over the whole pass.
    units: Vec<u64>,
}

impl Kept {
    /// Makes room for groups met since.
    pub(super) fn grow(&mut self, groups: usize, spec: &BoundSpec) {
        self.units.resize(groups * spec.classes(), 0);
    }

    /// Selects at most M positions of each complete unit. `names` has the keyed name of each group.
    pub(super) fn select(&mut self, complete: Complete<'_>, names: &[u64], spec: &BoundSpec) {
        let Some(weights) = &spec.weights else { return };
        let limit = if faults::on(Fault::L0Off) { usize::MAX } else { spec.kept_groups as usize };
        let fewest = spec.max_groups as usize;
        self.positions.clear();
        self.fewest.clear();
        self.ends.clear();
        for (&unit, range) in complete.units.iter().zip(complete.ranges()) {
            let rank = |position: &u32| {
                let name = names[complete.groups[*position as usize] as usize];
                (spec.sampling.rank(unit, name), name)
            };
            let start = self.positions.len();
            self.positions.extend(range.start as u32..range.end as u32);
            if range.len() > limit {
                self.positions[start..].select_nth_unstable_by_key(limit - 1, rank);
                self.positions.truncate(start + limit);
            }
            let kept = &mut self.positions[start..];
            if spec.keeps_fewest() {
                if kept.len() > fewest {
                    kept.select_nth_unstable_by_key(fewest - 1, rank);
                }
                self.fewest.extend(kept.iter().take(fewest));
            }
            let alone = faults::on(Fault::WeightsAlone);
            let class = if alone { 0 } else { weights.class_of(u32::try_from(kept.len()).unwrap_or(u32::MAX)) };
            for &position in &*kept {
                self.units[complete.groups[position as usize] as usize * weights.classes() + class] += 1;
            }
            self.ends.push(self.positions.len());
        }
    }

    /// The positions that are kept, by unit.
    pub(super) fn by_unit(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.positions[start..end])
    }

    /// The positions that are kept.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Of these at most L0 of each unit.
    pub(super) fn fewest(&self) -> &[u32] {
        &self.fewest
    }

    /// Units by group, as lists by class.
    ///
    /// # Errors
    /// When Arrow can't hold them.
    pub(super) fn emit(self, classes: usize) -> Result<ArrayRef> {
        let item = Arc::new(Field::new_list_field(DataType::UInt64, false));
        let width = i32::try_from(classes).unwrap_or(i32::MAX);
        Ok(Arc::new(FixedSizeListArray::try_new(item, width, Arc::new(UInt64Array::from(self.units)), None)?))
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        4 * (self.positions.capacity() + self.fewest.capacity()) + 8 * (self.ends.capacity() + self.units.capacity())
    }
}
