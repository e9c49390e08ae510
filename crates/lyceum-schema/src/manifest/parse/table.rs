//! One `[[table]]`: its unit, population, limits and columns.

use super::column::{self, ColumnSketch};
use super::epoch::{self, EpochSketch};
use super::{MAX_COLUMNS, name, nearest_name, unique};
use crate::document::{Problems, Section};
use crate::manifest::{Column, PrivacyUnit, Role, Table};
use crate::name::{ColumnName, PopulationName, TableName};
use crate::problem::Problem;
use std::collections::HashMap;
use toml::de::DeValue;

const KEYS: &[&str] =
    &["name", "description", "privacy_unit", "population", "max_rows_per_unit", "expected_rows", "column"];
const UNIT_EXAMPLE: &str = "privacy_unit = \"row\", \"none\" or { column = \"user_id\" }";
const FOREIGN_KEY_EXAMPLE: &str = "privacy_unit = { foreign_key = \"order_id\", table = \"orders\", column = \"id\" }";
/// Rows in one table and rows per unit, at most: what 64-bit sums are planned for.
const MAX_ROWS: i64 = 1_000_000_000_000;
const MAX_ROWS_PER_UNIT: i64 = 1_000_000;

/// What could be read of a table, so that checks across tables run even when a part is wrong.
pub(super) struct TableSketch {
    /// Name, key path and offset.
    pub(super) name: Option<(TableName, String, usize)>,
    pub(super) unit: Option<PrivacyUnit>,
    /// Key path and offset of the unit, for problems with foreign keys.
    pub(super) unit_at: (String, usize),
    /// The epoch as far as it could be read, if the unit has one.
    pub(super) epoch: Option<EpochSketch>,
    pub(super) population: Option<PopulationName>,
    pub(super) population_at: (String, usize),
    pub(super) columns: Vec<ColumnSketch>,
    /// The table, if all of it is right in itself.
    pub(super) table: Option<Table>,
}

pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> TableSketch {
    section.only(KEYS, problems);
    let name_node = section.require("name", "name = \"events\"", problems);
    let table_name = name_node
        .and_then(|node| name::<TableName>(&node, '_', problems).map(|n| (n, node.path().to_owned(), node.offset())));
    let description = section.prose("description", "description = \"One row per …\"", problems);
    let expected_rows = section
        .require("expected_rows", "expected_rows = 100000", problems)
        .and_then(|node| node.integer(1, MAX_ROWS, "expected_rows = 100000", problems));

    let unit_node = section.require("privacy_unit", UNIT_EXAMPLE, problems);
    let unit_at = unit_node
        .as_ref()
        .map_or((section.path_of("privacy_unit"), section.offset()), |node| (node.path().to_owned(), node.offset()));
    let mut epoch = None;
    let unit = unit_node.and_then(|node| match node.value() {
        DeValue::Table(_) => node.section(UNIT_EXAMPLE, problems).and_then(|s| {
            epoch = s.get("epoch").map(|node| epoch::read(&node, problems));
            unit_table(&s, problems)
        }),
        _ => node.word(&["row", "none"], UNIT_EXAMPLE, problems).map(|word| match word {
            "row" => PrivacyUnit::Row,
            _ => PrivacyUnit::None,
        }),
    });

    let (population, population_at, population_ok) = population(section, unit.as_ref(), problems);
    let max_rows_per_unit = max_rows_per_unit(section, unit.as_ref(), problems);
    let columns = columns(section, problems);
    let units_ok = check_unit_columns(unit.as_ref(), &unit_at, &columns, problems);
    let unit_epoch = epoch.as_ref().map(|sketch| epoch::resolve(sketch, &columns, problems));
    let epoch_ok = !matches!(unit_epoch, Some(None));

    let complete: Option<Vec<Column>> = columns.iter().map(|c| c.column.clone()).collect();
    let table = match (&table_name, description, &unit, max_rows_per_unit, expected_rows, complete) {
        (Some((name, ..)), Some(description), Some(unit), Some(rows), Some(expected), Some(columns))
            if population_ok && units_ok && epoch_ok =>
        {
            Some(Table {
                name: name.clone(),
                description,
                unit: unit.clone(),
                epoch: unit_epoch.flatten(),
                population: population.clone(),
                max_rows_per_unit: rows.unsigned_abs(),
                expected_rows: expected.unsigned_abs(),
                columns,
            })
        }
        _ => None,
    };
    TableSketch { name: table_name, unit, unit_at, epoch, population, population_at, columns, table }
}

