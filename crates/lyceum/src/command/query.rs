//! `lyceum query | explain`: a question in SQL, its price, its answer in the format asked for.

use super::download;
use crate::cli::{AnswerFormat, Explain, Query};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line};
use crate::progress;
use crate::render;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire::{QueryRequest, QueryResponse};
use reqwest::{Method, Response};
use std::io::Read;
use std::path::Path;

/// Asks, and prints or writes the answer.
pub(super) async fn ask(args: Query, client: &Client, as_json: bool) -> Outcome {
    let workspace = super::workspace(args.workspace.workspace)?;
    let sql = question(args.sql, args.file.as_deref())?;
    let request = QueryRequest { sql: sql.clone(), dry_run: false, fresh: args.fresh };
    let format = if as_json { AnswerFormat::Json } else { args.format };
    match format {
        AnswerFormat::Arrow | AnswerFormat::Parquet | AnswerFormat::Csv | AnswerFormat::Ndjson => {
            let accept = match format {
                AnswerFormat::Csv => "text/csv",
                AnswerFormat::Ndjson => "application/x-ndjson",
                _ => "application/vnd.apache.arrow.stream",
            };
            let mut rows = rows(client, &workspace, &request, accept).await.map_err(|f| f.with_sql(&sql))?;
            return match (args.output.as_deref(), format) {
                (Some(path), AnswerFormat::Parquet) => download::parquet(client, &mut rows, path).await,
                (None, AnswerFormat::Parquet) => {
                    Err(Failure::local("E9014", "a Parquet file can't be written to standard output", "add -o FILE"))
                }
                (output, _) => download::save(client, &mut rows, output).await,
            };
        }
        AnswerFormat::Table | AnswerFormat::Json => {}
    }
    let response = post(client, &workspace, &request).await.map_err(|f| f.with_sql(&sql))?;
    let text = match (&response, format) {
        (_, AnswerFormat::Json) => serde_json::to_string_pretty(&response)
            .map_err(|e| Failure::local("E9002", e.to_string(), "report this"))?,
        (QueryResponse::Answer(answer), _) => render::answer::table(answer),
        (QueryResponse::Explanation(explanation), _) => render::explanation::words(explanation),
    };
    match &args.output {
        Some(path) => super::write_file(path, format!("{text}\n").as_bytes())?,
        None => line(&text),
    }
    Ok(())
}

/// Certificate and price; spends nothing.
pub(super) async fn explain(args: Explain, client: &Client, as_json: bool) -> Outcome {
    let workspace = super::workspace(args.workspace.workspace)?;
    let sql = question(args.sql, args.file.as_deref())?;
    let request = QueryRequest { sql: sql.clone(), dry_run: true, fresh: false };
    match post(client, &workspace, &request).await.map_err(|f| f.with_sql(&sql))? {
        QueryResponse::Explanation(explanation) if as_json => json(&explanation),
        QueryResponse::Explanation(explanation) => line(&render::explanation::words(&explanation)),
        QueryResponse::Answer(answer) => line(&render::answer::table(&answer)),
    }
    Ok(())
}

/// Sends a question; private ones take their priced time, so a spinner shows that it is being worked on.
pub(crate) async fn post(client: &Client, workspace: &WorkspaceName, request: &QueryRequest) -> Outcome<QueryResponse> {
    let spinner = progress::spinner("asking");
    let http = client
        .request(Method::POST, &format!("/v1/workspaces/{workspace}/queries"))
        .header("idempotency-key", lyceum_schema::id::QueryId::generate().to_string())
        .header("accept", "application/json")
        .json(request);
    let outcome = client.send(http).await;
    spinner.finish_and_clear();
    let body = outcome?.bytes().await.map_err(|_| unreadable(client))?;
    serde_json::from_slice(&body).map_err(|_| unreadable(client))
}

async fn rows(client: &Client, workspace: &WorkspaceName, request: &QueryRequest, accept: &str) -> Outcome<Response> {
    let http = client
        .request(Method::POST, &format!("/v1/workspaces/{workspace}/queries"))
        .header("idempotency-key", lyceum_schema::id::QueryId::generate().to_string())
        .header("accept", accept)
        .json(request);
    client.send(http).await
}

fn unreadable(client: &Client) -> Failure {
    Failure::Unreachable { server: client.server().to_owned(), why: "its answer broke off or is not understood".into() }
}

/// The question from the argument, a file, or standard input.
fn question(sql: Option<String>, file: Option<&Path>) -> Outcome<String> {
    if let Some(sql) = sql {
        return Ok(sql);
    }
    if let Some(file) = file {
        return super::read_text(file);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Failure::local("E9011", format!("no question could be read: {e}"), "give it as an argument"))?;
    Ok(text)
}
