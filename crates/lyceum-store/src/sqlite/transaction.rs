//! A write transaction: changes and the events that say so, committed together.

use super::SqliteStore;
use super::row::{Columns, signed};
use super::statement::{failed, insert, optional, run, unreadable};
use lyceum_audit::event::Event;
use lyceum_schema::failpoint;
use lyceum_sharing::model::Artefact;
use lyceum_sharing::port::{EventIndex, PortError, PortResult};
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::watch;

/// The only way to write. Dropped before [`Write::commit`], nothing happened.
pub(super) struct Write {
    inner: Transaction<'static, Sqlite>,
    next: u64,
    size: watch::Sender<u64>,
}

impl SqliteStore {
    /// Waits for its turn to write.
    pub(super) async fn write(&self) -> PortResult<Write> {
        let mut inner = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let next = count(&mut inner).await?;
        Ok(Write { inner, next, size: self.size.clone() })
    }

    /// A snapshot to read from: several statements that see the same moment.
    pub(super) async fn read(&self) -> PortResult<Transaction<'static, Sqlite>> {
        self.readers.begin().await.map_err(failed)
    }

    /// Number of events that are committed.
    pub(super) async fn count_events(&self) -> PortResult<u64> {
        let mut reader = self.readers.acquire().await.map_err(failed)?;
        count(&mut reader).await
    }
}

impl Write {
    /// The connection, for statements of this transaction.
    pub(super) fn on(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }

    /// Appends an event; its index is final when the transaction commits.
    pub(super) async fn event(&mut self, event: &Event) -> PortResult<EventIndex> {
        let index = self.next;
        let leaf = leaf(event)?;
        let statement =
            sqlx::query("INSERT INTO events (idx, leaf) VALUES (?, ?)").bind(signed(index, "the log")?).bind(leaf);
        run(statement, self.on()).await?;
        self.next += 1;
        Ok(index)
    }

    /// Stores an artefact. The same reference again is the same artefact.
    pub(super) async fn artefact(&mut self, artefact: Artefact) -> PortResult<()> {
        let statement = sqlx::query(
            "INSERT INTO artefacts (reference, salt, kind, content) VALUES (?, ?, ?, ?) \
             ON CONFLICT (reference) DO NOTHING",
        )
        .bind(artefact.reference.0)
        .bind(artefact.salt.to_vec())
        .bind(artefact.kind)
        .bind(artefact.content);
        insert(statement, self.on(), || "artefact".to_owned(), "artefact").await
    }

    /// Makes everything durable, then wakes the log.
    pub(super) async fn commit(self) -> PortResult<()> {
        self.inner.commit().await.map_err(failed)?;
        let next = self.next;
        self.size.send_if_modified(|size| {
            let grew = *size < next;
            *size = next.max(*size);
            grew
        });
        Ok(())
    }

    /// Commits between two named crash points.
    pub(super) async fn commit_at(self, before: &str, after: &str) -> PortResult<()> {
        failpoint::hit(before);
        self.commit().await?;
        failpoint::hit(after);
        Ok(())
    }
}

/// The canonical JSON that the log hashes.
fn leaf(event: &Event) -> PortResult<Vec<u8>> {
    event.to_canonical_json().map_err(|error| PortError::State(error.to_string()))
}

/// Indices are dense, so that the largest tells the number.
async fn count(on: &mut SqliteConnection) -> PortResult<u64> {
    let row = optional(sqlx::query("SELECT COALESCE(MAX(idx) + 1, 0) AS size FROM events"), on).await?;
    row.ok_or_else(|| unreadable("size"))?.unsigned("size")
}
