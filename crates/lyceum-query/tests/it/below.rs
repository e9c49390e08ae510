//! What may stand below the barrier: joins, aggregates, windows, DISTINCT and unions within each unit. Without noise and
//! with generous bounds the answers are those of plain DataFusion on the same rows.

use crate::attacks::shop::{Event, Shop, awkward, ordinary};
use crate::attacks::town::{generous, plain, town};
use crate::world::Pays;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::util::display::array_value_to_string;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::charge::charge;
use lyceum_query::engine::PreparedQuery;
use lyceum_query::finish::finish;
use lyceum_schema::time::Micros;
use std::collections::BTreeMap;

/// Queries with the number of their first columns that are keys, all with public lists.
pub(crate) const ADMITTED: &[(usize, &str)] = &[
    // GROUP BY within a person.
    (1, "SELECT n, COUNT(*) FROM (SELECT user_id, LEAST(COUNT(*), 3) AS n FROM events GROUP BY user_id) q GROUP BY n"),
    (
        1,
        "SELECT segment, COUNT(*), SUM(s), AVG(m) FROM (SELECT user_id, segment, SUM(clicks) AS s, AVG(spend) AS m FROM events GROUP BY user_id, segment) q GROUP BY segment",
    ),
    (
        0,
        "SELECT SUM(t), COUNT(t), SUM(lo), SUM(hi), AVG(a) FROM (SELECT user_id, SUM(spend) AS t, MIN(clicks) AS lo, MAX(clicks) AS hi, AVG(clicks) AS a FROM events GROUP BY user_id) q",
    ),
    (
        0,
        "SELECT COUNT(*) FROM (SELECT user_id FROM events GROUP BY user_id HAVING COUNT(*) >= 2 AND MAX(clicks) > 3) q",
    ),
    (
        1,
        "SELECT any_vip, COUNT(*), SUM(d), SUM(f) FROM (SELECT user_id, BOOL_OR(vip) AS any_vip, COUNT(DISTINCT segment) AS d, COUNT(*) FILTER (WHERE clicks > 5) AS f FROM events GROUP BY user_id) q GROUP BY any_vip",
    ),
    (
        1,
        "SELECT first, COUNT(*) FROM (SELECT user_id, MIN(segment) AS first, BOOL_AND(clicks > 0) AS b FROM events GROUP BY user_id) q WHERE b GROUP BY first",
    ),
    (
        1,
        "SELECT m, COUNT(*) FROM (SELECT user_id, EXTRACT(month FROM MIN(at)) AS m FROM events GROUP BY user_id) q GROUP BY m",
    ),
    (
        1,
        "SELECT k, SUM(n) FROM (SELECT user_id, COUNT(*) AS n, LEAST(MAX(x), 2) AS k FROM (SELECT user_id, segment, COUNT(*) AS x FROM events GROUP BY user_id, segment) q GROUP BY user_id) r GROUP BY k",
    ),
    // DISTINCT.
    (1, "SELECT segment, COUNT(*) FROM (SELECT DISTINCT user_id, segment FROM events) q GROUP BY segment"),
    // Joins on the unit, of two owners, of a table with itself.
    (1, "SELECT plan, COUNT(*), SUM(spend) FROM events JOIN users USING (user_id) GROUP BY plan"),
    (
        2,
        "SELECT segment, campaign, COUNT(*) FROM events e JOIN ads a ON e.user_id = a.user_id AND a.shown < e.at GROUP BY segment, campaign",
    ),
    (
        1,
        "SELECT plan, COUNT(*), SUM(clicks) FROM events LEFT JOIN users ON users.user_id = events.user_id AND age > 5 GROUP BY plan",
    ),
    (
        1,
        "SELECT segment, COUNT(*), SUM(age) FROM events RIGHT JOIN users ON users.user_id = events.user_id GROUP BY segment",
    ),
    (
        2,
        "SELECT a.user_id IS NOT NULL AS in_a, b.user_id IS NOT NULL AS in_b, COUNT(*) FROM (SELECT DISTINCT user_id FROM events WHERE clicks > 3) a FULL JOIN (SELECT DISTINCT user_id FROM ads) b USING (user_id) GROUP BY 1, 2",
    ),
    (
        1,
        "SELECT x.segment, COUNT(*) FROM events x JOIN events y ON x.user_id = y.user_id AND x.at < y.at GROUP BY x.segment",
    ),
    (
        1,
        "SELECT e.segment, COUNT(*) FROM events e, users u, ads a WHERE e.user_id = u.user_id AND u.user_id = a.user_id AND u.age > 3 AND a.clicked GROUP BY e.segment",
    ),
    (
        1,
        "SELECT plan, SUM(n) FROM users JOIN (SELECT user_id, COUNT(*) AS n FROM events GROUP BY user_id) q USING (user_id) GROUP BY plan",
    ),
    (1, "SELECT COALESCE(plan, 'free') AS p, COUNT(*) FROM events LEFT JOIN users USING (user_id) GROUP BY p"),
    (
        0,
        "SELECT SUM(x) FROM (SELECT COALESCE(a.user_id, b.user_id, c.user_id) AS u, COALESCE(n, 0) + COALESCE(age, 0) AS x FROM (SELECT user_id, COUNT(*) AS n FROM events GROUP BY user_id) a FULL JOIN users b ON a.user_id = b.user_id FULL JOIN (SELECT DISTINCT user_id FROM ads) c ON c.user_id = COALESCE(a.user_id, b.user_id)) q",
    ),
    (
        1,
        "SELECT segment, COUNT(u.user_id), COUNT(*) FROM events e LEFT JOIN users u ON u.user_id = e.user_id GROUP BY segment",
    ),
    // Public tables.
    (1, "SELECT region, COUNT(*), SUM(size) FROM events JOIN cities ON events.city = cities.city GROUP BY region"),
    (
        1,
        "SELECT region, COUNT(*) FROM events LEFT JOIN cities c ON events.city = c.city AND c.size > 1 GROUP BY region",
    ),
    (1, "SELECT segment, COUNT(*) FROM events WHERE city IN (SELECT city FROM cities WHERE size > 1) GROUP BY segment"),
    (
        1,
        "SELECT segment, COUNT(*) FROM events JOIN (SELECT DISTINCT city FROM cities) c ON c.city = events.city GROUP BY segment",
    ),
    (
        1,
        "SELECT region, COUNT(*) FROM cities JOIN events ON events.city = cities.city JOIN users USING (user_id) GROUP BY region",
    ),
    // Windows.
    (
        1,
        "SELECT segment, COUNT(*) FROM (SELECT segment, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at) AS rn FROM events) q WHERE rn = 1 GROUP BY segment",
    ),
    (
        1,
        "SELECT segment, COUNT(*) FROM (SELECT user_id, segment, at FROM events QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at DESC) <= 2) q GROUP BY segment",
    ),
    (
        1,
        "SELECT segment, SUM(share), SUM(gap), SUM(total) FROM (SELECT segment, 1.0 / COUNT(*) OVER (PARTITION BY user_id) AS share, clicks - LAG(clicks, 1, 0) OVER (PARTITION BY user_id ORDER BY at) AS gap, SUM(clicks) OVER (PARTITION BY user_id ORDER BY at) AS total FROM events) q GROUP BY segment",
    ),
    (
        1,
        "SELECT f, COUNT(*), SUM(r), SUM(d) FROM (SELECT FIRST_VALUE(segment) OVER (PARTITION BY user_id ORDER BY at) AS f, RANK() OVER (PARTITION BY user_id ORDER BY clicks) AS r, DENSE_RANK() OVER (PARTITION BY user_id ORDER BY segment) AS d FROM events) q GROUP BY f",
    ),
    (
        0,
        "SELECT SUM(a), SUM(b), SUM(c), SUM(e) FROM (SELECT AVG(spend) OVER (PARTITION BY user_id ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a, MAX(clicks) OVER (PARTITION BY user_id) AS b, COUNT(spend) OVER (PARTITION BY user_id, segment) AS c, MIN(spend) OVER (PARTITION BY user_id ORDER BY at ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS e FROM events) q",
    ),
    (
        0,
        "SELECT SUM(a), SUM(b), SUM(c) FROM (SELECT NTILE(2) OVER (PARTITION BY user_id ORDER BY at) AS a, NTH_VALUE(clicks, 2) OVER (PARTITION BY user_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS b, LEAD(clicks) OVER (PARTITION BY user_id ORDER BY at) AS c FROM events) q",
    ),
    (
        1,
        "SELECT gap, COUNT(*) FROM (SELECT LEAST(ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at) - 1, 2) AS gap FROM events) q GROUP BY gap",
    ),
    // UNION ALL.
    (
        1,
        "SELECT what, COUNT(*) FROM (SELECT user_id, 'event' AS what, clicks FROM events UNION ALL SELECT user_id, 'ad', 0 FROM ads) q GROUP BY what",
    ),
    (
        1,
        "SELECT n, COUNT(*) FROM (SELECT user_id, LEAST(COUNT(*), 5) AS n FROM (SELECT user_id FROM events UNION ALL SELECT user_id FROM ads UNION ALL SELECT user_id FROM events WHERE vip) q GROUP BY user_id) r GROUP BY n",
    ),
    (0, "SELECT COUNT(*), SUM(x) FROM (SELECT user_id, spend AS x FROM events UNION SELECT user_id, age FROM users) q"),
    // Subqueries in expressions.
    (
        1,
        "SELECT segment, COUNT(*) FROM events WHERE user_id IN (SELECT user_id FROM ads WHERE clicked) GROUP BY segment",
    ),
    (1, "SELECT segment, COUNT(*) FROM events WHERE user_id NOT IN (SELECT user_id FROM ads) GROUP BY segment"),
    (
        1,
        "SELECT segment, COUNT(*) FROM events e WHERE EXISTS (SELECT 1 FROM ads a WHERE a.user_id = e.user_id AND a.shown < e.at) GROUP BY segment",
    ),
    (
        1,
        "SELECT plan, COUNT(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.user_id = u.user_id AND e.clicks > 5) GROUP BY plan",
    ),
    (
        1,
        "SELECT segment, COUNT(*) FROM events e WHERE clicks = (SELECT MAX(clicks) FROM events p WHERE p.user_id = e.user_id AND p.segment <> 'b') GROUP BY segment",
    ),
    (
        1,
        "SELECT n, COUNT(*) FROM (SELECT LEAST((SELECT COUNT(*) FROM ads a WHERE a.user_id = u.user_id), 2) AS n FROM users u) q GROUP BY n",
    ),
    (
        1,
        "SELECT plan, COUNT(*) FROM users u WHERE (SELECT COUNT(*) FROM ads a WHERE a.user_id = u.user_id AND a.clicked) > 0 AND EXISTS (SELECT 1 FROM events e WHERE e.user_id = u.user_id) GROUP BY plan",
    ),
    (0, "SELECT COUNT(*) FROM (SELECT user_id, segment FROM events INTERSECT SELECT user_id, 'a' FROM users) q"),
    (0, "SELECT COUNT(*) FROM (SELECT user_id, segment FROM events EXCEPT SELECT user_id, 'a' FROM users) q"),
];

