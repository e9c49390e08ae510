//! Stage 7: consumes exact groups and their payment, gives noisy groups. Synchronous, pure but for the noise source.
//!
//! [`ReleasedGroups`] are public from the moment they leave: they are stored as bytes, and every repeat and every
//! expression above the barriers is computed from them.

mod stored;

use crate::above::Above;
use crate::charge::Charge;
use crate::departure::Departure;
use crate::exact::ExactGroups;
use crate::execute::{Executed, Fault, fail};
use crate::failure::ExecutionFailed;
use crate::faults::{self, Fault as Planted};
use crate::noise::{NoisePlan, SelectionPlan, Statistic, sigma};
use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter;
use lyceum_privacy::mechanism::{ExactCells, Mechanism, NoiseError, NoiseSource};

/// Cells are limited to this before noise, so that noise can't wrap. Limiting moves no two neighbours further apart.
const CELL_LIMIT: i128 = 1 << 61;

/// The noisy groups of a query, by barrier. Public data.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleasedGroups(pub(crate) Vec<NoisyGroups>);

#[cfg(feature = "testing")]
impl ReleasedGroups {
    /// By release: the key columns of its groups and how many groups there are.
    pub fn keys(&self) -> impl Iterator<Item = (&[ArrayRef], usize)> {
        self.0.iter().map(|g| (g.keys.as_slice(), g.groups))
    }
}

/// The noisy groups of one barrier.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NoisyGroups {
    /// Key columns, in key order.
    pub(crate) keys: Vec<ArrayRef>,
    /// Number of groups.
    pub(crate) groups: usize,
    /// By measure: how many integers a group has.
    pub(crate) widths: Vec<usize>,
    /// By measure, then group, then number: noisy integers in grid units.
    pub(crate) cells: Vec<Vec<i64>>,
    /// By measure: σ in grid units.
    pub(crate) sigmas: Vec<f64>,
    /// What all groups not shown have together; undeclared keys only.
    pub(crate) other: Option<OtherCells>,
}

/// The `other` row: noisy totals minus the shown noisy cells.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct OtherCells {
    /// By measure; `None`: there is no such thing as a total of it.
    pub(crate) cells: Vec<Option<i64>>,
    /// By measure: σ of total and shown cells together.
    pub(crate) sigmas: Vec<f64>,
}

/// An answer that hasn't left yet.
pub struct Released {
    groups: ReleasedGroups,
    above: Above,
    charge: Charge,
    departure: Departure,
}

impl Released {
    /// The payment it was made with.
    #[must_use]
    pub const fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Waits for the priced time, then hands over what is public and what to do with it.
    pub async fn leave(self) -> (ReleasedGroups, Above, Charge) {
        self.departure.wait().await;
        (self.groups, self.above, self.charge)
    }
}

/// Adds noise to exact groups, once.
///
/// # Errors
/// [`ExecutionFailed`] when the noise source fails; the exact groups are gone then and the charge stays.
pub fn release(executed: Executed, noise: &dyn NoiseSource) -> Result<Released, ExecutionFailed> {
    let Executed { groups, charge, above, departure } = executed;
    let released =
        groups.into_iter().map(|(exact, plan)| (exact, weakened(plan))).map(|(exact, plan)| match &plan.selection {
            None => release_listed(exact, &plan, noise),
            Some(selection) => release_selected(exact, &plan, selection, noise),
        });
    match released.collect::<Result<Vec<_>, _>>() {
        Ok(groups) => Ok(Released { groups: ReleasedGroups(groups), above, charge, departure }),
        Err(_) => Err(fail("release", Fault::Noise, &charge, departure)),
    }
}

/// The plan itself, unless a test asks for half of the noise.
fn weakened(mut plan: NoisePlan) -> NoisePlan {
    if faults::on(Planted::SigmaHalved) {
        for call in &mut plan.measures {
            if let Mechanism::DiscreteGaussian { sigma } = &mut call.mechanism {
                *sigma /= 2.0;
            }
        }
    }
    plan
}

/// Declared keys: every cell of the product.
fn release_listed(exact: ExactGroups, plan: &NoisePlan, noise: &dyn NoiseSource) -> Result<NoisyGroups, NoiseError> {
    let somebody = 1 + exact.sums.iter().filter_map(|s| s.iter().rposition(|v| *v != 0)).max().unwrap_or(0);
    let calls = plan.measures.iter().zip(&plan.fraction_bits).zip(exact.sums);
    let noisy = calls.map(|((call, &fraction), sums)| Ok(on_grid(noise.add_noise(call, cells(sums))?, fraction)));
    let cells = noisy.collect::<Result<_, NoiseError>>()?;
    let sigmas = plan.sigmas();
    let (keys, groups, widths) = (exact.keys, exact.groups, exact.widths);
    let mut released = NoisyGroups { keys, groups, widths, cells, sigmas, other: None };
    if faults::on(Planted::EmptyGroupsDropped) {
        released.keys = released.keys.iter().map(|k| k.slice(0, somebody)).collect();
        released.cells.iter_mut().for_each(|c| c.truncate(somebody));
        released.groups = somebody;
    }
    Ok(released)
}

