//! Arguments of the audit log and its witnesses.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Copy the whole log and the server's own figures into a folder
    #[command(after_help = "Example:\n  lyceum audit export ./log")]
    Export { dir: PathBuf },
    /// Cosign the checkpoints of logs, so that none of them can show two histories
    #[command(
        after_help = "Example:\n  lyceum audit witness --home ./witness --name uni.example/witness --listen 0.0.0.0:7272 --log log.vkey"
    )]
    Witness(AuditWitness),
    /// Verify a copied log, or a receipt, offline
    #[command(
        after_help = "Examples:\n  lyceum audit verify ./log --policy policy\n  lyceum audit verify ./log --saved last.checkpoint --save last.checkpoint\n  lyceum audit verify --receipt answer.tlog-proof --key ./log/log.vkey"
    )]
    Verify {
        /// The copied log
        dir: Option<PathBuf>,
        /// A receipt to verify instead
        #[arg(long, value_name = "FILE", conflicts_with = "dir")]
        receipt: Option<PathBuf>,
        /// File with the log's verifier key or a policy, from a source you trust (default: DIR/policy, DIR/log.vkey)
        #[arg(long, visible_alias = "policy", value_name = "FILE")]
        key: Option<PathBuf>,
        /// Checkpoint that you saved last time: a log rolled back or forked since is found out
        #[arg(long, value_name = "FILE")]
        saved: Option<PathBuf>,
        /// Save the verified checkpoint here for next time
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Fetch the receipt of a log entry
    #[command(after_help = "Example:\n  lyceum audit receipt 41 -o answer.tlog-proof")]
    Receipt {
        entry: u64,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct AuditWitness {
    /// Folder for the witness's key and what it cosigned last; made on first use
    #[arg(long, value_name = "DIR")]
    pub(crate) home: PathBuf,
    /// Name of its key, such as uni.example/witness; fixed at first start
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:7272", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// A log to cosign from now on: its verifier key, or a file with it (remembered)
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) log: Vec<String>,
}
