//! The line through the edge: price, answer, free repeat, budget, history, receipt, claims.

use crate::app::{Story, expect};
use serde_json::{Value, json};

const COUNT: &str = "SELECT segment, COUNT(*) AS people FROM visits GROUP BY segment";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_paid_once_and_repeated_for_free() {
    let story = Story::new().await;
    let dry = json!({"sql": COUNT, "dry_run": true});
    let path = "/v1/workspaces/lift/queries";
    let priced = expect(200, story.app.json(&story.researcher, "POST", path, dry).await);
    assert_eq!(priced["result"], "explanation");
    assert_eq!(priced["answered_before"], false);

    let first = expect(200, story.ask(COUNT).await);
    assert_eq!((&first["result"], &first["repeated"]), (&json!("answer"), &json!(false)));
    assert_eq!(first["rows"].as_array().unwrap().len(), 2);
    assert_eq!(first["price"]["rho"], priced["price"]["rho"]);
    assert!(first["noise_intervals"][0][1]["low"].is_number(), "{first}");
    assert!(!first["receipt"]["text"].as_str().unwrap().is_empty());

    let again = expect(200, story.ask(COUNT).await);
    assert_eq!(again["repeated"], true);
    assert_eq!((&again["rows"], &again["charge"]), (&first["rows"], &first["charge"]));
    assert_eq!(again["budget_left"], first["budget_left"], "a repeat is free");

    let history = expect(200, story.app.json(&story.reviewer, "GET", path, Value::Null).await);
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    let claims = expect(200, story.app.json(&story.reviewer, "GET", "/v1/audit/claims", Value::Null).await);
    let accounts = claims["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 4, "root, owner, workspace, researcher");
    assert!(accounts.iter().all(|a| a["rho"] == first["price"]["rho"] && a["charges"] == 1), "{claims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_earlier_answers_say_is_computed_from_them_for_free() {
    let story = Story::new().await;
    let path = "/v1/workspaces/lift/queries";
    let dry = |sql: &str| story.app.json(&story.researcher, "POST", path, json!({"sql": sql, "dry_run": true}));
    let total = "SELECT COUNT(*) AS people FROM visits";
    assert_eq!(expect(200, dry(total).await)["answered_before"], false);
    let fine = "SELECT segment, COUNT(*) AS people, SUM(visit) AS visits FROM visits GROUP BY segment";
    let first = expect(200, story.ask(fine).await);

    let priced = expect(200, dry(total).await);
    assert_eq!(priced["answered_before"], true);
    assert!(priced["notes"][0].as_str().unwrap().starts_with("free: computed from earlier answers"), "{priced}");
    let rolled = expect(200, story.ask(total).await);
    let people = |row: usize| first["rows"][row][1].as_i64().unwrap();
    assert_eq!(rolled["rows"], json!([[people(0) + people(1)]]));
    assert_eq!((&rolled["repeated"], &rolled["charge"]), (&json!(true), &first["charge"]));
    assert_eq!(rolled["budget_left"], first["budget_left"], "it is free");
    assert_eq!(rolled["receipt"]["entry"], first["receipt"]["entry"], "the receipt of the answer it comes from");
    let notes = rolled["notes"].to_string();
    let entry = format!("computed from the answers in log entries {}", first["receipt"]["entry"]);
    assert!(notes.contains("derived from an earlier answer") && notes.contains(&entry), "{notes}");
    let width = |answer: &Value, column: usize| {
        let interval = &answer["noise_intervals"][0][column];
        interval["high"].as_f64().unwrap() - interval["low"].as_f64().unwrap()
    };
    assert!((width(&rolled, 0) / width(&first, 1) - 2f64.sqrt()).abs() < 0.05, "the noise of two cells");
    for sql in [
        "SELECT segment, AVG(visit) AS rate FROM visits GROUP BY segment HAVING COUNT(*) > -1000",
        "SELECT COUNT(*) AS people FROM visits WHERE segment = 'new'",
    ] {
        let derived = expect(200, story.ask(sql).await);
        assert_eq!((&derived["repeated"], &derived["budget_left"]), (&json!(true), &first["budget_left"]), "{sql}");
    }

    // Said to be answered anew, it is charged, and then it is the less noisy answer.
    let fresh = expect(
        200,
        story.ask(&total.replace("SELECT", "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (fresh = true)")).await,
    );
    assert_eq!(fresh["repeated"], false);
    assert_ne!(fresh["budget_left"], first["budget_left"]);
    assert!(width(&fresh, 0) < width(&rolled, 0));

    // The log says all of it, and adds up.
    let claims = expect(200, story.app.json(&story.reviewer, "GET", "/v1/audit/claims", Value::Null).await);
    assert!(claims["accounts"].as_array().unwrap().iter().all(|a| a["charges"] == 2), "{claims}");
    // Of a paused release nothing is computed any more.
    let pause = format!("/v1/releases/{}/pause", story.release);
    expect(200, story.app.json(&story.partner, "POST", &pause, json!({"reason": "a question"})).await);
    assert_ne!(story.ask(total).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_resumes_its_charge_and_no_other() {
    let story = Story::new().await;
    let send = |sql: &'static str| {
        let request = axum::http::Request::post("/v1/workspaces/lift/queries")
            .header("authorization", format!("Bearer {}", story.researcher))
            .header("content-type", "application/json")
            .header("idempotency-key", "k1")
            .body(axum::body::Body::from(json!({"sql": sql, "fresh": true}).to_string()))
            .unwrap();
        story.app.send(request)
    };
    let (status, first) = send(COUNT).await;
    assert_eq!(status, 200);
    let (status, again) = send(COUNT).await;
    assert_eq!(status, 200);
    let (first, again): (Value, Value) =
        (serde_json::from_slice(&first).unwrap(), serde_json::from_slice(&again).unwrap());
    assert_eq!(first["charge"], again["charge"], "fresh or not, the same key is the same charge");
    let (status, other) = send("SELECT COUNT(*) FROM visits").await;
    assert_eq!(status, 409);
    assert_eq!(serde_json::from_slice::<Value>(&other).unwrap()["code"], "E3004");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_spent_refuses_and_a_revoked_release_answers_nothing() {
    let story = Story::new().await;
    let all = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1.0) COUNT(*) FROM visits";
    expect(200, story.ask(all).await);
    let refused = expect(403, story.ask(COUNT).await);
    assert_eq!((&refused["code"], &refused["charged"]), (&json!("E3002"), &json!(false)));
    let revoke = format!("/v1/releases/{}/revoke", story.release);
    expect(200, story.app.json(&story.partner, "POST", &revoke, json!({"reason": "over"})).await);
    assert_eq!(expect(422, story.ask(all).await)["code"], "E2106", "not even a repeat");
}
