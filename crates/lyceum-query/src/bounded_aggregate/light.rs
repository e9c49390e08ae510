//! Light units: those that are inside of every ball whatever groups their rows are in. Their rows are added to the
//! groups at once; nobody needs to know what the unit has in which group.
//!
//! Let x be the values of a unit's rows and v its vector over the groups. Then ‖v‖₂ ≤ ‖v‖₁ ≤ Σ|x|, so with Σ|x| ≤ R the
//! vector is inside, and bounding would leave it as it is. Where counts are summed, Σ|x| is the number of rows.

use super::accumulate::Rows;
use super::cells::largest;
use super::runs::Run;
use super::spec::BoundSpec;
use crate::barrier::Fold;
use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use datafusion::common::{Result, internal_err};

/// Rows next to each other often are in the same group; each of so many has a place of its own there, so that none
/// waits for the one before.
const LANES: usize = 4;
/// Groups up to which the lanes stay in the processor's caches.
const MAX_LANED: usize = 1 << 12;
/// Magnitude up to which values are summed in 64 bits.
const MAX_VALUE: u64 = 1 << 40;
/// Magnitude up to which sums are kept in 64 bits.
const MAX_SUM: u64 = 1 << 62;

/// The light units of a pass.
pub(super) struct Light {
    sums: Vec<LightSum>,
    lanes: usize,
    light: Vec<bool>,
    rows: Vec<Run>,
}

/// One measure.
struct LightSum {
    fold: Fold,
    /// Largest Σ|x| of a light unit: R, rounded down.
    limit: u64,
    /// By group, then lane.
    added: Vec<i64>,
    /// No sum is larger in magnitude.
    bound: u64,
}

impl Light {
    /// For sums over rows alone; `None` where it matters in which groups a unit is.
    pub(super) fn new(spec: &BoundSpec, groups: usize) -> Option<Self> {
        let sums_only =
            |m: &crate::barrier::Measure| matches!(m.fold, Fold::Rows | Fold::NonNull { .. } | Fold::Sum { .. });
        if spec.listed.is_none() || !spec.measures.iter().all(sums_only) {
            return None;
        }
        let lanes = if groups <= MAX_LANED { LANES } else { 1 };
        let finer = spec.measures.iter().zip(&spec.balls).zip(&spec.fraction_bits);
        let sums = finer.map(|((measure, ball), &fraction)| {
            // R² = L0·(C << fraction)²; rows are counted and summed in whole units.
            let limit = u64::try_from((ball.radius_squared() >> (2 * fraction)).isqrt()).unwrap_or(u64::MAX);
            LightSum { fold: measure.fold, limit, added: vec![0; groups * lanes], bound: 0 }
        });
        Some(Self { sums: sums.collect(), lanes, light: Vec::new(), rows: Vec::new() })
    }

    /// Adds the light units among `runs`, all of them whole, and takes them out. `sums` are by measure, then group, in
    /// units that are finer by `fraction_bits`.
    ///
    /// # Errors
    /// When a value column is not Int64.
    pub(super) fn take(
        &mut self,
        rows: &Rows<'_>,
        runs: &mut Vec<Run>,
        whole: std::ops::Range<usize>,
        sums: &mut [Vec<i128>],
        fraction_bits: &[u32],
    ) -> Result<()> {
        self.light.clear();
        self.light.resize(whole.len(), true);
        for sum in &self.sums {
            sum.mark(rows, &runs[whole.clone()], &mut self.light)?;
        }
        self.rows.clear();
        for (&run, _) in runs[whole.clone()].iter().zip(&self.light).filter(|(_, light)| **light) {
            match self.rows.last_mut().and_then(|last| Some((last.followed_by(run)?, last))) {
                Some((both, last)) => *last = both,
                None => self.rows.push(run),
            }
        }
        for ((sum, into), &fraction) in self.sums.iter_mut().zip(sums).zip(fraction_bits) {
            sum.add(rows, &self.rows, self.lanes, into, fraction)?;
        }
        let mut place = 0;
        runs.retain(|_| {
            let light = whole.contains(&place) && self.light.get(place - whole.start).copied().unwrap_or(false);
            place += 1;
            !light
        });
        Ok(())
    }

