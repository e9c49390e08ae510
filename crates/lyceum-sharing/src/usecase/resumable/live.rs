//! Uploads that this process has open: one writer each. Whoever comes later takes over from a request that is still
//! sending, because the client of that one is gone or has lost its connection.

use super::{Progress, UploadRecord};
use crate::app::App;
use crate::error::{Error, Result};
use crate::port::PartWriter;
use lyceum_schema::id::UploadId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, watch};

/// How long a request that was told to end may take for it.
const HAND_OVER: Duration = Duration::from_secs(30);

/// The uploads that are open.
pub(crate) type Open = Mutex<HashMap<UploadId, Arc<Live>>>;

/// An upload's writer, and the call to hand it over.
pub(crate) struct Live {
    writer: Mutex<Option<Box<dyn PartWriter>>>,
    turn: watch::Sender<u64>,
}

/// The writer while it is ours.
pub(super) struct Held<'a> {
    guard: MutexGuard<'a, Option<Box<dyn PartWriter>>>,
    /// Changes when somebody else wants the writer.
    pub(super) wanted: watch::Receiver<u64>,
}

/// How much of an upload is there.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) offset: u64,
    pub(super) sha256: [u8; 32],
}

impl Reached {
    pub(super) fn of(self, record: &UploadRecord) -> Progress {
        Progress { id: record.id, offset: self.offset, length: record.length, expires: record.expires }
    }
}

impl Live {
    /// Asks whoever holds the writer to end, and waits for that.
    pub(super) async fn take(&self) -> Result<Held<'_>> {
        self.turn.send_modify(|turn| *turn += 1);
        let wanted = self.turn.subscribe();
        let guard = tokio::time::timeout(HAND_OVER, self.writer.lock()).await.map_err(|_| Error::UploadBusy)?;
        Ok(Held { guard, wanted })
    }
}

impl Held<'_> {
    /// The writer, opened if it isn't, and how far it is. After an error it is opened anew the next time.
    pub(super) async fn open(&mut self, app: &App, id: UploadId) -> Result<Reached> {
        if self.guard.is_none() {
            let key = app.resumable.upload_key(id).await?;
            *self.guard = Some(app.spool.resume(id, key).await?);
        }
        self.sync().await
    }

    pub(super) async fn write(&mut self, chunk: bytes::Bytes) -> Result<()> {
        let writer = self.guard.as_mut().ok_or(Error::Storage)?;
        let written = writer.write(chunk).await;
        self.settle(written)
    }

    pub(super) async fn sync(&mut self) -> Result<Reached> {
        let writer = self.guard.as_mut().ok_or(Error::Storage)?;
        let synced = writer.sync().await;
        let (offset, sha256) = self.settle(synced)?;
        Ok(Reached { offset, sha256 })
    }

    pub(super) async fn undo(&mut self) -> Result<()> {
        let writer = self.guard.as_mut().ok_or(Error::Storage)?;
        let undone = writer.undo().await;
        self.settle(undone)
    }

    fn settle<T>(&mut self, outcome: crate::port::PortResult<T>) -> Result<T> {
        if outcome.is_err() {
            *self.guard = None;
        }
        Ok(outcome?)
    }
}

/// The open upload, or a place for it.
pub(super) async fn of(app: &App, id: UploadId) -> Arc<Live> {
    let mut open = app.open_uploads.lock().await;
    let fresh = || Arc::new(Live { writer: Mutex::new(None), turn: watch::Sender::new(0) });
    Arc::clone(open.entry(id).or_insert_with(fresh))
}

/// Closes an upload's file, after whoever is writing to it.
pub(super) async fn close(app: &App, id: UploadId) -> Result<()> {
    let live = app.open_uploads.lock().await.remove(&id);
    if let Some(live) = live {
        let mut held = live.take().await?;
        *held.guard = None;
    }
    Ok(())
}

/// How far an upload is; whoever is sending to it ends.
pub(super) async fn reached(app: &App, record: &UploadRecord) -> Result<Reached> {
    if let Some(sha256) = record.received_sha256 {
        return Ok(Reached { offset: record.length, sha256 });
    }
    let live = of(app, record.id).await;
    let mut held = live.take().await?;
    held.open(app, record.id).await
}
