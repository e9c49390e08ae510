//! One person's opt-out: values of the privacy unit → unit ids → every version's tables without their rows → one
//! transaction. Later versions drop them while they are uploaded. Charges stay, and so do answers that were given.

use super::datasets;
use super::upload::{BATCHES_IN_FLIGHT, kept, layout_options};
use crate::actor::Actor;
use crate::app::App;
use crate::artefact::artefact;
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{DatasetRecord, ExcludedUnit, RewrittenTable, TableFiles};
use crate::port::PortError;
use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::UInt64Type;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_audit::event::EventKind;
use lyceum_query::catalog::{DataFile, UNIT_COLUMN};
use lyceum_query::layout::{self, InputFailed};
use lyceum_schema::id::{DatasetId, PopulationId, VersionId};
use lyceum_schema::manifest::{DataType, Manifest, PrivacyUnit, Table};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::state::{ReleaseKind, ReleaseState, VersionState};
use lyceum_schema::wire;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Most values of one request.
const MAX_VALUES: usize = 100_000;
/// Most unit ids that the values of one request may stand for: a value has one in each table and epoch.
const MAX_UNITS: u64 = 1_000_000;

/// Drops the rows of people who opted out, from all versions of a dataset and from those to come. Old files are deleted
/// when no question can be reading them any more ([`crate::Config::outdated_files_stay`]), or at the next start.
///
/// # Errors
/// [`Error::NotFound`] for another organisation's dataset, [`Error::Forbidden`], [`Error::Invalid`] without values, with too
/// many, or when no table has a column that names people, [`Error::Layout`], storage. Whether a value was there is not said.
pub async fn exclude(
    app: &Arc<App>,
    actor: &Actor,
    name: &DatasetName,
    request: wire::Exclude,
) -> Result<wire::Excluded> {
    let record = datasets::owned(app, actor, name).await?;
    if request.values.is_empty() || request.values.len() > MAX_VALUES {
        return Err(Error::invalid(
            format!("{} values of the privacy unit", request.values.len()),
            format!("send 1 to {MAX_VALUES}"),
        ));
    }
    let manifest = documents::manifest(&record)?;
    check_units(&manifest, request.values.len())?;
    let (app, actor) = (Arc::clone(app), actor.clone());
    // A client that goes away must not leave it half done.
    let work = tokio::spawn(async move { carry_out(&app, &actor, record, &manifest, &request.values).await });
    work.await.map_err(|_| Error::Internal)?
}

fn check_units(manifest: &Manifest, values: usize) -> Result<()> {
    let by_value = manifest.tables().iter().filter(|t| matches!(t.unit(), PrivacyUnit::Column(_)));
    let each = by_value.map(|t| t.epoch().map_or(1, |e| e.span().count())).fold(0_u64, u64::saturating_add);
    if each.saturating_mul(values as u64) <= MAX_UNITS {
        return Ok(());
    }
    let what = format!("{values} values stand for more than {MAX_UNITS} units over the tables and epochs");
    Err(Error::invalid(what, format!("send at most {} at a time", (MAX_UNITS / each.max(1)).max(1))))
}

