//! Accounts that a question is charged to, with their caps: the tightest of population and policies wins.
//!
//! Every charge debits the population's root account once, every owner touched, the workspace and the researcher. In a
//! population with epochs each of them has one budget per epoch, and pays in every epoch that the question can touch.

use crate::app::App;
use crate::error::{Error, Result};
use crate::model::{AccountBalance, DebitRequest, PopulationRecord, Workspace};
use lyceum_audit::event::Account;
use lyceum_privacy::accounting;
use lyceum_privacy::{Budget, Delta};
use lyceum_schema::epoch::{Epoch, Epochs};
use lyceum_schema::id::UserId;
use lyceum_schema::name::OrganisationName;
use lyceum_schema::policy::Policy;
use lyceum_schema::wire;
use std::collections::{BTreeMap, BTreeSet};

/// δ at which ε and ρ of a population are converted into each other.
pub(crate) fn conversion_delta(population: &PopulationRecord) -> f64 {
    Delta(population.delta_conversion).as_f64()
}

/// A release that an answer is taken from, and the epochs that it can touch.
pub(crate) struct Source<'a> {
    pub(crate) owner: &'a OrganisationName,
    pub(crate) policy: &'a Policy,
    pub(crate) epochs: Epochs,
}

/// The accounts that an answer to `user` in `workspace` from these owners' releases is charged to.
///
/// # Errors
/// [`Error::Internal`] for epochs of several lengths, which nobody can declare, and for releases that aren't protected.
pub(crate) fn debits<'a>(
    population: &PopulationRecord,
    workspace: &Workspace,
    user: UserId,
    sources: impl Iterator<Item = Source<'a>>,
) -> Result<Vec<DebitRequest>> {
    let id = population.id;
    let (mut per_workspace, mut per_researcher) = (f64::INFINITY, f64::INFINITY);
    let mut owners: BTreeMap<OrganisationName, Epochs> = BTreeMap::new();
    let mut all = Epochs::NONE;
    for Source { owner, policy, epochs } in sources {
        all = all.union(&epochs).ok_or(Error::Internal)?;
        let touched = owners.entry(owner.clone()).or_default();
        *touched = touched.union(&epochs).ok_or(Error::Internal)?;
        let limits = policy.privacy().ok_or(Error::Internal)?;
        per_workspace = per_workspace.min(limits.epsilon_per_workspace);
        per_researcher = per_researcher.min(limits.epsilon_per_researcher);
    }
    let root = Account::Root { population: id };
    let mut debits = vec![DebitRequest { account: root, epochs: all.clone(), cap: population.cap }];
    debits.extend(owners.into_iter().map(|(owner, epochs)| {
        let account = Account::Owner { population: id, owner };
        DebitRequest { account, epochs, cap: population.cap }
    }));
    let workspace = workspace.id;
    debits.push(DebitRequest {
        account: Account::Workspace { population: id, workspace },
        epochs: all.clone(),
        cap: sub_cap(population, per_workspace),
    });
    debits.push(DebitRequest {
        account: Account::Researcher { population: id, workspace, user },
        epochs: all,
        cap: sub_cap(population, per_researcher),
    });
    Ok(debits)
}

/// A cap that a policy states as ε, never above the population's own.
fn sub_cap(population: &PopulationRecord, epsilon: f64) -> Budget {
    let rho = accounting::rho_for(epsilon, conversion_delta(population)).min(population.cap.rho);
    Budget { rho, delta: population.cap.delta }
}

/// The account in words, as the researcher or owner reads it.
pub(crate) fn label(account: &Account, epoch: Option<Epoch>, workspace: &str) -> String {
    let account = match account {
        Account::Root { .. } => "everything about this population".to_owned(),
        Account::Owner { owner, .. } => format!("all answers from {owner}"),
        Account::Workspace { .. } => format!("all of {workspace}"),
        Account::Researcher { .. } => format!("you in {workspace}"),
    };
    epoch.map_or_else(|| account.clone(), |epoch| format!("{account} in {epoch}"))
}

/// The wire word of an account's kind.
pub(crate) const fn kind(account: &Account) -> &'static str {
    match account {
        Account::Root { .. } => "root",
        Account::Owner { .. } => "owner",
        Account::Workspace { .. } => "workspace",
        Account::Researcher { .. } => "researcher",
    }
}

/// What part of a cap an amount is: the larger of ρ's and δ's share. An amount over a cap of nothing is everything.
pub(crate) fn share(amount: Budget, cap: Budget) -> f64 {
    let part = |amount: f64, cap: f64| {
        if amount <= 0.0 {
            0.0
        } else if cap <= 0.0 {
            f64::MAX
        } else {
            amount / cap
        }
    };
    part(amount.rho.as_f64(), cap.rho.as_f64()).max(part(amount.delta.as_f64(), cap.delta.as_f64()))
}

/// How often `price` fits into what is left of `cap` after `spent`. A price of nothing fits without end.
pub(crate) fn times(price: Budget, spent: Budget, cap: Budget) -> u64 {
    let left = spent.left_of(cap);
    let rho = left.rho.0.checked_div(price.rho.0).unwrap_or(u64::MAX);
    let delta = left.delta.0.checked_div(price.delta.0).unwrap_or(u64::MAX);
    rho.min(delta)
}

