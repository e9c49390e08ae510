//! One poisoned row must not make another row's value different, or the query fail: every expression of
//! `tests/it/poison/expressions.txt` that is admitted below the barrier is run on good rows, with and without it.

mod differential;

use super::{Certified, certify};
use crate::bind::{CatalogSource, bind};
use crate::catalog::{Catalog, CatalogTable, Population};
use crate::parse::parse;
use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::UInt64Type;
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use lyceum_schema::id::{PopulationId, ReleaseId, VersionId};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::name::{OrganisationName, PopulationName, TableName, WorkspaceName};
use lyceum_schema::policy::Policy;
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use std::sync::Arc;

const EXPRESSIONS: &str = include_str!("../../tests/it/poison/expressions.txt");
const GOOD: usize = 1_000;
/// The poisoned row's unit: in the middle of the batch.
const POISON: usize = 500;
/// How many of the lines are admitted in some form. A smaller number is a lost feature, a larger one a new rule.
const ADMITTED: usize = 219;

fn catalog() -> Catalog {
    let mut manifest = "[dataset]\nname = \"p\"\ntitle = \"p\"\nversion = \"1\"\nowner = \"o\"\nlicence = \"none\"\nsource = \"made up\"\n\
        [[table]]\nname = \"t\"\nprivacy_unit = { column = \"u\" }\npopulation = \"people\"\nmax_rows_per_unit = 1\nexpected_rows = 1001\n\
        [[table.column]]\nname = \"u\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n"
        .to_owned();
    for (names, data_type) in [
        (&["id", "l", "n", "ux"][..], "int64"),
        (&["x", "y"], "int32"),
        // Numbers with decimals are kept as floats: there is no decimal column type.
        (&["f", "d"], "float64"),
        (&["s", "sd", "re", "hx", "st", "gr", "alg"], "string"),
        (&["ts"], "timestamp"),
        (&["dt"], "date"),
    ] {
        for name in names {
            manifest += &format!("[[table.column]]\nname = \"{name}\"\ntype = \"{data_type}\"\nrole = \"dimension\"\n");
            if data_type == "string" {
                manifest += "max_bytes = 40\n";
            }
        }
    }
    let policy = "kind = \"protected\"\npurpose = \"tests\"\napprovals = 1\n[privacy]\nepsilon_per_workspace = 9.0\n\
        epsilon_per_researcher = 9.0\nmax_epsilon_per_query = 2.0\ndefault_epsilon_per_query = 1.0\nmax_groups_contributed = 1\n\
        max_rows_per_group = 1\nminimum_group_size = 5\nselection_delta_share = 0.1\n";
    let manifest = Manifest::parse("p.toml", &manifest).unwrap_or_else(|e| panic!("{e:?}"));
    let table = CatalogTable {
        release: ReleaseId::generate(),
        kind: ReleaseKind::Protected,
        sql_name: TableName::new("t").unwrap(),
        table: manifest.tables()[0].clone(),
        population: Some(Population {
            id: PopulationId::generate(),
            name: PopulationName::new("people").unwrap(),
            declared_size: 10_000,
            delta_conversion: 1e-6,
            delta_selection: lyceum_privacy::Delta::round_down(1e-6),
            epsilon: 9.0,
        }),
        owner: OrganisationName::new("o").unwrap(),
        policy: Arc::new(Policy::parse("p.toml", policy).unwrap_or_else(|e| panic!("{e:?}"))),
        version: VersionId::generate(),
        own_schema: None,
        files: Vec::new(),
    };
    Catalog { workspace: WorkspaceName::new("w").unwrap(), tables: vec![Arc::new(table)] }
}

