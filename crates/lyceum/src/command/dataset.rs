//! `lyceum dataset`: draft and check manifests (local), declare, upload, show.

use crate::cli::{Dataset, Global};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line, remark};
use crate::progress;
use crate::render::{report, table};
use futures::TryStreamExt;
use lyceum_schema::manifest::{Manifest, PrivacyUnit};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire;
use reqwest::Method;
use std::path::{Path, PathBuf};

/// Runs the command.
pub(super) async fn run(args: Dataset, global: &Global) -> Outcome {
    match args {
        Dataset::Draft { file, name, owner, output } => draft(&file, name, owner, output.as_deref()),
        Dataset::Check { manifest } => check(&manifest, global.json),
        Dataset::Create { manifest } => create(&Client::from_settings(global)?, &manifest, global.json).await,
        Dataset::Upload { name, files, no_publish } => {
            upload(&Client::from_settings(global)?, &name, &files, no_publish, global.json).await
        }
        Dataset::List => list(&Client::from_settings(global)?, global.json).await,
        Dataset::Show { name } => show(&Client::from_settings(global)?, &name, global.json).await,
    }
}

/// `TABLE=FILE` or `FILE`.
fn table_and_file(argument: &str, tables: &[TableName]) -> Outcome<(TableName, PathBuf)> {
    let given = argument.split_once('=').and_then(|(t, f)| Some((t.parse::<TableName>().ok()?, PathBuf::from(f))));
    let (table, file) = match given {
        Some((table, file)) => (table, file),
        None => {
            let file = PathBuf::from(argument);
            let stem = file.file_name().and_then(|n| n.to_str()).and_then(|n| n.split('.').next()).unwrap_or_default();
            let by_stem = tables.iter().find(|t| t.as_str() == stem).cloned();
            let table = by_stem.or_else(|| if let [only] = tables { Some(only.clone()) } else { None });
            let names = tables.iter().map(TableName::as_str).collect::<Vec<_>>().join(", ");
            let table = table.ok_or_else(|| {
                Failure::local(
                    "E9013",
                    format!("{argument} does not say which table it is; this dataset has {names}"),
                    format!("write TABLE={argument}"),
                )
            })?;
            (table, file)
        }
    };
    if tables.contains(&table) {
        Ok((table, file))
    } else {
        let names = tables.iter().map(TableName::as_str).collect::<Vec<_>>().join(", ");
        Err(Failure::local("E9013", format!("the dataset has no table {table}"), format!("its tables are {names}")))
    }
}

