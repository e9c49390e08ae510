//! The released numbers of one table: a barrier's noisy integers, or totals over them, and how far each may be off.

use crate::above::BarrierFacts;
use crate::barrier::{Aggregate, Grid, Moment, Moments, Quantile, Statistic};
use crate::failure::FinishError;
use crate::noise::CONFIDENCE;
use crate::release::NoisyGroups;
use crate::released_table::{Origin, ReleasedTable};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use lyceum_privacy::accuracy::{self, Estimate, GaussianRedraw, Interval, Noisy as Number, NoisyMoments, NoisyRatio};
use lyceum_privacy::histogram::{ConsistentTree, TreeShape};
use std::borrow::Cow;

/// The noisy integers of one row by measure, with σ by measure, in grid units.
pub(super) struct Noisy<'a> {
    pub(super) cells: Vec<Cow<'a, [i64]>>,
    pub(super) sigmas: &'a [f64],
}

/// The numbers of one released table.
pub(super) struct Numbers<'a> {
    pub(super) table: &'a ReleasedTable,
    pub(super) keys: Vec<ArrayRef>,
    pub(super) rows: usize,
    /// By measure, then row, then number.
    cells: Vec<Cow<'a, [i64]>>,
    /// By measure: how many numbers a row has.
    widths: &'a [usize],
    /// By measure: where its draws begin among those of a group.
    draws: Vec<u64>,
    /// How many draws a group takes.
    draws_per_group: u64,
    /// By measure.
    pub(super) sigmas: Vec<f64>,
    /// By measure: most that one unit adds to one row.
    pub(super) most: Vec<f64>,
    /// By row: the groups that it is the sum of; `None`: each row is a group.
    members: Option<Vec<Vec<u32>>>,
    /// The barrier's σ by measure.
    group_sigmas: &'a [f64],
    /// Where the barrier's draws begin: two tables of one barrier have the same noise.
    first_draw: u64,
}

impl<'a> Numbers<'a> {
    /// The numbers of every table that *above* reads.
    pub(super) fn of(
        released: &'a [ReleasedTable],
        barriers: &[BarrierFacts],
        groups: &'a [NoisyGroups],
    ) -> Result<Vec<Self>, FinishError> {
        let mut first_draws = Vec::with_capacity(groups.len());
        let mut draws = 0u64;
        for g in groups {
            first_draws.push(draws);
            // One more than there are groups: the `other` row has noise of its own.
            draws += (g.groups as u64 + 1) * g.widths.iter().sum::<usize>() as u64;
        }
        released
            .iter()
            .map(|table| {
                let barrier = table.origin.barrier();
                let known = groups.get(barrier).zip(barriers.get(barrier)).zip(first_draws.get(barrier));
                let ((groups, facts), first_draw) = known.ok_or(FinishError::Stored)?;
                let measures = table.aggregates.iter().flat_map(Aggregate::measures);
                let fits = groups.cells.len() == facts.most.len()
                    && groups.sigmas.len() == facts.most.len()
                    && groups.widths.len() == facts.most.len()
                    && groups.cells.iter().zip(&groups.widths).all(|(c, w)| c.len() == groups.groups * w)
                    && measures.max().is_none_or(|m| m < groups.cells.len());
                if fits { Self::new(table, facts, groups, *first_draw) } else { Err(FinishError::Stored) }
            })
            .collect()
    }

