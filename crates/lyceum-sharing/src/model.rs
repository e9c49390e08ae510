//! What the service remembers, as plain data between use cases and ports. Nothing here holds private rows.

use lyceum_audit::event::{Account, ArtefactRef};
use lyceum_privacy::Budget;
pub use lyceum_query::catalog::DataFile;
use lyceum_schema::epoch::{Epoch, Epochs, Every};
use lyceum_schema::id::{
    ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UploadId, UserId, VersionId, WorkspaceId,
};
use lyceum_schema::name::{DatasetName, OrganisationName, PopulationName, TableName, UserName, WorkspaceName};
use lyceum_schema::state::{QueryState, ReleaseKind, ReleaseState, Role, VersionState};
use lyceum_schema::time::Micros;
use lyceum_schema::wire::FileOptions;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: UserName,
    /// Whom it belongs to.
    pub organisation: OrganisationName,
    /// What it may do outside of workspaces.
    pub role: Role,
}

/// SHA-256 of a bearer token's secret. The secret has 256 random bits, so a plain hash is enough.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A bearer token as stored.
#[derive(Clone)]
pub struct Token {
    /// Its public id.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// Hash of its secret.
    pub hash: TokenHash,
    /// What it is for, in its owner's words.
    pub label: String,
    /// When it was issued.
    pub created: Micros,
    /// When it ends; `None`: never.
    pub expires: Option<Micros>,
}

/// A joint research project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: WorkspaceName,
    /// What it studies.
    pub purpose: String,
}

/// A person in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: User,
    /// As what.
    pub role: Role,
}

/// A population with its caps. Caps are set once and may only fall.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationRecord {
    /// Its id.
    pub id: PopulationId,
    /// Its name.
    pub name: PopulationName,
    /// The organisation that declared it.
    pub organisation: OrganisationName,
    /// ε of everything together, as typed (decimal text).
    pub epsilon: String,
    /// δ of everything together, as typed (decimal text).
    pub delta: String,
    /// δ set aside for conversion, in 1e-18.
    pub delta_conversion: u64,
    /// How many units there are, as declared.
    pub declared_size: u64,
    /// Cap of the root account and of each owner's; with epochs, in each epoch.
    pub cap: Budget,
    /// The epochs that are part of its units.
    pub epoch: Option<Every>,
}

/// A dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetRecord {
    /// Its id.
    pub id: DatasetId,
    /// Its name, unique in the installation.
    pub name: DatasetName,
    /// Its owner.
    pub owner: OrganisationName,
    /// The manifest as TOML text; it parsed when it was stored.
    pub manifest: String,
}

/// A version of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionRecord {
    /// Its id.
    pub id: VersionId,
    /// The dataset.
    pub dataset: DatasetId,
    /// 1, 2, … within the dataset.
    pub number: u32,
    /// Where it is in its life.
    pub state: VersionState,
    /// When it was begun.
    pub created: Micros,
    /// Tables uploaded so far.
    pub tables: Vec<TableFiles>,
}

/// The files of one uploaded table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFiles {
    /// The table.
    pub table: TableName,
    /// Its files, by unit range.
    pub files: Vec<DataFile>,
    /// The validation report as JSON, for the owner only.
    pub report: String,
    /// SHA-256 of the uploaded bytes (kept for idempotent retries, never shown unsalted).
    pub upload_sha256: [u8; 32],
}

/// A file of a table that is being received. How much of it is there, the spool knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRecord {
    /// Its id.
    pub id: UploadId,
    /// The draft it is for.
    pub version: VersionId,
    /// The table.
    pub table: TableName,
    /// Which of the table's files it is, from 1.
    pub part: u32,
    /// Who began it.
    pub user: UserId,
    /// Whose data it is.
    pub owner: OrganisationName,
    /// How many bytes it will have.
    pub length: u64,
    /// How the file is to be read, as declared.
    pub options: FileOptions,
    /// SHA-256 of the whole file as the client declared it.
    pub declared_sha256: Option<[u8; 32]>,
    /// SHA-256 of the whole file as received; `None` until it is complete.
    pub received_sha256: Option<[u8; 32]>,
    /// When its key is destroyed, unless more of it comes before.
    pub expires: Micros,
}

/// A release.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRecord {
    /// Its id.
    pub id: ReleaseId,
    /// What is released.
    pub version: VersionId,
    /// The version's dataset.
    pub dataset: DatasetId,
    /// The dataset's name.
    pub dataset_name: DatasetName,
    /// Its owner.
    pub owner: OrganisationName,
    /// To whom.
    pub workspace: WorkspaceId,
    /// Its kind.
    pub kind: ReleaseKind,
    /// The policy as TOML text; it parsed when it was stored.
    pub policy: String,
    /// Tables renamed by `--as`: (manifest name, SQL name).
    pub names: Vec<(TableName, TableName)>,
    /// Where it is in its life.
    pub state: ReleaseState,
    /// Who proposed it.
    pub proposed_by: UserId,
    /// Who approved it so far.
    pub approved_by: Vec<UserId>,
    /// Failures after a charge since it was last resumed.
    pub failures: u32,
    /// When it was proposed.
    pub created: Micros,
    /// Whether its rows and keys are deleted.
    pub deleted: bool,
}

/// A privacy unit that opted out of a dataset, by its id in a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExcludedUnit {
    /// The population.
    pub population: PopulationId,
    /// The unit's id.
    pub unit: u64,
}

