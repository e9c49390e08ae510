//! What certification finds: equal questions are equal, bounds are where they should be.

use crate::sample::{catalog, certified_in, private};
use lyceum_query::certify::Certified;
use lyceum_query::error::QueryError;

fn canonical(sql: &str) -> String {
    thread_local!(static CATALOG: lyceum_query::catalog::Catalog = catalog());
    CATALOG.with(|c| private(c, sql).canonical())
}

#[test]
fn equal_questions_have_equal_texts_whatever_is_done_above() {
    let base = canonical("SELECT segment, COUNT(*) FROM orders WHERE items > 3 GROUP BY segment");
    for same in [
        "select  segment AS s, count(*)  AS n\nfrom protected.orders where items > 3 group by segment",
        "SELECT o.segment, COUNT(*) AS n FROM orders AS o WHERE o.items > 3 GROUP BY o.segment ORDER BY n DESC LIMIT 2",
        "SELECT segment FROM orders WHERE items > 3 GROUP BY segment HAVING COUNT(*) > 100",
        "WITH q AS (SELECT segment AS x, items AS y FROM orders) SELECT x, COUNT(*) FROM q WHERE y > 3 GROUP BY x",
        "SELECT segment, COUNT(*), DP_INTERVAL_LOW(COUNT(*)) FROM orders WHERE items > 3 GROUP BY segment",
    ] {
        assert_eq!(canonical(same), base, "{same}");
    }
    for other in [
        "SELECT segment, COUNT(*) FROM orders WHERE items > 4 GROUP BY segment",
        "SELECT segment, COUNT(*), SUM(items) FROM orders WHERE items > 3 GROUP BY segment",
        "SELECT segment, COUNT(DISTINCT user_id) FROM orders WHERE items > 3 GROUP BY segment",
        "SELECT vip, COUNT(*) FROM orders WHERE items > 3 GROUP BY vip",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) segment, COUNT(*) FROM orders WHERE items > 3 GROUP BY segment",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 1) segment, COUNT(*) FROM orders WHERE items > 3 GROUP BY segment",
    ] {
        assert_ne!(canonical(other), base, "{other}");
    }
}

#[test]
fn many_shapes_are_admitted() {
    let catalog = catalog();
    for sql in [
        "SELECT COUNT(*) FROM orders",
        "SELECT COUNT(user_id), COUNT(DISTINCT user_id), COUNT(spend), SUM(spend), AVG(spend) FROM orders",
        "SELECT city, COUNT(*) FROM orders GROUP BY city",
        "SELECT EXTRACT(month FROM at) AS m, AVG(spend) FROM orders GROUP BY m ORDER BY m",
        "SELECT date_trunc('month', at) AS m, COUNT(*) FROM orders GROUP BY 1",
        "SELECT CASE WHEN items > 5 THEN 'many' ELSE 'few' END AS size, COUNT(*) FROM orders GROUP BY 1",
        "SELECT SUM(CASE WHEN vip THEN spend ELSE 0 END) / COUNT(*) FROM orders",
        "SELECT SUM(spend) FILTER (WHERE segment = 'new') FROM orders",
        "SELECT SUM(score) FROM orders WHERE score BETWEEN 0 AND 10",
        "SELECT SUM(LEAST(GREATEST(score, 0), 10)), SUM(GREATEST(LEAST(score, 10), 0)) FROM orders",
        "SELECT SUM(score, contribution_bounds_per_group => (0, 200)), AVG(score, contribution_bounds_per_row => (-1, 1)) FROM orders",
        "SELECT COUNT(*, contribution_bounds_per_group => (0, 2)) FROM orders",
        "SELECT city, COUNT(*) AS n FROM orders WHERE city IN ('Ghent', 'Delft') GROUP BY city HAVING COUNT(*) > 10 ORDER BY n DESC LIMIT 1",
        "SELECT n, RANK() OVER (ORDER BY n) FROM (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) q",
        "SELECT MAX(n) FROM (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) q",
        "WITH q AS (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) SELECT a.segment, a.n - b.n FROM q a JOIN q b ON a.segment = b.segment",
        "SELECT COUNT(*) FROM orders WHERE at >= '2026-03-01' AND at < DATE '2026-04-01' + INTERVAL '1 month'",
        "SELECT COUNT(*) FROM orders WHERE at > now() - INTERVAL '7 days'",
        "SELECT COUNT(*) FROM orders WHERE city LIKE 'G%' OR lower(city) = 'delft' OR city || segment = 'x' OR city IS NULL",
        "SELECT SUM(items * 2 + 1), SUM(spend / (items + 1)), AVG(abs(items - 10)), SUM(round(spend, 1)) FROM orders",
        "SELECT sqrt(SUM(items)) AS r, SUM(items) % COUNT(*) FROM orders",
        "SELECT arm, AVG(visit) AS rate, DP_INTERVAL_LOW(rate), DP_INTERVAL_HIGH(rate, 0.9) FROM visits GROUP BY arm",
    ] {
        let query = private(&catalog, sql);
        assert!(!query.canonical().is_empty());
    }
}

/// A clamp at one end bounds nothing.
#[test]
fn half_a_clamp_is_no_bound() {
    let catalog = catalog();
    for half in ["LEAST(score, 10)", "GREATEST(score, 0)", "LEAST(score, spend)", "LEAST(GREATEST(score, 0), score)"] {
        let refused = certified_in(&catalog, &format!("SELECT SUM({half}) FROM orders"));
        assert!(matches!(refused, Err(QueryError::Refused(_))), "{half}");
    }
}

#[test]
fn public_tables_need_no_barrier() {
    let catalog = catalog();
    for sql in [
        "SELECT * FROM mock.orders LIMIT 3",
        "SELECT city, MEDIAN(spend) FROM mock.orders GROUP BY city",
        "SELECT 1 + 1",
    ] {
        assert!(matches!(certified_in(&catalog, sql), Ok(Certified::Public(_))), "{sql}");
    }
    assert!(
        matches!(certified_in(&catalog, "SELECT COUNT(*) FROM orders"), Ok(Certified::Private(_))),
        "bare names mean the best kind"
    );
}

#[test]
fn an_unknown_error_never_lists_hidden_columns() {
    let Err(error) = certified_in(&catalog(), "SELECT nothing FROM orders") else { panic!("admitted") };
    assert!(!error.to_string().contains("__unit"), "{error}");
}
