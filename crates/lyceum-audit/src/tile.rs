//! Tiles (C2SP tlog-tiles, height 8): paths, entry bundles, appending, and hashes and entries read back from tiles.
//!
//! `tile/<L>/<N>` holds 256 hashes of complete subtrees of 256^L leaves each; `tile/entries/<N>` holds 256 entries,
//! each after its length as two bytes, big-endian. The rightmost tile of a level is partial: `.p/<W>` has its first W.

use crate::error::{AuditError, AuditResult};
use crate::merkle::{
    Frontier, Hash, HashSource, fold, leaf_hash, prove_consistency, prove_inclusion, root_from, root_of,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Bytes of an entry, at most.
pub const MAX_ENTRY_BYTES: usize = 65_535;
/// Tile levels that a tree of at most 2⁶⁴ − 1 entries can have.
const LEVELS: u8 = 8;

/// Reads files of a log: a folder, an object store, a database. Paths are relative to the log's prefix.
pub trait TileReader {
    /// The file's bytes, or `None` if it is not there.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// Calls `visit` with the path of every file below `tile/`, in any order, so that a verifier can look at files
    /// that the tree doesn't have. A reader that can't list (a web server) visits none.
    fn list(&self, visit: &mut dyn FnMut(&str)) {
        let _ = visit;
    }
}

impl TileReader for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }

    fn list(&self, visit: &mut dyn FnMut(&str)) {
        for path in self.keys().filter(|p| p.starts_with("tile/")) {
            visit(path);
        }
    }
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileKind {
    /// Entries: the leaves themselves.
    Entries,
    /// Hashes of a level.
    Hashes(u8),
}

/// The address of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    /// What it holds.
    pub kind: TileKind,
    /// Its place in its level, from 0.
    pub index: u64,
    /// Hashes or entries in it: 1–255 if partial, 256 if full.
    pub width: u16,
}

impl TilePath {
    /// The tile `index` of a tree of `size` entries: full, or partial at the tree's right edge; `None` if the tree
    /// doesn't reach that far.
    #[must_use]
    pub fn in_tree(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = if let TileKind::Hashes(level) = kind { level } else { 0 };
        let there = width_of_level(size, level);
        let first = index.checked_mul(TILE_WIDTH)?;
        let width = there.checked_sub(first).filter(|w| *w > 0)?.min(TILE_WIDTH) as u16;
        Some(Self { kind, index, width })
    }

    /// The same tile when it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH as u16, ..self }
    }

    /// Whether it has 256 hashes or entries.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width as u64 == TILE_WIDTH
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = AuditError;

    fn from_str(path: &str) -> AuditResult<Self> {
        let parsed = (|| {
            let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
            let kind = match kind {
                "entries" => TileKind::Entries,
                level => TileKind::Hashes(level.parse().ok()?),
            };
            let (index, width) = match rest.split_once(".p/") {
                Some((index, width)) => (index, width.parse().ok()?),
                None => (rest, TILE_WIDTH as u16),
            };
            let mut number: u64 = 0;
            for group in index.split('/') {
                let digits = group.strip_prefix('x').unwrap_or(group);
                number = number.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
            }
            Some(Self { kind, index: number, width })
        })();
        // Exactly one spelling per tile: what doesn't print as it was read is refused (so are x-groups out of place).
        parsed
            .filter(|p| p.to_string() == path && (1..=TILE_WIDTH as u16).contains(&p.width))
            .ok_or(AuditError::TilePath)
    }
}

/// Number of hashes that level `level` has in a tree of `size` entries: `floor(size / 256^level)`.
#[must_use]
pub fn width_of_level(size: u64, level: u8) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// Width of the partial tile at the right edge of a level: `floor(size / 256^level) mod 256`; 0: there is none.
#[must_use]
pub fn partial_width(size: u64, level: u8) -> u16 {
    (width_of_level(size, level) % TILE_WIDTH) as u16
}

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileFile {
    /// Where, relative to the log's prefix.
    pub path: String,
    /// What.
    pub bytes: Vec<u8>,
}

/// What [`append`] wants to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Files to write, in any order, all of them durable before the new checkpoint is signed. Writing them again is harmless.
    pub files: Vec<TileFile>,
    /// Entries now.
    pub size: u64,
    /// Root now.
    pub root: Hash,
}

