//! `lyceum query | explain`: a question in SQL, its price, its answer in the format asked for.

use crate::cli::{AnswerFormat, Explain, Query};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{bytes, json, line};
use crate::progress;
use crate::render;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire::{QueryAnswer, QueryRequest, QueryResponse};
use reqwest::Method;
use std::io::Read;
use std::path::Path;

/// Asks, and prints or writes the answer.
pub(super) async fn ask(args: Query, client: &Client, as_json: bool) -> Outcome {
    let workspace = super::workspace(args.workspace.workspace)?;
    let sql = question(args.sql, args.file.as_deref())?;
    let request = QueryRequest { sql: sql.clone(), dry_run: false, fresh: args.fresh };
    let format = if as_json { AnswerFormat::Json } else { args.format };
    match format {
        AnswerFormat::Arrow | AnswerFormat::Parquet | AnswerFormat::Csv => {
            let accept = if format == AnswerFormat::Csv { "text/csv" } else { "application/vnd.apache.arrow.stream" };
            let content = raw(client, &workspace, &request, accept).await.map_err(|f| f.with_sql(&sql))?;
            let content = if format == AnswerFormat::Parquet { to_parquet(&content)? } else { content };
            return match (&args.output, format) {
                (Some(path), _) => super::write_file(path, &content),
                (None, AnswerFormat::Parquet) => {
                    Err(Failure::local("E9014", "a Parquet file can't be written to standard output", "add -o FILE"))
                }
                (None, _) => {
                    bytes(&content);
                    Ok(())
                }
            };
        }
        AnswerFormat::Table | AnswerFormat::Json | AnswerFormat::Ndjson => {}
    }
    let response = post(client, &workspace, &request).await.map_err(|f| f.with_sql(&sql))?;
    let text = match (&response, format) {
        (QueryResponse::Answer(answer), AnswerFormat::Ndjson) => ndjson(answer),
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

async fn raw(client: &Client, workspace: &WorkspaceName, request: &QueryRequest, accept: &str) -> Outcome<Vec<u8>> {
    let http = client
        .request(Method::POST, &format!("/v1/workspaces/{workspace}/queries"))
        .header("idempotency-key", lyceum_schema::id::QueryId::generate().to_string())
        .header("accept", accept)
        .json(request);
    Ok(client.send(http).await?.bytes().await.map_err(|_| unreadable(client))?.to_vec())
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

/// One object per row, intervals as `<column>_low` and `<column>_high`.
fn ndjson(answer: &QueryAnswer) -> String {
    let mut lines = Vec::new();
    for (row, intervals) in answer.rows.iter().zip(&answer.noise_intervals) {
        let mut object = serde_json::Map::new();
        for ((column, value), interval) in answer.columns.iter().zip(row).zip(intervals) {
            object.insert(column.name.clone(), value.clone());
            if let Some(i) = interval {
                object.insert(format!("{}_low", column.name), i.low.into());
                object.insert(format!("{}_high", column.name), i.high.into());
            }
        }
        lines.push(serde_json::Value::Object(object).to_string());
    }
    lines.join("\n")
}

fn to_parquet(ipc: &[u8]) -> Outcome<Vec<u8>> {
    let convert = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let reader = arrow::ipc::reader::StreamReader::try_new(ipc, None)?;
        let mut out = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, reader.schema(), None)?;
        for batch in reader {
            writer.write(&batch?)?;
        }
        writer.close()?;
        Ok(out)
    };
    convert().map_err(|e| {
        Failure::local("E9015", format!("the answer can't be written as Parquet: {e}"), "use --format arrow")
    })
}
