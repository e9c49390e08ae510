//! `/v1/datasets`: manifests, versions, uploads.

use super::Reply;
use crate::extract::{At, Caller, Text};
use crate::problem::Refused;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use futures::TryStreamExt;
use lyceum_schema::id::VersionId;
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::datasets;
use lyceum_sharing::usecase::upload::{self, BrokenOff};
use std::sync::Arc;

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    Text(manifest): Text,
) -> Result<(StatusCode, Json<wire::CreatedDataset>), Refused> {
    Ok((StatusCode::CREATED, Json(datasets::create(&app, &me, &manifest).await?)))
}

pub(crate) async fn list(State(app): State<Arc<App>>, Caller(me): Caller) -> Reply<wire::List<wire::Dataset>> {
    Ok(super::list(datasets::list(&app, &me).await?))
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(name): At<DatasetName>,
) -> Reply<wire::Dataset> {
    Ok(Json(datasets::show(&app, &me, &name).await?))
}

pub(crate) async fn begin_version(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(name): At<DatasetName>,
) -> Result<(StatusCode, Json<wire::Version>), Refused> {
    Ok((StatusCode::CREATED, Json(datasets::begin_version(&app, &me, &name).await?)))
}

pub(crate) async fn versions(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(name): At<DatasetName>,
) -> Reply<wire::List<wire::Version>> {
    Ok(super::list(datasets::versions(&app, &me, &name).await?))
}

/// The body is the file; its format is told from its first bytes.
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At((dataset, version, table)): At<(DatasetName, VersionId, TableName)>,
    body: Body,
) -> Reply<wire::ValidationReport> {
    let bytes = body.into_data_stream().map_err(|_| BrokenOff);
    Ok(Json(upload::table(&app, &me, &dataset, version, &table, bytes).await?))
}

pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At((dataset, version)): At<(DatasetName, VersionId)>,
) -> Reply<wire::Version> {
    Ok(Json(datasets::publish(&app, &me, &dataset, version).await?))
}
