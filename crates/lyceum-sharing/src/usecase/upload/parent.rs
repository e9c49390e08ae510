//! Units by foreign key: the parent table of the same draft comes first, and its keys say whose rows these are.

use crate::app::App;
use crate::error::{Error, Result};
use crate::model::VersionRecord;
use lyceum_anonymize::validate::{ParentUnits, UNIT_COLUMN};
use lyceum_schema::id::VersionId;
use lyceum_schema::manifest::{Manifest, PrivacyUnit, Table, UnitEpoch};
use lyceum_schema::name::TableName;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Refuses a table whose parent is not there yet.
pub(super) fn check_parent(table: &Table, draft: &VersionRecord) -> Result<()> {
    let PrivacyUnit::ForeignKey { table: parent, .. } = table.unit() else { return Ok(()) };
    if draft.tables.iter().any(|t| t.table == *parent) {
        return Ok(());
    }
    let reason = format!("the units of table {} come from table {parent}, which is not uploaded yet", table.name());
    Err(Error::state(reason, format!("upload {parent} first")))
}

/// Refuses to replace a table that others were resolved against.
pub(super) fn check_children(manifest: &Manifest, table: &TableName, draft: &VersionRecord) -> Result<()> {
    let is_child = |t: &&Table| matches!(t.unit(), PrivacyUnit::ForeignKey { table: parent, .. } if parent == table);
    let uploaded = |t: &&Table| draft.tables.iter().any(|u| u.table == *t.name());
    let Some(child) = manifest.tables().iter().filter(is_child).find(uploaded) else { return Ok(()) };
    let reason = format!("the units of table {} were found through table {table} already", child.name());
    Err(Error::state(reason, "begin a new version and upload the parent table first"))
}

/// The units of the parent's keys, read from its stored files one after the other; `None` unless the unit comes by
/// foreign key. Holds 32 bytes a parent row.
pub(super) async fn units(
    app: &App,
    manifest: &Manifest,
    version: VersionId,
    table: &Table,
) -> Result<Option<ParentUnits>> {
    let PrivacyUnit::ForeignKey { table: parent, column, .. } = table.unit() else { return Ok(None) };
    let draft = app.datasets.version(version).await?.ok_or_else(|| Error::not_found("version", version))?;
    check_parent(table, &draft)?;
    let epoch = manifest.table(parent).ok_or(Error::Internal)?.epoch();
    let mut units = ParentUnits::new(super::random()?, epoch.map(UnitEpoch::every));
    let columns = [Some(column), epoch.map(UnitEpoch::column)];
    let columns: Vec<String> = columns.into_iter().flatten().map(ToString::to_string).collect();
    for file in draft.tables.iter().filter(|t| t.table == *parent).flat_map(|t| &t.files) {
        let stored = app.objects.get(&Path::from(file.path.as_str())).await.map_err(|_| Error::Storage)?;
        let bytes = stored.bytes().await.map_err(|_| Error::Storage)?;
        let columns = columns.clone();
        let read = tokio::task::spawn_blocking(move || add(units, bytes, &columns));
        units = read.await.map_err(|_| Error::Internal)??;
    }
    Ok(Some(units))
}

/// `columns`: the parent's key, then what tells its epoch, if its units have one.
fn add(mut units: ParentUnits, file: bytes::Bytes, columns: &[String]) -> Result<ParentUnits> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|_| Error::Storage)?;
    if let Some(missing) = columns.iter().find(|name| builder.schema().column_with_name(name).is_none()) {
        let reason = format!("the parent's key `{missing}` is not stored, because it is the unit or names people");
        return Err(Error::state(reason, "point the foreign key at a key of rows, or use the unit's own column"));
    }
    let names: Vec<&str> = std::iter::once(UNIT_COLUMN).chain(columns.iter().map(String::as_str)).collect();
    let wanted = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    let reader = builder.with_projection(wanted).build().map_err(|_| Error::Storage)?;
    for batch in reader {
        let batch = batch.map_err(|_| Error::Storage)?;
        // The file has them in the manifest's order. A key that is also the epoch's column is there twice.
        let places: Option<Vec<usize>> = names.iter().map(|n| batch.schema().index_of(n).ok()).collect();
        let rows = batch.project(&places.ok_or(Error::Storage)?).map_err(|_| Error::Storage)?;
        units.add(&rows).map_err(|e| super::decode::unusable(&e))?;
    }
    Ok(units)
}
