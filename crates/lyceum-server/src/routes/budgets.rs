//! What was spent and what is left.

use super::Reply;
use crate::extract::{At, Caller};
use axum::Json;
use axum::extract::State;
use lyceum_schema::name::{PopulationName, WorkspaceName};
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::budget;
use std::sync::Arc;

pub(crate) async fn of_workspace(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(workspace): At<WorkspaceName>,
) -> Reply<wire::WorkspaceBudget> {
    Ok(Json(budget::of_workspace(&app, &me, &workspace).await?))
}

pub(crate) async fn of_population(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(population): At<PopulationName>,
) -> Reply<wire::PopulationBudget> {
    Ok(Json(budget::of_population(&app, &me, &population).await?))
}
