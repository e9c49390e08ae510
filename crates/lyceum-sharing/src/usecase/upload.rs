//! One table of a draft: byte stream → encrypted spool → decode → validate → pseudonymise → sorted files → report.
//!
//! The bytes come here in one request ([`table`]) or have come in several ([`super::resumable`]).
//! The same bytes for the same table give the same report, without being read again. Nothing is visible to anyone
//! else before [`super::datasets::publish`].

mod arriving;
mod claim;
mod decode;
pub(crate) mod kept;
mod parent;
mod report;
mod spooled;

pub(crate) use arriving::Watch as Arriving;
pub(crate) use claim::{Claim, Claims};
pub(crate) use kept::Former;

use super::datasets;
use super::exclusions::{self, Excluded};
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Error, Result};
use crate::model::{PopulationRecord, TableFiles};
use crate::port::SpoolReader;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_anonymize::validate::{ParentUnits, Validator};
use lyceum_query::layout::{self, InputFailed, LayoutOptions};
use lyceum_schema::id::VersionId;
use lyceum_schema::manifest::{Manifest, PrivacyUnit, Table};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Batches that may wait between validation and sorting.
pub(crate) const BATCHES_IN_FLIGHT: usize = 4;
/// Bytes that are sealed and written at a time.
const WRITE_BYTES: usize = 1 << 20;
/// How long the rest of a refused upload is read, and dropped.
pub(crate) const LINGER: Duration = Duration::from_secs(5);

/// The body of an upload ended with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenOff;

/// A table of a draft that rows are to come for.
pub(crate) struct Target {
    version: VersionId,
    manifest: Manifest,
    table: Table,
    key: PseudonymKey,
}

/// What was received for a table.
pub(crate) struct Received {
    /// Its files, in the order in which they are read.
    pub(crate) files: Vec<ReceivedFile>,
    /// What they hash to.
    pub(crate) sha256: [u8; 32],
    /// Rows of a published version that come before theirs.
    pub(crate) former: Option<Former>,
}

/// One received file.
pub(crate) struct ReceivedFile {
    /// Its bytes.
    pub(crate) reader: Box<dyn SpoolReader>,
    /// How it is to be read.
    pub(crate) options: wire::FileOptions,
}

impl Target {
    /// The table of a draft of the actor's own organisation, whose parent table, if it has one, is there.
    pub(crate) async fn find(
        app: &App,
        actor: &Actor,
        dataset: &DatasetName,
        version: VersionId,
        name: &TableName,
    ) -> Result<Self> {
        let (record, draft) = datasets::owned_draft(app, actor, dataset, version).await?;
        let manifest = crate::documents::manifest(&record)?;
        let table = manifest.table(name).ok_or_else(|| Error::not_found("table", name))?.clone();
        let key = pseudonym_key(app, &table).await?;
        parent::check_parent(&table, &draft)?;
        Ok(Self { version, manifest, table, key })
    }
}

/// Receives, checks and stages one table of a draft, sent as one file in one request.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::State`] unless the version is a draft, [`Error::TableBusy`]
/// while the same table is being uploaded, [`Error::UploadTooLarge`], [`Error::UploadInterrupted`],
/// [`Error::Unreadable`] for a file that is not what the manifest says, storage. Single bad rows are no error: the
/// report counts them.
pub async fn table(
    app: &Arc<App>,
    actor: &Actor,
    dataset: &DatasetName,
    version: VersionId,
    name: &TableName,
    options: wire::FileOptions,
    body: impl Stream<Item = std::result::Result<Bytes, BrokenOff>> + Send + 'static,
) -> Result<wire::ValidationReport> {
    let target = Target::find(app, actor, dataset, version, name).await?;
    let claim = app.claim(version, name)?;
    let mut body = Box::pin(body);
    let received = receive(app, &options, body.as_mut()).await;
    let (reader, sha256) = match received {
        Ok(received) => received,
        Err(error) => {
            // A connection that is closed while bytes arrive can lose the reply: read on for a moment.
            let rest = async move { while let Some(Ok(_)) = body.next().await {} };
            tokio::spawn(async { tokio::time::timeout(LINGER, rest).await });
            return Err(error);
        }
    };
    // Everything is here now: a client that goes away must not leave files half-written.
    let app = Arc::clone(app);
    let received = Received { files: vec![ReceivedFile { reader, options }], sha256, former: None };
    tokio::spawn(async move { make_table(&app, target, received, claim).await }).await.map_err(|_| Error::Internal)?
}

