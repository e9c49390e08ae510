//! Linked tables whose privacy unit comes by foreign key: resolved at upload, parents first, orphans counted.

use lyceum_schema::wire::{ValidationReport, Version};
use lyceum_tests::person::{Question, Reply};
use lyceum_tests::server::Server;
use lyceum_tests::study::{Caps, Study};
use reqwest::Method;
use serde_json::json;
use std::fmt::Write;

/// Items belong to orders, orders to cards, cards to customers, who are the units.
const MANIFEST: &str = r#"
[dataset]
name = "shop"
title = "Linked tables"
version = "1"
owner = "shop-ltd"
licence = "CC0-1.0"
source = "made by the tests"

[[table]]
name = "customers"
privacy_unit = { column = "customer" }
population = "shoppers"
max_rows_per_unit = 1
expected_rows = 300
column = [
    { name = "customer", type = "string", role = "privacy_unit", max_bytes = 16 },
    { name = "card", type = "int64", role = "join_key", bounds = [0, 10000] },
]

[[table]]
name = "orders"
privacy_unit = { foreign_key = "card", table = "customers", column = "card" }
population = "shoppers"
max_rows_per_unit = 10
expected_rows = 600
column = [
    { name = "order_id", type = "int64", role = "join_key", bounds = [0, 10000] },
    { name = "card", type = "int64", role = "join_key", bounds = [0, 10000] },
]

[[table]]
name = "items"
privacy_unit = { foreign_key = "order_id", table = "orders", column = "order_id" }
population = "shoppers"
max_rows_per_unit = 10
expected_rows = 1200
column = [
    { name = "order_id", type = "int64", role = "join_key", bounds = [0, 10000] },
    { name = "kind", type = "string", role = "dimension", values = ["book", "shoe"] },
]
"#;

async fn put(study: &Study, version: &str, table: &str, content: &str) -> Reply {
    let path = format!("/v1/datasets/shop/versions/{version}/tables/{table}");
    study.partner.send(Method::PUT, &path, "text/csv", content.to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_find_their_person_through_two_tables() {
    let caps = Caps::default();
    let mut study = Study::convene(Server::start(), caps).await;
    study.declare(MANIFEST).await;
    let (mut customers, mut orders, mut items) =
        ("customer,card\n".to_owned(), "order_id,card\n".to_owned(), "order_id,kind\n".to_owned());
    for i in 0..300 {
        writeln!(customers, "c{i},{}", 5000 + i).unwrap();
        for o in [2 * i, 2 * i + 1] {
            writeln!(orders, "{o},{}", 5000 + i).unwrap();
            writeln!(items, "{o},book\n{o},shoe").unwrap();
        }
    }
    orders.push_str("9000,9000\n");
    items.push_str("9000,book\n9001,shoe\n");

    let version = study.draft("shop").await;
    let early = put(&study, &version, "items", &items).await.problem();
    assert_eq!(early.code, "E4010", "{early:?}");
    assert!(early.fix.unwrap().contains("upload orders first"));

    put(&study, &version, "customers", &customers).await.json::<ValidationReport>();
    let report: ValidationReport = put(&study, &version, "orders", &orders).await.json();
    assert_eq!((report.rows_accepted, report.rows_rejected), (600, 1));
    assert_eq!(report.rejections[0].reason, "orphan");
    let report: ValidationReport = put(&study, &version, "items", &items).await.json();
    assert_eq!((report.rows_accepted, report.rows_rejected), (1200, 2), "what hangs on an orphan is one too");

    // The same bytes again are a retry; other bytes would leave the children with units of the old table.
    put(&study, &version, "customers", &customers).await.json::<ValidationReport>();
    let late = put(&study, &version, "customers", &customers.replace("c7,", "c8,")).await.problem();
    assert_eq!(late.code, "E4010", "{late:?}");

    let publish = format!("/v1/datasets/shop/versions/{version}/publish");
    study.partner.post(&publish, &json!({})).await.json::<Version>();
    study.share(caps).await;
    let sql = "SELECT kind, COUNT(*) AS n FROM items GROUP BY kind";
    let answer = study.researcher.ask(&Question::new(sql)).await;
    for (row, intervals) in answer.rows.iter().zip(&answer.noise_intervals) {
        let (n, interval) = (row[1].as_f64().unwrap(), intervals[1].unwrap());
        let margin = interval.high - interval.low;
        assert!((n - 600.0).abs() <= 2.0 * margin, "600 {}s, give or take {margin}: {n}", row[0]);
    }
}
