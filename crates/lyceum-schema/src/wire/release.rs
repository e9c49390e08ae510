//! Releases, decisions on them, and the catalogue that a workspace's members see.

use super::Timestamp;
use crate::id::{ReleaseId, VersionId};
use crate::name::{ColumnName, DatasetName, OrganisationName, PopulationName, TableName, UserName, WorkspaceName};
use crate::state::{ReleaseKind, ReleaseState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `POST /v1/workspaces/{w}/releases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeRelease {
    /// What is shared.
    pub dataset: DatasetName,
    /// Which version, by number; absent: the newest published one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The policy as TOML text.
    pub policy: String,
    /// Tables that get another name in SQL: manifest name → SQL name.
    #[serde(default, rename = "as", skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<TableName, TableName>,
}

/// `POST /v1/releases/{id}/{approve|reject|pause|resume|revoke}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Why, at most 1,000 characters; goes into the log. Needed to reject, pause and revoke.
    #[serde(default)]
    pub reason: String,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// To whom.
    pub workspace: WorkspaceName,
    /// What.
    pub dataset: DatasetName,
    /// Which version, by number.
    pub version: u32,
    /// Which version, by id.
    pub version_id: VersionId,
    /// Its owner.
    pub owner: OrganisationName,
    /// Its kind.
    pub kind: ReleaseKind,
    /// Where it is in its life.
    pub state: ReleaseState,
    /// What the data may be used for.
    pub purpose: String,
    /// Its tables as SQL names them, with their schema: `protected.events`.
    pub tables: Vec<String>,
    /// Who proposed it.
    pub proposed_by: UserName,
    /// Who approved it so far.
    pub approved_by: Vec<UserName>,
    /// Approvals it needs.
    pub approvals_needed: u8,
    /// Failures after a charge since it was last resumed.
    pub failures: u32,
    /// When it was proposed.
    pub created: Timestamp,
    /// When access ends; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The policy as TOML text.
    pub policy: String,
    /// How far the making of its own rows is; absent when nothing is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The report on its own rows; absent before they are made, and for protected releases, which have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportRef>,
    /// Whether its rows and keys are deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The log entry of the call that returned this; absent when nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

/// How far something long is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, in a word or two.
    pub stage: String,
    /// Rows done.
    pub done: u64,
    /// Rows in all, as far as is known.
    pub of: u64,
}

/// Where a release's report is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRef {
    /// The salted hash that the log holds.
    pub reference: String,
    /// The log entry that binds it to the rows.
    pub entry: u64,
    /// Whether the policy's thresholds hold. If not, nobody can approve the release.
    pub passes: bool,
}

/// `GET /v1/releases/{id}/report`: what reviewers judge a release's own rows by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// The release.
    pub release: ReleaseId,
    /// Its kind.
    pub kind: ReleaseKind,
    /// What was released.
    pub dataset: DatasetName,
    /// Which version, by number.
    pub version: u32,
    /// The tables that were made.
    pub tables: Vec<ReportedTable>,
    /// What protects the people in it, and what does not, in sentences.
    pub statements: Vec<String>,
    /// Thresholds of the policy that don't hold; empty: it may be approved.
    pub findings: Vec<String>,
    /// Measured risks and qualities.
    pub sections: Vec<ReportSection>,
}

/// One table that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedTable {
    /// Its name.
    pub name: TableName,
    /// Its rows.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<String>,
    /// SHA-256 of its files, in their order: the report is about these bytes.
    pub files: Vec<String>,
}

/// One table of figures in a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportSection {
    /// What is measured.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// What the columns are.
    pub columns: Vec<String>,
    /// The figures.
    pub rows: Vec<Vec<serde_json::Value>>,
}

/// `GET /v1/workspaces/{w}/catalog`: what may be named in SQL. Never row counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// Tables of active releases, by schema and name.
    pub tables: Vec<CatalogTable>,
}

/// A table that SQL may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogTable {
    /// Its schema in SQL.
    pub schema: ReleaseKind,
    /// Its name in SQL.
    pub name: TableName,
    /// What a row is.
    pub description: String,
    /// The release it belongs to.
    pub release: ReleaseId,
    /// The dataset.
    pub dataset: DatasetName,
    /// The dataset's version, by number.
    pub version: u32,
    /// Whose data it is.
    pub owner: OrganisationName,
    /// The privacy unit in words: `user_id`, `one row is one person`, `none (public)`.
    pub privacy_unit: String,
    /// The population of the unit; absent for public tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<PopulationName>,
    /// Rows kept per privacy unit: a public bound.
    pub max_rows_per_unit: u64,
    /// The columns that may be named, in the manifest's order.
    pub columns: Vec<CatalogColumn>,
    /// The policy, in sentences.
    pub policy: Vec<String>,
}

/// A column that SQL may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogColumn {
    /// Its name.
    pub name: ColumnName,
    /// Its type, as manifests spell it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether NULL occurs.
    pub nullable: bool,
    /// What it is to privacy, as manifests spell it.
    pub role: String,
    /// The closed list of values, in showing order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<serde_json::Value>>,
    /// Smallest possible value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<serde_json::Value>,
    /// Largest possible value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<serde_json::Value>,
    /// Longest text in UTF-8 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u32>,
    /// What one unit of the number is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_of_measure: Option<String>,
    /// What it means.
    pub description: String,
}
