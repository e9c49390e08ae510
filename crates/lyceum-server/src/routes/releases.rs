//! `/v1/workspaces/{w}/releases` and `/v1/releases`: propose, decide, show.

use super::Reply;
use crate::extract::{At, Body, Caller};
use crate::problem::Refused;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::releases::{self, Verdict};
use std::sync::Arc;

pub(crate) async fn propose(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(workspace): At<WorkspaceName>,
    Body(request): Body<wire::ProposeRelease>,
) -> Result<(StatusCode, Json<wire::Release>), Refused> {
    Ok((StatusCode::CREATED, Json(releases::propose(&app, &me, &workspace, request).await?)))
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(workspace): At<WorkspaceName>,
) -> Reply<wire::List<wire::Release>> {
    Ok(super::list(releases::list(&app, &me, &workspace).await?))
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(id): At<ReleaseId>,
) -> Reply<wire::Release> {
    Ok(Json(releases::show(&app, &me, id).await?))
}

macro_rules! decision {
    ($handler:ident, $verdict:expr) => {
        pub(crate) async fn $handler(
            State(app): State<Arc<App>>,
            Caller(me): Caller,
            At(id): At<ReleaseId>,
            Body(decision): Body<wire::Decision>,
        ) -> Reply<wire::Release> {
            Ok(Json(releases::decide(&app, &me, id, $verdict, decision).await?))
        }
    };
}

decision!(approve, Verdict::Approve);
decision!(reject, Verdict::Reject);
decision!(pause, Verdict::Pause);
decision!(resume, Verdict::Resume);
decision!(revoke, Verdict::Revoke);
