//! Record and replay (Cebere, Erb, Desfontaines, Bellet and Fitzsimons 2025): every query is run on a table and on the
//! same table without one person. Both runs must look alike but for the exact cells that go into noise, and those may
//! differ, over all cells of the query together, by no more than what is charged.
//!
//! Undeclared keys are compared on the groups that both sides could show. Groups that only one side could show are
//! paid for with δ: at most L0 of them, each with exactly k units.

use crate::attacks::shop::{Event, POLICY, Shop, ShowAll, awkward, ordinary};
use crate::attacks::town::town;
use crate::below::ADMITTED;
use crate::neighbours::{Run, compared, loss, run};
use lyceum_privacy::mechanism::Mechanism;

const PUBLIC_KEYS: &[&str] = &[
    "segment",
    "vip",
    "CASE WHEN clicks > 10 THEN 'many' WHEN score > 0 THEN 'liked' ELSE 'few' END",
    "clicks % 3",
    "EXTRACT(month FROM at)",
    "upper(segment)",
    "n IS NULL",
];
/// Each gives an ordinary person at most L0 groups, so that only the awkward ones are sampled.
const PRIVATE_KEYS: &[&str] =
    &["city", "upper(city)", "note", "CAST(score AS BIGINT)", "date_trunc('month', at)", "coalesce(note, city)"];
const AGGREGATES: &[&str] = &[
    "COUNT(*)",
    "COUNT(score)",
    "COUNT(note)",
    "COUNT(DISTINCT user_id)",
    "COUNT(*, contribution_bounds_per_group => (0, 2))",
    "COUNT(*) FILTER (WHERE note LIKE '%x_' OR score > 0)",
    "SUM(clicks)",
    "SUM(spend)",
    "SUM(clicks) FILTER (WHERE score > 0)",
    "SUM(n, contribution_bounds_per_group => (-100, 1000))",
    "SUM(n, contribution_bounds_per_group => (5, 10))",
    "SUM(n, contribution_bounds_per_group => (-10, -5))",
    "SUM(score, contribution_bounds_per_row => (-1, 2.7))",
    "SUM(spend, contribution_bounds_per_group => (-3, 0.3))",
    "SUM(CASE WHEN vip THEN spend ELSE 0 END)",
    "SUM(spend * clicks)",
    "SUM(n / clicks, contribution_bounds_per_group => (-7, 7))",
    "SUM(n * 9000000000, contribution_bounds_per_group => (-7, 7))",
    "SUM(power(score, 3), contribution_bounds_per_row => (0, 1e6))",
    "SUM(CAST(note AS BIGINT), contribution_bounds_per_row => (0, 9))",
    "AVG(spend)",
    "AVG(clicks)",
    "AVG(score, contribution_bounds_per_row => (100, 1e6))",
    "AVG(abs(n), contribution_bounds_per_row => (0, 1))",
    "STDDEV(spend)",
    "VAR_POP(score, contribution_bounds_per_row => (-2, 9))",
    "CORR(spend, clicks)",
    "REGR_SLOPE(clicks, spend) FILTER (WHERE vip)",
    "MEDIAN(spend)",
    "MAX(clicks)",
    "PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY clicks * 1000)",
    "MIN(at)",
    "COUNT(DISTINCT note)",
    "COUNT(DISTINCT clicks, contribution_bounds_per_group => (0, 2))",
];
const CONDITIONS: &[&str] = &[
    "spend > 0",
    "clicks BETWEEN 0 AND 10",
    "segment IN ('a', 'nobody')",
    "vip",
    "note IS NULL",
    "score < 1e10",
    "at >= '2026-03-01' AND at < '2026-04-01'",
    "1 / clicks > 0",
    "sqrt(score) > 1 OR ln(score) < 0",
    "CAST(note AS BIGINT) > 3 IS NOT TRUE",
    "substr(note, clicks, n) = 'x'",
    "day + INTERVAL '1 month' > DATE '2026-02-01'",
];
/// What stands below: each has the columns of `events`, gives an ordinary person no more groups, and is another rule.
const SOURCES: &[&str] = &[
    "events",
    "(SELECT e.* FROM events e JOIN users u ON u.user_id = e.user_id AND u.age > 3) events",
    "(SELECT e.* FROM events e LEFT JOIN ads a ON a.user_id = e.user_id AND a.shown < e.at) events",
    "(SELECT e.* FROM users u RIGHT JOIN events e ON u.user_id = e.user_id AND u.plan = 'paid') events",
    "(SELECT e.* FROM events e, ads a WHERE e.user_id = a.user_id AND NOT a.clicked) events",
    "(SELECT e.* FROM events e JOIN cities c ON c.city = e.city) events",
    "(SELECT e.* FROM events e LEFT JOIN cities c ON upper(c.city) = upper(e.note) OR FALSE) events",
    "(SELECT * FROM events QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY at, clicks) <= 7) events",
    "(SELECT * FROM events QUALIFY SUM(clicks) OVER (PARTITION BY user_id, segment ORDER BY at) > COALESCE(LAG(n) OVER (PARTITION BY user_id ORDER BY score), 0)) events",
    "(SELECT * FROM events UNION ALL SELECT * FROM events WHERE vip) events",
    "(SELECT DISTINCT * FROM events) events",
    "(SELECT * FROM events WHERE user_id IN (SELECT user_id FROM ads WHERE clicked)) events",
    "(SELECT * FROM events e WHERE NOT EXISTS (SELECT 1 FROM ads a WHERE a.user_id = e.user_id AND a.cost > e.spend)) events",
    "(SELECT user_id, segment, city, at, day, vip, note, SUM(clicks) AS clicks, MAX(n) AS n, MIN(score) AS score, AVG(spend) AS spend FROM events GROUP BY user_id, segment, city, at, day, vip, note) events",
    "(SELECT e.* FROM events e JOIN (SELECT user_id, COUNT(*) AS k, BOOL_OR(vip) AS v, MAX(note) AS m FROM events GROUP BY user_id HAVING COUNT(*) > 1) q ON q.user_id = e.user_id) events",
];
const OPTIONS: &[&str] = &[
    "",
    "WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.3) ",
    "WITH DIFFERENTIAL_PRIVACY OPTIONS (max_groups_contributed = 3) ",
];

