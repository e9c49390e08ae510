//! Rows of a query over public tables, as they come. A task of their own reads them, one batch ahead of who takes them, and
//! gives the query's place up when nobody takes any: a client that stops reading doesn't keep others waiting.

use crate::failure::FinishError;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, channel};

/// `None` is the end: a channel that just closes is not one.
type Item = Option<Result<RecordBatch, FinishError>>;

/// Rows of a query over public tables. Dropping it ends the query.
pub struct PublicRows {
    schema: SchemaRef,
    items: Receiver<Item>,
    patience: Duration,
}

impl PublicRows {
    /// Starts reading: each batch has to come within `limit`, and to be taken within `patience`.
    pub(crate) fn new(
        mut stream: SendableRecordBatchStream,
        limit: Duration,
        patience: Duration,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let schema = stream.schema();
        let (sender, items) = channel(1);
        tokio::spawn(async move {
            let _place = place;
            loop {
                let item = next(&mut stream, limit).await;
                let last = !matches!(item, Some(Ok(_)));
                if sender.send_timeout(item, patience).await.is_err() || last {
                    return;
                }
            }
        });
        Self { schema, items, patience }
    }

    /// The columns.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch; `None` after the last. After an error nothing more comes.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, FinishError>> {
        let given_up = FinishError::Timeout { seconds: self.patience.as_secs() };
        self.items.recv().await.unwrap_or(Some(Err(given_up)))
    }
}

async fn next(stream: &mut SendableRecordBatchStream, limit: Duration) -> Item {
    let next = AssertUnwindSafe(stream.next()).catch_unwind();
    match tokio::time::timeout(limit, next).await {
        Ok(Ok(batch)) => batch.map(|b| b.map_err(|e| public_failed("run", &e))),
        Ok(Err(_)) => Some(Err(FinishError::Public { step: "panic" })),
        Err(_) => Some(Err(FinishError::Timeout { seconds: limit.as_secs() })),
    }
}

/// The error for people; what happened is in the operator's log.
pub(crate) fn public_failed(step: &'static str, error: &DataFusionError) -> FinishError {
    tracing::warn!(stage = "public", step, error = %error, "query over public tables failed");
    FinishError::Public { step }
}
