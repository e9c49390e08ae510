//! What use cases need from a database, a disk and a clock. Operations are use-case sized: whatever must be
//! atomic is one call. Every call that changes something takes the event that says so and appends it to the log
//! in the same transaction (write-ahead audit), returning the event's index.

use crate::model::{
    AccountBalance, Artefact, ChargeOutcome, DatasetRecord, Described, DescribedAnswer, ExcludedUnit, Member,
    NewCharge, NewReport, PopulationRecord, QueryRecord, ReleaseRecord, ReleaseTable, ReportRecord, RewrittenTable,
    StoredAnswer, TableFiles, Token, TokenHash, UploadRecord, User, VersionRecord, Workspace,
};
use async_trait::async_trait;
use lyceum_audit::event::{Account, Event};
use lyceum_schema::epoch::Epochs;
use lyceum_schema::id::{
    ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UploadId, UserId, VersionId, WorkspaceId,
};
use lyceum_schema::name::{DatasetName, OrganisationName, PopulationName, UserName, WorkspaceName};
use lyceum_schema::state::{ReleaseState, Role};
use lyceum_schema::time::Micros;

/// Why a port could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// A name or id is taken.
    #[error("{0} exists already")]
    Exists(String),
    /// Nothing has this name or id.
    #[error("there is no {0}")]
    Missing(String),
    /// The thing is not in a state that allows this.
    #[error("{0}")]
    State(String),
    /// The disk is full or a quota is used up.
    #[error("no space left to write")]
    Full,
    /// Too few witnesses have cosigned the log's newest checkpoint. It is tried again all the time.
    #[error("{0}")]
    Unwitnessed(String),
    /// A witness has seen another history of the log than this one.
    #[error("{0}")]
    Contradicted(String),
    /// The database or disk failed; details are in the operator's log only.
    #[error("storage failed")]
    Storage,
}

/// Result of a port.
pub type PortResult<T> = Result<T, PortError>;

/// Index of an event in the log.
pub type EventIndex = u64;

/// People and tokens.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Adds an account.
    async fn create_user(&self, user: User, event: Event) -> PortResult<EventIndex>;
    /// An account by name.
    async fn user_by_name(&self, name: &UserName) -> PortResult<Option<User>>;
    /// An account by id.
    async fn user(&self, id: UserId) -> PortResult<Option<User>>;
    /// All accounts, by name.
    async fn users(&self) -> PortResult<Vec<User>>;
    /// Stores a token's hash.
    async fn create_token(&self, token: Token, event: Event) -> PortResult<EventIndex>;
    /// The account of a token that is neither revoked nor expired at `now`.
    async fn user_by_token(&self, hash: TokenHash, now: Micros) -> PortResult<Option<(User, TokenId)>>;
    /// A user's tokens that are not revoked (hashes are not returned to clients).
    async fn tokens(&self, user: UserId) -> PortResult<Vec<Token>>;
    /// Revokes a token at once.
    async fn revoke_token(&self, token: TokenId, event: Event) -> PortResult<EventIndex>;
}

/// Workspaces and their members.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// Adds a workspace.
    async fn create_workspace(&self, workspace: Workspace, event: Event) -> PortResult<EventIndex>;
    /// A workspace by name.
    async fn workspace(&self, name: &WorkspaceName) -> PortResult<Option<Workspace>>;
    /// A workspace by id.
    async fn workspace_by_id(&self, id: WorkspaceId) -> PortResult<Option<Workspace>>;
    /// Workspaces that a user is a member of; all, if `user` is `None`.
    async fn workspaces(&self, user: Option<UserId>) -> PortResult<Vec<Workspace>>;
    /// Adds a member, or changes a member's role.
    async fn put_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Role,
        event: Event,
    ) -> PortResult<EventIndex>;
    /// Removes a member.
    async fn remove_member(&self, workspace: WorkspaceId, user: UserId, event: Event) -> PortResult<EventIndex>;
    /// A user's role in a workspace.
    async fn role(&self, workspace: WorkspaceId, user: UserId) -> PortResult<Option<Role>>;
    /// All members, by name.
    async fn members(&self, workspace: WorkspaceId) -> PortResult<Vec<Member>>;
}

