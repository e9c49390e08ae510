//! The one task that writes the log: tiles first, then the signed checkpoint, then whoever waits is told.

use super::agree::Signed;
use super::events;
use super::folder::Folder;
use super::source::EventSource;
use crate::error::StoreError;
use crate::home::Home;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::note::LogSigner;
use lyceum_audit::tile::{TileKind, TilePath, append};
use lyceum_schema::failpoint;
use lyceum_sharing::port::PortError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What the world may know.
#[derive(Clone)]
pub(super) struct Published {
    /// Entries under the checkpoint.
    pub(super) size: u64,
    /// The signed note.
    pub(super) checkpoint: Arc<str>,
    /// Why newer events are not covered, while that is so.
    pub(super) failure: Option<PortError>,
}

/// Writes the log of one home, whose lock it keeps.
pub(super) struct Sequencer {
    writer: Arc<Writer>,
    signed: Signed,
    /// Partial tiles that the checkpoint before the newest one had: readers may still be at them.
    replaced: Vec<TilePath>,
}

struct Writer {
    folder: Folder,
    signer: LogSigner,
    _home: Home,
}

impl Sequencer {
    pub(super) fn new(home: Home, folder: Folder, signer: LogSigner, signed: Signed) -> Self {
        Self { writer: Arc::new(Writer { folder, signer, _home: home }), signed, replaced: Vec::new() }
    }

    /// Signs a checkpoint over all events there are.
    pub(super) async fn catch_up(&mut self, source: &dyn EventSource) -> Result<Published, StoreError> {
        let size = source.size().await.map_err(events)?;
        let mut checkpoint = self.writer.folder.checkpoint()?;
        while self.signed.size < size {
            checkpoint = Some(self.flush(source).await?);
        }
        let path = self.writer.folder.checkpoint_path();
        let checkpoint = checkpoint.ok_or(StoreError::CheckpointInvalid { path })?;
        Ok(Published { size: self.signed.size, checkpoint: checkpoint.into(), failure: None })
    }

    /// One batch of events into tiles and a checkpoint.
    async fn flush(&mut self, source: &dyn EventSource) -> Result<String, StoreError> {
        let from = self.signed.size;
        let leaves = source.events(from, from + BATCH).await.map_err(events)?;
        let (writer, old) = (Arc::clone(&self.writer), self.signed.clone());
        let replaced = std::mem::take(&mut self.replaced);
        let flushed = tokio::task::spawn_blocking(move || writer.write(&old, &leaves, &replaced)).await;
        let (signed, note) = flushed.map_err(|_| events(PortError::Storage))??;
        self.replaced = partial_tiles(from).filter(|t| in_tree(*t, signed.size) != Some(*t)).collect();
        self.signed = signed;
        Ok(note)
    }
}

impl Writer {
    fn write(&self, old: &Signed, leaves: &[Vec<u8>], replaced: &[TilePath]) -> Result<(Signed, String), StoreError> {
        let appended =
            append(&self.folder, old.size, old.root, leaves).map_err(|_| StoreError::RootDiffers { size: old.size })?;
        for file in &appended.files {
            self.folder.write(&file.path, &file.bytes)?;
        }
        failpoint::hit("log.after_tiles");
        let checkpoint = Checkpoint { origin: self.signer.name().to_owned(), size: appended.size, root: appended.root };
        let invalid = |_| StoreError::CheckpointInvalid { path: self.folder.checkpoint_path() };
        let note = checkpoint.sign(&self.signer).map_err(invalid)?;
        self.folder.write_checkpoint(&note)?;
        failpoint::hit("log.after_checkpoint");
        replaced.iter().for_each(|tile| self.folder.delete(*tile));
        Ok((Signed { size: appended.size, root: appended.root }, note))
    }
}

/// Follows the source until dropped. A failure (a full disk) is told to whoever waits, and tried again.
pub(super) async fn follow(mut sequencer: Sequencer, source: Arc<dyn EventSource>, to: watch::Sender<Published>) {
    let mut committed = source.subscribe();
    loop {
        if *committed.borrow_and_update() <= sequencer.signed.size {
            // A commit whose waker was cancelled is found by the next round at the latest.
            let woken = tokio::time::timeout(IDLE, committed.changed()).await;
            match woken {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => return,
                Err(_) => match source.size().await {
                    Ok(size) if size > sequencer.signed.size => {}
                    _ => continue,
                },
            }
        }
        match sequencer.flush(source.as_ref()).await {
            Ok(note) => {
                let size = sequencer.signed.size;
                to.send_replace(Published { size, checkpoint: note.into(), failure: None });
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "the log could not be written; trying again");
                let failure =
                    if matches!(error, StoreError::Full { .. }) { PortError::Full } else { PortError::Storage };
                to.send_modify(|published| published.failure = Some(failure));
                tokio::time::sleep(IDLE).await;
            }
        }
    }
}

/// Longest pause between two looks at the source.
const IDLE: Duration = Duration::from_secs(1);
/// Events in one flush, at most.
const BATCH: u64 = 4096;

/// The partial tiles of a tree: one of entries, one per level of hashes.
fn partial_tiles(size: u64) -> impl Iterator<Item = TilePath> {
    let kinds = std::iter::once(TileKind::Entries).chain((0..8).map(TileKind::Hashes));
    kinds.filter_map(move |kind| {
        let level = if let TileKind::Hashes(level) = kind { level } else { 0 };
        let index = lyceum_audit::tile::width_of_level(size, level) / lyceum_audit::tile::TILE_WIDTH;
        TilePath::in_tree(kind, index, size).filter(|t| !t.is_full())
    })
}

fn in_tree(tile: TilePath, size: u64) -> Option<TilePath> {
    TilePath::in_tree(tile.kind, tile.index, size)
}
