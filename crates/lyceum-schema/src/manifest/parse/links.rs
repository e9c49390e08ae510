//! Foreign keys between tables: both ends exist, agree, and lead to a privacy unit.

use super::column::ColumnSketch;
use super::nearest_name;
use super::table::TableSketch;
use crate::document::Problems;
use crate::manifest::PrivacyUnit;
use crate::name::{ColumnName, TableName};
use crate::problem::Problem;
use std::collections::HashSet;

pub(super) fn check(tables: &[TableSketch], problems: &mut Problems<'_>) {
    for table in tables {
        if let Some(PrivacyUnit::ForeignKey { via, table: parent, column }) = &table.unit {
            check_one(tables, table, via, parent, column, problems);
        }
    }
}

fn check_one(
    tables: &[TableSketch],
    child: &TableSketch,
    via: &ColumnName,
    parent_name: &TableName,
    target: &ColumnName,
    problems: &mut Problems<'_>,
) {
    let mut fail = |problem| problems.push(&child.unit_at.0, child.unit_at.1, problem);
    let via_column = child.columns.iter().find(|c| c.is_named(via));
    if via_column.is_none() && child.columns.iter().all(|c| c.name.is_some()) {
        fail(absent("column", via.as_str(), "this table", child.columns.iter().filter_map(ColumnSketch::name_text)));
    }
    let Some(parent) = find(tables, parent_name) else {
        // A table whose name can't be read may be the one that is meant.
        if tables.iter().all(|t| t.name.is_some()) {
            let names = tables.iter().filter_map(|t| t.name.as_ref().map(|(n, ..)| n.as_str()));
            fail(absent("table", parent_name.as_str(), "this manifest", names));
        }
        return;
    };
    let target_column = parent.columns.iter().find(|c| c.is_named(target));
    if target_column.is_none() && parent.columns.iter().all(|c| c.name.is_some()) {
        let place = format!("table {:?}", parent_name.as_str());
        fail(absent("column", target.as_str(), &place, parent.columns.iter().filter_map(ColumnSketch::name_text)));
    }
    if let (Some(via), Some(target)) = (via_column.and_then(|c| c.data_type), target_column.and_then(|c| c.data_type))
        && via != target
    {
        fail(Problem::ForeignKeyType { via, target });
    }
    if parent.unit == Some(PrivacyUnit::None) {
        fail(Problem::ForeignKeyPublic { table: parent_name.to_string() });
    }
    if reaches_circle(tables, child) {
        fail(Problem::ForeignKeyCycle);
    }
    if let (Some(mine), Some(theirs)) = (&child.population, &parent.population)
        && mine != theirs
    {
        let problem = Problem::ForeignKeyPopulation { parent: theirs.to_string() };
        problems.push(&child.population_at.0, child.population_at.1, problem);
    }
}

fn absent<'n>(what: &str, name: &str, place: &str, names: impl Iterator<Item = &'n str>) -> Problem {
    let hint = nearest_name(name, names).map(|n| format!(" (is {n:?} meant?)")).unwrap_or_default();
    Problem::ForeignKeyTarget { missing: format!("{what} {name:?} in {place}{hint}") }
}

fn find<'t>(tables: &'t [TableSketch], name: &TableName) -> Option<&'t TableSketch> {
    tables.iter().find(|t| t.name.as_ref().is_some_and(|(n, ..)| n == name))
}

fn reaches_circle(tables: &[TableSketch], start: &TableSketch) -> bool {
    let mut seen = HashSet::new();
    let mut at = start;
    while let Some(PrivacyUnit::ForeignKey { table, .. }) = &at.unit {
        if !seen.insert(table) {
            return true;
        }
        match find(tables, table) {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}
