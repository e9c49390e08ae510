//! Stage 4: what a certified query costs and how wrong it will be, from static facts only; and the physical plans of
//! what is below its barriers, made with statistics withheld and checked.
//!
//! Each measure gets a discrete Gaussian mechanism ([`noise`](self::noise)); [`explain`] says it to people.

mod explain;
mod noise;

use crate::above::Above;
use crate::barrier::{Barrier, Source};
use crate::bounded_aggregate::spec::{BoundSpec, SamplingKey};
use crate::catalog::Population;
use crate::certify::{Certificate, CertifiedBarrier, CertifiedQuery};
use crate::config::EngineConfig;
use crate::departure::priced_time;
use crate::derive::{Asked, describe};
use crate::failure::PriceError;
use crate::faults::{self, Fault};
use crate::layout;
use crate::noise::NoisePlan;
use crate::physical::plan_below;
use crate::session;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::ExecutionPlan;
pub use explain::{
    ChanceShown, ExplainedColumn, ExplainedMechanism, ExplainedRelease, ExplainedSelection, Explanation,
};
use lyceum_privacy::accounting;
use lyceum_privacy::{Budget, Delta, Rho};
use lyceum_schema::id::QueryId;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// A query with its price, its physical plans and its predicted accuracy. Nothing was read, nothing was charged.
pub struct PricedQuery {
    pub(crate) query: QueryId,
    /// At least one.
    pub(crate) barriers: Vec<PricedBarrier>,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) above: Above,
    sources: Vec<Source>,
    population: Population,
    certificate: Certificate,
    price: Budget,
    epsilon_alone: f64,
    priced_time: Duration,
    request_key: [u8; 32],
    /// By barrier: what reuse knows of it.
    pub(crate) asked: Vec<Option<Asked>>,
    fresh: bool,
}

/// One release of a priced query.
pub(crate) struct PricedBarrier {
    pub(crate) barrier: Barrier,
    pub(crate) spec: Arc<BoundSpec>,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) noise: NoisePlan,
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
    /// The releases it reads, each once.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
    /// Whose root account is debited.
    #[must_use]
    pub const fn population(&self) -> &Population {
        &self.population
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
    let CertifiedQuery { barriers, released, above, certificate } = certified;
    let population = barriers.first().map(|b| b.barrier.population.clone());
    let population = population.ok_or(PriceError::Planning { step: "no release" })?;
    noise::check_delta(&population)?;
    let epsilon = noise::asked_epsilon(&barriers.iter().map(|b| &b.barrier).collect::<Vec<_>>())?;
    let query = QueryId::generate();
    let specs = barriers.iter().map(|b| Ok(Arc::new(BoundSpec::new(&b.barrier, SamplingKey::fresh()?)?)));
    let specs = specs.collect::<Result<Vec<_>, PriceError>>()?;
    let both: Vec<(&Barrier, &BoundSpec)> =
        barriers.iter().zip(&specs).map(|(b, spec)| (&b.barrier, spec.as_ref())).collect();
    let noise = noise::plans(&both, query, epsilon, &population)?;
    let paid = if faults::on(Fault::SecondReleaseFree) { 1 } else { noise.len() };
    let price = noise.iter().take(paid).map(noise::total).fold(Budget::ZERO, saturating);
    let asked = barriers.iter().zip(&noise).map(|(b, n)| describe(b, n, epsilon)).collect();
    let above = Above::new(above, released, &barriers.iter().map(|b| &b.barrier).zip(&noise).collect::<Vec<_>>());
    above.plannable().await?;
    let rows = barriers.iter().fold(0, |n: u64, b| n.saturating_add(b.work));
    let mut base = config.time_base;
    if faults::on(Fault::TimeFromRows) {
        let files = barriers.iter().flat_map(|b| &b.tables).flat_map(|t| &t.files);
        base += Duration::from_millis(files.map(|f| f.rows).sum());
    }
    let sources = each_once(barriers.iter().flat_map(|b| &b.barrier.sources))?;
    let mut priced = Vec::with_capacity(barriers.len());
    for ((certified, spec), noise) in barriers.into_iter().zip(specs).zip(noise) {
        let CertifiedBarrier { below, barrier, tables, .. } = certified;
        // More partitions than the layout has would be filled by a shuffle that it makes unnecessary.
        let partitions = layout::partitions(tables.iter().map(|t| &t.table), config.target_partitions);
        let state = session::data_session(partitions, Arc::clone(&runtime));
        let plan = plan_below(&state, below, Arc::clone(&spec)).await?;
        priced.push(PricedBarrier { barrier, spec, plan, noise });
    }
    Ok(PricedQuery {
        query,
        barriers: priced,
        runtime,
        above,
        sources,
        certificate,
        price,
        epsilon_alone: accounting::epsilon(price.rho, population.delta_conversion),
        population,
        priced_time: priced_time(base, rows, config.time_per_row, config.time_grid),
        request_key,
        asked,
        fresh,
    })
}

/// Sums prices, saturating upwards.
fn saturating(a: Budget, b: Budget) -> Budget {
    a.checked_add(b).unwrap_or(Budget { rho: Rho(u64::MAX), delta: Delta(u64::MAX) })
}

/// Each once, in the epochs of all.
fn each_once<'a>(all: impl Iterator<Item = &'a Source>) -> Result<Vec<Source>, PriceError> {
    let mut sources: Vec<Source> = Vec::new();
    for source in all {
        match sources.iter_mut().find(|s| s.release == source.release && s.table == source.table) {
            // The epochs of one table are of one length, so that both together are a set.
            Some(known) => {
                let both = known.epochs.union(&source.epochs);
                known.epochs = both.ok_or(PriceError::Planning { step: "epochs" })?;
            }
            None => sources.push(source.clone()),
        }
    }
    Ok(sources)
}

/// SHA-256 over everything that decides the distribution of the released groups, and nothing that is done above.
fn request_key(certified: &CertifiedQuery) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part("lyceum request 3");
    part(&certified.canonical());
    for b in certified.barriers.iter().map(|b| &b.barrier) {
        part(&format!(
            "{:?} {:?} {:?} {:?} {:?}",
            b.measures,
            b.max_groups,
            b.kept_groups,
            b.selection,
            b.epsilon.filter(|_| !faults::on(Fault::KeyWithoutEpsilon)).map(f64::to_bits)
        ));
        for source in &b.sources {
            part(&source.release.to_string());
            if !faults::on(Fault::KeyWithoutPolicy) {
                part(source.policy.canonical());
            }
        }
    }
    hash.finalize().into()
}
