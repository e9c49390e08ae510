//! `lyceum release`: propose, decide, show.

use crate::cli::{Decide, Release};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line, remark};
use crate::progress;
use crate::render::release as render;
use lyceum_schema::state::ReleaseState;
use lyceum_schema::wire;
use reqwest::Method;
use std::time::Duration;

/// How often to look how far the making of rows is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs the command.
pub(super) async fn run(args: Release, client: &Client, as_json: bool) -> Outcome {
    match args {
        Release::Propose { dataset, workspace, policy, version, rename, no_wait } => {
            let body = wire::ProposeRelease {
                dataset,
                version,
                policy: super::read_text(&policy)?,
                rename: rename.into_iter().collect(),
            };
            let made: wire::Release = client.post(&format!("/v1/workspaces/{workspace}/releases"), &body).await?;
            let made = if no_wait { made } else { settled(client, made).await? };
            show(&made, as_json);
            if !as_json && made.state == ReleaseState::Proposed {
                remark(&format!("next: a reviewer runs lyceum release approve {} --reason …", made.id));
            }
            if made.state == ReleaseState::Failed {
                return Err(Failure::local(
                    "E9016",
                    "the rows of the release could not be made",
                    "the log's entry release.failed has the reason's code; correct manifest or policy, propose again",
                ));
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
        Release::Delete { id } => {
            let release: wire::Release = client.delete_json(&format!("/v1/releases/{id}")).await?;
            show(&release, as_json);
        }
        Release::Report { id, html, output } => {
            let accept = if html { "text/html" } else { "application/json" };
            let request = client.request(Method::GET, &format!("/v1/releases/{id}/report")).header("accept", accept);
            let mut response = client.send(request).await?;
            super::download::save(client, &mut response, output.as_deref()).await?;
        }
    }
    Ok(())
}

/// Waits until the rows of a release are made, with a bar.
pub(crate) async fn settled(client: &Client, mut release: wire::Release) -> Outcome<wire::Release> {
    let bar = progress::steps("making rows", 1);
    while let Some(now) = &release.progress {
        bar.set_message(now.stage.clone());
        bar.set_length(now.of.max(1));
        bar.set_position(now.done);
        tokio::time::sleep(LOOK_EVERY).await;
        release = client.get(&format!("/v1/releases/{}", release.id)).await?;
    }
    bar.finish_and_clear();
    Ok(release)
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
