//! Units that are people in one month: which months a query is charged for, and that no other month matters to it.

use crate::sample::table;
use crate::world::Pays;
use arrow::array::{ArrayRef, Date32Array, Int64Array, TimestampMicrosecondArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::catalog::Catalog;
use lyceum_query::charge::charge;
use lyceum_query::derive::Stored;
use lyceum_query::engine::{Engine, EngineConfig, PreparedQuery};
use lyceum_query::error::QueryError;
use lyceum_query::finish::finish;
use lyceum_query::layout::{InputFailed, LayoutOptions, stored_schema, write_table};
use lyceum_query::price::PricedQuery;
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::epoch::{Epoch, Epochs, Every, MICROS_PER_DAY};
use lyceum_schema::manifest::{Manifest, Table};
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::state::ReleaseKind;
use lyceum_schema::time::Micros;
use object_store::memory::InMemory;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn table_text(name: &str, every: &str, population: &str, time: &str) -> String {
    format!(
        "[[table]]\nname = \"{name}\"\n\
         privacy_unit = {{ column = \"user_id\", epoch = {{ column = \"at\", every = \"{every}\" }} }}\n\
         population = \"{population}\"\nmax_rows_per_unit = 30\nexpected_rows = 2000\n\
         [[table.column]]\nname = \"user_id\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n\
         [[table.column]]\nname = \"at\"\n{time}\nrole = \"time\"\n\
         [[table.column]]\nname = \"n\"\ntype = \"int64\"\nrole = \"measure\"\nbounds = [0, 9]\n"
    )
}

fn manifest() -> Manifest {
    let stamp = "type = \"timestamp\"\nbounds = [2026-01-01T00:00:00Z, 2026-12-31T23:59:59.999999Z]";
    let date = "type = \"date\"\nbounds = [2026-02-01, 2026-09-30]";
    let long = "type = \"date\"\nbounds = [2020-01-01, 2026-12-31]";
    let head =
        "[dataset]\nname = \"d\"\ntitle = \"D\"\nversion = \"1\"\nowner = \"shop\"\nlicence = \"l\"\nsource = \"s\"\n";
    let tables = [
        table_text("events", "month", "months", stamp),
        table_text("visits", "month", "months", date),
        table_text("days", "day", "days", long),
    ];
    Manifest::parse("m.toml", &format!("{head}{}", tables.concat())).unwrap_or_else(|e| panic!("{e:?}"))
}

struct World {
    engine: Engine,
    catalog: Catalog,
}

impl World {
    /// 20 people with a row on the 15th of every month of 2026, except where `left_out` says so.
    async fn without(left_out: impl Fn(&str) -> bool) -> Self {
        let store = Arc::new(InMemory::new());
        let manifest = manifest();
        let mut tables = Vec::new();
        for declared in manifest.tables() {
            let spill = tempfile::tempdir().unwrap();
            let options = LayoutOptions {
                prefix: Path::from(declared.name().as_str()),
                memory_bytes: 16 << 20,
                spill_directory: spill.path().to_owned(),
                sample_key: [3; 16],
            };
            let rows = futures::stream::iter([Ok::<_, InputFailed>(rows(declared, &left_out))]);
            let files = write_table(declared, rows, store.clone(), &options).await.unwrap().files;
            tables.push(table(declared, ReleaseKind::Protected, files));
        }
        let config = EngineConfig {
            time_grid: Duration::from_millis(1),
            time_base: Duration::from_millis(1),
            time_per_row: Duration::ZERO,
            ..EngineConfig::default()
        };
        let catalog = Catalog { workspace: WorkspaceName::new("study").unwrap(), tables };
        Self { engine: Engine::new(config, store, Arc::new(ZeroNoise)), catalog }
    }

    async fn price(&self, sql: &str) -> Result<PricedQuery, QueryError> {
        let now = Micros("2026-06-10".parse::<Epoch>().unwrap().first_day() * MICROS_PER_DAY);
        match self.engine.prepare(sql, &self.catalog, now).await?.query {
            PreparedQuery::Private(priced) => Ok(*priced),
            PreparedQuery::Public(_) => panic!("not private"),
        }
    }

    async fn epochs(&self, sql: &str) -> Epochs {
        let priced = self.price(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        priced.sources().iter().fold(Epochs::NONE, |all, s| all.union(&s.epochs).unwrap())
    }

    async fn answer(&self, sql: &str) -> String {
        let Ok(charged) = charge(self.price(sql).await.unwrap(), &Pays).await else { panic!("not paid") };
        let (groups, above, _) = self.engine.answer(charged).await.unwrap_or_else(|e| panic!("{e}"));
        let answer = finish(above, &groups).await.unwrap_or_else(|e| panic!("{e}"));
        format!("{:?}", answer.batch.columns())
    }
}

fn rows(table: &Table, left_out: impl Fn(&str) -> bool) -> RecordBatch {
    let span = table.epoch().unwrap().span();
    let mut all = Vec::new();
    for month in 0..12_i64 {
        let day = Every::Month.of_day(20_454).unwrap().first_day() + month * 31 - month / 2 + 14;
        let epoch = Every::Month.of_day(day).unwrap();
        let of_table = span.first().every().of_day(day).unwrap();
        if left_out(&epoch.to_string()) || of_table < span.first() || of_table > span.last() {
            continue;
        }
        // The unit's id stands for the person and the month.
        all.extend(
            (0..20_u64)
                .map(|person| ((person * 12 + month as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), day, month % 10)),
        );
    }
    let time: ArrayRef = if table.name().as_str() == "events" {
        Arc::new(TimestampMicrosecondArray::from_iter_values(all.iter().map(|r| r.1 * MICROS_PER_DAY + 5)))
    } else {
        Arc::new(Date32Array::from_iter_values(all.iter().map(|r| r.1 as i32)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(all.iter().map(|r| r.0))),
        time,
        Arc::new(Int64Array::from_iter_values(all.iter().map(|r| r.2))),
    ];
    RecordBatch::try_new(stored_schema(table), columns).unwrap()
}

/// What follows FROM events, and the months that are charged.
const CASES: &[(&str, &str)] = &[
    ("", "12 months: 2026-01 … 2026-12"),
    ("WHERE at >= '2026-03-01' AND at < '2026-06-01'", "3 months: 2026-03 … 2026-05"),
    (
        "WHERE at >= TIMESTAMP '2026-03-10 12:00:00' AND at <= TIMESTAMP '2026-05-01 00:00:00'",
        "3 months: 2026-03 … 2026-05",
    ),
    ("WHERE '2026-11-01' <= at", "2 months: 2026-11, 2026-12"),
    ("WHERE at BETWEEN '2026-03-10' AND '2026-03-11'", "1 month: 2026-03"),
    ("WHERE CAST(at AS DATE) BETWEEN DATE '2026-03-10' AND DATE '2026-04-30'", "2 months: 2026-03, 2026-04"),
    ("WHERE CAST(at AS DATE) = DATE '2026-04-30'", "1 month: 2026-04"),
    ("WHERE at < DATE '2026-03-01'", "2 months: 2026-01, 2026-02"),
    ("WHERE date_trunc('month', at) = '2026-04-01'", "1 month: 2026-04"),
    ("WHERE date_trunc('month', at) <= '2026-02-01'", "2 months: 2026-01, 2026-02"),
    ("WHERE at > now() - INTERVAL '40 days' AND at <= now()", "2 months: 2026-05, 2026-06"),
    ("WHERE n > 3 AND at >= '2026-12-01'", "1 month: 2026-12"),
    ("WHERE at >= '2026-05-01' AND (n = 1 OR at < '2026-06-01')", "8 months: 2026-05 … 2026-12"),
    (
        "WHERE (at >= '2026-03-01' AND at < '2026-04-01') OR (at >= '2026-05-01' AND at < '2026-06-01')",
        "3 months: 2026-03 … 2026-05",
    ),
    // Those that only look narrow.
    ("WHERE at >= '2026-03-01' AND at < '2026-04-01' OR true", "12 months: 2026-01 … 2026-12"),
    ("WHERE at < '2026-02-01' OR n = 4", "12 months: 2026-01 … 2026-12"),
    ("WHERE NOT (at >= '2026-02-01' AND at < '2026-04-01')", "12 months: 2026-01 … 2026-12"),
    ("WHERE CASE WHEN n >= 0 THEN true ELSE at < '2026-02-01' END", "12 months: 2026-01 … 2026-12"),
    (
        "WHERE CASE WHEN at < '2026-02-01' THEN at ELSE TIMESTAMP '2026-01-05' END < '2026-02-01'",
        "12 months: 2026-01 … 2026-12",
    ),
    ("WHERE at IS NOT NULL AND (at < '2026-02-01') IS NOT NULL", "12 months: 2026-01 … 2026-12"),
    ("WHERE (at < '2026-02-01') = (n < 0)", "12 months: 2026-01 … 2026-12"),
    ("WHERE at <> '2026-02-01'", "12 months: 2026-01 … 2026-12"),
    ("WHERE n BETWEEN 0 AND 1", "12 months: 2026-01 … 2026-12"),
];

#[tokio::test]
async fn what_a_predicate_can_touch_is_charged_and_nothing_else_matters() {
    let whole = World::without(|_| false).await;
    for (rest, expected) in CASES {
        let sql = format!("SELECT COUNT(*), SUM(n), COUNT(DISTINCT user_id) FROM events {rest}");
        let epochs = whole.epochs(&sql).await;
        assert_eq!(epochs.to_string(), *expected, "{sql}");
        // The other months' units might as well not be there: no loss for them, hence no charge.
        let charged: Vec<String> = epochs.iter().map(|e| e.to_string()).collect();
        let rest = World::without(|month| !charged.iter().any(|c| c == month)).await;
        assert_eq!(whole.answer(&sql).await, rest.answer(&sql).await, "{sql}");
    }
}

#[tokio::test]
async fn nested_queries_and_joins_are_followed() {
    let world = World::without(|_| false).await;
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM (SELECT at AS t, n FROM events) q WHERE t < '2026-03-01'", "2 months: 2026-01, 2026-02"),
        (
            "SELECT COUNT(*) FROM (SELECT CAST(at AS DATE) AS d FROM events) q WHERE d >= '2026-11-30'",
            "2 months: 2026-11, 2026-12",
        ),
        (
            "SELECT SUM(k) FROM (SELECT user_id, COUNT(*) AS k FROM events WHERE at < '2026-02-01' GROUP BY user_id) q",
            "1 month: 2026-01",
        ),
        // A condition on a person's first row is not one on every row.
        (
            "SELECT COUNT(*) FROM (SELECT at, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at) AS r FROM events) q WHERE at < '2026-02-01' AND r = 1",
            "12 months: 2026-01 … 2026-12",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT user_id, at FROM events WHERE at < '2026-02-01' UNION ALL SELECT user_id, at FROM events WHERE at >= '2026-12-01') q",
            "2 months: 2026-01, 2026-12",
        ),
        // visits begin in February and end in September: a person in March is only ever joined with herself in March.
        ("SELECT COUNT(*) FROM events e JOIN visits v ON e.user_id = v.user_id", "8 months: 2026-02 … 2026-09"),
        (
            "SELECT COUNT(*) FROM events e JOIN visits v ON e.user_id = v.user_id WHERE v.at < '2026-04-01'",
            "2 months: 2026-02, 2026-03",
        ),
        (
            "SELECT COUNT(*) FROM events e LEFT JOIN visits v ON e.user_id = v.user_id WHERE e.at < '2026-03-01'",
            "2 months: 2026-01, 2026-02",
        ),
        ("SELECT COUNT(*) FROM events e LEFT JOIN visits v ON e.user_id = v.user_id", "12 months: 2026-01 … 2026-12"),
        (
            "WITH a AS (SELECT COUNT(*) AS x FROM events WHERE at < '2026-02-01'), b AS (SELECT COUNT(*) AS y FROM events WHERE at >= '2026-12-01') SELECT x - y FROM a CROSS JOIN b",
            "2 months: 2026-01, 2026-12",
        ),
        ("SELECT COUNT(*) FILTER (WHERE at < '2026-02-01') FROM events", "12 months: 2026-01 … 2026-12"),
    ] {
        assert_eq!(world.epochs(sql).await.to_string(), expected, "{sql}");
    }
}

#[tokio::test]
async fn too_many_epochs_or_none_are_refused_before_anything_is_paid() {
    let world = World::without(|_| false).await;
    let refused = async |sql: &str| match world.price(sql).await {
        Err(e) => e.to_string(),
        Ok(_) => panic!("{sql} has a price"),
    };
    let all = refused("SELECT COUNT(*) FROM days").await;
    assert!(all.contains("2557 days: 2020-01-01 … 2026-12-31") && all.contains("WHERE at >= …"), "{all}");
    assert_eq!(
        world.epochs("SELECT COUNT(*) FROM days WHERE at BETWEEN '2025-01-01' AND '2026-02-04'").await.count(),
        400
    );
    let more = refused("SELECT COUNT(*) FROM days WHERE at BETWEEN '2025-01-01' AND '2026-02-05'").await;
    assert!(more.contains("401 days"), "{more}");
    let none = refused("SELECT COUNT(*) FROM events WHERE at > '2030-01-01'").await;
    assert!(none.contains("no epoch is left"), "{none}");
    let none = refused("SELECT COUNT(*) FROM events WHERE at < '2026-03-01' AND at > '2026-03-01'").await;
    assert!(none.contains("no epoch is left"), "{none}");
}

/// Answers as they are stored, to derive others from.
#[derive(Default)]
struct Paid {
    groups: Vec<ReleasedGroups>,
    stored: Vec<Stored<usize>>,
}

impl Paid {
    async fn ask(&mut self, world: &World, sql: &str) {
        let priced = world.price(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        for (barrier, described) in priced.descriptors().enumerate() {
            let (family, descriptor) = described.unwrap();
            self.stored.push(Stored { answer: self.groups.len(), barrier, family, descriptor: descriptor.clone() });
        }
        let Ok(charged) = charge(priced, &Pays).await else { panic!("not paid") };
        let (groups, _, _) = world.engine.answer(charged).await.unwrap_or_else(|e| panic!("{e}"));
        self.groups.push(groups);
    }

    /// The answer that follows from the stored ones, if one does.
    async fn derive(&self, world: &World, sql: &str) -> Option<String> {
        let priced = world.price(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let (above, groups) = priced.derive(&self.stored)?.assemble(|&a| self.groups.get(a).cloned()).unwrap();
        Some(format!("{:?}", finish(above, &groups).await.unwrap_or_else(|e| panic!("{e}")).batch.columns()))
    }
}

#[tokio::test]
async fn an_answer_serves_its_own_months_and_no_others() {
    const SPRING: &str = "WHERE at >= '2026-03-01' AND at < '2026-06-01'";
    let world = World::without(|_| false).await;
    let mut paid = Paid::default();
    paid.ask(&world, &format!("SELECT n, COUNT(*) AS c, SUM(n) AS s FROM events {SPRING} GROUP BY n")).await;
    let total = format!("SELECT COUNT(*) AS c, SUM(n) AS s FROM events {SPRING}");
    assert_eq!(paid.derive(&world, &total).await, Some(world.answer(&total).await));
    // Fewer, more and other months are other rows; each is asked of the ledger again.
    for months in [
        "WHERE at >= '2026-03-01' AND at < '2026-04-01'",
        "WHERE at >= '2026-03-01' AND at < '2026-07-01'",
        "WHERE at >= '2026-02-01' AND at < '2026-05-01'",
        "WHERE at >= '2026-09-01' AND at < '2026-12-01'",
        "",
    ] {
        for select in ["SELECT COUNT(*) AS c FROM events", "SELECT SUM(n) AS s FROM events"] {
            let sql = format!("{select} {months}");
            assert_eq!(paid.derive(&world, &sql).await, None, "{sql}");
        }
    }
    // Months that are a key of the answer can be taken from it one by one: they were paid for, all twelve.
    paid.ask(&world, "SELECT EXTRACT(month FROM at) AS m, COUNT(*) AS c FROM events GROUP BY m").await;
    let march = "SELECT COUNT(*) AS c FROM events WHERE EXTRACT(month FROM at) = 3";
    assert_eq!(world.epochs(march).await.count(), 12);
    assert_eq!(paid.derive(&world, march).await, Some(world.answer(march).await));
}
