//! `lyceum budget show`: what was spent, what is left, and what can be asked again for free.

use crate::cli::Budget;
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{json, line};
use crate::render::budget as render;
use lyceum_schema::wire;

/// Runs the command.
pub(super) async fn run(args: Budget, client: &Client, as_json: bool) -> Outcome {
    let Budget::Show { workspace, answers } = args;
    let workspace = super::workspace(workspace.workspace)?;
    if answers {
        let history: wire::List<wire::QueryHistoryEntry> =
            client.get(&format!("/v1/workspaces/{workspace}/queries")).await?;
        if as_json {
            json(&history)
        } else {
            line(&render::history(&history.items))
        }
        return Ok(());
    }
    let budget: wire::WorkspaceBudget = client.get(&format!("/v1/workspaces/{workspace}/budget")).await?;
    if as_json {
        json(&budget);
    } else {
        for population in &budget.populations {
            line(&render::population(population));
        }
        if budget.populations.is_empty() {
            line("this workspace has no release of protected data: there is nothing to spend");
        }
    }
    Ok(())
}
