//! The table of contents: every route of the service.

use crate::limits::Limits;
use crate::problem::{Failure, identified};
use crate::routes::{audit, budgets, console, datasets, health, identity, queries, releases, uploads, workspaces};
use crate::tus;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, head, post, put};
use axum::{Router, middleware};
use lyceum_sharing::App;
use std::sync::Arc;
use std::time::Duration;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every method and path, for documentation and for the test that walks them all.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/"),
    ("GET", "/console"),
    ("GET", "/console/"),
    ("GET", "/console/{*file}"),
    ("GET", "/v1/whoami"),
    ("POST", "/v1/users"),
    ("GET", "/v1/users"),
    ("POST", "/v1/users/{name}/tokens"),
    ("GET", "/v1/users/{name}/tokens"),
    ("DELETE", "/v1/tokens/{id}"),
    ("POST", "/v1/populations"),
    ("GET", "/v1/populations"),
    ("GET", "/v1/populations/{name}/budget"),
    ("POST", "/v1/workspaces"),
    ("GET", "/v1/workspaces"),
    ("GET", "/v1/workspaces/{w}"),
    ("PUT", "/v1/workspaces/{w}/members/{user}"),
    ("DELETE", "/v1/workspaces/{w}/members/{user}"),
    ("GET", "/v1/workspaces/{w}/catalog"),
    ("GET", "/v1/workspaces/{w}/budget"),
    ("POST", "/v1/datasets"),
    ("GET", "/v1/datasets"),
    ("GET", "/v1/datasets/{name}"),
    ("POST", "/v1/datasets/{name}/exclusions"),
    ("POST", "/v1/datasets/{name}/versions"),
    ("GET", "/v1/datasets/{name}/versions"),
    ("PUT", "/v1/datasets/{name}/versions/{id}/tables/{table}"),
    ("POST", "/v1/datasets/{name}/versions/{id}/tables/{table}"),
    ("POST", "/v1/datasets/{name}/versions/{id}/publish"),
    ("OPTIONS", "/v1/uploads"),
    ("POST", "/v1/uploads"),
    ("HEAD", "/v1/uploads/{id}"),
    ("PATCH", "/v1/uploads/{id}"),
    ("DELETE", "/v1/uploads/{id}"),
    ("POST", "/v1/uploads/{id}"),
    ("POST", "/v1/workspaces/{w}/releases"),
    ("GET", "/v1/workspaces/{w}/releases"),
    ("GET", "/v1/releases/{id}"),
    ("GET", "/v1/releases/{id}/report"),
    ("DELETE", "/v1/releases/{id}"),
    ("POST", "/v1/releases/{id}/approve"),
    ("POST", "/v1/releases/{id}/reject"),
    ("POST", "/v1/releases/{id}/pause"),
    ("POST", "/v1/releases/{id}/resume"),
    ("POST", "/v1/releases/{id}/revoke"),
    ("POST", "/v1/workspaces/{w}/queries"),
    ("GET", "/v1/workspaces/{w}/queries"),
    ("GET", "/v1/workspaces/{w}/queries/{id}"),
    ("GET", "/v1/audit/checkpoint"),
    ("GET", "/v1/audit/vkey"),
    ("GET", "/v1/audit/policy"),
    ("GET", "/v1/audit/tile/{*path}"),
    ("GET", "/v1/audit/receipts/{entry}"),
    ("GET", "/v1/audit/claims"),
    ("GET", "/v1/audit/artefacts/{ref}"),
];