/// Datasets and their versions.
#[async_trait]
pub trait Datasets: Send + Sync {
    /// Declares a dataset.
    async fn create_dataset(&self, dataset: DatasetRecord, manifest: Artefact, event: Event) -> PortResult<EventIndex>;
    /// A dataset by name.
    async fn dataset(&self, name: &DatasetName) -> PortResult<Option<DatasetRecord>>;
    /// All datasets, by name.
    async fn datasets(&self) -> PortResult<Vec<DatasetRecord>>;
    /// Begins a version (state draft); numbers it. No event: nothing is visible yet.
    async fn create_version(&self, id: VersionId, dataset: DatasetId, now: Micros) -> PortResult<VersionRecord>;
    /// Records the staged files of one table of a draft; replaces an earlier upload of the same table.
    async fn put_table(&self, version: VersionId, table: TableFiles) -> PortResult<()>;
    /// Publishes a draft: one transaction, all tables at once.
    async fn publish_version(&self, version: VersionId, content: Artefact, event: Event) -> PortResult<EventIndex>;
    /// Notes units that opted out and gives versions their rewritten files, all at once; [`PortError::State`], and
    /// nothing is done, when a table has other files meanwhile than those that were read.
    async fn exclude_units(
        &self,
        dataset: DatasetId,
        units: Vec<ExcludedUnit>,
        rewritten: Vec<RewrittenTable>,
        content: Artefact,
        event: Event,
    ) -> PortResult<EventIndex>;
    /// The units that opted out of a dataset.
    async fn excluded_units(&self, dataset: DatasetId) -> PortResult<Vec<ExcludedUnit>>;
    /// Gives a draft up.
    async fn abandon_version(&self, version: VersionId, event: Event) -> PortResult<EventIndex>;
    /// A version with its tables.
    async fn version(&self, id: VersionId) -> PortResult<Option<VersionRecord>>;
    /// A dataset's versions, newest first.
    async fn versions(&self, dataset: DatasetId) -> PortResult<Vec<VersionRecord>>;
    /// Drafts left over from a killed process.
    async fn drafts(&self) -> PortResult<Vec<VersionRecord>>;
    /// Paths of all files that a published version or a draft refers to: anything else in the store is garbage.
    async fn referenced_files(&self) -> PortResult<Vec<String>>;
}

/// Releases and their reviews.
#[async_trait]
pub trait Releases: Send + Sync {
    /// Proposes a release.
    async fn create_release(&self, release: ReleaseRecord, policy: Artefact, event: Event) -> PortResult<EventIndex>;
    /// A release by id.
    async fn release(&self, id: ReleaseId) -> PortResult<Option<ReleaseRecord>>;
    /// A workspace's releases, newest first.
    async fn releases(&self, workspace: WorkspaceId) -> PortResult<Vec<ReleaseRecord>>;
    /// Adds an approval and, if `next` says so, activates: refused with [`PortError::State`] unless the release
    /// is still `expected`, has the report that it needs, and `by` neither proposed nor approved it.
    async fn approve_release(
        &self,
        id: ReleaseId,
        by: UserId,
        next: ReleaseState,
        event: Event,
    ) -> PortResult<EventIndex>;
    /// Gives a release the rows that were made for it and the report on them; refused with [`PortError::State`] unless it
    /// is proposed and has none yet.
    async fn report_release(&self, report: NewReport, event: Event) -> PortResult<EventIndex>;
    /// The tables of a release that has rows of its own, by name; empty before they are made and after they are deleted.
    async fn release_tables(&self, id: ReleaseId) -> PortResult<Vec<ReleaseTable>>;
    /// The report on a release's own rows.
    async fn release_report(&self, id: ReleaseId) -> PortResult<Option<ReportRecord>>;
    /// Proposed releases without the rows and the report that they should have (after a crash they are dead).
    async fn unreported_releases(&self) -> PortResult<Vec<ReleaseRecord>>;
    /// Paths of all files that releases refer to: with those of versions, anything else in the store is garbage.
    async fn release_files(&self) -> PortResult<Vec<String>>;
    /// Forgets the tables and keys of a release; refused with [`PortError::State`] unless it has ended and was not
    /// deleted before. Its files are garbage from then on.
    async fn delete_release(&self, id: ReleaseId, event: Event) -> PortResult<EventIndex>;
    /// Moves a release; refused with [`PortError::State`] unless [`ReleaseState::may_become`] allows it.
    /// Moving to active resets the failure count.
    async fn move_release(&self, id: ReleaseId, next: ReleaseState, event: Event) -> PortResult<EventIndex>;
}

