//! The body of one request on its way into a resumable upload. Bytes are read only as fast as they are sealed and
//! written, which is the back-pressure.

use super::live::{self, Held, Reached};
use super::{Progress, sweep};
use crate::app::App;
use crate::error::{Error, Result};
use crate::model::UploadRecord;
use crate::usecase::upload::{Arriving, BrokenOff};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::pin::Pin;
use std::time::Duration;

/// Bytes that are sealed and written at a time.
const WRITE_BYTES: usize = 256 << 10;
/// How long nothing may come before a request is ended. What came is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Where the bytes of a request belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Bytes of the upload that the client believes to be there.
    pub offset: u64,
    /// Bytes of this request, if the client said so.
    pub length: Option<u64>,
    /// What the bytes of this request hash to.
    pub checksum: Option<Checksum>,
}

/// A checksum of one request's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-1, which the tus protocol wants everybody to know. It finds accidents, not forgeries.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

/// A body with its errors.
pub(super) type Body = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, BrokenOff>> + Send>>;

/// Why no more bytes are read.
enum End {
    /// All of them came.
    Complete,
    /// The connection broke, nothing came for a while, or another request took over.
    Broken,
}

/// Receives one request.
pub(super) async fn run(app: &App, record: UploadRecord, what: Append, body: &mut Body) -> Result<Progress> {
    let live = live::of(app, record.id).await;
    let mut held = live.take().await?;
    let before = match record.received_sha256 {
        Some(sha256) => Reached { offset: record.length, sha256 },
        None => held.open(app, record.id).await?,
    };
    if before.offset != what.offset {
        return Err(Error::UploadOffset { offset: before.offset });
    }
    let room = record.length - before.offset;
    if what.length.is_some_and(|n| n > room) {
        return Err(Error::UploadOverrun { length: record.length });
    }
    if room == 0 {
        return Ok(before.of(&record));
    }
    let mut sum = what.checksum.as_ref().map(Running::new);
    let received = receive(&mut held, &record, before.offset, body, &mut sum).await;
    let end = match received {
        Ok(end) => end,
        Err(error) => {
            // A file that can't become a table, or a client that sends more than it said: this request counts for nothing.
            if matches!(error, Error::Unreadable { .. } | Error::UploadOverrun { .. }) {
                held.undo().await?;
            }
            return Err(error);
        }
    };
    let matches = sum.zip(what.checksum).is_none_or(|(sum, declared)| sum.finish() == declared);
    if !matches {
        held.undo().await?;
        // A torn request was not hashed in full, so that nothing is said about its bytes.
        return Err(if matches!(end, End::Complete) { Error::Checksum } else { Error::UploadInterrupted });
    }
    let reached = held.sync().await?;
    let record = UploadRecord { expires: app.upload_expiry(), ..record };
    if reached.offset < record.length {
        app.resumable.touch_upload(record.id, None, record.expires).await?;
        return match end {
            End::Complete => Ok(reached.of(&record)),
            End::Broken => Err(Error::UploadInterrupted),
        };
    }
    drop(held);
    finish(app, &record, reached).await?;
    Ok(reached.of(&record))
}

/// A file without bytes is complete from the beginning.
pub(super) async fn complete_empty(app: &App, record: &UploadRecord) -> Result<()> {
    let live = live::of(app, record.id).await;
    let reached = live.take().await?.open(app, record.id).await?;
    finish(app, record, reached).await
}

/// The whole file is there: its hash decides whether it is kept.
async fn finish(app: &App, record: &UploadRecord, reached: Reached) -> Result<()> {
    if record.declared_sha256.is_some_and(|declared| declared != reached.sha256) {
        sweep::forget(app, record.id).await?;
        return Err(Error::FileHash);
    }
    app.resumable.touch_upload(record.id, Some(reached.sha256), record.expires).await?;
    live::close(app, record.id).await
}

async fn receive(
    held: &mut Held<'_>,
    record: &UploadRecord,
    offset: u64,
    body: &mut Body,
    sum: &mut Option<Running>,
) -> Result<End> {
    let room = record.length - offset;
    let mut waiting = BytesMut::new();
    let mut seen = 0_u64;
    // What can't become a table is refused early; in the middle of a file there is nothing to tell it from.
    let mut watch = (offset == 0).then(|| Arriving::new(&record.options));
    let mut wanted = held.wanted.clone();
    let end = loop {
        let next = tokio::select! {
            biased;
            _ = wanted.changed() => break End::Broken,
            next = tokio::time::timeout(IDLE, body.next()) => next,
        };
        let chunk = match next {
            Err(_) | Ok(Some(Err(BrokenOff))) => break End::Broken,
            Ok(None) => break End::Complete,
            Ok(Some(Ok(chunk))) => chunk,
        };
        seen += chunk.len() as u64;
        if seen > room {
            return Err(Error::UploadOverrun { length: record.length });
        }
        if let Some(watch) = &mut watch {
            watch.look(&chunk)?;
        }
        if let Some(sum) = sum {
            sum.update(&chunk);
        }
        waiting.extend_from_slice(&chunk);
        if waiting.len() >= WRITE_BYTES {
            held.write(waiting.split().freeze()).await?;
        }
    };
    held.write(waiting.freeze()).await?;
    Ok(end)
}

/// A checksum being computed.
enum Running {
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Running {
    fn new(declared: &Checksum) -> Self {
        match declared {
            Checksum::Sha1(_) => Self::Sha1(Box::default()),
            Checksum::Sha256(_) => Self::Sha256(Box::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    fn finish(self) -> Checksum {
        match self {
            Self::Sha1(hash) => Checksum::Sha1(hash.finalize().into()),
            Self::Sha256(hash) => Checksum::Sha256(hash.finalize().into()),
        }
    }
}
