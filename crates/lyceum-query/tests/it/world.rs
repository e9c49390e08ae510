//! A small world for tests of the whole line: one shop's orders in memory, an engine, a ledger that pays everything.

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use lyceum_privacy::Delta;
use lyceum_privacy::accuracy::GaussianRedraw;
use lyceum_privacy::mechanism::NoiseSource;
use lyceum_privacy::testing::RecordingNoise;
use lyceum_query::answer::Answer;
use lyceum_query::catalog::{Catalog, CatalogTable, Population};
use lyceum_query::charge::{ChargeRequest, Ledger, charge};
use lyceum_query::engine::{Engine, EngineConfig, PreparedQuery};
use lyceum_query::finish::finish;
use lyceum_query::layout::{InputFailed, LayoutOptions, stored_schema, write_table};
use lyceum_query::price::PricedQuery;
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::{Manifest, Table};
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use object_store::memory::InMemory;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MANIFEST: &str = r#"
[dataset]
name = "shop"
title = "Shop"
version = "1"
owner = "shop"
licence = "none"
source = "made up"

[[table]]
name = "orders"
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
values = ["new", "loyal", "lapsed", "press"]

[[table.column]]
name = "city"
type = "string"
role = "dimension"
max_bytes = 20

[[table.column]]
name = "spend"
type = "float64"
role = "measure"
bounds = [0, 100]
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

/// One order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// The buyer's id.
    pub unit: u64,
    /// Declared values.
    pub segment: &'static str,
    /// Undeclared values.
    pub city: String,
    /// May be NULL.
    pub spend: Option<f64>,
}

/// Orders of `units` buyers, up to 7 each; nobody is in the segment `press`.
pub(crate) fn orders(units: u64) -> Vec<Order> {
    let r = GaussianRedraw::new(units);
    let mut all = Vec::new();
    for unit in 1..=units {
        for i in 0..1 + (r.uniform(0, unit) * 7.0) as u64 {
            let draw = |part: u32| r.uniform(part, unit * 64 + i);
            let segment = ["new", "loyal", "lapsed"][(draw(1) * 3.0) as usize];
            // City 0 is large, the last ones have a handful of people.
            let city = format!("city{}", (draw(2).powi(3) * 12.0) as u64);
            let spend = (draw(3) < 0.9).then_some((draw(4) * 100.0 * 64.0).floor() / 64.0);
            all.push(Order { unit: unit.wrapping_mul(0x9e37_79b9_7f4a_7c15), segment, city, spend });
        }
    }
    all
}

/// Everything that a query needs.
pub(crate) struct World<N> {
    pub engine: Engine,
    pub catalog: Catalog,
    pub noise: Arc<RecordingNoise<N>>,
    pub store: Arc<InMemory>,
}

/// A ledger that pays everything.
pub(crate) struct Pays;

#[async_trait]
impl Ledger for Pays {
    type Refused = ();
    async fn charge(&self, _: &ChargeRequest<'_>) -> Result<(), ()> {
        Ok(())
    }
}

impl<N: NoiseSource + 'static> World<N> {
    pub(crate) async fn new(orders: &[Order], partitions: usize, noise: N) -> Self {
        let table = Manifest::parse("shop.toml", MANIFEST).unwrap_or_else(|e| panic!("{e:?}")).tables()[0].clone();
        let policy = Policy::parse("policy.toml", POLICY).unwrap_or_else(|e| panic!("{e:?}"));
        let store = Arc::new(InMemory::new());
        let spill = tempfile::tempdir().unwrap();
        let options = LayoutOptions {
            prefix: Path::from("orders"),
            memory_bytes: 16 << 20,
            spill_directory: spill.path().to_owned(),
            sample_key: [3; 16],
        };
        let rows = futures::stream::iter([Ok::<_, InputFailed>(batch(&table, orders))]);
        let files = write_table(&table, rows, store.clone(), &options).await.unwrap().files;
        let population = Population {
            id: PopulationId::generate(),
            name: PopulationName::new("people").unwrap(),
            declared_size: 10_000,
            delta_conversion: 1e-6,
            delta_selection: Delta::round_down(1e-6),
            epsilon: 100.0,
        };
        let catalog_table = CatalogTable {
            release: ReleaseId::generate(),
            kind: ReleaseKind::Protected,
            sql_name: TableName::new("orders").unwrap(),
            table,
            population: Some(population),
            owner: OrganisationName::new("shop").unwrap(),
            policy: Arc::new(policy),
            version: VersionId::generate(),
            own_schema: None,
            files,
        };
        let workspace = WorkspaceName::new("study").unwrap();
        let noise = Arc::new(RecordingNoise::new(noise));
        let config = EngineConfig {
            target_partitions: partitions,
            time_grid: Duration::from_millis(1),
            time_base: Duration::from_millis(1),
            time_per_row: Duration::ZERO,
            spill_dir: None,
            ..EngineConfig::default()
        };
        Self {
            engine: Engine::new(config, store.clone(), noise.clone()),
            catalog: Catalog { workspace, tables: vec![Arc::new(catalog_table)] },
            noise,
            store,
        }
    }

    pub(crate) async fn price(&self, sql: &str) -> PricedQuery {
        let prepared = self.engine.prepare(sql, &self.catalog, Micros(0)).await;
        match prepared.unwrap_or_else(|e| panic!("{e}")).query {
            PreparedQuery::Private(priced) => *priced,
            PreparedQuery::Public(_) => panic!("not private"),
        }
    }

    pub(crate) async fn release(&self, sql: &str) -> (ReleasedGroups, Answer) {
        let Ok(charged) = charge(self.price(sql).await, &Pays).await else { panic!("not paid") };
        let (groups, above, _) = self.engine.answer(charged).await.unwrap_or_else(|e| panic!("{e}"));
        let answer = finish(above, &groups).await.unwrap_or_else(|e| panic!("{e}"));
        (groups, answer)
    }
}

fn batch(table: &Table, orders: &[Order]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(orders.iter().map(|o| o.unit))),
        Arc::new(StringArray::from_iter_values(orders.iter().map(|o| o.segment))),
        Arc::new(StringArray::from_iter_values(orders.iter().map(|o| &o.city))),
        Arc::new(orders.iter().map(|o| o.spend).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(stored_schema(table), columns).unwrap()
}
