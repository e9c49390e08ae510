//! The signed log as files below `HOME/log`: tiles, checkpoint, verifier key and policy, made from the database's
//! events. A copy of the folder can be verified anywhere.
//!
//! The database is written first (an event is committed with what it speaks of); [`TileLog`] follows: as soon as
//! there are events beyond the tree it writes tiles, then signs the checkpoint, and the next flush begins as soon
//! as the last one ended. Killed at any point, the next start writes the very same tiles again.

mod agree;
mod folder;
mod ledger;
mod sequencer;
mod source;
mod witnesses;

use crate::error::StoreError;
use crate::home::Home;
use async_trait::async_trait;
use folder::Folder;
use lyceum_audit::event::{EVENT_VERSION, Event, EventKind};
use lyceum_audit::note::{LogSigner, VerifierKey};
use lyceum_audit::receipt::Receipt;
use lyceum_audit::tile::{TileKind, TilePath, encode_bundle, read_bundle, read_hashes};
use lyceum_sharing::model::Artefact;
use lyceum_sharing::port::{Clock, EventIndex, EventLog, PortError, PortResult};
use sequencer::{Published, Sequencer};
pub use source::EventSource;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
pub use witnesses::Submit;
use witnesses::Witnesses;

/// The log of one home. Dropped, it stops following; [`TileLog::close`] lets it catch up first.
pub struct TileLog {
    source: Arc<dyn EventSource>,
    folder: Folder,
    key: VerifierKey,
    published: watch::Receiver<Published>,
    /// Wakes the follower to ask the witnesses; `None`: the policy needs none.
    probe: Option<Arc<Notify>>,
    /// `None` once closed.
    follower: Mutex<Option<JoinHandle<()>>>,
}

impl TileLog {
    /// Opens the log, begins it on first use, and signs a checkpoint over all events there are.
    ///
    /// # Errors
    /// As [`TileLog::open_witnessed`]; [`StoreError::PolicyInvalid`] too if the policy needs witnesses.
    pub async fn open(home: &Home, source: Arc<dyn EventSource>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_as(home, source, clock, None).await
    }

    /// As [`TileLog::open`], with a way to the witnesses of `HOME/log/policy`. While they can't be reached, the log is
    /// open and covers no event.
    ///
    /// # Errors
    /// When database and signed log disagree, so that no private query may be served: [`StoreError::DatabaseBehind`],
    /// [`StoreError::EntryDiffers`], [`StoreError::RootDiffers`], [`StoreError::LedgerDiffers`],
    /// [`StoreError::CheckpointInvalid`]; when a witness has seen what they don't have: [`StoreError::Contradicted`].
    /// Else [`StoreError::PolicyInvalid`], [`StoreError::Events`], [`StoreError::Io`], [`StoreError::Full`].
    pub async fn open_witnessed(
        home: &Home,
        source: Arc<dyn EventSource>,
        clock: Arc<dyn Clock>,
        submit: Arc<dyn Submit>,
    ) -> Result<Self, StoreError> {
        Self::open_as(home, source, clock, Some(submit)).await
    }

    async fn open_as(
        home: &Home,
        source: Arc<dyn EventSource>,
        clock: Arc<dyn Clock>,
        submit: Option<Arc<dyn Submit>>,
    ) -> Result<Self, StoreError> {
        let origin = home.log_key().origin();
        let malformed = || StoreError::KeyMalformed { path: home.root().join("log.key") };
        let signer = LogSigner::from_seed(origin, home.log_key().seed()).map_err(|_| malformed())?;
        let key = signer.verifier_key().clone();
        let folder = Folder::new(home.log_directory());
        folder.introduce(&key)?;
        let witnesses = Witnesses::new(&folder, &key, submit)?;
        let probe = witnesses.needed().then(|| Arc::new(Notify::new()));
        if source.size().await.map_err(events)? == 0 {
            let kind = EventKind::LogStarted { origin: origin.to_owned() };
            let event = Event { v: EVENT_VERSION, time: clock.now(), actor: None, workspace: None, kind };
            source.append(event, None).await.map_err(events)?;
        }
        let signed = agree::check(&folder, &key, source.as_ref()).await?;
        ledger::check(source.as_ref()).await?;
        let mut sequencer = Sequencer::new(home.clone(), folder.clone(), signer, signed, witnesses);
        let (to, published) = watch::channel(sequencer.catch_up(source.as_ref()).await?);
        let woken = probe.clone().unwrap_or_default();
        let follower = tokio::spawn(sequencer::follow(sequencer, Arc::clone(&source), to, woken));
        Ok(Self { source, folder, key, published, probe, follower: Mutex::new(Some(follower)) })
    }

