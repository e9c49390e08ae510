//! What is left: for a workspace's members, and for a population's owner. Shares of caps, since ε doesn't subtract.

use super::{authorise_in, catalog, populations};
use crate::accounts::{self, Source, Standing};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::Result;
use crate::model::AccountBalance;
use lyceum_audit::event::Account;
use lyceum_privacy::Budget;
use lyceum_schema::epoch::Epochs;
use lyceum_schema::name::{PopulationName, WorkspaceName};
use lyceum_schema::state::Role;
use lyceum_schema::wire;
use std::collections::BTreeMap;

/// The accounts that a question of the actor in this workspace would be charged to, by population.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound), [`Error::Forbidden`](crate::Error::Forbidden), storage.
pub async fn of_workspace(app: &App, actor: &Actor, name: &WorkspaceName) -> Result<wire::WorkspaceBudget> {
    let workspace = authorise_in(app, actor, Action::ReadBudget, name).await?;
    let catalog = catalog::build(app, &workspace).await?;
    let asks = app.workspaces.role(workspace.id, actor.id()).await? == Some(Role::Researcher);
    let mut populations = Vec::new();
    for record in &catalog.populations {
        let tables = catalog.catalog.tables.iter().filter(|t| t.population.as_ref().is_some_and(|p| p.id == record.id));
        let sources = tables.map(|t| Source {
            owner: &t.owner,
            policy: t.policy.as_ref(),
            epochs: t.table.epoch().map_or(Epochs::NONE, |epoch| epoch.span().into()),
        });
        let mut debits = accounts::debits(record, &workspace, actor.id(), sources)?;
        // Only who may ask has an account of their own.
        debits.retain(|d| asks || !matches!(d.account, Account::Researcher { .. }));
        let standings = accounts::standings(app, &debits).await?;
        let shown = debits.iter().filter_map(|debit| {
            let of: Vec<&Standing> = standings.iter().filter(|s| s.balance.account == debit.account).collect();
            let spans = debit.epochs.spans();
            let span = spans.first().zip(spans.last()).map(|(first, last)| (first.first(), last.last()));
            let label = accounts::label(&debit.account, None, workspace.name.as_str());
            accounts::describe_account(&of, span, record, label)
        });
        populations.push(wire::PopulationBudget {
            population: record.name.clone(),
            epsilon: record.epsilon.clone(),
            delta: record.delta.clone(),
            epoch: record.epoch,
            accounts: shown.collect(),
        });
    }
    Ok(wire::WorkspaceBudget { workspace: workspace.name, populations })
}

/// Everything that was ever answered about a population, for its owner. Accounts of workspaces and researchers
/// are shown against the population's cap, as policies of several releases may differ.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound), [`Error::Forbidden`](crate::Error::Forbidden), storage.
pub async fn of_population(app: &App, actor: &Actor, name: &PopulationName) -> Result<wire::PopulationBudget> {
    let record = populations::visible(app, actor, name).await?;
    let root = Account::Root { population: record.id };
    let mut standings: BTreeMap<Account, Vec<Standing>> = BTreeMap::new();
    for balance in app.ledger.balances(record.id).await? {
        standings.entry(balance.account.clone()).or_default().push(Standing { cap: record.cap, balance });
    }
    standings.entry(root.clone()).or_insert_with(|| {
        let balance = AccountBalance { account: root, epoch: None, spent: Budget::ZERO, charges: 0 };
        vec![Standing { cap: record.cap, balance }]
    });
    let mut shown = Vec::new();
    for (account, of) in &standings {
        let label = match account {
            Account::Workspace { workspace, .. } => {
                let found = app.workspaces.workspace_by_id(*workspace).await?;
                format!("all of {}", found.map_or_else(|| workspace.to_string(), |w| w.name.to_string()))
            }
            // The owner sees how much one person asked, not who it was.
            Account::Researcher { workspace, .. } => {
                let found = app.workspaces.workspace_by_id(*workspace).await?;
                format!("one researcher of {}", found.map_or_else(|| workspace.to_string(), |w| w.name.to_string()))
            }
            other => accounts::label(other, None, ""),
        };
        let of: Vec<&Standing> = of.iter().collect();
        let epochs = || of.iter().filter_map(|s| s.balance.epoch);
        let span = epochs().min().zip(epochs().max());
        shown.extend(accounts::describe_account(&of, span, &record, label));
    }
    Ok(wire::PopulationBudget {
        population: record.name,
        epsilon: record.epsilon,
        delta: record.delta,
        epoch: record.epoch,
        accounts: shown,
    })
}
