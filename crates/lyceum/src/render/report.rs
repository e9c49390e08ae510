//! Datasets, manifests and validation reports in words. Counts and reasons, never values.

use super::number::{bytes, integer};
use super::table;
use lyceum_schema::manifest::{Evidence, Manifest, PrivacyUnit};
use lyceum_schema::wire::{Dataset, ValidationReport, Version};

/// What an upload came to.
pub(crate) fn summary(report: &ValidationReport, file_bytes: u64) -> String {
    let n = |n: u64| integer(i128::from(n));
    let mut lines = vec![format!(
        "{}  {} rows · accepted {} · rejected {}",
        bytes(file_bytes),
        n(report.rows_in),
        n(report.rows_accepted),
        n(report.rows_rejected)
    )];
    for (number, file) in (1..).zip(&report.files) {
        let which = if report.files.len() > 1 { format!("file {number}: ") } else { String::new() };
        let how = if file.declared { "as declared" } else { "as its first bytes say" };
        lines.push(format!("{which}read as {}, {how}", file.read_as));
    }
    for r in &report.rejections {
        let column = r.column.as_ref().map(|c| format!(" in {c}")).unwrap_or_default();
        lines.push(format!("{} rejected{column}: {}", n(r.rows), r.explanation));
    }
    for c in &report.corrections {
        lines.push(format!("{} corrected in {}: {}", n(c.values), c.column, c.explanation));
    }
    if report.rows_capped > 0 {
        lines.push(format!(
            "{} rows left out: more than the manifest allows for one privacy unit",
            n(report.rows_capped)
        ));
    }
    if !report.dropped_identifiers.is_empty() {
        let names: Vec<_> = report.dropped_identifiers.iter().map(ToString::to_string).collect();
        lines.push(format!("direct identifiers dropped: {}", names.join(", ")));
    }
    for found in &report.identifiers {
        let action = match found.action.as_str() {
            "none" => "to be looked at",
            "mask" => "masked",
            "drop" => "dropped",
            _ => "kept, as the manifest allows",
        };
        lines.push(format!("{}: {} (confidence {}): {action}", found.column, found.reason, found.confidence));
    }
    if report.identifiers.is_empty() {
        lines.push("found no direct identifiers in the values of other columns".to_owned());
    }
    if !report.ignored_columns.is_empty() {
        lines.push(format!("not in the manifest, ignored: {}", report.ignored_columns.join(", ")));
    }
    lines.extend(report.notes.iter().cloned());
    lines.join("\n   ")
}

/// A manifest that parsed.
pub(crate) fn manifest(manifest: &Manifest) -> String {
    let mut lines = vec![format!("{} ({}): a sound manifest", manifest.dataset(), manifest.title())];
    for t in manifest.tables() {
        let unit = match t.unit() {
            PrivacyUnit::Column(c) => format!("unit {c}"),
            PrivacyUnit::ForeignKey { via, table, column } => format!("unit through {via} → {table}.{column}"),
            PrivacyUnit::Row => "each row is one unit".to_owned(),
            PrivacyUnit::None => "public".to_owned(),
        };
        let population = t.population().map(|p| format!(" of {p}")).unwrap_or_default();
        lines.push(format!(" {}: {} columns, {unit}{population}", t.name(), t.columns().len()));
        let unattested: Vec<_> =
            t.columns().iter().filter(|c| c.evidence() == Evidence::Data).map(|c| c.name().as_str()).collect();
        if !unattested.is_empty() {
            lines.push(format!(
                "   stands on the data, can't be published before it is attested: {}",
                unattested.join(", ")
            ));
        }
    }
    lines.join("\n")
}

/// A dataset with its versions.
pub(crate) fn dataset(dataset: &Dataset, versions: &[Version]) -> String {
    let tables: Vec<_> = dataset.tables.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        format!("{}: {} ({})", dataset.name, dataset.title, dataset.owner),
        format!(" {}", dataset.description),
        format!(" licence {} · tables {}", dataset.licence, tables.join(", ")),
    ];
    let header = ["version", "state", "begun", "tables"].map(String::from);
    let rows: Vec<_> = versions
        .iter()
        .map(|v| {
            let uploaded = v.tables.iter().filter(|t| t.uploaded).count();
            let state =
                serde_json::to_value(v.state).ok().and_then(|s| s.as_str().map(str::to_owned)).unwrap_or_default();
            vec![v.number.to_string(), state, v.created.to_string(), format!("{uploaded} of {}", v.tables.len())]
        })
        .collect();
    if rows.is_empty() {
        lines.push(" no version yet".to_owned());
    } else {
        lines.push(table::plain(&header, &rows, &[0]));
    }
    lines.join("\n")
}