pub(crate) async fn exact<N>(shop: &Shop<N>, sql: &str) -> Result<RecordBatch, String> {
    let prepared = shop.engine.prepare(sql, &shop.catalog, Micros(0)).await.map_err(|e| e.to_string())?;
    let PreparedQuery::Private(priced) = prepared.query else { return Err("not private".to_owned()) };
    let Ok(charged) = charge(*priced, &Pays).await else { panic!("not paid") };
    let (groups, above, _) = shop.engine.answer(charged).await.map_err(|e| e.to_string())?;
    Ok(finish(above, &groups).await.map_err(|e| e.to_string())?.batch)
}

/// Rows by key, numbers as floats; an empty group's are 0.
pub(crate) fn rows(batch: &RecordBatch, keys: usize) -> BTreeMap<String, Vec<f64>> {
    let cell = |column: usize, row: usize| {
        let column = batch.column(column);
        if column.is_null(row) { "NULL".to_owned() } else { array_value_to_string(column, row).unwrap() }
    };
    let number = |text: String| if text == "NULL" { 0.0 } else { text.parse::<f64>().unwrap() };
    (0..batch.num_rows())
        .map(|row| {
            let key: Vec<String> = (0..keys).map(|c| cell(c, row)).collect();
            (key.join("|"), (keys..batch.num_columns()).map(|c| number(cell(c, row))).collect::<Vec<f64>>())
        })
        .filter(|(_, numbers)| numbers.iter().any(|n| *n != 0.0))
        .collect()
}

