//! Handlers by noun: extract, call one use case, shape the reply.

pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod datasets;
pub(crate) mod health;
pub(crate) mod identity;
pub(crate) mod populations;
pub(crate) mod queries;
pub(crate) mod releases;
pub(crate) mod workspaces;

use crate::problem::Refused;
use axum::Json;
use lyceum_schema::wire::List;

/// A JSON reply, or a problem document.
type Reply<T> = Result<Json<T>, Refused>;

fn list<T>(items: Vec<T>) -> Json<List<T>> {
    Json(List { items })
}
