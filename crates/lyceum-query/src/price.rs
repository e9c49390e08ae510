//! Stage 4: what a certified query costs and how wrong it will be, from static facts only.
//!
//! Each measure of the barrier gets a discrete Gaussian mechanism; ρ of the query is split so that the largest
//! σ ÷ bound is as small as can be. Undeclared keys add the unit counts that decide which groups are shown, and one
//! total per measure for the `other` row.

use crate::answer::ColumnKind;
use crate::barrier::{Aggregate, Barrier, Bias, Fold, KeySelection, Source};
use crate::bounded_aggregate::spec::{BoundSpec, SamplingKey};
use crate::catalog::Population;
use crate::certify::{Certificate, CertifiedQuery};
use crate::departure::priced_time;
use crate::engine::EngineConfig;
use crate::failure::PriceError;
use crate::finish::Above;
use crate::layout;
use crate::physical::plan_below;
use crate::session;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::ExecutionPlan;
use lyceum_privacy::accounting::{self, Share};
use lyceum_privacy::accuracy;
use lyceum_privacy::mechanism::{MIN_SCALE, Mechanism, MechanismCall, Norm, Sensitivity};
use lyceum_privacy::selection;
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::id::QueryId;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Confidence of predictions and of every interval that doesn't say otherwise.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// σ above this can't be told from no answer, and leaves too little room in 64 bits.
const MAX_SIGMA: f64 = (1u64 << 50) as f64;
/// How much less of ρ the `other` totals get than a measure: their error matters less.
const OTHER_WEIGHT: f64 = 0.25;

/// A query with its price, its physical plan and its predicted accuracy. Nothing was read, nothing was charged.
pub struct PricedQuery {
    pub(crate) query: QueryId,
    pub(crate) barrier: Barrier,
    pub(crate) spec: Arc<BoundSpec>,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) noise: NoisePlan,
    pub(crate) above: Above,
    certificate: Certificate,
    price: Budget,
    epsilon_alone: f64,
    priced_time: Duration,
    request_key: [u8; 32],
    fresh: bool,
}

/// Which mechanisms a release will call, in order.
#[derive(Debug, Clone)]
pub(crate) struct NoisePlan {
    /// One per measure, in units of its grid divided by 2 to the power of its fraction bits.
    pub(crate) measures: Vec<MechanismCall>,
    /// By measure: binary digits that exact and noisy values have beyond the measure's grid.
    pub(crate) fraction_bits: Vec<u32>,
    /// For undeclared keys.
    pub(crate) selection: Option<SelectionPlan>,
}

/// How undeclared keys are selected.
#[derive(Debug, Clone)]
pub(crate) struct SelectionPlan {
    /// The mechanism of the unit counts, or which measure already is one.
    pub(crate) units: Result<MechanismCall, usize>,
    /// One total per measure.
    pub(crate) totals: Vec<MechanismCall>,
    /// k.
    pub(crate) minimum_group_size: u32,
    /// τ.
    pub(crate) threshold: i64,
    /// δ of this selection.
    pub(crate) delta: Delta,
}

impl NoisePlan {
    /// What one unit of a measure's exact and noisy values is worth on the measure's grid.
    pub(crate) fn unit(&self, measure: usize) -> f64 {
        (-f64::from(self.fraction_bits.get(measure).copied().unwrap_or(0))).exp2()
    }
}

impl SelectionPlan {
    /// σ of the unit counts.
    pub(crate) fn units_sigma(&self, measures: &[MechanismCall]) -> f64 {
        let call = match &self.units {
            Ok(call) => Some(call),
            Err(measure) => measures.get(*measure),
        };
        call.map_or(f64::INFINITY, sigma)
    }
}

