//! One pass over the entries: every leaf hash and every tile is recomputed from below and compared with the copy.

use crate::error::AuditError;
use crate::event::Event;
use crate::merkle::{Frontier, Hash, empty_root, leaf_hash, root_of};
use crate::tile::{TILE_WIDTH, TileKind, TilePath, TileReader, read_bundle, read_hashes};

/// Where a copy differs from the tree that was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeFault {
    /// A file is missing, cut short or too long.
    #[error("{0}: the copy is not complete")]
    File(AuditError),
    /// An entry and its leaf hash differ.
    #[error("entry {index}{what} does not match {tile}: the copy was changed there")]
    Entry {
        /// The entry.
        index: u64,
        /// Its type and time, if it can be read.
        what: String,
        /// The tile with its leaf hash.
        tile: String,
    },
    /// A hash in a tile doesn't follow from the tile below.
    #[error("{tile} does not follow from {below}: its hash {position} was changed")]
    Tile {
        /// The tile.
        tile: String,
        /// The tile below.
        below: String,
        /// Which hash, from 0.
        position: usize,
    },
    /// All tiles fit each other, but not the signed root.
    #[error("the {size} entries do not lead to the signed root: they are not the ones that the log signed")]
    Root {
        /// Entries.
        size: u64,
    },
    /// An older or newer copy of a partial tile says something else.
    #[error("{path} disagrees with the tree: it was changed, or is of another history")]
    Leftover {
        /// The file.
        path: String,
    },
}

impl TreeFault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(e) => e.code(),
            Self::Entry { .. } => "E6203",
            Self::Tile { .. } => "E6204",
            Self::Root { .. } => "E6205",
            Self::Leftover { .. } => "E6206",
        }
    }
}

/// What a pass over a copy found.
#[derive(Default)]
pub(super) struct Scan {
    /// The first fault.
    pub(super) fault: Option<TreeFault>,
    /// Root of the first `saved` entries, if the pass got there.
    pub(super) saved_root: Option<Hash>,
    /// Files that the tree doesn't have.
    pub(super) warnings: Vec<String>,
}

/// Files named in warnings; the rest is counted.
const MAX_NAMED: u64 = 20;

pub(super) fn scan(
    reader: &dyn TileReader,
    size: u64,
    root: Hash,
    saved: Option<u64>,
    visit: &mut dyn FnMut(&[u8]),
) -> Scan {
    let mut scan = Scan::default();
    let mut pass = Pass { reader, size, frontier: Frontier::default(), levels: Vec::new() };
    if saved == Some(0) {
        scan.saved_root = Some(empty_root());
    }
    let mut at_leaf = |entry: &[u8], frontier: &Frontier| {
        visit(entry);
        if saved == Some(frontier.size()) {
            scan.saved_root = Some(frontier.root());
        }
    };
    scan.fault = pass.run(root, &mut at_leaf).err();
    if scan.fault.is_none() {
        let (fault, warnings) = leftovers(reader, size);
        (scan.fault, scan.warnings) = (fault, warnings);
    }
    scan
}

struct Pass<'a> {
    reader: &'a dyn TileReader,
    size: u64,
    frontier: Frontier,
    /// Per level from 1: hashes recomputed for the tile that is not yet complete.
    levels: Vec<Vec<Hash>>,
}

