//! The one task that writes the log: tiles first, then the signed checkpoint, then the witnesses' cosignatures, then
//! whoever waits is told.

use super::agree::Signed;
use super::events;
use super::folder::Folder;
use super::source::EventSource;
use super::witnesses::{Unshown, Witnesses};
use crate::error::StoreError;
use crate::home::Home;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::note::LogSigner;
use lyceum_audit::tile::{TileKind, TilePath, append};
use lyceum_schema::failpoint;
use lyceum_sharing::port::PortError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// What the world may know.
#[derive(Clone)]
pub(super) struct Published {
    /// Entries under the checkpoint.
    pub(super) size: u64,
    /// The signed note; `None` while no checkpoint was ever cosigned as the policy demands.
    pub(super) checkpoint: Option<Arc<str>>,
    /// Why newer events are not covered, while that is so.
    pub(super) failure: Option<PortError>,
    /// When the witnesses cosigned last.
    pub(super) witnessed: Option<Instant>,
    /// How often they were asked.
    pub(super) round: u64,
}

/// Writes the log of one home, whose lock it keeps.
pub(super) struct Sequencer {
    writer: Arc<Writer>,
    witnesses: Witnesses,
    signed: Signed,
    /// Whether the world may see what was signed last. While it may not, nothing newer is signed.
    shown: bool,
    /// Partial tiles of the checkpoint before the newest one: readers may still be at them.
    outdated: Vec<TilePath>,
    /// Partial tiles of the one before that: deleted when the newest is shown.
    replaced: Vec<TilePath>,
}

struct Writer {
    folder: Folder,
    signer: LogSigner,
    _home: Home,
}

/// Why the log can't go on for now.
enum Stopped {
    /// Disk or database.
    Store(StoreError),
    /// Witnesses.
    Unshown(Unshown),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Sequencer {
    pub(super) fn new(home: Home, folder: Folder, signer: LogSigner, signed: Signed, witnesses: Witnesses) -> Self {
        let writer = Arc::new(Writer { folder, signer, _home: home });
        Self { writer, witnesses, signed, shown: false, outdated: Vec::new(), replaced: Vec::new() }
    }

    /// Asks the witnesses about what was signed last, then signs a checkpoint over all events there are. What
    /// witnesses don't cosign yet is left to the follower.
    pub(super) async fn catch_up(&mut self, source: &dyn EventSource) -> Result<Published, StoreError> {
        let mut published = self.seen_before()?;
        self.shown = !self.witnesses.asked() && published.checkpoint.is_some() && published.size == self.signed.size;
        let size = source.size().await.map_err(events)?;
        loop {
            let begun = self.signed.note.is_some();
            let advanced = match (begun && !self.shown, self.signed.size < size) {
                (true, _) => self.show().await,
                (false, true) => self.advance(source).await,
                (false, false) => break,
            };
            published.round += 1;
            match advanced {
                Ok(checkpoint) => published.show(self.signed.size, checkpoint),
                Err(Stopped::Store(error)) => return Err(error),
                Err(Stopped::Unshown(Unshown::Contradicted(why))) => return Err(StoreError::Contradicted { why }),
                Err(Stopped::Unshown(unshown)) => {
                    published.failure = Some(unshown.as_port_error());
                    break;
                }
            }
        }
        Ok(published)
    }

    /// What an earlier life of the log showed, if the policy still believes it.
    fn seen_before(&self) -> Result<Published, StoreError> {
        let nothing = Published { size: 0, checkpoint: None, failure: None, witnessed: None, round: 0 };
        let Some(note) = self.writer.folder.checkpoint()?.filter(|note| self.witnesses.believe(note)) else {
            return Ok(nothing);
        };
        let path = self.writer.folder.checkpoint_path();
        let seen = Checkpoint::open(&note, self.writer.signer.verifier_key());
        let seen = seen.map_err(|_| StoreError::CheckpointInvalid { path })?;
        Ok(Published { size: seen.size, checkpoint: Some(note.into()), ..nothing })
    }

    /// The next checkpoint that the world may see: what was signed before, if it waits, else one over the next batch.
    async fn advance(&mut self, source: &dyn EventSource) -> Result<Arc<str>, Stopped> {
        if self.shown || self.signed.note.is_none() {
            self.flush(source).await?;
        }
        self.show().await
    }

    /// Has the witnesses cosign what was signed last, and shows it.
    async fn show(&mut self) -> Result<Arc<str>, Stopped> {
        let Some(signed) = &self.signed.note else {
            return Err(StoreError::CheckpointInvalid { path: self.writer.folder.checkpoint_path() }.into());
        };
        let folder = &self.writer.folder;
        let note = self.witnesses.collect(folder, signed, self.signed.size).await.map_err(Stopped::Unshown)?;
        let (writer, text) = (Arc::clone(&self.writer), note.clone());
        let replaced = std::mem::take(&mut self.replaced);
        let written = tokio::task::spawn_blocking(move || writer.show(&text, &replaced)).await;
        written.map_err(|_| events(PortError::Storage))??;
        self.shown = true;
        Ok(note.into())
    }

    /// One batch of events into tiles and a signed checkpoint.
    async fn flush(&mut self, source: &dyn EventSource) -> Result<(), StoreError> {
        let from = self.signed.size;
        let leaves = source.events(from, from + BATCH).await.map_err(events)?;
        let (writer, old, pending) = (Arc::clone(&self.writer), self.signed.clone(), self.witnesses.needed());
        let flushed = tokio::task::spawn_blocking(move || writer.write(&old, &leaves, pending)).await;
        self.signed = flushed.map_err(|_| events(PortError::Storage))??;
        self.shown = false;
        let size = self.signed.size;
        self.replaced = std::mem::replace(
            &mut self.outdated,
            partial_tiles(from).filter(|t| in_tree(*t, size) != Some(*t)).collect(),
        );
        Ok(())
    }
}

impl Published {
    /// The witnesses cosigned a checkpoint.
    fn show(&mut self, size: u64, checkpoint: Arc<str>) {
        (self.size, self.checkpoint) = (size, Some(checkpoint));
        (self.failure, self.witnessed) = (None, Some(Instant::now()));
    }
}

impl Writer {
    fn write(&self, old: &Signed, leaves: &[Vec<u8>], pending: bool) -> Result<Signed, StoreError> {
        let appended =
            append(&self.folder, old.size, old.root, leaves).map_err(|_| StoreError::RootDiffers { size: old.size })?;
        for file in &appended.files {
            self.folder.write(&file.path, &file.bytes)?;
        }
        failpoint::hit("log.after_tiles");
        let checkpoint = Checkpoint { origin: self.signer.name().to_owned(), size: appended.size, root: appended.root };
        let invalid = |_| StoreError::CheckpointInvalid { path: self.folder.checkpoint_path() };
        let note = checkpoint.sign(&self.signer).map_err(invalid)?;
        if pending {
            self.folder.write_pending(&note)?;
        }
        Ok(Signed { size: appended.size, root: appended.root, note: Some(note) })
    }

