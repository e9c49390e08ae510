//! Datasets and their versions: declared by a manifest, filled table by table, published all at once.

use super::authorise;
use crate::actor::Actor;
use crate::app::App;
use crate::artefact::artefact;
use crate::authz::{Action, acts_for};
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{DatasetRecord, VersionRecord};
use lyceum_anonymize::report::ValidationReport;
use lyceum_audit::event::EventKind;
use lyceum_schema::epoch::Every;
use lyceum_schema::id::{DatasetId, VersionId};
use lyceum_schema::manifest::{Evidence, Manifest, UnitEpoch};
use lyceum_schema::name::DatasetName;
use lyceum_schema::state::{Role, VersionState};
use lyceum_schema::wire;
use std::collections::BTreeMap;

/// Declares a dataset by its manifest.
///
/// # Errors
/// [`Error::Forbidden`] for another organisation's manifest, [`Error::Document`], [`Error::Exists`], storage.
pub async fn create(app: &App, actor: &Actor, text: &str) -> Result<wire::CreatedDataset> {
    authorise(actor, Action::WriteDatasets)?;
    let manifest = documents::new_manifest(text)?;
    if !acts_for(actor, manifest.owner()) {
        return Err(Error::Forbidden { reason: "the manifest names another organisation as its owner" });
    }
    let mut warnings = missing_populations(app, &manifest).await?;
    warnings.extend(unattested(&manifest));
    let record = DatasetRecord {
        id: DatasetId::generate(),
        name: manifest.dataset().clone(),
        owner: manifest.owner().clone(),
        manifest: text.to_owned(),
    };
    let document = artefact("manifest", text)?;
    let created = EventKind::DatasetCreated {
        dataset: record.id,
        owner: record.owner.clone(),
        manifest: document.reference.clone(),
    };
    app.datasets.create_dataset(record.clone(), document, app.event(Some(actor), None, created)).await?;
    Ok(wire::CreatedDataset { dataset: shape(&record, &manifest, true), warnings })
}

/// The datasets that the actor may see, by name, without their manifests.
///
/// # Errors
/// Storage.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<wire::Dataset>> {
    authorise(actor, Action::ReadDatasets)?;
    let mut list = Vec::new();
    for record in app.datasets.datasets().await? {
        if may_see(app, actor, &record).await? {
            list.push(shape(&record, &documents::manifest(&record)?, false));
        }
    }
    Ok(list)
}

/// A dataset with its manifest.
///
/// # Errors
/// [`Error::NotFound`], storage.
pub async fn show(app: &App, actor: &Actor, name: &DatasetName) -> Result<wire::Dataset> {
    let record = visible(app, actor, name).await?;
    let manifest = documents::manifest(&record)?;
    Ok(shape(&record, &manifest, true))
}

/// A dataset's versions, newest first.
///
/// # Errors
/// [`Error::NotFound`], storage.
pub async fn versions(app: &App, actor: &Actor, name: &DatasetName) -> Result<Vec<wire::Version>> {
    let record = visible(app, actor, name).await?;
    let manifest = documents::manifest(&record)?;
    let versions = app.datasets.versions(record.id).await?;
    Ok(versions.iter().map(|v| shape_version(&record, &manifest, v)).collect())
}

/// Begins a version. The manifest's populations must exist, belong to its owner and have the manifest's epochs.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::State`] without the populations, storage.
pub async fn begin_version(app: &App, actor: &Actor, name: &DatasetName) -> Result<wire::Version> {
    let record = owned(app, actor, name).await?;
    let manifest = documents::manifest(&record)?;
    if let Some(missing) = missing_populations(app, &manifest).await?.into_iter().next() {
        return Err(Error::state(missing, "declare it first: `lyceum population create`"));
    }
    let version = app.datasets.create_version(VersionId::generate(), record.id, app.clock.now()).await?;
    Ok(shape_version(&record, &manifest, &version))
}

/// Publishes a draft: one transaction, all its tables at once.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::State`] unless it is a draft, [`Error::NotPublishable`] with
/// everything that is missing or wrong, storage.
pub async fn publish(app: &App, actor: &Actor, name: &DatasetName, id: VersionId) -> Result<wire::Version> {
    let (record, _) = owned_draft(app, actor, name, id).await?;
    let manifest = documents::manifest(&record)?;
    // Nothing is uploaded while it is published: what is listed and logged here is what others see.
    let _claims = manifest.tables().iter().map(|t| app.claim(id, t.name())).collect::<Result<Vec<_>>>()?;
    let (_, version) = owned_draft(app, actor, name, id).await?;
    let findings = obstacles(app, &manifest, &version)?;
    if !findings.is_empty() {
        return Err(Error::NotPublishable { findings });
    }
    let mut paths: Vec<&str> = version.tables.iter().flat_map(|t| t.files.iter().map(|f| f.path.as_str())).collect();
    paths.sort_unstable();
    let content = artefact("content", paths.join("\n"))?;
    let published =
        EventKind::VersionPublished { dataset: record.id, version: version.id, content: content.reference.clone() };
    app.datasets.publish_version(version.id, content, app.event(Some(actor), None, published)).await?;
    super::resumable::forget_all(app, version.id).await?;
    let version = app.datasets.version(id).await?.ok_or(Error::Internal)?;
    Ok(shape_version(&record, &manifest, &version))
}

/// A dataset of the actor's own organisation. Other people's look as if they weren't there.
pub(crate) async fn owned(app: &App, actor: &Actor, name: &DatasetName) -> Result<DatasetRecord> {
    authorise(actor, Action::WriteDatasets)?;
    let found = app.datasets.dataset(name).await?.filter(|d| acts_for(actor, &d.owner));
    found.ok_or_else(|| Error::not_found("dataset", name))
}