/// Questions from a grammar, the same in every run; each word of it is used.
fn questions(count: usize) -> Vec<String> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    (0..count)
        .map(|i| {
            let keys: Vec<&str> = match i % 4 {
                0 => vec![PRIVATE_KEYS[i / 4 % PRIVATE_KEYS.len()]],
                1 => vec![PUBLIC_KEYS[i / 4 % PUBLIC_KEYS.len()]],
                2 => vec![PUBLIC_KEYS[i / 4 % PUBLIC_KEYS.len()], PUBLIC_KEYS[(i / 4 + 3) % PUBLIC_KEYS.len()]],
                _ => vec![],
            };
            let mut columns: Vec<String> = keys.iter().enumerate().map(|(k, e)| format!("{e} AS key{k}")).collect();
            columns.extend((0..=next(3)).map(|a| format!("{} AS sum{a}", AGGREGATES[(i + a * 7) % AGGREGATES.len()])));
            let condition =
                if next(3) > 0 { format!(" WHERE {}", CONDITIONS[next(CONDITIONS.len())]) } else { String::new() };
            let by: Vec<String> = (0..keys.len()).map(|k| format!("key{k}")).collect();
            let group = if by.is_empty() { String::new() } else { format!(" GROUP BY {}", by.join(", ")) };
            let (source, option) = (SOURCES[i % SOURCES.len()], OPTIONS[next(OPTIONS.len())]);
            format!("SELECT {option}{} FROM {source}{condition}{group}", columns.join(", "))
        })
        .collect()
}

/// Pairs of neighbours: the table with one person more, and without.
async fn neighbours() -> (Shop<ShowAll>, Vec<(String, Shop<ShowAll>)>) {
    let base = ordinary();
    let mut with = Vec::new();
    for (name, rows) in awkward() {
        let all: Vec<Event> = base.iter().cloned().chain(rows).collect();
        with.push((name.to_owned(), town(&all, 2, POLICY, ShowAll).await));
    }
    (town(&base, 2, POLICY, ShowAll).await, with)
}

#[tokio::test]
async fn one_person_moves_a_query_by_at_most_what_is_charged() {
    let (base, with) = neighbours().await;
    let (mut answered, mut refused, mut worst) = (0, Vec::new(), 0.0_f64);
    let admitted = ADMITTED.iter().map(|(_, sql)| (*sql).to_owned());
    for sql in questions(48).into_iter().chain(admitted) {
        let without = run(&base, &sql).await;
        for (name, shop) in &with {
            match compared(&run(shop, &sql).await, &without).unwrap_or_else(|e| panic!("{name}: {sql}: {e}")) {
                Some(part) => (worst, answered) = (worst.max(part), answered + 1),
                None => refused.push(sql.clone()),
            }
        }
    }
    assert!(answered > 450, "too few of the questions are answered: {refused:#?}");
    assert!(worst > 0.9, "somebody uses the bounds to the full, else this test sees nothing: {worst}");
}

