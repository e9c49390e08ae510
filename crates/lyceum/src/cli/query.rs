//! Arguments of questions, prices and budgets.

use clap::{Args, Subcommand, ValueEnum};
use lyceum_schema::name::WorkspaceName;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct InWorkspace {
    /// The workspace
    #[arg(short, long, env = "LYCEUM_WORKSPACE")]
    pub(crate) workspace: Option<WorkspaceName>,
}

#[derive(Args)]
pub(crate) struct Query {
    #[command(flatten)]
    pub(crate) workspace: InWorkspace,
    /// The question; default: standard input
    pub(crate) sql: Option<String>,
    /// Read the question from a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = AnswerFormat::Table)]
    pub(crate) format: AnswerFormat,
    /// Write the answer here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Pay again and draw new noise although the question is answered
    #[arg(long)]
    pub(crate) fresh: bool,
}

#[derive(Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) workspace: InWorkspace,
    /// The question; default: standard input
    pub(crate) sql: Option<String>,
    /// Read the question from a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
}

/// How answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerFormat {
    /// A table with intervals, for people
    Table,
    /// Comma-separated values, intervals as columns
    Csv,
    /// The whole answer with price and receipt
    Json,
    /// One JSON object per row
    Ndjson,
    /// An Arrow IPC stream
    Arrow,
    /// A Parquet file (needs -o)
    Parquet,
}

#[derive(Subcommand)]
pub(crate) enum Budget {
    /// What was spent and what is left, and the questions that were paid for
    #[command(after_help = "Example:\n  lyceum budget show -w mail-lift --answers")]
    Show {
        #[command(flatten)]
        workspace: InWorkspace,
        /// List the questions that were paid for: asking them again is free
        #[arg(long)]
        answers: bool,
    },
}
