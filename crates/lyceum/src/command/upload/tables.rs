//! Which file is which table's, and which table comes first.

use crate::failure::{Failure, Outcome};
use lyceum_schema::manifest::{Manifest, PrivacyUnit};
use lyceum_schema::name::TableName;
use lyceum_schema::wire;
use std::path::PathBuf;

/// The tables to upload, parents first, each with its files in the order given; all of the dataset's if former rows are
/// kept, those without files too.
pub(super) fn arrange(
    arguments: &[String],
    dataset: &wire::Dataset,
    append: bool,
) -> Outcome<Vec<(TableName, Vec<PathBuf>)>> {
    let mut uploads: Vec<(TableName, Vec<PathBuf>)> = Vec::new();
    for argument in arguments {
        let (table, file) = table_and_file(argument, &dataset.tables)?;
        match uploads.iter_mut().find(|(t, _)| *t == table) {
            Some((_, files)) => files.push(file),
            None => uploads.push((table, vec![file])),
        }
    }
    for table in dataset.tables.iter().filter(|_| append) {
        if !uploads.iter().any(|(t, _)| t == table) {
            uploads.push((table.clone(), Vec::new()));
        }
    }
    parents_first(&mut uploads, &dataset.manifest);
    Ok(uploads)
}

/// `TABLE=FILE` or `FILE`.
fn table_and_file(argument: &str, tables: &[TableName]) -> Outcome<(TableName, PathBuf)> {
    let given = argument.split_once('=').and_then(|(t, f)| Some((t.parse::<TableName>().ok()?, PathBuf::from(f))));
    let (table, file) = match given {
        Some((table, file)) => (table, file),
        None => {
            let file = PathBuf::from(argument);
            let stem = file.file_name().and_then(|n| n.to_str()).and_then(|n| n.split('.').next()).unwrap_or_default();
            let by_stem = tables.iter().find(|t| t.as_str() == stem).cloned();
            let table = by_stem.or_else(|| if let [only] = tables { Some(only.clone()) } else { None });
            let names = tables.iter().map(TableName::as_str).collect::<Vec<_>>().join(", ");
            let table = table.ok_or_else(|| {
                Failure::local(
                    "E9013",
                    format!("{argument} does not say which table it is; this dataset has {names}"),
                    format!("write TABLE={argument}"),
                )
            })?;
            (table, file)
        }
    };
    if tables.contains(&table) {
        Ok((table, file))
    } else {
        let names = tables.iter().map(TableName::as_str).collect::<Vec<_>>().join(", ");
        Err(Failure::local("E9013", format!("the dataset has no table {table}"), format!("its tables are {names}")))
    }
}

/// Orders uploads so that a table comes after the one that its units are found through.
fn parents_first(uploads: &mut [(TableName, Vec<PathBuf>)], manifest: &str) {
    let Ok(manifest) = Manifest::parse("manifest", manifest) else { return };
    let depth = |table: &TableName| {
        let mut depth = 0;
        let mut next = Some(table.clone());
        // A manifest that parses has no circle; the bound is for one that a newer server accepts.
        while let Some(name) = next.filter(|_| depth <= manifest.tables().len()) {
            depth += 1;
            next = manifest.table(&name).and_then(|t| match t.unit() {
                PrivacyUnit::ForeignKey { table, .. } => Some(table.clone()),
                PrivacyUnit::Column(_) | PrivacyUnit::Row | PrivacyUnit::None => None,
            });
        }
        depth
    };
    uploads.sort_by_key(|(table, _)| depth(table));
}