    /// Waits until the checkpoint covers all events there are now, then stops following and lets go of the home. What
    /// witnesses have not cosigned by then is submitted at the next start.
    ///
    /// # Errors
    /// As [`EventLog::covered`].
    pub async fn close(&self) -> PortResult<()> {
        let size = self.source.size().await?;
        let covered = self.covered(size.saturating_sub(1)).await;
        if let Some(follower) = self.take_follower() {
            follower.abort();
            // Ends as cancelled; awaited so that the home's lock is free when this returns.
            let _ = follower.await;
        }
        match covered {
            Err(PortError::Unwitnessed(_) | PortError::Contradicted(_)) => Ok(()),
            other => other,
        }
    }

    fn take_follower(&self) -> Option<JoinHandle<()>> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn newest(&self) -> PortResult<(u64, Arc<str>)> {
        let published = self.published.borrow();
        match (&published.checkpoint, &published.failure) {
            (Some(checkpoint), _) => Ok((published.size, Arc::clone(checkpoint))),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Err(PortError::Storage),
        }
    }
}

impl Drop for TileLog {
    fn drop(&mut self) {
        if let Some(follower) = self.take_follower() {
            follower.abort();
        }
    }
}

#[async_trait]
impl EventLog for TileLog {
    async fn append(&self, event: Event, artefact: Option<Artefact>) -> PortResult<EventIndex> {
        self.source.append(event, artefact).await
    }

    async fn covered(&self, index: EventIndex) -> PortResult<()> {
        let mut published = self.published.clone();
        let reached = published.wait_for(|p| p.size > index || p.failure.is_some()).await;
        let reached = reached.map_err(|_| PortError::Storage)?;
        match &reached.failure {
            Some(failure) if reached.size <= index => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    async fn releasing(&self) -> PortResult<()> {
        let Some(probe) = &self.probe else { return Ok(()) };
        let mut published = self.published.clone();
        let round = {
            let now = published.borrow_and_update();
            match &now.failure {
                Some(failure) => return Err(failure.clone()),
                None if now.witnessed.is_some_and(|at| at.elapsed() < FRESH) => return Ok(()),
                None => now.round,
            }
        };
        probe.notify_one();
        let asked = published.wait_for(|p| p.round > round).await.map_err(|_| PortError::Storage)?;
        asked.failure.clone().map_or(Ok(()), Err)
    }

    async fn policy(&self) -> PortResult<String> {
        self.folder.policy().map_err(|_| PortError::Storage)
    }

    async fn checkpoint(&self) -> PortResult<String> {
        Ok(self.newest()?.1.to_string())
    }

    async fn tile(&self, path: &str) -> PortResult<Option<Vec<u8>>> {
        let Ok(wanted) = path.parse::<TilePath>() else { return Ok(None) };
        let (folder, size) = (self.folder.clone(), self.newest()?.0);
        blocking(move || tile(&folder, wanted, size)).await
    }

    async fn receipt(&self, index: EventIndex) -> PortResult<String> {
        // A partial tile may be replaced while a proof is read from it; the next checkpoint's is there then.
        for _ in 0..RECEIPT_TRIES {
            let (size, checkpoint) = self.newest()?;
            if index >= size {
                return Err(PortError::Missing(format!("checkpoint that covers event {index}")));
            }
            let (folder, key) = (self.folder.clone(), self.key.clone());
            let receipt = blocking(move || Receipt::from_tiles(&folder, &checkpoint, &key, index)).await?;
            match receipt {
                Ok(receipt) => return Ok(receipt.to_string()),
                Err(error) => tracing::warn!(code = error.code(), %error, "a receipt could not be made; trying again"),
            }
        }
        Err(PortError::Storage)
    }

    fn verifier_key(&self) -> String {
        self.key.to_string()
    }

    async fn events(&self, from: EventIndex, to: EventIndex) -> PortResult<Vec<Vec<u8>>> {
        self.source.events(from, to).await
    }

    async fn size(&self) -> PortResult<u64> {
        self.source.size().await
    }

    async fn artefact(&self, reference: &str) -> PortResult<Option<Artefact>> {
        self.source.artefact(reference).await
    }
}

const RECEIPT_TRIES: u32 = 3;
/// How long ago witnesses may have cosigned for it to be believed that they still do.
const FRESH: Duration = Duration::from_secs(1);

/// The tile as it was when the tree had fewer entries too: a narrower tile is the beginning of a wider one.
fn tile(folder: &Folder, wanted: TilePath, size: u64) -> Option<Vec<u8>> {
    let now = TilePath::in_tree(wanted.kind, wanted.index, size).filter(|now| now.width >= wanted.width)?;
    let width = usize::from(wanted.width);
    match wanted.kind {
        TileKind::Entries => encode_bundle(read_bundle(folder, now).ok()?.get(..width)?).ok(),
        TileKind::Hashes(_) => Some(read_hashes(folder, now).ok()?.get(..width)?.iter().flat_map(|h| h.0).collect()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> PortResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| PortError::Storage)
}

fn events(source: PortError) -> StoreError {
    StoreError::Events { source }
}
