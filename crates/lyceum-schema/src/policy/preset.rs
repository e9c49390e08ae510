//! The presets: three sets of limits that a policy may start from.
//!
//! | | `strict` | `research` | `teaching` |
//! |---|---|---|---|
//! | meant for | sensitive data, few questions | a joint study | a course on public or old data |
//! | ε per workspace | 1 | 2 | 8 |
//! | ε per researcher | 0.5 | 1 | 4 |
//! | ε per query, at most | 0.25 | 0.5 | 1 |
//! | ε per query, if it doesn't say | 0.05 | 0.25 | 0.5 |
//! | groups per unit (L0) | 1 | 3 | 5 |
//! | rows per unit and group | 1 | 10 | 20 |
//! | k of undeclared keys | 50 | 20 | 10 |
//! | share of δ per key selection | 0.01 | 0.05 | 0.1 |
//! | synthetic: ε, at δ = 1e-9 | 0.5 | 1 | 3 |
//! | synthetic: generator | mst | aim | mst |
//! | approvals | 2 | 2 | 1 |
//!
//! The ε follow what large public releases and deployed query systems call strict (at most 1), usual (around 2) and
//! generous (below 10). A population's own cap still binds: a preset never widens it.

use super::{DpPolicy, Generator, SyntheticPolicy};

/// A named set of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// For sensitive data.
    Strict,
    /// For a joint study.
    Research,
    /// For a course.
    Teaching,
}

impl Preset {
    /// The spellings in a policy.
    pub const WORDS: &'static [&'static str] = &["strict", "research", "teaching"];

    /// Reads a policy's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "strict" => Some(Self::Strict),
            "research" => Some(Self::Research),
            "teaching" => Some(Self::Teaching),
            _ => None,
        }
    }

    /// Approvals needed.
    #[must_use]
    pub const fn approvals(self) -> u8 {
        match self {
            Self::Strict | Self::Research => 2,
            Self::Teaching => 1,
        }
    }

    /// Terms of a synthetic release.
    #[must_use]
    pub const fn synthetic(self) -> SyntheticPolicy {
        let (epsilon, generator) = match self {
            Self::Strict => (0.5, Generator::Mst),
            Self::Research => (1.0, Generator::Aim),
            Self::Teaching => (3.0, Generator::Mst),
        };
        SyntheticPolicy { epsilon, delta: 1e-9, generator, rows: None }
    }

    /// Limits and defaults of a protected release.
    #[must_use]
    pub const fn privacy(self) -> DpPolicy {
        match self {
            Self::Strict => DpPolicy {
                epsilon_per_workspace: 1.0,
                epsilon_per_researcher: 0.5,
                max_epsilon_per_query: 0.25,
                default_epsilon_per_query: 0.05,
                max_groups_contributed: 1,
                max_rows_per_group: 1,
                minimum_group_size: 50,
                selection_delta_share: 0.01,
            },
            Self::Research => DpPolicy {
                epsilon_per_workspace: 2.0,
                epsilon_per_researcher: 1.0,
                max_epsilon_per_query: 0.5,
                default_epsilon_per_query: 0.25,
                max_groups_contributed: 3,
                max_rows_per_group: 10,
                minimum_group_size: 20,
                selection_delta_share: 0.05,
            },
            Self::Teaching => DpPolicy {
                epsilon_per_workspace: 8.0,
                epsilon_per_researcher: 4.0,
                max_epsilon_per_query: 1.0,
                default_epsilon_per_query: 0.5,
                max_groups_contributed: 5,
                max_rows_per_group: 20,
                minimum_group_size: 10,
                selection_delta_share: 0.1,
            },
        }
    }
}
