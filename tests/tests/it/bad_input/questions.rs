//! SQL that must not be answered: other statements, files, catalogues, functions that look around, and monsters.

use super::harmless;
use crate::crash::Auditor;
use lyceum_tests::folder;
use lyceum_tests::person::Question;
use lyceum_tests::study::Study;

/// What is asked, and the code it is refused with.
const REFUSED: &[(&str, &str)] = &[
    ("SELECT COUNT(*) AS n FROM customers WHERE nope = 1", "E2106"),
    ("SELECT AVG(nope) AS n FROM customers", "E2106"),
    ("SELECT COUNT(*) AS n FROM orders", "E2106"),
    ("SELECT COUNT(*) AS n FROM customers WHERE email = 'a@b.c'", "E2106"),
    ("SELECT SUM(segment) AS n FROM customers", "E2"),
    ("SELECT COUNT(*) AS n FROM customers WHERE age AND spend", "E2"),
    ("SELECT COUNT(*) AS n FROM customers WHERE", "E2102"),
    ("", "E2"),
    ("-- nothing", "E2"),
    ("\u{0}\u{1}\u{2}", "E2"),
    ("DROP TABLE customers", "E2103"),
    ("DELETE FROM customers", "E2103"),
    ("INSERT INTO customers VALUES (1)", "E2103"),
    ("CREATE TABLE t AS SELECT * FROM customers", "E2103"),
    ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "E2"),
    ("SET TIME ZONE 'UTC'", "E2103"),
    ("SHOW TABLES", "E2103"),
    ("SHOW ALL", "E2103"),
    ("COPY customers TO 'rows.csv'", "E2"),
    ("COPY (SELECT * FROM customers) TO 'rows.parquet' STORED AS PARQUET", "E2"),
    ("SELECT COUNT(*) AS n FROM customers; SELECT COUNT(*) AS n FROM customers", "E2103"),
    ("EXPLAIN SELECT COUNT(*) AS n FROM customers", "E2103"),
    ("EXPLAIN ANALYZE SELECT MAX(spend) AS n FROM customers", "E2103"),
    ("EXPLAIN VERBOSE SELECT * FROM customers", "E2103"),
    ("DESCRIBE customers", "E2103"),
    ("SELECT * FROM 'file.csv'", "E2"),
    ("SELECT * FROM '/etc/passwd'", "E2"),
    ("SELECT COUNT(*) AS n FROM information_schema.tables", "E2106"),
    ("SELECT COUNT(*) AS n FROM information_schema.df_settings", "E2106"),
    ("SELECT COUNT(*) AS n FROM customers TABLESAMPLE BERNOULLI (10)", "E2"),
    ("SELECT COUNT(*) AS n FROM customers WHERE input_file_name() = 'x'", "E2109"),
    ("SELECT COUNT(*) AS n FROM customers WHERE random() < 0.5", "E2109"),
    ("SELECT COUNT(*) AS n FROM customers WHERE version() = 'x'", "E2109"),
    ("WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT COUNT(*) AS n FROM r", "E2"),
    ("SELECT COUNT(*) AS n FROM generate_series(1, 1000000000)", "E2"),
    ("SELECT COUNT(*) AS n FROM customers, generate_series(1, 1000)", "E2"),
    ("SELECT COUNT(*) AS n FROM read_csv('/etc/passwd')", "E2"),
    ("SELECT COUNT(*) AS n FROM UNNEST([1, 2, 3])", "E2"),
    ("SELECT * FROM customers", "E2110"),
    ("SELECT customer_id, COUNT(*) AS n FROM customers GROUP BY customer_id", "E2111"),
    ("SELECT COUNT(*) AS n FROM customers WHERE customer_id = 'canary'", "E2"),
    ("SELECT MAX(note) AS m FROM customers", "E2108"),
    ("SELECT BIT_AND(age) AS m FROM customers", "E2112"),
    ("SELECT STRING_AGG(note, ',') AS m FROM customers", "E2112"),
    ("SELECT ARRAY_AGG(note) AS m FROM customers", "E2112"),
    ("SELECT FIRST_VALUE(note) AS m FROM customers", "E2112"),
    ("SELECT COUNT(*) AS n FROM customers a JOIN customers b ON a.city = b.city", "E2107"),
    ("SELECT COUNT(*) AS n FROM (SELECT * FROM customers LIMIT 1)", "E2115"),
    ("SELECT COUNT(*) AS n FROM customers WHERE age > (SELECT AVG(age) FROM customers)", "E2116"),
    ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = -1) COUNT(*) AS n FROM customers", "E2105"),
    ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1e9) COUNT(*) AS n FROM customers", "E2"),
    ("SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (noise = 0) COUNT(*) AS n FROM customers", "E2105"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_private_question_is_refused_with_a_reason() {
    let study = Study::ready().await;
    let deep = |open: &str, close: &str, n: usize| {
        format!("SELECT COUNT(*) AS n FROM customers WHERE {}age > 1{}", open.repeat(n), close.repeat(n))
    };
    let wide = format!("SELECT COUNT(*) AS n FROM customers WHERE age IN ({}1)", "1, ".repeat(200_000));
    let long = (0..40_000).map(|i| format!("age = {i}")).collect::<Vec<_>>().join(" OR ");
    let nested = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(5_000), ")".repeat(5_000));
    let monsters = [
        (deep("(", ")", 50_000), "E2101"),
        (deep("NOT (", ")", 20_000), "E2101"),
        (deep("- ", "", 50_000), "E2"),
        (wide, "E2101"),
        (format!("SELECT COUNT(*) AS n FROM customers WHERE {long}"), "E2101"),
        (nested, "E2101"),
        (format!("SELECT '{}'", "x".repeat(900_000)), "E2101"),
    ];
    let all = REFUSED.iter().map(|(sql, code)| ((*sql).to_owned(), *code)).chain(monsters);
    let before = folder::files(&study.server.home().join("data"));
    let mut wrong = Vec::new();
    for (sql, code) in all {
        let what: String = sql.chars().take(90).collect();
        let problem = match study.researcher.try_ask(&Question::new(&sql)).await {
            Ok(Err(problem)) => problem,
            Ok(Ok(_)) => {
                wrong.push(format!("{what}: was answered"));
                continue;
            }
            Err(_) => panic!("{what}: no reply"),
        };
        if !problem.code.starts_with(code) {
            wrong.push(format!("{what}: {} instead of {code}: {}", problem.code, problem.detail));
        }
        if sql.contains("canary") {
            continue;
        }
        harmless(&study.researcher, &what, &problem).await;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(study.spent().await.charges, 0, "refusals are free");
    assert_eq!(folder::files(&study.server.home().join("data")), before, "nothing was written");
    for file in folder::files(study.server.folder()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!["rows.csv", "rows.parquet"].contains(&name.as_str()), "{} was written", file.display());
    }

    let answer = study.researcher.ask(&Question::new("SELECT COUNT(*) AS n FROM customers")).await;
    assert_eq!(answer.rows.len(), 1, "the server goes on");
    let log = Auditor::new(&study).check(&study, &[answer]).await;
    assert!(log.all("query.refused", "code").len() >= REFUSED.len(), "refusals are logged");
}
