//! Events and artefacts: what the log is made from.

use super::SqliteStore;
use super::release_rows;
use super::row::{Columns, signed};
use super::statement::{all, optional};
use crate::log::EventSource;
use async_trait::async_trait;
use lyceum_audit::event::{ArtefactRef, Event};
use lyceum_sharing::model::{AccountBalance, Artefact};
use lyceum_sharing::port::{EventIndex, LedgerStore, PortResult};
use tokio::sync::watch;

#[async_trait]
impl EventSource for SqliteStore {
    async fn append(&self, event: Event, artefact: Option<Artefact>) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        release_rows::expect_readable(&mut write, &event).await?;
        if let Some(artefact) = artefact {
            write.artefact(artefact).await?;
        }
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn events(&self, from: EventIndex, to: EventIndex) -> PortResult<Vec<Vec<u8>>> {
        let (from, to) = (from.min(LAST), to.min(LAST));
        let statement = sqlx::query("SELECT leaf FROM events WHERE idx >= ? AND idx < ? ORDER BY idx")
            .bind(signed(from, "the log")?)
            .bind(signed(to, "the log")?);
        all(statement, &self.readers).await?.iter().map(|row| row.blob("leaf")).collect()
    }

    async fn size(&self) -> PortResult<u64> {
        self.count_events().await
    }

    async fn artefact(&self, reference: &str) -> PortResult<Option<Artefact>> {
        let statement = sqlx::query("SELECT reference, salt, kind, content FROM artefacts WHERE reference = ?")
            .bind(reference.to_owned());
        let row = optional(statement, &self.readers).await?;
        row.map(|row| {
            Ok(Artefact {
                reference: ArtefactRef(row.text("reference")?),
                salt: row.bytes32("salt")?,
                kind: row.text("kind")?,
                content: row.blob("content")?,
            })
        })
        .transpose()
    }

    async fn all_balances(&self) -> PortResult<Vec<AccountBalance>> {
        let mut balances = Vec::new();
        for population in self.populations().await? {
            balances.extend(self.balances(population.id).await?);
        }
        Ok(balances)
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }
}

const LAST: u64 = i64::MAX.unsigned_abs();
