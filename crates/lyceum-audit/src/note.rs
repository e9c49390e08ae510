//! Signed notes (C2SP signed-note): a text, a blank line, and signature lines. Ed25519 over the text (type 0x01) for
//! logs, timestamped cosignatures (cosignature/v1, type 0x04) for witnesses. Lines of unknown keys are ignored;
//! a line of a known key that doesn't verify rejects the whole note.

use crate::error::{AuditError, AuditResult};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Signature lines that a note may have: more than the 16 that every reader has to accept, few enough to be cheap.
const MAX_SIGNATURES: usize = 64;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: Ed25519 over `cosignature/v1`, a time and a checkpoint's text.
    Cosignature,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A verifier key: `name+hash+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key's name: a log's origin, or a witness.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether two keys are one underlying key, whatever they are called and sign.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> AuditResult<Self> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(AuditError::KeySyntax { why: "a name has no spaces and no '+', and is not empty" });
        }
        let digest =
            Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]).chain_update(key.as_bytes()).finalize();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        Ok(Self { name: name.to_owned(), kind, id, key })
    }

    /// Checks a signature line that bears this key's name and id; gives the time of a cosignature.
    fn check(&self, text: &str, line: &SignatureLine) -> AuditResult<Option<u64>> {
        let bad = || AuditError::BadSignature { name: self.name.clone() };
        let (time, signature) = match self.kind {
            KeyKind::Ed25519 => (None, line.signature.as_slice()),
            KeyKind::Cosignature => {
                let (time, signature) = line.signature.split_first_chunk::<8>().ok_or_else(bad)?;
                (Some(u64::from_be_bytes(*time)), signature)
            }
        };
        let signature = Signature::from_slice(signature).map_err(|_| bad())?;
        let verified = match time {
            None => self.key.verify_strict(text.as_bytes(), &signature),
            Some(time) => self.key.verify_strict(cosigned_text(time, text).as_bytes(), &signature),
        };
        verified.map(|()| time).map_err(|_| bad())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = AuditError;

    fn from_str(text: &str) -> AuditResult<Self> {
        let wrong = |why| AuditError::KeySyntax { why };
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("three parts are joined by '+'"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| wrong("the key is not base64"))?;
        let (kind, key) = match bytes.split_first() {
            Some((1, key)) => (KeyKind::Ed25519, key),
            Some((4, key)) => (KeyKind::Cosignature, key),
            _ => return Err(wrong("only Ed25519 keys (0x01) and Ed25519 cosignature keys (0x04) are known")),
        };
        let key: &[u8; 32] = key.try_into().map_err(|_| wrong("an Ed25519 key has 32 bytes"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| wrong("not a point of the curve"))?;
        let parsed = Self::new(name, kind, key)?;
        if hex::encode(parsed.id) == id { Ok(parsed) } else { Err(wrong("the hash is not that of the name and key")) }
    }
}

/// A log's signing key. Zeroised when dropped; it can't be printed or copied.
pub struct LogSigner {
    public: VerifierKey,
    secret: SigningKey,
}

impl LogSigner {
    /// The key of `name` (the log's origin) from 32 secret random bytes; the caller zeroises its own copy of them.
    ///
    /// # Errors
    /// [`AuditError::KeySyntax`] if the name has spaces or a '+'.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> AuditResult<Self> {
        let secret = SigningKey::from_bytes(seed);
        Ok(Self { public: VerifierKey::new(name, KeyKind::Ed25519, secret.verifying_key())?, secret })
    }

    /// The public half.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// The log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.public.name()
    }

    /// Signs a text (which ends in a newline) into a note.
    ///
    /// # Errors
    /// [`AuditError::NoteSyntax`] if the text can't be a note's.
    pub fn sign(&self, text: &str) -> AuditResult<Note> {
        let signature = self.secret.sign(text.as_bytes()).to_bytes().to_vec();
        Note::new(text, vec![self.public.line(signature)])
    }
}

/// A witness's signing key. Zeroised when dropped; it can't be printed or copied.
pub struct WitnessSigner {
    public: VerifierKey,
    secret: SigningKey,
}

impl WitnessSigner {
    /// The key of witness `name` from 32 secret random bytes; the caller zeroises its own copy of them.
    ///
    /// # Errors
    /// [`AuditError::KeySyntax`] if the name has spaces or a '+'.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> AuditResult<Self> {
        let secret = SigningKey::from_bytes(seed);
        Ok(Self { public: VerifierKey::new(name, KeyKind::Cosignature, secret.verifying_key())?, secret })
    }

    /// The public half.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// Adds a cosignature/v1 made at `time` (Unix seconds). The witness has checked the note and its consistency
    /// with the last checkpoint that it signed.
    pub fn cosign(&self, note: &mut Note, time: u64) {
        let signature = self.secret.sign(cosigned_text(time, &note.text).as_bytes());
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&signature.to_bytes());
        note.signatures.push(self.public.line(bytes));
    }
}

impl VerifierKey {
    fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine { name: self.name.clone(), key_id: self.id, signature }
    }
}

/// A signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Who says to have signed.
    pub name: String,
    /// First four bytes of the hash over name, type and key.
    pub key_id: [u8; 4],
    /// The signature; a cosignature begins with its time.
    pub signature: Vec<u8>,
}

impl fmt::Display for SignatureLine {
    /// The line as it stands in a note, with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_slice(), &self.signature].concat();
        writeln!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

/// Somebody whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: VerifierKey,
    /// When (Unix seconds), if the signature says so.
    pub time: Option<u64>,
}

/// A text with signatures. Parsing says nothing about who signed: see [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    fn new(text: &str, signatures: Vec<SignatureLine>) -> AuditResult<Self> {
        let wrong = |line, why| Err(AuditError::NoteSyntax { line, why });
        for (i, line) in text.split('\n').enumerate() {
            if line.chars().any(char::is_control) {
                return wrong(i + 1, "control characters are not allowed");
            }
        }
        if !text.ends_with('\n') {
            return wrong(text.split('\n').count(), "the text does not end in a newline");
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Splits a note into its text and signature lines.
    ///
    /// # Errors
    /// [`AuditError::NoteSyntax`].
    pub fn parse(note: &str) -> AuditResult<Self> {
        let wrong = |line, why| AuditError::NoteSyntax { line, why };
        let at = note.rfind("\n\n").ok_or_else(|| wrong(1, "no blank line before the signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let first = text.matches('\n').count() + 2;
        let lines = lines.strip_suffix('\n').ok_or_else(|| wrong(first, "the last line does not end in a newline"))?;
        Self::new(text, signature_lines(lines, first)?)
    }

    /// The same text with the signature lines of `keys` only, whether or not they verify.
    #[must_use]
    pub fn keep(&self, keys: &[VerifierKey]) -> Self {
        let known = |l: &&SignatureLine| keys.iter().any(|k| k.name == l.name && k.id == l.key_id);
        Self { text: self.text.clone(), signatures: self.signatures.iter().filter(known).cloned().collect() }
    }

    /// Adds what a witness answered: those of its signature lines that `key` signed. Others are ignored.
    ///
    /// # Errors
    /// [`AuditError::NoteSyntax`] if the answer is not lines of a note, [`AuditError::BadSignature`] if a line of `key`
    /// doesn't verify, [`AuditError::NotSigned`] if there is none.
    pub fn add(&mut self, answer: &str, key: &VerifierKey) -> AuditResult<()> {
        let wrong = |why| AuditError::NoteSyntax { line: 1, why };
        let lines = answer.strip_suffix('\n').ok_or_else(|| wrong("the last line does not end in a newline"))?;
        let given =
            Self { text: self.text.clone(), signatures: signature_lines(lines, 1)? }.keep(std::slice::from_ref(key));
        if given.verify(std::slice::from_ref(key))?.is_empty() {
            return Err(AuditError::NotSigned { name: key.name.clone() });
        }
        self.signatures.retain(|l| !(l.name == key.name && l.key_id == key.id));
        self.signatures.extend(given.signatures);
        Ok(())
    }

    /// The text that was signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, known or not.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Which of `keys` signed, each once, in the order of `keys`.
    ///
    /// # Errors
    /// [`AuditError::BadSignature`] if a line of one of them does not verify.
    pub fn verify(&self, keys: &[VerifierKey]) -> AuditResult<Vec<Signed>> {
        let mut signed = Vec::new();
        for key in keys {
            let mut latest = None;
            for line in self.signatures.iter().filter(|l| l.name == key.name && l.key_id == key.id) {
                let time = key.check(&self.text, line)?;
                latest = latest.max(Some(time));
            }
            signed.extend(latest.map(|time| Signed { key: key.clone(), time }));
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| write!(f, "{line}"))
    }
}

/// Signature lines of a note; `first` is the number of the first, for messages.
fn signature_lines(lines: &str, first: usize) -> AuditResult<Vec<SignatureLine>> {
    let wrong = |line, why| AuditError::NoteSyntax { line, why };
    let mut signatures = Vec::new();
    for (i, line) in lines.split('\n').enumerate() {
        if i == MAX_SIGNATURES {
            return Err(wrong(first + i, "more than 64 signatures"));
        }
        let parsed = (|| {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            let bytes = STANDARD.decode(signature).ok()?;
            let (key_id, signature) = bytes.split_first_chunk::<4>()?;
            let named = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
            named.then(|| SignatureLine { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
        })();
        signatures.push(parsed.ok_or_else(|| wrong(first + i, "not a signature line (— name base64)"))?);
    }
    Ok(signatures)
}

fn cosigned_text(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