#[tokio::test]
async fn the_last_person_of_a_table_is_as_well_hidden() {
    let (none, one) = (Shop::new(&[], 2, ShowAll).await, Shop::new(&awkward()[0].1, 2, ShowAll).await);
    for sql in [
        "SELECT COUNT(*) FROM events",
        "SELECT city, COUNT(*) FROM events GROUP BY city",
        "SELECT segment, AVG(spend) FROM events GROUP BY segment",
    ] {
        let (with, without) = (run(&one, sql).await.run(), run(&none, sql).await.run());
        loss(&with, &without).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

#[tokio::test]
async fn the_comparison_finds_planted_faults() {
    let (base, with) = neighbours().await;
    let shop = |name: &str| &with.iter().find(|(n, _)| n == name).unwrap().1;
    let public = "SELECT segment, COUNT(*) FROM events GROUP BY segment";
    let private = "SELECT city, SUM(clicks) FROM events GROUP BY city";
    let (a, b) = (run(shop("high"), public).await.run(), run(&base, public).await.run());
    assert!(loss(&a, &b).unwrap() > 0.9);

    // σ half as large as what was charged for.
    let weaken = |run: &Run| {
        let mut run = run.clone();
        for r in &mut run.records {
            let Mechanism::DiscreteGaussian { sigma } = &mut r.call.mechanism else { panic!("not Gaussian") };
            *sigma /= 2.0;
        }
        run
    };
    assert!(loss(&weaken(&a), &weaken(&b)).unwrap_err().contains('ρ'));
    // One row that was not clipped.
    let mut unclipped = a.clone();
    // Counts are in fractions of a row.
    unclipped.records[0].exact[0] += 1 << 14;
    assert!(loss(&unclipped, &b).unwrap_err().contains("moves"));
    // A mechanism that only runs if somebody is there.
    let mut silent = b.clone();
    silent.records.pop();
    assert!(loss(&a, &silent).is_err());
    // A group that is listed only if somebody is in it.
    let mut fewer = b.clone();
    fewer.keys[0].pop();
    for r in &mut fewer.records {
        r.exact.pop();
    }
    assert!(loss(&a, &fewer).is_err());
    // A warning that looks at rows.
    let mut noted = a.clone();
    noted.notes.push("30 rows were clipped".into());
    assert!(loss(&noted, &b).unwrap_err().contains("told"));

    // A fifth person makes the edge a candidate; a group of any other size must not appear.
    let (a, b) = (run(shop("edge"), private).await.run(), run(&base, private).await.run());
    assert_eq!(a.keys[0].len(), b.keys[0].len() + 1);
    assert!(loss(&a, &b).is_ok());
    let edge = a.keys[0].iter().position(|k| k.contains("edge")).unwrap();
    let mut crowded = a.clone();
    let weights = crowded.records.iter_mut().find(|r| r.exact.len() == a.keys[0].len()).unwrap();
    weights.exact[edge] <<= 10;
    assert!(loss(&crowded, &b).unwrap_err().contains('δ'), "a group that more than one person weighs");
    // A threshold that is too low for δ.
    let lower = |run: &Run| {
        let mut run = run.clone();
        let selection = run.explanation.releases[0].selection.as_mut().unwrap();
        selection.threshold = f64::from(selection.minimum_group_size);
        run
    };
    assert!(loss(&lower(&a), &lower(&b)).unwrap_err().contains('δ'));
    // More groups than M.
    let many = |run: &Run| {
        let mut run = run.clone();
        run.explanation.releases[0].selection.as_mut().unwrap().groups_kept = 0;
        run
    };
    assert!(loss(&many(&a), &many(&b)).is_err());
}

#[tokio::test]
async fn a_person_in_thirty_groups_counts_as_a_vector_of_length_two() {
    let (base, with) = neighbours().await;
    let everywhere = &with.iter().find(|(n, _)| n == "everywhere").unwrap().1;
    let question = "SELECT city, COUNT(DISTINCT user_id) FROM events GROUP BY city";
    let (a, b) = (run(everywhere, question).await.run(), run(&base, question).await.run());
    let total = |run: &Run| run.records.iter().find(|r| r.exact.len() == 1).map(|r| r.exact[0]).unwrap();
    // Thirty cells of √(4/30), in fractions of 2⁻¹⁵.
    let counted = (total(&a) - total(&b)) as f64 / 32_768.0;
    assert!((counted - 120f64.sqrt()).abs() < 0.01, "{counted}");
}

#[tokio::test]
async fn bias_is_proved_away_or_limited() {
    let (base, _) = neighbours().await;
    let bias = async |sql: &str| run(&base, sql).await.run().explanation.releases[0].bias.clone();
    // Thirty rows of a person at most, five count in full: a sixth of them at least.
    assert!(bias("SELECT COUNT(*) FROM events").await.contains("at most 83.4 %"));
    // Four groups: 1 − √100/30.
    assert!(bias("SELECT clicks % 7 AS c, COUNT(*) FROM events GROUP BY c").await.contains("at most 66.7 %"));
    assert!(bias("SELECT COUNT(DISTINCT user_id) FROM events").await.starts_with("none (proved)"));
    let users = "SELECT plan, COUNT(*) FROM users GROUP BY plan";
    assert!(bias(users).await.starts_with("none (proved)"), "one row each");
    for unknown in [
        "SELECT SUM(n, contribution_bounds_per_group => (-100, 1000)) FROM events",
        "SELECT AVG(spend) FROM events",
        "SELECT segment, COUNT(DISTINCT note) FROM events GROUP BY segment",
    ] {
        assert!(bias(unknown).await.starts_with("unknown"), "{unknown}");
    }
}
