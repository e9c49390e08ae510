//! What runs for each construct on our layout: merge joins without moving a row, groups and windows within partitions.

use crate::catalog::{Catalog, CatalogTable, DataFile, Population};
use crate::engine::{Engine, EngineConfig, PreparedQuery};
use datafusion::physical_plan::displayable;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::Duration;

const MANIFEST: &str = r#"
dataset = { name = "p", title = "p", version = "1", owner = "o", licence = "none", source = "made up" }

[[table]]
name = "a"
privacy_unit = { column = "u" }
population = "people"
max_rows_per_unit = 20
expected_rows = 1000
column = [
  { name = "u", type = "int64", role = "privacy_unit" },
  { name = "x", type = "int64", role = "measure", bounds = [0, 9] },
  { name = "k", type = "string", role = "dimension", values = ["p", "q"] },
]

[[table]]
name = "b"
privacy_unit = { column = "u" }
population = "people"
max_rows_per_unit = 20
expected_rows = 9000000
column = [
  { name = "u", type = "int64", role = "privacy_unit" },
  { name = "y", type = "int64", role = "measure", bounds = [0, 9] },
]

[[table]]
name = "list"
privacy_unit = "none"
expected_rows = 10
column = [
  { name = "k", type = "string", role = "dimension", values = ["p", "q"] },
  { name = "z", type = "int64", role = "measure", bounds = [0, 9] },
]
"#;

const POLICY: &str = "kind = \"protected\"\npurpose = \"tests\"\napprovals = 1\n[privacy]\nepsilon_per_workspace = 9.0\n\
    epsilon_per_researcher = 9.0\nmax_epsilon_per_query = 2.0\ndefault_epsilon_per_query = 1.0\n\
    max_groups_contributed = 4\nmax_rows_per_group = 5\nminimum_group_size = 5\nselection_delta_share = 0.1\n";

fn catalog() -> Catalog {
    let manifest = Manifest::parse("p.toml", MANIFEST).unwrap_or_else(|e| panic!("{e:?}"));
    let population = Population {
        id: PopulationId::generate(),
        name: PopulationName::new("people").unwrap(),
        declared_size: 1_000,
        delta_conversion: 1e-6,
        delta_selection: lyceum_privacy::Delta::round_down(1e-6),
        epsilon: 10.0,
    };
    let tables = manifest.tables().iter().map(|table| {
        let private = table.population().is_some();
        let file = |low: u64, high: u64| DataFile {
            path: format!("{}-{low}", table.name()),
            bytes: 100,
            rows: 10,
            unit_low: low,
            unit_high: high,
        };
        // As many files as the layout has ranges for so many rows.
        let ranges: u64 = if table.expected_rows() > 1_000_000 { 32 } else { 4 };
        let step = u64::MAX / ranges + 1;
        let files =
            if private { (0..ranges).map(|i| file(i * step, i * step + 9)).collect() } else { vec![file(0, 0)] };
        Arc::new(CatalogTable {
            release: ReleaseId::generate(),
            kind: ReleaseKind::Protected,
            sql_name: TableName::new(table.name().as_str()).unwrap(),
            table: table.clone(),
            population: private.then(|| population.clone()),
            owner: OrganisationName::new("o").unwrap(),
            policy: Arc::new(Policy::parse("policy.toml", POLICY).unwrap_or_else(|e| panic!("{e:?}"))),
            version: VersionId::generate(),
            own_schema: None,
            files,
        })
    });
    Catalog { workspace: WorkspaceName::new("study").unwrap(), tables: tables.collect() }
}