/// By group what is compared with τ; `None`: it has fewer than k units.
fn statistics(exact: &ExactGroups, selection: &SelectionPlan) -> Vec<Option<i128>> {
    let k = selection.minimum_group_size.max(1) - u32::from(faults::on(Planted::GroupSizeLow));
    let classes = exact.units.len() / exact.groups.max(1);
    let groups = exact.units.chunks_exact(classes.max(1)).enumerate();
    let statistic = |(group, units): (usize, &[u64])| {
        let raw = units.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
        if raw < u64::from(k) {
            return None;
        }
        match &selection.statistic {
            Statistic::Weights(weights, _) if faults::on(Planted::HeaviestCounted) => weights.statistic(units, 1),
            Statistic::Weights(weights, _) => weights.statistic(units, k),
            Statistic::Counted(measure) => exact.sums.get(*measure)?.get(group).map(|sum| limit(*sum)),
        }
    };
    groups.map(|group| statistic(group).map(i128::from)).collect()
}

/// Undeclared keys: groups with raw ≥ k units and a noisy statistic ≥ τ, and what is left over.
fn release_selected(
    exact: ExactGroups,
    plan: &NoisePlan,
    selection: &SelectionPlan,
    noise: &dyn NoiseSource,
) -> Result<NoisyGroups, NoiseError> {
    let statistics = statistics(&exact, selection);
    let candidate: Vec<bool> = statistics.iter().map(Option::is_some).collect();
    let counted = if let Statistic::Counted(measure) = selection.statistic { Some(measure) } else { None };
    let call = selection.call(&plan.measures).ok_or(NoiseError::Sensitivity)?;
    let noisy_statistics = noise.add_noise(call, cells(statistics.into_iter().flatten().collect()))?;
    let mut noisy = noisy_statistics.iter();
    let shown: Vec<bool> =
        candidate.iter().map(|&c| c && noisy.next().is_some_and(|&n| n >= selection.threshold)).collect();

    let mut released = Vec::with_capacity(plan.measures.len());
    let mut other = OtherCells { cells: Vec::new(), sigmas: Vec::new() };
    let count = shown.iter().filter(|s| **s).count();
    for (m, ((call, sums), total_call)) in plan.measures.iter().zip(exact.sums).zip(&selection.totals).enumerate() {
        let total = sums.iter().sum();
        let (width, fraction) = (exact.widths.get(m).copied().unwrap_or(1), plan.fraction(m));
        let noisy_cells = if counted == Some(m) {
            on_grid(noisy_statistics.iter().copied().filter(|&n| n >= selection.threshold).collect(), fraction)
        } else {
            on_grid(noise.add_noise(call, cells(keep(&sums, &shown, width)))?, fraction)
        };
        match total_call {
            Some(total_call) => {
                let total = on_grid(noise.add_noise(total_call, cells(vec![total]))?, fraction);
                let total = total.first().copied().unwrap_or(0);
                let left = noisy_cells.iter().fold(i128::from(total), |left, &v: &i64| left - i128::from(v));
                other.cells.push(Some(limit(left)));
                let variance = sigma(total_call).powi(2) + count as f64 * sigma(call).powi(2);
                other.sigmas.push(variance.sqrt() * plan.unit(m));
            }
            None => {
                other.cells.push(None);
                other.sigmas.push(0.0);
            }
        }
        released.push(noisy_cells);
    }
    let mask = BooleanArray::from(shown);
    // Only differing lengths could fail here, and both come from the same groups.
    let keys =
        exact.keys.iter().map(|k| filter(k, &mask)).collect::<Result<_, _>>().map_err(|_| NoiseError::Sampler)?;
    let sigmas = plan.sigmas();
    Ok(NoisyGroups { keys, groups: count, widths: exact.widths, cells: released, sigmas, other: Some(other) })
}

/// Noisy values back on the measure's grid, rounded to the nearest: post-processing.
fn on_grid(mut values: Vec<i64>, fraction: u32) -> Vec<i64> {
    if fraction > 0 {
        values.iter_mut().for_each(|v| *v = v.saturating_add(1 << (fraction - 1)) >> fraction);
    }
    values
}

/// Of each group that the mask keeps, its `width` values.
fn keep(values: &[i128], mask: &[bool], width: usize) -> Vec<i128> {
    values.chunks_exact(width.max(1)).zip(mask).filter(|(_, keep)| **keep).flat_map(|(v, _)| v).copied().collect()
}

fn cells(sums: Vec<i128>) -> ExactCells {
    ExactCells::new(sums.into_iter().map(limit).collect())
}

fn limit(v: i128) -> i64 {
    i64::try_from(v.clamp(-CELL_LIMIT, CELL_LIMIT)).unwrap_or(0)
}