/// Orders uploads so that a table comes after the one that its units are found through.
fn parents_first(uploads: &mut [(TableName, PathBuf)], manifest: &str) {
    let Ok(manifest) = Manifest::parse("manifest", manifest) else { return };
    let depth = |table: &TableName| {
        let mut depth = 0;
        let mut next = Some(table.clone());
        // A manifest that parses has no circle; the bound is for one that a newer server accepts.
        while let Some(name) = next.filter(|_| depth <= manifest.tables().len()) {
            depth += 1;
            next = manifest.table(&name).and_then(|t| match t.unit() {
                PrivacyUnit::ForeignKey { table, .. } => Some(table.clone()),
                PrivacyUnit::Column(_) | PrivacyUnit::Row | PrivacyUnit::None => None,
            });
        }
        depth
    };
    uploads.sort_by_key(|(table, _)| depth(table));
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()) {
        Some("csv" | "tsv" | "txt") => "text/csv",
        Some("parquet" | "pq") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// Uploads one file per table into a new version and publishes it.
pub(crate) async fn upload(
    client: &Client,
    name: &DatasetName,
    files: &[String],
    no_publish: bool,
    as_json: bool,
) -> Outcome {
    let dataset: wire::Dataset = client.get(&format!("/v1/datasets/{name}")).await?;
    let mut uploads = files.iter().map(|f| table_and_file(f, &dataset.tables)).collect::<Outcome<Vec<_>>>()?;
    parents_first(&mut uploads, &dataset.manifest);
    let version: wire::Version = client.post(&format!("/v1/datasets/{name}/versions"), &serde_json::json!({})).await?;
    let mut reports = Vec::new();
    for (table, path) in uploads {
        let file = tokio::fs::File::open(&path).await.map_err(|e| Failure::file(&path, &e))?;
        let length = file.metadata().await.map_err(|e| Failure::file(&path, &e))?.len();
        let label = path.file_name().and_then(|n| n.to_str()).unwrap_or("file").to_owned();
        let bar = progress::bytes(&label, length);
        let counting = bar.clone();
        let stream = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024)
            .inspect_ok(move |chunk| counting.inc(chunk.len() as u64));
        let url = format!("/v1/datasets/{name}/versions/{}/tables/{table}", version.id);
        let report: wire::ValidationReport =
            client.send_body(Method::PUT, &url, content_type(&path), reqwest::Body::wrap_stream(stream)).await?;
        bar.finish_and_clear();
        if !as_json {
            line(&format!(" {label}  {}", self::report::summary(&report, length)));
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

fn check(path: &Path, as_json: bool) -> Outcome {
    let text = super::read_text(path)?;
    match Manifest::parse(&path.display().to_string(), &text) {
        Ok(manifest) if as_json => {
            let tables: Vec<_> = manifest.tables().iter().map(|t| t.name().as_str()).collect();
            json(&serde_json::json!({ "ok": true, "dataset": manifest.dataset(), "tables": tables }));
        }
        Ok(manifest) => line(&report::manifest(&manifest)),
        Err(errors) => {
            if as_json {
                let findings: Vec<_> = errors.iter().map(ToString::to_string).collect();
                json(&serde_json::json!({ "ok": false, "findings": findings }));
            } else {
                for error in &errors {
                    crate::output::error(&error.to_string());
                }
            }
            return Err(Failure::No);
        }
    }
    Ok(())
}

async fn create(client: &Client, path: &Path, as_json: bool) -> Outcome {
    let text = super::read_text(path)?;
    let made: wire::CreatedDataset = client.send_body(Method::POST, "/v1/datasets", "application/toml", text).await?;
    if as_json {
        json(&made);
    } else {
        line(&format!("declared {} ({})", made.dataset.name, made.dataset.title));
        for warning in &made.warnings {
            remark(&format!(" note: {warning}"));
        }
        remark(&format!("next: lyceum dataset upload {} FILE", made.dataset.name));
    }
    Ok(())
}

async fn list(client: &Client, as_json: bool) -> Outcome {
    let all: wire::List<wire::Dataset> = client.get("/v1/datasets").await?;
    if as_json {
        json(&all);
    } else {
        let header = ["name", "owner", "title"].map(String::from);
        let rows: Vec<_> =
            all.items.iter().map(|d| vec![d.name.to_string(), d.owner.to_string(), d.title.clone()]).collect();
        line(&table::plain(&header, &rows, &[]));
    }
    Ok(())
}

async fn show(client: &Client, name: &DatasetName, as_json: bool) -> Outcome {
    let dataset: wire::Dataset = client.get(&format!("/v1/datasets/{name}")).await?;
    let versions: wire::List<wire::Version> = client.get(&format!("/v1/datasets/{name}/versions")).await?;
    if as_json {
        json(&serde_json::json!({ "dataset": dataset, "versions": versions.items }));
    } else {
        line(&report::dataset(&dataset, &versions.items));
    }
    Ok(())
}

fn draft(
    path: &Path,
    name: Option<DatasetName>,
    owner: Option<lyceum_schema::name::OrganisationName>,
    output: Option<&Path>,
) -> Outcome {
    let drafted = crate::command::draft::from_file(path, name, owner)?;
    match output {
        Some(to) => super::write_file(to, drafted.as_bytes())?,
        None => crate::output::bytes(drafted.as_bytes()),
    }
    remark(
        "every bound and list marked source = \"data\" must be replaced by, or attested as, public knowledge before you publish",
    );
    Ok(())
}
