//! What a priced query tells people before anything is paid: certificate, price, predicted accuracy.

use super::{PricedBarrier, PricedQuery};
use crate::above::Described;
use crate::answer::ColumnKind;
use crate::barrier::Aggregate;
use crate::certify::Certificate;
use crate::noise::{CONFIDENCE, NoisePlan, SelectionPlan, Statistic, sigma};
use crate::released_table::{Origin, ReleasedTable};
use lyceum_privacy::accuracy;
use lyceum_privacy::histogram::TreeShape;
use lyceum_privacy::mechanism::MechanismCall;
use lyceum_privacy::selection;
use lyceum_privacy::{Budget, Delta, Rho};

/// What EXPLAIN PRIVACY prints. Static, free.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Explanation {
    /// Why it is private, from the output down to the scans.
    pub certificate: Certificate,
    /// What each account would be debited.
    pub price: Budget,
    /// ε if this were the only question ever asked.
    pub epsilon_alone: f64,
    /// δ at which `epsilon_alone` holds (selections come on top, see `price`).
    pub delta_conversion: f64,
    /// The releases that the query needs.
    pub releases: Vec<ExplainedRelease>,
    /// Every mechanism the release would call.
    pub mechanisms: Vec<ExplainedMechanism>,
    /// The output columns.
    pub columns: Vec<ExplainedColumn>,
    /// When the answer would leave after the charge, in milliseconds.
    pub priced_time_ms: u64,
}

/// One release of a query before it is paid for.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ExplainedRelease {
    /// L0.
    pub max_groups_contributed: u32,
    /// How many of the query's mechanisms are its own; they follow those of the releases before it.
    pub mechanisms: usize,
    /// How undeclared keys are selected.
    pub selection: Option<ExplainedSelection>,
    /// What bounding does to the numbers.
    pub bias: String,
    /// What may surprise.
    pub warnings: Vec<String>,
}

/// One mechanism of a release.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ExplainedMechanism {
    /// What it is for.
    pub what: String,
    /// L2 sensitivity in grid units.
    pub sensitivity: f64,
    /// σ of the discrete Gaussian in grid units.
    pub sigma: f64,
    /// What it costs.
    pub rho: Rho,
}

impl ExplainedMechanism {
    fn new(what: &str, call: &MechanismCall, unit: f64) -> Self {
        let (sensitivity, sigma) = (call.sensitivity.value * unit, sigma(call) * unit);
        Self { what: what.to_owned(), sensitivity, sigma, rho: call.rho() }
    }
}

/// An output column before it is paid for.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ExplainedColumn {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ColumnKind,
    /// Half-width of the 95 % noise interval, if it doesn't depend on the data.
    pub half_width: Option<f64>,
    /// The same in words.
    pub accuracy: String,
}

/// How undeclared keys would be selected.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ExplainedSelection {
    /// k: fewer units are never shown.
    pub minimum_group_size: u32,
    /// M: groups that one unit may count in.
    pub groups_kept: u32,
    /// Whether units in few groups weigh more (else each counts as one).
    pub weighted: bool,
    /// τ in units: what the units of a group come to, after noise, must reach this.
    pub threshold: f64,
    /// δ it costs.
    pub delta: Delta,
    /// The chance that a group is shown, by its size.
    pub chance_shown: Vec<ChanceShown>,
}

/// The chance that a group of so many units is shown.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ChanceShown {
    /// Units in the group.
    pub units: u64,
    /// If each of them is in as many groups as can count.
    pub least: f64,
    /// If all are in this group only.
    pub most: f64,
}

