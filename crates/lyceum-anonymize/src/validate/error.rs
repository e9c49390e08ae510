//! Why a table can't be validated at all. Single bad rows are counted in the report instead.

use lyceum_schema::name::{ColumnName, TableName};

/// Why a table can't be validated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidateError {
    /// The unit is found through another table, whose keys were not given.
    #[error("the units of this table come from table `{0}`: upload that one first")]
    ForeignKey(TableName),
    /// Two rows of the parent have the same key.
    #[error("a key of the parent table belongs to two of its rows: keys that units come by must be unique")]
    ParentKeyTwice,
    /// The unit's column is not among the declared ones that are read.
    #[error("the privacy unit `{0}` is not a column that is read: declare it with the role `privacy_unit`")]
    UnitMissing(ColumnName),
    /// The unit's column has a type that ids can't be made of.
    #[error("the privacy unit `{0}` must be an integer or text")]
    UnitType(ColumnName),
    /// The epoch's column is not among the declared ones that are read, or has another type.
    #[error("the epoch's column `{0}` must be a date or timestamp of this table")]
    Epoch(ColumnName),
    /// The file stores a column in a type that can't be read as the declared one.
    #[error(
        "column `{column}` is declared as {declared}, the file stores it as {found}: cast it in the file or change the manifest"
    )]
    ColumnType {
        /// The column.
        column: ColumnName,
        /// The declared type.
        declared: &'static str,
        /// The file's type.
        found: String,
    },
    /// The batch has other columns than the table.
    #[error("the rows were decoded for another table")]
    Columns,
}

impl ValidateError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ForeignKey(_) => "E1520",
            Self::UnitMissing(_) => "E1521",
            Self::UnitType(_) => "E1522",
            Self::ColumnType { .. } => "E1523",
            Self::Columns => "E1524",
            Self::ParentKeyTwice => "E1525",
            Self::Epoch(_) => "E1526",
        }
    }
}
