//! The application: every port and setting that use cases need, in one place.

use crate::actor::Actor;
use crate::port::{Clock, Datasets, EventLog, Identities, KeyStore, LedgerStore, Releases, Spool, Uploads, Workspaces};
use crate::usecase::releases::Making;
use crate::usecase::resumable::live;
use crate::usecase::upload::Claims;
use lyceum_audit::event::{Event, EventKind};
use lyceum_query::engine::Engine;
use lyceum_schema::id::{UserId, WorkspaceId};
use lyceum_schema::time::Micros;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};

/// What the composition root plugs in.
pub struct Ports {
    /// People and tokens.
    pub identities: Arc<dyn Identities>,
    /// Workspaces and members.
    pub workspaces: Arc<dyn Workspaces>,
    /// Datasets and versions.
    pub datasets: Arc<dyn Datasets>,
    /// Releases and reviews.
    pub releases: Arc<dyn Releases>,
    /// Populations, charges and answers.
    pub ledger: Arc<dyn LedgerStore>,
    /// The transparency log.
    pub log: Arc<dyn EventLog>,
    /// Pseudonym keys.
    pub keys: Arc<dyn KeyStore>,
    /// Raw uploads.
    pub spool: Arc<dyn Spool>,
    /// Resumable uploads and their keys.
    pub uploads: Arc<dyn Uploads>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Files of versions, and nothing else.
    pub objects: Arc<dyn object_store::ObjectStore>,
    /// The query engine, over the same files.
    pub engine: Arc<Engine>,
}

/// Limits of an installation.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Largest upload of one table, in bytes.
    pub max_upload_bytes: u64,
    /// How long a resumable upload is kept after its last bytes, and a draft after it was begun.
    pub upload_lifetime: Duration,
    /// Resumable uploads that one organisation may have begun and not ended.
    pub max_uploads_in_flight: u64,
    /// Uploads that are checked at the same time.
    pub concurrent_uploads: usize,
    /// Memory that sorting one upload may use, in bytes.
    pub ingest_memory_bytes: usize,
    /// Where sorting spills rows in the clear while an upload is checked: a tmpfs or an encrypted disk.
    pub ingest_spill_directory: PathBuf,
    /// Share of rows that validation may reject before publication is refused, in [0, 1].
    pub max_rejected_share: f64,
    /// Failures after a charge that pause a release.
    pub pause_after_failures: u32,
    /// How long files stay whose rows were rewritten: questions that were planned before may still read them.
    pub outdated_files_stay: Duration,
    /// Most lines of a workspace's history in one response.
    pub history_lines: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_upload_bytes: 64 << 30,
            upload_lifetime: Duration::from_secs(24 * 60 * 60),
            max_uploads_in_flight: 1_000,
            concurrent_uploads: 2,
            ingest_memory_bytes: 256 << 20,
            ingest_spill_directory: std::env::temp_dir(),
            max_rejected_share: 0.5,
            pause_after_failures: 3,
            outdated_files_stay: Duration::from_secs(3_600),
            history_lines: 1_000,
        }
    }
}

/// Everything that use cases need. Made once, shared behind an [`Arc`].
pub struct App {
    pub(crate) identities: Arc<dyn Identities>,
    pub(crate) workspaces: Arc<dyn Workspaces>,
    pub(crate) datasets: Arc<dyn Datasets>,
    pub(crate) releases: Arc<dyn Releases>,
    pub(crate) ledger: Arc<dyn LedgerStore>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) spool: Arc<dyn Spool>,
    pub(crate) resumable: Arc<dyn Uploads>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) objects: Arc<dyn object_store::ObjectStore>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) config: Config,
    /// One review at a time, so that two last approvals can't both believe that the other is missing.
    pub(crate) reviews: Mutex<()>,
    /// One opt-out at a time: each reads and rewrites what the one before wrote.
    pub(crate) exclusions: Mutex<()>,
    /// Places for uploads being checked.
    pub(crate) uploads: Semaphore,
    /// Tables being uploaded.
    pub(crate) claims: Claims,
    /// Resumable uploads that are open for more bytes.
    pub(crate) open_uploads: live::Open,
    /// When a reader of the log's entries was last noted in it.
    pub(crate) log_reads: Mutex<HashMap<UserId, Micros>>,
    /// Releases whose rows are being made.
    pub(crate) making: Making,
}

impl App {
    /// Plugs the ports in.
    #[must_use]
    pub fn new(ports: Ports, config: Config) -> Self {
        let Ports {
            identities,
            workspaces,
            datasets,
            releases,
            ledger,
            log,
            keys,
            spool,
            uploads: resumable,
            clock,
            objects,
            engine,
        } = ports;
        Self {
            identities,
            workspaces,
            datasets,
            releases,
            ledger,
            log,
            keys,
            spool,
            resumable,
            clock,
            objects,
            engine,
            uploads: Semaphore::new(config.concurrent_uploads.max(1)),
            config,
            reviews: Mutex::new(()),
            exclusions: Mutex::new(()),
            claims: Claims::default(),
            open_uploads: Mutex::default(),
            log_reads: Mutex::new(HashMap::new()),
            making: Making::default(),
        }
    }

    /// The limits.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// When an upload that bytes came for now will have expired.
    pub(crate) fn upload_expiry(&self) -> Micros {
        self.lives_until(self.clock.now())
    }

    /// When what was touched at `since` will have expired.
    pub(crate) fn lives_until(&self, since: Micros) -> Micros {
        let lifetime = i64::try_from(self.config.upload_lifetime.as_micros()).unwrap_or(i64::MAX);
        Micros(since.0.saturating_add(lifetime))
    }

    /// An event of now, by `actor` (`None`: the system itself).
    pub(crate) fn event(&self, actor: Option<&Actor>, workspace: Option<WorkspaceId>, kind: EventKind) -> Event {
        Event { v: 1, time: self.clock.now(), actor: actor.map(Actor::id), workspace, kind }
    }
}
