//! The life of releases, versions and queries: one enum each, and the moves that are allowed.

use serde::{Deserialize, Serialize};

/// What a person may be in a workspace, and (account role) outside of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the installation; sees no answers and no rows.
    Admin,
    /// Industry: owns datasets and populations.
    Partner,
    /// Asks questions.
    Researcher,
    /// Approves releases and audits the log.
    Reviewer,
}

impl Role {
    /// All roles, in the order in which matrices print them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Partner, Self::Researcher, Self::Reviewer];

    /// The wire spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Partner => "partner",
            Self::Researcher => "researcher",
            Self::Reviewer => "reviewer",
        }
    }
}

/// The fidelity of a release, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseKind {
    /// Rows made from the manifest alone.
    Mock,
    /// Rows sampled from a differentially private model.
    Synthetic,
    /// Generalised and suppressed rows.
    Anonymized,
    /// Full-fidelity rows behind the differential-privacy engine.
    Protected,
}

impl ReleaseKind {
    /// The SQL schema name and wire spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mock => "mock",
            Self::Synthetic => "synthetic",
            Self::Anonymized => "anonymized",
            Self::Protected => "protected",
        }
    }
}

/// Where a release is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseState {
    /// Proposed by its owner, waiting for review.
    Proposed,
    /// Approved and queryable.
    Active,
    /// Refused by a reviewer. Final.
    Rejected,
    /// Not queryable until the owner resumes it.
    Paused,
    /// Past its policy's expiry. Final.
    Expired,
    /// Withdrawn by its owner. Final.
    Revoked,
    /// Its rows could not be made. Final.
    Failed,
}

impl ReleaseState {
    /// The wire spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Paused => "paused",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing can happen to it any more, but that it is deleted.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Revoked | Self::Failed)
    }

    /// Whether a release may move from `self` to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use ReleaseState::{Active, Expired, Failed, Paused, Proposed, Rejected, Revoked};
        matches!(
            (self, next),
            (Proposed, Active | Rejected | Revoked | Failed)
                | (Active, Paused | Expired | Revoked)
                | (Paused, Active | Expired | Revoked)
        )
    }
}

/// Where a dataset version is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionState {
    /// Tables are being uploaded; invisible to everybody else.
    Draft,
    /// Immutable; can be released.
    Published,
    /// Given up or left over from a killed process; its files are gone.
    Abandoned,
}

/// How a priced query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueryState {
    /// Charged; the answer is being computed.
    Charged,
    /// The answer is stored and was given.
    Answered,
    /// Charged, and no answer was or will be given.
    Failed,
}
