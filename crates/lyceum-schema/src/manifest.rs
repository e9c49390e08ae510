//! The dataset manifest: what a partner says about its tables before anyone reads a row.
//!
//! [`Manifest::parse`] is the only way in; a value of these types is consistent. Parsing lives in
//! `manifest/parse.rs`, this file is the vocabulary.

mod draft;
mod parse;
mod vocabulary;

use crate::epoch::{EpochSpan, Every};
use crate::name::{ColumnName, DatasetName, OrganisationName, PopulationName, TableName};
pub use draft::{Draft, DraftColumn, DraftTable, DraftUnit, round_bounds};
pub use vocabulary::{DataType, Evidence, OnIdentifiers, Role};

/// Why a manifest is refused: one problem and its place.
pub type ManifestError = crate::document::DocumentError;

/// A whole manifest: one dataset of one owner, with one or more tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub(crate) dataset: DatasetName,
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) owner: OrganisationName,
    pub(crate) licence: String,
    pub(crate) source: String,
    pub(crate) description: String,
    pub(crate) tables: Vec<Table>,
}

impl Manifest {
    /// The dataset's name.
    #[must_use]
    pub const fn dataset(&self) -> &DatasetName {
        &self.dataset
    }
    /// A title for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }
    /// The manifest's own version, as its author counts.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
    /// The organisation whose budget answers are charged to.
    #[must_use]
    pub const fn owner(&self) -> &OrganisationName {
        &self.owner
    }
    /// Licence or terms, in words or as an SPDX expression.
    #[must_use]
    pub fn licence(&self) -> &str {
        &self.licence
    }
    /// Where the data comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
    /// What the data is, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
    /// The tables, at least one, names unique.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }
    /// One table by name.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|t| &t.name == name)
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(crate) name: TableName,
    pub(crate) description: String,
    pub(crate) unit: PrivacyUnit,
    pub(crate) epoch: Option<UnitEpoch>,
    pub(crate) population: Option<PopulationName>,
    pub(crate) max_rows_per_unit: u64,
    pub(crate) expected_rows: u64,
    pub(crate) columns: Vec<Column>,
}

impl Table {
    /// The table's name in SQL, unless a release renames it.
    #[must_use]
    pub const fn name(&self) -> &TableName {
        &self.name
    }
    /// What a row is, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
    /// Whose rows are added or removed together.
    #[must_use]
    pub const fn unit(&self) -> &PrivacyUnit {
        &self.unit
    }
    /// The epoch that is part of the unit, if one is: then the unit is a person in one day, week or month.
    #[must_use]
    pub const fn epoch(&self) -> Option<&UnitEpoch> {
        self.epoch.as_ref()
    }
    /// The id-space of the unit; `None` exactly when the unit is [`PrivacyUnit::None`].
    #[must_use]
    pub const fn population(&self) -> Option<&PopulationName> {
        self.population.as_ref()
    }
    /// Rows kept per privacy unit (with epochs: per person and epoch) at ingest, at least 1 (exactly 1 for [`PrivacyUnit::Row`]). A public bound.
    #[must_use]
    pub const fn max_rows_per_unit(&self) -> u64 {
        self.max_rows_per_unit
    }
    /// About how many rows the owner says the table has (public, at least 1): sizes static limits, proves nothing.
    #[must_use]
    pub const fn expected_rows(&self) -> u64 {
        self.expected_rows
    }
    /// All columns, in file order, names unique, the unit column included.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
    /// One column by name.
    #[must_use]
    pub fn column(&self, name: &ColumnName) -> Option<&Column> {
        self.columns.iter().find(|c| &c.name == name)
    }
    /// The columns a researcher may name: neither direct identifiers nor the raw unit.
    pub fn visible_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| !matches!(c.role, Role::DirectIdentifier | Role::PrivacyUnit))
    }
}

