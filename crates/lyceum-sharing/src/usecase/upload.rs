//! One table of a draft: byte stream → encrypted spool → decode → validate → pseudonymise → sorted files → report.
//!
//! The same bytes for the same table give the same report, without being read again. Nothing is visible to anyone
//! else before [`super::datasets::publish`].

mod arriving;
mod decode;
mod parent;
mod report;
mod spooled;

use super::datasets;
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Error, Result};
use crate::model::{PopulationRecord, TableFiles};
use crate::port::SpoolReader;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_anonymize::validate::{ParentUnits, Validator};
use lyceum_query::layout::{self, LayoutOptions};
use lyceum_schema::id::VersionId;
use lyceum_schema::manifest::{PrivacyUnit, Table};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Batches that may wait between validation and sorting.
const BATCHES_IN_FLIGHT: usize = 4;
/// How long the rest of a refused upload is read, and dropped.
const LINGER: Duration = Duration::from_secs(5);

/// The body of an upload ended with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenOff;

/// Receives, checks and stages one table of a draft.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::State`] unless the version is a draft,
/// [`Error::UploadTooLarge`], [`Error::UploadInterrupted`], [`Error::Unreadable`] for a file that is not what the
/// manifest says, storage. Single bad rows are no error: the report counts them.
pub async fn table(
    app: &Arc<App>,
    actor: &Actor,
    dataset: &DatasetName,
    version: VersionId,
    name: &TableName,
    body: impl Stream<Item = std::result::Result<Bytes, BrokenOff>> + Send + 'static,
) -> Result<wire::ValidationReport> {
    let (record, draft) = datasets::owned_draft(app, actor, dataset, version).await?;
    let manifest = crate::documents::manifest(&record)?;
    let table = manifest.table(name).ok_or_else(|| Error::not_found("table", name))?.clone();
    let key = pseudonym_key(app, &table).await?;
    parent::check_parent(&table, &draft)?;
    let _place = app.uploads.acquire().await.map_err(|_| Error::Internal)?;
    let mut body = Box::pin(body);
    let received = receive(app, body.as_mut()).await;
    let (spooled, sha256) = match received {
        Ok(received) => received,
        Err(error) => {
            // A connection that is closed while bytes arrive can lose the reply: read on for a moment.
            let rest = async move { while let Some(Ok(_)) = body.next().await {} };
            tokio::spawn(async { tokio::time::timeout(LINGER, rest).await });
            return Err(error);
        }
    };
    if let Some(same) = draft.tables.iter().find(|t| t.table == *name && t.upload_sha256 == sha256) {
        return serde_json::from_str(&same.report).map_err(|_| Error::Internal);
    }
    parent::check_children(&manifest, name, &draft)?;
    // Everything is here now: a client that goes away must not leave files half-written.
    let app = Arc::clone(app);
    let staging = tokio::spawn(async move {
        let parent = parent::units(&app, &manifest, version, &table).await?;
        stage(&app, version, table, (key, parent), spooled, sha256).await
    });
    staging.await.map_err(|_| Error::Internal)?
}

async fn receive(
    app: &App,
    mut body: Pin<&mut (impl Stream<Item = std::result::Result<Bytes, BrokenOff>> + Send)>,
) -> Result<(Box<dyn SpoolReader>, [u8; 32])> {
    let limit_bytes = app.config.max_upload_bytes;
    let mut spool = app.spool.create().await?;
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    let mut watch = arriving::Watch::default();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|BrokenOff| Error::UploadInterrupted)?;
        size = size.saturating_add(chunk.len() as u64);
        if size > limit_bytes {
            return Err(Error::UploadTooLarge { limit_bytes });
        }
        watch.look(&chunk)?;
        hash.update(&chunk);
        spool.write(chunk).await?;
    }
    Ok((spool.finish().await?, hash.finalize().into()))
}

async fn stage(
    app: &App,
    version: VersionId,
    table: Table,
    (key, parent): (PseudonymKey, Option<ParentUnits>),
    spooled: Box<dyn SpoolReader>,
    sha256: [u8; 32],
) -> Result<wire::ValidationReport> {
    let bytes = spooled.size();
    let attempt = uuid_text();
    let options = LayoutOptions {
        prefix: Path::from_iter(["versions", &version.to_string(), table.name().as_str(), &attempt]),
        memory_bytes: app.config.ingest_memory_bytes,
        spill_directory: app.config.ingest_spill_directory.clone(),
        sample_key: random()?,
    };
    let validator = Validator::new(&table, key, parent).map_err(|e| decode::unusable(&e))?;
    let (sender, rows) = layout::channel(BATCHES_IN_FLIGHT);
    let decoded_table = table.clone();
    let decoding = tokio::task::spawn_blocking(move || decode::run(spooled, &decoded_table, validator, &sender));
    let written = layout::write_table(&table, rows, Arc::clone(&app.objects), &options).await;
    // The decoder's error is the cause, the layout's only its consequence.
    let mut found = match decoding.await.map_err(|_| Error::Internal)? {
        Ok(found) => found,
        Err(decode::Stopped::File(error)) => return Err(error),
        Err(decode::Stopped::NobodyListens) => return Err(written.err().map_or(Error::Internal, Into::into)),
    };
    let written = written?;
    found.capped_rows = written.stats.capped_rows;
    let report = report::describe(&table, bytes, &found);
    let files = TableFiles {
        table: table.name().clone(),
        files: written.files,
        report: serde_json::to_string(&report).map_err(|_| Error::Internal)?,
        upload_sha256: sha256,
    };
    let replaced = app.datasets.version(version).await?.map(|v| v.tables).unwrap_or_default();
    app.datasets.put_table(version, files).await?;
    for old in replaced.iter().filter(|t| t.table == *table.name()).flat_map(|t| &t.files) {
        // Whatever is not deleted now is deleted at the next start.
        let _ = app.objects.delete(&Path::from(old.path.as_str())).await;
    }
    Ok(report)
}

/// The key that turns this table's units into ids: the population's where a unit is a value, so that uploads join;
/// a fresh one where each row is a unit.
async fn pseudonym_key(app: &App, table: &Table) -> Result<PseudonymKey> {
    match table.unit() {
        PrivacyUnit::Column(_) | PrivacyUnit::ForeignKey { .. } => {
            let name = table.population().ok_or(Error::Internal)?;
            let population: PopulationRecord =
                app.ledger.population(name).await?.ok_or_else(|| Error::not_found("population", name))?;
            Ok(PseudonymKey::new(app.keys.population_key(population.id).await?.0))
        }
        PrivacyUnit::Row | PrivacyUnit::None => Ok(PseudonymKey::new(random()?)),
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

/// A name that no other upload of the same table has.
fn uuid_text() -> String {
    VersionId::generate().to_string()
}
