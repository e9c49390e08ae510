//! Key files: made once, on first use, and never again while there is data that needs them.

use super::seal::MasterKey;
use crate::durable::{self, Access};
use crate::error::StoreError;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use zeroize::Zeroizing;

/// What signs the log: its origin and the seed of its Ed25519 key.
pub struct LogKey {
    origin: String,
    seed: Zeroizing<[u8; 32]>,
}

impl LogKey {
    /// Origin of the log: the first line of its checkpoints and the name of its key.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The Ed25519 seed.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }
}

/// Reads the master key, or makes it when there is no data yet.
pub(super) fn master(path: &Path, home: &Path, has_data: bool) -> Result<MasterKey, StoreError> {
    let bytes = match read(path, home, has_data)? {
        Some(bytes) => bytes,
        None => {
            let fresh = random()?;
            durable::write(path, fresh.as_slice(), Access::Owner)?;
            Zeroizing::new(fresh.to_vec())
        }
    };
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| StoreError::KeyMalformed { path: path.to_owned() })?;
    Ok(MasterKey::new(key))
}

/// Reads the log's key, or makes it when there is no data yet.
pub(super) fn log(path: &Path, home: &Path, has_data: bool, origin: Option<&str>) -> Result<LogKey, StoreError> {
    named(&Kind { header: "lyceum log key 1", local: "lyceum.local" }, path, home, has_data, origin)
}

/// Reads a witness's key, or makes it when there is no row yet. Its origin is the witness's name.
pub(super) fn witness(path: &Path, home: &Path, has_data: bool, name: Option<&str>) -> Result<LogKey, StoreError> {
    named(&Kind { header: "lyceum witness key 1", local: "witness.local" }, path, home, has_data, name)
}

/// A kind of key file: its first line, and what a key is called that nobody names.
struct Kind {
    header: &'static str,
    local: &'static str,
}

fn named(kind: &Kind, path: &Path, home: &Path, has_data: bool, origin: Option<&str>) -> Result<LogKey, StoreError> {
    let text = match read(path, home, has_data)? {
        Some(bytes) => bytes,
        None => {
            let origin = match origin {
                Some(origin) => origin.to_owned(),
                None => format!("{}/{}", kind.local, hex::encode(&random()?[..8])),
            };
            if !can_name_a_log(&origin) {
                return Err(StoreError::Origin { origin });
            }
            let seed = Zeroizing::new(hex::encode(random()?.as_slice()));
            let text = Zeroizing::new(format!("{}\n{origin}\n{}\n", kind.header, seed.as_str()).into_bytes());
            durable::write(path, &text, Access::Owner)?;
            text
        }
    };
    parse(kind, &text).ok_or_else(|| StoreError::KeyMalformed { path: path.to_owned() })
}

fn parse(kind: &Kind, text: &[u8]) -> Option<LogKey> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    let (header, origin, seed) = (lines.next()?, lines.next()?, lines.next()?);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(seed, bytes.as_mut_slice()).ok()?;
    (header == kind.header && can_name_a_log(origin) && lines.next().is_none())
        .then(|| LogKey { origin: origin.to_owned(), seed: bytes })
}

fn can_name_a_log(origin: &str) -> bool {
    (1..=255).contains(&origin.len()) && !origin.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The file's bytes; `None` when it is not there and may be made.
fn read(path: &Path, home: &Path, has_data: bool) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(e) if e.kind() == ErrorKind::NotFound && has_data => {
            Err(StoreError::KeyMissing { key: path.to_owned(), home: home.to_owned() })
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", path, e)),
    }
}

fn random() -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| StoreError::Random)?;
    Ok(bytes)
}
