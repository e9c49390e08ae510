//! The proposal of a release: whose dataset, which version, under which policy, as which names in SQL.

use super::super::{authorise_in, catalog};
use super::{current, describe, making};
use crate::actor::Actor;
use crate::app::App;
use crate::artefact::artefact;
use crate::authz::{self, Action};
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{ReleaseRecord, VersionRecord, Workspace};
use lyceum_audit::event::EventKind;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::manifest::Manifest;
use lyceum_schema::name::{TableName, WorkspaceName};
use lyceum_schema::state::{ReleaseKind, ReleaseState, VersionState};
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