/// Populations, charges and answers: the ledger. Implementations run every method in one serialisable transaction.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Declares a population and its caps.
    async fn create_population(&self, population: PopulationRecord, event: Event) -> PortResult<EventIndex>;
    /// A population by name.
    async fn population(&self, name: &PopulationName) -> PortResult<Option<PopulationRecord>>;
    /// All populations, by name.
    async fn populations(&self) -> PortResult<Vec<PopulationRecord>>;
    /// The stored answer of a request key, if it was answered and every release it read is still active.
    async fn stored_answer(&self, request_key: [u8; 32]) -> PortResult<Option<StoredAnswer>>;
    /// The newest `limit` barriers of a family, newest first, whose answers are stored and read only releases that are
    /// still active.
    async fn described_answers(&self, family: [u8; 32], limit: u32) -> PortResult<Vec<DescribedAnswer>>;
    /// The stored answer of a charge, whatever became of its releases.
    async fn answer_of(&self, charge: ChargeId) -> PortResult<Option<StoredAnswer>>;
    /// The charge that a client's idempotency key led to.
    async fn charge_by_idempotency_key(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        key: &str,
    ) -> PortResult<Option<QueryRecord>>;
    /// Debits every account in every epoch or none; durable when this returns. Checks in the same transaction that
    /// every release is active, that no equal request is answered or running (unless `fresh`), that the epochs are
    /// of the population's length, and that spent + price fits each cap.
    async fn charge(&self, charge: NewCharge, sql: Artefact, event: Event) -> PortResult<ChargeOutcome>;
    /// Stores the answer of a charge, once, with what its barriers released; durable when this returns. Refused with
    /// [`PortError::State`] when a release that it read is not active any more.
    async fn store_answer(
        &self,
        charge: ChargeId,
        released: Vec<u8>,
        described: Vec<Described>,
        artefact: Artefact,
        event: Event,
    ) -> PortResult<EventIndex>;
    /// Marks a charge as failed for ever, counts the failure against its releases, and pauses those that reach
    /// `pause_after` (their `release.paused` events are appended too).
    async fn fail_charge(&self, charge: ChargeId, pause_after: u32, event: Event) -> PortResult<EventIndex>;
    /// Charges that are neither answered nor failed (after a crash they are dead).
    async fn open_charges(&self) -> PortResult<Vec<QueryRecord>>;
    /// What accounts of a population have spent, by account and epoch.
    async fn balances(&self, population: PopulationId) -> PortResult<Vec<AccountBalance>>;
    /// What one account has spent in these epochs (in a population without epochs: ever). Left out is where it has
    /// never been debited.
    async fn balances_in(&self, account: &Account, epochs: &Epochs) -> PortResult<Vec<AccountBalance>>;
    /// A workspace's charged queries, newest first.
    async fn history(&self, workspace: WorkspaceId, limit: u32) -> PortResult<Vec<QueryRecord>>;
    /// One charged query.
    async fn query(&self, id: QueryId) -> PortResult<Option<QueryRecord>>;
}

/// The log as a service: events in, checkpoints and proofs out.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends an event that no other transaction carries (refusals, prices, repeats, reads), with its artefact. One that
    /// says that releases were read, or answers given again, is refused with [`PortError::State`] unless all the releases
    /// are active at that moment.
    async fn append(&self, event: Event, artefact: Option<Artefact>) -> PortResult<EventIndex>;
    /// Waits until a checkpoint on disk covers the event, signed and cosigned as the log's policy demands.
    /// [`PortError::Unwitnessed`] and [`PortError::Contradicted`] as long as it can't be.
    async fn covered(&self, index: EventIndex) -> PortResult<()>;
    /// Whether an answer could leave now: asks the witnesses, unless they cosigned a moment ago. Errors as
    /// [`EventLog::covered`].
    async fn releasing(&self) -> PortResult<()>;
    /// The policy (C2SP tlog-policy) that this log keeps.
    async fn policy(&self) -> PortResult<String>;
    /// The newest checkpoint that the policy believes (a signed note).
    async fn checkpoint(&self) -> PortResult<String>;
    /// A tile by its path below the log's prefix, e.g. `tile/0/x001/067` or `tile/entries/000.p/5`.
    async fn tile(&self, path: &str) -> PortResult<Option<Vec<u8>>>;
    /// The `.tlog-proof` text of an event under the newest checkpoint.
    async fn receipt(&self, index: EventIndex) -> PortResult<String>;
    /// The verifier key (`name+hash+key`) of the log.
    fn verifier_key(&self) -> String;
    /// Events `[from, to)` as canonical JSON.
    async fn events(&self, from: EventIndex, to: EventIndex) -> PortResult<Vec<Vec<u8>>>;
    /// Number of events in the database (at least the checkpoint's size).
    async fn size(&self) -> PortResult<u64>;
    /// An artefact by its reference.
    async fn artefact(&self, reference: &str) -> PortResult<Option<Artefact>>;
}