/// One account with what it has spent, in one epoch if its population has epochs.
pub(crate) struct Standing {
    pub(crate) cap: Budget,
    pub(crate) balance: AccountBalance,
}

impl Standing {
    /// Share of the cap that is left, in [0, 1].
    pub(crate) fn share_left(&self) -> f64 {
        (1.0 - share(self.balance.spent, self.cap)).clamp(0.0, 1.0)
    }

    /// For clients, as an account of this label.
    fn describe(&self, population: &PopulationRecord, label: String) -> wire::AccountBudget {
        let cap = self.cap;
        wire::AccountBudget {
            account: kind(&self.balance.account).to_owned(),
            label,
            share_spent: 1.0 - self.share_left(),
            epsilon_cap: accounting::epsilon(cap.rho, conversion_delta(population)),
            rho_spent: self.balance.spent.rho.0,
            rho_cap: cap.rho.0,
            delta_spent: self.balance.spent.delta.0,
            delta_cap: cap.delta.0,
            charges: self.balance.charges,
            epochs: None,
        }
    }
}

/// What every account has spent so far. With epochs there is one entry for each epoch that was ever debited, and one
/// for all that weren't, which stands for the latest of them.
pub(crate) async fn standings(app: &App, debits: &[DebitRequest]) -> Result<Vec<Standing>> {
    let mut standings = Vec::with_capacity(debits.len());
    for DebitRequest { account, epochs, cap } in debits {
        let balances = app.ledger.balances_in(account, epochs).await?;
        let mut touched: BTreeSet<Option<Epoch>> = BTreeSet::new();
        for balance in balances {
            touched.insert(balance.epoch);
            standings.push(Standing { cap: *cap, balance });
        }
        let untouched = if epochs.is_empty() {
            touched.is_empty().then_some(None)
        } else {
            epochs.iter().map(Some).filter(|epoch| !touched.contains(epoch)).last()
        };
        if let Some(epoch) = untouched {
            let balance = AccountBalance { account: account.clone(), epoch, spent: Budget::ZERO, charges: 0 };
            standings.push(Standing { cap: *cap, balance });
        }
    }
    Ok(standings)
}

/// One account for clients, from its standings in all epochs: the figures are those of the tightest. `span`: the first
/// and the last epoch to speak of.
pub(crate) fn describe_account(
    standings: &[&Standing],
    span: Option<(Epoch, Epoch)>,
    population: &PopulationRecord,
    label: String,
) -> Option<wire::AccountBudget> {
    let tightest = tightest(standings.iter().copied())?;
    let touched = standings.iter().filter(|s| s.balance.charges > 0).count() as u64;
    let epochs = span.zip(tightest.balance.epoch).map(|((first, last), tightest)| wire::EpochsBudget {
        first,
        last,
        touched,
        tightest,
    });
    Some(wire::AccountBudget { epochs, ..tightest.describe(population, label) })
}

/// The standing of which least is left: of equals the first.
fn tightest<'a>(standings: impl Iterator<Item = &'a Standing>) -> Option<&'a Standing> {
    standings.min_by(|a, b| a.share_left().total_cmp(&b.share_left()))
}

/// The price in terms of the account that can pay it least often.
pub(crate) fn describe_price(
    price: Budget,
    population: &PopulationRecord,
    standings: &[Standing],
    epochs: Epochs,
) -> wire::Price {
    wire::Price {
        rho: price.rho.0,
        delta: price.delta.0,
        share_of_budget: standings.iter().map(|s| share(price, s.cap)).fold(0.0, f64::max),
        epsilon_alone: accounting::epsilon(price.rho, conversion_delta(population)),
        more_like_this: standings.iter().map(|s| times(price, s.balance.spent, s.cap)).min().unwrap_or_default(),
        epochs,
    }
}

/// What is left of the account that decides.
pub(crate) fn describe_left(
    population: &PopulationRecord,
    standings: &[Standing],
    workspace: &str,
) -> Result<wire::BudgetLeft> {
    let tightest = tightest(standings.iter()).ok_or(Error::Internal)?;
    Ok(wire::BudgetLeft {
        population: population.name.clone(),
        account: label(&tightest.balance.account, tightest.balance.epoch, workspace),
        share: tightest.share_left(),
        epsilon_cap: accounting::epsilon(tightest.cap.rho, conversion_delta(population)),
        delta: population.delta.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_privacy::Rho;

    const fn budget(rho: u64, delta: u64) -> Budget {
        Budget { rho: Rho(rho), delta: Delta(delta) }
    }

    #[test]
    fn the_larger_share_counts() {
        assert!((share(budget(1, 0), budget(4, 9)) - 0.25).abs() < 1e-12);
        assert!((share(budget(1, 3), budget(4, 4)) - 0.75).abs() < 1e-12);
        assert!(share(budget(0, 1), budget(4, 0)) > 1.0, "an amount over a cap of nothing never fits");
        assert!(share(budget(0, 0), budget(0, 0)) < 1e-12);
    }

    #[test]
    fn as_often_as_both_parts_allow() {
        assert_eq!(times(budget(2, 0), budget(3, 0), budget(10, 0)), 3);
        assert_eq!(times(budget(2, 5), budget(0, 0), budget(10, 9)), 1);
        assert_eq!(times(budget(2, 0), budget(10, 0), budget(10, 0)), 0);
    }
}
