//! Cutting the sorted stream into Parquet files: one per occupied range, whole units in each, named by the
//! SHA-256 of their bytes. How columns are encoded is in [`super::encoding`].

use super::cap::{Cap, units};
use super::encoding::{portable, properties};
use super::ordinal::{Ordinals, file_schema};
use super::ranges::Ranges;
use super::{LayoutError, LayoutStats, WrittenTable};
use crate::catalog::DataFile;
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use lyceum_schema::manifest::{PrivacyUnit, Table};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::AsyncArrowWriter;
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt;

/// Rows per file of a public table.
const PUBLIC_FILE_ROWS: u64 = 1 << 20;

const WRITING: &str = "writing files";

/// Writes the files of one table.
pub(super) struct Writer {
    /// Columns that come in.
    schema: SchemaRef,
    /// Columns that are written.
    file_schema: SchemaRef,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    properties: WriterProperties,
    ranges: Ranges,
    ordinals: Ordinals,
    cap: Cap,
    open: Option<OpenFile>,
    files: Vec<DataFile>,
    /// Everything that was ever put into the store, for deleting it after a failure.
    staged: Vec<Path>,
}

struct OpenFile {
    writer: AsyncArrowWriter<HashingWriter>,
    seen: Arc<Mutex<Seen>>,
    path: Path,
    range: usize,
    rows: u64,
    unit_low: u64,
    unit_high: u64,
}

impl Writer {
    pub(super) fn new(table: &Table, schema: SchemaRef, store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        let private = *table.unit() != PrivacyUnit::None;
        let ranges = Ranges::of(table);
        Self {
            file_schema: if private { file_schema(&schema) } else { schema.clone() },
            schema,
            store,
            prefix,
            properties: properties(table),
            ranges,
            ordinals: Ordinals::new(ranges),
            cap: Cap::new(table.max_rows_per_unit()),
            open: None,
            files: Vec::new(),
            staged: Vec::new(),
        }
    }

    /// A writer of rows that are stored as they come, of any schema.
    pub(super) fn of_rows(schema: SchemaRef, store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        let ranges = Ranges::WHOLE;
        Self {
            file_schema: schema.clone(),
            schema,
            store,
            prefix,
            properties: portable(),
            ranges,
            ordinals: Ordinals::new(ranges),
            cap: Cap::new(u64::MAX),
            open: None,
            files: Vec::new(),
            staged: Vec::new(),
        }
    }

    /// The next batch of the sorted stream, rank last.
    pub(super) async fn sorted(&mut self, batch: RecordBatch) -> Result<(), LayoutError> {
        let stored: Vec<usize> = (0..self.schema.fields().len()).collect();
        let mut batch = batch.project(&stored).map_err(|_| LayoutError::Schema)?;
        if let Some(keep) = self.cap.keep(units(&batch).ok_or(LayoutError::Schema)?) {
            batch = filter_record_batch(&batch, &keep).map_err(|_| LayoutError::Encode)?;
        }
        let ids = units(&batch).ok_or(LayoutError::Schema)?.clone();
        let mut start = 0;
        while start < ids.len() {
            let range = self.ranges.index(ids.value(start));
            let length = ids.values()[start..].partition_point(|unit| self.ranges.index(*unit) == range);
            if self.open.as_ref().is_some_and(|f| f.range != range) {
                self.close().await?;
            }
            let (low, high) = (ids.value(start), ids.value(start + length - 1));
            let ordinals = self.ordinals.number(&ids.values()[start..start + length], range)?;
            let mut columns = batch.slice(start, length).columns().to_vec();
            columns.push(Arc::new(ordinals));
            let part = RecordBatch::try_new(self.file_schema.clone(), columns).map_err(|_| LayoutError::Encode)?;
            self.append(part, range, low, high).await?;
            start += length;
        }
        Ok(())
    }

    /// The next batch of a table that is stored as it comes.
    pub(super) async fn public(&mut self, batch: RecordBatch) -> Result<(), LayoutError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.append(batch, 0, 0, 0).await?;
        if self.open.as_ref().is_some_and(|f| f.rows >= PUBLIC_FILE_ROWS) {
            self.close().await?;
        }
        Ok(())
    }

    /// Closes the last file.
    pub(super) async fn finish(&mut self) -> Result<WrittenTable, LayoutError> {
        self.close().await?;
        let rows = self.files.iter().map(|f| f.rows).sum();
        let stats = LayoutStats { rows, units: self.cap.units, capped_rows: self.cap.capped_rows };
        Ok(WrittenTable { files: self.files.clone(), stats })
    }

    /// Deletes whatever was staged, as far as the store lets it.
    pub(super) async fn delete_staged(&mut self) {
        if let Some(file) = self.open.take() {
            // An upload in parts has to be given up before its path can be deleted.
            let _ = file.writer.into_inner().inner.abort().await;
        }
        for path in self.staged.drain(..) {
            // A path that was renamed away, or a store that is gone: nothing more can be done here.
            let _ = self.store.delete(&path).await;
        }
    }

    async fn append(&mut self, batch: RecordBatch, range: usize, low: u64, high: u64) -> Result<(), LayoutError> {
        if self.open.is_none() {
            let path = self.prefix.clone().join(format!("part-{:05}.tmp", self.files.len()));
            self.staged.push(path.clone());
            let seen = Arc::new(Mutex::new(Seen::default()));
            let sink = HashingWriter { inner: BufWriter::new(self.store.clone(), path.clone()), seen: seen.clone() };
            let writer = AsyncArrowWriter::try_new(sink, self.file_schema.clone(), Some(self.properties.clone()));
            let writer = writer.map_err(|e| failed(&e))?;
            self.open = Some(OpenFile { writer, seen, path, range, rows: 0, unit_low: low, unit_high: high });
        }
        if let Some(file) = &mut self.open {
            file.writer.write(&batch).await.map_err(|e| failed(&e))?;
            file.rows += batch.num_rows() as u64;
            file.unit_high = high;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), LayoutError> {
        let Some(mut file) = self.open.take() else { return Ok(()) };
        file.writer.finish().await.map_err(|e| failed(&e))?;
        let Seen { hash, bytes } = std::mem::take(&mut *file.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let path = self.prefix.clone().join(format!("{}.parquet", hex::encode(hash.finalize())));
        self.staged.push(path.clone());
        self.store.rename(&file.path, &path).await.map_err(|e| LayoutError::store(&e, WRITING))?;
        self.files.push(DataFile {
            path: path.to_string(),
            bytes,
            rows: file.rows,
            unit_low: file.unit_low,
            unit_high: file.unit_high,
        });
        Ok(())
    }
}

fn failed(error: &ParquetError) -> LayoutError {
    match error {
        ParquetError::External(source) => LayoutError::store(source.as_ref(), WRITING),
        _ => LayoutError::Encode,
    }
}

/// The bytes that went into a file so far.
#[derive(Default)]
struct Seen {
    hash: Sha256,
    bytes: u64,
}

/// Hashes the bytes on their way into the store.
struct HashingWriter {
    inner: BufWriter,
    seen: Arc<Mutex<Seen>>,
}

impl AsyncFileWriter for HashingWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, parquet::errors::Result<()>> {
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.hash.update(&bytes);
            seen.bytes += bytes.len() as u64;
        }
        self.inner.put(bytes).map_err(|e| ParquetError::External(Box::new(e))).boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, parquet::errors::Result<()>> {
        self.inner.shutdown().map_err(|e| ParquetError::External(Box::new(e))).boxed()
    }
}