impl PricedQuery {
    /// The query's id.
    #[must_use]
    pub const fn query(&self) -> QueryId {
        self.query
    }
    /// Equal keys have equal answers' distributions: stored ones are given again for free (R9).
    #[must_use]
    pub const fn request_key(&self) -> [u8; 32] {
        self.request_key
    }
    /// What each account will be debited.
    #[must_use]
    pub const fn price(&self) -> Budget {
        self.price
    }
    /// ε if this were the only question ever asked, at the population's δ for conversions.
    #[must_use]
    pub const fn epsilon_alone(&self) -> f64 {
        self.epsilon_alone
    }
    /// The releases it reads.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.barrier.sources
    }
    /// Whose root account is debited.
    #[must_use]
    pub const fn population(&self) -> &Population {
        &self.barrier.population
    }
    /// When the answer will leave, counted from the charge.
    #[must_use]
    pub const fn priced_time(&self) -> Duration {
        self.priced_time
    }
    /// Whether OPTIONS asked to charge and draw anew although the answer is stored.
    #[must_use]
    pub const fn fresh(&self) -> bool {
        self.fresh
    }
    /// What happens to the released groups, for a stored answer that is given again.
    #[must_use]
    pub fn above(&self) -> Above {
        self.above.clone()
    }

    /// Certificate, price and predicted accuracy, for people.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let measures = self.noise.measures.iter().enumerate();
        let mechanisms = measures.map(|(m, c)| ExplainedMechanism::new("aggregate", c, self.noise.unit(m)));
        let selection = self.noise.selection.as_ref();
        let units = selection.and_then(|s| s.units.as_ref().ok());
        let units = units.map(|c| ExplainedMechanism::new("units per group", c, 1.0));
        let totals = selection.into_iter().flat_map(|s| &s.totals);
        let totals = totals.map(|c| ExplainedMechanism::new("total for the other row", c, 1.0));
        Explanation {
            certificate: self.certificate.clone(),
            price: self.price,
            epsilon_alone: self.epsilon_alone,
            delta_conversion: self.barrier.population.delta_conversion,
            max_groups_contributed: self.barrier.max_groups,
            mechanisms: mechanisms.chain(units).chain(totals).collect(),
            columns: self.explain_columns(),
            selection: selection.map(|s| self.explain_selection(s)),
            priced_time_ms: u64::try_from(self.priced_time.as_millis()).unwrap_or(u64::MAX),
            bias: match self.barrier.bias {
                Bias::None => "none: no unit can exceed its bounds".to_owned(),
                Bias::Unknown => "unknown: units above their bounds are scaled down or sampled".to_owned(),
            },
            warnings: self.barrier.warnings.clone(),
        }
    }

    fn explain_selection(&self, s: &SelectionPlan) -> ExplainedSelection {
        let sigma = s.units_sigma(&self.noise.measures);
        let from = u64::from(s.minimum_group_size);
        let threshold = u64::try_from(s.threshold).unwrap_or(u64::MAX);
        let sizes = [from, threshold, threshold.saturating_add((3.0 * sigma) as u64), threshold.saturating_mul(2)];
        let chance = |&m: &u64| (m, selection::shown_probability(m, s.minimum_group_size, s.threshold, sigma));
        ExplainedSelection {
            minimum_group_size: s.minimum_group_size,
            threshold: s.threshold,
            delta: s.delta,
            chance_shown: sizes.iter().map(chance).collect(),
        }
    }

    fn explain_columns(&self) -> Vec<ExplainedColumn> {
        self.above
            .columns()
            .into_iter()
            .map(|(name, kind, aggregate)| {
                let (half_width, accuracy) = match aggregate {
                    Some(a) => self.predict(a),
                    None => (
                        None,
                        match kind {
                            ColumnKind::Key => "exact: a declared or selected key".to_owned(),
                            ColumnKind::Derived => {
                                "computed from noisy numbers; the answer carries an interval".to_owned()
                            }
                            ColumnKind::Interval => "an end of an interval".to_owned(),
                            ColumnKind::Measure | ColumnKind::NoInterval | ColumnKind::Exact => {
                                "computed from noisy numbers in a way that has no interval".to_owned()
                            }
                        },
                    ),
                };
                ExplainedColumn { name, kind, half_width, accuracy }
            })
            .collect()
    }

    /// Predicted half-width of an aggregate's 95 % noise interval, and the same in words.
    fn predict(&self, aggregate: usize) -> (Option<f64>, String) {
        let width = |measure: usize| {
            let width = |c: &MechanismCall| accuracy::half_width(&c.mechanism, CONFIDENCE);
            self.noise.measures.get(measure).map_or(f64::INFINITY, width) * self.noise.unit(measure)
        };
        match self.barrier.aggregates.get(aggregate) {
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
            None => (None, String::new()),
        }
    }
}

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
    /// L0.
    pub max_groups_contributed: u32,
    /// Every mechanism the release would call.
    pub mechanisms: Vec<ExplainedMechanism>,
    /// The output columns.
    pub columns: Vec<ExplainedColumn>,
    /// How undeclared keys are selected.
    pub selection: Option<ExplainedSelection>,
    /// When the answer would leave after the charge, in milliseconds.
    pub priced_time_ms: u64,
    /// What bounding does to the answer.
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
    /// τ: the noisy number of units must reach this.
    pub threshold: i64,
    /// δ it costs.
    pub delta: Delta,
    /// The chance that a group of so many units is shown.
    pub chance_shown: Vec<(u64, f64)>,
}

