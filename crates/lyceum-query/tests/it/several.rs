//! Several releases in one query, and totals over released cells: what is paid, what adds up, what has intervals.

use crate::world::{World, orders};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use lyceum_privacy::accounting;
use lyceum_privacy::testing::{SeededNoise, ZeroNoise};
use lyceum_query::answer::{Answer, ColumnKind};
use lyceum_query::error::QueryError;
use lyceum_query::finish::finish;
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::time::Micros;

fn numbers(answer: &Answer, column: usize) -> Vec<Option<f64>> {
    let column = cast(answer.batch.column(column), &DataType::Float64).unwrap();
    column.as_primitive::<Float64Type>().iter().collect()
}

fn texts(answer: &Answer, column: usize) -> Vec<Option<String>> {
    answer.batch.column(column).as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect()
}

/// Per row, whether the interval of a column is there and holds its value.
fn held(answer: &Answer, column: usize) -> Vec<bool> {
    let Some(interval) = &answer.columns[column].noise_interval else { panic!("column {column} has no interval") };
    let holds = |(i, v): (usize, Option<f64>)| {
        interval.low.is_valid(i) && v.is_some_and(|v| interval.low.value(i) <= v && v <= interval.high.value(i))
    };
    numbers(answer, column).into_iter().enumerate().map(holds).collect()
}

#[tokio::test]
async fn releases_of_one_query_share_its_price() {
    let world = World::new(&orders(200), 1, ZeroNoise).await;
    let one = world.price("SELECT segment, COUNT(*) FROM orders GROUP BY segment").await;
    let two = "SELECT a.segment, a.n, b.n AS spenders FROM \
        (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) a JOIN \
        (SELECT segment, COUNT(*) AS n FROM orders WHERE spend > 50 GROUP BY segment) b ON a.segment = b.segment";
    let both = world.price(two).await;
    assert!(both.price().rho <= accounting::rho_for(1.0, 1e-6));
    let explained = both.explain();
    assert_eq!(explained.releases.len(), 2);
    let sigma = |e: &lyceum_query::price::Explanation| e.mechanisms[0].sigma;
    assert!((sigma(&explained) / sigma(&one.explain()) - 2f64.sqrt()).abs() < 0.01, "half of ρ each");
    assert!(explained.certificate.node.contains("2 releases"), "{}", explained.certificate.node);

    let (groups, answer) = world.release(two).await;
    assert_eq!(answer.batch.num_rows(), 4);
    assert!(answer.columns[1].noise_interval.is_some() && answer.columns[2].noise_interval.is_some());
    let stored = ReleasedGroups::from_bytes(&groups.to_bytes().unwrap()).unwrap();
    assert_eq!(finish(world.price(two).await.above(), &stored).await.unwrap().batch, answer.batch);
}

#[tokio::test]
async fn the_same_aggregate_twice_is_paid_once_and_has_the_same_noise() {
    let world = World::new(&orders(300), 1, SeededNoise { seed: 3 }).await;
    let sql = "WITH q AS (SELECT segment, COUNT(*) AS n, SUM(spend) AS s FROM orders GROUP BY segment) \
        SELECT a.segment, a.n - b.n AS zero, a.s / b.n AS ratio, a.n * 1.0 / b.s AS other \
        FROM q a JOIN q b ON a.segment = b.segment ORDER BY a.segment";
    assert_eq!(world.price(sql).await.explain().releases.len(), 1);
    let (_, answer) = world.release(sql).await;
    assert!(numbers(&answer, 1).iter().all(|v| *v == Some(0.0)));
    assert!(held(&answer, 2)[..3].iter().all(|h| *h));
    let zero = answer.columns[1].noise_interval.as_ref().unwrap();
    assert!((0..4).all(|i| zero.low.value(i) == 0.0 && zero.high.value(i) == 0.0), "equal noise cancels");
}

#[tokio::test]
async fn differences_of_two_releases_have_wider_intervals() {
    let world = World::new(&orders(300), 1, SeededNoise { seed: 4 }).await;
    let sql = "SELECT a.segment, a.n, a.n - b.n AS fewer FROM \
        (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) a JOIN \
        (SELECT segment, COUNT(*) AS n FROM orders WHERE spend > 50 GROUP BY segment) b USING (segment)";
    let (_, answer) = world.release(sql).await;
    let width = |c: usize| {
        let i = answer.columns[c].noise_interval.as_ref().unwrap();
        i.high.value(0) - i.low.value(0)
    };
    let ratio = width(2) / width(1);
    assert!((1.2..1.65).contains(&ratio), "√2, from 400 redraws: {ratio}");
}

