//! `/v1/populations` and what is left of budgets.

use super::{Created, Reply, Service, created, list};
use crate::body::Json;
use crate::caller::Caller;
use crate::path::Path;
use axum::extract::State;
use lyceum_schema::name::{PopulationName, WorkspaceName};
use lyceum_schema::wire;
use lyceum_sharing::usecase::{budget, populations};

pub(crate) async fn create_population(
    State(app): Service,
    Caller(actor): Caller,
    Json(request): Json<wire::CreatePopulation>,
) -> Created<wire::Population> {
    created(populations::create(&app, &actor, request).await?)
}

pub(crate) async fn list_populations(
    State(app): Service,
    Caller(actor): Caller,
) -> Reply<wire::List<wire::Population>> {
    Ok(list(populations::list(&app, &actor).await?))
}

pub(crate) async fn of_population(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<PopulationName>,
) -> Reply<wire::PopulationBudget> {
    Ok(axum::Json(budget::of_population(&app, &actor, &name).await?))
}

pub(crate) async fn of_workspace(
    State(app): Service,
    Caller(actor): Caller,
    Path(name): Path<WorkspaceName>,
) -> Reply<wire::WorkspaceBudget> {
    Ok(axum::Json(budget::of_workspace(&app, &actor, &name).await?))
}