/// Checks and stages what was received, unless the same bytes are the table already.
pub(crate) async fn make_table(
    app: &App,
    target: Target,
    received: Received,
    _claim: Claim,
) -> Result<wire::ValidationReport> {
    let _place = app.uploads.acquire().await.map_err(|_| Error::Internal)?;
    let Target { version, manifest, table, key } = target;
    let draft = app.datasets.version(version).await?.ok_or_else(|| Error::not_found("version", version))?;
    if let Some(same) = draft.tables.iter().find(|t| t.table == *table.name() && t.upload_sha256 == received.sha256) {
        return serde_json::from_str(&same.report).map_err(|_| Error::Internal);
    }
    parent::check_children(&manifest, table.name(), &draft)?;
    let parent = parent::units(app, &manifest, version, &table).await?;
    let excluded = Excluded::of(app, draft.dataset, &table).await?;
    let report = stage(app, version, table.clone(), (key, parent), excluded.clone(), received).await?;
    exclusions::catch_up(app, draft.dataset, version, &table, excluded).await?;
    Ok(report)
}

async fn receive(
    app: &App,
    options: &wire::FileOptions,
    mut body: Pin<&mut (impl Stream<Item = std::result::Result<Bytes, BrokenOff>> + Send)>,
) -> Result<(Box<dyn SpoolReader>, [u8; 32])> {
    let limit_bytes = app.config.max_upload_bytes;
    let mut spool = app.spool.create().await?;
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    let mut watch = Arriving::new(options);
    let mut waiting = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|BrokenOff| Error::UploadInterrupted)?;
        size = size.saturating_add(chunk.len() as u64);
        if size > limit_bytes {
            return Err(Error::UploadTooLarge { limit_bytes });
        }
        watch.look(&chunk)?;
        hash.update(&chunk);
        waiting.extend_from_slice(&chunk);
        if waiting.len() >= WRITE_BYTES {
            spool.write(waiting.split().freeze()).await?;
        }
    }
    spool.write(waiting.freeze()).await?;
    Ok((spool.finish().await?, hash.finalize().into()))
}

async fn stage(
    app: &App,
    version: VersionId,
    table: Table,
    (key, parent): (PseudonymKey, Option<ParentUnits>),
    excluded: Excluded,
    received: Received,
) -> Result<wire::ValidationReport> {
    let Received { files, sha256, former } = received;
    let options = layout_options(app, version, &table)?;
    let validator = Validator::new(&table, key, parent).map_err(|e| decode::unusable(&e))?;
    let (sender, rows) = layout::channel(BATCHES_IN_FLIGHT);
    let rows = rows.map(move |rows| rows.and_then(|batch| excluded.filter(batch).ok_or(InputFailed)));
    let decoded_table = table.clone();
    let feeding = async {
        if let Some(former) = &former {
            kept::feed(app, &table, former.files(), &sender).await.map_err(decode::Stopped::File)?;
        }
        let decoding = tokio::task::spawn_blocking(move || decode::run(files, &decoded_table, validator, &sender));
        decoding.await.unwrap_or(Err(decode::Stopped::File(Error::Internal)))
    };
    let writing = layout::write_table(&table, rows, Arc::clone(&app.objects), &options);
    let (fed, written) = tokio::join!(feeding, writing);
    // The decoder's error is the cause, the layout's only its consequence.
    let (mut found, read) = match fed {
        Ok(found) => found,
        Err(decode::Stopped::File(error)) => return Err(error),
        Err(decode::Stopped::NobodyListens) => return Err(written.err().map_or(Error::Internal, Into::into)),
    };
    let written = written?;
    found.capped_rows = written.stats.capped_rows;
    let mut report = report::describe(&table, read, &found);
    if let Some(former) = &former {
        report::note_kept(&mut report, former, written.stats.rows);
    }
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

/// How files of a table are written, under a name that no other attempt has.
pub(crate) fn layout_options(app: &App, version: VersionId, table: &Table) -> Result<LayoutOptions> {
    let attempt = VersionId::generate().to_string();
    Ok(LayoutOptions {
        prefix: Path::from_iter(["versions", &version.to_string(), table.name().as_str(), &attempt]),
        memory_bytes: app.config.ingest_memory_bytes,
        spill_directory: app.config.ingest_spill_directory.clone(),
        sample_key: random()?,
    })
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
