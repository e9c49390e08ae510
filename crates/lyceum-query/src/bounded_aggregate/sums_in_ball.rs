//! Sums over declared keys: the whole vector of each measure is brought into its L2 ball.
//!
//! Most units are inside of every ball. Those with few rows are known to be and added at once ([`super::light`]), others
//! are found by their exact norms and added as they are; only the rest goes through saturation and levels
//! ([`super::cut`]).

use super::accumulate::{Accumulator, Rows};
use super::bound::Ball;
use super::cells::{Cells, Values};
use super::cut::Cut;
use super::light::Light;
use super::runs::Run;
use super::sample::Kept;
use super::slots::{Complete, NO_GROUP};
use super::spec::BoundSpec;
use crate::faults::{self, Fault};
use arrow::array::{ArrayRef, Decimal128Array};
use datafusion::common::Result;
use std::ops::Range;
use std::sync::Arc;

/// See the module.
pub(super) struct SumsInBall {
    spec: Arc<BoundSpec>,
    cells: Vec<Cells>,
    /// Exact sums by measure, then group.
    sums: Vec<Vec<i128>>,
    light: Option<Light>,
    /// By complete unit: whether it is outside of a ball.
    outside: Vec<bool>,
    cut: Cut,
}

impl SumsInBall {
    pub(super) fn new(spec: Arc<BoundSpec>, groups: usize) -> Self {
        let measures = spec.measures.len();
        Self {
            cells: spec.measures.iter().map(|m| Cells::new(m.fold)).collect(),
            sums: vec![vec![0; groups]; measures],
            light: Light::new(&spec, groups),
            outside: Vec::new(),
            cut: Cut::default(),
            spec,
        }
    }
}

impl Accumulator for SumsInBall {
    fn grow(&mut self, groups: usize) {
        self.sums.iter_mut().for_each(|sums| sums.resize(groups, 0));
    }

    fn take(&mut self, rows: &Rows<'_>, runs: &mut Vec<Run>, whole: Range<usize>) -> Result<()> {
        match &mut self.light {
            Some(light) => light.take(rows, runs, whole, &mut self.sums, &self.spec.fraction_bits),
            None => Ok(()),
        }
    }

    fn fold(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.cells.iter_mut().try_for_each(|cells| cells.fold(rows))
    }

    fn flush(&mut self, complete: Complete<'_>, _: &Kept) {
        self.outside.clear();
        self.outside.resize(complete.units.len(), false);
        let balls = self.spec.balls.iter().zip(&self.spec.fraction_bits);
        for (cells, (&ball, &fraction)) in self.cells.iter().zip(balls) {
            mark(cells, ball, fraction, complete, &mut self.outside);
        }
        if faults::on(Fault::BallOff) {
            self.outside.fill(false);
        }
        let measures = self.cells.iter().zip(&self.spec.fraction_bits).zip(&mut self.sums);
        for ((cells, &fraction), sums) in measures {
            match &cells.values {
                Values::Narrow(cells) => add(cells, fraction, complete, &self.outside, sums),
                Values::Wide(cells) => add(cells, fraction, complete, &self.outside, sums),
            }
        }
        for (unit, range) in complete.ranges().enumerate() {
            if self.outside[unit] {
                self.cut.add(&self.spec, &self.cells, range, complete.groups, &mut self.sums);
            }
        }
    }

    fn carry_over(&mut self, from: usize) {
        self.cells.iter_mut().for_each(|cells| cells.carry_over(from));
    }

    fn emit(mut self: Box<Self>) -> Result<Vec<(usize, ArrayRef)>> {
        if let Some(light) = &mut self.light {
            light.empty(&mut self.sums, &self.spec.fraction_bits);
        }
        self.sums.into_iter().map(column).enumerate().map(|(measure, column)| Ok((measure, column?))).collect()
    }

    fn size(&self) -> usize {
        let cells: usize = self.cells.iter().map(Cells::size).sum();
        let sums: usize = self.sums.iter().map(|s| 16 * s.capacity()).sum();
        cells + sums + self.cut.size() + self.outside.capacity() + self.light.as_ref().map_or(0, Light::size)
    }
}

/// Exact sums as a column.
///
/// # Errors
/// When Arrow refuses the type, which is constant.
pub(super) fn column(sums: Vec<i128>) -> Result<ArrayRef> {
    Ok(Arc::new(Decimal128Array::from_iter_values(sums).with_precision_and_scale(38, 0)?))
}

/// Marks the units whose vector is outside of the ball. Norms of whole cells are compared: a vector that is inside
/// before the shift is inside after it, and nothing in it is saturated.
fn mark(cells: &Cells, ball: Ball, fraction: u32, complete: Complete<'_>, outside: &mut [bool]) {
    // R is a whole multiple of the shift: R² = L0·(C << fraction)².
    let limit = ball.radius_squared() >> (2 * fraction);
    let slots = complete.groups.len() as u128;
    match (&cells.values, cells.bound()) {
        (Values::Narrow(cells), Some(bound))
            if u128::from(bound).pow(2).saturating_mul(slots) <= u128::from(u64::MAX) =>
        {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            mark_by(cells, complete, outside, |norm: u64, v| norm + v.unsigned_abs() * v.unsigned_abs(), limit);
        }
        (Values::Narrow(cells), _) => {
            let add = |norm: u128, v: i64| norm.saturating_add(square(v.unsigned_abs()));
            mark_by(cells, complete, outside, add, limit);
        }
        (Values::Wide(cells), _) => {
            let add =
                |norm: u128, v: i128| norm.saturating_add(u64::try_from(v.unsigned_abs()).map_or(u128::MAX, square));
            mark_by(cells, complete, outside, add, limit);
        }
    }
}

fn mark_by<C: Copy, N: Copy + Ord + Default>(
    cells: &[C],
    complete: Complete<'_>,
    outside: &mut [bool],
    add: impl Fn(N, C) -> N,
    limit: N,
) {
    for (range, outside) in complete.ranges().zip(outside) {
        let norm = cells[range].iter().fold(N::default(), |norm, &v| add(norm, v));
        *outside |= norm > limit;
    }
}

fn square(v: u64) -> u128 {
    u128::from(v) * u128::from(v)
}

/// Adds the vectors of units that are inside.
fn add<C: Copy + Into<i128>>(cells: &[C], fraction: u32, complete: Complete<'_>, outside: &[bool], sums: &mut [i128]) {
    for (range, _) in complete.ranges().zip(outside).filter(|(_, outside)| !**outside) {
        for (&group, &v) in complete.groups[range.clone()].iter().zip(&cells[range]) {
            debug_assert_ne!(group, NO_GROUP);
            sums[group as usize] += v.into() << fraction;
        }
    }
}
