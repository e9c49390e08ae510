//! Bad input: each a clear problem with a stable code, and the server goes on.

use crate::app::{Story, expect};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_are_none() {
    let story = Story::new().await;
    let nested = format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let cases = [
        ("SELECT COUNT(*) FROM nowhere", "E2106"),
        ("SELECT COUNT(nothing) FROM visits", "E2106"),
        ("DROP TABLE visits", "E2103"),
        ("COPY visits TO 'x.csv'", "E2103"),
        ("EXPLAIN SELECT COUNT(*) FROM visits", "E2103"),
        ("SELECT * FROM information_schema.tables", "E2106"),
        ("SELEKT 1", "E2103"),
        (nested.as_str(), "E2101"),
    ];
    for (sql, code) in cases {
        let problem = expect(422, story.ask(sql).await);
        assert_eq!(problem["code"], code, "{}: {problem}", &sql[..sql.len().min(60)]);
        assert_eq!(problem["charged"], false);
        assert_eq!(problem["type"], format!("urn:lyceum:error:{code}"));
    }
    expect(200, story.ask("SELECT COUNT(*) FROM visits").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none() {
    let story = Story::new().await;
    let queries = "/v1/workspaces/lift/queries";
    let send = |content_type: &'static str, body: Vec<u8>| {
        story.app.text(&story.researcher, "POST", queries, content_type, Body::from(body))
    };
    assert_eq!(expect(400, send("application/json", b"{".to_vec()).await)["code"], "E4604");
    assert_eq!(expect(400, send("application/json", br#"{"sql":"x","drY":1}"#.to_vec()).await)["code"], "E4604");
    assert_eq!(expect(413, send("application/json", vec![b' '; 2 << 20]).await)["code"], "E4602");
    assert_eq!(expect(415, send("text/xml", b"<sql/>".to_vec()).await)["code"], "E4605");
    let get = |path: &'static str| story.app.json(&story.researcher, "GET", path, Value::Null);
    assert_eq!(expect(404, get("/v1/nothing").await)["code"], "E4600");
    assert_eq!(expect(405, get("/v1/releases/0/approve").await)["code"], "E4601");
    assert_eq!(expect(400, get("/v1/workspaces/NO%20NAME").await)["code"], "E4606");
    let unacceptable = Request::post(queries)
        .header("authorization", format!("Bearer {}", story.researcher))
        .header("content-type", "application/json")
        .header("accept", "image/png")
        .body(Body::from(json!({"sql": "SELECT COUNT(*) FROM visits"}).to_string()));
    assert_eq!(story.app.send(unacceptable.unwrap()).await.0, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_none() {
    let story = Story::new().await;
    let partner = &story.partner;
    let begun = expect(201, story.app.json(partner, "POST", "/v1/datasets/visits/versions", Value::Null).await);
    let version = begun["id"].as_str().unwrap();
    let path = format!("/v1/datasets/visits/versions/{version}/tables/visits");
    let send = |body: Vec<u8>| story.app.text(partner, "PUT", &path, "application/octet-stream", Body::from(body));
    assert_eq!(expect(422, send(Vec::new()).await)["code"], "E1501");
    assert_eq!(expect(422, send(b"segment\nnew\n".to_vec()).await)["code"], "E1504");
    assert_eq!(expect(422, send(b"PAR1 and no more".to_vec()).await)["code"], "E1507");
    assert_eq!(expect(413, send(vec![b'0'; 2 << 20]).await)["code"], "E4301");
    let publish = format!("/v1/datasets/visits/versions/{version}/publish");
    let incomplete = expect(422, story.app.json(partner, "POST", &publish, Value::Null).await);
    assert_eq!(incomplete["code"], "E4303");
    let report = expect(200, send(b"segment,visit\nnew,1\nnew\n\xff,1\nold,7\nelse,1\n".to_vec()).await);
    assert_eq!((&report["rows_in"], &report["rows_accepted"]), (&json!(5), &json!(1)), "{report}");
    let refused = expect(422, story.app.json(partner, "POST", &publish, Value::Null).await);
    assert_eq!(refused["code"], "E4303", "four of five rows were rejected");
}
