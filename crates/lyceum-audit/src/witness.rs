//! What a witness does (C2SP tlog-witness): reads `add-checkpoint` requests, judges them against the last checkpoint of
//! that log that it cosigned, and cosigns. The caller keeps one row per log, the note of that last checkpoint, and:
//! one request per log at a time, and the new row is durable before [`Accepted::cosign`] is called.
//!
//! ```text
//! old <size of the last checkpoint that this witness cosigned>
//! <base64 hash>                    consistency proof, RFC 6962 §2.1.2
//!
//! <the signed checkpoint>
//! ```

use crate::checkpoint::Checkpoint;
use crate::error::{AuditError, AuditResult};
use crate::merkle::{Hash, empty_root, verify_consistency};
use crate::note::{KeyKind, Note, VerifierKey, WitnessSigner};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// More hashes than a proof between 64-bit sizes can need are refused.
const MAX_PROOF: usize = 63;

/// The body of an `add-checkpoint` request. Parsing proves nothing: see [`Witness::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Entries of the last checkpoint that the witness cosigned, as far as the log knows; 0: none.
    pub old: u64,
    /// Consistency proof from there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = AuditError;

    fn from_str(text: &str) -> AuditResult<Self> {
        let wrong = |line, why| AuditError::RequestSyntax { line, why };
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| wrong(1, "no blank line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|l| l.strip_prefix("old "));
        let old = old.and_then(|n| n.parse::<u64>().ok().filter(|size| size.to_string() == n));
        let old = old.ok_or_else(|| wrong(1, "expected `old <decimal>`"))?;
        let mut proof = Vec::new();
        for (line, n) in lines.zip(2..) {
            if proof.len() == MAX_PROOF {
                return Err(wrong(n, "more than 63 hashes"));
            }
            proof.push(Hash::from_base64(line).ok_or_else(|| wrong(n, "a hash is not 32 bytes of base64"))?);
        }
        Note::parse(checkpoint)?;
        Ok(Self { old, proof, checkpoint: checkpoint.to_owned() })
    }
}

/// Why a witness did not cosign. [`Refusal::status`] is what the protocol answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a request.
    #[error("{0}")]
    Malformed(AuditError),
    /// The log is not one of the witness's.
    #[error("the log is not known here")]
    UnknownLog,
    /// No key that the witness knows for the log signed.
    #[error("no known key of the log signed the checkpoint")]
    NotSigned,
    /// The request doesn't start from the last checkpoint that was cosigned.
    #[error("the last checkpoint cosigned here has {size} entries")]
    Conflict {
        /// Its size in entries.
        size: u64,
    },
    /// A second checkpoint of the size that was cosigned last, with another root: the log forked.
    #[error("another checkpoint of {size} entries was cosigned here: the log forked")]
    Forked {
        /// Its size in entries.
        size: u64,
    },
    /// The proof does not lead from the last checkpoint to this one.
    #[error("the checkpoint is not proved to extend the last one cosigned here")]
    Inconsistent,
}

impl Refusal {
    /// The HTTP status that the protocol gives it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::UnknownLog => 404,
            Self::NotSigned => 403,
            Self::Conflict { .. } | Self::Forked { .. } => 409,
            Self::Inconsistent => 422,
        }
    }
}

/// The content type of the body of a 409: the size of the last checkpoint cosigned, in decimal, and a newline.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// A witness: its key, and the logs whose checkpoints it cosigns.
pub struct Witness {
    signer: WitnessSigner,
    logs: Vec<VerifierKey>,
}

impl Witness {
    /// A witness for these logs. Several keys may bear one name: a log that changes its key signs with both for a while.
    ///
    /// # Errors
    /// [`AuditError::KeyKind`] if a key is not a log's.
    pub fn new(signer: WitnessSigner, logs: Vec<VerifierKey>) -> AuditResult<Self> {
        match logs.iter().find(|k| k.kind() != KeyKind::Ed25519) {
            Some(key) => Err(AuditError::KeyKind { name: key.name().to_owned() }),
            None => Ok(Self { signer, logs }),
        }
    }