/// Prices a certified query and plans it.
///
/// # Errors
/// [`PriceError`]: static, nothing was read or charged.
pub(crate) async fn price(
    certified: CertifiedQuery,
    fresh: bool,
    config: &EngineConfig,
    runtime: Arc<RuntimeEnv>,
) -> Result<PricedQuery, PriceError> {
    let request_key = request_key(&certified);
    let CertifiedQuery { below, barrier, above, tables, certificate, .. } = certified;
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fresh()?)?);
    let epsilon = asked_epsilon(&barrier)?;
    check_delta(&barrier.population)?;
    let query = QueryId::generate();
    let noise = noise_plan(&barrier, &spec, query, epsilon)?;
    let price = total(&noise);
    let epsilon_alone = accounting::epsilon(price.rho, barrier.population.delta_conversion);
    let rows = barrier.sources.iter().fold(0u64, |n, s| n.saturating_add(s.expected_rows));
    // More partitions than the layout has would be filled by a shuffle that it makes unnecessary.
    let partitions = layout::partitions(tables.iter().map(|t| &t.table), config.target_partitions);
    let state = session::data_session(partitions, Arc::clone(&runtime));
    let plan = plan_below(&state, below, Arc::clone(&spec)).await?;
    let above = Above::new(above, &barrier, &spec, &noise);
    let priced_time = priced_time(config.time_base, rows, config.time_per_row, config.time_grid);
    Ok(PricedQuery {
        query,
        barrier,
        spec,
        plan,
        runtime,
        noise,
        above,
        certificate,
        price,
        epsilon_alone,
        priced_time,
        request_key,
        fresh,
    })
}

/// σ of a call; every call of this module is Gaussian.
pub(crate) const fn sigma(call: &MechanismCall) -> f64 {
    match call.mechanism {
        Mechanism::DiscreteGaussian { sigma } => sigma,
        Mechanism::DiscreteLaplace { scale } => scale,
    }
}

/// SHA-256 over everything that decides the distribution of the released groups, and nothing that is done above.
fn request_key(certified: &CertifiedQuery) -> [u8; 32] {
    let b = &certified.barrier;
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part("lyceum request 1");
    part(&certified.canonical());
    part(&format!("{:?} {:?} {:?} {:?}", b.measures, b.max_groups, b.selection, b.epsilon.map(f64::to_bits)));
    for source in &b.sources {
        part(&source.release.to_string());
        part(source.policy.canonical());
    }
    hash.finalize().into()
}

/// ε asked for, or the smallest default; at most what the tightest policy allows.
fn asked_epsilon(barrier: &Barrier) -> Result<f64, PriceError> {
    let policies = || barrier.sources.iter().map(|s| (s, s.policy.privacy()));
    let smallest =
        |f: fn(&lyceum_schema::policy::DpPolicy) -> f64| policies().map(|(_, p)| f(p)).fold(f64::INFINITY, f64::min);
    let allowed = smallest(|p| p.max_epsilon_per_query);
    let asked = barrier.epsilon.unwrap_or_else(|| smallest(|p| p.default_epsilon_per_query));
    if asked > 0.0 && asked <= allowed && asked.is_finite() {
        return Ok(asked);
    }
    let table = policies().find(|(_, p)| p.max_epsilon_per_query <= allowed).map(|(s, _)| s.table.to_string());
    Err(PriceError::Epsilon { asked, allowed, table: table.unwrap_or_default() })
}

/// δ above one in ten units' chance would allow to publish people outright.
fn check_delta(population: &Population) -> Result<(), PriceError> {
    let delta = population.delta_conversion + population.delta_selection.as_f64();
    let limit = 0.1 / (population.declared_size.max(1) as f64);
    if delta > 0.0 && delta <= limit {
        return Ok(());
    }
    Err(PriceError::Delta { population: population.name.to_string(), delta, size: population.declared_size })
}

