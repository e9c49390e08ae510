//! `lyceum workspace`: projects and their members.

use crate::cli::Workspace;
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{json, line};
use crate::render::table;
use lyceum_schema::wire;

/// Runs the command.
pub(super) async fn run(args: Workspace, client: &Client, as_json: bool) -> Outcome {
    match args {
        Workspace::Create { name, purpose } => {
            let made: wire::Workspace = client.post("/v1/workspaces", &wire::CreateWorkspace { name, purpose }).await?;
            if as_json { json(&made) } else { line(&format!("created {}", made.name)) }
        }
        Workspace::List => {
            let all: wire::List<wire::Workspace> = client.get("/v1/workspaces").await?;
            if as_json {
                json(&all);
            } else {
                let header = ["name", "your role", "purpose"].map(String::from);
                let rows: Vec<_> = all
                    .items
                    .iter()
                    .map(|w| {
                        let role = w.role.map_or("–", lyceum_schema::state::Role::as_str);
                        vec![w.name.to_string(), role.to_owned(), w.purpose.clone()]
                    })
                    .collect();
                line(&table::plain(&header, &rows, &[]));
            }
        }
        Workspace::Show { name } => {
            let found: wire::Workspace = client.get(&format!("/v1/workspaces/{name}")).await?;
            if as_json { json(&found) } else { line(&show(&found)) }
        }
        Workspace::AddMember { name, user, role } => {
            let members: wire::Workspace =
                client.put(&format!("/v1/workspaces/{name}/members/{user}"), &wire::PutMember { role }).await?;
            if as_json { json(&members) } else { line(&format!("{user} is {} in {name}", role.as_str())) }
        }
        Workspace::RemoveMember { name, user } => {
            client.delete(&format!("/v1/workspaces/{name}/members/{user}")).await?;
            line(&format!("{user} is no member of {name} any more"));
        }
    }
    Ok(())
}

fn show(workspace: &wire::Workspace) -> String {
    let header = ["member", "role", "organisation"].map(String::from);
    let rows: Vec<_> = workspace
        .members
        .iter()
        .map(|m| vec![m.user.to_string(), m.role.as_str().to_owned(), m.organisation.to_string()])
        .collect();
    format!("{}: {}\n{}", workspace.name, workspace.purpose, table::plain(&header, &rows, &[]))
}