    /// The key by which its cosignatures are known.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    /// The logs' keys.
    #[must_use]
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The origin that a request is about, if it is of a known log: whose row is to be read next.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], [`Refusal::UnknownLog`].
    pub fn origin_of(&self, request: &AddCheckpoint) -> Result<String, Refusal> {
        let note = Note::parse(&request.checkpoint).map_err(Refusal::Malformed)?;
        let origin = note.text().split('\n').next().unwrap_or_default();
        match self.logs.iter().any(|k| k.name() == origin) {
            true => Ok(origin.to_owned()),
            false => Err(Refusal::UnknownLog),
        }
    }

    /// Reads the row of a log back: the note that [`Accepted::row`] gave.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], if the row is not of a known log or was changed.
    pub fn read_row(&self, row: &str) -> AuditResult<Checkpoint> {
        let note = Note::parse(row)?;
        self.open(&note)
    }

    /// Judges a request against the last checkpoint of its log that was cosigned, `None` if none was.
    ///
    /// # Errors
    /// [`Refusal`], in the protocol's own order.
    pub fn judge(&self, request: &AddCheckpoint, last: Option<&Checkpoint>) -> Result<Accepted<'_>, Refusal> {
        self.origin_of(request)?;
        let note = Note::parse(&request.checkpoint).map_err(Refusal::Malformed)?;
        let next = self.open(&note).map_err(|e| match e {
            AuditError::NotSigned { .. } | AuditError::BadSignature { .. } => Refusal::NotSigned,
            other => Refusal::Malformed(other),
        })?;
        if request.old > next.size {
            return Err(Refusal::Malformed(AuditError::OutOfTree { index: request.old, size: next.size }));
        }
        let (size, root) = last.map_or_else(|| (0, empty_root()), |c| (c.size, c.root));
        if request.old != size {
            return Err(Refusal::Conflict { size });
        }
        if size == next.size && root != next.root {
            return Err(Refusal::Forked { size });
        }
        verify_consistency(size, root, next.size, next.root, &request.proof).map_err(|_| Refusal::Inconsistent)?;
        let grown = last.is_none() || next.size > size;
        Ok(Accepted { witness: self, row: note.keep(&self.logs), checkpoint: next, grown })
    }

    /// Believes a note that a key of the log signed.
    fn open(&self, note: &Note) -> AuditResult<Checkpoint> {
        let mut failure = AuditError::NotSigned { name: "a known log".to_owned() };
        for key in &self.logs {
            match Checkpoint::open_note(note, key) {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(AuditError::Origin { .. }) => {}
                Err(e @ AuditError::NotSigned { .. }) => failure = e,
                Err(e) => return Err(e),
            }
        }
        Err(failure)
    }
}

/// A checkpoint that may be cosigned, once its row is durable.
#[must_use]
pub struct Accepted<'a> {
    witness: &'a Witness,
    row: Note,
    checkpoint: Checkpoint,
    grown: bool,
}

impl Accepted<'_> {
    /// The checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Whether the row changes; if not, there is nothing to make durable.
    #[must_use]
    pub const fn grown(&self) -> bool {
        self.grown
    }

    /// The log's new row: its checkpoint with the known signatures.
    #[must_use]
    pub fn row(&self) -> String {
        self.row.to_string()
    }

    /// The answer to the request: a cosignature made at `time` (Unix seconds), as a line of a note. To be called when
    /// [`Accepted::row`] is durable, and not before.
    #[must_use]
    pub fn cosign(self, time: u64) -> String {
        let mut note = self.row;
        self.witness.signer.cosign(&mut note, time);
        note.signatures().last().map_or_else(String::new, ToString::to_string)
    }
}

/// The path of a log's row in a witness's monitoring interface, and a good name for its file: SHA-256 of the origin in
/// lower-case hex.
#[must_use]
pub fn row_name(origin: &str) -> String {
    hex::encode(Sha256::digest(origin))
}
