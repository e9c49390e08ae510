//! The catalogue in words: what may be named in SQL, with types, bounds and lists. Public facts only.

use super::number::integer;
use super::table;
use lyceum_schema::wire::{Catalog, CatalogColumn, CatalogTable};
use serde_json::Value;

/// All tables of a workspace.
pub(crate) fn all(catalog: &Catalog) -> String {
    if catalog.tables.is_empty() {
        return format!("nothing is shared with {} yet", catalog.workspace);
    }
    catalog.tables.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn one(t: &CatalogTable) -> String {
    let header = ["column", "type", "possible values", "meaning"].map(String::from);
    let rows: Vec<_> = t
        .columns
        .iter()
        .map(|c| {
            let nullable = if c.nullable { ", may be NULL" } else { "" };
            vec![c.name.to_string(), format!("{}{nullable}", c.data_type), possible(c), c.description.clone()]
        })
        .collect();
    let mut lines = vec![
        format!("{}.{} ({} version {}, {})", t.schema.as_str(), t.name, t.dataset, t.version, t.owner),
        format!(" {}", t.description),
        match t.max_rows_per_unit {
            1 => format!(" privacy unit: {}", t.privacy_unit),
            rows => format!(" privacy unit: {}, at most {} rows each", t.privacy_unit, integer(i128::from(rows))),
        },
    ];
    lines.extend(t.policy.iter().map(|p| format!(" {p}")));
    lines.push(table::plain(&header, &rows, &[]));
    lines.join("\n")
}

fn possible(c: &CatalogColumn) -> String {
    match (&c.values, &c.low, &c.high, c.max_bytes) {
        (Some(values), ..) if values.len() > 6 => {
            format!("{}, … ({} listed)", values.iter().take(3).map(text).collect::<Vec<_>>().join(", "), values.len())
        }
        (Some(values), ..) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        (None, Some(low), Some(high), _) => {
            let unit = c.unit_of_measure.as_deref().map(|u| format!(" {u}")).unwrap_or_default();
            format!("{} to {}{unit}", text(low), text(high))
        }
        (None, _, _, Some(bytes)) => format!("text of up to {bytes} bytes, not listed"),
        _ => "not said".to_owned(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}
