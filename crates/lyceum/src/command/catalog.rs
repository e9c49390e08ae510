//! `lyceum catalog`: what may be named in SQL.

use crate::cli::InWorkspace;
use crate::client::Client;
use crate::failure::Outcome;
use crate::output::{json, line};
use lyceum_schema::wire;

/// Runs the command.
pub(super) async fn run(args: InWorkspace, client: &Client, as_json: bool) -> Outcome {
    let workspace = super::workspace(args.workspace)?;
    let catalog: wire::Catalog = client.get(&format!("/v1/workspaces/{workspace}/catalog")).await?;
    if as_json {
        json(&catalog)
    } else {
        line(&crate::render::catalog::all(&catalog))
    }
    Ok(())
}
