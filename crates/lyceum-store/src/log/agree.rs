//! At start: the database must still say what was signed, and the ledger what the events add up to.
//!
//! The tree is built again from the database's events up to the size of the signed checkpoint. If its root is the
//! signed one, the database is right, and a tile that differs on disk (a crash, a bad sector) is written again. If
//! not, the entries on disk tell which event was changed.

use super::events;
use super::folder::Folder;
use super::source::EventSource;
use crate::error::StoreError;
use lyceum_audit::AuditResult;
use lyceum_audit::checkpoint::Checkpoint;
use lyceum_audit::merkle::{Hash, empty_root};
use lyceum_audit::note::{Note, VerifierKey};
use lyceum_audit::tile::{TileFile, TileKind, TilePath, TileReader, append, decode_bundle};
use std::collections::BTreeMap;

/// What was signed, and agrees with the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    /// Entries.
    pub(super) size: u64,
    /// Root over them.
    pub(super) root: Hash,
    /// The note, without cosignatures: they are asked for anew. `None`: nothing was ever signed.
    pub(super) note: Option<String>,
}

/// Checks database against log, mends tiles, and deletes partial tiles that wider ones replaced.
pub(super) async fn check(folder: &Folder, key: &VerifierKey, source: &dyn EventSource) -> Result<Signed, StoreError> {
    let signed = signed_before(folder, key)?;
    let sizes: Vec<u64> = signed.iter().map(|(c, _)| c.size).collect();
    let Some((signed, note)) = signed.into_iter().max_by_key(|(c, _)| c.size) else {
        return Ok(Signed { size: 0, root: empty_root(), note: None });
    };
    let database = source.size().await.map_err(events)?;
    if signed.size > database {
        return Err(StoreError::DatabaseBehind { checkpoint: signed.size, database });
    }
    let rebuilt = rebuild(folder, source, signed.size).await?;
    if rebuilt.root != signed.root {
        return Err(rebuilt
            .differs
            .map_or(StoreError::RootDiffers { size: signed.size }, |index| StoreError::EntryDiffers { index }));
    }
    for file in rebuilt.wrong {
        tracing::warn!(path = file.path, "a tile was missing or damaged and is written again from the database");
        folder.write(&file.path, &file.bytes)?;
    }
    sweep(folder, &sizes);
    Ok(Signed { size: signed.size, root: signed.root, note: Some(note) })
}

/// What this log signed last, and what it showed the world last, which may be older: each with its own signature only.
fn signed_before(folder: &Folder, key: &VerifierKey) -> Result<Vec<(Checkpoint, String)>, StoreError> {
    let invalid = |_| StoreError::CheckpointInvalid { path: folder.checkpoint_path() };
    let open = |text: String| {
        let signed = Checkpoint::open(&text, key)?;
        Ok((signed, Note::parse(&text)?.keep(std::slice::from_ref(key)).to_string()))
    };
    let notes = [folder.checkpoint()?, folder.pending()?].into_iter().flatten();
    notes.map(open).collect::<AuditResult<_>>().map_err(invalid)
}

/// The tree over the database's events, and where the files differ from it.
struct Rebuilt {
    root: Hash,
    /// Files that are not on disk as they should be.
    wrong: Vec<TileFile>,
    /// The first entry on disk that is not the database's.
    differs: Option<u64>,
}

async fn rebuild(folder: &Folder, source: &dyn EventSource, to: u64) -> Result<Rebuilt, StoreError> {
    let mut edge: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let (mut size, mut root) = (0, empty_root());
    let (mut wrong, mut differs) = (Vec::new(), None);
    while size < to {
        let leaves = source.events(size, to.min(size + BATCH)).await.map_err(events)?;
        let appended = append(&edge, size, root, &leaves).map_err(|_| StoreError::RootDiffers { size: to })?;
        if leaves.is_empty() {
            return Err(StoreError::EntryDiffers { index: size });
        }
        (size, root) = (appended.size, appended.root);
        for file in appended.files {
            let Ok(tile) = file.path.parse::<TilePath>() else { continue };
            let lasting = TilePath::in_tree(tile.kind, tile.index, to) == Some(tile);
            if lasting && folder.read(&file.path).as_deref() != Some(file.bytes.as_slice()) {
                if tile.kind == TileKind::Entries && differs.is_none() {
                    differs = first_difference(folder, &file, tile);
                }
                wrong.push(file.clone());
            }
            if !tile.is_full() {
                edge.insert(file.path, file.bytes);
            }
        }
    }
    Ok(Rebuilt { root, wrong, differs })
}

/// Events read at a time.
const BATCH: u64 = 16 * 1024;

fn first_difference(folder: &Folder, file: &TileFile, tile: TilePath) -> Option<u64> {
    let there = folder.read(&file.path)?;
    let (there, expected) = (decode_bundle(&there)?, decode_bundle(&file.bytes)?);
    let position = there.iter().zip(&expected).position(|(a, b)| a != b)?;
    Some(tile.index * lyceum_audit::tile::TILE_WIDTH + position as u64)
}

/// Deletes what a killed process left: partial tiles that no tree of these sizes has.
fn sweep(folder: &Folder, sizes: &[u64]) {
    let mut old = Vec::new();
    folder.list(&mut |path| {
        if let Ok(tile) = path.parse::<TilePath>()
            && !tile.is_full()
            && !sizes.iter().any(|size| TilePath::in_tree(tile.kind, tile.index, *size) == Some(tile))
        {
            old.push(tile);
        }
    });
    old.into_iter().for_each(|tile| folder.delete(tile));
}
