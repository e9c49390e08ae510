//! Where events come from: the database half of the log.

use async_trait::async_trait;
use lyceum_audit::event::Event;
use lyceum_sharing::model::{AccountBalance, Artefact};
use lyceum_sharing::port::{EventIndex, PortResult};
use tokio::sync::watch;

/// Events in the order in which they were committed. Implemented by every database adapter.
#[async_trait]
pub trait EventSource: Send + Sync {
    /// Appends an event with its artefact in a transaction of its own.
    async fn append(&self, event: Event, artefact: Option<Artefact>) -> PortResult<EventIndex>;
    /// Events `[from, to)` as canonical JSON; fewer if there are fewer.
    async fn events(&self, from: EventIndex, to: EventIndex) -> PortResult<Vec<Vec<u8>>>;
    /// Number of committed events.
    async fn size(&self) -> PortResult<u64>;
    /// An artefact by its reference.
    async fn artefact(&self, reference: &str) -> PortResult<Option<Artefact>>;
    /// What every account of every population has spent, to compare with what the events add up to.
    async fn all_balances(&self) -> PortResult<Vec<AccountBalance>>;
    /// Number of events as far as this process committed them: changes wake the log.
    fn subscribe(&self) -> watch::Receiver<u64>;
}
