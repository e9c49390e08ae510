//! Sums over undeclared keys: of each group that a unit keeps, each measure is limited to its interval.

use super::accumulate::{Accumulator, Rows};
use super::cells::{Cells, Values};
use super::sample::Kept;
use super::slots::Complete;
use super::spec::BoundSpec;
use super::sums_in_ball::column;
use crate::faults::{self, Fault};
use arrow::array::ArrayRef;
use datafusion::common::Result;
use std::sync::Arc;

/// See the module.
pub(super) struct SumsInBox {
    spec: Arc<BoundSpec>,
    cells: Vec<Cells>,
    /// Exact sums by measure, then group.
    sums: Vec<Vec<i128>>,
}

impl SumsInBox {
    pub(super) fn new(spec: Arc<BoundSpec>, groups: usize) -> Self {
        let cells = spec.measures.iter().map(|m| Cells::new(m.fold)).collect();
        Self { cells, sums: vec![vec![0; groups]; spec.measures.len()], spec }
    }
}

impl Accumulator for SumsInBox {
    fn grow(&mut self, groups: usize) {
        self.sums.iter_mut().for_each(|sums| sums.resize(groups, 0));
    }

    fn fold(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.cells.iter_mut().try_for_each(|cells| cells.fold(rows))
    }

    fn flush(&mut self, complete: Complete<'_>, kept: &Kept) {
        for ((measure, cells), sums) in self.spec.measures.iter().zip(&self.cells).zip(&mut self.sums) {
            let (low, high) =
                if faults::on(Fault::BoxOff) { (i64::MIN, i64::MAX) } else { (measure.low, measure.high) };
            for &position in kept.positions() {
                let v = match &cells.values {
                    Values::Narrow(cells) => i128::from(cells[position as usize].clamp(low, high)),
                    Values::Wide(cells) => cells[position as usize].clamp(low.into(), high.into()),
                };
                sums[complete.groups[position as usize] as usize] += v;
            }
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
        self.cells.iter().map(Cells::size).sum::<usize>() + sums
    }
}
