//! `lyceum release`: propose, decide, show.

use crate::cli::{Decide, Release};
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{json, line, remark};
use crate::render::release as render;
use lyceum_schema::state::ReleaseState;
use lyceum_schema::wire;

/// Runs the command.
pub(super) async fn run(args: Release, client: &Client, as_json: bool) -> Outcome {
    match args {
        Release::Propose { dataset, workspace, policy, version, rename } => {
            let body = wire::ProposeRelease {
                dataset,
                version,
                policy: super::read_text(&policy)?,
                rename: rename.into_iter().collect(),
            };
            let made: wire::Release = client.post(&format!("/v1/workspaces/{workspace}/releases"), &body).await?;
            show(&made, as_json);
            if !as_json && made.state == ReleaseState::Proposed {
                remark(&format!("next: a reviewer runs lyceum release approve {} --reason …", made.id));
            }
        }
        Release::List(args) => {
            let workspace = super::workspace(args.workspace)?;
            let all: wire::List<wire::Release> = client.get(&format!("/v1/workspaces/{workspace}/releases")).await?;
            if as_json { json(&all) } else { line(&render::list(&all.items)) }
        }
        Release::Show { id } => show(&client.get(&format!("/v1/releases/{id}")).await?, as_json),
        Release::Approve(d) => decide(client, d, "approve", as_json).await?,
        Release::Reject(d) => decide(client, d, "reject", as_json).await?,
        Release::Pause(d) => decide(client, d, "pause", as_json).await?,
        Release::Resume(d) => decide(client, d, "resume", as_json).await?,
        Release::Revoke(d) => decide(client, d, "revoke", as_json).await?,
    }
    Ok(())
}

async fn decide(client: &Client, decision: Decide, verb: &str, as_json: bool) -> Outcome {
    let body = wire::Decision { reason: decision.reason };
    let release: wire::Release = client.post(&format!("/v1/releases/{}/{verb}", decision.id), &body).await?;
    show(&release, as_json);
    Ok(())
}

fn show(release: &wire::Release, as_json: bool) {
    if as_json { json(release) } else { line(&render::one(release)) }
}