/// `{ column = … }` or `{ foreign_key = …, table = …, column = … }`, each perhaps with `epoch = { … }`.
fn unit_table(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<PrivacyUnit> {
    section.only(&["column", "foreign_key", "table", "epoch"], problems);
    let is_foreign = section.get("foreign_key").is_some() || section.get("table").is_some();
    let example = if is_foreign { FOREIGN_KEY_EXAMPLE } else { UNIT_EXAMPLE };
    let column = section.require("column", example, problems).and_then(|n| name::<ColumnName>(&n, '_', problems));
    if !is_foreign {
        return column.map(PrivacyUnit::Column);
    }
    let via = section.require("foreign_key", example, problems).and_then(|n| name::<ColumnName>(&n, '_', problems));
    let table = section.require("table", example, problems).and_then(|n| name::<TableName>(&n, '_', problems));
    Some(PrivacyUnit::ForeignKey { via: via?, table: table?, column: column? })
}

fn population(
    section: &Section<'_>,
    unit: Option<&PrivacyUnit>,
    problems: &mut Problems<'_>,
) -> (Option<PopulationName>, (String, usize), bool) {
    let path = section.path_of("population");
    match (section.get("population"), unit) {
        (Some(node), Some(PrivacyUnit::None)) => {
            node.fail(Problem::PopulationExtra, problems);
            (None, (path, node.offset()), false)
        }
        (Some(node), _) => {
            let population = name(&node, '-', problems);
            let ok = population.is_some();
            (population, (path, node.offset()), ok)
        }
        (None, Some(PrivacyUnit::None) | None) => (None, (path, section.offset()), true),
        (None, Some(_)) => {
            problems.push(&path, section.offset(), Problem::PopulationAbsent);
            (None, (path, section.offset()), false)
        }
    }
}

fn max_rows_per_unit(section: &Section<'_>, unit: Option<&PrivacyUnit>, problems: &mut Problems<'_>) -> Option<i64> {
    const EXAMPLE: &str = "max_rows_per_unit = 300";
    let node = section.get("max_rows_per_unit");
    let rows = node.as_ref().map(|node| node.integer(1, MAX_ROWS_PER_UNIT, EXAMPLE, problems));
    match (unit?, rows) {
        (PrivacyUnit::Column(_) | PrivacyUnit::ForeignKey { .. }, None) => {
            problems.push(
                &section.path_of("max_rows_per_unit"),
                section.offset(),
                Problem::Missing { example: EXAMPLE },
            );
            None
        }
        (PrivacyUnit::Row | PrivacyUnit::None, None) => Some(1),
        (PrivacyUnit::Row, Some(Some(1))) => Some(1),
        (unit @ (PrivacyUnit::Row | PrivacyUnit::None), Some(Some(_))) => {
            let why =
                if *unit == PrivacyUnit::Row { "each row is its own unit" } else { "a public table has no units" };
            if let Some(node) = node {
                node.fail(Problem::RowsPerUnit { why }, problems);
            }
            None
        }
        (_, Some(rows)) => rows,
    }
}

fn columns(section: &Section<'_>, problems: &mut Problems<'_>) -> Vec<ColumnSketch> {
    let sections = section.tables("column", "[[table.column]]", problems);
    if sections.len() > MAX_COLUMNS {
        let problem = Problem::TooMany { what: "columns", found: sections.len(), limit: MAX_COLUMNS };
        problems.push(&section.path_of("column"), section.offset(), problem);
        return Vec::new();
    }
    let sketches: Vec<_> = sections.iter().map(|s| column::read(s, problems)).collect();
    let (mut names, mut sources) = (HashMap::new(), HashMap::new());
    for sketch in &sketches {
        if let Some((name, key, offset)) = &sketch.name {
            unique(&mut names, "column", name.as_str(), key, *offset, problems);
        }
        if let Some((source, key, offset)) = &sketch.source_name {
            unique(&mut sources, "file column", source, key, *offset, problems);
        }
    }
    sketches
}

/// Exactly one column carries the unit if the unit is a column, else none; a public table names nobody.
fn check_unit_columns(
    unit: Option<&PrivacyUnit>,
    unit_at: &(String, usize),
    columns: &[ColumnSketch],
    problems: &mut Problems<'_>,
) -> bool {
    let Some(unit) = unit else { return false };
    let mut ok = true;
    if let PrivacyUnit::Column(wanted) = unit {
        let found = columns.iter().find(|c| c.is_named(wanted));
        let problem = match found {
            None if columns.iter().any(|c| c.name.is_none()) => None,
            None => {
                let suggestion = nearest_name(wanted.as_str(), columns.iter().filter_map(ColumnSketch::name_text));
                Some(Problem::UnitColumnAbsent { column: wanted.to_string(), suggestion })
            }
            Some(c) if c.role.is_some_and(|role| role != Role::PrivacyUnit) => {
                Some(Problem::UnitRoleAbsent { column: wanted.to_string() })
            }
            Some(_) => None,
        };
        if let Some(problem) = problem {
            problems.push(&unit_at.0, unit_at.1, problem);
            ok = false;
        }
    }
    for column in columns {
        let Some(role) = column.role else { continue };
        let problem = match (unit, role) {
            (PrivacyUnit::Column(wanted), Role::PrivacyUnit) if !column.is_named(wanted) => {
                Problem::UnitRoleExtra { unit: format!("column {:?}", wanted.as_str()) }
            }
            (PrivacyUnit::Row, Role::PrivacyUnit) => Problem::UnitRoleExtra { unit: "the row".into() },
            (PrivacyUnit::ForeignKey { .. }, Role::PrivacyUnit) => {
                Problem::UnitRoleExtra { unit: "found through a foreign key".into() }
            }
            (PrivacyUnit::None, Role::PrivacyUnit | Role::DirectIdentifier) => Problem::RoleInPublicTable { role },
            _ => continue,
        };
        problems.push(&column.role_at.0, column.role_at.1, problem);
        ok = false;
    }
    ok
}
