//! Rules of charges: only over active releases, every account that must pay pays once in every epoch touched, no
//! account goes over its cap in any epoch, and every answer, failure and repeat names a charge that allows it.

use super::violation::Broken;
use super::{AccountSpent, Charge, ChargeState, Replay};
use crate::event::{Account, Debit, Event};
use lyceum_schema::epoch::{Epoch, Epochs, MAX_EPOCHS};
use lyceum_schema::id::{ChargeId, PopulationId, QueryId, ReleaseId};
use lyceum_schema::state::ReleaseKind;
use std::collections::BTreeSet;

/// What every account of a charge is debited.
#[derive(Clone, Copy)]
pub(super) struct Price {
    pub(super) rho: u64,
    pub(super) delta: u64,
}

impl Replay {
    pub(super) fn charge(
        &mut self,
        event: &Event,
        query: QueryId,
        id: ChargeId,
        releases: &[ReleaseId],
        price: Price,
        debits: &[Debit],
    ) -> Result<(), Broken> {
        let (workspace, user) = self.member(event)?;
        super::created("charge", !self.charges.contains_key(&id))?;
        if releases.is_empty() || debits.is_empty() {
            return Err(Broken::NothingDebited);
        }
        for release in releases {
            self.active(release, workspace)?;
        }
        let mut debited = BTreeSet::new();
        for debit in debits {
            if !debited.insert(&debit.account) {
                return Err(Broken::DebitedTwice);
            }
            let touched = match &debit.account {
                Account::Root { .. } => true,
                Account::Owner { population, owner } => releases.iter().any(|id| {
                    self.releases.get(id).is_some_and(|r| r.owner == *owner && r.populations.contains(population))
                }),
                Account::Workspace { workspace: w, .. } => *w == workspace,
                Account::Researcher { workspace: w, user: u, .. } => *w == workspace && *u == user,
            };
            if !touched {
                return Err(Broken::Foreign(debit.account.kind()));
            }
        }
        let populations: BTreeSet<_> = debits.iter().map(|d| d.account.population()).collect();
        for population in &populations {
            let population = *population;
            let must_pay = [
                Account::Root { population },
                Account::Workspace { population, workspace },
                Account::Researcher { population, workspace, user },
            ];
            if let Some(unpaid) = must_pay.iter().find(|account| !debited.contains(account)) {
                return Err(Broken::NotDebited(unpaid.kind()));
            }
            if !debits.iter().any(|d| matches!(&d.account, Account::Owner { population: p, .. } if *p == population)) {
                return Err(Broken::NotDebited("owner"));
            }
            self.epochs(population, debits)?;
        }
        // A query may leave out tables, and with them populations, of a release that it reads; but every protected
        // release has its owner debited for at least one of its populations.
        for release in releases.iter().filter_map(|id| self.releases.get(id)) {
            let owned = |p: &PopulationId| Account::Owner { population: *p, owner: release.owner.clone() };
            let paid = release.populations.iter().any(|p| debited.contains(&owned(p)));
            if release.kind == ReleaseKind::Protected && !paid {
                return Err(Broken::NotDebited("owner"));
            }
        }
        for debit in debits {
            if debit.epochs.is_empty() {
                self.debit(debit, None, price)?;
            }
            for epoch in debit.epochs.iter() {
                self.debit(debit, Some(epoch), price)?;
            }
        }
        let charge = Charge { query, releases: releases.into(), workspace, state: ChargeState::Open };
        self.charges.insert(id, charge);
        Ok(())
    }

    /// In a population with epochs every debit names some, of the population's length; what any owner is debited in, the
    /// other accounts are, too, and nothing else. Without epochs no debit names one.
    fn epochs(&self, population: PopulationId, debits: &[Debit]) -> Result<(), Broken> {
        let every = self.populations.get(&population).ok_or(Broken::Missing("population"))?.epoch;
        let mut owners = Epochs::NONE;
        let of_population = || debits.iter().filter(|d| d.account.population() == population);
        for debit in of_population() {
            if debit.epochs.every() != every {
                return Err(Broken::Epochs("names other epochs than its population has"));
            }
            if debit.epochs.count() > MAX_EPOCHS {
                return Err(Broken::Epochs("debits more epochs than a query may touch"));
            }
            if matches!(debit.account, Account::Owner { .. }) {
                owners = owners.union(&debit.epochs).ok_or(Broken::Epochs("mixes lengths of epochs"))?;
            }
        }
        let all_pay = |d: &Debit| matches!(d.account, Account::Owner { .. }) || d.epochs == owners;
        if of_population().all(all_pay) {
            Ok(())
        } else {
            Err(Broken::Epochs("debits an account in other epochs than the owners"))
        }
    }

