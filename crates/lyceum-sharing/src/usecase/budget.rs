//! What is left: for a workspace's members, and for a population's owner. Shares of caps, since ε doesn't subtract.

use super::{authorise_in, catalog, populations};
use crate::accounts::{self, Standing};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::Result;
use crate::model::DebitRequest;
use lyceum_audit::event::Account;
use lyceum_schema::name::{PopulationName, WorkspaceName};
use lyceum_schema::state::Role;
use lyceum_schema::wire;

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
        let sources =
            catalog.catalog.tables.iter().filter(|t| t.population.as_ref().is_some_and(|p| p.id == record.id));
        let mut debits =
            accounts::debits(record, &workspace, actor.id(), sources.map(|t| (&t.owner, t.policy.as_ref())));
        // Only who may ask has an account of their own.
        debits.retain(|d| asks || !matches!(d.account, Account::Researcher { .. }));
        let standings = accounts::standings(app, debits).await?;
        populations.push(wire::PopulationBudget {
            population: record.name.clone(),
            epsilon: record.epsilon.clone(),
            delta: record.delta.clone(),
            accounts: standings.iter().map(|s| s.describe(record, workspace.name.as_str())).collect(),
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
    let mut shown = Vec::new();
    let root = Account::Root { population: record.id };
    let balances = app.ledger.balances(record.id).await?;
    if !balances.iter().any(|b| b.account == root) {
        let debit = DebitRequest { account: root, cap: record.cap };
        shown.push(accounts::standings(app, vec![debit]).await?.remove(0).describe(&record, ""));
    }
    for balance in balances {
        let label = match &balance.account {
            Account::Workspace { workspace, .. } => {
                let found = app.workspaces.workspace_by_id(*workspace).await?;
                format!("all of {}", found.map_or_else(|| workspace.to_string(), |w| w.name.to_string()))
            }
            // The owner sees how much one person asked, not who it was.
            Account::Researcher { workspace, .. } => {
                let found = app.workspaces.workspace_by_id(*workspace).await?;
                format!("one researcher of {}", found.map_or_else(|| workspace.to_string(), |w| w.name.to_string()))
            }
            other => accounts::label(other, ""),
        };
        let debit = DebitRequest { account: balance.account.clone(), cap: record.cap };
        shown.push(wire::AccountBudget { label, ..Standing { debit, balance }.describe(&record, "") });
    }
    Ok(wire::PopulationBudget {
        population: record.name,
        epsilon: record.epsilon,
        delta: record.delta,
        accounts: shown,
    })
}