/// The rows, in one batch; the poisoned one has the most awkward value of every type.
fn rows(table: &CatalogTable, poisoned: bool) -> RecordBatch {
    let units: Vec<usize> = (1..=GOOD + usize::from(poisoned)).collect();
    let good = |u: usize| if u == POISON { None } else { Some(if u > POISON { u - 1 } else { u } as i64) };
    let good = |u: usize| if poisoned { good(u) } else { Some(u as i64) };
    let ints = |g: &dyn Fn(i64) -> i64, bad: i64| -> ArrayRef {
        Arc::new(units.iter().map(|u| Some(good(*u).map_or(bad, g))).collect::<Int64Array>())
    };
    let texts = |g: &dyn Fn(i64) -> String, bad: &str| -> ArrayRef {
        Arc::new(units.iter().map(|u| Some(good(*u).map_or(bad.to_owned(), g))).collect::<StringArray>())
    };
    let small = |g: &dyn Fn(i64) -> i32, bad: i32| -> ArrayRef {
        Arc::new(units.iter().map(|u| Some(good(*u).map_or(bad, g))).collect::<Int32Array>())
    };
    let schema = table.scan_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "__unit" => {
                Arc::new(units.iter().map(|u| Some(good(*u).map_or(u64::MAX, |g| g as u64))).collect::<UInt64Array>())
            }
            "id" => ints(&|g| g, -1),
            "l" => ints(&|g| g, i64::MIN),
            "n" => ints(&|g| g, 4_000_000_000),
            "ux" => ints(&|g| g % 10 + 1, 4_294_967_295),
            "x" => small(&|g| (g % 10 + 1) as i32, i32::MIN),
            "y" => small(&|g| (g % 7 + 1) as i32, 0),
            "f" => {
                Arc::new(units.iter().map(|u| Some(good(*u).map_or(f64::NAN, |g| g as f64))).collect::<Float64Array>())
            }
            "d" => Arc::new(
                units.iter().map(|u| Some(good(*u).map_or(f64::MAX, |g| g as f64 / 4.0))).collect::<Float64Array>(),
            ),
            "s" => texts(&|g| g.to_string(), "zzz"),
            "sd" => texts(&|_| "2020-01-01".to_owned(), "garbage"),
            "re" => texts(&|_| "a+".to_owned(), "((("),
            "hx" => texts(&|_| "abcd".to_owned(), "xy!"),
            "st" => texts(&|_| "ok".to_owned(), "ok"),
            "gr" => texts(&|_| "day".to_owned(), "nope"),
            "alg" => texts(&|_| "sha256".to_owned(), "md99"),
            "ts" => Arc::new(
                units
                    .iter()
                    .map(|u| Some(good(*u).map_or(i64::MAX, |g| g * 1_000_000)))
                    .collect::<TimestampMicrosecondArray>(),
            ),
            "dt" => {
                Arc::new(units.iter().map(|u| Some(good(*u).map_or(i32::MAX, |_| 18_262))).collect::<Date32Array>())
            }
            other => panic!("no rows for {other}"),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

/// The forms in which a line can stand below a barrier: rows are counted, sums and averages get bounds.
fn forms(line: &str) -> Vec<String> {
    if let Some(rest) = line.strip_prefix("SELECT id FROM ") {
        let rest = rest.trim_end_matches(" ORDER BY id");
        return vec![format!("SELECT id, COUNT(*) FROM {rest} GROUP BY id")];
    }
    for aggregate in ["SELECT sum(", "SELECT avg("] {
        if let Some((value, rest)) = line.strip_prefix(aggregate).and_then(|rest| rest.split_once(") ")) {
            let bounds = "contribution_bounds_per_row => (-1e6, 1e6)";
            return vec![line.to_owned(), format!("{aggregate}{value}, {bounds}) {rest}")];
        }
    }
    if line.starts_with("SELECT") || line.starts_with("WITH") {
        return vec![line.to_owned()];
    }
    vec![
        format!("SELECT id, ({line}) AS e, COUNT(*) FROM t GROUP BY id, e"),
        format!("SELECT id, SUM({line}, contribution_bounds_per_group => (-1e6, 1e6)) FROM t GROUP BY id"),
        format!("SELECT id, COUNT(*) FROM t WHERE {line} GROUP BY id"),
        format!("SELECT id, COUNT(*) FILTER (WHERE {line}) FROM t GROUP BY id"),
        format!("SELECT id, COUNT(*) FILTER (WHERE ({line}) IS NOT NULL) FROM t GROUP BY id"),
    ]
}

/// Runs a plan below the barrier; the rows of good units as text, sorted.
async fn run(plan: &LogicalPlan, batch: &RecordBatch) -> Vec<String> {
    let plan = plan.clone().transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        assert!(scan.source.downcast_ref::<CatalogSource>().is_some());
        scan.source = provider_as_source(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])?));
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    });
    let frame = SessionContext::new().execute_logical_plan(plan.unwrap().data).await.unwrap();
    let mut told = Vec::new();
    for batch in frame.collect().await.unwrap_or_else(|e| panic!("{e}")) {
        let units = batch.column(0).as_primitive::<UInt64Type>();
        for row in (0..batch.num_rows()).filter(|r| units.value(*r) != u64::MAX) {
            let cells = batch
                .columns()
                .iter()
                .map(|c| if c.is_null(row) { "NULL".to_owned() } else { array_value_to_string(c, row).unwrap() });
            told.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    told.sort();
    told
}

#[tokio::test]
async fn one_poisoned_row_changes_nothing_else() {
    let catalog = catalog();
    let (good, poisoned) = (rows(&catalog.tables[0], false), rows(&catalog.tables[0], true));
    let mut admitted = 0;
    for line in EXPRESSIONS.lines().filter(|l| !l.starts_with("--")) {
        let mut any = false;
        for sql in forms(line) {
            let certified = parse(&sql).and_then(|q| bind(q, &catalog, Micros(0))).and_then(certify);
            let Ok(Certified::Private(query)) = certified else { continue };
            any = true;
            for barrier in &query.barriers {
                let (a, b) = (run(&barrier.below, &good).await, run(&barrier.below, &poisoned).await);
                assert_eq!(a, b, "{sql}");
            }
        }
        admitted += usize::from(any);
    }
    assert_eq!(admitted, ADMITTED, "admitted lines");
}
