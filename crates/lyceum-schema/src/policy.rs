//! The policy of a release: its kind and what that kind needs to know, who must approve it and until when.
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
    pub(crate) purpose: String,
    pub(crate) approvals: u8,
    pub(crate) expires: Option<Micros>,
    pub(crate) terms: Terms,
    pub(crate) canonical: String,
}

impl Policy {
    /// The kind of release.
    #[must_use]
    pub const fn kind(&self) -> ReleaseKind {
        match self.terms {
            Terms::Mock(_) => ReleaseKind::Mock,
            Terms::Synthetic(_) => ReleaseKind::Synthetic,
            Terms::Anonymized(_) => ReleaseKind::Anonymized,
            Terms::Protected(_) => ReleaseKind::Protected,
        }
    }
    /// What the data may be used for, in words.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }
    /// Approvals by reviewers needed before the release is active (1 or 2; a mock release may do with none).
    #[must_use]
    pub const fn approvals(&self) -> u8 {
        self.approvals
    }
    /// When access ends.
    #[must_use]
    pub const fn expires(&self) -> Option<Micros> {
        self.expires
    }
    /// Whether access has ended at `now`.
    #[must_use]
    pub fn has_expired(&self, now: Micros) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
    /// What the kind of release needs to know.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }
    /// How tables are anonymised; `None` unless the release is `anonymized`.
    #[must_use]
    pub const fn anonymity(&self) -> Option<&Anonymity> {
        match &self.terms {
            Terms::Anonymized(anonymity) => Some(anonymity),
            Terms::Mock(_) | Terms::Synthetic(_) | Terms::Protected(_) => None,
        }
    }
    /// Differential-privacy limits and defaults of answers; `None` unless the release is `protected`.
    #[must_use]
    pub const fn privacy(&self) -> Option<&DpPolicy> {
        match &self.terms {
            Terms::Protected(limits) => Some(limits),
            Terms::Mock(_) | Terms::Synthetic(_) | Terms::Anonymized(_) => None,
        }
    }
    /// The policy as canonical text: equal policies have equal text. Its SHA-256 names the policy in the log.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// What a kind of release needs to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Terms {
    /// Rows made from the manifest alone.
    Mock(MockPolicy),
    /// Rows sampled from a differentially private model.
    Synthetic(SyntheticPolicy),
    /// Generalised and suppressed rows.
    Anonymized(Anonymity),
    /// Full-fidelity rows behind the differential-privacy engine.
    Protected(DpPolicy),
}

/// A `mock` release: equal terms and manifests give equal rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MockPolicy {
    /// Rows of each table, at least 1.
    pub rows: u64,
    /// Seed of the generator.
    pub seed: u64,
}

/// A `synthetic` release. What the model costs is charged once, to the population's root and the owner's account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SyntheticPolicy {
    /// ε of fitting the model, at `delta`. More than 0.
    pub epsilon: f64,
    /// δ of fitting the model, in (0, 0.001].
    pub delta: f64,
    /// How the model is chosen.
    pub generator: Generator,
    /// Rows of each table, at least 1; `None`: as many as the manifest expects.
    pub rows: Option<u64>,
}

/// How a synthetic release's model is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generator {
    /// A maximum spanning tree of two-way marginals (McKenna, Miklau, Sheldon: "Winning the NIST Contest", 2021).
    Mst,
    /// Adaptive and iterative choice of marginals (McKenna et al.: "AIM", 2022): slower, closer to the data.
    Aim,
}

impl Generator {
    /// The spellings in a policy.
    pub const WORDS: &'static [&'static str] = &["mst", "aim"];

    /// Reads a policy's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "mst" => Some(Self::Mst),
            "aim" => Some(Self::Aim),
            _ => None,
        }
    }

    /// The spelling in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mst => "mst",
            Self::Aim => "aim",
        }
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
