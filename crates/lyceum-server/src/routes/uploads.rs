//! Tables on their way in: in one request (`PUT …/tables/{table}`), or as resumable uploads by the tus protocol, version
//! 1.0.0 (<https://tus.io/protocols/resumable-upload>), which `POST …/tables/{table}` then makes a table of.
//!
//! Extensions: creation, expiration, checksum, termination.

use super::{Reply, Service};
use crate::body::{Json, Upload};
use crate::caller::Caller;
use crate::path::Path;
use crate::problem::Failure;
use crate::tus;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use lyceum_schema::id::{UploadId, VersionId};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use lyceum_sharing::usecase::{resumable, upload};

/// `PUT /v1/datasets/{name}/versions/{id}/tables/{table}`: one table, one file, streamed.
pub(crate) async fn table(
    State(app): Service,
    Caller(actor): Caller,
    Path((dataset, version, table)): Path<(DatasetName, VersionId, TableName)>,
    options: Result<Query<wire::FileOptions>, axum::extract::rejection::QueryRejection>,
    file: Upload,
) -> Reply<wire::ValidationReport> {
    let Query(options) = options.map_err(|e| Failure::Path(e.body_text()))?;
    Ok(axum::Json(upload::table(&app, &actor, &dataset, version, &table, options, file.chunks()).await?))
}

/// `POST /v1/datasets/{name}/versions/{id}/tables/{table}`: one table of received files.
pub(crate) async fn assemble(
    State(app): Service,
    Caller(actor): Caller,
    Path((dataset, version, table)): Path<(DatasetName, VersionId, TableName)>,
    Json(what): Json<wire::AssembleTable>,
) -> Reply<wire::ValidationReport> {
    Ok(axum::Json(resumable::assemble(&app, &actor, &dataset, version, &table, &what).await?))
}

/// `OPTIONS /v1/uploads`: what of the protocol is spoken here.
pub(crate) async fn options(State(app): Service) -> Response {
    tus::capabilities(app.config().max_upload_bytes)
}

/// `POST /v1/uploads`: begins an upload.
pub(crate) async fn begin(State(app): Service, Caller(actor): Caller, headers: HeaderMap) -> Result<Response, Failure> {
    tus::check_version(&headers)?;
    let progress = resumable::begin(&app, &actor, tus::new_upload(&headers)?).await?;
    Ok(tus::created(&progress))
}

/// `HEAD /v1/uploads/{id}`: how far it is.
pub(crate) async fn progress(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    tus::check_version(&headers)?;
    Ok(tus::reached(StatusCode::OK, &resumable::progress(&app, &actor, id).await?))
}

/// `PATCH /v1/uploads/{id}`: appends bytes.
pub(crate) async fn append(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, Failure> {
    tus::check_version(&headers)?;
    let what = tus::append(&headers)?;
    let progress = resumable::append(&app, &actor, id, what, Upload(body).chunks()).await?;
    Ok(tus::reached(StatusCode::NO_CONTENT, &progress))
}

/// `DELETE /v1/uploads/{id}`: gives it up.
pub(crate) async fn abort(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    tus::check_version(&headers)?;
    resumable::abort(&app, &actor, id).await?;
    Ok(tus::done())
}

/// `POST /v1/uploads/{id}` with `X-HTTP-Method-Override`, for clients behind proxies that know few methods.
pub(crate) async fn overridden(
    state: Service,
    caller: Caller,
    id: Path<UploadId>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, Failure> {
    match headers.get("x-http-method-override").map(axum::http::HeaderValue::as_bytes) {
        Some(b"PATCH") => append(state, caller, id, headers, body).await,
        Some(b"DELETE") => abort(state, caller, id, headers).await,
        _ => Err(Failure::NoMethod),
    }
}
