//! `/v1/populations`.

use super::Reply;
use crate::extract::{Body, Caller};
use crate::problem::Refused;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lyceum_schema::wire;
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::populations;
use std::sync::Arc;

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    Body(request): Body<wire::CreatePopulation>,
) -> Result<(StatusCode, Json<wire::Population>), Refused> {
    Ok((StatusCode::CREATED, Json(populations::create(&app, &me, request).await?)))
}

pub(crate) async fn list(State(app): State<Arc<App>>, Caller(me): Caller) -> Reply<wire::List<wire::Population>> {
    Ok(super::list(populations::list(&app, &me).await?))
}
