//! Chooses the noise: the query's ρ is split over all measures of all its releases so that the largest σ ÷ bound is as
//! small as can be. Undeclared keys add the weights of units that decide which groups are shown, unless the query counts units
//! anyway, and one total per measure for the `other` row.

use crate::barrier::{Barrier, Fold, KeySelection};
use crate::bounded_aggregate::bound::Ball;
use crate::bounded_aggregate::spec::BoundSpec;
use crate::catalog::Population;
use crate::failure::PriceError;
use crate::faults::{self, Fault};
use crate::noise::{NoisePlan, SelectionPlan, Statistic, sigma};
use lyceum_privacy::accounting::{self, Share};
use lyceum_privacy::mechanism::{MIN_SCALE, Mechanism, MechanismCall, Norm, Sensitivity};
use lyceum_privacy::selection::{self, FRACTION_BITS};
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::id::QueryId;
use lyceum_schema::policy::DpPolicy;

/// σ above this can't be told from no answer, and leaves too little room in 64 bits.
const MAX_SIGMA: f64 = (1u64 << 50) as f64;
/// How much less of ρ the `other` totals get than a measure: their error matters less.
const OTHER_WEIGHT: f64 = 0.25;

/// ε asked for, or the smallest default; at most what the tightest policy allows.
pub(super) fn asked_epsilon(barriers: &[&Barrier]) -> Result<f64, PriceError> {
    let policies = || barriers.iter().flat_map(|b| &b.sources).filter_map(|s| Some((s, s.policy.privacy()?)));
    let smallest = |f: fn(&DpPolicy) -> f64| policies().map(|(_, p)| f(p)).fold(f64::INFINITY, f64::min);
    let allowed = smallest(|p| p.max_epsilon_per_query);
    let asked = barriers.iter().find_map(|b| b.epsilon).unwrap_or_else(|| smallest(|p| p.default_epsilon_per_query));
    if asked > 0.0 && asked <= allowed && asked.is_finite() {
        return Ok(asked);
    }
    let table = policies().find(|(_, p)| p.max_epsilon_per_query <= allowed).map(|(s, _)| s.table.to_string());
    Err(PriceError::Epsilon { asked, allowed, table: table.unwrap_or_default() })
}

/// δ above one in ten units' chance would allow to publish people outright.
pub(super) fn check_delta(population: &Population) -> Result<(), PriceError> {
    let delta = population.delta_conversion + population.delta_selection.as_f64();
    let limit = 0.1 / (population.declared_size.max(1) as f64);
    if delta > 0.0 && delta <= limit {
        return Ok(());
    }
    Err(PriceError::Delta { population: population.name.to_string(), delta, size: population.declared_size })
}

/// Mechanisms whose prices together are at most what ε allows, by release.
pub(super) fn plans(
    releases: &[(&Barrier, &BoundSpec)],
    query: QueryId,
    epsilon: f64,
    population: &Population,
) -> Result<Vec<NoisePlan>, PriceError> {
    let rho = accounting::rho_for(epsilon, population.delta_conversion);
    let shares: Vec<Vec<Share>> = releases.iter().map(|(barrier, spec)| shares(barrier, spec)).collect();
    let all: Vec<Share> = shares.iter().flatten().copied().collect();
    let mut calls = Vec::with_capacity(all.len());
    for (i, (share, part)) in all.iter().zip(accounting::split_rho(rho, &all)).enumerate() {
        // A measure that no unit can move costs nothing; it gets noise all the same, like any other.
        let sigma = if share.sensitivity > 0.0 { accounting::gaussian_sigma(share.sensitivity, part) } else { 1.0 };
        if !(MIN_SCALE..MAX_SIGMA).contains(&sigma) {
            return Err(PriceError::Scale { epsilon, measure: i });
        }
        calls.push(MechanismCall {
            query: query.as_uuid().as_u128(),
            measure: u32::try_from(i).unwrap_or(u32::MAX),
            mechanism: Mechanism::DiscreteGaussian { sigma },
            sensitivity: Sensitivity { norm: Norm::L2, value: share.sensitivity },
        });
    }
    let selections = releases.iter().filter(|(b, _)| b.selection != KeySelection::Public).count();
    let mut plans = Vec::with_capacity(releases.len());
    for ((barrier, spec), shares) in releases.iter().zip(&shares) {
        let rest = calls.split_off(shares.len().min(calls.len()));
        plans.push(plan(barrier, spec, std::mem::replace(&mut calls, rest), selections)?);
    }
    Ok(plans)
}

