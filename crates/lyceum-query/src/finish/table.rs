//! The released table: what SQL's aggregates are worth given noisy integers, and how far each may be off.

use super::Above;
use crate::barrier::{Aggregate, Grid};
use crate::failure::FinishError;
use crate::release::ReleasedGroups;
use arrow::array::{ArrayRef, Float64Array, Int64Array, UInt32Array};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use lyceum_privacy::accuracy::{self, Interval, NoisyRatio};
use std::sync::Arc;

/// The noisy integers of one row, with σ by measure, in grid units.
pub(super) struct Noisy<'a> {
    pub(super) cells: Vec<i64>,
    pub(super) sigmas: &'a [f64],
}

impl Noisy<'_> {
    fn cell(&self, measure: usize) -> i64 {
        self.cells.get(measure).copied().unwrap_or(0)
    }

    fn sigma(&self, measure: usize) -> f64 {
        self.sigmas.get(measure).copied().unwrap_or(f64::INFINITY)
    }

    /// The aggregate as a number; `None` is NULL. Counts and sums may be negative: cutting them off would bias them.
    pub(super) fn value(&self, aggregate: &Aggregate) -> Option<f64> {
        match aggregate {
            Aggregate::Count { measure } => Some(self.cell(*measure) as f64),
            Aggregate::Sum { measure, grid, .. } => Some(self.cell(*measure) as f64 * grid.unit()),
            Aggregate::Average { .. } => self.ratio(aggregate)?.value(),
        }
    }

    /// What covers the exact bounded value.
    pub(super) fn noise_interval(&self, aggregate: &Aggregate, confidence: f64) -> Option<(f64, f64)> {
        let sum = |measure: usize, grid: Grid| {
            accuracy::sum_interval(self.cell(measure), self.sigma(measure), grid.unit(), confidence)
        };
        Some(ends(match aggregate {
            Aggregate::Count { measure } => sum(*measure, Grid { exponent: 0 }),
            Aggregate::Sum { measure, grid, .. } => sum(*measure, *grid),
            Aggregate::Average { .. } => accuracy::ratio_interval(&self.ratio(aggregate)?, confidence),
        }))
    }

    /// What covers the mean that the rows are a sample of. `most`: rows that one unit may add to one group.
    pub(super) fn estimate_interval(&self, aggregate: &Aggregate, most: f64, confidence: f64) -> Option<(f64, f64)> {
        Some(ends(accuracy::estimate_interval(&self.ratio(aggregate)?, most, confidence)))
    }

    fn ratio(&self, aggregate: &Aggregate) -> Option<NoisyRatio> {
        let Aggregate::Average { sum, count, grid, centre, low, high } = aggregate else { return None };
        let unit = grid.unit();
        Some(NoisyRatio {
            sum: self.cell(*sum) as f64 * unit,
            sigma_sum: self.sigma(*sum) * unit,
            count: self.cell(*count) as f64,
            sigma_count: self.sigma(*count),
            centre: *centre as f64 * unit,
            low: *low,
            high: *high,
        })
    }
}

/// The released table of a release.
pub(super) fn released(above: &Above, groups: &ReleasedGroups) -> Result<RecordBatch, FinishError> {
    let rows: Option<Vec<Noisy<'_>>> = (0..groups.groups)
        .map(|g| {
            let cells = groups.cells.iter().map(|c| c.get(g).copied()).collect::<Option<Vec<_>>>()?;
            Some(Noisy { cells, sigmas: &groups.sigmas })
        })
        .collect();
    table(above, &groups.keys, &rows.ok_or(FinishError::Stored)?)
}

/// A table like the released one, of any rows.
pub(super) fn table(above: &Above, keys: &[ArrayRef], rows: &[Noisy<'_>]) -> Result<RecordBatch, FinishError> {
    let aggregates = above.aggregates.iter().map(|a| match a {
        Aggregate::Count { measure } => counts(rows, *measure, Grid { exponent: 0 }),
        Aggregate::Sum { measure, grid, integer: true } => counts(rows, *measure, *grid),
        Aggregate::Sum { integer: false, .. } | Aggregate::Average { .. } => {
            Arc::new(rows.iter().map(|r| r.value(a)).collect::<Float64Array>())
        }
    });
    let intervals = above.intervals.iter().map(|i| {
        let end = |r: &Noisy<'_>| {
            let (low, high) = r.noise_interval(above.aggregates.get(i.aggregate)?, i.confidence)?;
            Some(if i.upper { high } else { low })
        };
        Arc::new(rows.iter().map(end).collect::<Float64Array>()) as ArrayRef
    });
    let cell: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..u32::try_from(rows.len()).unwrap_or(u32::MAX)));
    let columns = keys.iter().cloned().chain(aggregates).chain(intervals).chain([cell]).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(&above.schema), columns, &options).map_err(|_| FinishError::Stored)
}

/// Integers in SQL's unit, saturating.
fn counts(rows: &[Noisy<'_>], measure: usize, grid: Grid) -> ArrayRef {
    let scale = |v: i64| {
        if grid.exponent == 0 { v } else { (v as f64 * grid.unit()).round() as i64 }
    };
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| scale(r.cell(measure)))))
}

fn ends(interval: Interval) -> (f64, f64) {
    (interval.low, interval.high)
}
