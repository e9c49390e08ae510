//! The catalogue of a workspace: what its active releases let people name in SQL. Static facts, never row counts.

use super::{authorise_in, releases};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{PopulationRecord, Workspace};
use lyceum_privacy::Delta;
use lyceum_query::catalog::{Catalog, CatalogTable, Population};
use lyceum_schema::id::ReleaseId;
use lyceum_schema::manifest::{Column, Domain, PrivacyUnit, Table, UnitEpoch, Value};
use lyceum_schema::name::{DatasetName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::{ReleaseKind, ReleaseState};
use lyceum_schema::time::Micros;
use lyceum_schema::wire;
use std::collections::HashMap;
use std::sync::Arc;

/// The catalogue for people.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], storage.
pub async fn show(app: &App, actor: &Actor, name: &WorkspaceName) -> Result<wire::Catalog> {
    let workspace = authorise_in(app, actor, Action::ReadCatalog, name).await?;
    let built = build(app, &workspace).await?;
    let tables = built.catalog.tables.iter().filter_map(|t| built.origins.get(&t.release).map(|o| describe(t, o)));
    Ok(wire::Catalog { workspace: workspace.name, tables: tables.collect() })
}

/// The catalogue for the engine, with what the ledger needs to know beside it.
pub(crate) struct Built {
    pub(crate) catalog: Catalog,
    /// Populations of the tables, each once.
    pub(crate) populations: Vec<PopulationRecord>,
    /// Where each release's tables come from.
    origins: HashMap<ReleaseId, Origin>,
}

struct Origin {
    dataset: DatasetName,
    version: u32,
}

/// Builds the catalogue from the workspace's active releases; those past their expiry are moved to expired first.
pub(crate) async fn build(app: &App, workspace: &Workspace) -> Result<Built> {
    let mut tables: Vec<Arc<CatalogTable>> = Vec::new();
    let mut populations: Vec<PopulationRecord> = Vec::new();
    let mut origins = HashMap::new();
    for release in releases::current(app, workspace).await? {
        if release.state != ReleaseState::Active {
            continue;
        }
        let dataset = app.datasets.dataset(&release.dataset_name).await?.ok_or(Error::Internal)?;
        let version = app.datasets.version(release.version).await?.ok_or(Error::Internal)?;
        let manifest = documents::manifest(&dataset)?;
        let policy = Arc::new(documents::policy(&release)?);
        origins.insert(release.id, Origin { dataset: dataset.name.clone(), version: version.number });
        let own = app.releases.release_tables(release.id).await?;
        for table in manifest.tables() {
            let population = match table.population() {
                // Rows of a release's own are read as they are: nothing is charged to anybody.
                Some(_) if release.kind != ReleaseKind::Protected => None,
                Some(name) => {
                    let known = populations.iter().find(|p| p.name == *name).cloned();
                    let record = match known {
                        Some(record) => record,
                        None => {
                            let record = app.ledger.population(name).await?.ok_or(Error::Internal)?;
                            populations.push(record.clone());
                            record
                        }
                    };
                    // A version can't be begun otherwise; a unit that isn't the population's must never be charged to it.
                    if record.epoch != table.epoch().map(UnitEpoch::every) {
                        return Err(Error::Internal);
                    }
                    Some(engine_population(&record)?)
                }
                None => None,
            };
            let (own_schema, files) = if release.kind == ReleaseKind::Protected {
                let stored = version.tables.iter().find(|t| t.table == *table.name()).ok_or(Error::Internal)?;
                (None, stored.files.clone())
            } else {
                let made = own.iter().find(|t| t.table == *table.name()).ok_or(Error::Internal)?;
                (Some(releases::stored_schema(&made.schema)?), made.files.clone())
            };
            tables.push(Arc::new(CatalogTable {
                release: release.id,
                kind: release.kind,
                sql_name: sql_name(&release.names, table.name()).clone(),
                table: table.clone(),
                population,
                owner: release.owner.clone(),
                policy: Arc::clone(&policy),
                version: version.id,
                own_schema,
                files,
            }));
        }
    }
    tables.sort_by(|a, b| (a.kind, &a.sql_name).cmp(&(b.kind, &b.sql_name)));
    // Proposing refuses a taken name; should two have slipped in, neither may answer for the other.
    let namesakes = tables.chunk_by(|a, b| a.kind == b.kind && a.sql_name == b.sql_name);
    let tables = namesakes.filter(|group| group.len() == 1).flatten().cloned().collect();
    Ok(Built { catalog: Catalog { workspace: workspace.name.clone(), tables }, populations, origins })
}

/// The name of a release's table in SQL.
pub(crate) fn sql_name<'a>(names: &'a [(TableName, TableName)], table: &'a TableName) -> &'a TableName {
    names.iter().find(|(from, _)| from == table).map_or(table, |(_, to)| to)
}

fn engine_population(record: &PopulationRecord) -> Result<Population> {
    Ok(Population {
        id: record.id,
        name: record.name.clone(),
        declared_size: record.declared_size,
        delta_conversion: Delta(record.delta_conversion).as_f64(),
        delta_selection: record.cap.delta,
        epsilon: record.epsilon.parse().map_err(|_| Error::Internal)?,
    })
}

fn describe(table: &CatalogTable, origin: &Origin) -> wire::CatalogTable {
    wire::CatalogTable {
        schema: table.kind,
        name: table.sql_name.clone(),
        description: table.table.description().to_owned(),
        release: table.release,
        dataset: origin.dataset.clone(),
        version: origin.version,
        owner: table.owner.clone(),
        privacy_unit: unit_in_words(&table.table),
        population: table.population.as_ref().map(|p| p.name.clone()),
        max_rows_per_unit: table.table.max_rows_per_unit(),
        columns: table.table.visible_columns().map(describe_column).collect(),
        policy: policy_in_words(table, &table.policy),
    }
}

fn unit_in_words(table: &Table) -> String {
    let unit = match table.unit() {
        PrivacyUnit::Column(column) => column.to_string(),
        PrivacyUnit::ForeignKey { via, table, column } => format!("whoever {via} = {table}.{column} belongs to"),
        PrivacyUnit::Row => "one row is one person".to_owned(),
        PrivacyUnit::None => "none (public)".to_owned(),
    };
    match table.epoch() {
        Some(epoch) => format!("{unit} in one {} of {}", epoch.every(), epoch.column()),
        None => unit,
    }
}

fn policy_in_words(table: &CatalogTable, policy: &Policy) -> Vec<String> {
    let mut sentences = Vec::new();
    if let (Some(population), Some(dp)) = (&table.population, policy.privacy()) {
        sentences.push("only statistics leave, with noise".to_owned());
        sentences.push(format!(
            "ε {} for {} in all, {} for this workspace, {} for each researcher, {} for one question (default {})",
            population.epsilon,
            population.name,
            dp.epsilon_per_workspace,
            dp.epsilon_per_researcher,
            dp.max_epsilon_per_query,
            dp.default_epsilon_per_query
        ));
        if let Some(epoch) = table.table.epoch() {
            let (every, column) = (epoch.every(), epoch.column());
            sentences.push(format!(
                "each {every} of {column} has these budgets for itself, and a question is charged to every {every} that \
                 its WHERE on {column} leaves in"
            ));
        }
        sentences.push(format!(
            "each unit counts in at most {} groups and with at most {} rows in each, unless the question says less",
            dp.max_groups_contributed, dp.max_rows_per_group
        ));
        sentences.push(format!(
            "groups that no list declares are shown from {} units on, with noise; declared ones always",
            dp.minimum_group_size
        ));
    } else if table.kind == ReleaseKind::Mock {
        sentences.push("made up from the manifest: nobody's rows, free to query and to download".to_owned());
    } else if table.kind == ReleaseKind::Synthetic {
        sentences
            .push("sampled from a model with differential privacy, paid for: free to query and to download".to_owned());
    } else {
        sentences.push("public: answers are exact and free".to_owned());
    }
    if let Some(end) = policy.expires() {
        sentences.push(format!("access ends {end}"));
    }
    sentences.push(format!("for: {}", policy.purpose()));
    sentences
}

fn describe_column(column: &Column) -> wire::CatalogColumn {
    let (values, low, high) = match column.domain() {
        Domain::Values(values) => (Some(values.iter().map(json).collect()), None, None),
        Domain::Bounds { low, high } => (None, Some(json(low)), Some(json(high))),
        Domain::Text { .. } | Domain::Unbounded => (None, None, None),
    };
    wire::CatalogColumn {
        name: column.name().clone(),
        data_type: column.data_type().as_str().to_owned(),
        nullable: column.nullable(),
        role: column.role().as_str().to_owned(),
        values,
        low,
        high,
        max_bytes: column.domain().max_bytes(),
        unit_of_measure: column.unit_of_measure().map(ToOwned::to_owned),
        description: column.description().to_owned(),
    }
}

/// A declared value as JSON; dates and times as ISO 8601 text.
fn json(value: &Value) -> serde_json::Value {
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    match value {
        Value::Boolean(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Float(f) => (*f).into(),
        Value::String(s) => s.as_str().into(),
        Value::Date(days) => {
            let midnight = Micros(i64::from(*days).saturating_mul(MICROS_PER_DAY)).to_string();
            midnight.split('T').next().unwrap_or_default().into()
        }
        Value::Timestamp(micros) => Micros(*micros).to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_values_travel_as_people_write_them() {
        assert_eq!(json(&Value::Date(20_000)), serde_json::json!("2024-10-04"));
        assert_eq!(json(&Value::Timestamp(0)), serde_json::json!("1970-01-01T00:00:00Z"));
        assert_eq!(json(&Value::Int(-3)), serde_json::json!(-3));
    }
}
