//! Rows of a release's own: written as they come, read as they are, streamed; ranges in them have functions.

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, StructArray, UInt8Array};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use lyceum_privacy::mechanism::LiveNoise;
use lyceum_query::catalog::{Catalog, CatalogTable};
use lyceum_query::engine::{Engine, EngineConfig, PreparedQuery};
use lyceum_query::layout::{InputFailed, LayoutError, write_rows};
use lyceum_schema::id::{ReleaseId, VersionId};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const MANIFEST: &str = r#"
[dataset]
name = "people"
title = "People"
version = "1"
owner = "shop"
licence = "none"
source = "a test"
[[table]]
name = "people"
privacy_unit = "row"
population = "customers"
expected_rows = 10
column = [
    { name = "age", type = "int64", role = "quasi_identifier", bounds = [0, 120] },
    { name = "city", type = "string", role = "quasi_identifier", values = ["Ulm", "Bonn", "Kiel"] },
]
"#;

fn schema() -> SchemaRef {
    let range = |of: DataType| {
        DataType::Struct(Fields::from(vec![
            Field::new("lo", of.clone(), true),
            Field::new("hi", of, true),
            Field::new("node", DataType::Utf8, true),
            Field::new("level", DataType::UInt8, true),
        ]))
    };
    let extension = |metadata: &str| {
        HashMap::from([
            ("ARROW:extension:name".to_owned(), "lyceum.range".to_owned()),
            ("ARROW:extension:metadata".to_owned(), metadata.to_owned()),
        ])
    };
    Arc::new(Schema::new(vec![
        Field::new("age", range(DataType::Int64), true).with_metadata(extension("{\"version\":1}")),
        Field::new("city", range(DataType::Utf8), true)
            .with_metadata(extension("{\"version\":1,\"order\":[\"Ulm\",\"Bonn\",\"Kiel\"]}")),
    ]))
}

/// Ages 20-29 as a node, 34 as it was, 30-55 between the levels; cities Ulm to Bonn, Kiel, anything.
fn batch() -> RecordBatch {
    let schema = schema();
    let cells = |field: usize, columns: [ArrayRef; 4]| -> ArrayRef {
        let DataType::Struct(fields) = schema.field(field).data_type() else { unreachable!() };
        Arc::new(StructArray::new(fields.clone(), columns.to_vec(), None))
    };
    let age = cells(
        0,
        [
            Arc::new(Int64Array::from(vec![20, 34, 30])),
            Arc::new(Int64Array::from(vec![29, 34, 55])),
            Arc::new(StringArray::from(vec!["20-29", "34", "30-55"])),
            Arc::new(UInt8Array::from(vec![Some(1), Some(0), None])),
        ],
    );
    let city = cells(
        1,
        [
            Arc::new(StringArray::from(vec![Some("Ulm"), Some("Kiel"), None])),
            Arc::new(StringArray::from(vec![Some("Bonn"), Some("Kiel"), None])),
            Arc::new(StringArray::from(vec!["South", "Kiel", "*"])),
            Arc::new(UInt8Array::from(vec![1, 0, 2])),
        ],
    );
    RecordBatch::try_new(schema, vec![age, city]).unwrap()
}

struct World {
    engine: Engine,
    catalog: Catalog,
}

impl World {
    async fn new() -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let rows = futures::stream::iter(vec![Ok(batch())]);
        let written = write_rows(schema(), rows, Arc::clone(&store), Path::from("releases/r/people")).await.unwrap();
        let table = CatalogTable {
            release: ReleaseId::generate(),
            kind: ReleaseKind::Anonymized,
            sql_name: "people".parse().unwrap(),
            table: Manifest::parse("m", MANIFEST).unwrap().tables()[0].clone(),
            population: None,
            owner: "shop".parse().unwrap(),
            policy: Arc::new(Policy::parse("p", "kind = \"mock\"\npurpose = \"p\"\n").unwrap()),
            version: VersionId::generate(),
            own_schema: Some(schema()),
            files: written.files,
        };
        let catalog = Catalog { workspace: "study".parse().unwrap(), tables: vec![Arc::new(table)] };
        let config = EngineConfig {
            target_partitions: 1,
            max_concurrent_queries: 1,
            patience: Duration::from_millis(50),
            ..EngineConfig::default()
        };
        Self { engine: Engine::new(config, store, Arc::new(LiveNoise)), catalog }
    }

    async fn prepare(&self, sql: &str) -> Result<PreparedQuery, String> {
        let prepared = self.engine.prepare(sql, &self.catalog, Micros(0)).await;
        prepared.map(|p| p.query).map_err(|e| format!("{e:?}"))
    }

    async fn rows(&self, sql: &str) -> RecordBatch {
        match self.prepare(sql).await.unwrap() {
            PreparedQuery::Public(query) => self.engine.run_public(query).await.unwrap().batch,
            PreparedQuery::Private(_) => panic!("private: {sql}"),
        }
    }
}