/// Runs queries on both engines, in one partition and in four; those that differ.
pub(crate) async fn differences(events: &[Event], queries: &[(usize, &str)]) -> Vec<String> {
    let context = plain(events);
    let (one, four) = (town(events, 1, &generous(), ZeroNoise).await, town(events, 4, &generous(), ZeroNoise).await);
    let mut wrong = Vec::new();
    for (keys, sql) in queries {
        let frame = context.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let batches = frame.collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let wanted = rows(&concat_batches(&batches[0].schema(), &batches).unwrap(), *keys);
        assert!(!wanted.is_empty(), "{sql} is about nobody");
        for shop in [&one, &four] {
            let found = exact(shop, sql).await.map(|batch| rows(&batch, *keys));
            let alike = found.as_ref().is_ok_and(|found| {
                found.len() == wanted.len()
                    && found.iter().zip(&wanted).all(|((k, a), (l, b))| {
                        k == l && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= 1e-6 * y.abs().max(1.0))
                    })
            });
            if !alike {
                wrong.push(format!("{sql}\n  found  {found:?}\n  wanted {wanted:?}"));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn without_noise_answers_are_those_of_plain_sql() {
    let wrong = differences(&ordinary(), ADMITTED).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows that tie in everything but one column, sums of numbers that lose digits in another order.
#[tokio::test]
async fn exact_cells_do_not_depend_on_the_order_of_rows() {
    let mut events: Vec<Event> = awkward().into_iter().flat_map(|(_, rows)| rows).chain(ordinary()).collect();
    for (i, event) in events.iter_mut().enumerate() {
        // All at once, so that only the columns themselves can order them.
        event.at = 1_780_000_000_000_000;
        event.spend = event.spend.filter(|s| s.is_finite()).map(|s| (s + i as f64 * 1e-3).clamp(-10.0, 100.0) / 3.0);
    }
    let mut turned = events.clone();
    turned.reverse();
    turned.sort_by_key(|e| e.clicks);
    let sql = "SELECT segment, SUM(s), SUM(r), SUM(a), SUM(l), SUM(f) FROM (SELECT segment, SUM(spend) OVER (PARTITION BY user_id, segment) AS s, \
        ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at) * clicks AS r, AVG(spend) OVER (PARTITION BY user_id ORDER BY at ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a, \
        LAG(clicks) OVER (PARTITION BY user_id ORDER BY segment) AS l, FIRST_VALUE(spend) OVER (PARTITION BY user_id ORDER BY at) AS f FROM events) q GROUP BY segment";
    let grouped =
        "SELECT SUM(s), SUM(a) FROM (SELECT user_id, SUM(spend) AS s, AVG(spend) AS a FROM events GROUP BY user_id) q";
    for sql in [sql, grouped] {
        let mut seen = None;
        for (rows, partitions) in [(&events, 1), (&turned, 1), (&events, 4), (&turned, 2)] {
            let shop = town(rows, partitions, &generous(), ZeroNoise).await;
            exact(&shop, sql).await.unwrap();
            let cells: Vec<Vec<i64>> = shop.noise.take().into_iter().map(|r| r.exact).collect();
            assert!(cells.iter().flatten().any(|c| *c != 0));
            assert_eq!(seen.get_or_insert_with(|| cells.clone()), &cells, "{sql}");
        }
    }
}
