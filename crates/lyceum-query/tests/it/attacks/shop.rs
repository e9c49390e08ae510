//! A shop whose customers are as awkward as their types allow, and neighbours of it that lack one customer.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::record_batch::RecordBatch;
use lyceum_privacy::Delta;
use lyceum_privacy::mechanism::{ExactCells, MechanismCall, NoiseError, NoiseSource};
use lyceum_privacy::testing::{RecordingNoise, ZeroNoise};
use lyceum_query::catalog::{Catalog, CatalogTable, Population};
use lyceum_query::engine::{Engine, EngineConfig};
use lyceum_query::layout::{InputFailed, LayoutOptions, stored_schema, write_table};
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const MANIFEST: &str = r#"
[dataset]
name = "shop"
title = "Shop"
version = "1"
owner = "shop"
licence = "none"
source = "made up"

[[table]]
name = "events"
privacy_unit = { column = "user_id" }
population = "people"
max_rows_per_unit = 30
expected_rows = 2000

[[table.column]]
name = "user_id"
type = "int64"
role = "privacy_unit"

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["a", "b", "c", "nobody"]

[[table.column]]
name = "city"
type = "string"
role = "dimension"
max_bytes = 20

[[table.column]]
name = "clicks"
type = "int32"
role = "measure"
bounds = [-5, 50]

[[table.column]]
name = "n"
type = "int64"
role = "measure"
nullable = true

[[table.column]]
name = "score"
type = "float64"
role = "measure"
nullable = true

[[table.column]]
name = "spend"
type = "float64"
role = "measure"
bounds = [-10, 100]
nullable = true

[[table.column]]
name = "at"
type = "timestamp"
role = "time"
bounds = ["2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"]

[[table.column]]
name = "day"
type = "date"
role = "time"

[[table.column]]
name = "vip"
type = "boolean"
role = "dimension"
nullable = true

[[table.column]]
name = "note"
type = "string"
role = "dimension"
max_bytes = 40
nullable = true
"#;

pub(crate) const POLICY: &str = r#"
kind = "protected"
purpose = "tests"
approvals = 1

[privacy]
epsilon_per_workspace = 90.0
epsilon_per_researcher = 90.0
max_epsilon_per_query = 2.0
default_epsilon_per_query = 1.0
max_groups_contributed = 4
max_rows_per_group = 5
minimum_group_size = 5
selection_delta_share = 0.1
"#;

/// The declared rows of one unit.
pub(crate) const MAX_ROWS: u64 = 30;
/// 2026-01-01 in microseconds.
const NEW_YEAR: i64 = 1_767_225_600_000_000;
const DAY: i64 = 86_400_000_000;

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) unit: u64,
    pub(crate) segment: &'static str,
    pub(crate) city: String,
    pub(crate) clicks: i32,
    pub(crate) n: Option<i64>,
    pub(crate) score: Option<f64>,
    pub(crate) spend: Option<f64>,
    pub(crate) at: i64,
    pub(crate) day: i32,
    pub(crate) vip: Option<bool>,
    pub(crate) note: Option<String>,
}

fn event(unit: u64, i: u64) -> Event {
    Event {
        unit,
        segment: ["a", "b", "c"][((unit + i) % 3) as usize],
        city: format!("c{}", unit % 3),
        clicks: (unit % 23) as i32 - 2,
        n: (!unit.is_multiple_of(5)).then_some(unit as i64 * 7 - 90),
        score: (!unit.is_multiple_of(7)).then_some(unit as f64 / 8.0 - 1.0),
        spend: (!unit.is_multiple_of(6)).then_some((unit % 90) as f64 + 0.3),
        at: NEW_YEAR + (unit as i64 % 300) * DAY + i as i64,
        day: 20_454 + (unit % 50) as i32,
        vip: [Some(true), Some(false), None][(unit % 3) as usize],
        note: (!unit.is_multiple_of(4)).then(|| format!("x{}", unit % 4)),
    }
}

/// Ordinary customers, one to three events each; four of them live at the edge, one less than are ever shown.
pub(crate) fn ordinary() -> Vec<Event> {
    let events = (1..=48).flat_map(|unit| (0..=unit % 3).map(move |i| event(unit, i)));
    let edge = (49..=52).map(|unit| Event { city: "edge".into(), ..event(unit, 0) });
    // Ids as a pseudonym function gives them: all over the id space.
    events.chain(edge).map(|e| Event { unit: e.unit.wrapping_mul(0x9e37_79b9_7f4a_7c15), ..e }).collect()
}

