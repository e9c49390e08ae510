//! Arguments about what is shared and with whom: populations, workspaces, datasets.

use super::identity::role;
use super::upload::{Reading, Upload};
use clap::Subcommand;
use lyceum_schema::epoch::Every;
use lyceum_schema::name::{DatasetName, OrganisationName, PopulationName, UserName, WorkspaceName};
use lyceum_schema::state::Role;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Population {
    /// Declare a population and cap its budget, once and for ever
    #[command(
        after_help = "Examples:\n  lyceum population create mtd-customers --epsilon 1 --delta 1e-7 --size 64000\n  lyceum population create shop-months --epoch month --epsilon 1 --delta 1e-7 --size 64000"
    )]
    Create {
        name: PopulationName,
        /// ε of everything ever answered about it
        #[arg(long)]
        epsilon: f64,
        /// δ of everything ever answered about it, at most 1/(10 × size)
        #[arg(long)]
        delta: f64,
        /// About how many privacy units it has (public); with --epoch: people in one epoch
        #[arg(long)]
        size: u64,
        /// day, week or month: the unit is a person in one of them, and the caps hold in each (default: for all time)
        #[arg(long)]
        epoch: Option<Every>,
        /// Whose population it is (administrators; default: your organisation)
        #[arg(long)]
        organisation: Option<OrganisationName>,
    },
    /// All populations
    List,
    /// What was spent of a population's budget
    Show { name: PopulationName },
}

#[derive(Subcommand)]
pub(crate) enum Workspace {
    /// Begin a joint research project
    #[command(after_help = "Example:\n  lyceum workspace create mail-lift --purpose \"lift of e-mail campaigns\"")]
    Create {
        name: WorkspaceName,
        #[arg(long)]
        purpose: String,
    },
    /// Workspaces you are in
    List,
    /// A workspace and its members
    Show { name: WorkspaceName },
    /// Add a member, or change a member's role
    #[command(after_help = "Example:\n  lyceum workspace add-member mail-lift scholar --role researcher")]
    AddMember {
        name: WorkspaceName,
        user: UserName,
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Remove a member
    RemoveMember { name: WorkspaceName, user: UserName },
}

#[derive(Subcommand)]
pub(crate) enum Dataset {
    /// Draft a manifest from a file: names, types and round bounds, no values
    #[command(
        after_help = "Example:\n  lyceum dataset draft hillstrom.csv --name hillstrom --owner minethatdata > manifest.toml"
    )]
    Draft {
        file: PathBuf,
        /// The dataset's name
        #[arg(long)]
        name: Option<DatasetName>,
        /// The organisation that owns it
        #[arg(long)]
        owner: Option<OrganisationName>,
        /// Write here instead of to standard output
        #[arg(short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        reading: Reading,
    },
    /// Check a manifest without a server
    Check { manifest: PathBuf },
    /// Declare a dataset by its manifest
    #[command(after_help = "Example:\n  lyceum dataset create datasets/hillstrom/manifest.toml")]
    Create { manifest: PathBuf },
    /// Upload all tables as a new version and publish it
    #[command(
        after_help = "Examples:\n  lyceum dataset upload hillstrom hillstrom.csv\n  lyceum dataset upload ads users.csv events=log-1.parquet events=log-2.parquet campaigns.csv\n  lyceum dataset upload sales sales.txt --delimiter ';' --encoding windows-1252\n  lyceum dataset upload shop --append events=2026-12.csv.gz"
    )]
    Upload(Upload),
    /// Drop people who opted out: from every version and release, and from later uploads; charges stay
    #[command(
        after_help = "Example (one value of the privacy unit per line, as in the uploaded files):\n  lyceum dataset exclude ads opted-out.txt"
    )]
    Exclude {
        name: DatasetName,
        /// One value of the privacy unit per line
        file: PathBuf,
    },
    /// All datasets
    List,
    /// A dataset and its versions
    Show { name: DatasetName },
}
