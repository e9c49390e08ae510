//! Mock releases: made from the manifest, free, downloaded, the same SQL as for protected rows, and gone when revoked.

use crate::app::{Story, expect};
use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

const MOCK: &str = "kind = \"mock\"\npurpose = \"writing queries\"\n[mock]\nrows = 5000\nseed = 7\n";

/// Proposes a release and waits until its rows are made.
async fn proposed(story: &Story, policy: &str) -> Value {
    let body = json!({"dataset": "visits", "policy": policy});
    let made = expect(201, story.app.json(&story.partner, "POST", "/v1/workspaces/lift/releases", body).await);
    settled(story, made["id"].as_str().unwrap()).await
}

async fn settled(story: &Story, id: &str) -> Value {
    for _ in 0..500 {
        let now = expect(200, story.app.json(&story.partner, "GET", &format!("/v1/releases/{id}"), Value::Null).await);
        if now["progress"].is_null() && (now["report"].is_object() || now["state"] == "failed") {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the rows were never made");
}

async fn rows(story: &Story, sql: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let request = Request::post("/v1/workspaces/lift/queries")
        .header("authorization", format!("Bearer {}", story.researcher))
        .header("content-type", "application/json")
        .header("accept", accept)
        .body(Body::from(json!({"sql": sql}).to_string()))
        .unwrap();
    let (status, bytes) = story.app.send(request).await;
    (status.as_u16(), String::from_utf8_lossy(&bytes).into_owned(), bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn mock_rows_need_no_approval_and_answer_the_same_sql() {
    let story = Story::new().await;
    let mock = proposed(&story, MOCK).await;
    assert_eq!((&mock["state"], &mock["report"]["passes"]), (&json!("active"), &json!(true)), "{mock}");
    assert_eq!(mock["tables"], json!(["mock.visits"]));

    let count =
        |schema: &str| format!("SELECT segment, COUNT(*) AS n FROM {schema}.visits GROUP BY segment ORDER BY segment");
    let free = expect(200, story.ask(&count("mock")).await);
    assert_eq!(free["kind"], "public");
    let total: i64 = free["rows"].as_array().unwrap().iter().map(|r| r[1].as_i64().unwrap()).sum();
    assert_eq!(total, 5000, "{free}");
    let paid = expect(200, story.ask(&count("protected")).await);
    assert_eq!(paid["kind"], "private");
    // What only private answers have costs nothing here, and the text stays the same.
    let text = |schema: &str| {
        format!(
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.1) segment, \
             SUM(visit, contribution_bounds_per_group => (0, 1)) AS s, DP_INTERVAL_LOW(s) AS low, DP_INTERVAL_HIGH(s, 0.9) AS high \
             FROM {schema}.visits GROUP BY segment ORDER BY segment"
        )
    };
    let free = expect(200, story.ask(&text("mock")).await);
    let row = &free["rows"][0];
    assert_eq!((row[1].as_f64(), row[1].as_f64()), (row[2].as_f64(), row[3].as_f64()), "{free}");
    let paid = expect(200, story.ask(&text("protected")).await);
    let names = |a: &Value| a["columns"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&free), names(&paid));

    // Without a schema the best kind answers; without a protected one, the mock.
    let best = expect(200, story.ask("SELECT COUNT(*) AS n FROM visits").await);
    assert_eq!(best["kind"], "private");
    let revoke = format!("/v1/releases/{}/revoke", story.release);
    expect(200, story.app.json(&story.partner, "POST", &revoke, json!({"reason": "over"})).await);
    let best = expect(200, story.ask("SELECT COUNT(*) AS n FROM visits").await);
    assert_eq!((&best["kind"], &best["rows"][0][0]), (&json!("public"), &json!(5000)));

    // Anything, also rows.
    let (status, csv, _) = rows(&story, "SELECT segment, visit FROM mock.visits", "text/csv").await;
    assert_eq!((status, csv.lines().count(), csv.lines().next()), (200, 5001, Some("segment,visit")));
    let (status, lines, _) = rows(&story, "SELECT * FROM mock.visits", "application/x-ndjson").await;
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((status, lines.lines().count(), first.as_object().unwrap().len()), (200, 5000, 2));
    let (_, _, bytes) = rows(&story, "SELECT * FROM mock.visits", "application/vnd.apache.arrow.stream").await;
    let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
    assert_eq!(reader.map(|b| b.unwrap().num_rows()).sum::<usize>(), 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_seeds_make_equal_bytes() {
    let story = Story::new().await;
    let first = proposed(&story, MOCK).await;
    let report = |id: &Value| format!("/v1/releases/{}/report", id.as_str().unwrap());
    let one = expect(200, story.app.json(&story.partner, "GET", &report(&first["id"]), Value::Null).await);
    let revoke = format!("/v1/releases/{}/revoke", first["id"].as_str().unwrap());
    expect(200, story.app.json(&story.partner, "POST", &revoke, json!({"reason": "again"})).await);
    let second = proposed(&story, MOCK).await;
    let two = expect(200, story.app.json(&story.reviewer, "GET", &report(&second["id"]), Value::Null).await);
    assert_eq!(one["tables"], two["tables"]);
    assert_eq!(one["tables"][0]["rows"], 5000);
    let other = expect(
        200,
        story
            .app
            .json(
                &story.partner,
                "POST",
                &revoke.replace(first["id"].as_str().unwrap(), second["id"].as_str().unwrap()),
                json!({"reason": "other"}),
            )
            .await,
    );
    assert_eq!(other["state"], "revoked");
    let third = proposed(&story, &MOCK.replace("seed = 7", "seed = 8")).await;
    let three = expect(200, story.app.json(&story.partner, "GET", &report(&third["id"]), Value::Null).await);
    assert_ne!(one["tables"], three["tables"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_comes_after_the_report_and_a_page_shows_it() {
    let story = Story::new().await;
    let policy = MOCK.replace("purpose", "approvals = 1\npurpose");
    let body = json!({"dataset": "visits", "policy": policy});
    let made = expect(201, story.app.json(&story.partner, "POST", "/v1/workspaces/lift/releases", body).await);
    let id = made["id"].as_str().unwrap();
    // Until there is a report, nobody can approve; afterwards one reviewer does.
    let early = story.app.json(&story.reviewer, "POST", &format!("/v1/releases/{id}/approve"), Value::Null).await;
    if early.0 != 200 {
        assert_eq!((early.0.as_u16(), &early.1["code"]), (409, &json!("E4010")), "{}", early.1);
        assert_eq!(settled(&story, id).await["state"], "proposed");
        expect(200, story.app.json(&story.reviewer, "POST", &format!("/v1/releases/{id}/approve"), Value::Null).await);
    }
    let page = Request::get(format!("/v1/releases/{id}/report"))
        .header("authorization", format!("Bearer {}", story.reviewer))
        .header("accept", "text/html")
        .body(Body::empty())
        .unwrap();
    let (status, bytes) = story.app.send(page).await;
    let page = String::from_utf8(bytes).unwrap();
    assert!(status == 200 && page.contains("mock release of visits version 1") && page.contains(id), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_release_ends_running_downloads_and_is_deleted() {
    let story = Story::new().await;
    let mock = proposed(&story, &MOCK.replace("5000", "200000")).await;
    let id = mock["id"].as_str().unwrap();
    let request = Request::post("/v1/workspaces/lift/queries")
        .header("authorization", format!("Bearer {}", story.researcher))
        .header("content-type", "application/json")
        .header("accept", "text/csv")
        .body(Body::from(json!({"sql": "SELECT * FROM mock.visits"}).to_string()))
        .unwrap();
    let response = story.app.response(request).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    let delete = format!("/v1/releases/{id}");
    let early = story.app.json(&story.partner, "DELETE", &delete, Value::Null).await;
    assert_eq!(early.0, 409, "{}", early.1);
    expect(200, story.app.json(&story.partner, "POST", &format!("{delete}/revoke"), json!({"reason": "over"})).await);
    let mut broke_off = false;
    while let Some(chunk) = body.next().await {
        broke_off |= chunk.is_err();
    }
    assert!(broke_off, "a download went on after the release was revoked");
    assert_eq!(story.ask("SELECT COUNT(*) FROM mock.visits").await.0, 422);

    assert!(!story.app.objects(&format!("releases/{id}")).is_empty());
    let deleted = expect(200, story.app.json(&story.partner, "DELETE", &delete, Value::Null).await);
    assert_eq!((&deleted["deleted"], &deleted["state"]), (&json!(true), &json!("revoked")));
    assert_eq!(story.app.objects(&format!("releases/{id}")), Vec::<std::path::PathBuf>::new());
    // A second time there is nothing left to delete or to log.
    let again = expect(200, story.app.json(&story.partner, "DELETE", &delete, Value::Null).await);
    assert!(again["entry"].is_null(), "{again}");
}

/// The answer to a charged question doesn't leave once its release is paused, and neither does a stored one.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_private_question_ends_with_its_release() {
    let story = Story::slow(Duration::from_millis(1_500)).await;
    let sql = "SELECT COUNT(*) AS n FROM protected.visits";
    let asked = story.ask(sql);
    let paused = async {
        // Paused only after the charge: the history shows it.
        for _ in 0..200 {
            let history = story.app.json(&story.researcher, "GET", "/v1/workspaces/lift/queries", Value::Null).await;
            if history.1["items"][0]["state"] == "charged" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pause = format!("/v1/releases/{}/pause", story.release);
        expect(200, story.app.json(&story.partner, "POST", &pause, json!({"reason": "stop"})).await);
    };
    let (answer, ()) = tokio::join!(asked, paused);
    assert_eq!((answer.0.as_u16(), &answer.1["code"]), (500, &json!("E5001")), "{}", answer.1);
    assert_eq!(story.ask(sql).await.0, 422);
    let resume = format!("/v1/releases/{}/resume", story.release);
    expect(200, story.app.json(&story.partner, "POST", &resume, json!({"reason": "go on"})).await);
    assert_eq!(expect(200, story.ask(sql).await)["repeated"], false);
}

/// Rows that are about somebody, if only by likeness, aren't put beside private ones.
#[tokio::test(flavor = "multi_thread")]
async fn mock_rows_are_not_joined_with_private_ones() {
    let story = Story::new().await;
    proposed(&story, MOCK).await;
    let sql = "SELECT COUNT(*) FROM protected.visits p JOIN mock.visits m ON p.segment = m.segment";
    let (status, problem) = story.ask(sql).await;
    assert_eq!((status.as_u16(), &problem["charged"]), (422, &json!(false)), "{problem}");
    let own =
        "SELECT COUNT(*) AS n FROM mock.visits a JOIN mock.visits b ON a.segment = b.segment AND a.visit = b.visit";
    assert_eq!(expect(200, story.ask(own).await)["kind"], "public");
}
