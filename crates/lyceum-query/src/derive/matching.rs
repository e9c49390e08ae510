//! Whether a stored barrier's cells say everything that another barrier asks for, and which of them do.

use super::describe::Asked;
use super::descriptor::{Descriptor, FoldText, KeyText, MeasureText, Summed};
use super::narrow::allowed;
use crate::barrier::{Aggregate, Grid, Moment, Moments, Quantile};
use crate::released_table::Origin;

/// How a barrier's numbers are computed from a stored one's.
pub(super) struct Found {
    /// By asked key: the stored one.
    keys: Vec<usize>,
    /// By stored key: the positions in its list that take part; empty: all of every key.
    only: Vec<Vec<usize>>,
    /// Whether keys and rows are the same.
    whole: bool,
    /// By asked measure: the stored one that is the same.
    measures: Vec<Option<usize>>,
    /// By asked measure of an average's centred sum: the stored sum that isn't centred, and its grid.
    uncentred: Vec<Option<(usize, Grid)>>,
    /// How noisy the numbers are: Σ over measures of variance ÷ bound².
    pub(super) noise: f64,
    /// Of a new answer's noise, how many times as much the numbers have, at worst.
    pub(super) times: f64,
}

/// Finds the way, if there is one.
pub(super) fn matched(asked: &Asked, stored: &Descriptor) -> Option<Found> {
    let wanted = &asked.descriptor;
    let enough = stored.epsilon()? >= asked.epsilon;
    if !enough || wanted.minimum_group_size != stored.minimum_group_size {
        return None;
    }
    if !stored.conditions.iter().all(|c| wanted.conditions.contains(c)) {
        return None;
    }
    let more = wanted.conditions.iter().zip(&asked.conditions).filter(|(text, _)| !stored.conditions.contains(text));
    let more: Vec<_> = more.map(|(_, condition)| condition).collect();
    let same_keys = wanted.keys == stored.keys && more.is_empty();
    // Which groups of undeclared keys are shown was decided for these keys and rows, and for no others.
    if wanted.minimum_group_size.is_some() && !same_keys {
        return None;
    }
    let mut only: Vec<Vec<usize>> = Vec::new();
    for condition in more {
        let (key, positions) = allowed(condition, &asked.rows, &stored.keys)?;
        if only.is_empty() {
            only = stored.keys.iter().map(|k| Some((0..k.values.as_ref()?.len()).collect())).collect::<Option<_>>()?;
        }
        // Positions rise.
        only.get_mut(key)?.retain(|p| positions.binary_search(p).is_ok());
    }
    if only.iter().any(Vec::is_empty) {
        return None;
    }
    let keys = wanted.keys.iter().map(|key| place(key, &stored.keys, &only)).collect::<Option<Vec<_>>>()?;
    let whole = same_keys && keys.iter().enumerate().all(|(i, k)| i == *k);
    // Per unit at least as much counts as would of fewer groups; of the same groups, exactly as much.
    let same_groups = keys.len() == stored.keys.len() && only.is_empty();
    let counts =
        if same_groups { stored.max_groups == wanted.max_groups } else { stored.max_groups >= wanted.max_groups };
    let summed = if wanted.minimum_group_size.is_some() { 1.0 } else { cells_summed(stored, &keys, &only)? };
    if !counts {
        return None;
    }
    let mut found = Found { keys, only, whole, measures: Vec::new(), uncentred: Vec::new(), noise: 0.0, times: 0.0 };
    // Who is in several groups would be counted once for each.
    let adds_up = |m: &MeasureText| match m.what.fold {
        FoldText::Units => summed <= 1.0 || stored.max_groups <= 1,
        FoldText::Distinct => summed <= 1.0,
        FoldText::Rows | FoldText::NonNull | FoldText::Sum | FoldText::Leaves | FoldText::Level => true,
    };
    for measure in &wanted.measures {
        let same = |m: &MeasureText| m.what == measure.what && together(m) == together(measure) && adds_up(m);
        found.measures.push(stored.measures.iter().position(same));
    }
    found.uncentred = vec![None; wanted.measures.len()];
    asked.aggregates.iter().for_each(|a| found.average(a, wanted, stored));
    for aggregate in &asked.aggregates {
        let rewritten = found.rewrite(aggregate)?.measures();
        // An aggregate's first measure is its sum, or what else its noise is mostly from.
        if let (Some(own), Some(taken)) = (aggregate.measures().first(), rewritten.first()) {
            let (own, taken) = (wanted.measures.get(*own)?, stored.measures.get(*taken)?);
            found.times = found.times.max(summed.sqrt() * taken.noise() / own.noise());
        }
        for measure in rewritten {
            let m = stored.measures.get(measure)?;
            let most = m.what.low.unsigned_abs().max(m.what.high.unsigned_abs()).max(1) as f64;
            found.noise += summed * (m.sigma / most).powi(2);
        }
    }
    Some(found)
}