/// Appends entries to the tree of `old_size` entries whose root was signed as `old_root`: a pure function of its
/// arguments and the partial tiles at the old right edge, so repeating it after a crash writes the same bytes.
///
/// # Errors
/// [`AuditError::EntryTooLong`]; [`AuditError::TileMissing`] and its kind if old tiles are gone;
/// [`AuditError::TilesDisagree`] if they don't have the root `old_root`.
pub fn append<E: AsRef<[u8]>>(
    reader: &dyn TileReader,
    old_size: u64,
    old_root: Hash,
    entries: &[E],
) -> AuditResult<Appended> {
    let mut edge = RightEdge::load(reader, old_size)?;
    if edge.root() != old_root {
        return Err(AuditError::TilesDisagree { size: old_size });
    }
    let mut files = Vec::new();
    for entry in entries {
        edge.push(entry.as_ref(), &mut files)?;
    }
    edge.flush(&mut files);
    Ok(Appended { files, size: edge.size, root: edge.root() })
}

/// The partial tiles of a growing tree.
struct RightEdge {
    size: u64,
    bundle: Vec<u8>,
    /// Per level: the hashes of its partial tile, and whether there are new ones.
    levels: Vec<(Vec<Hash>, bool)>,
}

impl RightEdge {
    fn load(reader: &dyn TileReader, size: u64) -> AuditResult<Self> {
        let mut levels = Vec::new();
        for level in 0..LEVELS {
            let there = width_of_level(size, level);
            if there == 0 {
                break;
            }
            let tile = TilePath::in_tree(TileKind::Hashes(level), there / TILE_WIDTH, size);
            levels.push((tile.map_or(Ok(Vec::new()), |t| read_hashes(reader, t))?, false));
        }
        let bundle = match TilePath::in_tree(TileKind::Entries, size / TILE_WIDTH, size) {
            Some(tile) => encode_bundle(&read_bundle(reader, tile)?)?,
            None => Vec::new(),
        };
        Ok(Self { size, bundle, levels })
    }

    fn push(&mut self, entry: &[u8], files: &mut Vec<TileFile>) -> AuditResult<()> {
        push_entry(&mut self.bundle, entry)?;
        self.size += 1;
        if self.size.is_multiple_of(TILE_WIDTH) {
            let path =
                TilePath { kind: TileKind::Entries, index: self.size / TILE_WIDTH - 1, width: TILE_WIDTH as u16 };
            files.push(TileFile { path: path.to_string(), bytes: std::mem::take(&mut self.bundle) });
        }
        let mut hash = leaf_hash(entry);
        for level in 0..LEVELS {
            if self.levels.len() == usize::from(level) {
                self.levels.push((Vec::new(), false));
            }
            let (tile, changed) = &mut self.levels[usize::from(level)];
            tile.push(hash);
            *changed = true;
            if (tile.len() as u64) < TILE_WIDTH {
                break;
            }
            hash = root_of(tile);
            let index = width_of_level(self.size, level) / TILE_WIDTH - 1;
            let path = TilePath { kind: TileKind::Hashes(level), index, width: TILE_WIDTH as u16 };
            files.push(TileFile { path: path.to_string(), bytes: encode_hashes(tile) });
            tile.clear();
            *changed = false;
        }
        Ok(())
    }

    fn flush(&self, files: &mut Vec<TileFile>) {
        for (level, (tile, changed)) in (0..LEVELS).zip(&self.levels) {
            if !changed {
                continue;
            }
            if level == 0 {
                let path = TilePath::in_tree(TileKind::Entries, self.size / TILE_WIDTH, self.size);
                files.extend(path.map(|p| TileFile { path: p.to_string(), bytes: self.bundle.clone() }));
            }
            let index = width_of_level(self.size, level) / TILE_WIDTH;
            let path = TilePath { kind: TileKind::Hashes(level), index, width: tile.len() as u16 };
            files.push(TileFile { path: path.to_string(), bytes: encode_hashes(tile) });
        }
    }

    fn root(&self) -> Hash {
        let mut subtrees = Vec::new();
        for (tile, _) in self.levels.iter().rev() {
            let mut rest = tile.as_slice();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(1 << rest.len().ilog2());
                subtrees.push(root_of(head));
                rest = tail;
            }
        }
        fold(&subtrees)
    }
}

/// Appends one entry to a bundle.
///
/// # Errors
/// [`AuditError::EntryTooLong`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> AuditResult<()> {
    let length = u16::try_from(entry.len()).map_err(|_| AuditError::EntryTooLong { bytes: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Makes an entry bundle.
///
/// # Errors
/// [`AuditError::EntryTooLong`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> AuditResult<Vec<u8>> {
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry.as_ref())?;
    }
    Ok(bundle)
}

/// Splits a bundle into its entries; `None` if it is cut short.
#[must_use]
pub fn decode_bundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

