//! Sums over undeclared keys: the vector over the groups that a unit keeps is brought into the L2 ball of each measure.

use super::accumulate::{Accumulator, Rows};
use super::cells::Cells;
use super::cut::Cut;
use super::sample::Kept;
use super::slots::Complete;
use super::spec::BoundSpec;
use super::sums_in_ball::column;
use arrow::array::ArrayRef;
use datafusion::common::Result;
use std::sync::Arc;

/// See the module.
pub(super) struct SumsOfKept {
    spec: Arc<BoundSpec>,
    cells: Vec<Cells>,
    /// Exact sums by measure, then group.
    sums: Vec<Vec<i128>>,
    cut: Cut,
}

impl SumsOfKept {
    pub(super) fn new(spec: Arc<BoundSpec>, groups: usize) -> Self {
        let cells = spec.measures.iter().map(|m| Cells::new(m.fold)).collect();
        Self { cells, sums: vec![vec![0; groups]; spec.measures.len()], cut: Cut::default(), spec }
    }
}

impl Accumulator for SumsOfKept {
    fn grow(&mut self, groups: usize) {
        self.sums.iter_mut().for_each(|sums| sums.resize(groups, 0));
    }

    fn fold(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.cells.iter_mut().try_for_each(|cells| cells.fold(rows))
    }

    fn flush(&mut self, complete: Complete<'_>, kept: &Kept) {
        for positions in kept.by_unit() {
            let positions = positions.iter().map(|&p| p as usize);
            self.cut.add(&self.spec, &self.cells, positions, complete.groups, &mut self.sums);
        }
    }

    fn carry_over(&mut self, from: usize) {
        self.cells.iter_mut().for_each(|cells| cells.carry_over(from));
    }

    fn emit(self: Box<Self>) -> Result<Vec<(usize, ArrayRef)>> {
        self.sums.into_iter().map(column).enumerate().map(|(measure, column)| Ok((measure, column?))).collect()
    }

    fn size(&self) -> usize {
        let sums: usize = self.sums.iter().map(|s| 16 * s.capacity()).sum();
        self.cells.iter().map(Cells::size).sum::<usize>() + sums + self.cut.size()
    }
}