#[tokio::test]
async fn ranges_have_functions() {
    let world = World::new().await;
    let rows = world
        .rows(
            "SELECT range_lower(age) AS lo, range_upper(age) AS hi, range_mid(age) AS mid, covers(age, 34) AS a34, \
             covers(city, 'Bonn') AS bonn, covers(city, 'Rome') AS rome, level(age) AS up FROM anonymized.people",
        )
        .await;
    let text = arrow::util::pretty::pretty_format_batches(&[rows]).unwrap().to_string();
    insta::assert_snapshot!(text, @r"
    +----+----+------+-------+-------+-------+----+
    | lo | hi | mid  | a34   | bonn  | rome  | up |
    +----+----+------+-------+-------+-------+----+
    | 20 | 29 | 24.5 | false | true  | false | 1  |
    | 34 | 34 | 34.0 | true  | false | false | 0  |
    | 30 | 55 | 42.5 | true  | true  | false |    |
    +----+----+------+-------+-------+-------+----+
    ");
    let groups =
        world.rows("SELECT level(age) AS l, COUNT(*) AS n FROM people WHERE range_mid(age) < 40 GROUP BY l").await;
    assert_eq!(groups.column(1).as_primitive::<Int64Type>().iter().flatten().sum::<i64>(), 2);
}

#[tokio::test]
async fn a_range_is_no_single_value() {
    let world = World::new().await;
    for sql in ["SELECT AVG(age) FROM people", "SELECT * FROM people WHERE age > 30", "SELECT age + 1 FROM people"] {
        let refused = world.prepare(sql).await.err().unwrap_or_else(|| panic!("{sql} was planned"));
        assert!(refused.contains("range_mid(age)"), "{sql}: {refused}");
    }
    let refused = world.prepare("SELECT range_mid(city) FROM people").await.err().unwrap();
    assert!(refused.contains("no middle") || refused.contains("range"), "{refused}");
}

#[tokio::test]
async fn rows_are_streamed_and_their_files_are_named_by_their_bytes() {
    let world = World::new().await;
    let PreparedQuery::Public(query) = world.prepare("SELECT * FROM people").await.unwrap() else { panic!("private") };
    let mut rows = world.engine.stream_public(query).await.unwrap();
    assert_eq!(rows.schema().fields(), schema().fields(), "extension metadata included");
    assert_eq!(rows.next().await.unwrap().unwrap().num_rows(), 3);
    assert!(rows.next().await.is_none());
    let again = World::new().await;
    assert_eq!(world.catalog.tables[0].files, again.catalog.tables[0].files);
}

#[tokio::test]
async fn who_stops_reading_keeps_nobody_waiting_and_sees_no_end() {
    let world = World::new().await;
    let stream = async || {
        let prepared = world.prepare("SELECT * FROM people").await.unwrap();
        let PreparedQuery::Public(query) = prepared else { panic!("private") };
        world.engine.stream_public(query).await.unwrap()
    };
    let mut stalled = stream().await;
    // There is one place, and the first has it until nobody takes its rows.
    let mut other = tokio::time::timeout(Duration::from_secs(20), stream()).await.expect("the place is free again");
    assert!(other.next().await.unwrap().is_ok() && other.next().await.is_none());
    assert!(stalled.next().await.unwrap().is_ok(), "what was read ahead");
    assert!(stalled.next().await.unwrap().is_err(), "what was given up has no end");
}

#[tokio::test]
async fn what_breaks_off_leaves_no_file() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let rows = futures::stream::iter(vec![Ok(batch()), Err(InputFailed)]);
    let outcome = write_rows(schema(), rows, Arc::clone(&store), Path::from("releases/r/people")).await;
    assert_eq!(outcome.map(|_| ()), Err(LayoutError::Aborted));
    let left: Vec<_> = futures::StreamExt::collect(store.list(None)).await;
    assert!(left.is_empty(), "{left:?}");
}