    fn new(
        table: &'a ReleasedTable,
        facts: &BarrierFacts,
        groups: &'a NoisyGroups,
        first_draw: u64,
    ) -> Result<Self, FinishError> {
        let most = facts.most.iter().map(|&m| m as f64);
        let draws = groups.widths.iter().scan(0, |next, w| {
            let first = *next;
            *next += *w as u64;
            Some(first)
        });
        let draws: Vec<u64> = draws.collect();
        let draws_per_group = groups.widths.iter().sum::<usize>() as u64;
        let Origin::RollUp { kept, only, .. } = &table.origin else {
            return Ok(Self {
                table,
                keys: groups.keys.clone(),
                rows: groups.groups,
                cells: groups.cells.iter().map(|c| Cow::Borrowed(c.as_slice())).collect(),
                widths: &groups.widths,
                draws,
                draws_per_group,
                sigmas: groups.sigmas.clone(),
                most: most.collect(),
                members: None,
                group_sigmas: &groups.sigmas,
                first_draw,
            });
        };
        let members = members(&facts.listed, kept, only, groups.groups).ok_or(FinishError::Stored)?;
        let first: Vec<u32> = members.iter().filter_map(|m| m.first().copied()).collect();
        let first = UInt32Array::from(first);
        let keys = kept.iter().map(|&k| take(groups.keys.get(k)?, &first, None).ok());
        let total = |(cells, &width): (&Vec<i64>, &usize)| {
            let sum = |(row, number): (&Vec<u32>, usize)| {
                row.iter().fold(0i64, |s, &g| s.saturating_add(value_at(cells, g as usize * width + number)))
            };
            Cow::Owned(members.iter().flat_map(|row| (0..width).map(move |n| (row, n))).map(sum).collect())
        };
        // Every total is over as many cells as any other.
        let summed = members.first().map_or(1, Vec::len) as f64;
        let groups_of_one_unit = if summed > 1.0 { f64::from(facts.max_groups) } else { 1.0 };
        Ok(Self {
            table,
            keys: keys.collect::<Option<_>>().ok_or(FinishError::Stored)?,
            rows: members.len(),
            cells: groups.cells.iter().zip(&groups.widths).map(total).collect(),
            widths: &groups.widths,
            draws,
            draws_per_group,
            sigmas: groups.sigmas.iter().map(|s| s * summed.sqrt()).collect(),
            most: most.map(|m| m * groups_of_one_unit).collect(),
            members: Some(members),
            group_sigmas: &groups.sigmas,
            first_draw,
        })
    }

    /// The numbers of a row; `None` if there is no such row.
    pub(super) fn row(&self, row: u32) -> Option<Noisy<'_>> {
        let row = row as usize;
        let of = |(c, &w): (&'_ Cow<'a, [i64]>, &usize)| Some(Cow::Owned(c.get(row * w..(row + 1) * w)?.to_vec()));
        let cells = self.cells.iter().zip(self.widths).map(of).collect::<Option<_>>()?;
        Some(Noisy { cells, sigmas: &self.sigmas })
    }

    /// How many numbers a row has.
    pub(super) const fn width(&self) -> u64 {
        self.draws_per_group
    }

    /// Integers that the row's released ones may stand for: the same draw for the same cell, in whatever table.
    pub(super) fn redrawn(&self, row: u32, stream: &GaussianRedraw, replicate: u32) -> Option<Noisy<'_>> {
        let own = [row];
        let groups = match &self.members {
            Some(members) => members.get(row as usize)?.as_slice(),
            None => &own,
        };
        let mut drawn = self.row(row)?;
        for (m, numbers) in drawn.cells.iter_mut().enumerate() {
            for (n, v) in numbers.to_mut().iter_mut().enumerate() {
                let noise = groups.iter().map(|&g| self.draw(m, n, g.into(), stream, replicate));
                *v = noise.fold(*v, i64::saturating_add);
            }
        }
        Some(drawn)
    }

    fn draw(&self, measure: usize, number: usize, group: u64, stream: &GaussianRedraw, replicate: u32) -> i64 {
        let first = self.draws.get(measure).copied().unwrap_or(0);
        let index = self.first_draw + group * self.draws_per_group + first + number as u64;
        let sigma = self.group_sigmas.get(measure).copied().unwrap_or(0.0);
        (sigma * stream.normal(replicate, index)).round() as i64
    }

    /// Integers that the `other` row's may stand for.
    pub(super) fn redrawn_other<'b>(&self, other: &Noisy<'b>, stream: &GaussianRedraw, replicate: u32) -> Noisy<'b> {
        let draws = self.first_draw + self.rows as u64 * self.draws_per_group;
        let cells = other.cells.iter().zip(other.sigmas).zip(&self.draws).map(|((v, sigma), first)| {
            let drawn =
                v.iter().map(|v| v.saturating_add((sigma * stream.normal(replicate, draws + first)).round() as i64));
            Cow::Owned(drawn.collect())
        });
        Noisy { cells: cells.collect(), sigmas: other.sigmas }
    }

    /// A number that depends on the released ones and nothing else: the same numbers have the same redraws.
    pub(super) fn seed(all: &[Self]) -> u64 {
        let cells = all.iter().flat_map(|n| n.cells.iter().flat_map(|c| c.iter()));
        cells.fold(0xcbf2_9ce4_8422_2325, |h, v| (h ^ v.cast_unsigned()).wrapping_mul(0x0100_0000_01b3).rotate_left(23))
    }
}

