//! Releases: proposed by the owner, made and reported on, judged by reviewers, paused by who must, resumed, revoked and
//! deleted by the owner. `making.rs` is the line from a proposal to rows of its own.

mod making;
mod mock;
mod page;
mod report;

pub use making::Making;
pub(crate) use report::stored_schema;
pub use report::{Report, report};

use super::{authorise_in, catalog, check_text};
use crate::actor::Actor;
use crate::app::App;
use crate::artefact::artefact;
use crate::authz::{self, Action, Decision};
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{ReleaseRecord, VersionRecord, Workspace};
use crate::port::{EventIndex, PortError};
use lyceum_audit::event::EventKind;
use lyceum_schema::id::{ReleaseId, UserId};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::name::{TableName, UserName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::{ReleaseKind, ReleaseState, Role, VersionState};
use lyceum_schema::wire;
use std::sync::Arc;

/// Proposes a release of a published version to a workspace.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`] (also for another organisation's dataset), [`Error::Document`] for the
/// policy, [`Error::State`] without a published version, [`Error::Exists`] when a table's SQL name is taken, storage.
pub async fn propose(
    app: &Arc<App>,
    actor: &Actor,
    name: &WorkspaceName,
    request: wire::ProposeRelease,
) -> Result<wire::Release> {
    let workspace = authorise_in(app, actor, Action::ProposeRelease, name).await?;
    let dataset = app.datasets.dataset(&request.dataset).await?.filter(|d| authz::acts_for(actor, &d.owner));
    let dataset = dataset.ok_or_else(|| Error::not_found("dataset", &request.dataset))?;
    let policy = documents::new_policy(&request.policy)?;
    if matches!(policy.kind(), ReleaseKind::Synthetic | ReleaseKind::Anonymized) {
        return Err(Error::invalid(
            format!("{} releases can't be made yet", policy.kind().as_str()),
            "use kind = \"mock\" or \"protected\"",
        ));
    }
    if policy.has_expired(app.clock.now()) {
        return Err(Error::invalid("expires is in the past", "set a later time, or none"));
    }
    let manifest = documents::manifest(&dataset)?;
    let versions = app.datasets.versions(dataset.id).await?;
    let version = pick(&versions, request.version)?;
    let names: Vec<_> = request.rename.into_iter().collect();
    check_names(app, &workspace, &manifest, policy.kind(), &names).await?;

    let mut populations = Vec::new();
    for name in manifest.tables().iter().filter_map(lyceum_schema::manifest::Table::population) {
        let id = app.ledger.population(name).await?.ok_or(Error::Internal)?.id;
        if !populations.contains(&id) {
            populations.push(id);
        }
    }
    let release = ReleaseRecord {
        id: ReleaseId::generate(),
        version: version.id,
        dataset: dataset.id,
        dataset_name: dataset.name.clone(),
        owner: dataset.owner.clone(),
        workspace: workspace.id,
        kind: policy.kind(),
        policy: request.policy,
        names,
        state: ReleaseState::Proposed,
        proposed_by: actor.id(),
        approved_by: Vec::new(),
        failures: 0,
        created: app.clock.now(),
        deleted: false,
    };
    let document = artefact("policy", release.policy.as_bytes())?;
    let proposed = EventKind::ReleaseProposed {
        release: release.id,
        version: version.id,
        kind: release.kind,
        policy: document.reference.clone(),
        approvals: policy.approvals(),
        populations,
        owner: release.owner.clone(),
    };
    let event = app.event(Some(actor), Some(workspace.id), proposed);
    let entry = app.releases.create_release(release.clone(), document, event).await?;
    if release.kind != ReleaseKind::Protected {
        making::start(app, making::Proposal { release: release.clone(), version: version.number, manifest, policy });
    }
    describe(app, &workspace, release, Some(entry)).await
}

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

/// What somebody decides about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A reviewer agrees.
    Approve,
    /// A reviewer refuses. Final.
    Reject,
    /// No questions for now.
    Pause,
    /// The owner lets questions through again.
    Resume,
    /// The owner withdraws it for good.
    Revoke,
}