/// Mechanisms whose prices together are at most what ε allows.
fn noise_plan(barrier: &Barrier, spec: &BoundSpec, query: QueryId, epsilon: f64) -> Result<NoisePlan, PriceError> {
    let rho = accounting::rho_for(epsilon, barrier.population.delta_conversion);
    let l0 = f64::from(spec.max_groups);
    // Both the L2 ball and the box of L0 cells keep a unit within R = √L0·C.
    let radii: Vec<f64> = spec.balls.iter().map(|b| (b.radius_squared() as f64).sqrt().next_up().next_up()).collect();
    let cells: Vec<f64> = spec.balls.iter().map(|b| (b.cell() as f64).max(1.0)).collect();
    let mut shares: Vec<Share> =
        radii.iter().zip(&cells).map(|(&sensitivity, &scale)| Share { sensitivity, scale }).collect();

    let private = match barrier.selection {
        KeySelection::Public => None,
        KeySelection::Private { minimum_group_size } => Some(minimum_group_size),
    };
    let counted = spec.measures.iter().position(|m| m.fold == Fold::Units && m.low == 0 && m.high == 1);
    if private.is_some() {
        if counted.is_none() {
            shares.push(Share { sensitivity: l0.sqrt().next_up(), scale: 1.0 });
        }
        for (ball, cell) in spec.balls.iter().zip(&cells) {
            let sensitivity = (l0 * ball.cell() as f64).next_up();
            shares.push(Share { sensitivity, scale: cell * (l0 / OTHER_WEIGHT).sqrt() });
        }
    }

    let parts = accounting::split_rho(rho, &shares);
    let mut calls = Vec::with_capacity(shares.len());
    for (i, (share, part)) in shares.iter().zip(parts).enumerate() {
        // A measure that no unit can move costs nothing; it gets noise all the same, like any other.
        let sigma = if share.sensitivity > 0.0 { accounting::gaussian_sigma(share.sensitivity, part) } else { 1.0 };
        if !(MIN_SCALE..MAX_SIGMA).contains(&sigma) {
            return Err(PriceError::Scale { epsilon, measure: i });
        }
        calls.push(MechanismCall {
            query: query.as_uuid().as_u128(),
            measure: i as u32,
            mechanism: Mechanism::DiscreteGaussian { sigma },
            sensitivity: Sensitivity { norm: Norm::L2, value: share.sensitivity },
        });
    }
    let fraction_bits = spec.fraction_bits.clone();
    let Some(minimum_group_size) = private else {
        return Ok(NoisePlan { measures: calls, fraction_bits, selection: None });
    };
    let mut rest = calls.split_off(spec.measures.len());
    let units = match counted {
        Some(measure) => Err(measure),
        None => Ok(rest.remove(0)),
    };
    let delta = selection_delta(barrier);
    let mut plan = SelectionPlan { units, totals: rest, minimum_group_size, threshold: i64::MAX, delta };
    plan.threshold = selection::threshold(minimum_group_size, plan.units_sigma(&calls), spec.max_groups, delta);
    if plan.threshold == i64::MAX {
        return Err(PriceError::Threshold { delta: delta.as_f64() });
    }
    Ok(NoisePlan { measures: calls, fraction_bits, selection: Some(plan) })
}

/// The smallest share that a policy gives one query of the population's δ for selections.
fn selection_delta(barrier: &Barrier) -> Delta {
    let shares = barrier.sources.iter().map(|s| s.policy.privacy().selection_delta_share);
    let share = shares.fold(1.0, f64::min);
    Delta::round_down(share * barrier.population.delta_selection.as_f64())
}

/// Sum over all mechanisms, saturating upwards.
fn total(noise: &NoisePlan) -> Budget {
    let selection = noise.selection.as_ref();
    let extra = selection.into_iter().flat_map(|s| s.units.as_ref().ok().into_iter().chain(&s.totals));
    let calls = noise.measures.iter().chain(extra);
    let rho = calls.fold(Rho::ZERO, |sum, c| sum.checked_add(c.rho()).unwrap_or(Rho(u64::MAX)));
    Budget { rho, delta: selection.map_or(Delta::ZERO, |s| s.delta) }
}

/// Three significant digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (2 - value.abs().log10().floor() as i32).max(0);
    format!("{value:.*}", usize::try_from(digits).unwrap_or(0))
}
