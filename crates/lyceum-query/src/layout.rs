//! How releases are stored: Parquet files sorted by privacy unit and split at unit boundaries, so that bounding
//! each unit's contribution is one streaming pass, and how the engine scans them.
//!
//! [`write_table`] sorts accepted rows (spilling to disk under a memory limit), enforces `max_rows_per_unit` by a
//! keyed sample, cuts the files at fixed split points of the 64-bit id space, and reads the files back to verify
//! all that before it returns. [`provider()`] declares the layout to DataFusion, statistics withheld.
//!
//! The split points depend on the manifest alone: equal ranges, a power of two of them, so that the scans of any
//! two tables can be brought to the same ranges and joins on the unit need no shuffle.

mod cap;
mod encoding;
mod error;
mod ordinal;
mod provider;
mod ranges;
mod sort;
mod stored_file;
mod verify;
mod write;

use crate::catalog::{DataFile, UNIT_COLUMN};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use futures::Stream;
use lyceum_schema::manifest::{DataType, PrivacyUnit, Table};
use object_store::ObjectStore;
use object_store::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

pub use error::LayoutError;
pub(crate) use ordinal::ORDINAL_COLUMN;
pub(crate) use provider::{UnitBytes, Units, provider_of};
pub use provider::{partitions, provider};
pub use stored_file::StoredFile;

/// How to write one table.
pub struct LayoutOptions {
    /// Where files are staged in the object store, e.g. `versions/<id>/<table>`. Nothing else may write there.
    pub prefix: Path,
    /// Memory that sorting may use, in bytes, at least 4 MiB to be useful; beyond it rows are spilled.
    pub memory_bytes: usize,
    /// Local directory for spilled rows, in the clear: keep it on tmpfs or an encrypted disk.
    pub spill_directory: PathBuf,
    /// Fresh random key of this version: decides which rows of a unit beyond the cap are kept.
    pub sample_key: [u8; 16],
}

/// The files of a table, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTable {
    /// The files, by rising unit range (for public tables: in the order of the rows).
    pub files: Vec<DataFile>,
    /// Counts of raw data: for the owner's report only.
    pub stats: LayoutStats,
}

/// Counts of raw data: for the owner's report only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayoutStats {
    /// Rows stored.
    pub rows: u64,
    /// Distinct privacy units; 0 for public tables.
    pub units: u64,
    /// Rows left out because their unit has more than `max_rows_per_unit`.
    pub capped_rows: u64,
}

/// The producer of rows gave up; its own error says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputFailed;

/// A bounded channel of accepted batches: its receiving end is what [`write_table`] reads. Drop the sender to end
/// the table, send [`InputFailed`] to abort it.
pub fn channel(
    batches: usize,
) -> (
    tokio::sync::mpsc::Sender<Result<RecordBatch, InputFailed>>,
    impl Stream<Item = Result<RecordBatch, InputFailed>> + Send + 'static,
) {
    let (sender, receiver) = tokio::sync::mpsc::channel(batches.max(1));
    let stream = futures::stream::unfold(receiver, |mut r| async move { r.recv().await.map(|item| (item, r)) });
    (sender, stream)
}

/// Writes the rows of one table as sorted, split and verified files under `options.prefix`.
///
/// Batches have [`stored_schema`], in any order. Which rows the cap keeps depends on the unit's own rows and the
/// key only. Memory is about `options.memory_bytes` plus one row group. On an error everything staged is deleted;
/// when the future is dropped half-way, what lies under the prefix is garbage.
///
/// # Errors
/// [`LayoutError`]: the input was aborted or has another schema, storage failed or is full, the memory limit is
/// too small, or the files read back are not as they should be.
pub async fn write_table<S>(
    table: &Table,
    rows: S,
    store: Arc<dyn ObjectStore>,
    options: &LayoutOptions,
) -> Result<WrittenTable, LayoutError>
where
    S: Stream<Item = Result<RecordBatch, InputFailed>> + Send + 'static,
{
    let schema = stored_schema(table);
    let mut writer = write::Writer::new(table, schema.clone(), store.clone(), options.prefix.clone());
    let outcome = async {
        if *table.unit() == PrivacyUnit::None {
            stored_as_they_come(&mut writer, &schema, rows).await?;
        } else {
            let mut sorted = sort::sorted(rows, &schema, options)?;
            while let Some(batch) = sorted.next().await {
                writer.sorted(batch?).await?;
            }
        }
        let written = writer.finish().await?;
        verify::verify(table, &schema, &written, store.clone()).await?;
        Ok(written)
    }
    .await;
    if outcome.is_err() {
        writer.delete_staged().await;
    }
    outcome
}

/// Writes rows of a release's own, in the order in which they come, as files under `prefix`; reads them back to verify
/// them. Memory is about one row group. On an error everything staged is deleted; when the future is dropped half-way,
/// what lies under the prefix is garbage.
///
/// # Errors
/// [`LayoutError`]: the input was aborted or has another schema than `schema`, storage failed or is full, or the files
/// read back are not as they should be.
pub async fn write_rows<S>(
    schema: SchemaRef,
    rows: S,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
) -> Result<WrittenTable, LayoutError>
where
    S: Stream<Item = Result<RecordBatch, InputFailed>> + Send + 'static,
{
    let mut writer = write::Writer::of_rows(schema.clone(), store.clone(), prefix);
    let outcome = async {
        stored_as_they_come(&mut writer, &schema, rows).await?;
        let written = writer.finish().await?;
        verify::verify_rows(&schema, &written, store.clone()).await?;
        Ok(written)
    }
    .await;
    if outcome.is_err() {
        writer.delete_staged().await;
    }
    outcome
}

async fn stored_as_they_come<S>(writer: &mut write::Writer, schema: &SchemaRef, rows: S) -> Result<(), LayoutError>
where
    S: Stream<Item = Result<RecordBatch, InputFailed>> + Send + 'static,
{
    let mut rows = Box::pin(rows);
    while let Some(batch) = futures::StreamExt::next(&mut rows).await {
        let batch = batch.map_err(|InputFailed| LayoutError::Aborted)?;
        if batch.schema_ref() != schema {
            return Err(LayoutError::Schema);
        }
        writer.public(batch).await?;
    }
    Ok(())
}

/// The schema of stored files: `__unit` (UInt64, not null) unless the table is public, then the visible columns.
/// Timestamps are microseconds without a zone: the instants are UTC.
#[must_use]
pub fn stored_schema(table: &Table) -> SchemaRef {
    let unit = (*table.unit() != PrivacyUnit::None).then(|| Field::new(UNIT_COLUMN, ArrowType::UInt64, false));
    let visible =
        table.visible_columns().map(|c| Field::new(c.name().as_str(), arrow_type(c.data_type()), c.nullable()));
    Arc::new(Schema::new(unit.into_iter().chain(visible).collect::<Vec<_>>()))
}

const fn arrow_type(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Int32 => ArrowType::Int32,
        DataType::Int64 => ArrowType::Int64,
        DataType::Float64 => ArrowType::Float64,
        DataType::String => ArrowType::Utf8,
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, None),
    }
}
