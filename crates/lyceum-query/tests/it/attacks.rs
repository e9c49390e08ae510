//! Published attacks on private query engines, and new ones, each as a test with its SQL: refused with a code before
//! anything is charged, or harmless for the reason asserted. Those about neighbouring tables are in `replay`.
//!
//! Where each of the known attacks is met (here, in `refused`, or in the file named):
//!
//! | attack | test |
//! |---|---|
//! | low bits of float noise, sums of samples | `sums_are_on_their_grid` |
//! | order and rounding of float sums | `exact_sums_depend_on_no_order` |
//! | integers that wrap | `sums_that_could_overflow`; `faults`: `WrappingAdd` |
//! | NaN and ±∞ | `no_row_makes_a_charged_query_fail`; `replay`: all |
//! | thresholds off by one | `faults`: `ThresholdLow`; lyceum-privacy `selection` |
//! | wrong constants of conversion | lyceum-privacy `accounting`, the comparison with peers |
//! | one row that makes a query fail | `no_row_makes_a_charged_query_fail`, `array_index`, `formats_from_rows`, `scalar_subqueries` |
//! | charge after the run, refunds | `faults`: `NeverCharged`; `line`: `an_unpaid_query_comes_back_and_reads_nothing` |
//! | time | `line`: `a_failure_after_the_charge_says_nothing_and_leaves_on_the_grid`; `faults`: `TimeFromRows` |
//! | memory and size | `long_texts_from_rows`, `rows_from_nothing`, `texts_that_grow_above_or_on_public_rows_are_refused` |
//! | metrics, plans, row counts | `metrics_and_row_counts_are_never_shown`, `metadata`, `unknown_schemas` |
//! | averaging over equal questions | `equal_questions_get_new_noise_only_for_new_charges`; `certify`: `equal_questions_have_equal_texts_whatever_is_done_above` |
//! | differencing with and without a person | `the_unit_in_conditions`, `the_unit_computed_with` |
//! | several accounts, parallel charges, crashes | lyceum-store `ledger`, `simulation`, `crash` |
//! | aggregates that are charged too little | `every_noisy_number_is_in_the_price`; `faults`: `CountSharedOverNulls`, `SecondReleaseFree` |
//! | which keys exist | `values_that_occur`, `float_keys`, `a_group_of_k_is_never_shown_for_sure` |
//! | empty listed groups | `listed_groups_are_there_when_nobody_is`; `faults`: `EmptyGroupsDropped` |
//! | a filter at k without noise | `a_group_of_k_is_never_shown_for_sure`; `faults`: `GroupSizeLow` |
//! | NULL units, phantom units | `null_units`, `phantom_units`; `faults`: `NullUnitKept` |
//! | NULL values counted alike | `faults`: `CountSharedOverNulls`, `CountSharedOverFilters` |
//! | order of rows and groups | `line`: `exact_groups_do_not_depend_on_partitions_or_row_order` |
//! | LIMIT, OFFSET, first rows below | `limits_below`, `rows_that_make_room` |
//! | windows and groups over several persons | `windows_over_persons`, `windows_over_everybody`, `values_that_occur` |
//! | subqueries over private rows | `scalar_subqueries`, `in_and_exists`, `in_and_exists_without_the_unit` |
//! | bounds of what was redefined | `bounds_of_a_redefined_column`, `bounds_through_subqueries` |
//! | fan-out of joins | `fan_out`, `fan_out_within_a_person`; `faults`: `JoinWithoutUnit` |
//! | set operations | `set_operations_without_the_unit`, `set_operations_that_shift_the_unit` |
//! | extremes, lists, sketches | `unbounded_aggregates`, `extremes_of_the_unit` |
//! | volatile functions, noise drawn twice | `volatile_functions`, `a_number_that_stands_twice_is_drawn_once` |
//! | optimizers and statistics | `layout`: `the_planner_sees_no_statistics_and_plans_don_t_depend_on_rows` |
//! | parameters from data | `bounds_that_are_no_numbers`; `faults`: `RowsInCertificate`, `TimeFromRows` |
//! | the unit as a value | `the_unit_as_a_key`, `the_unit_hashed`, `the_unit_as_output`, `the_unit_through_a_window` |