/// Decides about a release.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`] (also for one's own proposal), [`Error::Invalid`] without a needed
/// reason, [`Error::State`] when the release's state doesn't allow it, storage.
pub async fn decide(
    app: &App,
    actor: &Actor,
    id: ReleaseId,
    verdict: Verdict,
    decision: wire::Decision,
) -> Result<wire::Release> {
    let action = match verdict {
        Verdict::Approve | Verdict::Reject => Action::ReviewRelease,
        Verdict::Pause => Action::PauseRelease,
        Verdict::Resume | Verdict::Revoke => Action::OwnRelease,
    };
    let _one_at_a_time = app.reviews.lock().await;
    let (workspace, release) = find(app, actor, action, id).await?;
    check_text("reason", &decision.reason, 1_000)?;
    let reason = decision.reason;
    if reason.trim().is_empty() && matches!(verdict, Verdict::Reject | Verdict::Pause | Verdict::Revoke) {
        return Err(Error::invalid("a reason is needed", "say why in `reason`; it goes into the log"));
    }
    let entry = match verdict {
        Verdict::Approve => approve(app, actor, &workspace, &release, reason).await?,
        Verdict::Reject => {
            check_independence(actor, &release)?;
            let event = EventKind::ReleaseRejected { release: id, reason };
            advance(app, actor, &workspace, &release, ReleaseState::Rejected, event).await?
        }
        Verdict::Pause => {
            check_partner_owns(app, actor, &workspace, &release).await?;
            let event = EventKind::ReleasePaused { release: id, reason };
            advance(app, actor, &workspace, &release, ReleaseState::Paused, event).await?
        }
        Verdict::Resume => {
            check_partner_owns(app, actor, &workspace, &release).await?;
            if release.state != ReleaseState::Paused {
                return Err(wrong_state(&release, ReleaseState::Active));
            }
            let event = EventKind::ReleaseResumed { release: id };
            advance(app, actor, &workspace, &release, ReleaseState::Active, event).await?
        }
        Verdict::Revoke => {
            check_partner_owns(app, actor, &workspace, &release).await?;
            let event = EventKind::ReleaseRevoked { release: id, reason };
            advance(app, actor, &workspace, &release, ReleaseState::Revoked, event).await?
        }
    };
    let release = app.releases.release(id).await?.ok_or(Error::Internal)?;
    describe(app, &workspace, release, Some(entry)).await
}

/// Deletes the rows and the keys of a release that has ended. What the log says about it stays. What a deletion that broke
/// off has left is deleted by the next one.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], [`Error::State`] unless it has ended, storage.
pub async fn delete(app: &App, actor: &Actor, id: ReleaseId) -> Result<wire::Release> {
    let _one_at_a_time = app.reviews.lock().await;
    let (workspace, release) = find(app, actor, Action::OwnRelease, id).await?;
    check_partner_owns(app, actor, &workspace, &release).await?;
    let event = app.event(Some(actor), Some(workspace.id), EventKind::ReleaseDeleted { release: id });
    let entry = if release.deleted { None } else { Some(app.releases.delete_release(id, event).await?) };
    making::delete_files(app, id).await?;
    let release = app.releases.release(id).await?.ok_or(Error::Internal)?;
    describe(app, &workspace, release, entry).await
}

/// Refuses unless all these releases may be read at this moment.
pub(crate) async fn expect_active(app: &App, releases: &[ReleaseId]) -> Result<()> {
    for id in releases {
        let release = app.releases.release(*id).await?.ok_or(Error::Internal)?;
        let over = documents::policy(&release)?.has_expired(app.clock.now());
        let state = if over { ReleaseState::Expired } else { release.state };
        if state != ReleaseState::Active {
            return Err(Error::NotActive { state });
        }
    }
    Ok(())
}

/// A workspace's releases as they are now: those past their policy's expiry are moved to expired first.
pub(crate) async fn current(app: &App, workspace: &Workspace) -> Result<Vec<ReleaseRecord>> {
    let mut releases = app.releases.releases(workspace.id).await?;
    for release in &mut releases {
        expire(app, workspace, release).await?;
    }
    Ok(releases)
}

