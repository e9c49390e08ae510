//! What the certificate says at each node below the barrier: the unit, rows per unit, domains.

use crate::sample::{catalog, private};
use lyceum_query::certify::Certificate;

fn told(node: &Certificate, depth: usize, lines: &mut Vec<String>) {
    lines.push(format!("{}{}: {}", "  ".repeat(depth), node.node, node.facts.join("; ")));
    node.inputs.iter().for_each(|i| told(i, depth + 1, lines));
}

fn tree(sql: &str) -> String {
    let mut lines = Vec::new();
    told(private(&catalog(), sql).certificate(), 0, &mut lines);
    lines.join("\n")
}

#[test]
fn a_join_of_groups_with_a_public_table() {
    insta::assert_snapshot!(tree(
        "SELECT plan, region, SUM(n) FROM (SELECT user_id, city, COUNT(*) AS n FROM orders GROUP BY user_id, city) q \
         JOIN users USING (user_id) JOIN cities ON cities.city = q.city GROUP BY plan, region"
    ), @r"
    Release(plan, region, SUM): plan ∈ 3 public values; region ∈ 2 public values; every possible group is released, empty ones with noise
      Bound by user_id: at most 4 groups per user_id; SUM: a user_id's total per group ∈ [0, 150]
        Look up (inner): at most 90 rows per user_id
          Join (inner) on user_id: at most 30 rows per user_id
            Project user_id, city, n: city text of at most 20 bytes, never NULL; n ∈ [1, 30], never NULL
              Group by user_id, city, count(Int64(1)): at most 30 rows per user_id; city text of at most 20 bytes, never NULL; count(Int64(1)) ∈ [1, 30], never NULL
                Scan orders: unit: user_id; population: people; owner: shop; at most 30 rows per unit
            Scan users: unit: user_id; population: people; owner: shop; at most 1 row per unit
          Scan cities: public: nobody's rows; owner: shop; 3 rows
    ");
}

#[test]
fn an_outer_join_and_a_window() {
    insta::assert_snapshot!(tree(
        "SELECT first, COUNT(*) FROM (SELECT FIRST_VALUE(plan) OVER (PARTITION BY o.user_id ORDER BY at) AS first \
         FROM orders o LEFT JOIN users u ON u.user_id = o.user_id) q GROUP BY first"
    ), @r"
    Release(first, COUNT): first ∈ 3 public values; every possible group is released, empty ones with noise
      Bound by user_id: at most 3 groups per user_id; COUNT: at most 5 per group
        Project first: first ∈ 2 public values, may be NULL
          Window by user_id: at most 30 rows per user_id; rows that tie are ordered by all their columns; first_value(u.plan) PARTITION BY [o.user_id] ORDER BY [o.at ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW ∈ 2 public values, may be NULL
            Join (left) on user_id: at most 30 rows per user_id; segment ∈ 3 public values, never NULL; city text of at most 20 bytes, never NULL; items ∈ [0, 50], never NULL; spend ∈ [0, 100], may be NULL; score float without bounds, never NULL; at a timestamp between declared ends, never NULL; vip ∈ 2 public values, never NULL; user_id is the unit, or NULL: only that may be asked; plan ∈ 2 public values, may be NULL
              Scan orders: unit: user_id; population: people; owner: shop; at most 30 rows per unit
              Scan users: unit: user_id; population: people; owner: shop; at most 1 row per unit
    ");
}

#[test]
fn a_union_without_doubles() {
    insta::assert_snapshot!(tree(
        "SELECT COUNT(*) FROM (SELECT user_id, items AS x FROM orders UNION SELECT user_id, 7 FROM users) q"
    ), @r"
    Release(COUNT): 
      Bound by user_id: at most 1 group per user_id; COUNT: at most 5 per group
        Distinct user_id, x: at most 31 rows per user_id; x ∈ [0, 50], never NULL
          Union all: at most 31 rows per user_id; x ∈ [0, 50], never NULL
            Project user_id, x: x ∈ [0, 50], never NULL
              Scan orders: unit: user_id; population: people; owner: shop; at most 30 rows per unit
            Project user_id, x: x ∈ 1 public values, never NULL
              Scan users: unit: user_id; population: people; owner: shop; at most 1 row per unit
    ");
}

/// Rows per unit are what the shape says, and so are bounds of sums.
#[test]
fn rows_per_unit_follow_the_shape() {
    for (sql, rows) in [
        ("SELECT user_id FROM orders GROUP BY user_id", 1),
        ("SELECT user_id, segment FROM orders GROUP BY user_id, segment", 3),
        ("SELECT user_id, city FROM orders GROUP BY user_id, city", 30),
        ("SELECT user_id, segment, vip FROM orders GROUP BY user_id, segment, vip", 6),
        ("SELECT DISTINCT user_id, vip FROM orders", 2),
        ("SELECT a.user_id FROM orders a JOIN orders b ON a.user_id = b.user_id", 900),
        ("SELECT a.user_id FROM orders a JOIN users b ON a.user_id = b.user_id", 30),
        ("SELECT a.user_id FROM users a LEFT JOIN users b ON a.user_id = b.user_id", 1),
        ("SELECT COALESCE(a.user_id, b.user_id) AS u FROM users a FULL JOIN users b ON a.user_id = b.user_id", 1),
        (
            "SELECT COALESCE(a.user_id, b.user_id) AS u FROM users a FULL JOIN users b ON a.user_id = b.user_id AND a.plan = b.plan",
            2,
        ),
        ("SELECT user_id FROM orders UNION ALL SELECT user_id FROM users", 31),
        ("SELECT user_id FROM orders JOIN cities USING (city)", 90),
        ("SELECT user_id FROM orders LEFT JOIN (SELECT DISTINCT city FROM cities) c ON c.city = orders.city", 30),
        ("SELECT user_id FROM orders WHERE city IN (SELECT city FROM cities)", 30),
        (
            "SELECT DISTINCT user_id, rn FROM (SELECT user_id, ROW_NUMBER() OVER (PARTITION BY user_id) AS rn FROM orders) w WHERE rn BETWEEN 1 AND 4",
            4,
        ),
        ("SELECT user_id FROM orders WHERE user_id IN (SELECT user_id FROM users)", 30),
    ] {
        let mut lines = Vec::new();
        told(
            private(&catalog(), &format!("SELECT SUM(x) FROM (SELECT 1 AS x FROM ({sql}) q) r")).certificate(),
            0,
            &mut lines,
        );
        let policy = 5.min(rows);
        let wanted = format!("∈ [0, {policy}]");
        assert!(lines.iter().any(|l| l.contains(&wanted)), "{sql}: no {wanted} in {lines:#?}");
        let s = if rows == 1 { "" } else { "s" };
        let fact = format!("at most {rows} row{s} per user_id");
        assert!(lines.iter().any(|l| l.contains(&fact)), "{sql}: no {fact} in {lines:#?}");
    }
}