pub(crate) mod refused;
pub(crate) mod shop;
pub(crate) mod town;

use crate::sample::{catalog, certified_in};
use crate::world::Pays;
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::answer::Answer;
use lyceum_query::certify::Certified;
use lyceum_query::charge::charge;
use lyceum_query::engine::PreparedQuery;
use lyceum_query::finish::finish;
use lyceum_query::price::PricedQuery;
use lyceum_schema::time::Micros;
use refused::met;
use shop::{Event, Shop, ShowAll, awkward, ordinary};

#[test]
fn long_literals_and_patterns_are_refused() {
    let x = |n: usize| "x".repeat(n);
    for sql in [
        format!("SELECT COUNT(*) FROM orders WHERE city = '{}'", x(5_000)),
        format!("SELECT COUNT(*) FROM orders WHERE city LIKE '%{}y'", x(1_000)),
        format!("SELECT COUNT(*) FROM orders WHERE {}", vec![format!("city || '{}' = 'x'", x(4_000)); 20].join(" OR ")),
    ] {
        assert_eq!(met(&sql), "E2101", "{}", &sql[..80]);
    }
    // Sixty long matches: the time would tell whether there is a row that they are made for.
    let slow = format!(
        "CASE WHEN city = 'Ghent' THEN {} ELSE false END",
        vec![format!("c LIKE '%{}y'", x(200)); 60].join(" OR ")
    );
    let slow = format!("SELECT COUNT(*) FROM (SELECT city, city || '{}' AS c FROM orders) q WHERE {slow}", x(4_000));
    assert_eq!(met(&slow), "E2101");
    let trimmed =
        format!("SELECT COUNT(*) FROM (SELECT city || '{0}' AS c FROM orders) q WHERE btrim(c, '{0}') = 'y'", x(4_000));
    assert_eq!(met(&trimmed), "E2101");
    assert_eq!(met("SELECT COUNT(*) FROM orders WHERE lower(city) LIKE '%x%' OR city || segment = 'x'"), "private");
}

#[test]
fn texts_that_grow_above_or_on_public_rows_are_refused() {
    let doubled =
        |n: usize, from: &str| (0..n).fold(from.to_owned(), |q, _| format!("SELECT concat(x, x) AS x FROM ({q}) q"));
    let piped =
        |n: usize, from: &str| (0..n).fold(from.to_owned(), |q, _| format!("SELECT x || '-' || x AS x FROM ({q}) q"));
    for from in [
        "SELECT city AS x FROM mock.orders",
        "SELECT segment AS x FROM (SELECT segment, COUNT(*) FROM orders GROUP BY segment) q",
    ] {
        assert_eq!(met(&doubled(30, from)), "E2101");
        assert_eq!(met(&piped(30, from)), "E2101");
        assert!(["public", "private"].contains(&met(&doubled(3, from))));
    }
    let joined =
        "SELECT string_agg(x, ',') AS x FROM (SELECT string_agg(city, ',') AS x FROM mock.orders) q, mock.orders";
    assert_eq!(met(joined), "E2101");
    assert_eq!(met("SELECT 'all: ' || string_agg(city, ',') AS x FROM mock.orders"), "public");
    assert_eq!(met(&format!("SELECT '{}' || city FROM mock.orders", "x".repeat(5_000))), "E2101");
}

