//! Who may do what: every route × every kind of caller, printed and compared with the reviewed `matrix.txt`.

use crate::app::{MANIFEST, POLICY, Story};
use axum::body::Body;
use axum::http::Request;
use lyceum_server::ROUTES;
use serde_json::json;
use std::fmt::Write;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_for_every_caller() {
    let story = Story::new().await;
    let revoked = story.app.token("robin").await;
    let id = revoked["token"]["id"].as_str().unwrap();
    story.app.json(&story.app.admin, "DELETE", &format!("/v1/tokens/{id}"), json!(null)).await;
    let wrong = format!("lyc_{}", "A".repeat(43));
    let callers: [(&str, &str); 8] = [
        ("none", ""),
        ("wrong", &wrong),
        ("revoked", revoked["secret"].as_str().unwrap()),
        ("admin", &story.app.admin),
        ("partner", &story.partner),
        ("researcher", &story.researcher),
        ("reviewer", &story.reviewer),
        ("stranger", &story.stranger),
    ];
    let mut matrix = format!("{:58}", "");
    for (name, _) in callers {
        write!(matrix, " {name:>10}").unwrap();
    }
    matrix.push('\n');
    for (method, route) in ROUTES {
        write!(matrix, "{:58}", format!("{method} {route}")).unwrap();
        for (name, token) in callers {
            let request = request(&story, method, route, name, token);
            write!(matrix, " {:>10}", story.app.send(request).await.0.as_u16()).unwrap();
        }
        matrix.push('\n');
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/matrix.txt");
    if std::env::var_os("LYCEUM_WRITE_MATRIX").is_some() {
        std::fs::write(golden, &matrix).unwrap();
    }
    let reviewed = std::fs::read_to_string(golden).unwrap_or_default();
    assert_eq!(matrix, reviewed, "permissions changed; review, then run again with LYCEUM_WRITE_MATRIX=1");
}

/// A well-formed request to a route. Decisions are about an active release, so that permission shows as 409.
fn request(story: &Story, method: &str, route: &str, who: &str, token: &str) -> Request<Body> {
    let own = match who {
        "admin" => "admin",
        "partner" => "pat",
        "reviewer" => "vic",
        "stranger" => "sam",
        _ => "robin",
    };
    let nothing = "01900000-0000-7000-8000-000000000000";
    let path = match route {
        r if r.starts_with("/v1/releases") => r.replace("{id}", &story.release),
        r if r.starts_with("/v1/datasets") => r.replace("{name}", "visits").replace("{id}", &story.version),
        r if r.starts_with("/v1/populations") => r.replace("{name}", "shop-customers"),
        r => r.replace("{name}", own).replace("{id}", nothing),
    };
    let path = path
        .replace("{w}", "lift")
        .replace("{user}", "nobody")
        .replace("{table}", "visits")
        .replace("{*path}", "0/000.p/1")
        .replace("{*file}", "no-such-file.js")
        .replace("{entry}", "0")
        .replace("{ref}", &"0".repeat(64));
    let body = match (method, route) {
        ("POST", "/v1/users") => json!({"name": format!("by-{who}"), "organisation": "uni", "role": "researcher"}),
        ("POST", "/v1/populations") => {
            json!({"name": format!("by-{who}"), "epsilon": 1.0, "delta": 1e-9, "size": 10})
        }
        ("POST", "/v1/workspaces") => json!({"name": format!("by-{who}"), "purpose": "a test"}),
        ("PUT", "/v1/workspaces/{w}/members/{user}") => json!({"role": "researcher"}),
        ("POST", "/v1/workspaces/{w}/releases") => json!({"dataset": "visits", "policy": POLICY}),
        ("POST", "/v1/datasets/{name}/versions/{id}/tables/{table}") => json!({"uploads": [nothing]}),
        ("POST", "/v1/datasets/{name}/exclusions") => json!({"values": ["nobody"]}),
        ("POST", "/v1/workspaces/{w}/queries") => json!({"sql": "SELECT COUNT(*) FROM visits", "dry_run": true}),
        _ => json!(null),
    };
    let mut builder = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    if route.starts_with("/v1/uploads") {
        builder = builder.header("tus-resumable", "1.0.0").header("upload-length", 9).header("upload-offset", 0);
        builder = builder.header("content-type", "application/offset+octet-stream");
        builder = builder.header("x-http-method-override", "DELETE");
        builder = builder.header("upload-metadata", crate::uploads::metadata(&story.version, &[]));
    }
    match (method, route) {
        ("POST", "/v1/datasets") => builder.header("content-type", "application/toml").body(Body::from(MANIFEST)),
        _ if body.is_null() => builder.body(Body::empty()),
        _ => builder.header("content-type", "application/json").body(Body::from(body.to_string())),
    }
    .unwrap()
}