    /// Adds what it holds to the sums and forgets it.
    pub(super) fn empty(&mut self, sums: &mut [Vec<i128>], fraction_bits: &[u32]) {
        for ((sum, into), &fraction) in self.sums.iter_mut().zip(sums).zip(fraction_bits) {
            sum.empty(self.lanes, into, fraction);
        }
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        let added: usize = self.sums.iter().map(|s| 8 * s.added.capacity()).sum();
        added + self.light.capacity() + 8 * self.rows.capacity()
    }
}

impl LightSum {
    /// Unmarks units that may be outside of this measure's ball.
    fn mark(&self, rows: &Rows<'_>, runs: &[Run], light: &mut [bool]) -> Result<()> {
        let Fold::Sum { value } = self.fold else {
            for (run, light) in runs.iter().zip(light) {
                *light &= run.len() as u64 <= self.limit;
            }
            return Ok(());
        };
        let values = column(rows, value)?;
        if largest(values) > MAX_VALUE {
            light.fill(false);
            return Ok(());
        }
        for (run, light) in runs.iter().zip(light).filter(|(_, light)| **light) {
            // Values under NULLs count, too. A batch has fewer than 2²³ rows or isn't light.
            let sum: u64 = values.values()[run.rows()].iter().map(|v| v.unsigned_abs()).sum();
            *light = sum <= self.limit && run.len() < 1 << 23;
        }
        Ok(())
    }

    fn add(&mut self, rows: &Rows<'_>, runs: &[Run], lanes: usize, into: &mut [i128], fraction: u32) -> Result<()> {
        let most = match self.fold {
            Fold::Sum { value } => largest(column(rows, value)?),
            _ => 1,
        };
        let more = most.saturating_mul(rows.groups.len() as u64);
        if self.bound.saturating_add(more) > MAX_SUM {
            self.empty(lanes, into, fraction);
        }
        self.bound = self.bound.saturating_add(more);
        match self.fold {
            Fold::Sum { value } => {
                let values = column(rows, value)?;
                match values.nulls() {
                    None => self.add_each(rows.groups, runs, lanes, |row| values.values()[row]),
                    Some(valid) => self.add_each(rows.groups, runs, lanes, |row| {
                        values.values()[row] & -i64::from(valid.is_valid(row))
                    }),
                }
            }
            Fold::NonNull { value } => match rows.batch.column(rows.first_value + value).nulls() {
                None => self.add_each(rows.groups, runs, lanes, |_| 1),
                Some(valid) => self.add_each(rows.groups, runs, lanes, |row| i64::from(valid.is_valid(row))),
            },
            Fold::Rows | Fold::Units | Fold::Leaves { .. } | Fold::Level { .. } | Fold::Distinct { .. } => {
                self.add_each(rows.groups, runs, lanes, |_| 1);
            }
        }
        Ok(())
    }

    fn add_each(&mut self, groups: &[u32], runs: &[Run], lanes: usize, value: impl Fn(usize) -> i64) {
        let last = lanes - 1;
        for run in runs {
            for (row, &group) in run.rows().zip(&groups[run.rows()]) {
                // Rows whose key is not declared are nowhere.
                if let Some(sum) = self.added.get_mut(group as usize * lanes + (row & last)) {
                    *sum += value(row);
                }
            }
        }
    }

    fn empty(&mut self, lanes: usize, into: &mut [i128], fraction: u32) {
        for (group, sum) in self.added.chunks_exact_mut(lanes).zip(into) {
            *sum += group.iter().map(|&v| i128::from(v)).sum::<i128>() << fraction;
            group.fill(0);
        }
        self.bound = 0;
    }
}

fn column<'a>(rows: &Rows<'a>, value: usize) -> Result<&'a Int64Array> {
    match rows.batch.column(rows.first_value + value).as_primitive_opt::<Int64Type>() {
        Some(column) => Ok(column),
        None => internal_err!("a value column is not Int64"),
    }
}