#[test]
fn long_lists_are_certified_in_little_time() {
    let list = (0..1_000).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let sums = (0..60).map(|i| format!("SUM(((s + {i}) * 3 - 1) % 900 + s)")).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {sums} FROM (SELECT CAST(score AS BIGINT) AS s FROM orders) q WHERE s IN ({list})");
    let started = std::time::Instant::now();
    assert_eq!(met(&sql), "private");
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn ctes_that_multiply_are_refused() {
    let ctes =
        |n: usize| (1..=n).map(|i| format!(", q{i} AS (SELECT a.n FROM q{0} a, q{0} b)", i - 1)).collect::<String>();
    let sql = |n: usize| format!("WITH q0 AS (SELECT COUNT(*) AS n FROM orders){} SELECT n FROM q{n}", ctes(n));
    assert_eq!(met(&sql(5)), "private");
    assert_eq!(met(&sql(7)), "E2101");
    assert_eq!(met(&sql(60)), "E2101");
    let nested =
        (0..30).fold("SELECT 1 AS n".to_owned(), |q, i| format!("WITH c{i} AS ({q}) SELECT a.n FROM c{i} a, c{i} b"));
    assert_eq!(met(&nested), "E2101");
}

#[test]
fn more_numbers_than_can_be_held_are_refused() {
    let counts =
        |n: usize| (0..n).map(|i| format!("COUNT(*) FILTER (WHERE score > {i})")).collect::<Vec<_>>().join(", ");
    let sql = |n: usize| {
        format!("SELECT items, EXTRACT(month FROM at) AS m, {} FROM orders GROUP BY items, m, segment, vip", counts(n))
    };
    assert_eq!(met(&sql(2)), "private");
    assert_eq!(met(&sql(600)), "E2117");
}

#[test]
fn different_questions_have_different_keys() {
    let catalog = catalog();
    let release = catalog.tables[0].release;
    let canonical =
        |condition: &str| match certified_in(&catalog, &format!("SELECT COUNT(*) FROM orders WHERE {condition}")) {
            Ok(Certified::Private(query)) => query.canonical(),
            Ok(Certified::Public(_)) => panic!("not private: {condition}"),
            Err(e) => panic!("{condition}: {e}"),
        };
    // Texts that imitate what a plan looks like.
    let imitation = format!("city = 'a\") OR {release}.orders.city = Utf8(\"b'");
    for (one, other) in [
        ("city = 'a' OR city = 'b'", imitation.as_str()),
        ("city IN ('a', 'b')", "city IN ('a\"), Utf8(\"b')"),
        ("lower(city) = 'a'", "upper(city) = 'a'"),
        ("vip AND (items > 3) IS NULL", "(vip AND items > 3) IS NULL"),
        ("vip < ((items > 3) < (items > 4))", "(vip < (items > 3)) < (items > 4)"),
        ("(NOT vip) < (items > 3)", "NOT (vip < (items > 3))"),
        ("vip = ((items > 3) IS NOT NULL)", "(vip = (items > 3)) IS NOT NULL"),
        ("CAST(items AS DOUBLE) > 1.5", "CAST(CAST(items AS VARCHAR) AS DOUBLE) > 1.5"),
        ("score > 1", "score > 1.0000000000000002"),
        ("city = 'a'", "city = 'A'"),
        ("city = ''", "city IS NULL"),
        ("city = 'a'", "segment = 'a'"),
        ("(score > 1) = (items > 1 OR vip)", "((score > 1) = (items > 1)) OR vip"),
    ] {
        assert_ne!(canonical(one), canonical(other), "{one} — {other}");
    }
}

async fn priced<N: lyceum_privacy::mechanism::NoiseSource + 'static>(shop: &Shop<N>, sql: &str) -> PricedQuery {
    match shop.engine.prepare(sql, &shop.catalog, Micros(0)).await.unwrap_or_else(|e| panic!("{sql}: {e}")).query {
        PreparedQuery::Private(priced) => *priced,
        PreparedQuery::Public(_) => panic!("not private: {sql}"),
    }
}

