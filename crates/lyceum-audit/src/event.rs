//! What happened: one event per decision, release of data, or debit. Canonical JSON (RFC 8785), at most
//! 65,535 bytes. People appear as account ids only (names live in a deletable table); data and SQL appear
//! as salted hashes only; nothing here may be counted from private rows.

use crate::error::{AuditError, AuditResult};
use crate::tile::MAX_ENTRY_BYTES;
use lyceum_schema::epoch::{Epochs, Every};
use lyceum_schema::id::{
    ChargeId, DatasetId, PopulationId, QueryId, ReleaseId, TokenId, UserId, VersionId, WorkspaceId,
};
use lyceum_schema::name::{OrganisationName, PopulationName};
use lyceum_schema::state::{ReleaseKind, Role};
use lyceum_schema::time::Micros;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One leaf of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Format version, now 1.
    pub v: u32,
    /// When, in microseconds since the epoch. For answers: the priced time.
    pub time: Micros,
    /// Who did it; `None`: the system itself (start, recovery, expiry).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<UserId>,
    /// In which workspace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workspace: Option<WorkspaceId>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The format version that [`Event::v`] has now.
pub const EVENT_VERSION: u32 = 1;

/// The largest integer that every JSON reader keeps exactly (RFC 8785 builds on IEEE 754 doubles).
const MAX_EXACT: u64 = (1 << 53) - 1;

impl Event {
    /// Canonical JSON (RFC 8785): what is hashed into the log.
    ///
    /// # Errors
    /// [`AuditError::EntryTooLong`] above 65,535 bytes, [`AuditError::NumberTooLarge`] if an integer is beyond
    /// 2⁵³ − 1, [`AuditError::EventWrite`] if it can't be serialised.
    pub fn to_canonical_json(&self) -> AuditResult<Vec<u8>> {
        let value = serde_json::to_value(self).map_err(|_| AuditError::EventWrite)?;
        if !exact(&value) {
            return Err(AuditError::NumberTooLarge);
        }
        let bytes = serde_json_canonicalizer::to_vec(&value).map_err(|_| AuditError::EventWrite)?;
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(AuditError::EntryTooLong { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads an entry of the log. Only the one canonical spelling is accepted, so that no two readers can disagree
    /// on what an entry says (members twice, unknown members, rounded numbers).
    ///
    /// # Errors
    /// [`AuditError::EventSyntax`], [`AuditError::EventVersion`], [`AuditError::NotCanonical`].
    pub fn from_json(bytes: &[u8]) -> AuditResult<Self> {
        let event: Self = serde_json::from_slice(bytes).map_err(|e| AuditError::EventSyntax { column: e.column() })?;
        if event.v != EVENT_VERSION {
            return Err(AuditError::EventVersion { found: event.v });
        }
        if event.to_canonical_json()? != bytes {
            return Err(AuditError::NotCanonical);
        }
        Ok(event)
    }
}

fn exact(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(n) => {
            n.as_u64().is_some_and(|n| n <= MAX_EXACT) || n.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_EXACT)
        }
        serde_json::Value::Array(values) => values.iter().all(exact),
        serde_json::Value::Object(members) => members.values().all(exact),
        _ => true,
    }
}

/// A salted SHA-256 of something that stands beside the log (SQL text, manifest, policy, answer), in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtefactRef(pub String);

impl ArtefactRef {
    /// `SHA-256(salt ‖ content)` in lower-case hex. The salt has 256 random bits and stays off the log, so that the
    /// content can't be confirmed by guessing, and can be erased without rewriting the log.
    #[must_use]
    pub fn of(salt: &[u8; 32], content: &[u8]) -> Self {
        Self(hex::encode(Sha256::new().chain_update(salt).chain_update(content).finalize()))
    }
}

/// An account of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "account", rename_all = "kebab-case")]
pub enum Account {
    /// Everything ever answered about a population.
    Root {
        /// The population.
        population: PopulationId,
    },
    /// Everything answered from one owner's data about a population.
    Owner {
        /// The population.
        population: PopulationId,
        /// The owner.
        owner: OrganisationName,
    },
    /// Everything one workspace was answered about a population.
    Workspace {
        /// The population.
        population: PopulationId,
        /// The workspace.
        workspace: WorkspaceId,
    },
    /// Everything one researcher of one workspace was answered about a population.
    Researcher {
        /// The population.
        population: PopulationId,
        /// The workspace.
        workspace: WorkspaceId,
        /// The researcher.
        user: UserId,
    },
}

impl Account {
    /// The population whose budget it is part of.
    #[must_use]
    pub const fn population(&self) -> PopulationId {
        match self {
            Self::Root { population }
            | Self::Owner { population, .. }
            | Self::Workspace { population, .. }
            | Self::Researcher { population, .. } => *population,
        }
    }

