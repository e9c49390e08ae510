//! Sorting by unit with DataFusion's external sort, in a runtime of its own: memory pool, spill directory.

use super::cap::{RANK_COLUMN, Ranker};
use super::{InputFailed, LayoutError, LayoutOptions};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::config::SpillCompression;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows sorted by unit, then rank; the rank is the last column.
pub(super) struct Sorted {
    stream: SendableRecordBatchStream,
    fault: Arc<Fault>,
}

impl Sorted {
    pub(super) async fn next(&mut self) -> Option<Result<RecordBatch, LayoutError>> {
        let item = self.stream.next().await?;
        Some(item.map_err(|e| self.fault.take().unwrap_or_else(|| LayoutError::sort(&e))))
    }
}

/// Sorts a stream of stored batches.
pub(super) fn sorted<S>(rows: S, schema: &SchemaRef, options: &LayoutOptions) -> Result<Sorted, LayoutError>
where
    S: Stream<Item = Result<RecordBatch, InputFailed>> + Send + 'static,
{
    let fields = schema.fields().iter().map(|f| f.as_ref().clone());
    let rank = Field::new(RANK_COLUMN, DataType::UInt64, false);
    let ranked: SchemaRef = Arc::new(Schema::new(fields.chain([rank]).collect::<Vec<_>>()));
    let ranker = Ranker::new(schema, ranked.clone(), options.sample_key).map_err(|_| LayoutError::Schema)?;

    let fault = Arc::new(Fault::default());
    let (noted, expected) = (fault.clone(), schema.clone());
    let input = rows.map(move |item| {
        let ranked = match item {
            Err(InputFailed) => Err(LayoutError::Aborted),
            Ok(batch) if batch.schema_ref() != &expected => Err(LayoutError::Schema),
            Ok(batch) => ranker.rank(&batch).map_err(|_| LayoutError::Sort),
        };
        // DataFusion's error type carries text only, so the reason travels beside it.
        ranked.map_err(|e| noted.note(e))
    });
    let input: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(ranked.clone(), input));

    let last = ranked.fields().len() - 1;
    let by = |name: &str, index: usize| {
        let options = SortOptions { descending: false, nulls_first: false };
        PhysicalSortExpr::new(Arc::new(Column::new(name, index)), options)
    };
    let order =
        LexOrdering::new([by(crate::catalog::UNIT_COLUMN, 0), by(RANK_COLUMN, last)]).ok_or(LayoutError::Sort)?;
    let source = Arc::new(Once { schema: ranked.clone(), stream: Mutex::new(Some(input)) });
    let source = StreamingTableExec::try_new(ranked, vec![source], None, [], false, None);
    let source = source.map_err(|e| LayoutError::sort(&e))?;
    let sort = SortExec::new(order, Arc::new(source));
    let stream = sort.execute(0, context(options)?).map_err(|e| LayoutError::sort(&e))?;
    Ok(Sorted { stream, fault })
}

fn context(options: &LayoutOptions) -> Result<Arc<TaskContext>, LayoutError> {
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![options.spill_directory.clone()]))
        .with_max_temp_directory_size(u64::MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(|e| LayoutError::sort(&e))?;
    let mut config = SessionConfig::new();
    let execution = &mut config.options_mut().execution;
    // What the final merge is sure to get; the default of 10 MiB would eat a small pool.
    execution.sort_spill_reservation_bytes = (options.memory_bytes / 8).min(10 << 20);
    execution.spill_compression = SpillCompression::Lz4Frame;
    Ok(Arc::new(TaskContext::default().with_session_config(config).with_runtime(runtime)))
}

/// The first fault of the input, kept beside the stream.
#[derive(Default)]
struct Fault(AtomicU8);

impl Fault {
    fn note(&self, error: LayoutError) -> DataFusionError {
        self.0.store(
            match error {
                LayoutError::Aborted => 1,
                LayoutError::Schema => 2,
                _ => 3,
            },
            Ordering::SeqCst,
        );
        DataFusionError::Execution("the input failed".into())
    }

    fn take(&self) -> Option<LayoutError> {
        match self.0.load(Ordering::SeqCst) {
            1 => Some(LayoutError::Aborted),
            2 => Some(LayoutError::Schema),
            3 => Some(LayoutError::Sort),
            _ => None,
        }
    }
}

/// A stream as a partition that can be read once.
struct Once {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        stream.unwrap_or_else(|| Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), futures::stream::empty())))
    }
}
