//! `/v1/workspaces/{w}/releases` and decisions on a release.

use super::{Created, Reply, Service, created, list as items};
use crate::body::{Json, OptionalJson};
use crate::caller::Caller;
use crate::path::Path;
use crate::problem::Failure;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use lyceum_schema::id::ReleaseId;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire;
use lyceum_sharing::usecase::releases::{self, Verdict};

pub(crate) async fn propose(
    State(app): Service,
    Caller(actor): Caller,
    Path(workspace): Path<WorkspaceName>,
    Json(request): Json<wire::ProposeRelease>,
) -> Created<wire::Release> {
    created(releases::propose(&app, &actor, &workspace, request).await?)
}

pub(crate) async fn list(
    State(app): Service,
    Caller(actor): Caller,
    Path(workspace): Path<WorkspaceName>,
) -> Reply<wire::List<wire::Release>> {
    Ok(items(releases::list(&app, &actor, &workspace).await?))
}

pub(crate) async fn show(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<ReleaseId>,
) -> Reply<wire::Release> {
    Ok(axum::Json(releases::show(&app, &actor, id).await?))
}

pub(crate) async fn delete(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<ReleaseId>,
) -> Reply<wire::Release> {
    Ok(axum::Json(releases::delete(&app, &actor, id).await?))
}

/// JSON, byte for byte as the log's hash has it, or a page for who asks for HTML.
pub(crate) async fn report(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<ReleaseId>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let report = releases::report(&app, &actor, id).await?;
    let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        let policy = (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'");
        return Ok(([policy], Html(report.page)).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], report.json).into_response())
}

macro_rules! verdict {
    ($name:ident, $verdict:expr) => {
        pub(crate) async fn $name(
            State(app): Service,
            Caller(actor): Caller,
            Path(id): Path<ReleaseId>,
            OptionalJson(decision): OptionalJson<wire::Decision>,
        ) -> Reply<wire::Release> {
            Ok(axum::Json(releases::decide(&app, &actor, id, $verdict, decision).await?))
        }
    };
}

verdict!(approve, Verdict::Approve);
verdict!(reject, Verdict::Reject);
verdict!(pause, Verdict::Pause);
verdict!(resume, Verdict::Resume);
verdict!(revoke, Verdict::Revoke);