impl Pass<'_> {
    fn run(&mut self, root: Hash, at_leaf: &mut dyn FnMut(&[u8], &Frontier)) -> Result<(), TreeFault> {
        for index in 0..self.size.div_ceil(TILE_WIDTH) {
            self.leaves(index, at_leaf)?;
        }
        for level in 1..=self.levels.len() {
            let rest = std::mem::take(&mut self.levels[level - 1]);
            if !rest.is_empty() {
                self.compare(level as u8, &rest)?;
            }
        }
        if self.frontier.root() == root { Ok(()) } else { Err(TreeFault::Root { size: self.size }) }
    }

    fn leaves(&mut self, index: u64, at_leaf: &mut dyn FnMut(&[u8], &Frontier)) -> Result<(), TreeFault> {
        let (Some(bundle), Some(tile)) = (
            TilePath::in_tree(TileKind::Entries, index, self.size),
            TilePath::in_tree(TileKind::Hashes(0), index, self.size),
        ) else {
            return Ok(());
        };
        let entries = read_bundle(self.reader, bundle).map_err(TreeFault::File)?;
        let hashes = read_hashes(self.reader, tile).map_err(TreeFault::File)?;
        for (entry, hash) in entries.iter().zip(&hashes) {
            if leaf_hash(entry) != *hash {
                let index = self.frontier.size();
                return Err(TreeFault::Entry { index, what: what(entry), tile: tile.to_string() });
            }
            self.frontier.push(*hash);
            at_leaf(entry, &self.frontier);
        }
        if tile.is_full() { self.carry(root_of(&hashes)) } else { Ok(()) }
    }

    /// Hands the root of a full tile to the level above, and on if that fills a tile.
    fn carry(&mut self, mut hash: Hash) -> Result<(), TreeFault> {
        for level in 1.. {
            if self.levels.len() < level {
                self.levels.push(Vec::new());
            }
            self.levels[level - 1].push(hash);
            if (self.levels[level - 1].len() as u64) < TILE_WIDTH {
                break;
            }
            let full = std::mem::take(&mut self.levels[level - 1]);
            self.compare(level as u8, &full)?;
            hash = root_of(&full);
        }
        Ok(())
    }

    /// Compares recomputed hashes with the tile that ends where the pass is now.
    fn compare(&self, level: u8, computed: &[Hash]) -> Result<(), TreeFault> {
        let done = self.frontier.size() >> (8 * u32::from(level));
        let index = (done - 1) / TILE_WIDTH;
        let Some(tile) = TilePath::in_tree(TileKind::Hashes(level), index, self.size) else { return Ok(()) };
        let stored = read_hashes(self.reader, tile).map_err(TreeFault::File)?;
        match computed.iter().zip(&stored).position(|(a, b)| a != b) {
            Some(position) => {
                let below = TilePath {
                    kind: TileKind::Hashes(level - 1),
                    index: index * TILE_WIDTH + position as u64,
                    width: TILE_WIDTH as u16,
                };
                Err(TreeFault::Tile { tile: tile.to_string(), below: below.to_string(), position })
            }
            None => Ok(()),
        }
    }
}

/// Looks at files that the pass didn't read: partial tiles of older or newer sizes must agree with the tree as far as
/// it goes; anything else is garbage and named in a warning.
fn leftovers(reader: &dyn TileReader, size: u64) -> (Option<TreeFault>, Vec<String>) {
    let (mut fault, mut warnings, mut unknown) = (None, Vec::new(), 0_u64);
    reader.list(&mut |path| {
        let tile = path.parse::<TilePath>().ok();
        let in_tree = tile.and_then(|t| TilePath::in_tree(t.kind, t.index, size).map(|now| (t, now)));
        if let Some((tile, now)) = in_tree {
            if tile == now {
                return;
            }
            if fault.is_none() && !agree(reader, tile, now) {
                fault = Some(TreeFault::Leftover { path: path.to_owned() });
            }
            if tile.width < now.width {
                return;
            }
        }
        unknown += 1;
        if unknown <= MAX_NAMED {
            let why = if tile.is_some() { "goes beyond the checkpoint" } else { "is no file of a log" };
            warnings.push(format!("{} {why}: it was not verified", path.escape_debug()));
        }
    });
    if unknown > MAX_NAMED {
        warnings.push(format!("{} more files are not covered by the checkpoint", unknown - MAX_NAMED));
    }
    (fault, warnings)
}

/// Whether two widths of one tile have the same beginning. An unreadable file disagrees.
fn agree(reader: &dyn TileReader, tile: TilePath, now: TilePath) -> bool {
    let common = usize::from(tile.width.min(now.width));
    match tile.kind {
        TileKind::Entries => match (read_bundle(reader, tile), read_bundle(reader, now)) {
            (Ok(a), Ok(b)) => a[..common] == b[..common],
            _ => false,
        },
        TileKind::Hashes(_) => match (read_hashes(reader, tile), read_hashes(reader, now)) {
            (Ok(a), Ok(b)) => a[..common] == b[..common],
            _ => false,
        },
    }
}

/// ` (query.charged, 2026-11-21T10:02:00Z)`, if the entry is an event.
fn what(entry: &[u8]) -> String {
    match Event::from_json(entry) {
        Ok(event) => format!(" ({}, {})", event.kind.name(), event.time),
        Err(_) => String::new(),
    }
}
