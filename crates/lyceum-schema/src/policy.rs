//! The policy of a release: its kind, its budget, its bounds, who must approve it and until when.
//!
//! [`Policy::parse`] is the only way in. ε here is what people type; the ledger's currency is ρ.

mod anonymity;
mod hierarchy;
mod parse;
mod preset;
mod transform;

use crate::state::ReleaseKind;
use crate::time::Micros;
pub use anonymity::{Anonymity, AnonymityEngine, ColumnHierarchy, RangePrint};
pub use hierarchy::{DateStep, HierarchySource};
pub use preset::Preset;
pub use transform::{ColumnTransform, TransformAction};

/// Why a policy is refused: one problem and its place.
pub type PolicyError = crate::document::DocumentError;

/// A policy, consistent by construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) kind: ReleaseKind,
    pub(crate) purpose: String,
    pub(crate) approvals: u8,
    pub(crate) expires: Option<Micros>,
    pub(crate) privacy: DpPolicy,
    pub(crate) anonymity: Option<Anonymity>,
    pub(crate) canonical: String,
}

impl Policy {
    /// The kind of release.
    #[must_use]
    pub const fn kind(&self) -> ReleaseKind {
        self.kind
    }
    /// What the data may be used for, in words.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }
    /// Approvals by reviewers needed before the release is active (1 or 2).
    #[must_use]
    pub const fn approvals(&self) -> u8 {
        self.approvals
    }
    /// When access ends.
    #[must_use]
    pub const fn expires(&self) -> Option<Micros> {
        self.expires
    }
    /// How tables are anonymised: for `anonymized` releases and no others.
    #[must_use]
    pub const fn anonymity(&self) -> Option<&Anonymity> {
        self.anonymity.as_ref()
    }
    /// Differential-privacy limits and defaults; of other kinds than `protected` releases nothing asks for them.
    #[must_use]
    pub const fn privacy(&self) -> &DpPolicy {
        &self.privacy
    }
    /// The policy as canonical text: equal policies have equal text. Its SHA-256 names the policy in the log.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Limits and defaults of a `protected` release. All ε are for the population's δ.
#[derive(Debug, Clone, PartialEq)]
pub struct DpPolicy {
    /// ε that all of the workspace's answers together may cost, if asked as one. More than 0.
    pub epsilon_per_workspace: f64,
    /// ε that one researcher's answers together may cost. More than 0, at most the workspace's.
    pub epsilon_per_researcher: f64,
    /// Largest ε of one query. More than 0.
    pub max_epsilon_per_query: f64,
    /// ε of a query that doesn't say (as if asked alone). More than 0, at most the maximum.
    pub default_epsilon_per_query: f64,
    /// L0: groups one unit may contribute to; a query may ask for fewer. At least 1.
    pub max_groups_contributed: u32,
    /// Rows one unit may contribute to one group in a COUNT; a query may ask for fewer. At least 1.
    pub max_rows_per_group: u32,
    /// k: undeclared keys need at least this many units. At least 2.
    pub minimum_group_size: u32,
    /// δ of one query's key selection, as a share of the population's δ for selections, in (0, 1].
    pub selection_delta_share: f64,
}
