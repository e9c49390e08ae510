//! `lyceum dataset upload`: sends files by the tus protocol, goes on after a cut, and makes them tables of a new version.

mod send;
mod tables;

use crate::cli::Upload;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line, remark};
use crate::render::report;
use lyceum_schema::id::UploadId;
use lyceum_schema::name::DatasetName;
use lyceum_schema::state::VersionState;
use lyceum_schema::wire;
use send::Place;

/// Uploads the files of every table into a version and publishes it.
pub(crate) async fn run(client: &Client, args: Upload, as_json: bool) -> Outcome {
    let Upload { name, append, files, no_publish, resume, reading } = args;
    let options = reading.options()?;
    let dataset: wire::Dataset = client.get(&format!("/v1/datasets/{name}")).await?;
    let uploads = tables::arrange(&files, &dataset, append)?;
    let append_to = if append { Some(published(client, &name).await?) } else { None };
    let version = if resume { begun(client, &name).await? } else { begin(client, &name).await? };
    let mut reports = Vec::new();
    for (table, paths) in uploads {
        if resume && version.tables.iter().any(|t| t.table == table && t.uploaded) {
            remark(&format!(" {table} is there already"));
            continue;
        }
        let (mut parts, mut bytes): (Vec<UploadId>, u64) = (Vec::new(), 0);
        for (number, path) in (1..).zip(&paths) {
            let place = Place { dataset: &name, version: version.id, table: &table, part: number };
            let sent = send::file(client, path, &place, &options).await.inspect_err(|_| {
                remark("to go on from where it stopped, run the same command with --resume within a day");
            })?;
            bytes += sent.bytes;
            parts.push(sent.upload);
        }
        let label = send::label(&paths);
        let what = wire::AssembleTable { uploads: parts, append_to, options: wire::FileOptions::default() };
        let label = if paths.is_empty() { table.to_string() } else { label };
        let report = assemble(client, &name, &version, &table, &what, &label).await?;
        if !as_json {
            line(&format!(" {label}  {}", report::summary(&report, bytes)));
        }
        reports.push(report);
    }
    if no_publish {
        if as_json {
            json(&serde_json::json!({ "version": version, "reports": reports }));
        } else {
            remark(&format!("not published: version {} of {name} is a draft", version.number));
        }
        return Ok(());
    }
    let published: wire::Version =
        client.post(&format!("/v1/datasets/{name}/versions/{}/publish", version.id), &serde_json::json!({})).await?;
    if as_json {
        json(&serde_json::json!({ "version": published, "reports": reports }));
    } else {
        line(&format!("published version {} of {name}", published.number));
        remark(&format!("next: lyceum release propose {name} --workspace NAME --policy FILE"));
    }
    Ok(())
}

async fn begin(client: &Client, name: &DatasetName) -> Outcome<wire::Version> {
    client.post(&format!("/v1/datasets/{name}/versions"), &serde_json::json!({})).await
}

/// The newest version, which must be a draft.
async fn begun(client: &Client, name: &DatasetName) -> Outcome<wire::Version> {
    let versions: wire::List<wire::Version> = client.get(&format!("/v1/datasets/{name}/versions")).await?;
    let newest = versions.items.into_iter().next().filter(|v| v.state == VersionState::Draft);
    newest.ok_or_else(|| {
        Failure::local(
            "E9014",
            format!("{name} has no version that could be gone on with"),
            "run the command without --resume",
        )
    })
}

/// The number of the newest published version.
async fn published(client: &Client, name: &DatasetName) -> Outcome<u32> {
    let versions: wire::List<wire::Version> = client.get(&format!("/v1/datasets/{name}/versions")).await?;
    let newest = versions.items.into_iter().find(|v| v.state == VersionState::Published).map(|v| v.number);
    newest.ok_or_else(|| {
        let what = format!("{name} has no published version that could be appended to");
        Failure::local("E9014", what, "run the command without --append")
    })
}

/// Lets the server check what it received. A lost connection is no loss: the same question again gives the same report.
async fn assemble(
    client: &Client,
    name: &DatasetName,
    version: &wire::Version,
    table: &lyceum_schema::name::TableName,
    what: &wire::AssembleTable,
    label: &str,
) -> Outcome<wire::ValidationReport> {
    let spinner = crate::progress::spinner(&format!("checking {label}"));
    let path = format!("/v1/datasets/{name}/versions/{}/tables/{table}", version.id);
    let report = client.post(&path, what).await;
    spinner.finish_and_clear();
    report
}
