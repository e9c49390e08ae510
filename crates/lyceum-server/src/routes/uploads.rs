//! `PUT /v1/datasets/{name}/versions/{id}/tables/{table}`: one table, streamed.

use super::{Reply, Service};
use crate::body::Upload;
use crate::caller::Caller;
use crate::path::Path;
use axum::extract::State;
use lyceum_schema::id::VersionId;
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use lyceum_sharing::usecase::upload;

pub(crate) async fn table(
    State(app): Service,
    Caller(actor): Caller,
    Path((dataset, version, table)): Path<(DatasetName, VersionId, TableName)>,
    file: Upload,
) -> Reply<wire::ValidationReport> {
    Ok(axum::Json(upload::table(&app, &actor, &dataset, version, &table, file.chunks()).await?))
}
