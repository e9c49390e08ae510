//! Receipts (C2SP tlog-proof): a text file that proves offline that one event is in the log.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64 of the canonical event>
//! index <decimal>
//! <base64 sibling hash>          leaf to root, one per line
//!
//! <the signed checkpoint, as it was served>
//! ```
//! The format does not authenticate the `extra` line. Here it does not have to: the leaf hash is computed from the
//! very bytes in `extra`, so if they were changed, the proof no longer leads to the signed root.

use crate::checkpoint::Checkpoint;
use crate::error::{AuditError, AuditResult};
use crate::event::Event;
use crate::merkle::{Hash, leaf_hash, verify_inclusion};
use crate::note::{Note, VerifierKey};
use crate::policy::{Believed, Policy};
use crate::tile::{TileHashes, TileReader, read_entry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// No tree of 64-bit size needs more siblings.
const MAX_SIBLINGS: usize = 64;

/// A receipt. Parsing proves nothing: see [`Receipt::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry: canonical JSON of an event.
    pub event: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// Siblings, leaf to root.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Proved {
    /// What happened.
    pub event: Event,
    /// Its place in the log.
    pub index: u64,
    /// The checkpoint, and who signed it.
    pub believed: Believed,
}

impl Receipt {
    /// Makes the receipt of entry `index` under a signed checkpoint, from tiles.
    ///
    /// # Errors
    /// Errors of the checkpoint ([`Checkpoint::open`]) and tiles; [`AuditError::OutOfTree`] if the checkpoint does not
    /// reach the entry; [`AuditError::Inclusion`] if the tiles don't have the checkpoint's root.
    pub fn from_tiles(reader: &dyn TileReader, checkpoint: &str, log: &VerifierKey, index: u64) -> AuditResult<Self> {
        let signed = Checkpoint::open(checkpoint, log)?;
        let event = read_entry(reader, index, signed.size)?;
        let proof = TileHashes::new(reader, signed.size).inclusion(index)?;
        verify_inclusion(leaf_hash(&event), index, signed.size, &proof, signed.root)?;
        Ok(Self { event: Some(event), index, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Checks the whole receipt: signatures, quorum, and that the event in its `extra` line is the entry.
    ///
    /// # Errors
    /// Errors of [`Policy::open`]; [`AuditError::Inclusion`] if event, index, proof and checkpoint don't belong
    /// together; [`AuditError::ReceiptWithoutEvent`].
    pub fn verify(&self, policy: &Policy) -> AuditResult<Proved> {
        let event = self.event.as_deref().ok_or(AuditError::ReceiptWithoutEvent)?;
        self.verify_event(policy, event)
    }

    /// As [`Receipt::verify`], for an event that is held beside the receipt (`extra` is not looked at).
    ///
    /// # Errors
    /// As [`Receipt::verify`].
    pub fn verify_event(&self, policy: &Policy, event: &[u8]) -> AuditResult<Proved> {
        let believed = policy.open(&self.checkpoint)?;
        let (size, root) = (believed.checkpoint.size, believed.checkpoint.root);
        verify_inclusion(leaf_hash(event), self.index, size, &self.proof, root)?;
        Ok(Proved { event: Event::from_json(event)?, index: self.index, believed })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(event) = &self.event {
            writeln!(f, "extra {}", STANDARD.encode(event))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.proof {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Receipt {
    type Err = AuditError;

    fn from_str(text: &str) -> AuditResult<Self> {
        let wrong = |line, why| AuditError::ReceiptSyntax { line, why };
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| wrong(1, "no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').zip(1..).peekable();
        if lines.next().is_none_or(|(line, _)| line != HEADER) {
            return Err(wrong(1, "the first line is c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next_if(|(line, _)| line.starts_with("extra "));
        let event = match extra {
            Some((line, n)) => {
                Some(STANDARD.decode(&line["extra ".len()..]).map_err(|_| wrong(n, "extra is not base64"))?)
            }
            None => None,
        };
        let (line, n) = lines.next().ok_or_else(|| wrong(2, "there is no index line"))?;
        let index = line.strip_prefix("index ").and_then(|i| i.parse::<u64>().ok().filter(|n| n.to_string() == i));
        let index = index.ok_or_else(|| wrong(n, "expected `index <decimal>`"))?;
        let mut proof = Vec::new();
        for (line, n) in lines {
            if proof.len() == MAX_SIBLINGS {
                return Err(wrong(n, "more than 64 siblings"));
            }
            proof.push(Hash::from_base64(line).ok_or_else(|| wrong(n, "a sibling is not 32 bytes of base64"))?);
        }
        Note::parse(checkpoint)?;
        Ok(Self { event, index, proof, checkpoint: checkpoint.to_owned() })
    }
}