    /// What kind of account it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Root { .. } => "root",
            Self::Owner { .. } => "owner",
            Self::Workspace { .. } => "workspace",
            Self::Researcher { .. } => "researcher",
        }
    }
}

/// One debit of one account, with the cap it was checked against. An account of a population with epochs has a
/// budget of its own in every epoch: it is debited the whole price in each that is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debit {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// The epochs; none in a population without epochs.
    #[serde(default, skip_serializing_if = "Epochs::is_empty")]
    pub epochs: Epochs,
    /// Cap on ρ, in 1e-12, in each epoch.
    pub cap_rho: u64,
    /// Cap on δ of selections, in 1e-18, in each epoch.
    pub cap_delta: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum EventKind {
    /// The log begins (index 0).
    #[serde(rename = "log.started")]
    LogStarted {
        /// Origin of the log, as in its checkpoints.
        origin: String,
    },
    /// An account for a person.
    #[serde(rename = "identity.user-created")]
    UserCreated {
        /// The account.
        user: UserId,
        /// What it may do outside of workspaces.
        role: Role,
        /// Whom it belongs to.
        organisation: OrganisationName,
    },
    /// A bearer token was issued.
    #[serde(rename = "identity.token-issued")]
    TokenIssued {
        /// The token's public id.
        token: TokenId,
        /// Whose.
        user: UserId,
    },
    /// A bearer token was revoked.
    #[serde(rename = "identity.token-revoked")]
    TokenRevoked {
        /// The token's public id.
        token: TokenId,
    },
    /// A workspace was created.
    #[serde(rename = "workspace.created")]
    WorkspaceCreated {
        /// The workspace.
        workspace_id: WorkspaceId,
    },
    /// Somebody joined a workspace (the grant).
    #[serde(rename = "workspace.member-added")]
    MemberAdded {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
    },
    /// Somebody left a workspace.
    #[serde(rename = "workspace.member-removed")]
    MemberRemoved {
        /// Who.
        user: UserId,
    },
    /// A population and its caps, set once.
    #[serde(rename = "budget.population-created")]
    PopulationCreated {
        /// The population.
        population: PopulationId,
        /// Its name.
        name: PopulationName,
        /// ε of everything together, as decimal text.
        epsilon: String,
        /// δ of everything together, as decimal text.
        delta: String,
        /// δ set aside for conversion, in 1e-18.
        delta_conversion: u64,
        /// Declared size in units.
        declared_size: u64,
        /// Cap on ρ, in 1e-12.
        cap_rho: u64,
        /// Cap on δ of selections, in 1e-18.
        cap_delta: u64,
        /// The epochs that are part of its units: then the caps hold in each of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Every>,
    },
    /// A dataset was declared.
    #[serde(rename = "dataset.created")]
    DatasetCreated {
        /// The dataset.
        dataset: DatasetId,
        /// Its owner.
        owner: OrganisationName,
        /// The manifest.
        manifest: ArtefactRef,
    },
    /// A version was published: all its files at once.
    #[serde(rename = "dataset.version-published")]
    VersionPublished {
        /// The dataset.
        dataset: DatasetId,
        /// The version.
        version: VersionId,
        /// Salted hash over the files' hashes.
        content: ArtefactRef,
    },
    /// A version was given up.
    #[serde(rename = "dataset.version-abandoned")]
    VersionAbandoned {
        /// The version.
        version: VersionId,
    },
    /// People opted out: their rows are gone from every version, and won't be in a later one. Charges stay. Whose rows
    /// they were, and how many, is not said.
    #[serde(rename = "dataset.units-excluded")]
    UnitsExcluded {
        /// The dataset.
        dataset: DatasetId,
        /// Salted hash over the hashes of the files that its versions have now.
        content: ArtefactRef,
    },
    /// A release was proposed.
    #[serde(rename = "release.proposed")]
    ReleaseProposed {
        /// The release.
        release: ReleaseId,
        /// The version.
        version: VersionId,
        /// Its kind.
        kind: ReleaseKind,
        /// The policy.
        policy: ArtefactRef,
        /// Approvals it needs.
        approvals: u8,
        /// Populations its tables draw on.
        populations: Vec<PopulationId>,
        /// Owner who is charged.
        owner: OrganisationName,
    },
    /// A reviewer approved a release.
    #[serde(rename = "release.approved")]
    ReleaseApproved {
        /// The release.
        release: ReleaseId,
        /// The reviewer's reason.
        reason: String,
        /// Whether this was the last approval needed: the release is active from here on.
        active: bool,
    },
    /// A reviewer refused a release.
    #[serde(rename = "release.rejected")]
    ReleaseRejected {
        /// The release.
        release: ReleaseId,
        /// Why.
        reason: String,
    },
    /// Not queryable from here on.
    #[serde(rename = "release.paused")]
    ReleasePaused {
        /// The release.
        release: ReleaseId,
        /// Why.
        reason: String,
    },
    /// Queryable again.
    #[serde(rename = "release.resumed")]
    ReleaseResumed {
        /// The release.
        release: ReleaseId,
    },
    /// Withdrawn for good.
    #[serde(rename = "release.revoked")]
    ReleaseRevoked {
        /// The release.
        release: ReleaseId,
        /// Why.
        reason: String,
    },
    /// Past its policy's expiry: not queryable any more, for good.
    #[serde(rename = "release.expired")]
    ReleaseExpired {
        /// The release.
        release: ReleaseId,
    },
    /// The rows of a release that has its own (mock, synthetic, anonymized) are made, and the report on them is written.
    /// What was approved before this was nothing.
    #[serde(rename = "release.reported")]
    ReleaseReported {
        /// The release.
        release: ReleaseId,
        /// The report.
        report: ArtefactRef,
        /// Salted hash over the files' hashes: the report is about these rows and no others.
        content: ArtefactRef,
        /// Whether no approval is needed (mock releases whose policy asks for none): active from here on.
        active: bool,
    },
    /// The rows of a release could not be made. Final.
    #[serde(rename = "release.failed")]
    ReleaseFailed {
        /// The release.
        release: ReleaseId,
        /// The error's stable code.
        code: String,
    },
    /// The rows and keys of a release that had ended are deleted. What was said about it stays in the log.
    #[serde(rename = "release.deleted")]
    ReleaseDeleted {
        /// The release.
        release: ReleaseId,
    },
    /// Somebody asked for a price (EXPLAIN PRIVACY or a dry run).
    #[serde(rename = "query.priced")]
    QueryPriced {
        /// The SQL text.
        sql: ArtefactRef,
        /// ρ it would cost, in 1e-12.
        rho: u64,
        /// δ of selections it would cost, in 1e-18.
        delta: u64,
    },
    /// A query was refused before any charge.
    #[serde(rename = "query.refused")]
    QueryRefused {
        /// The SQL text.
        sql: ArtefactRef,
        /// The error's stable code.
        code: String,
    },
    /// A query was charged. Durable before the first row is read.
    #[serde(rename = "query.charged")]
    QueryCharged {
        /// The query.
        query: QueryId,
        /// The charge.
        charge: ChargeId,
        /// The SQL text.
        sql: ArtefactRef,
        /// The releases it reads.
        releases: Vec<ReleaseId>,
        /// ρ debited from every account, in every epoch, in 1e-12.
        rho: u64,
        /// δ of selections debited from every account, in every epoch, in 1e-18.
        delta: u64,
        /// The accounts.
        debits: Vec<Debit>,
    },
    /// The charge's answer is stored and may leave.
    #[serde(rename = "query.answered")]
    QueryAnswered {
        /// The query.
        query: QueryId,
        /// The charge that paid for it.
        charge: ChargeId,
        /// The stored released groups.
        answer: ArtefactRef,
    },
    /// An answer that was paid for before was given again, or in another form.
    #[serde(rename = "query.repeated")]
    QueryRepeated {
        /// The charge that paid for it.
        charge: ChargeId,
        /// The SQL text.
        sql: ArtefactRef,
    },
    /// An answer was computed from answers that were paid for before, without new noise.
    #[serde(rename = "query.derived")]
    QueryDerived {
        /// The charges that paid for them: at least one, each once, rising.
        charges: Vec<ChargeId>,
        /// The SQL text.
        sql: ArtefactRef,
    },
    /// Charged, and never answered.
    #[serde(rename = "query.failed")]
    QueryFailed {
        /// The query.
        query: QueryId,
        /// The charge.
        charge: ChargeId,
    },
    /// Only public tables were read.
    #[serde(rename = "query.public")]
    QueryPublic {
        /// The SQL text.
        sql: ArtefactRef,
        /// The releases it reads.
        releases: Vec<ReleaseId>,
    },
    /// Somebody read the log's entries.
    #[serde(rename = "oversight.log-read")]
    LogRead {
        /// Entries up to here (exclusive).
        size: u64,
    },
}