impl MeasureText {
    /// σ in SQL's unit.
    fn noise(&self) -> f64 {
        self.sigma * f64::from(self.what.fixed.map_or(0, |f| f.exponent)).exp2()
    }
}

/// Where a key stands among the stored ones, with the same list once that is narrowed.
fn place(key: &KeyText, stored: &[KeyText], only: &[Vec<usize>]) -> Option<usize> {
    let place = stored.iter().position(|k| k.expression == key.expression)?;
    let list = stored.get(place)?.values.as_ref();
    let narrowed = match only.get(place) {
        Some(only) => list.map(|l| only.iter().filter_map(|&i| l.get(i).cloned()).collect::<Vec<_>>()),
        None => list.cloned(),
    };
    (narrowed == key.values).then_some(place)
}

/// How many stored cells one asked cell is the sum of.
fn cells_summed(stored: &Descriptor, keys: &[usize], only: &[Vec<usize>]) -> Option<f64> {
    let mut cells = 1.0;
    for (i, key) in stored.keys.iter().enumerate().filter(|(i, _)| !keys.contains(i)) {
        cells *= only.get(i).map_or(key.values.as_ref()?.len(), Vec::len) as f64;
    }
    Some(cells)
}

/// The measures that are scaled with one, in an order that doesn't depend on the query's.
fn together(measure: &MeasureText) -> Vec<String> {
    let mut all: Vec<String> = measure.together.iter().map(|s| format!("{s:?}")).collect();
    all.sort_unstable();
    all
}

impl Found {
    /// An average is Σx ÷ n as well as centre + Σ(x − centre) ÷ n. With Σx and n released apart from each other, the
    /// first has the same two independent noises in it that the answer to SUM and COUNT has; subtracting centre × n
    /// from Σx would give the second, with noises that depend on each other.
    fn average(&mut self, aggregate: &Aggregate, wanted: &Descriptor, stored: &Descriptor) {
        let Aggregate::Average { sum, count, .. } = aggregate else { return };
        let (Some(asked_sum), Some(asked_count)) = (wanted.measures.get(*sum), wanted.measures.get(*count)) else {
            return;
        };
        let both = |m: &[Option<usize>]| m.get(*sum).copied().flatten().and(m.get(*count).copied().flatten()).is_some();
        if both(&self.measures) {
            return;
        }
        let alone = |m: &&MeasureText| m.together.is_empty();
        let find = |is: &dyn Fn(&Summed) -> bool| stored.measures.iter().position(|m| alone(&m) && is(&m.what));
        let sum_at = find(&|s| sums_the_same(s, &asked_sum.what, asked_count.what.high));
        let count_at = find(&|s| *s == asked_count.what);
        let (Some(sum_at), Some(count_at)) = (sum_at, count_at) else { return };
        let exponent = stored.measures.get(sum_at).and_then(|m| m.what.fixed).map_or(0, |f| f.exponent);
        if let Some(place) = self.uncentred.get_mut(*sum) {
            *place = Some((sum_at, Grid { exponent }));
        }
        if let Some(place) = self.measures.get_mut(*count) {
            *place = Some(count_at);
        }
    }

