//! `/v1/workspaces/{w}/queries`: ask, in three forms; history.

use super::Reply;
use crate::answer;
use crate::extract::{At, Body, Caller};
use crate::problem::Refused;
use axum::Json;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use lyceum_schema::id::QueryId;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire::{self, QueryResponse};
use lyceum_sharing::app::App;
use lyceum_sharing::usecase::query::{self, Outcome};
use std::sync::Arc;

pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(workspace): At<WorkspaceName>,
    headers: HeaderMap,
    Body(request): Body<wire::QueryRequest>,
) -> Result<Response, Refused> {
    // Decided before anything is spent: a form that can't be given must not cost.
    let form = form(&headers)?;
    let key = match headers.get("idempotency-key").map(|v| v.to_str()) {
        None => None,
        Some(Ok(key)) => Some(key.to_owned()),
        Some(Err(_)) => {
            return Err(Refused::request(
                StatusCode::UNPROCESSABLE_ENTITY,
                "E4209",
                "the Idempotency-Key header is not plain text",
                "send 1 to 255 printable ASCII characters",
            ));
        }
    };
    match query::ask(&app, &me, &workspace, request, key).await? {
        Outcome::Explanation(explanation) => Ok(Json(QueryResponse::Explanation(explanation)).into_response()),
        Outcome::Answer(given) => match form {
            Form::Json => Ok(Json(QueryResponse::Answer(Box::new(answer::json::shape(&given)))).into_response()),
            Form::Csv => answer::table::csv(&given),
            Form::Arrow => answer::table::arrow(&given),
        },
    }
}

pub(crate) async fn history(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At(workspace): At<WorkspaceName>,
) -> Reply<wire::List<wire::QueryHistoryEntry>> {
    Ok(super::list(query::history(&app, &me, &workspace).await?))
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Caller(me): Caller,
    At((workspace, id)): At<(WorkspaceName, QueryId)>,
) -> Reply<wire::QueryOutcome> {
    Ok(Json(query::show(&app, &me, &workspace, id).await?))
}

/// How the answer is to leave.
enum Form {
    Json,
    Csv,
    Arrow,
}

fn form(headers: &HeaderMap) -> Result<Form, Refused> {
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    for wanted in accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim()) {
        match wanted {
            "application/json" | "application/*" | "*/*" | "" => return Ok(Form::Json),
            "text/csv" | "text/*" => return Ok(Form::Csv),
            answer::table::ARROW_STREAM => return Ok(Form::Arrow),
            _ => {}
        }
    }
    Err(Refused::request(
        StatusCode::NOT_ACCEPTABLE,
        "E4406",
        "answers are given as JSON, CSV or Arrow streams only",
        "Accept: application/json, text/csv or application/vnd.apache.arrow.stream",
    ))
}