/// Other files for a table of a version: the same rows, but for those of units that opted out.
#[derive(Debug, Clone, PartialEq)]
pub struct RewrittenTable {
    /// The version.
    pub version: VersionId,
    /// The table.
    pub table: TableName,
    /// The files that were read.
    pub was: Vec<DataFile>,
    /// Its files from now on.
    pub files: Vec<DataFile>,
}

/// The files of one table of a release that has rows of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseTable {
    /// The table, as the manifest names it.
    pub table: TableName,
    /// Its columns, as an Arrow IPC stream without batches.
    pub schema: Vec<u8>,
    /// Its files, in the order of their rows.
    pub files: Vec<DataFile>,
}

/// The report on a release's own rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRecord {
    /// The report.
    pub reference: ArtefactRef,
    /// Whether the policy's thresholds hold: if not, the release can't be approved.
    pub passes: bool,
    /// Index of the `release.reported` event.
    pub index: u64,
}

/// Rows that are made, and the report on them, about to become part of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReport {
    /// The release.
    pub release: ReleaseId,
    /// Its tables.
    pub tables: Vec<ReleaseTable>,
    /// The report as JSON.
    pub report: Artefact,
    /// The files' hashes.
    pub content: Artefact,
    /// Whether the policy's thresholds hold.
    pub passes: bool,
    /// Proposed, or active where no approval is needed.
    pub next: ReleaseState,
}

/// What a query wants to debit. Every account is debited the whole price in every epoch, or nothing happens.
#[derive(Debug, Clone, PartialEq)]
pub struct DebitRequest {
    /// The account.
    pub account: Account,
    /// The epochs; none in a population without epochs.
    pub epochs: Epochs,
    /// Its cap now, in each epoch: the tightest of population and policies.
    pub cap: Budget,
}

/// A query about to be charged.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCharge {
    /// The query.
    pub query: QueryId,
    /// The charge.
    pub charge: ChargeId,
    /// Where.
    pub workspace: WorkspaceId,
    /// Who.
    pub user: UserId,
    /// The request key: equal keys have equal answers (R9).
    pub request_key: [u8; 32],
    /// The client's idempotency key, if it sent one.
    pub idempotency_key: Option<String>,
    /// The SQL text as asked.
    pub sql: String,
    /// The releases it reads.
    pub releases: Vec<ReleaseId>,
    /// What it costs.
    pub price: Budget,
    /// The accounts.
    pub debits: Vec<DebitRequest>,
    /// Whether to charge although the same request was answered before (`fresh = true`).
    pub fresh: bool,
    /// When it was asked: what `now()` means in it.
    pub time: Micros,
}

/// How charging ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ChargeOutcome {
    /// Debited; the event has this index.
    Charged {
        /// Index of the `query.charged` event.
        index: u64,
    },
    /// The same request is already answered (a race with an equal query): nothing was debited.
    AlreadyAnswered(StoredAnswer),
    /// The same request is being computed by an equal query: nothing was debited, ask again.
    InProgress,
    /// An account can't pay: nothing was debited.
    OverBudget {
        /// The first account that can't pay.
        account: Account,
        /// The first epoch in which it can't.
        epoch: Option<Epoch>,
        /// What it has spent.
        spent: Budget,
        /// Its cap.
        cap: Budget,
    },
    /// A release is not active any more: nothing was debited.
    NotActive {
        /// The release.
        release: ReleaseId,
        /// Its state.
        state: ReleaseState,
    },
}

/// An answered charge: the released groups as bytes, public from the day they left.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAnswer {
    /// The query that was charged.
    pub query: QueryId,
    /// The charge.
    pub charge: ChargeId,
    /// Index of its `query.answered` event.
    pub index: u64,
    /// What it cost.
    pub price: Budget,
    /// When it was answered.
    pub time: Micros,
    /// The released groups (see `lyceum_query::release`).
    pub released: Vec<u8>,
}

/// What one barrier of an answer released: stored beside the answer, so that other questions find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Which of the query's barriers, from 0.
    pub barrier: u32,
    /// Equal families read the same rows of the same releases under the same policies, but for conditions.
    pub family: [u8; 32],
    /// The descriptor as JSON (see `lyceum_query::derive`).
    pub descriptor: String,
}

/// A barrier of an answer that may be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedAnswer {
    /// The charge that paid for the answer.
    pub charge: ChargeId,
    /// What it released.
    pub described: Described,
}

/// A line of a workspace's query history.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryRecord {
    /// The query.
    pub query: QueryId,
    /// The charge.
    pub charge: ChargeId,
    /// Where it was asked.
    pub workspace: WorkspaceId,
    /// Who asked.
    pub user: UserId,
    /// The request key: equal keys have equal answers (R9).
    pub request_key: [u8; 32],
    /// The SQL text.
    pub sql: String,
    /// What it cost.
    pub price: Budget,
    /// How it ended.
    pub state: QueryState,
    /// When it was charged.
    pub time: Micros,
    /// Index of the event that ended it, or of the charge.
    pub index: u64,
}

/// What an account has spent, in one epoch if its population has epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// The epoch.
    pub epoch: Option<Epoch>,
    /// What it has spent.
    pub spent: Budget,
    /// How many charges.
    pub charges: u64,
}

/// An artefact that stands beside the log: its content, and the 256-bit salt that makes its reference unguessable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// SHA-256(salt ‖ content), as in the log.
    pub reference: ArtefactRef,
    /// The salt.
    pub salt: [u8; 32],
    /// What it is: `sql`, `manifest`, `policy`, `answer`, `content`.
    pub kind: String,
    /// The content.
    pub content: Vec<u8>,
}
