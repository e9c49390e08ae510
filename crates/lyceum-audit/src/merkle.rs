//! The Merkle tree of RFC 6962 with SHA-256: hashes, roots, inclusion and consistency proofs. Proofs are made from
//! any [`HashSource`] (tiles, memory); they are verified by the iterative algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2.

use crate::error::{AuditError, AuditResult};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256 hash of a leaf, a node or a root. Shown in base64, as checkpoints and receipts write it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Reads base64 with padding.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `SHA-256(0x00 ‖ entry)`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Root of the tree without entries: `SHA-256("")`.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// Root over leaf hashes.
#[must_use]
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The right edge of a growing tree: at most 64 hashes, whatever its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, largest first.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// Adds a leaf (or, for a tree over complete subtrees of one size, the root of the next of them).
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut rest = self.size;
        while rest & 1 == 1 {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(left, hash);
            }
            rest >>= 1;
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// Leaves so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.subtrees)
    }
}

/// Root over neighbouring complete subtrees, given largest first.
pub(crate) fn fold(subtrees: &[Hash]) -> Hash {
    subtrees.iter().rev().copied().reduce(|right, left| node_hash(left, right)).unwrap_or_else(empty_root)
}

/// Where hashes of complete subtrees come from.
pub trait HashSource {
    /// Hash of the complete subtree over leaves `[index · 2^level, (index + 1) · 2^level)`.
    ///
    /// # Errors
    /// [`AuditError::TileMissing`] or another error of the place where hashes are kept.
    fn subtree(&self, level: u8, index: u64) -> AuditResult<Hash>;
}

/// Root of the first `size` leaves.
///
/// # Errors
/// What the source returns.
pub fn root_from(source: &dyn HashSource, size: u64) -> AuditResult<Hash> {
    range_hash(source, 0, size)
}

/// Proof that leaf `index` is in the tree of `size` leaves: sibling hashes, from the leaf up (RFC 6962 §2.1.1).
///
/// # Errors
/// [`AuditError::OutOfTree`], or what the source returns.
pub fn prove_inclusion(source: &dyn HashSource, index: u64, size: u64) -> AuditResult<Vec<Hash>> {
    if index >= size {
        return Err(AuditError::OutOfTree { index, size });
    }
    let (mut low, mut high, mut proof) = (0, size, Vec::new());
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(range_hash(source, middle, high)?);
            high = middle;
        } else {
            proof.push(range_hash(source, low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proof that the tree of `new` leaves extends the tree of `old` leaves (RFC 6962 §2.1.2); empty if `old` is 0 or `new`.
///
/// # Errors
/// [`AuditError::OutOfTree`] if `old` is beyond `new`, or what the source returns.
pub fn prove_consistency(source: &dyn HashSource, old: u64, new: u64) -> AuditResult<Vec<Hash>> {
    if old > new {
        return Err(AuditError::OutOfTree { index: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut low, mut high, mut proof) = (0, new, Vec::new());
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range_hash(source, middle, high)?);
            high = middle;
        } else {
            proof.push(range_hash(source, low, middle)?);
            low = middle;
        }
    }
    // A complete old tree is known to the verifier; only an inner piece of it has to be sent.
    if low != 0 {
        proof.push(range_hash(source, low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks an inclusion proof.
///
/// # Errors
/// [`AuditError::OutOfTree`] or [`AuditError::Inclusion`].
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> AuditResult<()> {
    if index >= size {
        return Err(AuditError::OutOfTree { index, size });
    }
    let failed = AuditError::Inclusion { index, size };
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(failed);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(*sibling, hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == root { Ok(()) } else { Err(failed) }
}

/// Checks a consistency proof.
///
/// # Errors
/// [`AuditError::OutOfTree`] if `old` is beyond `new`, else [`AuditError::Consistency`].
pub fn verify_consistency(old: u64, old_root: Hash, new: u64, new_root: Hash, proof: &[Hash]) -> AuditResult<()> {
    if old > new {
        return Err(AuditError::OutOfTree { index: old, size: new });
    }
    let failed = AuditError::Consistency { old, new };
    if old == 0 || old == new {
        let known = if old == 0 { empty_root() } else { new_root };
        return if proof.is_empty() && old_root == known { Ok(()) } else { Err(failed) };
    }
    let mut path = proof.iter().copied();
    let start = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(start) = start else { return Err(failed) };
    let shift = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut from_old, mut from_new) = (start, start);
    for sibling in path {
        if last == 0 {
            return Err(failed);
        }
        if node & 1 == 1 || node == last {
            from_old = node_hash(sibling, from_old);
            from_new = node_hash(sibling, from_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(from_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && from_old == old_root && from_new == new_root { Ok(()) } else { Err(failed) }
}

/// Hash over leaves `[low, high)`, where `low` is a multiple of the largest power of two below or at the length.
fn range_hash(source: &dyn HashSource, low: u64, high: u64) -> AuditResult<Hash> {
    let (mut at, mut subtrees) = (low, Vec::new());
    while at < high {
        let level = (high - at).ilog2();
        subtrees.push(source.subtree(level as u8, at >> level)?);
        at += 1 << level;
    }
    Ok(fold(&subtrees))
}

/// The largest power of two below `n`, for `n` at least 2.
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}
