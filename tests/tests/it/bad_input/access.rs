//! Tokens that are no tokens, rooms that one is not in, requests that are not understood.

use super::{alive, harmless};
use lyceum_schema::wire::IssuedToken;
use lyceum_tests::person::{Person, Question};
use lyceum_tests::study::Study;
use reqwest::{Body, Method};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_wrong_or_revoked_token_opens_nothing() {
    let study = Study::ready().await;
    let address = study.server.address();
    let issued: IssuedToken = study.admin.post("/v1/users/scholar/tokens", &json!({ "label": "lost" })).await.json();
    let lost = Person::new(address.clone(), Some(issued.secret.clone()));
    assert_eq!(lost.get("/v1/whoami").await.status, 200, "before it is revoked");
    let path = format!("/v1/tokens/{}", issued.token.id);
    let revoked = study.admin.send(Method::DELETE, &path, "application/json", Body::default()).await;
    assert!(revoked.status < 300, "{}", revoked.text());

    let mut nearly = issued.secret;
    let last = nearly.pop().unwrap();
    nearly.push(if last == 'a' { 'b' } else { 'a' });
    let strangers = [
        ("no token", Person::new(address.clone(), None)),
        ("a wrong token", Person::new(address.clone(), Some("lyc_wrong".to_owned()))),
        ("a token with one wrong letter", Person::new(address.clone(), Some(nearly))),
        ("a revoked token", lost),
    ];
    let question = Question::new("SELECT COUNT(*) AS n FROM customers");
    let mut details = Vec::new();
    for (what, person) in &strangers {
        for path in ["/v1/whoami", "/v1/workspaces/study/catalog", "/v1/datasets/shop", "/v1/audit/checkpoint"] {
            let problem = person.get(path).await.problem();
            assert_eq!((problem.status, problem.code.as_str()), (401, "E4001"), "{what} at {path}: {problem:?}");
            details.push(problem.detail);
        }
        let problem = person.ask_in_vain(&question).await;
        assert_eq!(problem.code, "E4001", "{what}: {problem:?}");
        harmless(person, what, &problem).await;
    }
    details.dedup();
    assert_eq!(details.len(), 1, "which of them it is, is not said: {details:?}");
    assert_eq!(study.spent().await.charges, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workspaces_release_is_out_of_reach() {
    let study = Study::ready().await;
    study.workspace("elsewhere").await;
    let outsider = study.account("outsider", "researcher", "uni-elsewhere").await;
    study.join("elsewhere", "outsider", "researcher").await;

    let problem = outsider
        .ask_in_vain(&Question { workspace: "elsewhere", ..Question::new("SELECT COUNT(*) AS n FROM customers") })
        .await;
    assert_eq!(problem.code, "E2106", "{problem:?}");
    harmless(&outsider, "a table of another workspace", &problem).await;
    let problem = outsider.ask_in_vain(&Question::new("SELECT COUNT(*) AS n FROM customers")).await;
    assert_eq!((problem.status, problem.code.as_str()), (404, "E4004"), "{problem:?}");
    let unknown = outsider.ask_in_vain(&Question { workspace: "nowhere", ..Question::new("SELECT 1") }).await;
    assert_eq!(unknown.code, problem.code, "a room one is not in looks like a room that is not there");

    let release = format!("/v1/releases/{}", study.release);
    for path in [
        release.as_str(),
        "/v1/workspaces/study",
        "/v1/workspaces/study/catalog",
        "/v1/workspaces/study/queries",
        "/v1/workspaces/study/budget",
    ] {
        let problem = outsider.get(path).await.problem();
        assert_eq!((problem.status, problem.code.as_str()), (404, "E4004"), "{path}: {problem:?}");
    }
    for verb in ["approve", "pause", "revoke"] {
        let problem = outsider.post(&format!("{release}/{verb}"), &json!({ "reason": "mine now" })).await.problem();
        assert!([403, 404].contains(&problem.status), "{verb}: {problem:?}");
    }
    assert_eq!(study.partner.get(&release).await.json::<Value>()["state"], "active");
    assert_eq!(study.spent().await.charges, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_understood_are_problems_too() {
    let study = Study::ready().await;
    let (person, query) = (&study.researcher, "/v1/workspaces/study/queries");
    let requests = [
        ("broken JSON", Method::POST, query, "application/json", "{\"sql\": ".to_owned()),
        (
            "an unknown field",
            Method::POST,
            query,
            "application/json",
            json!({ "sql": "SELECT 1", "epsilon": 9 }).to_string(),
        ),
        ("a number for text", Method::POST, query, "application/json", json!({ "sql": 1 }).to_string()),
        ("another media type", Method::POST, query, "text/plain", "SELECT 1".to_owned()),
        ("an unknown path", Method::GET, "/v1/everything", "application/json", String::new()),
        ("an unknown method", Method::PUT, query, "application/json", "{}".to_owned()),
        ("an id that is none", Method::GET, "/v1/releases/1", "application/json", String::new()),
        ("a name that is none", Method::GET, "/v1/workspaces/A%20B/catalog", "application/json", String::new()),
        ("a path with dots", Method::GET, "/v1/audit/tile/0/..%2f..%2fmaster.key", "application/json", String::new()),
    ];
    for (what, method, path, media, body) in requests {
        let problem = person.send(method, path, media, body).await.problem();
        assert!((400..500).contains(&problem.status), "{what}: {problem:?}");
        harmless(person, what, &problem).await;
    }
    // The server need not read on until the client is done sending: the reply may get lost with the connection.
    let long = format!("{{\"sql\": \"{}\"}}", "x".repeat(8 << 20));
    if let Ok(reply) = person.try_send(Method::POST, query, "application/json", long).await {
        assert_eq!(reply.problem().status, 413);
    }
    alive(person, "8 MiB of SQL").await;
}