impl PricedQuery {
    /// Certificate, price and predicted accuracy, for people.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation {
            certificate: self.certificate.clone(),
            price: self.price,
            epsilon_alone: self.epsilon_alone,
            delta_conversion: self.population().delta_conversion,
            releases: self.barriers.iter().map(release).collect(),
            mechanisms: self.barriers.iter().flat_map(|b| mechanisms(&b.noise)).collect(),
            columns: self.above.columns(&self.above.branches()).into_iter().map(|c| self.column(c)).collect(),
            priced_time_ms: u64::try_from(self.priced_time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn column(&self, column: Described) -> ExplainedColumn {
        let Described { name, kind, aggregates } = column;
        let (half_width, accuracy) = match (kind, aggregates.as_slice()) {
            (ColumnKind::Measure, [only]) => self.predict(*only),
            (ColumnKind::Measure, several) => self.widest(several),
            (ColumnKind::Key, _) => (None, "exact: a declared or selected key".to_owned()),
            (ColumnKind::Derived, _) => {
                (None, "computed from noisy numbers; the answer carries an interval".to_owned())
            }
            (ColumnKind::Interval, _) => (None, "an end of an interval".to_owned()),
            (ColumnKind::NoInterval | ColumnKind::Exact, _) => {
                (None, "computed from noisy numbers in a way that has no interval".to_owned())
            }
        };
        ExplainedColumn { name, kind, half_width, accuracy }
    }

    /// A column that comes from several tables (grouping sets, a union): its widest interval.
    fn widest(&self, several: &[(usize, usize)]) -> (Option<f64>, String) {
        let widths: Option<Vec<f64>> = several.iter().map(|&a| self.predict(a).0).collect();
        match widths.map(|w| w.into_iter().fold(0.0, f64::max)) {
            Some(w) => (Some(w), format!("± {} or less", short(w))),
            None => (None, "differs from row to row; the answer carries an interval".to_owned()),
        }
    }

    /// Predicted half-width of an aggregate's 95 % noise interval, and the same in words.
    fn predict(&self, (table, aggregate): (usize, usize)) -> (Option<f64>, String) {
        let known = self.above.released.get(table).and_then(|t| Some((t, self.barriers.get(t.origin.barrier())?)));
        let Some((table, barrier)) = known else { return (None, String::new()) };
        let summed = cells_summed(table, barrier).sqrt();
        let width = |measure: usize| {
            let width = |c: &MechanismCall| accuracy::half_width(&c.mechanism, CONFIDENCE);
            barrier.noise.measures.get(measure).map_or(f64::INFINITY, width) * barrier.noise.unit(measure) * summed
        };
        match table.aggregates.get(aggregate) {
            Some(Aggregate::Count { measure }) => {
                let w = width(*measure);
                (Some(w), format!("± {} in every group", short(w)))
            }
            Some(Aggregate::Sum { measure, grid, .. }) => {
                let w = width(*measure) * grid.unit();
                (Some(w), format!("± {} in every group", short(w)))
            }
            Some(Aggregate::Average { sum, grid, .. }) => {
                // Near the centre the count's noise cancels; away from it the true value is closer to an end.
                let w = width(*sum) * grid.unit();
                (None, format!("about ± {} / n in a group of n rows", short(w)))
            }
            Some(Aggregate::Distinct { measure }) => {
                let w = width(*measure);
                (Some(w), format!("± {} in every group", short(w)))
            }
            Some(Aggregate::Quantile(quantile)) => {
                let level = |&m: &usize| Some(sigma(barrier.noise.measures.get(m)?) * barrier.noise.unit(m) * summed);
                let sigmas: Option<Vec<f64>> = quantile.levels.iter().map(level).collect();
                let shape = sigmas.and_then(|s| TreeShape::new(quantile.tops, quantile.branching, &s));
                let leaves = shape.as_ref().and_then(|s| s.nodes(s.depth() - 1)).unwrap_or(0);
                let ranks = shape.and_then(|s| s.rank_sigma(leaves / 2, quantile.q)).unwrap_or(f64::INFINITY);
                let step = short(quantile.step);
                (None, format!("within about {} ranks of the exact one, in steps of {step}", short(2.0 * ranks)))
            }
            Some(Aggregate::Moments(_)) => {
                (None, "its accuracy depends on the moments; the answer carries an interval".to_owned())
            }
            None => (None, String::new()),
        }
    }
}

/// How many noisy cells one cell of the table is the sum of.
fn cells_summed(table: &ReleasedTable, barrier: &PricedBarrier) -> f64 {
    match &table.origin {
        Origin::Barrier(_) => 1.0,
        Origin::RollUp { kept, .. } => {
            let left_out = barrier.barrier.keys.iter().enumerate().filter(|(i, _)| !kept.contains(i));
            left_out.map(|(_, k)| k.values.as_ref().map_or(1, Vec::len) as f64).product()
        }
    }
}

fn release(barrier: &PricedBarrier) -> ExplainedRelease {
    ExplainedRelease {
        max_groups_contributed: barrier.barrier.max_groups,
        mechanisms: mechanisms(&barrier.noise).len(),
        selection: barrier.noise.selection.as_ref().map(|s| explain_selection(s, &barrier.noise)),
        bias: barrier.barrier.bias.described(),
        warnings: barrier.barrier.warnings.clone(),
    }
}

fn mechanisms(noise: &NoisePlan) -> Vec<ExplainedMechanism> {
    let measures = noise.measures.iter().enumerate();
    let measures = measures.map(|(m, c)| ExplainedMechanism::new("aggregate", c, noise.unit(m)));
    let selection = noise.selection.as_ref();
    let own =
        selection.and_then(|s| if let Statistic::Weights(_, call) = &s.statistic { Some((s, call)) } else { None });
    let own =
        own.map(|(s, c)| ExplainedMechanism::new("weights of units per group", c, (-f64::from(s.fraction)).exp2()));
    let totals = selection.into_iter().flat_map(|s| s.totals.iter().enumerate());
    let totals = totals
        .filter_map(|(m, c)| Some(ExplainedMechanism::new("total for the other row", c.as_ref()?, noise.unit(m))));
    measures.chain(own).chain(totals).collect()
}

fn explain_selection(s: &SelectionPlan, noise: &NoisePlan) -> ExplainedSelection {
    let sigma = s.call(&noise.measures).map_or(f64::INFINITY, sigma);
    let in_units = sigma * (-f64::from(s.fraction)).exp2();
    let from = u64::from(s.minimum_group_size);
    let threshold = s.threshold_in_units().ceil().max(0.0) as u64;
    let sizes = [from, threshold / 2, threshold, threshold.saturating_add((3.0 * in_units) as u64), threshold * 2];
    let weighted = matches!(s.statistic, Statistic::Weights(..));
    let chance = |units: u64, groups: u32| {
        s.of_units(units, groups).map_or(0.0, |t| selection::passing_probability(t, s.threshold, sigma))
    };
    let mut sizes: Vec<u64> = sizes.into_iter().filter(|n| *n >= from).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let chance_shown = sizes
        .into_iter()
        .map(|units| ChanceShown { units, least: chance(units, s.kept_groups), most: chance(units, 1) })
        .collect();
    ExplainedSelection {
        minimum_group_size: s.minimum_group_size,
        groups_kept: s.kept_groups,
        weighted,
        threshold: s.threshold_in_units(),
        delta: s.delta,
        chance_shown,
    }
}

/// Three significant digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (2 - value.abs().log10().floor() as i32).max(0);
    format!("{value:.*}", usize::try_from(digits).unwrap_or(0))
}
