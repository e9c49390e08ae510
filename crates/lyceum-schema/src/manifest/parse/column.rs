//! One `[[table.column]]`: name, type, role and what goes with them.

use super::{domain, name};
use crate::document::{Problems, Section};
use crate::manifest::{Column, DataType, Evidence, OnIdentifiers, Role};
use crate::name::ColumnName;
use crate::problem::Problem;

const KEYS: &[&str] = &[
    "name",
    "source_name",
    "type",
    "nullable",
    "role",
    "values",
    "bounds",
    "max_bytes",
    "source",
    "unit",
    "hierarchy",
    "identifiers",
    "description",
];

/// What could be read of a column.
pub(super) struct ColumnSketch {
    /// Name, key path and offset.
    pub(super) name: Option<(ColumnName, String, usize)>,
    /// Name in the file, key path and offset.
    pub(super) source_name: Option<(String, String, usize)>,
    pub(super) data_type: Option<DataType>,
    pub(super) role: Option<Role>,
    /// Key path and offset of the role.
    pub(super) role_at: (String, usize),
    /// The column, if all of it is right in itself.
    pub(super) column: Option<Column>,
}

impl ColumnSketch {
    pub(super) fn is_named(&self, name: &ColumnName) -> bool {
        self.name.as_ref().is_some_and(|(n, ..)| n == name)
    }

    pub(super) fn name_text(&self) -> Option<&str> {
        self.name.as_ref().map(|(n, ..)| n.as_str())
    }
}

pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> ColumnSketch {
    section.only(KEYS, problems);
    let column_name = section
        .require("name", "name = \"age\"", problems)
        .and_then(|node| name::<ColumnName>(&node, '_', problems).map(|n| (n, node.path().to_owned(), node.offset())));
    let source_name = match section.get("source_name") {
        None => column_name.as_ref().map(|(n, key, offset)| (n.to_string(), key.clone(), *offset)),
        Some(node) => node
            .text("source_name = \"Age (years)\"", problems)
            .map(|text| (text, node.path().to_owned(), node.offset())),
    };
    let data_type = section
        .require("type", "type = \"int64\"", problems)
        .and_then(|node| node.word(DataType::WORDS, "type = \"int64\"", problems))
        .and_then(DataType::from_word);
    let role_node = section.require("role", "role = \"dimension\"", problems);
    let role_at = role_node
        .as_ref()
        .map_or((section.path_of("role"), section.offset()), |node| (node.path().to_owned(), node.offset()));
    let role =
        role_node.and_then(|node| node.word(Role::WORDS, "role = \"dimension\"", problems)).and_then(Role::from_word);
    let nullable = match section.get("nullable") {
        None => Some(false),
        Some(node) => node.boolean("nullable = false", problems),
    };
    if let (Some(node), Some(true), Some(Role::PrivacyUnit)) = (section.get("nullable"), nullable, role) {
        node.fail(Problem::NullableUnit, problems);
    }
    if let (Some(data_type), Some(role)) = (data_type, role)
        && let Some(allowed) = misfit(data_type, role)
    {
        problems.push(&role_at.0, role_at.1, Problem::RoleOnType { role, data_type, allowed });
    }
    let domain = domain::read(section, data_type, role, problems);
    let evidence = match section.get("source") {
        None => Some(Evidence::Public),
        Some(node) => node.word(Evidence::WORDS, "source = \"public\"", problems).and_then(Evidence::from_word),
    };
    let unit_of_measure = section.text_or_absent("unit", "unit = \"EUR\"", problems);
    let hierarchy = section.text_or_absent("hierarchy", "hierarchy = \"age.csv\"", problems);
    if let (Some(Some(file)), Some(node)) = (&hierarchy, section.get("hierarchy"))
        && (file.contains(['/', '\\', '\0']) || file == "." || file == "..")
    {
        node.fail(Problem::HierarchyPath, problems);
    }
    let on_identifiers = match section.get("identifiers") {
        None => Some(OnIdentifiers::Reject),
        Some(node) => {
            node.word(OnIdentifiers::WORDS, "identifiers = \"mask\"", problems).and_then(OnIdentifiers::from_word)
        }
    };
    let description = section.prose("description", "description = \"What it means\"", problems);

    let column = (|| {
        Some(Column {
            name: column_name.as_ref()?.0.clone(),
            source_name: source_name.as_ref()?.0.clone(),
            data_type: data_type?,
            nullable: nullable?,
            role: role?,
            domain: domain?,
            evidence: evidence?,
            unit_of_measure: unit_of_measure?,
            hierarchy: hierarchy?,
            on_identifiers: on_identifiers?,
            description: description?,
        })
    })();
    ColumnSketch { name: column_name, source_name, data_type, role, role_at, column }
}

/// Which types a role needs instead, if this one doesn't fit.
const fn misfit(data_type: DataType, role: Role) -> Option<&'static str> {
    use DataType::{Boolean, Date, Float64, Int32, Int64, String, Timestamp};
    match (role, data_type) {
        (Role::Measure, String | Date | Timestamp) => Some("a number or boolean"),
        (Role::Time, Boolean | Int32 | Int64 | Float64 | String) => Some("date or timestamp"),
        (Role::PrivacyUnit, Boolean | Float64 | Date | Timestamp) => Some("string, int32 or int64"),
        (Role::JoinKey, Boolean | Float64) => Some("string, an integer type, date or timestamp"),
        _ => None,
    }
}