    fn show(&self, note: &str, replaced: &[TilePath]) -> Result<(), StoreError> {
        failpoint::hit("log.after_cosignatures");
        self.folder.write_checkpoint(note)?;
        failpoint::hit("log.after_checkpoint");
        replaced.iter().for_each(|tile| self.folder.delete(*tile));
        Ok(())
    }
}

/// Follows the source until dropped. A failure (a full disk, a witness that is away) is told to whoever waits, and
/// tried again. `probe` asks for the witnesses to be asked, though there is nothing new.
pub(super) async fn follow(
    mut sequencer: Sequencer,
    source: Arc<dyn EventSource>,
    to: watch::Sender<Published>,
    probe: Arc<Notify>,
) {
    let mut committed = source.subscribe();
    loop {
        let mut probed = false;
        if sequencer.shown && *committed.borrow_and_update() <= sequencer.signed.size {
            // A commit whose waker was cancelled is found by the next round at the latest.
            tokio::select! {
                woken = tokio::time::timeout(IDLE, committed.changed()) => match woken {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return,
                    Err(_) => match source.size().await {
                        Ok(size) if size > sequencer.signed.size => {}
                        _ => continue,
                    },
                },
                () = probe.notified() => probed = true,
            }
        }
        let advanced = match probed {
            true => sequencer.show().await,
            false => sequencer.advance(source.as_ref()).await,
        };
        let failure = match advanced {
            Ok(checkpoint) => {
                let size = sequencer.signed.size;
                to.send_modify(|published| {
                    published.round += 1;
                    published.show(size, checkpoint);
                });
                continue;
            }
            Err(Stopped::Store(error)) => {
                tracing::error!(code = error.code(), %error, "the log could not be written; trying again");
                if matches!(error, StoreError::Full { .. }) { PortError::Full } else { PortError::Storage }
            }
            Err(Stopped::Unshown(unshown)) => {
                // A probe that failed has unshown nothing, but the next round must ask again.
                sequencer.shown = false;
                let failure = unshown.as_port_error();
                tracing::error!(why = %failure, "no answer leaves: the log's checkpoint is not cosigned; trying again");
                failure
            }
        };
        to.send_modify(|published| {
            published.round += 1;
            published.failure = Some(failure);
        });
        tokio::time::sleep(IDLE).await;
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
