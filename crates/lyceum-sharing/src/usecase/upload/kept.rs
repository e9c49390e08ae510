//! Rows of a former version that a new one keeps: read from its stored files, which hold no identifiers and whose rows
//! passed validation, and laid out again together with what is new.

use super::Target;
use crate::app::App;
use crate::error::{Error, Result};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt};
use lyceum_anonymize::validate::accepted_schema;
use lyceum_query::catalog::DataFile;
use lyceum_query::layout::InputFailed;
use lyceum_schema::manifest::Table;
use lyceum_schema::state::VersionState;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// A table of a published version.
pub(crate) struct Former {
    /// The version's number.
    pub(crate) number: u32,
    /// What its upload hashed to.
    pub(crate) sha256: [u8; 32],
    files: Vec<DataFile>,
}

impl Former {
    /// Rows that are kept.
    pub(super) fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }
}

/// The table in the dataset's published version of this number.
///
/// # Errors
/// [`Error::NotFound`], [`Error::State`] unless it is published, storage.
pub(crate) async fn find(app: &App, target: &Target, number: u32) -> Result<Former> {
    let draft = app.datasets.version(target.version).await?.ok_or(Error::Internal)?;
    let versions = app.datasets.versions(draft.dataset).await?;
    let missing = || Error::not_found("version", number);
    let version = versions.into_iter().find(|v| v.number == number).ok_or_else(missing)?;
    if version.state != VersionState::Published {
        return Err(Error::state(format!("version {number} is not published"), "append to a published version"));
    }
    let table = version.tables.into_iter().find(|t| t.table == *target.table.name()).ok_or_else(missing)?;
    Ok(Former { number, sha256: table.upload_sha256, files: table.files })
}

/// Hands the stored rows to the layout. On an error the layout is told that the table is not complete.
pub(super) async fn feed(
    app: &App,
    table: &Table,
    former: &Former,
    accepted: &Sender<std::result::Result<RecordBatch, InputFailed>>,
) -> Result<()> {
    for file in &former.files {
        if let Err(error) = feed_file(app, table, file, accepted).await {
            let _ = accepted.send(Err(InputFailed)).await;
            return Err(error);
        }
    }
    Ok(())
}

async fn feed_file(
    app: &App,
    table: &Table,
    file: &DataFile,
    accepted: &Sender<std::result::Result<RecordBatch, InputFailed>>,
) -> Result<()> {
    let unreadable = |_| Error::Storage;
    let (objects, path) = (Arc::clone(&app.objects), Path::from(file.path.as_str()));
    let reader = StoredFile { objects, path, bytes: file.bytes };
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(unreadable)?;
    let schema = accepted_schema(table);
    let names = schema.fields().iter().map(|f| f.name().as_str());
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let mut rows = builder.with_projection(mask).build().map_err(unreadable)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(unreadable)?;
        let column = |field: &arrow::datatypes::Field| -> Result<ArrayRef> {
            let stored = batch.column_by_name(field.name()).ok_or(Error::Storage)?;
            cast(stored, field.data_type()).map_err(|_| Error::Storage)
        };
        let columns = schema.fields().iter().map(|f| column(f)).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|_| Error::Storage)?;
        // Nobody listens when the layout has failed; its own error says why.
        if accepted.send(Ok(batch)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Ranges of a stored file, read as they are needed.
struct StoredFile {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.objects.get_range(&self.path, range).map_err(|e| ParquetError::External(Box::new(e))).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let bytes = self.bytes;
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            reader.load_and_finish(self, bytes).await.map(Arc::new)
        }
        .boxed()
    }
}
