//! Datasets, their versions and what validation found. Reports on raw data are for the owner only.

use super::{FileRead, Timestamp};
use crate::id::{DatasetId, VersionId};
use crate::name::{ColumnName, DatasetName, OrganisationName, TableName};
use crate::state::VersionState;
use serde::{Deserialize, Serialize};

/// A dataset. (`POST /v1/datasets` takes the manifest as TOML text.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its id.
    pub id: DatasetId,
    /// Its name.
    pub name: DatasetName,
    /// A title for people.
    pub title: String,
    /// Whose budget answers are charged to.
    pub owner: OrganisationName,
    /// What it is, for people.
    pub description: String,
    /// Licence or terms.
    pub licence: String,
    /// Its tables, in the manifest's order.
    pub tables: Vec<TableName>,
    /// The manifest as TOML text; empty in lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manifest: String,
}

/// A dataset just declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedDataset {
    /// The dataset.
    pub dataset: Dataset,
    /// What the owner should know before uploading.
    pub warnings: Vec<String>,
}

/// A version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// The dataset.
    pub dataset: DatasetName,
    /// 1, 2, … within the dataset.
    pub number: u32,
    /// Where it is in its life.
    pub state: VersionState,
    /// When it was begun.
    pub created: Timestamp,
    /// Every table of the manifest, and whether it is there.
    pub tables: Vec<UploadedTable>,
}

/// A table of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedTable {
    /// The table.
    pub table: TableName,
    /// Whether its rows were uploaded.
    pub uploaded: bool,
}

/// What an upload of one table came to. For the owner only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// The table.
    pub table: TableName,
    /// Bytes received.
    pub bytes: u64,
    /// The files that the table was read from, in order, and how they were read.
    #[serde(default)]
    pub files: Vec<FileRead>,
    /// Rows read.
    pub rows_in: u64,
    /// Rows stored.
    pub rows_accepted: u64,
    /// Rows refused, all reasons together.
    pub rows_rejected: u64,
    /// Rows left out because their privacy unit had more than the manifest's `max_rows_per_unit`.
    pub rows_capped: u64,
    /// Why rows were refused, most frequent first.
    pub rejections: Vec<Rejection>,
    /// Values changed without refusing their rows.
    pub corrections: Vec<Correction>,
    /// Direct identifiers, dropped unread.
    pub dropped_identifiers: Vec<ColumnName>,
    /// Direct identifiers found in the values of other columns, most certain first.
    #[serde(default)]
    pub identifiers: Vec<FoundIdentifiers>,
    /// Columns of the file that the manifest doesn't declare: dropped unread.
    pub ignored_columns: Vec<String>,
    /// Sentences for the owner.
    pub notes: Vec<String>,
}

/// Direct identifiers of one kind in the values of one column. Counts only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundIdentifiers {
    /// The column.
    pub column: ColumnName,
    /// What was found, as a stable word such as `email`.
    pub kind: String,
    /// How sure that is: `low`, `medium` or `high`.
    pub confidence: String,
    /// Why, in words.
    pub reason: String,
    /// Distinct values of this kind.
    pub matching: u64,
    /// Distinct values that were looked at.
    pub distinct: u64,
    /// What was done, as the manifest says: `mask`, `drop`, `allow`, or `none` where it is not certain enough.
    pub action: String,
}

/// Rows refused for one reason in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason, as a stable word such as `out_of_bounds`.
    pub reason: String,
    /// What the reason means, and what to do.
    pub explanation: String,
    /// The column; absent when the row as a whole is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<ColumnName>,
    /// How many rows.
    pub rows: u64,
}

/// Values changed in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What was changed, as a stable word such as `not_finite_to_null`.
    pub correction: String,
    /// In words.
    pub explanation: String,
    /// The column.
    pub column: ColumnName,
    /// How many values.
    pub values: u64,
}

/// `POST /v1/datasets/{name}/exclusions`: people who opted out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// Their values of the privacy unit, as in the uploaded files. Nothing keeps them.
    pub values: Vec<String>,
}

/// What became of an exclusion. Whether the people were there is not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The dataset.
    pub dataset: DatasetName,
    /// The log entry that says so.
    pub entry: u64,
}