/// Customers who go to every limit, one at a time.
pub(crate) fn awkward() -> Vec<(&'static str, Vec<Event>)> {
    let rows = |make: &dyn Fn(u64) -> Event| (0..MAX_ROWS).map(|i| Event { unit: 7, ..make(i) }).collect::<Vec<_>>();
    vec![
        (
            "high",
            rows(&|i| Event {
                segment: "a",
                city: "c0".into(),
                clicks: i32::MAX,
                n: Some(i64::MAX),
                score: Some(f64::INFINITY),
                spend: Some(1e300),
                day: i32::MAX,
                vip: Some(true),
                note: Some("xxxx".into()),
                ..event(7, i)
            }),
        ),
        (
            "low",
            rows(&|i| Event {
                segment: "b",
                city: "c0".into(),
                clicks: i32::MIN,
                n: Some(i64::MIN),
                score: Some(-1e308),
                spend: Some(f64::NEG_INFINITY),
                at: i64::MIN,
                day: i32::MIN,
                note: Some(String::new()),
                ..event(7, i)
            }),
        ),
        (
            "everywhere",
            rows(&|i| Event {
                city: format!("far{i}"),
                clicks: i as i32,
                n: Some(i as i64 - 15),
                score: Some(1.0 / (i as f64 - 15.0)),
                note: Some(format!("é{i}%_\\")),
                ..event(i, i)
            }),
        ),
        (
            "nothing",
            rows(&|i| Event {
                clicks: 0,
                n: None,
                score: [None, Some(f64::NAN), Some(-0.0), Some(5e-324)][(i % 4) as usize],
                spend: [None, Some(f64::NAN)][(i % 2) as usize],
                vip: None,
                note: None,
                ..event(7, i)
            }),
        ),
        ("edge", vec![Event { unit: 7, city: "edge".into(), ..event(7, 0) }]),
        ("hermit", vec![Event { unit: 7, city: "nowhere else".into(), segment: "nobody", ..event(7, 0) }]),
    ]
}

/// No noise, but so large a number on every cell that every candidate group is shown: what is recorded are then the
/// exact cells of all groups that noise could have shown, and the answer names their keys.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ShowAll;

impl NoiseSource for ShowAll {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        Ok(ZeroNoise.add_noise(call, exact)?.into_iter().map(|v| v.saturating_add(1 << 40)).collect())
    }
}

/// An engine over some events.
pub(crate) struct Shop<N> {
    pub(crate) engine: Engine,
    pub(crate) catalog: Catalog,
    pub(crate) noise: Arc<RecordingNoise<N>>,
}

impl<N: NoiseSource + 'static> Shop<N> {
    pub(crate) async fn new(events: &[Event], partitions: usize, noise: N) -> Self {
        let manifest = Manifest::parse("shop.toml", MANIFEST).unwrap_or_else(|e| panic!("{e:?}"));
        let table = manifest.tables()[0].clone();
        let store = Arc::new(InMemory::new());
        let spill = tempfile::tempdir().unwrap();
        let options = LayoutOptions {
            prefix: Path::from("events"),
            memory_bytes: 16 << 20,
            spill_directory: spill.path().to_owned(),
            sample_key: [3; 16],
        };
        let batch = RecordBatch::try_new(stored_schema(&table), columns(events)).unwrap();
        let rows = futures::stream::iter([Ok::<_, InputFailed>(batch)]);
        let files = write_table(&table, rows, store.clone(), &options).await.unwrap().files;
        let table = CatalogTable {
            release: ReleaseId::generate(),
            kind: ReleaseKind::Protected,
            sql_name: TableName::new("events").unwrap(),
            table,
            population: Some(Population {
                id: PopulationId::generate(),
                name: PopulationName::new("people").unwrap(),
                declared_size: 10_000,
                delta_conversion: 1e-6,
                delta_selection: Delta::round_down(1e-6),
                epsilon: 100.0,
            }),
            owner: OrganisationName::new("shop").unwrap(),
            policy: Arc::new(Policy::parse("policy.toml", POLICY).unwrap_or_else(|e| panic!("{e:?}"))),
            version: VersionId::generate(),
            own_schema: None,
            files,
        };
        let config = EngineConfig {
            target_partitions: partitions,
            time_grid: Duration::from_millis(1),
            time_base: Duration::from_millis(1),
            time_per_row: Duration::ZERO,
            spill_dir: None,
            ..EngineConfig::default()
        };
        let noise = Arc::new(RecordingNoise::new(noise));
        let catalog = Catalog { workspace: WorkspaceName::new("study").unwrap(), tables: vec![Arc::new(table)] };
        Self { engine: Engine::new(config, store, noise.clone()), catalog, noise }
    }
}

pub(crate) fn columns(events: &[Event]) -> Vec<ArrayRef> {
    vec![
        Arc::new(events.iter().map(|e| Some(e.unit)).collect::<UInt64Array>()),
        Arc::new(events.iter().map(|e| Some(e.segment)).collect::<StringArray>()),
        Arc::new(events.iter().map(|e| Some(e.city.as_str())).collect::<StringArray>()),
        Arc::new(events.iter().map(|e| Some(e.clicks)).collect::<Int32Array>()),
        Arc::new(events.iter().map(|e| e.n).collect::<Int64Array>()),
        Arc::new(events.iter().map(|e| e.score).collect::<Float64Array>()),
        Arc::new(events.iter().map(|e| e.spend).collect::<Float64Array>()),
        Arc::new(events.iter().map(|e| Some(e.at)).collect::<TimestampMicrosecondArray>()),
        Arc::new(events.iter().map(|e| Some(e.day)).collect::<Date32Array>()),
        Arc::new(events.iter().map(|e| e.vip).collect::<BooleanArray>()),
        Arc::new(events.iter().map(|e| e.note.as_deref()).collect::<StringArray>()),
    ]
}