/// Rewrites until nothing is left: tables that were uploaded while others were rewritten are found in the next turn, and
/// uploads that end after the units are noted drop them by themselves ([`catch_up`]).
async fn carry_out(
    app: &Arc<App>,
    actor: &Actor,
    record: DatasetRecord,
    manifest: &Manifest,
    values: &[String],
) -> Result<wire::Excluded> {
    let _one_at_a_time = app.exclusions.lock().await;
    let units = unit_ids(app, manifest, values).await?;
    pause_anonymized(app, &record).await?;
    let mut made = HashMap::new();
    let mut entry = None;
    loop {
        let Turn { rewritten, now } = turn(app, &record, manifest, &units, &made).await?;
        if let (Some(entry), true) = (entry, rewritten.is_empty()) {
            return Ok(wire::Excluded { dataset: record.name, entry });
        }
        let content = artefact("content", now.join("\n"))?;
        let event = EventKind::UnitsExcluded { dataset: record.id, content: content.reference.clone() };
        let event = app.event(Some(actor), None, event);
        match app.datasets.exclude_units(record.id, units.clone(), rewritten.clone(), content, event).await {
            Ok(index) => {
                entry.get_or_insert(index);
                delete_later(app, rewritten.iter().flat_map(|t| &t.was));
                made.extend(rewritten.into_iter().map(|t| ((t.version, t.table), t.files)));
            }
            // A table was uploaded anew meanwhile.
            Err(PortError::State(_)) => delete(app, rewritten.iter().flat_map(|t| &t.files)).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// One look at all versions.
struct Turn {
    rewritten: Vec<RewrittenTable>,
    /// Paths of all files that the versions have then.
    now: Vec<String>,
}

async fn turn(
    app: &App,
    record: &DatasetRecord,
    manifest: &Manifest,
    units: &[ExcludedUnit],
    made: &HashMap<(VersionId, TableName), Vec<DataFile>>,
) -> Result<Turn> {
    let (mut rewritten, mut now) = (Vec::new(), Vec::new());
    for version in app.datasets.versions(record.id).await? {
        if version.state == VersionState::Abandoned {
            continue;
        }
        for table in manifest.tables() {
            let Some(stored) = version.tables.iter().find(|t| t.table == *table.name()) else { continue };
            let excluded = of_table(app, table, units).await?;
            let ours = made.get(&(version.id, table.name().clone())).is_some_and(|files| *files == stored.files);
            if ours || excluded.0.is_empty() || !stored.files.iter().any(|f| excluded.reaches(f)) {
                now.extend(stored.files.iter().map(|f| f.path.clone()));
                continue;
            }
            let files = without(app, version.id, table, &stored.files, excluded).await?;
            now.extend(files.iter().map(|f| f.path.clone()));
            let (table, was) = (table.name().clone(), stored.files.clone());
            rewritten.push(RewrittenTable { version: version.id, table, was, files });
        }
    }
    Ok(Turn { rewritten, now })
}

fn delete_later<'a>(app: &Arc<App>, files: impl Iterator<Item = &'a DataFile>) {
    let (app, files): (_, Vec<DataFile>) = (Arc::clone(app), files.cloned().collect());
    tokio::spawn(async move {
        tokio::time::sleep(app.config.outdated_files_stay).await;
        delete(&app, files.iter()).await;
    });
}

/// Whatever can't be deleted now is deleted at the next start.
async fn delete<'a>(app: &App, files: impl Iterator<Item = &'a DataFile> + Send) {
    for file in files {
        let _ = app.objects.delete(&Path::from(file.path.as_str())).await;
    }
}

/// Drops the rows of those who opted out while the table was being checked.
pub(crate) async fn catch_up(
    app: &App,
    dataset: DatasetId,
    version: VersionId,
    table: &Table,
    mut known: Excluded,
) -> Result<()> {
    loop {
        let now = Excluded::of(app, dataset, table).await?;
        if now.0.len() == known.0.len() {
            return Ok(());
        }
        let draft = app.datasets.version(version).await?.ok_or(Error::Internal)?;
        let stored = draft.tables.into_iter().find(|t| t.table == *table.name()).ok_or(Error::Internal)?;
        let files = without(app, version, table, &stored.files, now.clone()).await?;
        let old = stored.files.clone();
        app.datasets.put_table(version, TableFiles { files, ..stored }).await?;
        // Nobody reads a draft.
        delete(app, old.iter()).await;
        known = now;
    }
}

/// The ids of these values in every population that the dataset's tables name people of.
async fn unit_ids(app: &App, manifest: &Manifest, values: &[String]) -> Result<Vec<ExcludedUnit>> {
    let mut units = Vec::new();
    for table in manifest.tables() {
        let (PrivacyUnit::Column(column), Some(population)) = (table.unit(), table.population()) else { continue };
        let population = app.ledger.population(population).await?.ok_or(Error::Internal)?.id;
        let key = PseudonymKey::new(app.keys.population_key(population).await?.0);
        let number = table.column(column).is_some_and(|c| matches!(c.data_type(), DataType::Int32 | DataType::Int64));
        for (line, value) in values.iter().enumerate() {
            let canonical = if number {
                let parsed = value.trim().parse::<i64>().map_err(|_| {
                    let what = format!("value {} is no whole number, as {}.{column} is", line + 1, table.name());
                    Error::invalid(what, "send the values as they are in the uploaded files")
                })?;
                parsed.to_string()
            } else {
                value.clone()
            };
            let unit = |unit| ExcludedUnit { population, unit };
            match table.epoch() {
                None => units.push(unit(key.unit_id(canonical.as_bytes()))),
                Some(epoch) => {
                    units.extend(epoch.span().iter().map(|e| unit(key.epoch_unit_id(canonical.as_bytes(), e))))
                }
            }
        }
    }
    if units.is_empty() {
        return Err(Error::invalid(
            "no table of this dataset has a column that names people",
            "where each row is a person by itself, upload a new version without the row",
        ));
    }
    units.sort_unstable();
    units.dedup();
    Ok(units)
}

/// The units that opted out, as the rows of one table know them.
#[derive(Clone)]
pub(crate) struct Excluded(Arc<HashSet<u64>>);

impl Excluded {
    /// Those of a table that is being uploaded.
    pub(crate) async fn of(app: &App, dataset: DatasetId, table: &Table) -> Result<Self> {
        let units = app.datasets.excluded_units(dataset).await?;
        of_table(app, table, &units).await
    }

    fn reaches(&self, file: &DataFile) -> bool {
        self.0.iter().any(|unit| (file.unit_low..=file.unit_high).contains(unit))
    }

    /// The rows of everybody else; `None` for a batch without units.
    pub(crate) fn filter(&self, batch: RecordBatch) -> Option<RecordBatch> {
        if self.0.is_empty() {
            return Some(batch);
        }
        let units = batch.column_by_name(UNIT_COLUMN)?.as_primitive_opt::<UInt64Type>()?;
        let keep: BooleanArray = units.values().iter().map(|unit| Some(!self.0.contains(unit))).collect();
        filter_record_batch(&batch, &keep).ok()
    }
}

async fn of_table(app: &App, table: &Table, units: &[ExcludedUnit]) -> Result<Excluded> {
    let mine: Option<PopulationId> = match table.population() {
        Some(name) => Some(app.ledger.population(name).await?.ok_or(Error::Internal)?.id),
        None => None,
    };
    // Where each row is a unit, ids are the upload's own.
    let by_value = *table.unit() != PrivacyUnit::Row;
    let units = units.iter().filter(|u| by_value && Some(u.population) == mine).map(|u| u.unit);
    Ok(Excluded(Arc::new(units.collect())))
}

/// A table's files without the rows of those who opted out.
async fn without(
    app: &App,
    version: VersionId,
    table: &Table,
    files: &[DataFile],
    excluded: Excluded,
) -> Result<Vec<DataFile>> {
    let options = layout_options(app, version, table)?;
    let (sender, rows) = layout::channel(BATCHES_IN_FLIGHT);
    let rows = rows.map(move |rows| rows.and_then(|batch| excluded.filter(batch).ok_or(InputFailed)));
    let feeding = async {
        let fed = kept::feed(app, table, files, &sender).await;
        drop(sender);
        fed
    };
    let (fed, written) = tokio::join!(feeding, layout::write_table(table, rows, Arc::clone(&app.objects), &options));
    // What can't be read is the cause, the layout's error only its consequence.
    fed?;
    Ok(written?.files)
}

/// Rows that were generalised together with theirs can't simply lose them: those releases stop, and are proposed anew.
async fn pause_anonymized(app: &App, dataset: &DatasetRecord) -> Result<()> {
    for workspace in app.workspaces.workspaces(None).await? {
        for release in app.releases.releases(workspace.id).await? {
            let theirs = release.dataset == dataset.id && release.kind == ReleaseKind::Anonymized;
            if !theirs || release.state != ReleaseState::Active {
                continue;
            }
            let reason = "people opted out; propose it again".to_owned();
            let event = EventKind::ReleasePaused { release: release.id, reason };
            let event = app.event(None, Some(workspace.id), event);
            match app.releases.move_release(release.id, ReleaseState::Paused, event).await {
                Ok(_) | Err(PortError::State(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
