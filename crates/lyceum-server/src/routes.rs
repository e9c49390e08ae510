//! Handlers, one file per noun. Each extracts, calls one use case and shapes the reply.

pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod console;
pub(crate) mod datasets;
pub(crate) mod health;
pub(crate) mod identity;
pub(crate) mod queries;
pub(crate) mod releases;
pub(crate) mod uploads;
pub(crate) mod workspaces;

use crate::problem::Failure;
use axum::Json;
use axum::http::StatusCode;
use lyceum_schema::wire::List;
use lyceum_sharing::App;
use std::sync::Arc;

/// The application, as handlers get it.
pub(crate) type Service = axum::extract::State<Arc<App>>;

/// A JSON reply, or a problem.
pub(crate) type Reply<T> = Result<Json<T>, Failure>;

/// A JSON reply to what made something.
pub(crate) type Created<T> = Result<(StatusCode, Json<T>), Failure>;

pub(crate) fn created<T>(value: T) -> Created<T> {
    Ok((StatusCode::CREATED, Json(value)))
}

pub(crate) const fn list<T>(items: Vec<T>) -> Json<List<T>> {
    Json(List { items })
}
