//! Resumable uploads: begin, append, look how far it is, give up; then one call makes a table of the received files.
//!
//! What has arrived rests sealed under a key of its own, which is destroyed when the files have become a table, when
//! the upload is given up, and a day after the last bytes came. How far an upload is, its sealed file says: a killed
//! server finds it again.

mod append;
mod assemble;
pub(crate) mod live;
mod sweep;

pub use append::{Append, Checksum};
pub use assemble::assemble;
pub(crate) use sweep::forget_all;
pub use sweep::{Swept, sweep};

use super::{authorise, datasets};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::{Action, acts_for};
use crate::error::{Error, Result};
use crate::model::UploadRecord;
use crate::port::PortError;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use lyceum_schema::id::{UploadId, VersionId};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::state::VersionState;
use lyceum_schema::time::Micros;
use lyceum_schema::wire::FileOptions;
use std::sync::Arc;

/// Most files of one table.
const MAX_PARTS: u32 = 10_000;

/// What a client wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// The dataset.
    pub dataset: DatasetName,
    /// The draft.
    pub version: VersionId,
    /// The table.
    pub table: TableName,
    /// Which of the table's files, from 1.
    pub part: u32,
    /// Bytes of the whole file.
    pub length: u64,
    /// SHA-256 of the whole file, if the client knows it.
    pub sha256: Option<[u8; 32]>,
    /// How the file is to be read.
    pub options: FileOptions,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The upload.
    pub id: UploadId,
    /// Bytes that are there for good.
    pub offset: u64,
    /// Bytes of the whole file.
    pub length: u64,
    /// When it will be given up, unless more comes.
    pub expires: Micros,
}

/// Begins an upload. Asked again with the same declared hash and length, it gives the upload that is there.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::State`] unless the version is a draft,
/// [`Error::UploadTooLarge`], [`Error::UploadClash`] while the same part is on its way, [`Error::TooManyUploads`],
/// storage.
pub async fn begin(app: &App, actor: &Actor, new: NewUpload) -> Result<Progress> {
    let (dataset, draft) = datasets::owned_draft(app, actor, &new.dataset, new.version).await?;
    let manifest = crate::documents::manifest(&dataset)?;
    if manifest.table(&new.table).is_none() {
        return Err(Error::not_found("table", &new.table));
    }
    let limit_bytes = app.config.max_upload_bytes;
    if new.length > limit_bytes {
        return Err(Error::UploadTooLarge { limit_bytes });
    }
    if !(1..=MAX_PARTS).contains(&new.part) {
        return Err(Error::invalid("part is the number of one of the table's files", "number them from 1 to 10,000"));
    }
    if new.options.encoding.as_ref().is_some_and(|e| e.len() > 40) {
        return Err(Error::invalid("encoding is too long", "use a label such as utf-16le"));
    }
    let in_flight = app.resumable.uploads_of(draft.id).await?;
    if let Some(there) = in_flight.iter().find(|u| u.table == new.table && u.part == new.part) {
        let same = new.sha256.is_some() && there.declared_sha256 == new.sha256 && there.length == new.length;
        if same && there.options == new.options && there.expires > app.clock.now() {
            return Ok(live::reached(app, there).await?.of(there));
        }
        return Err(Error::UploadClash { upload: there.id });
    }
    let limit = app.config.max_uploads_in_flight;
    if app.resumable.uploads_in_flight(&dataset.owner).await? >= limit {
        return Err(Error::TooManyUploads { limit });
    }
    let record = UploadRecord {
        id: UploadId::generate(),
        version: draft.id,
        table: new.table,
        part: new.part,
        user: actor.id(),
        owner: dataset.owner,
        length: new.length,
        options: new.options,
        declared_sha256: new.sha256,
        received_sha256: None,
        expires: app.upload_expiry(),
    };
    match app.resumable.create_upload(record.clone()).await {
        Ok(()) => {}
        Err(PortError::Exists(_)) => {
            let all = app.resumable.uploads_of(draft.id).await?;
            let winner = all.iter().find(|u| u.table == record.table && u.part == record.part);
            return Err(winner.map_or(Error::Internal, |winner| Error::UploadClash { upload: winner.id }));
        }
        Err(other) => return Err(other.into()),
    }
    if record.length == 0 {
        append::complete_empty(app, &record).await?;
    }
    Ok(Progress { id: record.id, offset: 0, length: record.length, expires: record.expires })
}

/// How far an upload is. A request that is still sending bytes to it is ended first.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], also once it is expired; storage.
pub async fn progress(app: &App, actor: &Actor, id: UploadId) -> Result<Progress> {
    let record = owned(app, actor, id).await?;
    Ok(live::reached(app, &record).await?.of(&record))
}

/// Appends bytes at an offset.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::UploadOffset`] unless the offset is where the upload is,
/// [`Error::UploadBusy`], [`Error::UploadInterrupted`] when the body broke off (what came is kept),
/// [`Error::Checksum`] when it isn't what the client said (nothing of it is kept), [`Error::FileHash`] when the whole
/// file isn't (all of it is destroyed), [`Error::Full`], storage.
pub async fn append(
    app: &Arc<App>,
    actor: &Actor,
    id: UploadId,
    what: Append,
    body: impl Stream<Item = std::result::Result<Bytes, super::upload::BrokenOff>> + Send + 'static,
) -> Result<Progress> {
    let record = owned(app, actor, id).await?;
    let app = Arc::clone(app);
    // A client that goes away must not take what it sent with it.
    let receiving = tokio::spawn(async move {
        let mut body: append::Body = Box::pin(body);
        let outcome = append::run(&app, record, what, &mut body).await;
        if outcome.is_err() {
            // A connection that is closed while bytes arrive can lose the reply: read on for a moment.
            let rest = async move { while let Some(Ok(_)) = body.next().await {} };
            tokio::spawn(async { tokio::time::timeout(super::upload::LINGER, rest).await });
        }
        outcome
    });
    receiving.await.map_err(|_| Error::Internal)?
}

/// Gives an upload up: its key and bytes are destroyed.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], storage.
pub async fn abort(app: &App, actor: &Actor, id: UploadId) -> Result<()> {
    let record = owned(app, actor, id).await?;
    sweep::forget(app, record.id).await
}

/// An upload of the actor's own organisation to what is still a draft. Other people's look as if they weren't there.
async fn owned(app: &App, actor: &Actor, id: UploadId) -> Result<UploadRecord> {
    authorise(actor, Action::WriteDatasets)?;
    let hidden = || Error::not_found("upload", id);
    let found = app.resumable.upload(id).await?;
    let now = app.clock.now();
    let record = found.filter(|u| acts_for(actor, &u.owner) && u.expires > now).ok_or_else(hidden)?;
    let draft = app.datasets.version(record.version).await?.filter(|v| v.state == VersionState::Draft);
    draft.map(|_| record).ok_or_else(hidden)
}