fn value_at(cells: &[i64], at: usize) -> i64 {
    cells.get(at).copied().unwrap_or(0)
}

/// By combination of the kept keys' values, in the order of `kept`: the groups of the declared product that have it.
/// Only groups count whose values stand in `only`, if it says something.
fn members(listed: &[usize], kept: &[usize], only: &[Vec<usize>], groups: usize) -> Option<Vec<Vec<u32>>> {
    if listed.iter().product::<usize>() != groups || !(only.is_empty() || only.len() == listed.len()) {
        return None;
    }
    // By key: where each value of its list stands among those that take part.
    let mut places = Vec::with_capacity(listed.len());
    for (key, &length) in listed.iter().enumerate() {
        let mut place: Vec<Option<usize>> =
            if only.is_empty() { (0..length).map(Some).collect() } else { vec![None; length] };
        for (i, &value) in only.get(key).into_iter().flatten().enumerate() {
            *place.get_mut(value)? = Some(i);
        }
        places.push(place);
    }
    let count = |key: usize| Some(places.get(key)?.iter().flatten().count());
    let rows = kept.iter().try_fold(1usize, |n, &k| Some(n * count(k)?))?;
    let counts = (0..listed.len()).map(count).collect::<Option<Vec<_>>>()?;
    let mut members = vec![Vec::new(); rows];
    for group in 0..groups {
        let mut rest = groups;
        let here = listed.iter().zip(&places).map(|(&length, place)| {
            rest /= length;
            place.get(group / rest % length).copied().flatten()
        });
        let Some(here) = here.collect::<Option<Vec<usize>>>() else { continue };
        let row = kept.iter().try_fold(0, |row, &k| Some(row * counts.get(k)? + here.get(k)?))?;
        members.get_mut(row)?.push(u32::try_from(group).ok()?);
    }
    Some(members)
}

