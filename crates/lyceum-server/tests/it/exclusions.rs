//! One person's opt-out: gone from the versions that are shared and from those uploaded later, told apart from nobody.

use crate::app::{TestApp, expect};
use serde_json::{Value, json};
use std::fmt::Write;

const MANIFEST: &str = r#"
[dataset]
name = "orders"
title = "Orders"
version = "1"
owner = "shop"
licence = "none"
source = "a test"

[[table]]
name = "orders"
privacy_unit = { column = "customer" }
population = "customers"
max_rows_per_unit = 2
expected_rows = 200
column = [
    { name = "customer", type = "string", role = "privacy_unit", max_bytes = 16 },
    { name = "kind", type = "string", role = "dimension", values = ["book", "shoe"] },
]
"#;

/// So much ε that noise rounds to nothing: the test is about rows, not about privacy.
const POLICY: &str = r#"
kind = "protected"
purpose = "A test."
approvals = 1

[privacy]
epsilon_per_workspace = 1000
epsilon_per_researcher = 1000
max_epsilon_per_query = 150
default_epsilon_per_query = 150
max_groups_contributed = 1
max_rows_per_group = 2
minimum_group_size = 2
selection_delta_share = 0.05
"#;

async fn upload(app: &TestApp, partner: &str, csv: &str) {
    let begun = expect(201, app.json(partner, "POST", "/v1/datasets/orders/versions", Value::Null).await);
    let version = format!("/v1/datasets/orders/versions/{}", begun["id"].as_str().unwrap());
    expect(200, app.text(partner, "PUT", &format!("{version}/tables/orders"), "text/csv", csv.to_owned()).await);
    expect(200, app.json(partner, "POST", &format!("{version}/publish"), Value::Null).await);
}

async fn share(app: &TestApp, partner: &str, reviewer: &str) -> String {
    let body = json!({"dataset": "orders", "policy": POLICY});
    let made = expect(201, app.json(partner, "POST", "/v1/workspaces/lift/releases", body).await);
    let id = made["id"].as_str().unwrap().to_owned();
    expect(200, app.json(reviewer, "POST", &format!("/v1/releases/{id}/approve"), Value::Null).await);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opts_out_is_in_no_version_and_no_release() {
    let app = TestApp::new().await;
    let (partner, other) = (app.user("pat", "shop", "partner").await, app.user("mel", "mall", "partner").await);
    let (researcher, reviewer) =
        (app.user("robin", "uni", "researcher").await, app.user("vic", "uni", "reviewer").await);
    let population = json!({"name": "customers", "epsilon": 1000.0, "delta": 1e-9, "size": 1000});
    expect(201, app.json(&partner, "POST", "/v1/populations", population).await);
    expect(201, app.text(&partner, "POST", "/v1/datasets", "application/toml", MANIFEST).await);
    let mut csv = "customer,kind\n".to_owned();
    for i in 0..100 {
        writeln!(csv, "c{i},book\nc{i},shoe").unwrap();
    }
    upload(&app, &partner, &csv).await;
    expect(201, app.json(&partner, "POST", "/v1/workspaces", json!({"name": "lift", "purpose": "a test"})).await);
    for (user, role) in [("robin", "researcher"), ("vic", "reviewer")] {
        expect(
            200,
            app.json(&partner, "PUT", &format!("/v1/workspaces/lift/members/{user}"), json!({"role": role})).await,
        );
    }
    let release = share(&app, &partner, &reviewer).await;
    let count = async |sql: &str| {
        let answer =
            app.json(&researcher, "POST", "/v1/workspaces/lift/queries", json!({"sql": sql, "fresh": true})).await;
        expect(200, answer)["rows"][0][0].as_i64().unwrap()
    };
    let (rows, people) = ("SELECT COUNT(*) AS n FROM orders", "SELECT COUNT(DISTINCT customer) AS n FROM orders");
    assert_eq!((count(rows).await, count(people).await), (200, 100));

    let before = app.objects("versions");
    let path = "/v1/datasets/orders/exclusions";
    let values = json!({"values": ["c7", "c70", "nobody"]});
    assert_eq!(app.json(&other, "POST", path, values.clone()).await.0, 404);
    assert_eq!(app.json(&partner, "POST", path, json!({"values": []})).await.0, 422);
    let done = expect(200, app.json(&partner, "POST", path, values.clone()).await);
    assert_eq!(done.as_object().unwrap().keys().collect::<Vec<_>>(), ["dataset", "entry"]);
    assert_eq!((count(rows).await, count(people).await), (196, 98));
    let gone = || before.iter().any(|file| !app.objects("versions").contains(file));
    for _ in 0..100 {
        if gone() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(gone(), "files with their rows are still there");
    // Once more is the same, and a later upload of the same file leaves them out, too.
    expect(200, app.json(&partner, "POST", path, values).await);
    let revoke = format!("/v1/releases/{release}/revoke");
    expect(200, app.json(&partner, "POST", &revoke, json!({"reason": "a new version"})).await);
    upload(&app, &partner, &csv).await;
    share(&app, &partner, &reviewer).await;
    assert_eq!((count(rows).await, count(people).await), (196, 98));
    // More than memory should hold at a time is refused, with what would fit.
    let values: Vec<String> = (0..100_001).map(|i| format!("{i}")).collect();
    let refused = app.json(&partner, "POST", path, json!({ "values": values })).await;
    assert_eq!(
        (refused.0.as_u16(), refused.1["fix"].as_str().unwrap().contains("100000")),
        (422, true),
        "{}",
        refused.1
    );
}