/// Whose rows are added or removed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivacyUnit {
    /// The value of a column of this table (role `privacy_unit`).
    Column(ColumnName),
    /// The unit of the row of `table` whose `column` equals this table's `via` (parent keys are unique).
    ForeignKey {
        /// This table's key column.
        via: ColumnName,
        /// The parent table.
        table: TableName,
        /// The parent's key column.
        column: ColumnName,
    },
    /// Each row is one person; the id is hidden and joins on it are refused.
    Row,
    /// A public table: nobody's rows.
    None,
}

/// The column that says in which epoch a row is: a date or timestamp, never NULL, with bounds. Its bounds make the set
/// of a table's epochs finite and public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEpoch {
    pub(crate) column: ColumnName,
    pub(crate) span: EpochSpan,
}

impl UnitEpoch {
    /// The column, of this table.
    #[must_use]
    pub const fn column(&self) -> &ColumnName {
        &self.column
    }
    /// How long an epoch is.
    #[must_use]
    pub const fn every(&self) -> Every {
        self.span.first().every()
    }
    /// The epochs that the column's bounds reach.
    #[must_use]
    pub const fn span(&self) -> EpochSpan {
        self.span
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub(crate) name: ColumnName,
    pub(crate) source_name: String,
    pub(crate) data_type: DataType,
    pub(crate) nullable: bool,
    pub(crate) role: Role,
    pub(crate) domain: Domain,
    pub(crate) evidence: Evidence,
    pub(crate) unit_of_measure: Option<String>,
    pub(crate) hierarchy: Option<String>,
    pub(crate) on_identifiers: OnIdentifiers,
    pub(crate) description: String,
}

impl Column {
    /// The column's name in SQL.
    #[must_use]
    pub const fn name(&self) -> &ColumnName {
        &self.name
    }
    /// The column's name in the file (default: the SQL name).
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.source_name
    }
    /// The stored type.
    #[must_use]
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }
    /// Whether NULL is accepted.
    #[must_use]
    pub const fn nullable(&self) -> bool {
        self.nullable
    }
    /// What the column is to privacy.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }
    /// What values are possible, as public knowledge.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }
    /// Where the domain comes from.
    #[must_use]
    pub const fn evidence(&self) -> Evidence {
        self.evidence
    }
    /// What one unit of the number is (EUR, seconds, …).
    #[must_use]
    pub fn unit_of_measure(&self) -> Option<&str> {
        self.unit_of_measure.as_deref()
    }
    /// The file of the generalisation hierarchy, beside the manifest.
    #[must_use]
    pub fn hierarchy(&self) -> Option<&str> {
        self.hierarchy.as_deref()
    }
    /// What is done about direct identifiers that are found in its values.
    #[must_use]
    pub const fn on_identifiers(&self) -> OnIdentifiers {
        self.on_identifiers
    }
    /// What the column means, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
}

/// Possible values of a column. Values of text, numbers and booleans use [`Value`].
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// A closed list, in the order in which results show it; non-empty, no duplicates, all of the column's type.
    Values(Vec<Value>),
    /// A closed interval of the column's type, `low <= high`, both finite. Dates: days, timestamps: microseconds.
    Bounds {
        /// Smallest possible value.
        low: Value,
        /// Largest possible value.
        high: Value,
    },
    /// Text of at most this many bytes (1 to 65,535), any content.
    Text {
        /// Longest possible value in UTF-8 bytes.
        max_bytes: u32,
    },
    /// Nothing said (booleans, and numbers that can't be summed).
    Unbounded,
}

impl Domain {
    /// The longest text in UTF-8 bytes, if the domain limits it.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u32> {
        match self {
            Self::Text { max_bytes } => Some(*max_bytes),
            Self::Values(v) => v
                .iter()
                .map(|v| if let Value::String(s) = v { u32::try_from(s.len()).ok() } else { None })
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .max(),
            Self::Bounds { .. } | Self::Unbounded => None,
        }
    }
}

/// One value of a domain. Dates are [`Value::Date`] (days), timestamps [`Value::Timestamp`] (µs).
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Value {
    /// A boolean.
    Boolean(bool),
    /// An `int32` or `int64`.
    Int(i64),
    /// A finite `float64`.
    Float(f64),
    /// Text.
    String(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since the epoch, UTC.
    Timestamp(i64),
}
