//! Accounts that a question is charged to, with their caps: the tightest of population and policies wins.
//!
//! Every charge debits the population's root account once, every owner touched, the workspace and the researcher.

use crate::app::App;
use crate::error::{Error, Result};
use crate::model::{AccountBalance, DebitRequest, PopulationRecord, Workspace};
use lyceum_audit::event::Account;
use lyceum_privacy::accounting;
use lyceum_privacy::{Budget, Delta};
use lyceum_schema::id::UserId;
use lyceum_schema::name::OrganisationName;
use lyceum_schema::policy::Policy;
use lyceum_schema::wire;
use std::collections::BTreeSet;

/// δ at which ε and ρ of a population are converted into each other.
pub(crate) fn conversion_delta(population: &PopulationRecord) -> f64 {
    Delta(population.delta_conversion).as_f64()
}

/// The accounts that an answer to `user` in `workspace` from these owners' releases is charged to.
pub(crate) fn debits<'a>(
    population: &PopulationRecord,
    workspace: &Workspace,
    user: UserId,
    sources: impl Iterator<Item = (&'a OrganisationName, &'a Policy)>,
) -> Vec<DebitRequest> {
    let id = population.id;
    let (mut per_workspace, mut per_researcher) = (f64::INFINITY, f64::INFINITY);
    let mut owners = BTreeSet::new();
    for (owner, policy) in sources {
        owners.insert(owner.clone());
        per_workspace = per_workspace.min(policy.privacy().epsilon_per_workspace);
        per_researcher = per_researcher.min(policy.privacy().epsilon_per_researcher);
    }
    let mut debits = vec![DebitRequest { account: Account::Root { population: id }, cap: population.cap }];
    debits.extend(
        owners
            .into_iter()
            .map(|owner| DebitRequest { account: Account::Owner { population: id, owner }, cap: population.cap }),
    );
    let workspace = workspace.id;
    debits.push(DebitRequest {
        account: Account::Workspace { population: id, workspace },
        cap: sub_cap(population, per_workspace),
    });
    debits.push(DebitRequest {
        account: Account::Researcher { population: id, workspace, user },
        cap: sub_cap(population, per_researcher),
    });
    debits
}

/// A cap that a policy states as ε, never above the population's own.
fn sub_cap(population: &PopulationRecord, epsilon: f64) -> Budget {
    let rho = accounting::rho_for(epsilon, conversion_delta(population)).min(population.cap.rho);
    Budget { rho, delta: population.cap.delta }
}

/// The account in words, as the researcher or owner reads it.
pub(crate) fn label(account: &Account, workspace: &str) -> String {
    match account {
        Account::Root { .. } => "everything about this population".to_owned(),
        Account::Owner { owner, .. } => format!("all answers from {owner}"),
        Account::Workspace { .. } => format!("all of {workspace}"),
        Account::Researcher { .. } => format!("you in {workspace}"),
    }
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

/// One account with what it has spent.
pub(crate) struct Standing {
    pub(crate) debit: DebitRequest,
    pub(crate) balance: AccountBalance,
}

impl Standing {
    /// Share of the cap that is left, in [0, 1].
    pub(crate) fn share_left(&self) -> f64 {
        (1.0 - share(self.balance.spent, self.debit.cap)).clamp(0.0, 1.0)
    }

    /// For clients.
    pub(crate) fn describe(&self, population: &PopulationRecord, workspace: &str) -> wire::AccountBudget {
        let cap = self.debit.cap;
        wire::AccountBudget {
            account: kind(&self.debit.account).to_owned(),
            label: label(&self.debit.account, workspace),
            share_spent: 1.0 - self.share_left(),
            epsilon_cap: accounting::epsilon(cap.rho, conversion_delta(population)),
            rho_spent: self.balance.spent.rho.0,
            rho_cap: cap.rho.0,
            delta_spent: self.balance.spent.delta.0,
            delta_cap: cap.delta.0,
            charges: self.balance.charges,
        }
    }
}

/// What every account has spent so far.
pub(crate) async fn standings(app: &App, debits: Vec<DebitRequest>) -> Result<Vec<Standing>> {
    let mut standings = Vec::with_capacity(debits.len());
    for debit in debits {
        let balance = app.ledger.balance(&debit.account).await?;
        standings.push(Standing { debit, balance });
    }
    Ok(standings)
}

/// The price in terms of the account that can pay it least often.
pub(crate) fn describe_price(price: Budget, population: &PopulationRecord, standings: &[Standing]) -> wire::Price {
    wire::Price {
        rho: price.rho.0,
        delta: price.delta.0,
        share_of_budget: standings.iter().map(|s| share(price, s.debit.cap)).fold(0.0, f64::max),
        epsilon_alone: accounting::epsilon(price.rho, conversion_delta(population)),
        more_like_this: standings.iter().map(|s| times(price, s.balance.spent, s.debit.cap)).min().unwrap_or_default(),
    }
}

/// What is left of the account that decides.
pub(crate) fn describe_left(
    population: &PopulationRecord,
    standings: &[Standing],
    workspace: &str,
) -> Result<wire::BudgetLeft> {
    let tightest = standings.iter().min_by(|a, b| a.share_left().total_cmp(&b.share_left())).ok_or(Error::Internal)?;
    Ok(wire::BudgetLeft {
        population: population.name.clone(),
        account: label(&tightest.debit.account, workspace),
        share: tightest.share_left(),
        epsilon_cap: accounting::epsilon(tightest.debit.cap.rho, conversion_delta(population)),
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
