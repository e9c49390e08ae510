//! The home of a witness: its key, the logs it knows, and one row per log, each replaced atomically and durably.
//!
//! ```text
//! HOME/            mode 0700
//!   lock           locked while a process holds the home
//!   witness.key    name and Ed25519 seed, mode 0600
//!   logs           verifier keys of known logs, one a line; `#` begins a comment line
//!   rows/<hex>     SHA-256 of a log's origin: the last checkpoint of it that was cosigned
//! ```

use super::{holds_files, keys, lock};
use crate::durable::{self, Access};
use crate::error::StoreError;
use lyceum_audit::note::{VerifierKey, WitnessSigner};
use lyceum_audit::witness::{Witness, row_name};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// An opened home of a witness, held by one process.
pub struct WitnessHome {
    root: PathBuf,
    key: keys::LogKey,
    _lock: File,
}

impl WitnessHome {
    /// Opens the home at `root`, making it on first use with a key of that name (default: `witness.local/` and 16
    /// random hexadecimal digits); an existing key keeps its own.
    ///
    /// # Errors
    /// As [`super::Home::open_as`].
    pub fn open(root: &Path, name: Option<&str>) -> Result<Self, StoreError> {
        fs::create_dir_all(root.parent().unwrap_or(root)).map_err(|e| StoreError::io("create", root, e))?;
        durable::create_private_directory(root)?;
        let lock = lock(root)?;
        let key = keys::witness(&root.join("witness.key"), root, holds_files(&root.join(ROWS)), name)?;
        durable::create_private_directory(&root.join(ROWS))?;
        durable::sync_directory(root)?;
        Ok(Self { root: root.to_owned(), key, _lock: lock })
    }

    /// The witness with the logs that it knows.
    ///
    /// # Errors
    /// [`StoreError::LogsInvalid`], [`StoreError::KeyMalformed`], [`StoreError::Io`].
    pub fn witness(&self) -> Result<Witness, StoreError> {
        let malformed = |_| StoreError::KeyMalformed { path: self.root.join("witness.key") };
        let signer = WitnessSigner::from_seed(self.key.origin(), self.key.seed()).map_err(malformed)?;
        let invalid = |e: lyceum_audit::AuditError| StoreError::LogsInvalid { path: self.root.join(LOGS), source: e };
        Witness::new(signer, self.logs()?).map_err(invalid)
    }

    /// Adds a log to those that are known; one that is known already is left as it is.
    ///
    /// # Errors
    /// As [`WitnessHome::witness`], and [`StoreError::Full`].
    pub fn add_log(&self, key: &VerifierKey) -> Result<(), StoreError> {
        let known = self.logs()?;
        if known.contains(key) {
            return Ok(());
        }
        let mut text = self.read(LOGS)?.unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        durable::write(&self.root.join(LOGS), format!("{text}{key}\n").as_bytes(), Access::Owner)
    }

    /// The row of a log: the last checkpoint that was cosigned.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn row(&self, origin: &str) -> Result<Option<String>, StoreError> {
        self.read(&format!("{ROWS}/{}", row_name(origin)))
    }

    /// Replaces the row of a log; durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::Full`].
    pub fn write_row(&self, origin: &str, row: &str) -> Result<(), StoreError> {
        durable::write(&self.root.join(ROWS).join(row_name(origin)), row.as_bytes(), Access::Owner)
    }

    fn logs(&self) -> Result<Vec<VerifierKey>, StoreError> {
        let text = self.read(LOGS)?.unwrap_or_default();
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let keys: Result<_, _> = lines.map(str::parse).collect();
        keys.map_err(|e| StoreError::LogsInvalid { path: self.root.join(LOGS), source: e })
    }

    fn read(&self, name: &str) -> Result<Option<String>, StoreError> {
        let path = self.root.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", &path, e)),
        }
    }
}

const ROWS: &str = "rows";
const LOGS: &str = "logs";
