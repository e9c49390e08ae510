//! `/v1/datasets` and their versions.

use super::{Created, Reply, Service, created, list as items};
use crate::body::{Json, Toml};
use crate::caller::Caller;
use crate::path::Path;
use axum::extract::State;
use lyceum_schema::id::VersionId;
use lyceum_schema::name::DatasetName;
use lyceum_schema::wire;
use lyceum_sharing::usecase;

pub(crate) async fn create(
    State(app): Service,
    Caller(actor): Caller,
    Toml(manifest): Toml,
) -> Created<wire::CreatedDataset> {
    created(usecase::datasets::create(&app, &actor, &manifest).await?)
}

pub(crate) async fn list(State(app): Service, Caller(actor): Caller) -> Reply<wire::List<wire::Dataset>> {
    Ok(items(usecase::datasets::list(&app, &actor).await?))
}

pub(crate) async fn show(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<DatasetName>,
) -> Reply<wire::Dataset> {
    Ok(axum::Json(usecase::datasets::show(&app, &actor, &name).await?))
}

pub(crate) async fn begin_version(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<DatasetName>,
) -> Created<wire::Version> {
    created(usecase::datasets::begin_version(&app, &actor, &name).await?)
}

pub(crate) async fn versions(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<DatasetName>,
) -> Reply<wire::List<wire::Version>> {
    Ok(items(usecase::datasets::versions(&app, &actor, &name).await?))
}

pub(crate) async fn publish(
    State(app): Service,
    Caller(actor): Caller,
    Path((name, id)): Path<(DatasetName, VersionId)>,
) -> Reply<wire::Version> {
    Ok(axum::Json(usecase::datasets::publish(&app, &actor, &name, id).await?))
}

pub(crate) async fn exclude(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<DatasetName>,
    Json(request): Json<wire::Exclude>,
) -> Reply<wire::Excluded> {
    Ok(axum::Json(usecase::exclusions::exclude(&app, &actor, &name, request).await?))
}
