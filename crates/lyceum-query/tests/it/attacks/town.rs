//! The shop with more tables around it: its users, an agency's ads shown to the same people, and a public list of cities.
//! Everything about a person follows from the person's events, so that removing those removes the person everywhere.

use super::shop::{Event, MANIFEST, POLICY, Shop, columns};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use lyceum_privacy::Delta;
use lyceum_privacy::mechanism::NoiseSource;
use lyceum_privacy::testing::RecordingNoise;
use lyceum_query::catalog::{Catalog, CatalogTable, Population};
use lyceum_query::engine::{Engine, EngineConfig};
use lyceum_query::layout::{InputFailed, LayoutOptions, stored_schema, write_table};
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::{Manifest, Table};
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MORE: &str = r#"
[[table]]
name = "users"
privacy_unit = { column = "user_id" }
population = "people"
max_rows_per_unit = 1
expected_rows = 1000

[[table.column]]
name = "user_id"
type = "int64"
role = "privacy_unit"

[[table.column]]
name = "age"
type = "int32"
role = "measure"
bounds = [0, 120]

[[table.column]]
name = "plan"
type = "string"
role = "dimension"
values = ["free", "paid"]
nullable = true

[[table]]
name = "ads"
privacy_unit = { column = "user_id" }
population = "people"
max_rows_per_unit = 20
expected_rows = 2000

[[table.column]]
name = "user_id"
type = "int64"
role = "privacy_unit"

[[table.column]]
name = "campaign"
type = "string"
role = "dimension"
values = ["spring", "summer", "winter"]

[[table.column]]
name = "shown"
type = "timestamp"
role = "time"
bounds = ["2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"]

[[table.column]]
name = "cost"
type = "float64"
role = "measure"
bounds = [0, 10]
nullable = true

[[table.column]]
name = "clicked"
type = "boolean"
role = "dimension"

[[table]]
name = "cities"
privacy_unit = "none"
expected_rows = 10

[[table.column]]
name = "city"
type = "string"
role = "dimension"
max_bytes = 20

[[table.column]]
name = "region"
type = "string"
role = "dimension"
values = ["north", "south"]

[[table.column]]
name = "size"
type = "int32"
role = "measure"
bounds = [0, 9]
nullable = true
"#;

/// A policy under which nothing is cut off that the tables can hold.
pub(crate) fn generous() -> String {
    POLICY
        .replace("max_groups_contributed = 4", "max_groups_contributed = 200")
        .replace("max_rows_per_group = 5", "max_rows_per_group = 100000")
}

/// The rows of all tables.
fn batches(manifest: &Manifest, events: &[Event]) -> Vec<(Table, RecordBatch)> {
    let batch = |i: usize, columns: Vec<ArrayRef>| {
        let table: Table = manifest.tables()[i].clone();
        let batch = RecordBatch::try_new(stored_schema(&table), columns).unwrap();
        (table, batch)
    };
    let mut users: Vec<&Event> = Vec::new();
    for event in events {
        if event.segment != "b" && !users.iter().any(|u| u.unit == event.unit) {
            users.push(event);
        }
    }
    let plan = |e: &Event| match e.clicks.rem_euclid(3) {
        0 => Some("free"),
        1 => Some("paid"),
        _ => None,
    };
    // Each event of most cities has an ad before it, and some have one after it.
    let ads: Vec<(&Event, i64)> = events
        .iter()
        .filter(|e| e.city != "c1")
        .flat_map(|e| [(e, -1), (e, 1)])
        .filter(|(e, by)| *by < 0 || e.vip == Some(true))
        .collect();
    let at = |e: &Event, by: i64| e.at.saturating_add(by * 3_600_000_000);
    let cities =
        [("c0", "north", Some(1)), ("c1", "south", Some(2)), ("c1", "north", None), ("edge", "south", Some(3))];
    vec![
        batch(0, columns(events)),
        batch(
            1,
            vec![
                Arc::new(users.iter().map(|e| Some(e.unit)).collect::<UInt64Array>()),
                Arc::new(users.iter().map(|e| Some(e.clicks.saturating_add(2))).collect::<Int32Array>()),
                Arc::new(users.iter().map(|e| plan(e)).collect::<StringArray>()),
            ],
        ),
        batch(
            2,
            vec![
                Arc::new(ads.iter().map(|(e, _)| Some(e.unit)).collect::<UInt64Array>()),
                Arc::new(
                    ads.iter()
                        .map(|(e, by)| {
                            Some(["spring", "summer", "winter"][(e.clicks as i64 + by).rem_euclid(3) as usize])
                        })
                        .collect::<StringArray>(),
                ),
                Arc::new(ads.iter().map(|(e, by)| Some(at(e, *by))).collect::<TimestampMicrosecondArray>()),
                Arc::new(ads.iter().map(|(e, _)| e.score.map(f64::abs)).collect::<Float64Array>()),
                Arc::new(ads.iter().map(|(e, by)| Some(e.vip == Some(*by > 0))).collect::<BooleanArray>()),
            ],
        ),
        batch(
            3,
            vec![
                Arc::new(cities.iter().map(|(c, ..)| Some(*c)).collect::<StringArray>()),
                Arc::new(cities.iter().map(|(_, r, _)| Some(*r)).collect::<StringArray>()),
                Arc::new(cities.iter().map(|(.., s)| *s).collect::<Int32Array>()),
            ],
        ),
    ]
}

