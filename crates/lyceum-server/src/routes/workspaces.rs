//! `/v1/workspaces` and what is in one.

use super::{Created, Reply, Service, created, list as items};
use crate::body::Json;
use crate::caller::Caller;
use crate::path::Path;
use crate::problem::Failure;
use axum::extract::State;
use axum::http::StatusCode;
use lyceum_schema::name::{UserName, WorkspaceName};
use lyceum_schema::wire;
use lyceum_sharing::usecase;

pub(crate) async fn create(
    State(app): Service,
    Caller(actor): Caller,
    Json(request): Json<wire::CreateWorkspace>,
) -> Created<wire::Workspace> {
    created(usecase::workspaces::create(&app, &actor, request).await?)
}

pub(crate) async fn list(State(app): Service, Caller(actor): Caller) -> Reply<wire::List<wire::Workspace>> {
    Ok(items(usecase::workspaces::list(&app, &actor).await?))
}

pub(crate) async fn show(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<WorkspaceName>,
) -> Reply<wire::Workspace> {
    Ok(axum::Json(usecase::workspaces::show(&app, &actor, &name).await?))
}

pub(crate) async fn put_member(
    State(app): Service,
    Caller(actor): Caller,
    Path((name, user)): Path<(WorkspaceName, UserName)>,
    Json(request): Json<wire::PutMember>,
) -> Reply<wire::Workspace> {
    Ok(axum::Json(usecase::workspaces::put_member(&app, &actor, &name, &user, request).await?))
}

pub(crate) async fn remove_member(
    State(app): Service,
    Caller(actor): Caller,
    Path((name, user)): Path<(WorkspaceName, UserName)>,
) -> Result<StatusCode, Failure> {
    usecase::workspaces::remove_member(&app, &actor, &name, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn catalog(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<WorkspaceName>,
) -> Reply<wire::Catalog> {
    Ok(axum::Json(usecase::catalog::show(&app, &actor, &name).await?))
}
