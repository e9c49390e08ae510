//! Populations and what is left of their budgets.

use crate::id::PopulationId;
use crate::name::{OrganisationName, PopulationName, WorkspaceName};
use serde::{Deserialize, Serialize};

/// `POST /v1/populations`. Caps are set once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePopulation {
    /// The population's name, unique in the installation.
    pub name: PopulationName,
    /// The organisation that declares it; absent: the caller's. Only an administrator may name another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationName>,
    /// ε that everything ever answered about it may cost. More than 0, at most 1,000.
    pub epsilon: f64,
    /// δ that everything ever answered about it may cost: in (0, 1/(10 × size)].
    pub delta: f64,
    /// How many privacy units it has, about. At least 1.
    pub size: u64,
}

/// A population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// Its id.
    pub id: PopulationId,
    /// Its name.
    pub name: PopulationName,
    /// Who declared it.
    pub organisation: OrganisationName,
    /// ε of everything together, as decimal text.
    pub epsilon: String,
    /// δ of everything together, as decimal text.
    pub delta: String,
    /// Declared size in privacy units.
    pub size: u64,
    /// Cap on ρ, in 1e-12.
    pub cap_rho: u64,
    /// Cap on δ of key selections, in 1e-18.
    pub cap_delta: u64,
}

/// `GET /v1/workspaces/{w}/budget`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceBudget {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// One entry per population that the workspace's releases draw on.
    pub populations: Vec<PopulationBudget>,
}

/// The accounts of one population that a question is charged to; also `GET /v1/populations/{name}/budget`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationBudget {
    /// The population.
    pub population: PopulationName,
    /// ε of everything together, as decimal text.
    pub epsilon: String,
    /// δ of everything together, as decimal text.
    pub delta: String,
    /// The accounts; the one with the smallest share left decides.
    pub accounts: Vec<AccountBudget>,
}

/// One account of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountBudget {
    /// `root`, `owner`, `workspace` or `researcher`.
    pub account: String,
    /// The account in words: `you in mail-lift`, `all of mail-lift`, `all answers from shop`, `everything`.
    pub label: String,
    /// Share of the cap that is spent, in [0, 1]; the larger of ρ's and δ's share.
    pub share_spent: f64,
    /// ε that the whole cap is worth if spent by one question.
    pub epsilon_cap: f64,
    /// ρ spent, in 1e-12.
    pub rho_spent: u64,
    /// Cap on ρ, in 1e-12.
    pub rho_cap: u64,
    /// δ of key selections spent, in 1e-18.
    pub delta_spent: u64,
    /// Cap on δ of key selections, in 1e-18.
    pub delta_cap: u64,
    /// Charges so far.
    pub charges: u64,
}