fn manifest() -> Manifest {
    let text = format!("{MANIFEST}{MORE}");
    Manifest::parse("town.toml", &text).unwrap_or_else(|e| panic!("{e:?}"))
}

/// The same tables in a plain DataFusion, ids and all.
pub(crate) fn plain(events: &[Event]) -> SessionContext {
    let context = SessionContext::new();
    for (table, batch) in batches(&manifest(), events) {
        let fields = batch
            .schema()
            .fields()
            .iter()
            .map(|f| match f.name().as_str() {
                "__unit" => Arc::new(Field::new("user_id", DataType::UInt64, false)),
                _ => f.clone(),
            })
            .collect::<Vec<_>>();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).unwrap();
        let provider = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        context.register_table(table.name().as_str(), Arc::new(provider)).unwrap();
    }
    context
}

/// An engine over all tables.
pub(crate) async fn town<N: NoiseSource + 'static>(
    events: &[Event],
    partitions: usize,
    policy: &str,
    noise: N,
) -> Shop<N> {
    let store = Arc::new(InMemory::new());
    let population = Population {
        id: PopulationId::generate(),
        name: PopulationName::new("people").unwrap(),
        declared_size: 10_000,
        delta_conversion: 1e-6,
        delta_selection: Delta::round_down(1e-6),
        epsilon: 100.0,
    };
    let policy = Arc::new(Policy::parse("policy.toml", policy).unwrap_or_else(|e| panic!("{e:?}")));
    let mut tables = Vec::new();
    for (table, batch) in batches(&manifest(), events) {
        let spill = tempfile::tempdir().unwrap();
        let name = table.name().as_str().to_owned();
        let options = LayoutOptions {
            prefix: Path::from(name.as_str()),
            memory_bytes: 16 << 20,
            spill_directory: spill.path().to_owned(),
            sample_key: [3; 16],
        };
        let rows = futures::stream::iter([Ok::<_, InputFailed>(batch)]);
        let files = write_table(&table, rows, store.clone(), &options).await.unwrap().files;
        let public = name == "cities";
        tables.push(Arc::new(CatalogTable {
            release: ReleaseId::generate(),
            kind: ReleaseKind::Protected,
            sql_name: TableName::new(&name).unwrap(),
            table,
            population: (!public).then(|| population.clone()),
            owner: OrganisationName::new(if name == "ads" { "agency" } else { "shop" }).unwrap(),
            policy: policy.clone(),
            version: VersionId::generate(),
            own_schema: None,
            files,
        }));
    }
    let config = EngineConfig {
        target_partitions: partitions,
        time_grid: Duration::from_millis(1),
        time_base: Duration::from_millis(1),
        time_per_row: Duration::ZERO,
        spill_dir: None,
        ..EngineConfig::default()
    };
    let noise = Arc::new(RecordingNoise::new(noise));
    let catalog = Catalog { workspace: WorkspaceName::new("study").unwrap(), tables };
    Shop { engine: Engine::new(config, store, noise.clone()), catalog, noise }
}
