//! The ports over SQLite: one file per port, one transaction per operation.
//!
//! One connection writes, under `BEGIN IMMEDIATE`, so that every change is serialised and a check made in a
//! transaction still holds when it commits; a few others read. Write-ahead log with `synchronous = FULL`: what was
//! committed survives a power cut. SQL is portable but for the migrations, of which each backend has its own.

pub(crate) mod account;
mod charge;
mod datasets;
mod events;
mod exclusions;
mod identities;
mod keys;
mod ledger;
mod release_rows;
mod releases;
mod row;
mod statement;
mod transaction;
mod uploads;
mod workspaces;

use crate::error::StoreError;
use crate::home::{Home, MasterKey};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, SqlSafeStr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Everything the service remembers, in one SQLite file. Clones share the connections.
#[derive(Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    master: Arc<MasterKey>,
    /// Number of events, for whoever waits for new ones.
    size: watch::Sender<u64>,
}

impl SqliteStore {
    /// Opens the home's database, making or migrating it as needed.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Migration`].
    pub async fn open(home: &Home) -> Result<Self, StoreError> {
        Self::open_file(&home.database(), home.master_key()).await
    }

    async fn open_file(path: &Path, master: Arc<MasterKey>) -> Result<Self, StoreError> {
        let database = |source| StoreError::Database { path: path.to_owned(), source };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // A destroyed key is overwritten, not only forgotten.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(60))
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(database)?;
        migrations().run(&writer).await.map_err(|source| StoreError::Migration { path: path.to_owned(), source })?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await.map_err(database)?;
        let (size, _) = watch::channel(0);
        let store = Self { writer, readers, master, size };
        let events = store.count_events().await.map_err(|source| StoreError::Events { source })?;
        store.size.send_replace(events);
        Ok(store)
    }

    /// Closes all connections; what is committed is safe without it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Connections that read beside the one that writes.
const READERS: u32 = 4;

/// Migrations in order. A released one never changes: its checksum is in every database.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "first", include_str!("../../migrations/sqlite/0001_first.sql")),
    (2, "epochs", include_str!("../../migrations/sqlite/0002_epochs.sql")),
    (3, "answer descriptors", include_str!("../../migrations/sqlite/0003_answer_descriptors.sql")),
    (4, "uploads", include_str!("../../migrations/sqlite/0004_uploads.sql")),
    (6, "release rows", include_str!("../../migrations/sqlite/0006_release_rows.sql")),
];

/// Embedded by `include_str!` rather than by sqlx's macro: no build of its macro crates, and an edit is seen.
fn migrations() -> Migrator {
    let all = MIGRATIONS.iter().map(|(version, description, sql)| {
        Migration::new(
            *version,
            (*description).into(),
            MigrationType::Simple,
            AssertSqlSafe(*sql).into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(all.collect())
}