async fn answer<N: lyceum_privacy::mechanism::NoiseSource + 'static>(shop: &Shop<N>, sql: &str) -> Answer {
    let Ok(charged) = charge(priced(shop, sql).await, &Pays).await else { panic!("not paid") };
    let (groups, above, _) = shop.engine.answer(charged).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    finish(above, &groups).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn all_together() -> Vec<Event> {
    let awkward = awkward()
        .into_iter()
        .enumerate()
        .flat_map(|(i, (_, rows))| rows.into_iter().map(move |e| Event { unit: 1_000_000 + i as u64, ..e }));
    ordinary().into_iter().chain(awkward).collect()
}

#[tokio::test]
async fn no_row_makes_a_charged_query_fail() {
    let shop = Shop::new(&all_together(), 2, ZeroNoise).await;
    for condition in [
        "1 / (CASE WHEN city = 'nowhere else' THEN 0 ELSE 1 END) = 1",
        "CAST(CASE WHEN city = 'nowhere else' THEN 'z' ELSE '1' END AS INT) = 1",
        "clicks % (clicks - clicks) = 0 OR n / (n - n) > 0",
        "n * n > 0 AND n + n > 0 AND -n > 0 AND abs(n) > 0 AND n - 1 > 0",
        "CAST(n AS INT) > 0 OR CAST(score AS BIGINT) > 0 OR CAST(score AS SMALLINT) > 0 OR CAST(note AS DATE) IS NULL",
        "CAST(note AS TIMESTAMP) IS NULL OR CAST(at AS DATE) > day OR CAST(day AS TIMESTAMP) > at",
        "at + INTERVAL '100000 years' > at OR day + INTERVAL '1 month' > day OR day - INTERVAL '9999 days' < day",
        "sqrt(score) > 0 OR ln(score) > 0 OR exp(score) > 0 OR power(score, score) > 0 OR log(score, spend) > 0",
        "substr(note, clicks, n) = 'x' OR left(note, clicks) = 'x' OR right(note, -clicks) = 'x'",
        "strpos(note, city) > 0 OR reverse(note) LIKE '%\\\\%' OR note ILIKE 'É%' OR length(note) > n",
        "date_trunc('week', at) > at OR EXTRACT(epoch FROM at) > 0 OR date_trunc('year', day) = day OR EXTRACT(doy FROM day) > 3",
        "round(score, 400) > 0 OR trunc(score, -400) > 0 OR score % 0.0 > 0 OR score / 0.0 > 0",
        "CAST(score AS VARCHAR) = 'NaN' OR CAST(at AS VARCHAR) = 'x' OR CAST(day AS VARCHAR) = 'x'",
        "score IN (1, n, clicks) OR note IN (city, 'x') OR nullif(score, spend) > 0 OR greatest(n, clicks) > 0",
    ] {
        let answer =
            answer(&shop, &format!("SELECT COUNT(*), SUM(spend), AVG(clicks) FROM events WHERE {condition}")).await;
        assert_eq!(answer.batch.num_rows(), 1, "{condition}");
    }
}

