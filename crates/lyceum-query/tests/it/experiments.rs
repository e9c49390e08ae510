//! The experiments that advertising and marketing researchers run, as SQL over users, events and another owner's ads:
//! each is certified, and without noise gives what plain SQL gives.

use crate::attacks::shop::ordinary;
use crate::below::differences;

const EXPERIMENTS: &[(usize, &str)] = &[
    // Reach and frequency.
    (
        2,
        "WITH f AS (SELECT user_id, campaign, LEAST(COUNT(*), 10) AS k FROM ads GROUP BY user_id, campaign) \
        SELECT campaign, k, COUNT(*) AS users FROM f GROUP BY campaign, k",
    ),
    // Attribution: last touch, linear, by age.
    (
        1,
        "WITH t AS (SELECT c.user_id, c.at AS conversion, i.campaign, \
            EXTRACT(epoch FROM c.at) - EXTRACT(epoch FROM i.shown) AS age \
            FROM events c JOIN ads i ON i.user_id = c.user_id AND i.shown <= c.at AND i.shown > c.at - INTERVAL '30 days' \
            WHERE c.clicks > 0), \
        w AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id, conversion ORDER BY age) AS rn, \
            1.0 / COUNT(*) OVER (PARTITION BY user_id, conversion) AS lin, \
            exp(-age / 604800.0) / SUM(exp(-age / 604800.0)) OVER (PARTITION BY user_id, conversion) AS decay \
            FROM t WHERE age BETWEEN 0 AND 2592000) \
        SELECT campaign, SUM(CASE WHEN rn = 1 THEN 1 ELSE 0 END) AS last_touch, SUM(lin) AS linear, \
            SUM(LEAST(decay, 1)) AS time_decay FROM w GROUP BY campaign",
    ),
    // Incrementality with a covariate from before.
    (
        1,
        "WITH u AS (SELECT user_id, plan AS arm, COALESCE(y, 0) AS y, COALESCE(x, 0) AS x FROM users LEFT JOIN \
            (SELECT user_id AS id, LEAST(GREATEST(SUM(spend) FILTER (WHERE at >= '2026-02-01'), 0), 100) AS y, \
            LEAST(COUNT(*) FILTER (WHERE at < '2026-02-01'), 9) AS x FROM events GROUP BY user_id) q ON id = user_id) \
        SELECT arm, COUNT(*) AS n, SUM(y) AS sy, SUM(y * y) AS syy, SUM(x) AS sx, SUM(x * x) AS sxx, SUM(x * y) AS sxy \
        FROM u GROUP BY arm",
    ),
    // Audience overlap.
    (
        2,
        "WITH ua AS (SELECT DISTINCT user_id FROM events), ub AS (SELECT DISTINCT user_id FROM ads WHERE clicked) \
        SELECT a.user_id IS NOT NULL AS in_a, b.user_id IS NOT NULL AS in_b, COUNT(*) \
        FROM ua a FULL JOIN ub b USING (user_id) GROUP BY 1, 2",
    ),
    // Cohort retention.
    (
        2,
        "WITH first AS (SELECT user_id, MIN(EXTRACT(month FROM at)) AS m0 FROM events GROUP BY user_id), \
        act AS (SELECT DISTINCT user_id, EXTRACT(month FROM shown) AS m FROM ads) \
        SELECT m0, m - m0 AS period, COUNT(*) FROM first JOIN act USING (user_id) GROUP BY m0, period",
    ),
    // Lifetime value.
    (
        1,
        "SELECT m0, COUNT(*), SUM(LEAST(rev, 120)) FROM (SELECT user_id, EXTRACT(month FROM MIN(at)) AS m0, \
        SUM(spend) AS rev FROM events GROUP BY user_id) q GROUP BY m0",
    ),
    // Funnel.
    (
        1,
        "SELECT deepest, COUNT(*) FROM (SELECT user_id, MAX(CASE segment WHEN 'a' THEN 1 WHEN 'b' THEN 2 WHEN 'c' THEN 3 END) \
        AS deepest FROM events GROUP BY user_id) q GROUP BY deepest",
    ),
    // A funnel in order.
    (
        2,
        "SELECT b, c, COUNT(*) FROM (SELECT user_id, COALESCE(tb >= ta, false) AS b, COALESCE(tc >= tb, false) AS c FROM \
        (SELECT user_id, MIN(at) FILTER (WHERE segment = 'a') AS ta, MIN(at) FILTER (WHERE segment = 'b') AS tb, \
        MIN(at) FILTER (WHERE segment = 'c') AS tc FROM events GROUP BY user_id) q) r GROUP BY b, c",
    ),
    // Auction landscape.
    (
        2,
        "SELECT campaign, CAST(floor(ln(cost + 1) / 0.2) AS BIGINT) AS bin, COUNT(*) AS bids, \
        SUM(CASE WHEN clicked THEN 1 ELSE 0 END) AS wins, SUM(CASE WHEN clicked THEN cost ELSE 0 END) AS spend \
        FROM ads GROUP BY campaign, bin",
    ),
    // Off-policy evaluation.
    (
        0,
        "SELECT SUM(w * click) / SUM(w) AS snips, SUM(w * click) / COUNT(*) AS ips, SUM(w) * SUM(w) / SUM(w * w) AS ess \
        FROM (SELECT LEAST(cost / 0.4, 20) AS w, CASE WHEN clicked THEN 1 ELSE 0 END AS click FROM ads WHERE cost IS NOT NULL) q",
    ),
    // Fairness of delivery.
    (
        2,
        "SELECT campaign, plan, COUNT(DISTINCT user_id) AS reached, SUM(eligible) AS eligible FROM (SELECT DISTINCT a.user_id, \
        a.campaign, u.plan, CASE WHEN u.age >= 18 THEN 1 ELSE 0 END AS eligible FROM ads a JOIN users u ON u.user_id = a.user_id) q \
        GROUP BY campaign, plan",
    ),
];

#[tokio::test]
async fn the_ten_shapes_of_experiments_are_answered() {
    let wrong = differences(&ordinary(), EXPERIMENTS).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
