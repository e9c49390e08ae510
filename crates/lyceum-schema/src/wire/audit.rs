//! What the server claims about the log, for comparison with what auditors recompute.

use crate::epoch::Epoch;
use crate::id::{PopulationId, UserId, WorkspaceId};
use crate::name::OrganisationName;
use serde::{Deserialize, Serialize};

/// `GET /v1/audit/claims`: the server's own figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditClaims {
    /// Events in the database when the figures were read; the log grows, the figures don't shrink.
    pub size: u64,
    /// Every account that was ever debited.
    pub accounts: Vec<ClaimedAccount>,
}

/// One account as the server has it. Which of the optional fields are there depends on `account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedAccount {
    /// `root`, `owner`, `workspace` or `researcher`.
    pub account: String,
    /// The population.
    pub population: PopulationId,
    /// The owner, for `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OrganisationName>,
    /// The workspace, for `workspace` and `researcher`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceId>,
    /// The researcher, for `researcher`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The epoch, in a population with epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// ρ spent, in 1e-12.
    pub rho: u64,
    /// δ of key selections spent, in 1e-18.
    pub delta: u64,
    /// How many charges.
    pub charges: u64,
}

/// `GET /v1/audit/artefacts/{ref}`: something that stands beside the log by its salted hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artefact {
    /// SHA-256(salt ‖ content) in lower-case hex, as in the log.
    pub reference: String,
    /// `sql`, `manifest`, `policy`, `answer` or `content`.
    pub kind: String,
    /// The salt in lower-case hex.
    pub salt: String,
    /// The content in standard base64.
    pub content: String,
}
