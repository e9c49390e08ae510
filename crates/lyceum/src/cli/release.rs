//! Arguments about releases.

use super::InWorkspace;
use clap::{Args, Subcommand};
use lyceum_schema::name::{DatasetName, TableName, WorkspaceName};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Release {
    /// Propose to share a dataset with a workspace
    #[command(
        after_help = "Example:\n  lyceum release propose hillstrom --workspace mail-lift --policy datasets/hillstrom/policy.toml"
    )]
    Propose {
        dataset: DatasetName,
        #[arg(short, long)]
        workspace: WorkspaceName,
        /// Policy file
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Version by number; default: the newest published one
        #[arg(long)]
        version: Option<u32>,
        /// Another name in SQL: TABLE=NAME
        #[arg(long = "as", value_name = "TABLE=NAME", value_parser = rename)]
        rename: Vec<(TableName, TableName)>,
        /// Don't wait until the rows of a mock, synthetic or anonymized release are made
        #[arg(long)]
        no_wait: bool,
    },
    /// A workspace's releases
    List(InWorkspace),
    /// One release
    Show { id: lyceum_schema::id::ReleaseId },
    /// Approve (reviewers; never one's own proposal)
    Approve(Decide),
    /// Refuse for good
    Reject(Decide),
    /// Stop new answers until resumed
    Pause(Decide),
    /// Allow answers again
    Resume(Decide),
    /// Withdraw for good: no new answers, no stored ones
    Revoke(Decide),
    /// Delete the rows and keys of a release that has ended; the log keeps what was decided
    Delete { id: lyceum_schema::id::ReleaseId },
    /// What reviewers judge a release's own rows by
    #[command(
        after_help = "Examples:\n  lyceum release report 0190… -o report.html --html\n  lyceum release report 0190… > report.json"
    )]
    Report {
        id: lyceum_schema::id::ReleaseId,
        /// As a page for people
        #[arg(long)]
        html: bool,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Decide {
    pub(crate) id: lyceum_schema::id::ReleaseId,
    /// Why; goes into the log
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}

fn rename(text: &str) -> Result<(TableName, TableName), String> {
    let (from, to) = text.split_once('=').ok_or("write TABLE=NAME")?;
    Ok((from.parse().map_err(|e| format!("{e}"))?, to.parse().map_err(|e| format!("{e}"))?))
}