    /// An aggregate in terms of the stored measures.
    pub(super) fn rewrite(&self, aggregate: &Aggregate) -> Option<Aggregate> {
        let at = |measure: usize| self.measures.get(measure).copied().flatten();
        Some(match aggregate {
            Aggregate::Count { measure } => Aggregate::Count { measure: at(*measure)? },
            Aggregate::Sum { measure, grid, integer } => {
                Aggregate::Sum { measure: at(*measure)?, grid: *grid, integer: *integer }
            }
            &Aggregate::Average { sum, count, grid, centre, low, high } => {
                let count = at(count)?;
                match self.uncentred.get(sum).copied().flatten() {
                    Some((sum, grid)) => Aggregate::Average { sum, count, grid, centre: 0, low, high },
                    None => Aggregate::Average { sum: at(sum)?, count, grid, centre, low, high },
                }
            }
            Aggregate::Distinct { measure } => Aggregate::Distinct { measure: at(*measure)? },
            Aggregate::Quantile(quantile) => {
                let levels = quantile.levels.iter().map(|&l| at(l)).collect::<Option<_>>()?;
                Aggregate::Quantile(Quantile { levels, ..quantile.clone() })
            }
            Aggregate::Moments(m) => {
                let moment = |v: &Moment| {
                    let squares = match v.squares {
                        Some(squares) => Some(at(squares)?),
                        None => None,
                    };
                    Some(Moment { sum: at(v.sum)?, squares, ..v.clone() })
                };
                let y = match &m.y {
                    Some((y, product)) => Some((moment(y)?, at(*product)?)),
                    None => None,
                };
                Aggregate::Moments(Moments { count: at(m.count)?, x: moment(&m.x)?, y, statistic: m.statistic })
            }
        })
    }

    /// Where a table's numbers come from, given where they would have come from: `barrier` is the stored one's place.
    pub(super) fn origin(&self, barrier: usize, asked: &Origin) -> Option<Origin> {
        let kept = match asked {
            Origin::Barrier(_) if self.whole => return Some(Origin::Barrier(barrier)),
            Origin::Barrier(_) => self.keys.clone(),
            Origin::RollUp { kept, .. } => kept.iter().map(|&k| self.keys.get(k).copied()).collect::<Option<_>>()?,
        };
        Some(Origin::RollUp { barrier, kept, only: self.only.clone() })
    }

    /// Whether some average is a quotient of a sum and a count that were released apart.
    pub(super) fn divides(&self) -> bool {
        self.uncentred.iter().any(Option::is_some)
    }
}

/// Whether a stored sum is of the same values as a centred one of which a unit has at most `rows` rows in a group:
/// the same expression and filter, the same values however fine their grids, and the bounds that follow from both.
fn sums_the_same(stored: &Summed, centred: &Summed, rows: i64) -> bool {
    let (Some(s), Some(c)) = (stored.fixed, centred.fixed) else { return false };
    let both_sums = stored.fold == FoldText::Sum && centred.fold == FoldText::Sum;
    // Integers are on the grid of ones, and on every finer one.
    let finer = u32::try_from(s.exponent.saturating_sub(c.exponent)).ok().filter(|&n| n == 0 || s.exponent == 0);
    let Some(factor) = finer.and_then(|n| 1i128.checked_shl(n).filter(|f| *f > 0 && n < 63)) else { return false };
    let same_row = i128::from(s.low) * factor == i128::from(c.low) && i128::from(s.high) * factor == i128::from(c.high);
    let unclipped =
        stored.low == s.low.saturating_mul(rows).min(0) && stored.high == s.high.saturating_mul(rows).max(0);
    both_sums && stored.value == centred.value && s.centre == 0 && same_row && unclipped
}
