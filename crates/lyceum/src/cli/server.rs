//! Arguments of what runs on the machine itself: demo, serve, generate.

use crate::generate::sink::FileFormat;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Demo {
    /// People to generate
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(200..=5_000_000))]
    pub(crate) users: u64,
    /// Keep the home, the data and the exported log in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Go on serving at the end and print the logins
    #[arg(long)]
    pub(crate) serve: bool,
    /// Seed of the generated data (the noise has none)
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Folder for keys, database, data and log; made on first use
    #[arg(long, env = "LYCEUM_HOME", value_name = "DIR")]
    pub(crate) home: PathBuf,
    /// Address to listen on
    #[arg(long, env = "LYCEUM_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Settings file (default: HOME/lyceum.toml, if it exists)
    #[arg(long, env = "LYCEUM_SETTINGS", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Generate {
    /// Linked users, ad events and campaigns, with a randomised arm
    #[command(after_help = "Example:\n  lyceum generate ads --users 100000 --days 30 --seed 7 --out ./ads")]
    Ads {
        /// People
        #[arg(long, default_value_t = 100_000)]
        users: u64,
        /// Days
        #[arg(long, default_value_t = 30)]
        days: u64,
        /// Seed: equal seeds give equal files
        #[arg(long, default_value_t = 7)]
        seed: u64,
        /// Impressions per person and day, on average
        #[arg(long, default_value_t = 0.3)]
        mean_per_day: f64,
        /// Factor by which treatment multiplies the conversion rate
        #[arg(long, default_value_t = 1.25)]
        lift: f64,
        /// File format
        #[arg(long, value_enum, default_value_t = FileFormat::Csv)]
        format: FileFormat,
        /// Folder to write to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}
