//! `/v1/workspaces`: projects, their members, their catalogue.

use super::Reply;
use crate::extract::{At, Body, Caller};
use crate::problem::Refused;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lyceum_schema::name::{UserName, WorkspaceName};
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::workspaces;
use std::sync::Arc;

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    Body(request): Body<wire::CreateWorkspace>,
) -> Result<(StatusCode, Json<wire::Workspace>), Refused> {
    Ok((StatusCode::CREATED, Json(workspaces::create(&app, &me, request).await?)))
}

pub(crate) async fn list(State(app): State<Arc<App>>, Caller(me): Caller) -> Reply<wire::List<wire::Workspace>> {
    Ok(super::list(workspaces::list(&app, &me).await?))
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(name): At<WorkspaceName>,
) -> Reply<wire::Workspace> {
    Ok(Json(workspaces::show(&app, &me, &name).await?))
}

pub(crate) async fn put_member(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At((workspace, user)): At<(WorkspaceName, UserName)>,
    Body(request): Body<wire::PutMember>,
) -> Reply<wire::Workspace> {
    Ok(Json(workspaces::put_member(&app, &me, &workspace, &user, request).await?))
}

pub(crate) async fn remove_member(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At((workspace, user)): At<(WorkspaceName, UserName)>,
) -> Result<StatusCode, Refused> {
    workspaces::remove_member(&app, &me, &workspace, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn catalog(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(workspace): At<WorkspaceName>,
) -> Reply<wire::Catalog> {
    Ok(Json(lyceum_sharing::usecase::catalog::show(&app, &me, &workspace).await?))
}
