//! `/v1/workspaces/{w}/queries`: questions, answers and their history.

use super::{Reply, Service, list};
use crate::answer::{self, Format};
use crate::body::Json;
use crate::caller::Caller;
use crate::path::Path;
use crate::problem::Failure;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use lyceum_schema::id::QueryId;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire;
use lyceum_sharing::usecase::query;

pub(crate) async fn ask(
    State(app): Service,
    Caller(actor): Caller,
    Path(workspace): Path<WorkspaceName>,
    headers: HeaderMap,
    Json(request): Json<wire::QueryRequest>,
) -> Result<Response, Failure> {
    // Before anything is charged: an answer that can't be shown must not be paid for.
    let format = Format::of(&headers)?;
    let key = match headers.get("idempotency-key") {
        Some(value) => Some(value.to_str().map_err(|_| Failure::Header("Idempotency-Key"))?.to_owned()),
        None => None,
    };
    answer::respond(query::ask(&app, &actor, &workspace, request, key, format.delivery()).await?, format)
}

pub(crate) async fn history(
    State(app): Service,
    Caller(actor): Caller,
    Path(workspace): Path<WorkspaceName>,
) -> Reply<wire::List<wire::QueryHistoryEntry>> {
    Ok(list(query::history(&app, &actor, &workspace).await?))
}

pub(crate) async fn show(
    State(app): Service,
    Caller(actor): Caller,
    Path((workspace, id)): Path<(WorkspaceName, QueryId)>,
) -> Reply<wire::QueryOutcome> {
    Ok(axum::Json(query::show(&app, &actor, &workspace, id).await?))
}