/// A draft of a dataset of the actor's own organisation.
pub(crate) async fn owned_draft(
    app: &App,
    actor: &Actor,
    name: &DatasetName,
    id: VersionId,
) -> Result<(DatasetRecord, VersionRecord)> {
    let record = owned(app, actor, name).await?;
    let found = app.datasets.version(id).await?.filter(|v| v.dataset == record.id);
    let version = found.ok_or_else(|| Error::not_found("version", id))?;
    match version.state {
        VersionState::Draft => Ok((record, version)),
        VersionState::Published => Err(Error::state("the version is published", "begin a new version")),
        VersionState::Abandoned => Err(Error::state("the version was given up", "begin a new version")),
    }
}

async fn visible(app: &App, actor: &Actor, name: &DatasetName) -> Result<DatasetRecord> {
    authorise(actor, Action::ReadDatasets)?;
    let hidden = || Error::not_found("dataset", name);
    let record = app.datasets.dataset(name).await?.ok_or_else(hidden)?;
    if may_see(app, actor, &record).await? { Ok(record) } else { Err(hidden()) }
}

/// Owners and administrators see a dataset; so do reviewers of a workspace that it is proposed or released to.
pub(crate) async fn may_see(app: &App, actor: &Actor, dataset: &DatasetRecord) -> Result<bool> {
    let owns = actor.user.role == Role::Partner && acts_for(actor, &dataset.owner);
    if owns || actor.user.role == Role::Admin {
        return Ok(true);
    }
    for workspace in app.workspaces.workspaces(Some(actor.id())).await? {
        let reviews = app.workspaces.role(workspace.id, actor.id()).await? == Some(Role::Reviewer);
        if reviews && app.releases.releases(workspace.id).await?.iter().any(|r| r.dataset == dataset.id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Populations that the manifest names and that don't exist, belong to somebody else, or have other epochs.
async fn missing_populations(app: &App, manifest: &Manifest) -> Result<Vec<String>> {
    // All tables of one population have the same epochs.
    let named = manifest.tables().iter().filter_map(|t| Some((t.population()?, t.epoch().map(UnitEpoch::every))));
    let named: BTreeMap<_, _> = named.collect();
    let mut missing = Vec::new();
    for (name, epoch) in named {
        match app.ledger.population(name).await?.filter(|p| p.organisation == *manifest.owner()) {
            None => missing.push(match epoch {
                None => format!("{} has no population {name}", manifest.owner()),
                Some(every) => format!("{} has no population {name} (with --epoch {every})", manifest.owner()),
            }),
            Some(record) if record.epoch != epoch => {
                let words = |e: Option<Every>| e.map_or_else(|| "for all time".to_owned(), |e| format!("per {e}"));
                missing.push(format!(
                    "population {name} counts people {}, the manifest {}: name another population",
                    words(record.epoch),
                    words(epoch)
                ));
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}

/// Columns whose list or bounds stand on the data.
fn unattested(manifest: &Manifest) -> Vec<String> {
    let columns = manifest.tables().iter().flat_map(|t| t.columns().iter().map(move |c| (t, c)));
    columns
        .filter(|(_, c)| c.evidence() == Evidence::Data)
        .map(|(t, c)| {
            format!(
                "the values or bounds of {}.{} come from the data (source = \"data\"): attest that they are public \
                 knowledge, or state others",
                t.name(),
                c.name()
            )
        })
        .collect()
}

/// Everything that forbids publication.
fn obstacles(app: &App, manifest: &Manifest, version: &VersionRecord) -> Result<Vec<String>> {
    let mut findings = unattested(manifest);
    for table in manifest.tables() {
        let Some(files) = version.tables.iter().find(|t| t.table == *table.name()) else {
            findings.push(format!("the table {} was not uploaded", table.name()));
            continue;
        };
        let report: wire::ValidationReport = serde_json::from_str(&files.report).map_err(|_| Error::Internal)?;
        if share_rejected(&report) > app.config.max_rejected_share {
            findings.push(format!(
                "{} of {} rows of {} were rejected, more than {:.0} %: see the upload's report",
                report.rows_rejected,
                report.rows_in,
                table.name(),
                100.0 * app.config.max_rejected_share
            ));
        }
    }
    Ok(findings)
}

fn share_rejected(report: &wire::ValidationReport) -> f64 {
    ValidationReport { rows_in: report.rows_in, rejected: report.rows_rejected, ..ValidationReport::default() }
        .rejected_share()
}

fn shape(record: &DatasetRecord, manifest: &Manifest, with_manifest: bool) -> wire::Dataset {
    wire::Dataset {
        id: record.id,
        name: record.name.clone(),
        title: manifest.title().to_owned(),
        owner: record.owner.clone(),
        description: manifest.description().to_owned(),
        licence: manifest.licence().to_owned(),
        tables: manifest.tables().iter().map(|t| t.name().clone()).collect(),
        manifest: if with_manifest { record.manifest.clone() } else { String::new() },
    }
}

fn shape_version(record: &DatasetRecord, manifest: &Manifest, version: &VersionRecord) -> wire::Version {
    let tables = manifest.tables().iter().map(|t| wire::UploadedTable {
        table: t.name().clone(),
        uploaded: version.tables.iter().any(|u| u.table == *t.name()),
    });
    wire::Version {
        id: version.id,
        dataset: record.name.clone(),
        number: version.number,
        state: version.state,
        created: version.created.into(),
        tables: tables.collect(),
    }
}