    fn debit(&mut self, debit: &Debit, epoch: Option<Epoch>, price: Price) -> Result<(), Broken> {
        let kind = debit.account.kind();
        let population = self.populations.get(&debit.account.population()).ok_or(Broken::Missing("population"))?;
        let of_population = matches!(debit.account, Account::Root { .. } | Account::Owner { .. });
        if of_population && (debit.cap_rho > population.cap_rho || debit.cap_delta > population.cap_delta) {
            return Err(Broken::CapRaised(kind));
        }
        let account = self.accounts.entry((debit.account.clone(), epoch)).or_insert_with(|| AccountSpent {
            account: debit.account.clone(),
            epoch,
            rho: 0,
            delta: 0,
            cap_rho: 0,
            cap_delta: 0,
            charges: 0,
        });
        let rho = account.rho.checked_add(price.rho).filter(|rho| *rho <= debit.cap_rho);
        let delta = account.delta.checked_add(price.delta).filter(|delta| *delta <= debit.cap_delta);
        (account.rho, account.delta) = rho.zip(delta).ok_or(Broken::OverBudget(kind))?;
        (account.cap_rho, account.cap_delta) = (debit.cap_rho, debit.cap_delta);
        account.charges += 1;
        Ok(())
    }

    pub(super) fn settle(&mut self, query: &QueryId, id: &ChargeId, next: ChargeState) -> Result<(), Broken> {
        let charge = self.charges.get_mut(id).ok_or(Broken::NoCharge)?;
        if charge.state != ChargeState::Open {
            return Err(Broken::Settled);
        }
        if charge.query != *query {
            return Err(Broken::OtherQuery);
        }
        let releases = charge.releases.clone();
        charge.state = next;
        // What was revoked or paused while it was computed is not answered any more.
        if next == ChargeState::Answered {
            let workspace = charge.workspace;
            for release in &releases {
                self.active(release, workspace)?;
            }
        }
        match next {
            ChargeState::Answered => self.counts.answered += 1,
            ChargeState::Failed | ChargeState::Open => self.counts.failed += 1,
        }
        Ok(())
    }

    /// A paid answer is free to give again, to a member of its workspace, as long as its releases are active.
    pub(super) fn repeat(&mut self, event: &Event, id: &ChargeId) -> Result<(), Broken> {
        self.may_repeat(event, id)?;
        self.counts.repeats += 1;
        Ok(())
    }

    /// What is computed from paid answers is as free as they are. Whether it could be is said by the answers' bytes
    /// and the SQL text, which are beside the log.
    pub(super) fn derive(&mut self, event: &Event, charges: &[ChargeId]) -> Result<(), Broken> {
        if charges.is_empty() {
            return Err(Broken::NoCharge);
        }
        if !charges.is_sorted_by(|a, b| a < b) {
            return Err(Broken::Unordered);
        }
        charges.iter().try_for_each(|id| self.may_repeat(event, id))?;
        self.counts.repeats += 1;
        Ok(())
    }

    fn may_repeat(&self, event: &Event, id: &ChargeId) -> Result<(), Broken> {
        let (workspace, _) = self.member(event)?;
        let charge = self.charges.get(id).ok_or(Broken::NoCharge)?;
        if charge.state != ChargeState::Answered {
            return Err(Broken::Unanswered);
        }
        if charge.workspace != workspace {
            return Err(Broken::OtherWorkspace);
        }
        for release in &charge.releases {
            self.active(release, workspace)?;
        }
        Ok(())
    }

    pub(super) fn public(&mut self, event: &Event, releases: &[ReleaseId]) -> Result<(), Broken> {
        let (workspace, _) = self.member(event)?;
        for release in releases {
            self.active(release, workspace)?;
        }
        self.counts.public += 1;
        Ok(())
    }
}