async fn expire(app: &App, workspace: &Workspace, release: &mut ReleaseRecord) -> Result<()> {
    let due = documents::policy(release)?.has_expired(app.clock.now());
    if due && release.state.may_become(ReleaseState::Expired) {
        let event = app.event(None, Some(workspace.id), EventKind::ReleaseExpired { release: release.id });
        match app.releases.move_release(release.id, ReleaseState::Expired, event).await {
            // Somebody else expired or revoked it at the same moment: not queryable either way.
            Ok(_) | Err(PortError::State(_)) => release.state = ReleaseState::Expired,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn approve(
    app: &App,
    actor: &Actor,
    workspace: &Workspace,
    release: &ReleaseRecord,
    reason: String,
) -> Result<EventIndex> {
    check_independence(actor, release)?;
    let policy = documents::policy(release)?;
    if release.state != ReleaseState::Proposed {
        return Err(wrong_state(release, ReleaseState::Active));
    }
    if policy.has_expired(app.clock.now()) {
        return Err(Error::state("the release's policy has expired", "ask the owner to propose it again"));
    }
    if release.kind != ReleaseKind::Protected {
        match app.releases.release_report(release.id).await? {
            None => {
                let fix = "wait until its rows are made: `lyceum release show`";
                return Err(Error::state("there is no report on the release's rows yet", fix));
            }
            Some(report) if !report.passes => {
                let fix = "read the report; the owner proposes it again under a policy whose thresholds hold";
                return Err(Error::state("the report says that the policy's thresholds don't hold", fix));
            }
            Some(_) => {}
        }
    }
    let active = release.approved_by.len() + 1 >= usize::from(policy.approvals());
    let next = if active { ReleaseState::Active } else { ReleaseState::Proposed };
    let approved = EventKind::ReleaseApproved { release: release.id, reason, active };
    let event = app.event(Some(actor), Some(workspace.id), approved);
    Ok(app.releases.approve_release(release.id, actor.id(), next, event).await?)
}

async fn advance(
    app: &App,
    actor: &Actor,
    workspace: &Workspace,
    release: &ReleaseRecord,
    next: ReleaseState,
    kind: EventKind,
) -> Result<EventIndex> {
    if !release.state.may_become(next) {
        return Err(wrong_state(release, next));
    }
    let event = app.event(Some(actor), Some(workspace.id), kind);
    Ok(app.releases.move_release(release.id, next, event).await?)
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

fn check_independence(actor: &Actor, release: &ReleaseRecord) -> Result<()> {
    if authz::is_independent(actor, release) {
        Ok(())
    } else {
        Err(Error::Forbidden { reason: "nobody judges what they proposed, and nobody judges twice" })
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

fn wrong_state(release: &ReleaseRecord, next: ReleaseState) -> Error {
    Error::state(
        format!("the release is {} and can't become {}", release.state.as_str(), next.as_str()),
        "look at its state now; a rejected, expired or revoked release is proposed anew",
    )
}

/// The version meant: by number, or the newest published one. `versions` are newest first.
fn pick(versions: &[VersionRecord], number: Option<u32>) -> Result<&VersionRecord> {
    let upload = "upload all tables and publish first: `lyceum dataset upload`";
    match number {
        None => versions
            .iter()
            .find(|v| v.state == VersionState::Published)
            .ok_or_else(|| Error::state("the dataset has no published version", upload)),
        Some(number) => {
            let found =
                versions.iter().find(|v| v.number == number).ok_or_else(|| Error::not_found("version", number))?;
            if found.state == VersionState::Published {
                Ok(found)
            } else {
                Err(Error::state(format!("version {number} is not published"), upload))
            }
        }
    }
}

/// SQL names must exist in the manifest on the left and be free in the workspace on the right.
async fn check_names(
    app: &App,
    workspace: &Workspace,
    manifest: &Manifest,
    kind: ReleaseKind,
    names: &[(TableName, TableName)],
) -> Result<()> {
    if let Some((unknown, _)) = names.iter().find(|(from, _)| manifest.table(from).is_none()) {
        return Err(Error::invalid(
            format!("`as` names the table {unknown}, which the dataset doesn't have"),
            "use names of the manifest on the left",
        ));
    }
    let mut taken: Vec<TableName> = Vec::new();
    for release in current(app, workspace).await? {
        let alive = matches!(release.state, ReleaseState::Proposed | ReleaseState::Active | ReleaseState::Paused);
        if alive && release.kind == kind {
            let dataset = app.datasets.dataset(&release.dataset_name).await?.ok_or(Error::Internal)?;
            let tables = documents::manifest(&dataset)?;
            taken.extend(tables.tables().iter().map(|t| catalog::sql_name(&release.names, t.name()).clone()));
        }
    }
    for table in manifest.tables() {
        let name = catalog::sql_name(names, table.name());
        if taken.contains(name) {
            return Err(Error::Exists { what: format!("table {}.{name} in this workspace", kind.as_str()) });
        }
        taken.push(name.clone());
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
