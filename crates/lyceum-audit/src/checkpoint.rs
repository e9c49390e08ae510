//! Checkpoints (C2SP tlog-checkpoint): a log's origin, size and root as three lines, signed as a note.

use crate::error::{AuditError, AuditResult};
use crate::merkle::Hash;
use crate::note::{KeyKind, LogSigner, Note, VerifierKey};
use std::fmt;
use std::str::FromStr;

/// What a log commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, as in its key.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root over them (RFC 6962).
    pub root: Hash,
}

impl Checkpoint {
    /// Signs. A log signs only after the tiles are durable, and never two inconsistent checkpoints.
    ///
    /// # Errors
    /// [`AuditError::Origin`] if the signer is of another log.
    pub fn sign(&self, signer: &LogSigner) -> AuditResult<String> {
        if signer.name() != self.origin {
            return Err(AuditError::Origin { expected: signer.name().to_owned(), found: self.origin.clone() });
        }
        Ok(signer.sign(&self.to_string())?.to_string())
    }

    /// Reads a signed checkpoint and believes it if `key` signed it.
    ///
    /// # Errors
    /// [`AuditError::NoteSyntax`], [`AuditError::CheckpointSyntax`], [`AuditError::BadSignature`],
    /// [`AuditError::NotSigned`], [`AuditError::KeyKind`], or [`AuditError::Origin`] if it is of another log.
    pub fn open(note: &str, key: &VerifierKey) -> AuditResult<Self> {
        Self::open_note(&Note::parse(note)?, key)
    }

    pub(crate) fn open_note(note: &Note, key: &VerifierKey) -> AuditResult<Self> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(AuditError::KeyKind { name: key.name().to_owned() });
        }
        let checkpoint: Self = note.text().parse()?;
        if checkpoint.origin != key.name() {
            return Err(AuditError::Origin { expected: key.name().to_owned(), found: checkpoint.origin });
        }
        if note.verify(std::slice::from_ref(key))?.is_empty() {
            return Err(AuditError::NotSigned { name: key.name().to_owned() });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = AuditError;

    fn from_str(text: &str) -> AuditResult<Self> {
        let wrong = |line, why| AuditError::CheckpointSyntax { line, why };
        let body = text.strip_suffix('\n').ok_or_else(|| wrong(3, "the last line does not end in a newline"))?;
        let mut lines = body.split('\n');
        let origin = lines.next().filter(|o| !o.is_empty() && !o.contains([' ', '+']));
        let origin = origin.ok_or_else(|| wrong(1, "the origin is not a name"))?.to_owned();
        let size = lines.next().and_then(|s| s.parse::<u64>().ok().filter(|n| n.to_string() == s));
        let size = size.ok_or_else(|| wrong(2, "the size is not a decimal number"))?;
        let root =
            lines.next().and_then(Hash::from_base64).ok_or_else(|| wrong(3, "the root is not 32 bytes of base64"))?;
        if lines.next().is_some() {
            return Err(wrong(4, "extension lines are not known here"));
        }
        Ok(Self { origin, size, root })
    }
}