#[tokio::test]
async fn exact_sums_depend_on_no_order() {
    let (sql, rows) =
        ("SELECT SUM(score, contribution_bounds_per_row => (-1e16, 1e16)), AVG(spend) FROM events", all_together());
    let mut shuffled = rows.clone();
    shuffled.sort_by_key(|e| (e.note.clone(), e.unit.reverse_bits(), e.clicks));
    let mut seen = Vec::new();
    for (rows, partitions) in [(&rows, 1), (&shuffled, 4)] {
        let shop = Shop::new(rows, partitions, ZeroNoise).await;
        answer(&shop, sql).await;
        seen.push(shop.noise.take().into_iter().map(|r| r.exact).collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
}

/// Noisy sums are whole numbers of steps of a power of two, so that low bits tell nothing about what was summed
/// (Mironov 2012; Haney and others 2022).
#[tokio::test]
async fn sums_are_on_their_grid() {
    let shop = Shop::new(&all_together(), 2, lyceum_privacy::testing::SeededNoise { seed: 11 }).await;
    for sum in ["SUM(spend)", "SUM(spend / 3)", "SUM(score, contribution_bounds_per_row => (0, 2.7))"] {
        let sums = answer(&shop, &format!("SELECT segment, {sum} AS s FROM events GROUP BY segment")).await;
        for v in sums.batch.column(1).as_primitive::<arrow::datatypes::Float64Type>().iter().flatten() {
            // The finest grid has 30 bits below the bound, and no bound here is below 1.
            assert_eq!((v * 2f64.powi(30)).fract(), 0.0, "{sum} gives {v}");
        }
    }
}

#[test]
fn metrics_and_row_counts_are_never_shown() {
    for sql in [
        "EXPLAIN ANALYZE SELECT COUNT(*) FROM orders",
        "EXPLAIN VERBOSE SELECT COUNT(*) FROM orders",
        "SHOW TABLES",
        "SHOW ALL",
        "DESCRIBE orders",
        "ANALYZE TABLE orders",
        "COPY (SELECT * FROM orders) TO 'orders.csv'",
    ] {
        assert!(met(sql).starts_with("E2"), "{sql}: {}", met(sql));
    }
}

#[tokio::test]
async fn listed_groups_are_there_when_nobody_is() {
    let shop = Shop::new(&ordinary(), 1, ZeroNoise).await;
    let answer =
        answer(&shop, "SELECT segment, COUNT(*) AS n FROM events WHERE clicks > 1000000 GROUP BY segment").await;
    let segments = answer.batch.column(0).as_string::<i32>();
    assert_eq!(segments.iter().flatten().collect::<Vec<_>>(), ["a", "b", "c", "nobody"]);
    assert!(answer.batch.column(1).as_primitive::<Int64Type>().values().iter().all(|n| *n == 0));
}

#[tokio::test]
async fn a_group_of_k_is_never_shown_for_sure() {
    // Four people at the edge and a fifth: k. Without noise, and with so much that all candidates pass.
    let all: Vec<Event> = ordinary().into_iter().chain(awkward().remove(4).1).collect();
    let sql = "SELECT city, COUNT(*) FROM events GROUP BY city";
    let cities = |answer: &Answer| {
        answer.batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    let shown = cities(&answer(&Shop::new(&all, 1, ZeroNoise).await, sql).await);
    assert!(!shown.contains(&"edge".to_owned()), "raw k is not enough, noisy τ decides");
    let candidates = cities(&answer(&Shop::new(&all, 1, ShowAll).await, sql).await);
    assert!(candidates.contains(&"edge".to_owned()));
    let below = cities(&answer(&Shop::new(&ordinary(), 1, ShowAll).await, sql).await);
    assert!(!below.contains(&"edge".to_owned()), "below k no noise shows a group");
}

#[tokio::test]
async fn every_noisy_number_is_in_the_price() {
    let shop = Shop::new(&ordinary(), 1, ZeroNoise).await;
    for (aggregates, mechanisms) in [
        ("COUNT(*)", 1),
        ("COUNT(*), COUNT(1), COUNT(user_id), COUNT(segment)", 1),
        ("COUNT(*), COUNT(note)", 2),
        ("COUNT(note), COUNT(score)", 2),
        ("COUNT(*), COUNT(*) FILTER (WHERE vip)", 2),
        ("COUNT(*), COUNT(DISTINCT user_id)", 2),
        ("AVG(spend)", 2),
        ("AVG(spend), SUM(spend)", 3),
        ("AVG(spend), AVG(clicks)", 4),
        (
            "SUM(clicks, contribution_bounds_per_group => (0, 9)), SUM(clicks, contribution_bounds_per_group => (0, 8))",
            2,
        ),
    ] {
        let priced = priced(&shop, &format!("SELECT {aggregates} FROM events")).await;
        let explained = priced.explain();
        assert_eq!(explained.mechanisms.len(), mechanisms, "{aggregates}");
        let paid: u64 = explained.mechanisms.iter().map(|m| m.rho.0).sum();
        assert_eq!(paid, priced.price().rho.0);
    }
    // Undeclared keys: the sum, the number of units that selects, and the total of the other row.
    let priced = priced(&shop, "SELECT city, SUM(clicks) FROM events GROUP BY city").await;
    assert_eq!(priced.explain().mechanisms.len(), 3);
    assert!(priced.price().delta.0 > 0);
}

#[tokio::test]
async fn a_number_that_stands_twice_is_drawn_once() {
    let shop = Shop::new(&ordinary(), 1, lyceum_privacy::testing::SeededNoise { seed: 3 }).await;
    let sql = "WITH q AS (SELECT segment, COUNT(*) AS n FROM events GROUP BY segment) \
        SELECT a.n AS x, b.n AS y FROM q a JOIN q b ON a.segment = b.segment UNION ALL SELECT n, n + 0 FROM q";
    let answer = answer(&shop, sql).await;
    assert_eq!(shop.noise.take().len(), 1);
    let column = |i: usize| answer.batch.column(i).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!((column(0).len(), column(0)), (8, column(1)));
}

#[tokio::test]
async fn equal_questions_get_new_noise_only_for_new_charges() {
    let shop = Shop::new(&ordinary(), 1, lyceum_privacy::testing::SeededNoise { seed: 3 }).await;
    let sql = "SELECT COUNT(*) FROM events";
    assert_eq!(priced(&shop, sql).await.request_key(), priced(&shop, sql).await.request_key());
    let first = answer(&shop, sql).await.batch;
    let mut others = 0;
    // Two draws are equal by chance about once in a hundred.
    for _ in 0..5 {
        others += usize::from(answer(&shop, sql).await.batch != first);
    }
    assert!(others > 2, "noise is of the charge, not of the question");
}

#[tokio::test]
async fn limits_above_only_cut_what_is_released() {
    let shop = Shop::new(&ordinary(), 1, ZeroNoise).await;
    let none = answer(&shop, "SELECT segment, COUNT(*) FROM events GROUP BY segment LIMIT 0").await;
    assert_eq!(none.batch.num_rows(), 0);
    assert_eq!(shop.noise.take()[0].exact.len(), 4, "all groups were released");
    let same = answer(&shop, "SELECT COUNT(*) AS a, COUNT(*) AS b, COUNT(*) * 1 AS \"A\" FROM events").await;
    assert_eq!((same.batch.num_columns(), shop.noise.take().len()), (3, 1));
}

/// What certification claims to know of an expression: a list of values (else rows would be in no group), bounds (else
/// they would be clamped), whether NULL is possible (else NULLs would be counted). Wrong claims cost no privacy, since
/// the barrier enforces its bounds whatever comes, but they would make answers wrong.
#[tokio::test]
async fn claims_about_expressions_hold_for_awkward_rows() {
    // At most three rows of each person: nobody is clipped.
    let awkward = awkward().into_iter().enumerate().flat_map(|(i, (_, rows))| {
        let rows = rows.into_iter().enumerate();
        rows.map(move |(j, e)| Event { unit: 1_000_000 + (i * 10 + j / 3) as u64, ..e })
    });
    let rows: Vec<Event> = ordinary().into_iter().chain(awkward).collect();
    let shop = Shop::new(&rows, 1, ZeroNoise).await;
    let (mut listed, mut bounded, mut wrong) = (0, 0, Vec::new());
    for e in [
        "clicks % 7",
        "clicks / 9",
        "-clicks",
        "abs(clicks)",
        "clicks * clicks",
        "clicks + 1 - clicks",
        "n % 5",
        "n % clicks",
        "signum(spend)",
        "CAST(spend AS INT)",
        "CAST(spend AS TINYINT)",
        "CAST(vip AS INT)",
        "CAST(clicks AS BOOLEAN)",
        "floor(spend / 7)",
        "round(spend, -1)",
        "ceil(sqrt(clicks))",
        "least(clicks, 10, n)",
        "greatest(clicks, 10)",
        "CASE WHEN clicks > 3 THEN clicks ELSE -1 END",
        "CASE segment WHEN 'a' THEN 1 WHEN 'b' THEN NULL END",
        "coalesce(n % 3, clicks)",
        "nullif(clicks, 3)",
        "nullif(segment, 'a')",
        "coalesce(vip, clicks > 3)",
        "upper(segment)",
        "segment || '-' || coalesce(segment, 'x')",
        "left(segment, clicks)",
        "concat(segment, vip)",
        "substr(segment, 1, clicks)",
        "length(note)",
        "octet_length(concat(city, note))",
        "strpos(note, 'x')",
        "length(upper(note))",
        "length(reverse(city))",
        "starts_with(note, 'x')",
        "note LIKE 'x%'",
        "vip IS NULL",
        "vip AND clicks > 3",
        "NOT vip",
        "clicks BETWEEN 1 AND n",
        "n IN (1, 2, clicks)",
        "score > spend",
        "EXTRACT(month FROM at)",
        "EXTRACT(week FROM day)",
        "EXTRACT(dow FROM at)",
        "EXTRACT(doy FROM day)",
        "EXTRACT(hour FROM at)",
        "EXTRACT(year FROM at)",
        "CAST(at AS DATE)",
        "CAST(date_trunc('week', at) AS DATE)",
        "CAST(at + INTERVAL '1 month' AS DATE)",
        "EXTRACT(day FROM at + INTERVAL '5 hours')",
        "CAST(CAST(at AS DATE) + INTERVAL '1 month' AS DATE)",
        "CAST(CAST(clicks AS VARCHAR) AS INT)",
        "CAST(note AS INT)",
        "power(clicks, 2)",
        "exp(clicks)",
        "ln(clicks + 6)",
    ] {
        let sql = format!("SELECT COUNT({e}), COUNT(*) FILTER (WHERE ({e}) IS NOT NULL), COUNT(*) FROM events");
        let counts = answer(&shop, &sql).await;
        let count = |i: usize| counts.batch.column(i).as_primitive::<Int64Type>().value(0);
        if count(0) != count(1) {
            wrong.push(format!("{e} is NULL where it was said not to be"));
        }
        let by = format!("SELECT {e} AS x, COUNT(*) FROM events GROUP BY {e}");
        if let Ok(prepared) = shop.engine.prepare(&by, &shop.catalog, Micros(0)).await
            && let PreparedQuery::Private(priced) = prepared.query
            && priced.explain().releases.iter().all(|r| r.selection.is_none())
        {
            let groups = answer(&shop, &by).await;
            let sum: i64 = groups.batch.column(1).as_primitive::<Int64Type>().values().iter().sum();
            if sum != count(2) {
                wrong.push(format!("{e} has a value that isn't listed: {sum} of {}", count(2)));
            }
            listed += 1;
        }
        let sums = format!("SELECT SUM({e}), SUM({e}, contribution_bounds_per_row => (-1e6, 1e6)) FROM events");
        if shop.engine.prepare(&sums, &shop.catalog, Micros(0)).await.is_ok() {
            let sums = answer(&shop, &sums).await;
            let sum = |i: usize| {
                let column = arrow::compute::cast(sums.batch.column(i), &arrow::datatypes::DataType::Float64).unwrap();
                column.as_primitive::<arrow::datatypes::Float64Type>().value(0)
            };
            if (sum(0) - sum(1)).abs() > 1.0 + sum(1).abs() * 1e-6 {
                wrong.push(format!("{e} leaves its bounds: {} {}", sum(0), sum(1)));
            }
            bounded += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(listed > 25 && bounded > 20, "{listed} {bounded}");
}