/// Reads the hashes of a tile; of a partial tile that has become full since, its first ones.
///
/// # Errors
/// [`AuditError::TileMissing`], [`AuditError::TileLength`].
pub fn read_hashes(reader: &dyn TileReader, tile: TilePath) -> AuditResult<Vec<Hash>> {
    let (path, bytes) = read_or_full(reader, tile)?;
    let expected = usize::from(path.width) * 32;
    if bytes.len() != expected {
        return Err(AuditError::TileLength { path: path.to_string(), expected, found: bytes.len() });
    }
    let hashes = bytes.as_chunks::<32>().0;
    Ok(hashes.iter().take(usize::from(tile.width)).map(|h| Hash(*h)).collect())
}

/// Reads the entries of a bundle; of a partial bundle that has become full since, its first ones.
///
/// # Errors
/// [`AuditError::TileMissing`], [`AuditError::Bundle`].
pub fn read_bundle(reader: &dyn TileReader, tile: TilePath) -> AuditResult<Vec<Vec<u8>>> {
    let (path, bytes) = read_or_full(reader, tile)?;
    let entries = decode_bundle(&bytes).filter(|e| e.len() == usize::from(path.width));
    let entries =
        entries.ok_or_else(|| AuditError::Bundle { path: path.to_string(), expected: u64::from(path.width) })?;
    Ok(entries.into_iter().take(usize::from(tile.width)).map(<[u8]>::to_vec).collect())
}

/// Reads one entry of the tree of `size` entries.
///
/// # Errors
/// [`AuditError::OutOfTree`], [`AuditError::TileMissing`], [`AuditError::Bundle`].
pub fn read_entry(reader: &dyn TileReader, index: u64, size: u64) -> AuditResult<Vec<u8>> {
    let tile = Some(()).filter(|()| index < size);
    let tile = tile.and_then(|()| TilePath::in_tree(TileKind::Entries, index / TILE_WIDTH, size));
    let tile = tile.ok_or(AuditError::OutOfTree { index, size })?;
    let entries = read_bundle(reader, tile)?;
    entries.into_iter().nth((index % TILE_WIDTH) as usize).ok_or(AuditError::OutOfTree { index, size })
}

/// A partial tile may be deleted once the full one is there, so a reader falls back to that.
fn read_or_full(reader: &dyn TileReader, tile: TilePath) -> AuditResult<(TilePath, Vec<u8>)> {
    for path in [tile, tile.full()] {
        if let Some(bytes) = reader.read(&path.to_string()) {
            return Ok((path, bytes));
        }
    }
    Err(AuditError::TileMissing { path: tile.to_string() })
}

fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|h| h.0).collect()
}

/// Hashes and proofs of a tree of `size` entries, computed from its tiles. Trusts the tiles: check the root.
pub struct TileHashes<'a> {
    reader: &'a dyn TileReader,
    size: u64,
    /// The tile read last: neighbouring hashes of a proof are often in one tile.
    last: RefCell<Option<(TilePath, Vec<Hash>)>>,
}

impl<'a> TileHashes<'a> {
    /// Over the tiles of a tree of `size` entries.
    #[must_use]
    pub fn new(reader: &'a dyn TileReader, size: u64) -> Self {
        Self { reader, size, last: RefCell::new(None) }
    }

    /// Root of the tree.
    ///
    /// # Errors
    /// [`AuditError::TileMissing`], [`AuditError::TileLength`].
    pub fn root(&self) -> AuditResult<Hash> {
        root_from(self, self.size)
    }

    /// Proof that entry `index` is in the tree.
    ///
    /// # Errors
    /// [`AuditError::OutOfTree`], [`AuditError::TileMissing`], [`AuditError::TileLength`].
    pub fn inclusion(&self, index: u64) -> AuditResult<Vec<Hash>> {
        prove_inclusion(self, index, self.size)
    }

    /// Proof that the tree extends its first `old` entries.
    ///
    /// # Errors
    /// [`AuditError::OutOfTree`], [`AuditError::TileMissing`], [`AuditError::TileLength`].
    pub fn consistency(&self, old: u64) -> AuditResult<Vec<Hash>> {
        prove_consistency(self, old, self.size)
    }
}

impl HashSource for TileHashes<'_> {
    fn subtree(&self, level: u8, index: u64) -> AuditResult<Hash> {
        let inside = level % 8;
        let first = index << inside;
        let outside = || AuditError::OutOfTree { index: index.saturating_add(1), size: self.size >> level.min(63) };
        let tile = TilePath::in_tree(TileKind::Hashes(level / 8), first / TILE_WIDTH, self.size).ok_or_else(outside)?;
        let mut last = self.last.borrow_mut();
        let hashes = match &mut *last {
            Some((path, hashes)) if *path == tile => hashes,
            other => &mut other.insert((tile, read_hashes(self.reader, tile)?)).1,
        };
        let start = (first % TILE_WIDTH) as usize;
        let leaves = hashes.get(start..start + (1 << inside)).ok_or_else(outside)?;
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|h| frontier.push(*h));
        Ok(frontier.root())
    }
}
