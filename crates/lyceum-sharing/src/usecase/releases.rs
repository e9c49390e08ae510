//! Releases: proposed by the owner, made and reported on, judged by reviewers, paused by who must, resumed, revoked and
//! deleted by the owner. `propose.rs`, `making.rs` (from a proposal to
//! rows of its own), `report.rs`, `review.rs` and `lifetime.rs` are the steps in their order.

mod lifetime;
mod making;
mod mock;
mod page;
mod propose;
mod report;
mod review;

pub use lifetime::delete;
pub(crate) use lifetime::{current, expect_active};
pub use making::Making;
pub use propose::propose;
pub(crate) use report::stored_schema;
pub use report::{Report, report};
pub use review::{Verdict, decide};

use super::{authorise_in, catalog};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::{self, Action, Decision};
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{ReleaseRecord, Workspace};
use crate::port::EventIndex;
use lifetime::expire;
use lyceum_schema::id::{ReleaseId, UserId};
use lyceum_schema::name::{UserName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::Role;
use lyceum_schema::wire;

/// A workspace's releases, newest first.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], storage.
pub async fn list(app: &App, actor: &Actor, name: &WorkspaceName) -> Result<Vec<wire::Release>> {
    let workspace = authorise_in(app, actor, Action::ReadReleases, name).await?;
    let mut list = Vec::new();
    for release in current(app, &workspace).await? {
        list.push(describe(app, &workspace, release, None).await?);
    }
    Ok(list)
}

/// One release.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], storage.
pub async fn show(app: &App, actor: &Actor, id: ReleaseId) -> Result<wire::Release> {
    let (workspace, release) = find(app, actor, Action::ReadReleases, id).await?;
    describe(app, &workspace, release, None).await
}

/// The release and its workspace, if the actor may do this to it. What is hidden looks like what isn't there.
async fn find(app: &App, actor: &Actor, action: Action, id: ReleaseId) -> Result<(Workspace, ReleaseRecord)> {
    let hidden = || Error::not_found("release", id);
    let mut release = app.releases.release(id).await?.ok_or_else(hidden)?;
    let workspace = app.workspaces.workspace_by_id(release.workspace).await?.ok_or(Error::Internal)?;
    let member = app.workspaces.role(workspace.id, actor.id()).await?;
    match authz::decide(action, actor.user.role, member) {
        Decision::Allowed => {
            expire(app, &workspace, &mut release).await?;
            Ok((workspace, release))
        }
        Decision::Denied { reason } => Err(Error::Forbidden { reason }),
        Decision::Hidden => Err(hidden()),
    }
}

/// Partners act on releases of their own organisation only; other roles were judged by the table.
async fn check_partner_owns(app: &App, actor: &Actor, workspace: &Workspace, release: &ReleaseRecord) -> Result<()> {
    let partner = app.workspaces.role(workspace.id, actor.id()).await? == Some(Role::Partner);
    if partner && !authz::acts_for(actor, &release.owner) {
        return Err(Error::Forbidden { reason: "this release belongs to another organisation" });
    }
    Ok(())
}

async fn describe(
    app: &App,
    workspace: &Workspace,
    release: ReleaseRecord,
    entry: Option<EventIndex>,
) -> Result<wire::Release> {
    let policy: Policy = documents::policy(&release)?;
    let dataset = app.datasets.dataset(&release.dataset_name).await?.ok_or(Error::Internal)?;
    let version = app.datasets.version(release.version).await?.ok_or(Error::Internal)?;
    let manifest = documents::manifest(&dataset)?;
    let mut approved_by = Vec::new();
    for user in &release.approved_by {
        approved_by.push(user_name(app, *user).await?);
    }
    let report = app.releases.release_report(release.id).await?;
    let schema = release.kind.as_str();
    let tables = manifest.tables().iter().map(|t| format!("{schema}.{}", catalog::sql_name(&release.names, t.name())));
    Ok(wire::Release {
        id: release.id,
        workspace: workspace.name.clone(),
        dataset: release.dataset_name.clone(),
        version: version.number,
        version_id: version.id,
        owner: release.owner.clone(),
        kind: release.kind,
        state: release.state,
        purpose: policy.purpose().to_owned(),
        tables: tables.collect(),
        proposed_by: user_name(app, release.proposed_by).await?,
        approved_by,
        approvals_needed: policy.approvals(),
        failures: release.failures,
        created: release.created.into(),
        expires: policy.expires().map(Into::into),
        policy: release.policy,
        progress: app.making.progress(release.id),
        report: report.map(|r| wire::ReportRef { reference: r.reference.0, entry: r.index, passes: r.passes }),
        deleted: release.deleted,
        entry,
    })
}

async fn user_name(app: &App, id: UserId) -> Result<UserName> {
    Ok(app.identities.user(id).await?.ok_or(Error::Internal)?.name)
}
