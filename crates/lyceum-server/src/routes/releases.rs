//! `/v1/workspaces/{w}/releases` and decisions on a release.

use super::{Created, Reply, Service, created, list as items};
use crate::body::{Json, OptionalJson};
use crate::caller::Caller;
use crate::path::Path;
use axum::extract::State;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire;
use lyceum_sharing::usecase::releases::{self, Verdict};

pub(crate) async fn propose(
    State(app): Service,
    Caller(actor): Caller,
    Path(workspace): Path<WorkspaceName>,
    Json(request): Json<wire::ProposeRelease>,
) -> Created<wire::Release> {
    created(releases::propose(&app, &actor, &workspace, request).await?)
}

pub(crate) async fn list(
    State(app): Service,
    Caller(actor): Caller,
    Path(workspace): Path<WorkspaceName>,
) -> Reply<wire::List<wire::Release>> {
    Ok(items(releases::list(&app, &actor, &workspace).await?))
}

pub(crate) async fn show(
    State(app): Service,
    Caller(actor): Caller,
    Path(id): Path<ReleaseId>,
) -> Reply<wire::Release> {
    Ok(axum::Json(releases::show(&app, &actor, id).await?))
}

macro_rules! verdict {
    ($name:ident, $verdict:expr) => {
        pub(crate) async fn $name(
            State(app): Service,
            Caller(actor): Caller,
            Path(id): Path<ReleaseId>,
            OptionalJson(decision): OptionalJson<wire::Decision>,
        ) -> Reply<wire::Release> {
            Ok(axum::Json(releases::decide(&app, &actor, id, $verdict, decision).await?))
        }
    };
}

verdict!(approve, Verdict::Approve);
verdict!(reject, Verdict::Reject);
verdict!(pause, Verdict::Pause);
verdict!(resume, Verdict::Resume);
verdict!(revoke, Verdict::Revoke);