/// The service over HTTP.
pub fn router(app: Arc<App>, limits: &Limits) -> Router {
    let identity = Router::new()
        .route("/v1/whoami", get(identity::whoami))
        .route("/v1/users", post(identity::create_user).get(identity::list_users))
        .route("/v1/users/{name}/tokens", post(identity::issue_token).get(identity::list_tokens))
        .route("/v1/tokens/{id}", delete(identity::revoke_token));
    let workspaces = Router::new()
        .route("/v1/workspaces", post(workspaces::create).get(workspaces::list))
        .route("/v1/workspaces/{w}", get(workspaces::show))
        .route("/v1/workspaces/{w}/members/{user}", put(workspaces::put_member).delete(workspaces::remove_member))
        .route("/v1/workspaces/{w}/catalog", get(workspaces::catalog));
    let budgets = Router::new()
        .route("/v1/populations", post(budgets::create_population).get(budgets::list_populations))
        .route("/v1/populations/{name}/budget", get(budgets::of_population))
        .route("/v1/workspaces/{w}/budget", get(budgets::of_workspace));
    let datasets = Router::new()
        .route("/v1/datasets", post(datasets::create).get(datasets::list))
        .route("/v1/datasets/{name}", get(datasets::show))
        .route("/v1/datasets/{name}/exclusions", post(datasets::exclude))
        .route("/v1/datasets/{name}/versions", post(datasets::begin_version).get(datasets::versions))
        .route("/v1/datasets/{name}/versions/{id}/publish", post(datasets::publish));
    let releases = Router::new()
        .route("/v1/workspaces/{w}/releases", post(releases::propose).get(releases::list))
        .route("/v1/releases/{id}", get(releases::show).delete(releases::delete))
        .route("/v1/releases/{id}/report", get(releases::report))
        .route("/v1/releases/{id}/approve", post(releases::approve))
        .route("/v1/releases/{id}/reject", post(releases::reject))
        .route("/v1/releases/{id}/pause", post(releases::pause))
        .route("/v1/releases/{id}/resume", post(releases::resume))
        .route("/v1/releases/{id}/revoke", post(releases::revoke));
    let queries = Router::new()
        .route("/v1/workspaces/{w}/queries", post(queries::ask).get(queries::history))
        .route("/v1/workspaces/{w}/queries/{id}", get(queries::show));
    let audit = Router::new()
        .route("/v1/audit/checkpoint", get(audit::checkpoint))
        .route("/v1/audit/vkey", get(audit::verifier_key))
        .route("/v1/audit/policy", get(audit::policy))
        .route("/v1/audit/tile/{*path}", get(audit::tile))
        .route("/v1/audit/receipts/{entry}", get(audit::receipt))
        .route("/v1/audit/claims", get(audit::claims))
        .route("/v1/audit/artefacts/{ref}", get(audit::artefact));
    let health = Router::new().route("/healthz", get(health::alive)).route("/readyz", get(health::ready));
    // Files without secrets, for everybody: compressed, since nothing of a caller's is in them.
    let console = Router::new()
        .route("/", get(console::enter))
        .route("/console", get(console::enter))
        .route("/console/", get(console::page))
        .route("/console/{*file}", get(console::file))
        .layer(CompressionLayer::new());
    // Uploads are limited by the service, in bytes and in number, and may take as long as they take.
    let resumable = Router::new()
        .route("/v1/uploads", post(uploads::begin).options(uploads::options))
        .route(
            "/v1/uploads/{id}",
            head(uploads::progress).patch(uploads::append).delete(uploads::abort).post(uploads::overridden),
        )
        .layer(middleware::from_fn(tus::spoken));
    let uploads = Router::new()
        .route("/v1/datasets/{name}/versions/{id}/tables/{table}", put(uploads::table).post(uploads::assemble))
        .merge(resumable)
        .layer(DefaultBodyLimit::disable());

    Router::new()
        .merge(identity)
        .merge(workspaces)
        .merge(budgets)
        .merge(datasets)
        .merge(releases)
        .merge(queries)
        .merge(audit)
        .merge(console)
        .layer(from_fn_with_state(limits.request_timeout, in_time))
        .layer(GlobalConcurrencyLimitLayer::new(limits.max_concurrent_requests))
        .merge(health)
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .merge(uploads)
        .fallback(|| async { Failure::NoRoute })
        .method_not_allowed_fallback(|| async { Failure::NoMethod })
        .layer(middleware::from_fn(traced))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| Failure::Internal.into_response()))
        .layer(middleware::from_fn(identified))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(SetSensitiveRequestHeadersLayer::new([axum::http::header::AUTHORIZATION]))
        .with_state(app)
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| Failure::Timeout.into_response())
}

/// A span per request: method, route (never the path with its values), status.
async fn traced(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let id = request.headers().get(&REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let status: StatusCode = response.status();
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(%method, status = status.as_u16(), milliseconds, request = id, "request");
    response
}