/// The claims of one release on ρ: measures, then for undeclared keys the unit counts and the totals.
fn shares(barrier: &Barrier, spec: &BoundSpec) -> Vec<Share> {
    let cell = |c: u64| (c as f64).max(1.0);
    // A unit's vector is within R = √L0·C; different values are in at most L0 groups, C in each.
    let radius = |squared: u128| (squared as f64).sqrt().next_up().next_up();
    let measures = spec.balls.iter().map(|b| Share { sensitivity: radius(b.radius_squared()), scale: cell(b.cell()) });
    let mut shares: Vec<Share> = measures.collect();
    if barrier.selection != KeySelection::Public {
        if let (None, Some(weights)) = (counted(spec), &spec.weights) {
            shares.push(Share { sensitivity: weights.l2_sensitivity(), scale: f64::from(1u32 << FRACTION_BITS) });
        }
        // A vector of length R over M groups sums to at most √M·R.
        let kept = f64::from(spec.kept_groups);
        let most = |ball: &Ball| radius(ball.radius_squared()) * kept.sqrt().next_up();
        let totals = spec.balls.iter().zip(&spec.measures).filter(|(_, m)| m.fold.has_total());
        shares.extend(totals.map(|(ball, _)| Share {
            sensitivity:
                if faults::on(Fault::TotalForOneGroup) { radius(ball.radius_squared()) } else { most(ball) }.next_up(),
            scale: cell(ball.cell()) * (kept / OTHER_WEIGHT).sqrt(),
        }));
    }
    shares
}

/// The measure that counts units, if there is one: it decides which groups are shown, too.
fn counted(spec: &BoundSpec) -> Option<usize> {
    spec.measures.iter().position(|m| m.fold == Fold::Units && m.low == 0 && m.high == 1)
}

fn plan(
    barrier: &Barrier,
    spec: &BoundSpec,
    mut calls: Vec<MechanismCall>,
    selections: usize,
) -> Result<NoisePlan, PriceError> {
    let fraction_bits = spec.fraction_bits.clone();
    let KeySelection::Private { minimum_group_size } = barrier.selection else {
        return Ok(NoisePlan { measures: calls, fraction_bits, selection: None });
    };
    let mut rest = calls.split_off(spec.measures.len().min(calls.len()));
    let delta = selection_delta(barrier, selections);
    let (statistic, threshold, fraction) = match (counted(spec), &spec.weights) {
        (Some(measure), _) => {
            let fraction = fraction_bits.get(measure).copied().unwrap_or(0);
            let most = i64::from(minimum_group_size.max(1)) << fraction;
            let sigma = calls.get(measure).map_or(f64::INFINITY, sigma);
            let threshold = selection::threshold_above(most, sigma, spec.kept_groups, delta);
            (Statistic::Counted(measure), threshold, fraction)
        }
        (None, Some(weights)) if !rest.is_empty() => {
            let call = rest.remove(0);
            let weights = weights.clone();
            let threshold = weights.threshold(sigma(&call), delta);
            (Statistic::Weights(weights, call), threshold, FRACTION_BITS)
        }
        _ => return Err(PriceError::Planning { step: "unit counts" }),
    };
    if threshold == i64::MAX {
        return Err(PriceError::Threshold { delta: delta.as_f64() });
    }
    let lower = if faults::on(Fault::ThresholdLow) { 1 << fraction } else { 0 };
    let mut rest = rest.into_iter();
    let totals = spec.measures.iter().map(|m| if m.fold.has_total() { rest.next() } else { None }).collect();
    let selection = SelectionPlan {
        statistic,
        totals,
        minimum_group_size,
        max_groups: spec.max_groups,
        kept_groups: spec.kept_groups,
        threshold: threshold - lower,
        fraction,
        delta,
    };
    Ok(NoisePlan { measures: calls, fraction_bits, selection: Some(selection) })
}

/// The smallest share that a policy gives one query of the population's δ for selections, in equal parts.
fn selection_delta(barrier: &Barrier, selections: usize) -> Delta {
    let shares = barrier.sources.iter().map(|s| s.policy.privacy().map_or(0.0, |p| p.selection_delta_share));
    let share = shares.fold(1.0, f64::min) / selections.max(1) as f64;
    Delta::round_down(share * barrier.population.delta_selection.as_f64())
}

/// What a release costs: the sum over its mechanisms, saturating upwards.
pub(super) fn total(noise: &NoisePlan) -> Budget {
    let selection = noise.selection.as_ref();
    let extra = selection.into_iter().flat_map(|s| {
        let own = if let Statistic::Weights(_, call) = &s.statistic { Some(call) } else { None };
        own.into_iter().chain(s.totals.iter().flatten())
    });
    let calls = noise.measures.iter().chain(extra);
    let rho = calls.fold(Rho::ZERO, |sum, c| sum.checked_add(c.rho()).unwrap_or(Rho(u64::MAX)));
    Budget { rho, delta: selection.filter(|_| !faults::on(Fault::DeltaUncharged)).map_or(Delta::ZERO, |s| s.delta) }
}
