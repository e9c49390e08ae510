//! A whole service over a temporary home, driven without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use lyceum_privacy::mechanism::LiveNoise;
use lyceum_query::engine::{Engine, EngineConfig};
use lyceum_server::{Limits, router};
use lyceum_sharing::usecase::users;
use lyceum_sharing::{App, Config, Ports};
use lyceum_store::blob::open_object_store;
use lyceum_store::clock::SystemClock;
use lyceum_store::home::Home;
use lyceum_store::log::TileLog;
use lyceum_store::spool::EncryptedSpool;
use lyceum_store::sqlite::SqliteStore;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub(crate) const MANIFEST: &str = r#"
[dataset]
name = "visits"
title = "Visits"
version = "1"
owner = "shop"
licence = "none"
source = "a test"
description = "Made for a test."

[[table]]
name = "visits"
description = "One row per customer."
privacy_unit = "row"
population = "shop-customers"
expected_rows = 100

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["new", "old"]
description = "Kind of customer."

[[table.column]]
name = "visit"
type = "int32"
role = "measure"
bounds = [0, 1]
description = "1 if the customer came."
"#;

pub(crate) const POLICY: &str = r#"
kind = "protected"
purpose = "A test."
approvals = 1

[privacy]
epsilon_per_workspace = 1.0
epsilon_per_researcher = 1.0
max_epsilon_per_query = 1.0
default_epsilon_per_query = 0.25
max_groups_contributed = 1
max_rows_per_group = 1
minimum_group_size = 20
selection_delta_share = 0.05
"#;

