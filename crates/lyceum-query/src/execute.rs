//! Stage 6: runs what is *below* each barrier on the rows, the only stage that sees any. Whatever goes wrong is one
//! constant failure; what it was goes to the operator's log as a stage and a code, without engine texts, because those
//! quote cell values.

use crate::above::Above;
use crate::charge::{Charge, Charged};
use crate::config::EngineConfig;
use crate::departure::Departure;
use crate::exact::ExactGroups;
use crate::failure::ExecutionFailed;
use crate::noise::NoisePlan;
use crate::price::{PricedBarrier, PricedQuery};
use datafusion::common::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use datafusion::prelude::SessionConfig;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Exact groups with the payment for releasing them once. No `Debug`, no `Clone`.
pub struct Executed {
    /// By release of the query.
    pub(crate) groups: Vec<(ExactGroups, NoisePlan)>,
    pub(crate) charge: Charge,
    pub(crate) above: Above,
    pub(crate) departure: Departure,
}

impl Executed {
    /// The payment.
    #[must_use]
    pub const fn charge(&self) -> &Charge {
        &self.charge
    }
}

/// What the operator's log says about a failure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Memory or disk limits.
    Resources,
    /// The deadline.
    Deadline,
    /// The engine refused or failed.
    Engine,
    /// Files couldn't be read.
    Storage,
    /// Something panicked.
    Panic,
    /// No noise could be drawn.
    Noise,
}

impl Fault {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Deadline => "deadline",
            Self::Engine => "engine",
            Self::Storage => "storage",
            Self::Panic => "panic",
            Self::Noise => "noise",
        }
    }
}

/// Ends a charged query without an answer.
pub(crate) fn fail(stage: &'static str, fault: Fault, charge: &Charge, departure: Departure) -> ExecutionFailed {
    tracing::error!(stage, fault = fault.as_str(), query = %charge.query(), charge = %charge.id(), "charged query failed");
    ExecutionFailed { query: charge.query(), charge: charge.id(), departure }
}

/// Runs a paid query.
///
/// It waits for one of the engine's places, then runs for at most ten times the priced time (or the configured
/// timeout, if that is longer). Dropping the future stops the work; the charge stays.
///
/// # Errors
/// [`ExecutionFailed`], always the same text. Await its `leave` before telling anyone.
pub(crate) async fn execute(
    charged: Charged,
    config: &EngineConfig,
    places: &Semaphore,
) -> Result<Executed, ExecutionFailed> {
    let Charged { priced, charge } = charged;
    let departure = Departure::new(charge.since(), priced.priced_time());
    let Ok(_place) = places.acquire().await else { return Err(fail("execute", Fault::Engine, &charge, departure)) };
    let limit = priced.priced_time().saturating_mul(10).max(config.timeout);
    let PricedQuery { barriers, runtime, above, .. } = priced;
    let work = AssertUnwindSafe(run(barriers, runtime)).catch_unwind();
    match tokio::time::timeout_at(Instant::now() + limit, work).await {
        Ok(Ok(Ok(groups))) => Ok(Executed { groups, charge, above, departure }),
        Ok(Ok(Err(e))) => Err(fail("execute", fault(&e), &charge, departure)),
        // A failure like any other: it leaves at the priced time, too.
        Ok(Err(_)) => Err(fail("execute", Fault::Panic, &charge, departure)),
        Err(_) => Err(fail("execute", Fault::Deadline, &charge, departure)),
    }
}

/// The exact groups of every release, one after the other.
async fn run(
    barriers: Vec<PricedBarrier>,
    runtime: Arc<RuntimeEnv>,
) -> Result<Vec<(ExactGroups, NoisePlan)>, DataFusionError> {
    let mut groups = Vec::with_capacity(barriers.len());
    for PricedBarrier { spec, plan, noise, .. } in barriers {
        let batches = collect(plan, Arc::clone(&runtime)).await?;
        groups.push((ExactGroups::merge(&spec, &batches)?, noise));
    }
    Ok(groups)
}

async fn collect(
    plan: Arc<dyn ExecutionPlan>,
    runtime: Arc<RuntimeEnv>,
) -> Result<Vec<arrow::record_batch::RecordBatch>, DataFusionError> {
    let context = TaskContext::default().with_session_config(SessionConfig::new()).with_runtime(runtime);
    let partitions = collect_partitioned(plan, Arc::new(context)).await?;
    Ok(partitions.into_iter().flatten().collect())
}

fn fault(error: &DataFusionError) -> Fault {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => Fault::Resources,
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) | DataFusionError::ParquetError(_) => {
            Fault::Storage
        }
        DataFusionError::ExecutionJoin(_) => Fault::Panic,
        _ => Fault::Engine,
    }
}
