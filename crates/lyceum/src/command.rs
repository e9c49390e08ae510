//! One room per command: arguments → one HTTP call or local action → words. This file only dispatches.

pub(crate) mod audit;
mod budget;
mod catalog;
pub(crate) mod dataset;
mod download;
mod draft;
mod generate;
mod identity;
mod population;
mod privacy;
pub(crate) mod query;
pub(crate) mod release;
pub(crate) mod upload;
mod witness;
mod workspace;

use crate::cli::{Cli, Command};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use lyceum_schema::name::WorkspaceName;

/// Runs one command.
pub(crate) async fn run(cli: Cli) -> Outcome {
    let global = cli.global;
    match cli.command {
        Command::Demo(args) => crate::demo::run(args).await,
        Command::Serve(args) => crate::compose::serve(args).await,
        Command::Generate(args) => generate::run(args, global.json),
        Command::Login(args) => identity::login(args, &global).await,
        Command::Whoami => identity::whoami(&Client::from_settings(&global)?, global.json).await,
        Command::User(args) => identity::user(args, &Client::from_settings(&global)?, global.json).await,
        Command::Token(args) => identity::token(args, &Client::from_settings(&global)?, global.json).await,
        Command::Population(args) => population::run(args, &Client::from_settings(&global)?, global.json).await,
        Command::Workspace(args) => workspace::run(args, &Client::from_settings(&global)?, global.json).await,
        Command::Dataset(args) => dataset::run(args, &global).await,
        Command::Release(args) => release::run(args, &Client::from_settings(&global)?, global.json).await,
        Command::Catalog(args) => catalog::run(args, &Client::from_settings(&global)?, global.json).await,
        Command::Query(args) => query::ask(args, &Client::from_settings(&global)?, global.json).await,
        Command::Explain(args) => query::explain(args, &Client::from_settings(&global)?, global.json).await,
        Command::Budget(args) => budget::run(args, &Client::from_settings(&global)?, global.json).await,
        Command::Audit(args) => audit::run(args, &global).await,
        Command::Privacy(args) => privacy::run(args, global.json),
    }
}

/// The workspace that the flag, the variable or the remembered login names.
fn workspace(flag: Option<WorkspaceName>) -> Outcome<WorkspaceName> {
    if let Some(name) = flag {
        return Ok(name);
    }
    crate::config::read()?.workspace.and_then(|w| w.parse().ok()).ok_or_else(|| {
        Failure::local("E9010", "no workspace is named", "add -w NAME (lyceum workspace list shows yours)")
    })
}

/// Reads a file of text.
fn read_text(path: &std::path::Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))
}

/// Writes a file.
fn write_file(path: &std::path::Path, content: &[u8]) -> Outcome {
    std::fs::write(path, content).map_err(|e| Failure::file(path, &e))
}
