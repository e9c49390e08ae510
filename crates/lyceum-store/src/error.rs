//! Everything that can go wrong in the adapters before they answer through a port: opening a home, a database or
//! a log, spooling an upload, sweeping the object store. For operators: paths and indices, never rows or SQL.

use std::io;
use std::path::{Path, PathBuf};

/// Why an adapter could not be opened or used. [`StoreError::code`] is stable.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory could not be read or written.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried: `create`, `read`, `write`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process holds the home.
    #[error("{} is in use by another process; stop it, or choose another home", path.display())]
    HomeInUse {
        /// The home.
        path: PathBuf,
    },
    /// A key file is gone although there is data that needs it.
    #[error("{} is missing but {} holds data; restore the key from its backup, a new key can't read the data", key.display(), home.display())]
    KeyMissing {
        /// The key file.
        key: PathBuf,
        /// The home.
        home: PathBuf,
    },
    /// A key file is not what it should be.
    #[error("{} is not a key file of this version; restore it from its backup", path.display())]
    KeyMalformed {
        /// The key file.
        path: PathBuf,
    },
    /// The name of the log can't stand in a signed note.
    #[error("{origin:?} can't name a log: an origin is 1 to 255 characters without spaces, control characters and '+'")]
    Origin {
        /// The name.
        origin: String,
    },
    /// The keys of the logs that a witness knows can't be read.
    #[error("{}: {source}", path.display())]
    LogsInvalid {
        /// The file of keys.
        path: PathBuf,
        /// What is wrong with it.
        source: lyceum_audit::AuditError,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
    /// The database could not be opened or read.
    #[error("could not use the database {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why not.
        source: sqlx::Error,
    },
    /// The database's tables could not be brought to this version.
    #[error("could not bring the database {} to this version; was it made by a newer one?", path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// Why not.
        source: sqlx::migrate::MigrateError,
    },
    /// Events could not be read from, or appended to, the database.
    #[error("could not read the events in the database")]
    Events {
        /// Why not.
        source: lyceum_sharing::port::PortError,
    },
    /// The checkpoint on disk is not one of this log's.
    #[error("{} is not a checkpoint signed by this home's log key", path.display())]
    CheckpointInvalid {
        /// The checkpoint file.
        path: PathBuf,
    },
    /// The policy beside the log is not one that this log can keep.
    #[error("{} is not a policy for this log: {why}", path.display())]
    PolicyInvalid {
        /// The policy file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A witness has cosigned what this home doesn't have.
    #[error("{why}; this home was rolled back or copied: restore the newest database and log")]
    Contradicted {
        /// Which witness, and what it has seen.
        why: String,
    },
    /// The signed log is longer than the database: the database was restored from a backup or cut.
    #[error(
        "the signed log has {checkpoint} entries but the database only {database}: entry {database} is missing; restore a newer database"
    )]
    DatabaseBehind {
        /// Entries in the signed log.
        checkpoint: u64,
        /// Events in the database.
        database: u64,
    },
    /// An entry of the signed log is not what the database says.
    #[error("entry {index} in the database differs from the signed log; one of them was changed")]
    EntryDiffers {
        /// Index of the first such entry.
        index: u64,
    },
    /// The tree over the database's events is not the one that was signed.
    #[error("the root over the first {size} events in the database is not the signed one; an entry was changed")]
    RootDiffers {
        /// Size of the signed tree.
        size: u64,
    },
    /// The ledger's balances are not what the log's events add up to.
    #[error("the ledger does not equal the log at {account}: the database was changed")]
    LedgerDiffers {
        /// The first account that differs.
        account: String,
    },
    /// A chunk of a spooled upload is not what was written.
    #[error("chunk {chunk} of the spooled upload was changed on disk; upload again")]
    SpoolCorrupt {
        /// Number of the chunk, from 0.
        chunk: u64,
    },
    /// An upload is larger than allowed.
    #[error("the upload is larger than the limit of {limit} bytes")]
    SpoolLimit {
        /// The limit in bytes.
        limit: u64,
    },
    /// The disk is full.
    #[error("no space left to write {}", path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// The object store failed.
    #[error("the object store failed")]
    Objects {
        /// Why.
        source: object_store::Error,
    },
}

impl StoreError {
    /// The stable code, for support and documentation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "E5001",
            Self::HomeInUse { .. } => "E5002",
            Self::KeyMissing { .. } => "E5003",
            Self::KeyMalformed { .. } => "E5004",
            Self::Origin { .. } => "E5005",
            Self::Random => "E5006",
            Self::Database { .. } => "E5007",
            Self::Migration { .. } => "E5008",
            Self::Events { .. } => "E5009",
            Self::CheckpointInvalid { .. } => "E5010",
            Self::DatabaseBehind { .. } => "E5011",
            Self::EntryDiffers { .. } => "E5012",
            Self::RootDiffers { .. } => "E5013",
            Self::LedgerDiffers { .. } => "E5014",
            Self::PolicyInvalid { .. } => "E5015",
            Self::Contradicted { .. } => "E5016",
            Self::LogsInvalid { .. } => "E5017",
            Self::SpoolCorrupt { .. } => "E5020",
            Self::SpoolLimit { .. } => "E5021",
            Self::Full { .. } => "E5022",
            Self::Objects { .. } => "E5030",
        }
    }

    /// An I/O failure, told apart from a full disk.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path: path.to_owned() }
            }
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }
}
