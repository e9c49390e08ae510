//! What a replayed log adds up to: counts, budgets and releases.

use super::{ChargeState, Replay};
use crate::event::Account;
use lyceum_schema::epoch::Epoch;
use lyceum_schema::id::{ChargeId, PopulationId, ReleaseId, UserId, WorkspaceId};
use lyceum_schema::name::{OrganisationName, PopulationName};
use lyceum_schema::state::{ReleaseKind, ReleaseState};

/// What the entries add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Entries replayed.
    pub entries: u64,
    /// Accounts of people.
    pub users: u64,
    /// Workspaces.
    pub workspaces: u64,
    /// Charges made.
    pub charges: u64,
    /// Charges answered.
    pub answered: u64,
    /// Charges that failed.
    pub failed: u64,
    /// Charges neither answered nor failed (yet).
    pub open: Vec<ChargeId>,
    /// Paid answers given again, or others computed from them.
    pub repeats: u64,
    /// Prices asked for.
    pub priced: u64,
    /// Queries refused before any charge.
    pub refused: u64,
    /// Queries over public tables.
    pub public: u64,
    /// Times that somebody read the log.
    pub log_reads: u64,
    /// Budgets by population.
    pub populations: Vec<PopulationBudget>,
    /// Every account that was ever debited.
    pub accounts: Vec<AccountSpent>,
    /// Every release ever proposed.
    pub releases: Vec<ReleaseReviewed>,
}

/// The root account of a population; with epochs, the root account in the epoch of which least is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopulationBudget {
    /// The population.
    pub population: PopulationId,
    /// Its name.
    pub name: PopulationName,
    /// ε of everything together, as decimal text.
    pub epsilon: String,
    /// δ of everything together, as decimal text.
    pub delta_total: String,
    /// The root account, with the population's own cap.
    pub root: AccountSpent,
    /// In how many epochs anything was spent; 0 in a population without epochs.
    pub epochs: u64,
}

/// An account, in one epoch if its population has epochs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSpent {
    /// The account.
    pub account: Account,
    /// The epoch.
    pub epoch: Option<Epoch>,
    /// ρ spent, in 1e-12.
    pub rho: u64,
    /// δ of selections spent, in 1e-18.
    pub delta: u64,
    /// Cap on ρ at the last charge, in 1e-12.
    pub cap_rho: u64,
    /// Cap on δ at the last charge, in 1e-18.
    pub cap_delta: u64,
    /// Charges that debited it.
    pub charges: u64,
}

impl AccountSpent {
    /// Share of the budget that is spent, in thousandths, rounded up; the larger of the shares of ρ and δ.
    #[must_use]
    pub fn share_permille(&self) -> u64 {
        let share = |spent: u64, cap: u64| match cap {
            0 => 0,
            cap => (u128::from(spent) * 1000).div_ceil(u128::from(cap)).min(u128::from(u64::MAX)) as u64,
        };
        share(self.rho, self.cap_rho).max(share(self.delta, self.cap_delta))
    }
}

/// A release and who approved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseReviewed {
    /// The release.
    pub release: ReleaseId,
    /// To whom.
    pub workspace: WorkspaceId,
    /// Of whose data.
    pub owner: OrganisationName,
    /// Its kind.
    pub kind: ReleaseKind,
    /// Where it is in its life.
    pub state: ReleaseState,
    /// Whether it ever was active.
    pub was_active: bool,
    /// Who proposed it.
    pub proposed_by: UserId,
    /// Who approved it.
    pub approved_by: Vec<UserId>,
    /// Approvals that it needs.
    pub approvals: u8,
}

pub(super) fn summarise(replay: &Replay) -> Summary {
    let mut open: Vec<_> =
        replay.charges.iter().filter(|(_, c)| c.state == ChargeState::Open).map(|(id, _)| *id).collect();
    open.sort();
    let populations = replay.populations.iter().map(|(id, population)| {
        let account = Account::Root { population: *id };
        let from = (account.clone(), None);
        let roots: Vec<&AccountSpent> =
            replay.accounts.range(from..).map(|(_, a)| a).take_while(|a| a.account == account).collect();
        // Of equals the latest: that is the one people ask about.
        let spent = roots.iter().max_by_key(|a| a.share_permille()).copied();
        PopulationBudget {
            population: *id,
            name: population.name.clone(),
            epsilon: population.epsilon.clone(),
            delta_total: population.delta.clone(),
            root: AccountSpent {
                rho: spent.map_or(0, |a| a.rho),
                delta: spent.map_or(0, |a| a.delta),
                charges: spent.map_or(0, |a| a.charges),
                epoch: spent.and_then(|a| a.epoch),
                cap_rho: population.cap_rho,
                cap_delta: population.cap_delta,
                account,
            },
            epochs: roots.iter().filter(|a| a.epoch.is_some()).count() as u64,
        }
    });
    let releases = replay.releases.iter().map(|(id, release)| ReleaseReviewed {
        release: *id,
        workspace: release.workspace,
        owner: release.owner.clone(),
        kind: release.kind,
        state: release.state,
        was_active: release.was_active,
        proposed_by: release.proposed_by,
        approved_by: release.approved_by.clone(),
        approvals: release.approvals,
    });
    Summary {
        entries: replay.entries,
        users: replay.users.len() as u64,
        workspaces: replay.workspaces.len() as u64,
        charges: replay.charges.len() as u64,
        answered: replay.counts.answered,
        failed: replay.counts.failed,
        open,
        repeats: replay.counts.repeats,
        priced: replay.counts.priced,
        refused: replay.counts.refused,
        public: replay.counts.public,
        log_reads: replay.counts.log_reads,
        populations: populations.collect(),
        accounts: replay.accounts.values().cloned().collect(),
        releases: releases.collect(),
    }
}
