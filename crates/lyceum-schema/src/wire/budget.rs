//! Populations and what is left of their budgets.

use crate::epoch::{Epoch, Every};
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
    /// How many privacy units it has, about: with epochs, people in one epoch. At least 1.
    pub size: u64,
    /// The epochs that are part of its units: then the unit is a person in one of them, and the caps hold in each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Every>,
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
    /// The epochs that are part of its units: then the caps hold in each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Every>,
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
    /// The epochs that are part of its units: then each account has a budget in each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Every>,
    /// The accounts; the one with the smallest share left decides.
    pub accounts: Vec<AccountBudget>,
}

/// The epochs of an account in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochsBudget {
    /// The first epoch that can be asked about; for a population's owner, the first in which anything was spent.
    pub first: Epoch,
    /// The last.
    pub last: Epoch,
    /// In how many epochs anything was spent.
    pub touched: u64,
    /// The epoch of which least is left: the account's figures are those of this one.
    pub tightest: Epoch,
}

/// One account of the ledger; with epochs, in the epoch of which least is left.
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
    /// Its epochs; absent in a population without epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<EpochsBudget>,
}
