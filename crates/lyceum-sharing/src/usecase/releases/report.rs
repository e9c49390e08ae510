//! The report on a release's own rows: what reviewers judge it by, bound to the rows' bytes and to the log by hashes.

use super::making::Generated;
use super::page;
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::{Error, Result};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::wire;
use std::sync::Arc;

/// What making the rows found out about them.
#[derive(Default)]
pub(super) struct Findings {
    /// What protects the people in it, and what doesn't.
    pub(super) statements: Vec<String>,
    /// Thresholds that don't hold.
    pub(super) broken: Vec<String>,
    /// Figures.
    pub(super) sections: Vec<wire::ReportSection>,
}

/// Writes the report.
pub(super) fn write(generated: &Generated) -> wire::ReleaseReport {
    let Generated { proposal, tables, findings } = generated;
    let tables = tables.iter().map(|t| wire::ReportedTable {
        name: t.table.table.clone(),
        rows: t.table.files.iter().map(|f| f.rows).sum(),
        columns: t.columns.clone(),
        files: t.table.files.iter().map(|f| hash_of(&f.path)).collect(),
    });
    wire::ReleaseReport {
        release: proposal.release.id,
        kind: proposal.release.kind,
        dataset: proposal.release.dataset_name.clone(),
        version: proposal.version,
        tables: tables.collect(),
        statements: findings.statements.clone(),
        findings: findings.broken.clone(),
        sections: findings.sections.clone(),
    }
}

/// A report, as it was written.
pub struct Report {
    /// The very bytes that the log's reference is of, after their salt.
    pub json: Vec<u8>,
    /// The same as a page for people: HTML without scripts.
    pub page: String,
}

/// The report on a release, for its owner and the workspace's reviewers.
///
/// # Errors
/// [`Error::NotFound`] also before there is one, [`Error::Forbidden`], storage.
pub async fn report(app: &App, actor: &Actor, id: ReleaseId) -> Result<Report> {
    let (workspace, release) = super::find(app, actor, Action::ReadReport, id).await?;
    super::check_partner_owns(app, actor, &workspace, &release).await?;
    let missing = || Error::not_found("report on release", id);
    let record = app.releases.release_report(id).await?.ok_or_else(missing)?;
    let json = app.log.artefact(&record.reference.0).await?.ok_or_else(missing)?.content;
    let read: wire::ReleaseReport = serde_json::from_slice(&json).map_err(|_| Error::Internal)?;
    Ok(Report { page: page::html(&read, &record), json })
}

/// Files are named by the SHA-256 of their bytes.
fn hash_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".parquet").unwrap_or(name).to_owned()
}

/// A schema as it is stored.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Vec<u8>> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema).map_err(|_| Error::Internal)?;
    writer.finish().map_err(|_| Error::Internal)?;
    writer.into_inner().map_err(|_| Error::Internal)
}

/// A schema as it was stored.
pub(crate) fn stored_schema(bytes: &[u8]) -> Result<SchemaRef> {
    let reader = StreamReader::try_new(bytes, None).map_err(|_| Error::Internal)?;
    Ok(Arc::clone(&reader.schema()))
}