/// When the answer would leave, in milliseconds, at a microsecond per row and nothing else.
async fn milliseconds(sql: &str) -> u64 {
    let config = EngineConfig {
        time_grid: Duration::from_millis(1),
        time_base: Duration::ZERO,
        time_per_row: Duration::from_micros(1),
        ..EngineConfig::default()
    };
    let engine = Engine::new(config, Arc::new(InMemory::new()), Arc::new(ZeroNoise));
    let prepared = engine.prepare(sql, &catalog(), Micros(0)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let PreparedQuery::Private(priced) = prepared.query else { panic!("not private: {sql}") };
    priced.explain().priced_time_ms
}

#[tokio::test]
async fn rows_that_joins_make_are_in_the_priced_time() {
    assert_eq!(milliseconds("SELECT COUNT(*) FROM b").await, 9_000);
    // 1,000 rows of 1,000 people are joined with 9,000,000: about 9,000 for each.
    assert_eq!(milliseconds("SELECT COUNT(*) FROM a JOIN b USING (u)").await, 1 + 9_000 + 9_000);
    // 9,000 times 9,000 rows for each would be more than 20 for each row, as declared.
    assert_eq!(milliseconds("SELECT COUNT(*) FROM b JOIN b AS c USING (u)").await, 18_000 + 180_000);
    assert_eq!(milliseconds("SELECT COUNT(*) FROM b WHERE u IN (SELECT u FROM a)").await, 9_001);
    assert_eq!(
        milliseconds("SELECT COUNT(*) FROM (SELECT u FROM a UNION ALL SELECT u FROM b) q").await,
        milliseconds("SELECT (SELECT COUNT(*) FROM a) + (SELECT COUNT(*) FROM b) AS n").await
    );
}

/// The plan as DataFusion prints it.
async fn printed(sql: &str) -> String {
    let config = EngineConfig { target_partitions: 4, ..EngineConfig::default() };
    let engine = Engine::new(config, Arc::new(InMemory::new()), Arc::new(ZeroNoise));
    let prepared = engine.prepare(sql, &catalog(), Micros(0)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let PreparedQuery::Private(priced) = prepared.query else { panic!("not private: {sql}") };
    let [only] = priced.barriers.as_slice() else { panic!("one release") };
    displayable(only.plan.as_ref()).indent(false).to_string()
}

/// The operators of the plan, indented; scans by their files' table.
async fn plan(sql: &str) -> String {
    let text = printed(sql).await;
    let lines = text.lines().map(|line| {
        let (operator, rest) = line.split_once(':').unwrap_or((line, ""));
        let told = match operator.trim() {
            "DataSourceExec" => {
                let table = rest.split_once("{4 groups: [[").or_else(|| rest.split_once("[[")).map_or("", |(_, r)| r);
                table.split('-').next().unwrap_or("").to_owned()
            }
            "AggregateExec" | "BoundedWindowAggExec" | "WindowAggExec" => {
                rest.split("mode=").nth(1).and_then(|m| m.split([',', ']']).next()).unwrap_or("").to_owned()
            }
            "HashJoinExec" | "RepartitionExec" | "SortExec" => {
                rest.trim().split(", metrics").next().unwrap_or("").to_owned()
            }
            "SortMergeJoinExec" => {
                rest.split("join_type=").nth(1).and_then(|m| m.split(',').next()).unwrap_or("").to_owned()
            }
            _ => String::new(),
        };
        format!("{operator} {told}").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn joins_on_the_unit_are_merged_where_rows_lie() {
    let sql = "SELECT k, SUM(y) FROM a JOIN b USING (u) WHERE x > 3 GROUP BY k";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        UnitJoinExec
          FilterExec
            DataSourceExec a
          DataSourceExec b
    ");
}

#[tokio::test]
async fn further_conditions_do_not_sort_again() {
    let sql = "SELECT k, COUNT(*) FROM a LEFT JOIN b ON a.u = b.u AND a.x = b.y AND b.y > 2 GROUP BY k";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        SortMergeJoinExec Left
          DataSourceExec a
          ProjectionExec
            FilterExec
              DataSourceExec b
    ");
}

#[tokio::test]
async fn public_tables_are_held_and_private_rows_pass_by() {
    let sql = "SELECT z, COUNT(*) FROM a JOIN list ON a.k = list.k GROUP BY z";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        HashJoinExec mode=CollectLeft, join_type=Inner, on=[(c0@0, k@1)], projection=[__unit@2, c1@1]
          CoalescePartitionsExec
            ProjectionExec
              RepartitionExec partitioning=RoundRobinBatch(4), input_partitions=1
                DataSourceExec list
          DataSourceExec a
    ");
}

#[tokio::test]
async fn so_are_lists_of_what_is_left_out() {
    let sql = "SELECT COUNT(*) FROM a WHERE NOT EXISTS (SELECT 1 FROM list WHERE list.k = a.k)";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      HashJoinExec mode=CollectLeft, join_type=RightAnti, on=[(c1@0, k@1)], projection=[__unit@0]
        DataSourceExec list
        DataSourceExec a
    ");
}

#[tokio::test]
async fn groups_within_units_stay_in_their_partition() {
    let sql = "SELECT n, COUNT(*) FROM (SELECT u, k, LEAST(COUNT(*), 3) AS n FROM a GROUP BY u, k) q GROUP BY n";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        AggregateExec SinglePartitioned
          DataSourceExec a
    ");
}

#[tokio::test]
async fn groups_are_joined_with_rows_without_moving_either() {
    let sql = "SELECT k, SUM(n) FROM a JOIN (SELECT u, COUNT(*) AS n FROM b GROUP BY u) q USING (u) GROUP BY k";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        SortMergeJoinExec Inner
          DataSourceExec a
          AggregateExec SinglePartitioned
            DataSourceExec b
    ");
}

#[tokio::test]
async fn windows_sort_within_partitions() {
    let sql = "SELECT k, COUNT(*) FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY u ORDER BY x) AS r FROM a) q WHERE r = 1 GROUP BY k";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        FilterExec
          ProjectionExec
            BoundedWindowAggExec [Sorted
              SortExec expr=[__unit@0 ASC NULLS LAST, total_within(x@1, 0, 9) ASC NULLS LAST, k@2 ASC NULLS LAST], preserve_partitioning=[true]
                DataSourceExec a
    ");
}

#[tokio::test]
async fn unions_lie_side_by_side() {
    let sql = "SELECT COUNT(*) FROM (SELECT u, x FROM a UNION ALL SELECT u, y FROM b) q";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      ProjectionExec
        SortExec expr=[u@0 ASC NULLS LAST], preserve_partitioning=[true]
          InterleaveExec
            DataSourceExec a
            DataSourceExec b
    ");
}

#[tokio::test]
async fn the_unit_of_a_full_join_is_new_so_rows_move() {
    let sql = "SELECT COUNT(*) FROM a FULL JOIN b ON a.u = b.u";
    insta::assert_snapshot!(plan(sql).await, @r"
    BoundedAggregateExec
      SortExec expr=[__unit@0 ASC NULLS LAST], preserve_partitioning=[true]
        RepartitionExec partitioning=Hash([__unit@0], 4), input_partitions=4
          ProjectionExec
            SortMergeJoinExec Full
              DataSourceExec a
              DataSourceExec b
    ");
}

#[tokio::test]
async fn ordinals_are_read_where_units_only_have_to_be_told_apart() {
    for (sql, ordinals) in [
        ("SELECT k, SUM(x), COUNT(DISTINCT u) FROM a WHERE x > 3 GROUP BY k", true),
        ("SELECT k, COUNT(*) FROM (SELECT k, x FROM a) q GROUP BY k", true),
        ("SELECT n, COUNT(*) FROM (SELECT u, k, LEAST(COUNT(*), 3) AS n FROM a GROUP BY u, k) q GROUP BY n", true),
        // Samples of undeclared keys depend on ids; two tables know each other's rows by ids only.
        ("SELECT x * 1000000, COUNT(*) FROM a GROUP BY x * 1000000", false),
        ("SELECT CAST(x AS VARCHAR), COUNT(*) FROM a GROUP BY CAST(x AS VARCHAR)", false),
        ("SELECT k, SUM(y) FROM a JOIN b USING (u) GROUP BY k", false),
        ("SELECT COUNT(*) FROM (SELECT u, x FROM a UNION ALL SELECT u, y FROM b) q", false),
    ] {
        let plan = printed(sql).await;
        let scans = plan.lines().filter(|l| l.trim_start().starts_with("DataSourceExec"));
        let by_ordinal: Vec<bool> = scans.map(|l| l.contains("__ordinal")).collect();
        assert!(by_ordinal.iter().all(|o| *o == ordinals), "{sql}\n{plan}");
    }
}
