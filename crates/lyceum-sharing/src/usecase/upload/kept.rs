//! Stored rows read back for the layout: those of a former version that a new one keeps, and those that stay when people
//! opt out. Stored files hold no identifiers, and their rows passed validation.

use super::Target;
use crate::app::App;
use crate::error::{Error, Result};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use futures::StreamExt;
use lyceum_anonymize::validate::accepted_schema;
use lyceum_query::catalog::DataFile;
use lyceum_query::layout::{InputFailed, StoredFile};
use lyceum_schema::manifest::Table;
use lyceum_schema::state::VersionState;
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
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
    /// The files they are in.
    pub(super) fn files(&self) -> &[DataFile] {
        &self.files
    }

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
pub(crate) async fn feed(
    app: &App,
    table: &Table,
    files: &[DataFile],
    accepted: &Sender<std::result::Result<RecordBatch, InputFailed>>,
) -> Result<()> {
    for file in files {
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
    let reader = StoredFile::new(Arc::clone(&app.objects), file);
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
