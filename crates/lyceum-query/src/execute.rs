//! Stage 6: runs *below* on the rows, the only stage that sees any. Whatever goes wrong is one constant failure; what
//! it was goes to the operator's log as a stage and a code, without engine texts, because those quote cell values.

use crate::charge::{Charge, Charged};
use crate::departure::Departure;
use crate::engine::Engine;
use crate::exact::ExactGroups;
use crate::failure::ExecutionFailed;
use crate::finish::Above;
use crate::price::NoisePlan;
use datafusion::common::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use datafusion::prelude::SessionConfig;
use futures::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::time::Instant;

/// Exact groups with the payment for releasing them once. No `Debug`, no `Clone`.
pub struct Executed {
    pub(crate) groups: ExactGroups,
    pub(crate) charge: Charge,
    pub(crate) noise: NoisePlan,
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

impl Engine {
    /// Runs a paid query.
    ///
    /// It waits for one of the engine's places, then runs for at most ten times the priced time (or the configured
    /// timeout, if that is longer). Dropping the future stops the work; the charge stays.
    ///
    /// # Errors
    /// [`ExecutionFailed`], always the same text. Await its `leave` before telling anyone.
    pub async fn execute(&self, charged: Charged) -> Result<Executed, ExecutionFailed> {
        let Charged { priced, charge } = charged;
        let departure = Departure::new(charge.since(), priced.priced_time());
        let place = self.places().acquire().await;
        let Ok(_place) = place else { return Err(fail("execute", Fault::Engine, &charge, departure)) };
        let limit = priced.priced_time().saturating_mul(10).max(self.config().timeout);
        let partitions = collect(Arc::clone(&priced.plan), Arc::clone(&priced.runtime));
        let work = AssertUnwindSafe(partitions).catch_unwind();
        let batches = match tokio::time::timeout_at(Instant::now() + limit, work).await {
            Ok(Ok(Ok(batches))) => batches,
            Ok(Ok(Err(e))) => return Err(fail("execute", fault(&e), &charge, departure)),
            Ok(Err(_)) => return Err(fail("execute", Fault::Panic, &charge, departure)),
            Err(_) => return Err(fail("execute", Fault::Deadline, &charge, departure)),
        };
        match catch_unwind(AssertUnwindSafe(|| ExactGroups::merge(&priced.spec, &batches))) {
            Ok(Ok(groups)) => Ok(Executed { groups, charge, noise: priced.noise, above: priced.above, departure }),
            Ok(Err(_)) => Err(fail("execute", Fault::Engine, &charge, departure)),
            // A failure like any other: it leaves at the priced time, too.
            Err(_) => Err(fail("execute", Fault::Panic, &charge, departure)),
        }
    }
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
