//! Bad input of every kind: each gets a clear problem document with a stable code and no value from the data, and the
//! server goes on.

mod access;
mod questions;
mod uploads;

use lyceum_schema::wire::Problem;
use lyceum_tests::person::{Person, Reply};

/// The server is alive, and the problem tells nothing that only the data knows.
async fn harmless(person: &Person, what: &str, problem: &Problem) {
    let text = serde_json::to_string(problem).unwrap();
    assert!(!text.contains("canary"), "{what}: a value from the data is in {text}");
    for word in ["DataFusion", "datafusion", "sqlparser", "Arrow error", "panicked", "crates/"] {
        assert!(!text.contains(word), "{what}: the machinery shows in {text}");
    }
    assert_ne!(problem.charged, Some(true), "{what}: {text}");
    alive(person, what).await;
}

async fn alive(person: &Person, what: &str) {
    let reply: Reply = person.get("/healthz").await;
    assert_eq!(reply.status, 200, "after {what}: {}", reply.text());
}