#[tokio::test]
async fn rolled_up_totals_cost_nothing_and_add_up() {
    let world = World::new(&orders(300), 2, SeededNoise { seed: 5 }).await;
    let fine =
        "SELECT segment, spend > 50 AS high, COUNT(*) AS n, AVG(spend) AS mean FROM orders GROUP BY segment, high";
    let cube = "SELECT segment, spend > 50 AS high, COUNT(*) AS n, AVG(spend) AS mean, GROUPING(segment) AS g \
        FROM orders GROUP BY CUBE (segment, high)";
    assert_eq!(world.price(fine).await.price(), world.price(cube).await.price());
    let (_, answer) = world.release(cube).await;
    // 4 segments × (true, false, NULL), their two margins, and the total.
    assert_eq!(answer.batch.num_rows(), 12 + 4 + 3 + 1);
    let (n, grouping) = (numbers(&answer, 2), numbers(&answer, 4));
    let segments = texts(&answer, 0);
    let high: Vec<Option<bool>> = answer.batch.column(1).as_boolean().iter().collect();
    let finest: f64 = n[..12].iter().flatten().sum();
    assert_eq!(n[19], Some(finest), "the total is the sum of the finest cells");
    assert_eq!((segments[19].as_ref(), high[19], grouping[19]), (None, None, Some(1.0)));
    let margin = segments.iter().skip(12).position(|s| s.as_deref() == Some("new")).unwrap() + 12;
    let news = (0..12).filter(|&i| segments[i].as_deref() == Some("new")).filter_map(|i| n[i]).sum::<f64>();
    assert_eq!((n[margin], grouping[margin]), (Some(news), Some(0.0)));
    assert_eq!(answer.columns[2].kind, ColumnKind::Measure);
    assert!(held(&answer, 2).iter().all(|h| *h));
    let interval = answer.columns[2].noise_interval.as_ref().unwrap();
    let width = |i: usize| interval.high.value(i) - interval.low.value(i);
    assert!((width(19) / width(0) - 12f64.sqrt()).abs() < 0.1, "the noise of twelve cells");
    assert!(answer.columns[3].estimate_interval.is_some());
}

#[tokio::test]
async fn totals_of_people_are_releases_of_their_own() {
    let world = World::new(&orders(300), 1, ZeroNoise).await;
    let sql = "SELECT segment, COUNT(DISTINCT user_id) AS people FROM orders GROUP BY ROLLUP (segment)";
    assert_eq!(world.price(sql).await.explain().releases.len(), 2);
    let (_, answer) = world.release(sql).await;
    let people = numbers(&answer, 1);
    let total = texts(&answer, 0).iter().position(Option::is_none).unwrap();
    assert_eq!(people[total], Some(300.0), "who is in two segments counts once");
    assert!(held(&answer, 1).iter().all(|h| *h));
}

#[tokio::test]
async fn intervals_can_be_asked_for_far_above_and_in_every_set() {
    let world = World::new(&orders(300), 1, SeededNoise { seed: 6 }).await;
    let sql = "SELECT s, n, DP_INTERVAL_LOW(n) AS low, DP_INTERVAL_HIGH(n, 0.99) AS high FROM \
        (SELECT segment AS s, COUNT(*) AS n FROM orders GROUP BY ROLLUP (segment)) q WHERE n > -1000 ORDER BY n";
    let (_, answer) = world.release(sql).await;
    assert_eq!(answer.batch.num_rows(), 5);
    assert_eq!(answer.columns[2].kind, ColumnKind::Interval);
    let (n, low, high) = (numbers(&answer, 1), numbers(&answer, 2), numbers(&answer, 3));
    for i in 0..5 {
        let (n, low, high) = (n[i].unwrap(), low[i].unwrap(), high[i].unwrap());
        assert!(low < n && n < high && high - n > n - low, "99 % is wider than 95 %");
    }
}

#[tokio::test]
async fn a_union_of_releases_keeps_each_rows_interval() {
    let world = World::new(&orders(300), 1, SeededNoise { seed: 7 }).await;
    let sql = "SELECT 'all' AS what, COUNT(*) AS n FROM orders UNION ALL \
        SELECT segment, SUM(spend) FROM orders GROUP BY segment";
    let (_, answer) = world.release(sql).await;
    assert_eq!(answer.batch.num_rows(), 5);
    assert!(held(&answer, 1).iter().all(|h| *h));
    let share = "SELECT segment, COUNT(*) * 1.0 / (SELECT COUNT(*) FROM orders) AS share FROM orders GROUP BY segment";
    let (_, answer) = world.release(share).await;
    let shares: f64 = numbers(&answer, 1).iter().flatten().sum();
    assert!((shares - 1.0).abs() < 0.5, "{shares}");
}

#[tokio::test]
async fn undeclared_keys_in_grouping_sets_are_selected_in_each() {
    let world = World::new(&orders(900), 1, ZeroNoise).await;
    let sql = "SELECT segment, city, COUNT(*) AS n FROM orders GROUP BY GROUPING SETS ((segment, city), (segment), ())";
    let priced = world.price(sql).await;
    let explained = priced.explain();
    // (segment) is public: () is a total over it.
    assert_eq!(explained.releases.len(), 2);
    assert_eq!(explained.releases.iter().filter(|r| r.selection.is_some()).count(), 1);
    let (_, answer) = world.release(sql).await;
    let n = answer.batch.column(2).as_primitive::<Int64Type>();
    assert!(n.len() > 5 + 3);
    assert!(answer.other.is_none(), "rows of several releases have no common rest");
}

/// What DataFusion can't plan above is known before the charge: it costs nothing.
#[tokio::test]
async fn what_cannot_be_planned_above_has_no_price() {
    let world = World::new(&orders(20), 1, ZeroNoise).await;
    let per = "SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment";
    for (sql, why) in [
        (
            format!("SELECT r.n, (SELECT s.n FROM ({per}) s WHERE s.n > r.n LIMIT 1) AS v FROM ({per}) r"),
            "Physical plan does not support",
        ),
        (format!("SELECT NTILE(r.n) OVER (ORDER BY r.n) AS v FROM ({per}) r"), "only support Literal types"),
    ] {
        let refused = match world.engine.prepare(&sql, &world.catalog, Micros(0)).await {
            Err(QueryError::Price(refused)) => refused,
            Err(other) => panic!("{sql}: {other}"),
            Ok(_) => panic!("{sql} has a price"),
        };
        assert_eq!(refused.code(), "E2411");
        let text = refused.to_string();
        assert!(text.contains(why) && text.contains("nothing was charged"), "{text}");
    }
}