/// Keys that turn privacy units into opaque ids. 32 random bytes per purpose, sealed under the master key at rest.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The pseudonym key of a population: created on first use, the same for ever after.
    async fn population_key(&self, population: PopulationId) -> PortResult<SecretKey>;
    /// The key of the unit ids in a release's own rows: created on first use, the same until the release is deleted.
    async fn release_key(&self, release: ReleaseId) -> PortResult<SecretKey>;
}

/// A secret key; zeroised when dropped, never printed.
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct SecretKey(pub [u8; 32]);

/// Resumable uploads and their keys. No events: nothing is visible to anyone else yet.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Begins an upload and makes its key; [`PortError::Exists`] while the same part of the same table is on its way.
    async fn create_upload(&self, upload: UploadRecord) -> PortResult<()>;
    /// An upload by id.
    async fn upload(&self, id: UploadId) -> PortResult<Option<UploadRecord>>;
    /// The uploads of a draft, by table and part.
    async fn uploads_of(&self, version: VersionId) -> PortResult<Vec<UploadRecord>>;
    /// How many uploads an organisation has begun and not ended.
    async fn uploads_in_flight(&self, owner: &OrganisationName) -> PortResult<u64>;
    /// All uploads, first to expire first.
    async fn all_uploads(&self) -> PortResult<Vec<UploadRecord>>;
    /// The key that the upload's bytes are sealed with.
    async fn upload_key(&self, id: UploadId) -> PortResult<SecretKey>;
    /// Notes that more has come, and, once the file is complete, its SHA-256.
    async fn touch_upload(&self, id: UploadId, received: Option<[u8; 32]>, expires: Micros) -> PortResult<()>;
    /// Destroys the key, and with it what was received. Fine if it is gone already.
    async fn forget_upload(&self, id: UploadId) -> PortResult<()>;
}

/// Where raw uploads rest while they are checked: encrypted chunks. An upload in one request has a key that lives in
/// memory only, so that whatever a killed process leaves behind is unreadable; a resumable one has a key of its own
/// that rests sealed ([`Uploads`]).
#[async_trait]
pub trait Spool: Send + Sync {
    /// Begins an upload.
    async fn create(&self) -> PortResult<Box<dyn SpoolWriter>>;
    /// Opens a resumable upload for more bytes: what is there and sound is kept, a torn or damaged end is cut off.
    async fn resume(&self, id: UploadId, key: SecretKey) -> PortResult<Box<dyn PartWriter>>;
    /// Opens a complete resumable upload of `length` bytes for reading, any number of times.
    async fn open(&self, id: UploadId, key: SecretKey, length: u64) -> PortResult<Box<dyn SpoolReader>>;
    /// Deletes the bytes of a resumable upload; fine if there are none.
    async fn delete(&self, id: UploadId) -> PortResult<()>;
    /// The resumable uploads that have bytes.
    async fn resumable(&self) -> PortResult<Vec<UploadId>>;
}

/// A resumable upload that is open for more bytes.
#[async_trait]
pub trait PartWriter: Send {
    /// Appends bytes; after an error the writer is of no use, and [`Spool::resume`] finds what was kept.
    async fn write(&mut self, chunk: bytes::Bytes) -> PortResult<()>;
    /// Makes what was written durable and gives its size in bytes and its SHA-256.
    async fn sync(&mut self) -> PortResult<(u64, [u8; 32])>;
    /// Goes back to what was there at the last [`PartWriter::sync`].
    async fn undo(&mut self) -> PortResult<()>;
}

/// An upload being received. Dropping it deletes what was received.
#[async_trait]
pub trait SpoolWriter: Send {
    /// Appends bytes; [`PortError::Full`] when the disk is full.
    async fn write(&mut self, chunk: bytes::Bytes) -> PortResult<()>;
    /// Ends the upload: everything that was written can be read from the start, any number of times.
    async fn finish(self: Box<Self>) -> PortResult<Box<dyn SpoolReader>>;
}

/// A received upload (blocking reads); bytes that were changed on disk are an error of kind `InvalidData`. Dropping the
/// reader of an upload in one request deletes its bytes and key.
pub trait SpoolReader: std::io::Read + std::io::Seek + Send + Sync {
    /// Bytes that were written.
    fn size(&self) -> u64;
}

/// Now.
pub trait Clock: Send + Sync {
    /// Microseconds since the epoch.
    fn now(&self) -> Micros;
}
