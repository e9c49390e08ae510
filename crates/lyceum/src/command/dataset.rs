//! `lyceum dataset`: draft and check manifests (local), declare, upload, show.

use crate::cli::{Dataset, Global};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{json, line, remark};
use crate::render::{report, table};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::name::DatasetName;
use lyceum_schema::wire;
use reqwest::Method;
use std::path::Path;

/// Runs the command.
pub(super) async fn run(args: Dataset, global: &Global) -> Outcome {
    match args {
        Dataset::Draft { file, name, owner, output, reading } => {
            draft(&file, name, owner, output.as_deref(), &reading.options()?)
        }
        Dataset::Check { manifest } => check(&manifest, global.json),
        Dataset::Create { manifest } => create(&Client::from_settings(global)?, &manifest, global.json).await,
        Dataset::Upload(args) => super::upload::run(&Client::from_settings(global)?, args, global.json).await,
        Dataset::Exclude { name, file } => exclude(&Client::from_settings(global)?, &name, &file, global.json).await,
        Dataset::List => list(&Client::from_settings(global)?, global.json).await,
        Dataset::Show { name } => show(&Client::from_settings(global)?, &name, global.json).await,
    }
}

/// Sends the values of a file, one a line.
async fn exclude(client: &Client, name: &DatasetName, file: &Path, as_json: bool) -> Outcome {
    let text = super::read_text(file)?;
    let values = text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
    let request = wire::Exclude { values };
    let done: wire::Excluded = client.post(&format!("/v1/datasets/{name}/exclusions"), &request).await?;
    if as_json {
        json(&done);
    } else {
        line(&format!("their rows are gone from every version and release of {name} (log entry {})", done.entry));
        remark("what was charged stays charged, and answers that were given can't be recalled");
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
    options: &wire::FileOptions,
) -> Outcome {
    let drafted = crate::command::draft::from_file(path, name, owner, options)?;
    match output {
        Some(to) => super::write_file(to, drafted.as_bytes())?,
        None => crate::output::bytes(drafted.as_bytes()),
    }
    remark(
        "every bound and list marked source = \"data\" must be replaced by, or attested as, public knowledge before you publish",
    );
    Ok(())
}
