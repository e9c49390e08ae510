//! Rows of a query over public tables, as they come.

use crate::failure::FinishError;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Rows of a query over public tables. Dropping it ends the query.
pub struct PublicRows {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
    /// How long a batch may take.
    limit: Duration,
    _place: OwnedSemaphorePermit,
}

impl PublicRows {
    pub(crate) fn new(stream: SendableRecordBatchStream, limit: Duration, place: OwnedSemaphorePermit) -> Self {
        Self { schema: stream.schema(), stream, limit, _place: place }
    }

    /// The columns.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch; `None` after the last. After an error nothing more comes.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, FinishError>> {
        let next = AssertUnwindSafe(self.stream.next()).catch_unwind();
        match tokio::time::timeout(self.limit, next).await {
            Ok(Ok(batch)) => batch.map(|b| b.map_err(|e| public_failed("run", &e))),
            Ok(Err(_)) => Some(Err(FinishError::Public { step: "panic" })),
            Err(_) => Some(Err(FinishError::Timeout { seconds: self.limit.as_secs() })),
        }
    }
}

/// The error for people; what happened is in the operator's log.
pub(crate) fn public_failed(step: &'static str, error: &DataFusionError) -> FinishError {
    tracing::warn!(stage = "public", step, error = %error, "query over public tables failed");
    FinishError::Public { step }
}
