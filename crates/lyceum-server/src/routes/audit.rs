//! `/v1/audit`: the transparency log. Tiles are immutable once full, so caches may keep them.

use super::{Reply, Service};
use crate::caller::Caller;
use crate::path::Path;
use crate::problem::Failure;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use lyceum_schema::wire;
use lyceum_sharing::usecase::audit;

const TEXT: (header::HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
const BYTES: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/octet-stream");

pub(crate) async fn checkpoint(State(app): Service, Caller(actor): Caller) -> Result<impl IntoResponse, Failure> {
    Ok(([TEXT], audit::checkpoint(&app, &actor).await?))
}

pub(crate) async fn verifier_key(State(app): Service, Caller(actor): Caller) -> Result<impl IntoResponse, Failure> {
    Ok(([TEXT], audit::verifier_key(&app, &actor)?))
}

pub(crate) async fn policy(State(app): Service, Caller(actor): Caller) -> Result<impl IntoResponse, Failure> {
    Ok(([TEXT], audit::policy(&app, &actor).await?))
}

pub(crate) async fn tile(
    State(app): Service,
    Caller(actor): Caller,
    Path(path): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(([BYTES], audit::tile(&app, &actor, &format!("tile/{path}")).await?))
}

pub(crate) async fn receipt(
    State(app): Service,
    Caller(actor): Caller,
    Path(entry): Path<u64>,
) -> Result<impl IntoResponse, Failure> {
    Ok(([TEXT], audit::receipt(&app, &actor, entry).await?))
}

pub(crate) async fn claims(State(app): Service, Caller(actor): Caller) -> Reply<wire::AuditClaims> {
    Ok(axum::Json(audit::claims(&app, &actor).await?))
}

pub(crate) async fn artefact(
    State(app): Service,
    Caller(actor): Caller,
    Path(reference): Path<String>,
) -> Reply<wire::Artefact> {
    Ok(axum::Json(audit::artefact(&app, &actor, &reference).await?))
}