impl Noisy<'_> {
    pub(super) fn cell(&self, measure: usize) -> i64 {
        self.number(measure).unwrap_or(0)
    }

    /// The number of a measure that has one; `None` in the `other` row of one that has no total.
    fn number(&self, measure: usize) -> Option<i64> {
        self.cells.get(measure)?.first().copied()
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
            Aggregate::Moments(moments) => self.estimate(moments, CONFIDENCE).map(|e| e.value),
            Aggregate::Distinct { measure } => Some(self.number(*measure)? as f64),
            Aggregate::Quantile(quantile) => quantile.value_at(self.tree(quantile)?.quantile(quantile.q)?),
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
            Aggregate::Moments(moments) => self.estimate(moments, confidence)?.interval?,
            Aggregate::Distinct { measure } => {
                self.number(*measure)?;
                sum(*measure, Grid { exponent: 0 })
            }
            Aggregate::Quantile(quantile) => {
                let tree = self.tree(quantile)?;
                tree.quantile(quantile.q)?;
                let Interval { low, high } = tree.quantile_interval(quantile.q, confidence);
                let (low, high) = quantile.interval(low, high);
                Interval { low, high }
            }
        }))
    }

    /// The histogram of a quantile, its levels made consistent.
    fn tree(&self, quantile: &Quantile) -> Option<ConsistentTree> {
        let sigmas: Vec<f64> = quantile.levels.iter().map(|&m| self.sigma(m)).collect();
        let shape = TreeShape::new(quantile.tops, quantile.branching, &sigmas)?;
        let level = |&m: &usize| Some(self.cells.get(m)?.iter().map(|&v| v as f64).collect());
        let levels = quantile.levels.iter().map(level).collect::<Option<Vec<Vec<f64>>>>()?;
        ConsistentTree::new(shape, &levels)
    }

    fn estimate(&self, moments: &Moments, confidence: f64) -> Option<Estimate> {
        let number = |measure: usize, unit: f64| Number {
            value: self.cell(measure) as f64 * unit,
            sigma: self.sigma(measure) * unit,
        };
        let none = Number { value: 0.0, sigma: 0.0 };
        let squares = |m: &Moment| m.squares.map_or(none, |s| number(s, m.grid.unit() * m.grid.unit()));
        let x = &moments.x;
        let y = moments.y.as_ref();
        let noisy = NoisyMoments {
            count: number(moments.count, 1.0),
            u: number(x.sum, x.grid.unit()),
            uu: squares(x),
            v: y.map_or(none, |(y, _)| number(y.sum, y.grid.unit())),
            vv: y.map_or(none, |(y, _)| squares(y)),
            uv: y.map_or(none, |(y, product)| number(*product, x.grid.unit() * y.grid.unit())),
        };
        let centre = |m: &Moment| m.centre as f64 * m.grid.unit();
        match moments.statistic {
            Statistic::Variance(divisor) => noisy.variance(divisor, x.width, confidence),
            Statistic::Deviation(divisor) => noisy.deviation(divisor, x.width, confidence),
            Statistic::Covariance(divisor) => noisy.covariance(divisor, (x.width, y?.0.width), confidence),
            Statistic::Correlation => noisy.correlation(confidence),
            Statistic::Slope => noisy.slope(confidence),
            Statistic::Intercept => {
                let up = centre(&y?.0);
                let Estimate { value, interval } = noisy.predicted(-centre(x), confidence)?;
                let interval = interval.map(|i| Interval { low: i.low + up, high: i.high + up });
                Some(Estimate { value: value + up, interval })
            }
        }
    }

    /// What covers the mean that the rows are a sample of. `most`: rows that one unit may add to the row.
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

fn ends(interval: Interval) -> (f64, f64) {
    (interval.low, interval.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_over_the_groups_with_the_same_kept_keys() {
        let all = |kept: &[usize], groups| members(&[2, 3], kept, &[], groups);
        assert_eq!(all(&[0], 6), Some(vec![vec![0, 1, 2], vec![3, 4, 5]]));
        assert_eq!(all(&[1], 6), Some(vec![vec![0, 3], vec![1, 4], vec![2, 5]]));
        assert_eq!(all(&[], 6), Some(vec![vec![0, 1, 2, 3, 4, 5]]));
        assert_eq!(all(&[0, 1], 6), Some((0..6).map(|g| vec![g]).collect()));
        assert_eq!(all(&[1, 0], 6), Some(vec![vec![0], vec![3], vec![1], vec![4], vec![2], vec![5]]));
        assert_eq!(all(&[0], 5), None);
    }

    #[test]
    fn totals_leave_out_what_the_conditions_leave_out() {
        let only = |taken: [&[usize]; 2], kept: &[usize]| members(&[2, 3], kept, &taken.map(<[usize]>::to_vec), 6);
        assert_eq!(only([&[0, 1], &[2]], &[0]), Some(vec![vec![2], vec![5]]));
        assert_eq!(only([&[1], &[0, 2]], &[1]), Some(vec![vec![3], vec![5]]));
        assert_eq!(only([&[1], &[0, 2]], &[]), Some(vec![vec![3, 5]]));
        assert_eq!(members(&[2, 3], &[0], &[vec![0]], 6), None);
    }
}
