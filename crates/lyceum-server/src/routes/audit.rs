//! `/v1/audit`: the log's files as they are, receipts, the server's own figures.

use super::Reply;
use crate::extract::{At, Caller};
use crate::problem::Refused;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::audit;
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) async fn checkpoint(State(app): State<Arc<App>>, Caller(me): Caller) -> Result<Response, Refused> {
    let checkpoint = audit::checkpoint(&app, &me).await?;
    Ok(([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-cache")], checkpoint).into_response())
}

pub(crate) async fn verifier_key(State(app): State<Arc<App>>, Caller(me): Caller) -> Result<Response, Refused> {
    let key = audit::verifier_key(&app, &me)?;
    Ok(([(CONTENT_TYPE, TEXT)], format!("{}\n", key.trim_end())).into_response())
}

pub(crate) async fn claims(State(app): State<Arc<App>>, Caller(me): Caller) -> Reply<wire::AuditClaims> {
    Ok(Json(audit::claims(&app, &me).await?))
}

pub(crate) async fn receipt(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(entry): At<u64>,
) -> Result<Response, Refused> {
    let receipt = audit::receipt(&app, &me, entry).await?;
    Ok(([(CONTENT_TYPE, TEXT)], receipt).into_response())
}

pub(crate) async fn tile(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(path): At<String>,
) -> Result<Response, Refused> {
    let bytes = audit::tile(&app, &me, &format!("tile/{path}")).await?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

pub(crate) async fn artefact(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(reference): At<String>,
) -> Reply<wire::Artefact> {
    Ok(Json(audit::artefact(&app, &me, &reference).await?))
}
