//! What one workspace may name: the tables of its active releases, as static facts. No rows, no statistics.

use arrow::datatypes::SchemaRef;
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::Table;
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The tables of one workspace's active releases.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// Its tables; `(kind, sql_name)` is unique.
    pub tables: Vec<Arc<CatalogTable>>,
}

/// One table of one active release.
#[derive(Debug, Clone)]
pub struct CatalogTable {
    /// The release it belongs to.
    pub release: ReleaseId,
    /// The release's kind: the SQL schema it is in.
    pub kind: ReleaseKind,
    /// Its name in SQL.
    pub sql_name: TableName,
    /// Columns, domains and unit, as the manifest declares them.
    pub table: Table,
    /// The population of its unit; `None` exactly for tables that are read as they are: public ones, and those of releases
    /// that aren't protected.
    pub population: Option<Population>,
    /// The organisation that owns the dataset.
    pub owner: OrganisationName,
    /// The policy the release was approved under.
    pub policy: Arc<Policy>,
    /// The dataset version that the files belong to.
    pub version: VersionId,
    /// Columns of the release's own files, if it has some (mock, synthetic, anonymized); `None`: the files are the
    /// version's, and the columns as `table` says.
    pub own_schema: Option<SchemaRef>,
    /// The files of this table: the version's, ordered by unit range, or the release's own.
    pub files: Vec<DataFile>,
}

impl CatalogTable {
    /// The schema of the table's files and scans: `__unit` (UInt64, not null) unless the table is public, then the
    /// visible columns under their SQL names. Text is Utf8, dates Date32, timestamps microseconds without a zone. A
    /// release's own files have the schema that they were written with.
    #[must_use]
    pub fn scan_schema(&self) -> SchemaRef {
        use arrow::datatypes::{DataType, Field, Schema};
        if let Some(own) = &self.own_schema {
            return Arc::clone(own);
        }
        let unit = self.population.as_ref().map(|_| Field::new(UNIT_COLUMN, DataType::UInt64, false));
        let columns = self
            .table
            .visible_columns()
            .map(|c| Field::new(c.name().as_str(), arrow_type(c.data_type()), c.nullable()));
        Arc::new(Schema::new(unit.into_iter().chain(columns).collect::<Vec<_>>()))
    }
}

/// The Arrow type of a declared type.
#[must_use]
pub const fn arrow_type(data_type: lyceum_schema::manifest::DataType) -> arrow::datatypes::DataType {
    use arrow::datatypes::{DataType, TimeUnit};
    use lyceum_schema::manifest::DataType as Declared;
    match data_type {
        Declared::Boolean => DataType::Boolean,
        Declared::Int32 => DataType::Int32,
        Declared::Int64 => DataType::Int64,
        Declared::Float64 => DataType::Float64,
        Declared::String => DataType::Utf8,
        Declared::Date => DataType::Date32,
        Declared::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

/// A population, as far as pricing needs it. All figures are public.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    /// Its id.
    pub id: PopulationId,
    /// Its name.
    pub name: PopulationName,
    /// How many units the owner declared it to have.
    pub declared_size: u64,
    /// δ set aside for converting ρ to ε.
    pub delta_conversion: f64,
    /// δ that all key selections together may cost.
    pub delta_selection: lyceum_privacy::Delta,
    /// ε at `delta_conversion` that everything together may cost.
    pub epsilon: f64,
}

/// One Parquet file of a table: whole units, sorted by unit. Column 0 is `__unit` (UInt64, not null), unless
/// the table is public or the file a release's own; the others are the manifest's visible columns under their SQL names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Path in the object store.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows. Never shown to researchers, never given to the planner.
    pub rows: u64,
    /// Smallest unit id in the file (0 for public tables).
    pub unit_low: u64,
    /// Largest unit id in the file (0 for public tables).
    pub unit_high: u64,
}

/// The name of the stored unit column.
pub const UNIT_COLUMN: &str = "__unit";
