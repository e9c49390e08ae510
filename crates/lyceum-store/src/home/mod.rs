//! The home of a server: one directory with its keys, database, log and files, held by one process at a time.
//!
//! ```text
//! HOME/           mode 0700
//!   lock          locked while a process holds the home
//!   master.key    32 random bytes, mode 0600: seals every other secret in the database
//!   log.key       origin and Ed25519 seed of the log, mode 0600
//!   lyceum.db     SQLite
//!   log/          tiles, checkpoint, log.vkey, policy: a copy can be verified anywhere; the operator writes the policy
//!   data/         the object store
//!   spool/        uploads in flight, encrypted: in one request under keys in memory, resumable ones under sealed keys
//!   spill/        room for queries that spill; emptied at start
//! ```

mod keys;
mod seal;
mod witness;

use crate::durable::{self, Access};
use crate::error::StoreError;
pub use keys::LogKey;
pub use seal::MasterKey;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use witness::WitnessHome;

/// An opened home. Clones share the lock, which ends with the last of them.
#[derive(Clone)]
pub struct Home {
    root: PathBuf,
    master: Arc<MasterKey>,
    log: Arc<LogKey>,
    first_run: bool,
    _lock: Arc<File>,
}

impl Home {
    /// Opens the home at `root`, making it on first use; the log's origin is then `lyceum.local/` and 16 random
    /// hexadecimal digits.
    ///
    /// # Errors
    /// [`StoreError::HomeInUse`] while another process holds it, [`StoreError::KeyMissing`] when a key is gone but
    /// there is data, [`StoreError::KeyMalformed`], [`StoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_as(root, None)
    }

    /// Like [`Home::open`], with the origin that a log made now shall have (a name such as
    /// `lyceum.example.org/log`); an existing log keeps its own.
    ///
    /// # Errors
    /// As [`Home::open`], and [`StoreError::Origin`] when the name can't stand in a signed note.
    pub fn open_as(root: &Path, origin: Option<&str>) -> Result<Self, StoreError> {
        fs::create_dir_all(root.parent().unwrap_or(root)).map_err(|e| StoreError::io("create", root, e))?;
        durable::create_private_directory(root)?;
        let lock = lock(root)?;
        let database = root.join(DATABASE);
        let has_data = database.exists() || holds_files(&root.join(DATA)) || holds_files(&root.join(LOG));
        let master = keys::master(&root.join(MASTER_KEY), root, has_data)?;
        let log = keys::log(&root.join(LOG_KEY), root, has_data, origin)?;
        for directory in [DATA, LOG, SPOOL, SPILL] {
            durable::create_private_directory(&root.join(directory))?;
        }
        empty(&root.join(SPILL))?;
        durable::sync_directory(root)?;
        Ok(Self {
            root: root.to_owned(),
            first_run: !database.exists(),
            master: Arc::new(master),
            log: Arc::new(log),
            _lock: Arc::new(lock),
        })
    }

    /// Whether the home had no database yet: nobody has an account.
    #[must_use]
    pub const fn first_run(&self) -> bool {
        self.first_run
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join(DATABASE)
    }

    /// Where tiles and checkpoint are.
    #[must_use]
    pub fn log_directory(&self) -> PathBuf {
        self.root.join(LOG)
    }

    /// Where data files are.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.root.join(DATA)
    }

    /// Where uploads in flight rest, encrypted.
    #[must_use]
    pub fn spool_directory(&self) -> PathBuf {
        self.root.join(SPOOL)
    }

    /// Where queries may spill; emptied whenever the home is opened.
    #[must_use]
    pub fn spill_directory(&self) -> PathBuf {
        self.root.join(SPILL)
    }

    /// The key that seals other secrets.
    #[must_use]
    pub fn master_key(&self) -> Arc<MasterKey> {
        Arc::clone(&self.master)
    }

    /// The key that signs the log.
    #[must_use]
    pub fn log_key(&self) -> &LogKey {
        &self.log
    }

    /// Writes a file that only this user can read (mode 0600), such as the first admin token, and returns its path.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::Full`].
    pub fn write_secret(&self, name: &str, content: &str) -> Result<PathBuf, StoreError> {
        let path = self.root.join(name);
        durable::write(&path, content.as_bytes(), Access::Owner)?;
        Ok(path)
    }
}

const LOCK: &str = "lock";
const MASTER_KEY: &str = "master.key";
const LOG_KEY: &str = "log.key";
const DATABASE: &str = "lyceum.db";
const LOG: &str = "log";
const DATA: &str = "data";
const SPOOL: &str = "spool";
const SPILL: &str = "spill";

/// The lock is advisory and ends with the process, so that a killed server never blocks the next.
fn lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join(LOCK);
    let file = durable::private_file()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| StoreError::io("create", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::HomeInUse { path: root.to_owned() }),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", &path, e)),
    }
}

fn holds_files(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}

fn empty(directory: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(directory).map_err(|e| StoreError::io("read", directory, e))?;
    for entry in entries {
        let path = entry.map_err(|e| StoreError::io("read", directory, e))?.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|e| StoreError::io("delete", &path, e))?;
    }
    Ok(())
}
