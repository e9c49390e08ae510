//! The table of contents of the HTTP interface, and the limits that every request meets.

use crate::problem;
use crate::routes::{audit, budgets, datasets, health, identity, populations, queries, releases, workspaces};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use lyceum_sharing::app::App;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

/// Largest body of a request that is not an upload, in bytes (a manifest has at most 1 MiB).
pub const MAX_BODY_BYTES: usize = (1 << 20) + 4096;
/// Requests that are worked on at the same time; others wait.
const MAX_CONCURRENT_REQUESTS: usize = 512;
/// Longest time of a request that neither uploads nor asks.
const TIMEOUT: Duration = Duration::from_secs(30);

/// All routes: method, path. Kept beside [`router`]; a test asks each of them as every role.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/healthz"),
    ("GET", "/readyz"),
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
    ("GET", "/v1/workspaces/{workspace}"),
    ("PUT", "/v1/workspaces/{workspace}/members/{user}"),
    ("DELETE", "/v1/workspaces/{workspace}/members/{user}"),
    ("GET", "/v1/workspaces/{workspace}/catalog"),
    ("GET", "/v1/workspaces/{workspace}/budget"),
    ("POST", "/v1/workspaces/{workspace}/releases"),
    ("GET", "/v1/workspaces/{workspace}/releases"),
    ("POST", "/v1/workspaces/{workspace}/queries"),
    ("GET", "/v1/workspaces/{workspace}/queries"),
    ("GET", "/v1/workspaces/{workspace}/queries/{id}"),
    ("POST", "/v1/datasets"),
    ("GET", "/v1/datasets"),
    ("GET", "/v1/datasets/{dataset}"),
    ("POST", "/v1/datasets/{dataset}/versions"),
    ("GET", "/v1/datasets/{dataset}/versions"),
    ("PUT", "/v1/datasets/{dataset}/versions/{version}/tables/{table}"),
    ("POST", "/v1/datasets/{dataset}/versions/{version}/publish"),
    ("GET", "/v1/releases/{id}"),
    ("POST", "/v1/releases/{id}/approve"),
    ("POST", "/v1/releases/{id}/reject"),
    ("POST", "/v1/releases/{id}/pause"),
    ("POST", "/v1/releases/{id}/resume"),
    ("POST", "/v1/releases/{id}/revoke"),
    ("GET", "/v1/audit/checkpoint"),
    ("GET", "/v1/audit/vkey"),
    ("GET", "/v1/audit/claims"),
    ("GET", "/v1/audit/receipts/{entry}"),
    ("GET", "/v1/audit/tile/{*path}"),
    ("GET", "/v1/audit/artefacts/{reference}"),
];

/// The service.
pub fn router(app: Arc<App>) -> Router {
    let quick = Router::new()
        .route("/v1/whoami", get(identity::whoami))
        .route("/v1/users", post(identity::create_user).get(identity::list_users))
        .route("/v1/users/{name}/tokens", post(identity::issue_token).get(identity::list_tokens))
        .route("/v1/tokens/{id}", delete(identity::revoke_token))
        .route("/v1/populations", post(populations::create).get(populations::list))
        .route("/v1/populations/{name}/budget", get(budgets::of_population))
        .route("/v1/workspaces", post(workspaces::create).get(workspaces::list))
        .route("/v1/workspaces/{workspace}", get(workspaces::show))
        .route(
            "/v1/workspaces/{workspace}/members/{user}",
            put(workspaces::put_member).delete(workspaces::remove_member),
        )
        .route("/v1/workspaces/{workspace}/catalog", get(workspaces::catalog))
        .route("/v1/workspaces/{workspace}/budget", get(budgets::of_workspace))
        .route("/v1/workspaces/{workspace}/releases", post(releases::propose).get(releases::list))
        .route("/v1/workspaces/{workspace}/queries/{id}", get(queries::show))
        .route("/v1/datasets", post(datasets::create).get(datasets::list))
        .route("/v1/datasets/{dataset}", get(datasets::show))
        .route("/v1/datasets/{dataset}/versions", post(datasets::begin_version).get(datasets::versions))
        .route("/v1/datasets/{dataset}/versions/{version}/publish", post(datasets::publish))
        .route("/v1/releases/{id}", get(releases::show))
        .route("/v1/releases/{id}/approve", post(releases::approve))
        .route("/v1/releases/{id}/reject", post(releases::reject))
        .route("/v1/releases/{id}/pause", post(releases::pause))
        .route("/v1/releases/{id}/resume", post(releases::resume))
        .route("/v1/releases/{id}/revoke", post(releases::revoke))
        .route("/v1/audit/checkpoint", get(audit::checkpoint))
        .route("/v1/audit/vkey", get(audit::verifier_key))
        .route("/v1/audit/claims", get(audit::claims))
        .route("/v1/audit/receipts/{entry}", get(audit::receipt))
        .route("/v1/audit/tile/{*path}", get(audit::tile))
        .route("/v1/audit/artefacts/{reference}", get(audit::artefact))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT));
    let slow = Router::new()
        .route("/v1/workspaces/{workspace}/queries", post(queries::ask).get(queries::history))
        .route(
            "/v1/datasets/{dataset}/versions/{version}/tables/{table}",
            put(datasets::upload).layer(DefaultBodyLimit::disable()),
        );
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(axum::middleware::from_fn(problem::complete))
        .layer(CatchPanicLayer::custom(|_panic: Box<dyn std::any::Any + Send>| problem::panicked()))
        .layer(GlobalConcurrencyLimitLayer::new(MAX_CONCURRENT_REQUESTS));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(quick)
        .merge(slow)
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(layers)
        .with_state(app)
}

/// A span with the route's pattern: paths may hold names, queries may hold anything.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
    let id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), route, id)
}