impl EventKind {
    /// The event's type, as in its JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LogStarted { .. } => "log.started",
            Self::UserCreated { .. } => "identity.user-created",
            Self::TokenIssued { .. } => "identity.token-issued",
            Self::TokenRevoked { .. } => "identity.token-revoked",
            Self::WorkspaceCreated { .. } => "workspace.created",
            Self::MemberAdded { .. } => "workspace.member-added",
            Self::MemberRemoved { .. } => "workspace.member-removed",
            Self::PopulationCreated { .. } => "budget.population-created",
            Self::DatasetCreated { .. } => "dataset.created",
            Self::VersionPublished { .. } => "dataset.version-published",
            Self::VersionAbandoned { .. } => "dataset.version-abandoned",
            Self::UnitsExcluded { .. } => "dataset.units-excluded",
            Self::ReleaseProposed { .. } => "release.proposed",
            Self::ReleaseApproved { .. } => "release.approved",
            Self::ReleaseRejected { .. } => "release.rejected",
            Self::ReleasePaused { .. } => "release.paused",
            Self::ReleaseResumed { .. } => "release.resumed",
            Self::ReleaseRevoked { .. } => "release.revoked",
            Self::ReleaseExpired { .. } => "release.expired",
            Self::ReleaseReported { .. } => "release.reported",
            Self::ReleaseFailed { .. } => "release.failed",
            Self::ReleaseDeleted { .. } => "release.deleted",
            Self::QueryPriced { .. } => "query.priced",
            Self::QueryRefused { .. } => "query.refused",
            Self::QueryCharged { .. } => "query.charged",
            Self::QueryAnswered { .. } => "query.answered",
            Self::QueryRepeated { .. } => "query.repeated",
            Self::QueryDerived { .. } => "query.derived",
            Self::QueryFailed { .. } => "query.failed",
            Self::QueryPublic { .. } => "query.public",
            Self::LogRead { .. } => "oversight.log-read",
        }
    }
}