pub(crate) struct TestApp {
    router: Router,
    pub(crate) admin: String,
    _log: Arc<TileLog>,
    home: tempfile::TempDir,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_time_base(Duration::from_millis(1)).await
    }

    /// A service whose private answers take at least this long.
    pub(crate) async fn with_time_base(time_base: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::open(&directory.path().join("home")).unwrap();
        let store = Arc::new(SqliteStore::open(&home).await.unwrap());
        let clock = Arc::new(SystemClock);
        let log = Arc::new(TileLog::open(&home, store.clone(), clock.clone()).await.unwrap());
        let objects = open_object_store(&home).unwrap();
        let spool = Arc::new(EncryptedSpool::open(&home.spool_directory(), 1 << 30).unwrap());
        let fast = EngineConfig {
            target_partitions: 1,
            time_grid: Duration::from_millis(1),
            time_base,
            ..EngineConfig::default()
        };
        let ports = Ports {
            identities: store.clone(),
            workspaces: store.clone(),
            datasets: store.clone(),
            releases: store.clone(),
            ledger: store.clone(),
            log: log.clone(),
            keys: store.clone(),
            spool,
            uploads: store.clone(),
            clock,
            objects: objects.clone(),
            engine: Arc::new(Engine::new(fast, objects, Arc::new(LiveNoise))),
        };
        let config = Config {
            max_upload_bytes: 1 << 20,
            ingest_spill_directory: home.spill_directory(),
            outdated_files_stay: Duration::ZERO,
            ..Config::default()
        };
        let app = Arc::new(App::new(ports, config));
        let admin = users::bootstrap(&app, "admin".parse().unwrap(), "operator".parse().unwrap()).await.unwrap();
        let admin = admin.unwrap().secret;
        Self { router: router(app, &Limits::default()), admin, _log: log, home: directory }
    }

    pub(crate) async fn response(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The files below a folder of the object store.
    pub(crate) fn objects(&self, folder: &str) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![self.home.path().join("home").join("data").join(folder)];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            } else if path.exists() {
                found.push(path);
            }
        }
        found
    }

    pub(crate) async fn respond(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let response = self.respond(request).await;
        let status = response.status();
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    /// A JSON request; `Value::Null` for no body.
    pub(crate) async fn json(&self, token: &str, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header("content-type", "application/json").body(Body::from(body.to_string()))
        };
        let (status, bytes) = self.send(request.unwrap()).await;
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A request with a body of another type.
    pub(crate) async fn text(
        &self,
        token: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        let request = request.header("authorization", format!("Bearer {token}")).body(body.into()).unwrap();
        let (status, bytes) = self.send(request).await;
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// An account with a token.
    pub(crate) async fn user(&self, name: &str, organisation: &str, role: &str) -> String {
        let body = json!({"name": name, "organisation": organisation, "role": role});
        let (status, reply) = self.json(&self.admin, "POST", "/v1/users", body).await;
        assert_eq!(status, 201, "{reply}");
        self.token(name).await["secret"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn token(&self, name: &str) -> Value {
        let (status, reply) = self.json(&self.admin, "POST", &format!("/v1/users/{name}/tokens"), Value::Null).await;
        assert_eq!(status, 201, "{reply}");
        reply
    }
}

/// Everybody, and a release that can be asked.
pub(crate) struct Story {
    pub(crate) app: TestApp,
    pub(crate) partner: String,
    pub(crate) researcher: String,
    pub(crate) reviewer: String,
    pub(crate) stranger: String,
    pub(crate) version: String,
    pub(crate) release: String,
}

impl Story {
    pub(crate) async fn new() -> Self {
        Self::slow(Duration::from_millis(1)).await
    }

    /// The same, where private answers take at least this long.
    pub(crate) async fn slow(time_base: Duration) -> Self {
        let app = TestApp::with_time_base(time_base).await;
        let partner = app.user("pat", "shop", "partner").await;
        let researcher = app.user("robin", "uni", "researcher").await;
        let reviewer = app.user("vic", "uni", "reviewer").await;
        let stranger = app.user("sam", "elsewhere", "researcher").await;
        let population = json!({"name": "shop-customers", "epsilon": 2.0, "delta": 1e-9, "size": 1000});
        expect(201, app.json(&partner, "POST", "/v1/populations", population).await);
        expect(201, app.text(&partner, "POST", "/v1/datasets", "application/toml", MANIFEST).await);
        let begun = expect(201, app.json(&partner, "POST", "/v1/datasets/visits/versions", Value::Null).await);
        let version = begun["id"].as_str().unwrap().to_owned();
        let tables = format!("/v1/datasets/visits/versions/{version}/tables/visits");
        let csv =
            (0..100).fold("segment,visit\n".to_owned(), |csv, i| csv + if i % 2 == 0 { "new,1\n" } else { "old,0\n" });
        let report = expect(200, app.text(&partner, "PUT", &tables, "text/csv", csv.clone()).await);
        assert_eq!(report["rows_accepted"], 100, "{report}");
        // The same bytes give the same report.
        assert_eq!(expect(200, app.text(&partner, "PUT", &tables, "text/csv", csv).await), report);
        let publish = format!("/v1/datasets/visits/versions/{version}/publish");
        expect(200, app.json(&partner, "POST", &publish, Value::Null).await);
        expect(201, app.json(&partner, "POST", "/v1/workspaces", json!({"name": "lift", "purpose": "a test"})).await);
        for (user, role) in [("robin", "researcher"), ("vic", "reviewer")] {
            let path = format!("/v1/workspaces/lift/members/{user}");
            expect(200, app.json(&partner, "PUT", &path, json!({"role": role})).await);
        }
        let proposal = json!({"dataset": "visits", "policy": POLICY});
        let proposed = expect(201, app.json(&partner, "POST", "/v1/workspaces/lift/releases", proposal).await);
        let release = proposed["id"].as_str().unwrap().to_owned();
        let approve = format!("/v1/releases/{release}/approve");
        let approved = expect(200, app.json(&reviewer, "POST", &approve, json!({"reason": "fine"})).await);
        assert_eq!(approved["state"], "active");
        Self { app, partner, researcher, reviewer, stranger, version, release }
    }

    pub(crate) async fn ask(&self, sql: &str) -> (StatusCode, Value) {
        self.app.json(&self.researcher, "POST", "/v1/workspaces/lift/queries", json!({"sql": sql})).await
    }
}

pub(crate) fn expect(status: u16, reply: (StatusCode, Value)) -> Value {
    assert_eq!(reply.0, status, "{}", reply.1);
    reply.1
}
