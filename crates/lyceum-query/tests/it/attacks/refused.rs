//! Attacks that certification meets: each query with the code of its refusal, or "private" where it is harmless.

use crate::sample::{catalog, certified_in};
use lyceum_query::certify::Certified;

/// How a query over `sample`'s catalogue is met.
pub(crate) fn met(sql: &str) -> &'static str {
    match certified_in(&catalog(), sql) {
        Ok(Certified::Private(_)) => "private",
        Ok(Certified::Public(_)) => "public",
        Err(error) => error.code(),
    }
}

macro_rules! attacks {
    ($($(#[$doc:meta])* $name:ident: $code:literal, $($sql:expr),+;)*) => {
        $($(#[$doc])* #[test] fn $name() {
            // All at once: a change is seen whole.
            let wrong: Vec<String> = [$($sql),+].iter().filter(|s| met(s) != $code).map(|s| format!("{} {s}", met(s))).collect();
            assert!(wrong.is_empty(), "not {}: {wrong:#?}", $code);
        })*
    };
}

attacks! {
    // Numbers.
    sums_that_could_overflow: "E2113",
        "SELECT SUM(items * 900000000000000) FROM orders",
        "SELECT SUM(items, contribution_bounds_per_group => (0, 9e18)) FROM orders",
        "SELECT SUM(score, contribution_bounds_per_row => (-1e308, 1e308)) FROM orders";
    bounds_from_nothing: "E2113",
        "SELECT SUM(score) FROM orders",
        "SELECT SUM(1 / score) FROM orders",
        "SELECT AVG(score) FROM orders WHERE score > 0",
        "SELECT SUM(score) FROM orders WHERE score = score";
    bounds_that_are_no_numbers: "E2113",
        "SELECT SUM(score, contribution_bounds_per_row => (0, 1e999)) FROM orders",
        "SELECT SUM(score, contribution_bounds_per_row => (0, items)) FROM orders",
        "SELECT SUM(score, contribution_bounds_per_row => (0, (SELECT MAX(score) FROM orders))) FROM orders",
        "SELECT COUNT(*, contribution_bounds_per_group => (0, 6)) FROM orders",
        "SELECT COUNT(*, contribution_bounds_per_group => (0, 0)) FROM orders",
        "SELECT COUNT(*, contribution_bounds_per_row => (0, 5)) FROM orders";
    /// The bounds of a column don't survive its redefinition: `spend` is a new column here.
    bounds_of_a_redefined_column: "E2113",
        "SELECT SUM(spend) FROM (SELECT score AS spend FROM orders) q",
        "WITH orders AS (SELECT score AS spend FROM orders) SELECT SUM(spend) FROM orders",
        "SELECT AVG(spend) FROM (SELECT spend / (items - items) AS spend FROM orders) q";

    // One row that makes the query fail.
    array_index: "E2104", "SELECT COUNT(*) FROM orders WHERE (ARRAY[1, 2])[items] = 1";
    regular_expressions_of_rows: "E2104", "SELECT COUNT(*) FROM orders WHERE 'x' ~ city";
    regular_expression_functions: "E2104",
        "SELECT COUNT(*) FROM orders WHERE regexp_like(city, '[')",
        "SELECT COUNT(*) FROM orders WHERE regexp_replace(city, city, '') = 'x'";
    /// NULL from 10^(p−s) on, for that row alone.
    decimals_that_overflow: "private",
        "SELECT SUM(CAST(items AS DECIMAL(3, 2))) FROM orders",
        "SELECT COUNT(*) FROM orders WHERE CAST(city AS DECIMAL(38, 10)) > 1";
    formats_from_rows: "E2109",
        "SELECT COUNT(*) FROM orders WHERE to_timestamp(city, segment) IS NULL",
        "SELECT COUNT(*) FROM orders WHERE to_char(at, city) = 'x'";
    /// NULL where the text is no date.
    texts_that_are_no_dates: "private", "SELECT COUNT(*) FROM orders WHERE to_date(city) IS NULL";
    parts_from_rows: "E2104", "SELECT COUNT(*) FROM orders WHERE date_part(city, at) = 1";
    scalar_subqueries: "E2116",
        "SELECT COUNT(*) FROM orders WHERE items = (SELECT items FROM orders)",
        "SELECT SUM(CASE WHEN vip THEN (SELECT COUNT(*) FROM orders) ELSE 0 END) FROM orders",
        "SELECT COUNT(*) FILTER (WHERE items > (SELECT AVG(items) FROM orders)) FROM orders",
        "SELECT segment, COUNT(*) FROM orders GROUP BY segment HAVING COUNT(*) > (SELECT items FROM orders LIMIT 1)",
        "SELECT (SELECT n FROM (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) q), COUNT(*) FROM orders";
    /// A value that is released itself, and paid for, may stand in any expression above.
    released_scalar_subqueries: "private",
        "SELECT segment, COUNT(*) * 1.0 / (SELECT COUNT(*) FROM orders) AS share FROM orders GROUP BY segment",
        "SELECT segment, COUNT(*) FROM orders GROUP BY segment HAVING COUNT(*) > (SELECT AVG(items) FROM orders)",
        "SELECT segment, SUM(items) FROM orders GROUP BY segment HAVING segment IN (SELECT segment FROM orders GROUP BY segment HAVING COUNT(*) > 5)";
    in_and_exists: "E2116",
        "SELECT COUNT(*) FROM orders WHERE items > ALL (SELECT items FROM orders)",
        "SELECT COUNT(*) FROM orders WHERE vip OR user_id IN (SELECT user_id FROM users)",
        "SELECT COUNT(*) FROM orders o WHERE spend NOT IN (SELECT p.spend FROM orders p WHERE p.user_id = o.user_id)";
    /// They become joins, and those need the unit.
    in_and_exists_without_the_unit: "E2107",
        "SELECT COUNT(*) FROM orders o WHERE items > (SELECT AVG(items) FROM orders p WHERE p.city = o.city)",
        "SELECT COUNT(*) FROM orders WHERE city IN (SELECT city FROM orders WHERE vip)",
        "SELECT COUNT(*) FROM orders WHERE city NOT IN (SELECT city FROM orders)",
        "SELECT COUNT(*) FROM orders o WHERE EXISTS (SELECT 1 FROM orders p WHERE p.city = o.city)",
        "SELECT COUNT(*) FROM orders WHERE EXISTS (SELECT 1 FROM orders WHERE city = 'Ghent')",
        "SELECT COUNT(*) FROM orders WHERE NOT EXISTS (SELECT 1 FROM orders WHERE city = 'Ghent')";

    // Memory and time.
    /// NULL beyond 4,096 bytes, and never built.
    long_texts_from_rows: "private",
        "SELECT COUNT(*) FROM orders WHERE repeat(city, items * 1000000) = 'x'",
        "SELECT COUNT(*) FROM orders WHERE lpad(city, 2147483647, 'x') = 'x'",
        "SELECT COUNT(*) FROM orders WHERE replace(city, '', segment) = 'x'",
        "SELECT COUNT(*) FROM orders WHERE overlay(city PLACING city FROM 1) = 'x'";
    /// Matching would take longer than a row may.
    long_matches: "E2101",
        "SELECT COUNT(*) FROM orders WHERE regexp_count(repeat(city, 100), '\\w+\\s\\w+') > 1";
    rows_from_nothing: "E2104",
        "SELECT COUNT(*) FROM generate_series(1, 1000000000)",
        "SELECT COUNT(*) FROM orders, LATERAL (SELECT 1) q",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r";

    // The privacy unit.
    the_unit_in_conditions: "E2111",
        "SELECT COUNT(*) FROM orders WHERE user_id = 'victim'",
        "SELECT COUNT(*) FROM orders WHERE user_id <> 'victim'",
        "SELECT COUNT(*) FROM orders WHERE user_id = user_id",
        "SELECT COUNT(*) FROM orders WHERE user_id IN ('victim', 'other')",
        "SELECT COUNT(*) FROM orders WHERE user_id BETWEEN 'a' AND 'b'",
        "SELECT COUNT(*) FROM orders WHERE user_id IS NULL",
        "SELECT COUNT(*) FROM orders WHERE CASE user_id WHEN 'victim' THEN false ELSE true END",
        "SELECT COUNT(*) FILTER (WHERE user_id = 'victim') FROM orders";
    the_unit_computed_with: "E2111",
        "SELECT COUNT(*) FROM orders WHERE CAST(user_id AS VARCHAR) = 'victim'",
        "SELECT COUNT(*) FROM orders WHERE CAST(user_id AS BIGINT) % 2 = 0",
        "SELECT SUM(user_id) FROM orders",
        "SELECT COUNT(user_id || 'x') FROM orders";
    the_unit_as_a_key: "E2111",
        "SELECT user_id, COUNT(*) FROM orders GROUP BY user_id",
        "SELECT COUNT(*) FROM orders GROUP BY user_id",
        "SELECT city, COUNT(*) FROM (SELECT user_id AS city FROM orders) q GROUP BY city",
        "WITH q AS (SELECT city AS user_id, user_id AS city FROM orders) SELECT city, COUNT(*) FROM q GROUP BY city",
        "SELECT COUNT(*) FROM orders GROUP BY user_id || ''";
    the_unit_hashed: "E2109",
        "SELECT COUNT(*) FROM orders GROUP BY md5(user_id)";
    the_unit_as_output: "E2110", "SELECT user_id FROM orders", "SELECT user_id FROM orders ORDER BY user_id LIMIT 1";
    quantiles_of_the_unit: "E2111", "SELECT MIN(user_id), MAX(user_id) FROM orders", "SELECT MEDIAN(user_id) FROM orders";
    extremes_of_the_unit: "E2112",
        "SELECT first_value(user_id) FROM orders",
        "SELECT string_agg(user_id, ',') FROM orders";
    /// It is counted as any other value is: of one person at most as many as the policy says.
    something_else_called_like_the_unit: "private",
        "WITH orders AS (SELECT city AS user_id FROM orders) SELECT COUNT(DISTINCT user_id) FROM orders",
        "SELECT COUNT(DISTINCT user_id) FROM (SELECT segment AS user_id FROM orders) q";
    /// Counting pairs as if they were persons would be an answer to another question.
    several_arguments: "E2112",
        "SELECT COUNT(DISTINCT user_id, city) FROM orders",
        "SELECT COUNT(spend, city) FROM orders",
        "SELECT COUNT(user_id, spend) FROM orders";

    // Hidden columns and the engine's own names.
    hidden_columns: "E2106",
        "SELECT COUNT(DISTINCT __unit) FROM orders",
        "SELECT COUNT(DISTINCT \"__unit\") FROM orders",
        "SELECT COUNT(DISTINCT orders.__unit) FROM orders",
        "SELECT segment, __cell, COUNT(*) FROM orders GROUP BY segment",
        "SELECT q.__i0 FROM (SELECT COUNT(*) AS n, DP_INTERVAL_LOW(COUNT(*)) FROM orders) q",
        "SELECT * FROM __released";
    reserved_names_as_aliases: "E2106",
        "SELECT COUNT(*) AS __cell FROM orders",
        "SELECT segment AS \"__cell\", COUNT(*) FROM orders GROUP BY segment",
        "SELECT CAST(MAX(n) AS INT UNSIGNED) AS __cell FROM (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) q",
        "WITH __released AS (SELECT 1 AS a0) SELECT a0 FROM __released",
        "SELECT COUNT(*) FROM orders AS __released",
        "SELECT COUNT(*) FROM (SELECT city FROM orders) AS q (__unit)";
    unknown_schemas: "E2106",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pg_catalog.pg_class",
        "SELECT * FROM 'orders.parquet'";
    /// A CTE can't put itself in the place of a schema.
    a_cte_called_like_a_schema: "private",
        "WITH protected AS (SELECT * FROM mock.orders) SELECT COUNT(*) FROM protected.orders",
        "WITH mock AS (SELECT 1 AS x) SELECT COUNT(*) FROM orders";
    /// Nor does a CTE over protected rows become public by its name.
    a_cte_called_like_a_public_table: "E2110",
        "WITH m AS (SELECT * FROM orders) SELECT * FROM m",
        "WITH visits AS (SELECT * FROM orders) SELECT city FROM visits";
    metadata: "E2109",
        "SELECT COUNT(*) FROM orders WHERE version() = 'x'",
        "SELECT COUNT(*) FROM orders WHERE input_file_name() = 'x'",
        "SELECT COUNT(*) FROM orders WHERE arrow_typeof(city) = 'x'",
        "SELECT arrow_typeof(COUNT(*)) FROM orders";
    volatile_functions: "E2109",
        "SELECT COUNT(*) FROM orders WHERE random() < 0.5",
        "SELECT COUNT(*) FROM orders GROUP BY uuid()",
        "SELECT COUNT(*) + random() FROM orders";

    // Keys, order, other people's rows.
    values_that_occur: "E2115", "SELECT DISTINCT city FROM orders", "SELECT COUNT(*) FROM (SELECT DISTINCT city FROM orders) q";
    groups_without_a_number: "E2112", "SELECT city FROM orders GROUP BY city";
    float_keys: "E2108", "SELECT COUNT(*) FROM orders GROUP BY spend", "SELECT COUNT(*) FROM orders GROUP BY floor(score * 1e9)";
    limits_below: "E2115",
        "SELECT SUM(spend) FROM (SELECT * FROM orders ORDER BY at LIMIT 10) q",
        "SELECT COUNT(*) FROM (SELECT * FROM orders OFFSET 10) q",
        "SELECT COUNT(*) FROM (SELECT * FROM orders LIMIT 0) q";
    windows_over_persons: "E2115",
        "SELECT SUM(f) FROM (SELECT CASE WHEN SUM(items) OVER () > 3 THEN 1 ELSE 0 END AS f FROM orders) q",
        "SELECT COUNT(*) FROM (SELECT ROW_NUMBER() OVER (ORDER BY at) AS r FROM orders) q WHERE r < 5",
        "SELECT COUNT(*) FROM (SELECT lag(city) OVER (PARTITION BY city ORDER BY at) AS c FROM orders) q";
    /// The largest value is a quantile of a histogram, different values are counted with a bound.
    bounded_forms_of_extremes_and_values: "private",
        "SELECT MIN(spend), MAX(spend) FROM orders",
        "SELECT COUNT(DISTINCT city) FROM orders";
    unbounded_aggregates: "E2112",
        "SELECT string_agg(city, ',') FROM orders",
        "SELECT array_agg(city) FROM orders",
        "SELECT bit_and(items) FROM orders",
        "SELECT approx_distinct(city) FROM orders",
        "SELECT bool_or(vip) FROM orders",
        "SELECT SUM(DISTINCT spend) FROM orders";
    joins_over_other_things_than_the_unit: "E2107",
        "SELECT COUNT(*) FROM orders a JOIN orders b ON a.city = b.city",
        "SELECT COUNT(*) FROM orders a CROSS JOIN orders b",
        "SELECT COUNT(*) FROM mock.orders p LEFT JOIN orders o ON p.city = o.city",
        "SELECT COUNT(*) FROM orders a LEFT JOIN visits b ON a.segment = b.arm",
        "SELECT COUNT(*) FROM orders a JOIN (SELECT city, COUNT(*) AS n FROM orders GROUP BY city) b ON a.city = b.city";
    /// NULL units and phantom units (24): public rows that are kept without a private one would belong to nobody, and
    /// would come and go with anybody.
    phantom_units: "E2107",
        "SELECT COUNT(*) FROM cities c LEFT JOIN orders o ON c.city = o.city",
        "SELECT COUNT(*) FROM orders o RIGHT JOIN cities c ON c.city = o.city",
        "SELECT COUNT(*) FROM orders o FULL JOIN cities c ON c.city = o.city",
        "SELECT COUNT(*) FROM orders o CROSS JOIN cities",
        "SELECT COUNT(*) FROM orders o JOIN cities c ON o.city < c.city";
    public_rows_chosen_by_private_ones: "E2116",
        "SELECT COUNT(*) FROM cities c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.city = c.city)",
        "SELECT COUNT(*) FROM cities c WHERE city NOT IN (SELECT city FROM orders)";
    /// The unit of a side that may be missing is no unit: all who are missing would be one person.
    null_units: "E2111",
        "SELECT COUNT(*) FROM (SELECT u.user_id, COUNT(*) AS n FROM orders o LEFT JOIN users u ON u.user_id = o.user_id GROUP BY u.user_id) q",
        "SELECT COUNT(*) FROM (SELECT DISTINCT u.user_id FROM orders o LEFT JOIN users u ON u.user_id = o.user_id) q",
        "SELECT COUNT(*) FROM (SELECT ROW_NUMBER() OVER (PARTITION BY u.user_id) AS r FROM orders o LEFT JOIN users u ON u.user_id = o.user_id) q",
        "SELECT COUNT(*) FROM orders o LEFT JOIN users u ON u.user_id = o.user_id WHERE u.user_id = 'victim'",
        "SELECT COUNT(*) FROM orders o LEFT JOIN users u ON u.user_id = o.user_id WHERE u.user_id || '' = 'victim'",
        "SELECT u.user_id, COUNT(*) FROM orders o LEFT JOIN users u ON u.user_id = o.user_id GROUP BY u.user_id",
        "SELECT COALESCE(u.user_id, 'x') AS k, COUNT(*) FROM orders o LEFT JOIN users u ON u.user_id = o.user_id GROUP BY k";
    /// What one person's rows push out or let in (27).
    rows_that_make_room: "E2115",
        "SELECT SUM(spend) FROM (SELECT * FROM orders ORDER BY at LIMIT 1000) q",
        "SELECT COUNT(*) FROM orders o JOIN (SELECT user_id FROM orders LIMIT 10) q ON q.user_id = o.user_id",
        "SELECT COUNT(*) FROM (SELECT user_id, COUNT(*) AS n FROM (SELECT * FROM orders LIMIT 5) q GROUP BY user_id) r",
        "SELECT COUNT(*) FROM (SELECT DISTINCT ON (city) user_id, city FROM orders) q",
        "SELECT COUNT(*) FROM (SELECT ROW_NUMBER() OVER (ORDER BY at) AS r FROM orders) q WHERE r <= 1000";
    /// Windows over several persons (28), through any detour.
    windows_over_everybody: "E2115",
        "WITH c AS (SELECT user_id, CASE WHEN SUM(items) OVER () > 0 THEN 1 ELSE 0 END AS f FROM orders) SELECT SUM(f) FROM c",
        "SELECT COUNT(*) FROM (SELECT user_id FROM orders QUALIFY COUNT(*) OVER (PARTITION BY city) > 1) q",
        "SELECT COUNT(*) FROM (SELECT LAG(user_id) OVER (ORDER BY at) AS u FROM orders) q",
        "SELECT COUNT(*) FROM (SELECT SUM(n) OVER (PARTITION BY n) AS s FROM (SELECT user_id, COUNT(*) AS n FROM orders GROUP BY user_id) q) r";
    /// The unit doesn't leave a window as a value.
    the_unit_through_a_window: "E2111",
        "SELECT COUNT(*) FROM (SELECT FIRST_VALUE(user_id) OVER (PARTITION BY user_id ORDER BY at) AS u FROM orders) q",
        "SELECT COUNT(*) FROM (SELECT MIN(user_id) OVER (PARTITION BY user_id) AS u FROM orders) q",
        "SELECT COUNT(*) FROM (SELECT user_id, MAX(user_id) AS u FROM orders GROUP BY user_id) q WHERE u = 'victim'";
    /// Groups inside without the unit are releases of their own (29): two barriers, one above the other, are free
    /// post-processing; beside private rows they are refused.
    released_numbers_beside_private_rows: "E2107",
        "SELECT COUNT(*) FROM orders o JOIN (SELECT city, SUM(items) AS s FROM orders GROUP BY city) q ON q.city = o.city",
        "SELECT COUNT(*) FROM orders o CROSS JOIN (SELECT AVG(spend) AS a FROM orders) q WHERE o.spend > q.a";
    /// Bounds belong to expressions (31): a column of the same name has its own.
    bounds_through_subqueries: "E2113",
        "SELECT SUM(s) FROM (SELECT user_id, SUM(score) AS s FROM orders GROUP BY user_id) q",
        "SELECT SUM(spend) FROM (SELECT user_id, score AS spend FROM orders UNION ALL SELECT user_id, spend FROM orders) q",
        "SELECT SUM(x) FROM (SELECT o.score AS x FROM orders o JOIN users USING (user_id)) q",
        "SELECT SUM(m) FROM (SELECT user_id, MAX(score) AS m FROM orders GROUP BY user_id) q",
        "SELECT SUM(l) FROM (SELECT LAG(score) OVER (PARTITION BY user_id ORDER BY at) AS l FROM orders) q";
    /// Fan-out (32): a key that isn't the unit joins everybody with everybody.
    fan_out: "E2107",
        "SELECT COUNT(*) FROM orders JOIN orders o2 USING (city)",
        "SELECT COUNT(*) FROM orders a, orders b WHERE a.city = b.city",
        "SELECT COUNT(*) FROM visits a JOIN visits b ON a.arm = b.arm",
        "SELECT COUNT(*) FROM orders a NATURAL JOIN visits b";
    /// Whatever else is said of the unit in ON.
    conditions_on_the_unit_in_joins: "E2111",
        "SELECT COUNT(*) FROM orders a JOIN orders b ON a.user_id = b.city",
        "SELECT COUNT(*) FROM orders a JOIN orders b ON a.user_id = a.user_id",
        "SELECT COUNT(*) FROM orders a JOIN users b ON a.user_id = b.user_id OR a.city = b.plan",
        "SELECT COUNT(*) FROM orders a JOIN users b ON NOT (a.user_id = b.user_id)",
        "SELECT COUNT(*) FROM orders a JOIN users b ON a.user_id = b.user_id AND a.user_id <> 'victim'",
        "SELECT COUNT(*) FROM orders a JOIN users b ON a.user_id < b.user_id",
        "SELECT COUNT(*) FROM orders WHERE NOT EXISTS (SELECT 1 FROM orders WHERE user_id IS NOT NULL AND city = 'Ghent')";
    /// Rows of one person multiply, but not without end.
    fan_out_within_a_person: "E2101",
        "SELECT COUNT(*) FROM orders a, orders b, orders c, orders d, orders e, orders f WHERE a.user_id = b.user_id AND b.user_id = c.user_id AND c.user_id = d.user_id AND d.user_id = e.user_id AND e.user_id = f.user_id",
        "SELECT COUNT(*) FROM sessions a JOIN sessions b ON a.device = b.device",
        "SELECT COUNT(*) FROM (SELECT ROW_NUMBER() OVER (PARTITION BY device) AS r FROM (SELECT device FROM sessions UNION ALL SELECT device FROM sessions) q) r";
    different_populations: "E2107",
        "SELECT COUNT(*) FROM orders JOIN sessions ON user_id = device",
        "SELECT COUNT(*) FROM (SELECT user_id FROM orders UNION ALL SELECT device FROM sessions) q",
        "SELECT COUNT(*) FROM orders WHERE user_id IN (SELECT device FROM sessions)";
    /// Set operations that compare rows of several persons (33).
    set_operations_without_the_unit: "E2115",
        "SELECT COUNT(*) FROM (SELECT city FROM orders UNION SELECT city FROM orders) q",
        "SELECT COUNT(*) FROM (SELECT city FROM orders EXCEPT SELECT city FROM orders WHERE vip) q",
        "SELECT COUNT(*) FROM (SELECT city FROM orders INTERSECT SELECT city FROM orders WHERE vip) q";
    /// The unit in another column of another part.
    set_operations_that_shift_the_unit: "E2111",
        "SELECT COUNT(*) FROM (SELECT user_id, city FROM orders UNION ALL SELECT city, user_id FROM orders) q",
        "SELECT COUNT(DISTINCT user_id) FROM (SELECT user_id FROM orders UNION ALL SELECT city FROM orders) q";
    private_rows_beside_public_ones: "E2119",
        "SELECT COUNT(*) FROM orders UNION ALL SELECT COUNT(*) FROM mock.orders";
    /// The error is about what is wrong, not about the CTE's name.
    duplicate_names: "E2104", "WITH q AS (SELECT segment, COUNT(*) AS n FROM orders GROUP BY segment) SELECT n, n FROM q";
    /// It would be charged for and then fail: there are no tables above the barrier.
    public_subqueries_above: "E2119",
        "SELECT COUNT(*) FROM orders HAVING COUNT(*) > (SELECT COUNT(*) FROM mock.orders)",
        "SELECT COUNT(*) FROM orders ORDER BY (SELECT MAX(items) FROM mock.orders)";
    /// Each aggregate is a release of its own: all are paid for.
    several_releases: "private",
        "SELECT segment, COUNT(*) FROM orders GROUP BY CUBE (segment, vip)",
        "SELECT COUNT(*) FROM orders UNION ALL SELECT COUNT(*) FROM orders WHERE vip",
        "SELECT a.n - b.n FROM (SELECT COUNT(*) AS n FROM orders) a, (SELECT COUNT(*) AS n FROM orders WHERE vip) b";

    // Intervals and options.
    intervals_of_exact_numbers: "E2118",
        "SELECT DP_INTERVAL_LOW(1) FROM orders GROUP BY segment HAVING COUNT(*) > 0",
        "SELECT segment, DP_INTERVAL_HIGH(segment), COUNT(*) FROM orders GROUP BY segment",
        "SELECT DP_INTERVAL_LOW(COUNT(*), 1) FROM orders",
        "SELECT DP_INTERVAL_LOW(COUNT(*), 0.0) FROM orders";
    intervals_below: "E2109",
        "SELECT SUM(DP_INTERVAL_LOW(spend), contribution_bounds_per_group => (0, 1)) FROM orders",
        "SELECT COUNT(*) FROM orders WHERE DP_INTERVAL_LOW(spend) > 0";
    options_that_weaken: "E2105",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1e9) COUNT(*) FROM orders",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = -1) COUNT(*) FROM orders",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 5) segment, COUNT(*) FROM orders GROUP BY segment",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (delta = 0.5) COUNT(*) FROM orders",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (privacy_unit_column = city) COUNT(*) FROM orders",
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (min_privacy_units_per_group = 1) COUNT(*) FROM orders";
}
