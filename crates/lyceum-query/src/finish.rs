//! Stage 8: post-processing of released groups. Runs *above* in a session whose only tables are the released ones, then
//! attaches an interval to every number that can be followed to its noise. Nothing here is private, nothing is charged.

mod derived;
mod intervals;
mod numbers;
mod table;

pub use crate::above::Above;

use crate::answer::Answer;
use crate::failure::FinishError;
use crate::release::ReleasedGroups;
use crate::session;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::physical_plan::collect;
use futures::FutureExt;
use intervals::Finishing;
use numbers::Numbers;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// Memory of one post-processing, in bytes.
const MEMORY: usize = 256 << 20;
/// Longest post-processing.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Computes the answer from released groups. Deterministic: equal groups give equal answers, intervals included.
///
/// # Errors
/// [`FinishError`]; the released groups are not harmed and can be finished differently, for free.
pub async fn finish(above: Above, groups: &ReleasedGroups) -> Result<Answer, FinishError> {
    if groups.0.len() != above.barriers.len() {
        return Err(FinishError::Stored);
    }
    let runtime = session::runtime(MEMORY, None).map_err(step("runtime"))?;
    let state = session::finish_session(runtime);
    let numbers = Numbers::of(&above.released, &above.barriers, &groups.0)?;
    let released = numbers.iter().enumerate().map(|(i, n)| table::released(i, n)).collect::<Result<Vec<_>, _>>()?;
    let work = AssertUnwindSafe(run(&state, &above, released)).catch_unwind();
    let batch = match tokio::time::timeout(TIMEOUT, work).await {
        Ok(Ok(batch)) => batch.map_err(step("run"))?,
        Ok(Err(_)) => return Err(FinishError::Above { step: "run" }),
        Err(_) => return Err(FinishError::Timeout { seconds: TIMEOUT.as_secs() }),
    };
    Finishing::new(&state, &above, &numbers, &groups.0).answer(&batch)
}

/// Runs *above* over the released tables.
async fn run(state: &SessionState, above: &Above, released: Vec<RecordBatch>) -> Result<RecordBatch, DataFusionError> {
    let physical = above.planned(state, released).await?;
    let batches = collect(Arc::clone(&physical), state.task_ctx()).await?;
    let schema = batches.first().map_or_else(|| Arc::clone(above.plan.schema().inner()), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

fn step(step: &'static str) -> impl Fn(DataFusionError) -> FinishError {
    // The text may quote released numbers, which are public, but it is the engine's and not for people.
    move |e| {
        tracing::warn!(stage = "finish", step, error = %e, "post-processing failed");
        FinishError::Above { step }
    }
}
