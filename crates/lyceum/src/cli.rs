//! The command line's tree: names, flags, help and examples. What the commands do is in `command/`.

mod privacy;
mod upload;

use crate::generate::sink::FileFormat;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lyceum_schema::epoch::Every;
use lyceum_schema::name::{DatasetName, OrganisationName, PopulationName, TableName, UserName, WorkspaceName};
use lyceum_schema::state::Role;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) use privacy::{Privacy, PrivacyEpsilon};
pub(crate) use upload::{Reading, Upload};

/// SQL experiments on industry data under differential privacy: partners share, researchers ask, reviewers verify.
#[derive(Parser)]
#[command(name = "lyceum", version, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes. Precedence: file of `lyceum login`, then variables, then flags.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// Address of the server, such as http://127.0.0.1:7171
    #[arg(long, global = true, env = "LYCEUM_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Bearer token (better: the variable, or `lyceum login`)
    #[arg(long, global = true, env = "LYCEUM_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Print results as JSON, for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The whole story on generated ad data: partner, researcher, reviewer, through a real server
    #[command(after_help = "Example:\n  lyceum demo --keep ./story")]
    Demo(Demo),
    /// Run the server with everything embedded
    #[command(after_help = "Example:\n  lyceum serve --home ./home --listen 127.0.0.1:7171")]
    Serve(Serve),
    /// Make realistic data to try the platform on
    #[command(subcommand)]
    Generate(Generate),
    /// Remember a server and a token
    #[command(
        after_help = "Examples:\n  lyceum login http://127.0.0.1:7171\n  lyceum login http://127.0.0.1:7171 --token-file home/admin.token"
    )]
    Login(Login),
    /// Who the server thinks you are
    Whoami,
    /// Accounts (administrators)
    #[command(subcommand)]
    User(User),
    /// Bearer tokens
    #[command(subcommand)]
    Token(Token),
    /// Populations and their budgets
    #[command(subcommand)]
    Population(Population),
    /// Joint research projects
    #[command(subcommand)]
    Workspace(Workspace),
    /// Datasets: draft and check manifests, declare, upload
    #[command(subcommand)]
    Dataset(Dataset),
    /// Releases: share a dataset with a workspace under a policy
    #[command(subcommand)]
    Release(Release),
    /// What a workspace's members may name in SQL
    #[command(after_help = "Example:\n  lyceum catalog -w mail-lift")]
    Catalog(InWorkspace),
    /// Ask a question in SQL
    #[command(
        after_help = "Examples:\n  lyceum query -w mail-lift \"SELECT segment, COUNT(*) AS people FROM hillstrom GROUP BY segment\"\n  lyceum query -w mail-lift --format csv -o answer.csv -f question.sql"
    )]
    Query(Query),
    /// Certificate and price of a question; spends nothing
    #[command(after_help = "Example:\n  lyceum explain -w mail-lift \"SELECT COUNT(*) FROM hillstrom\"")]
    Explain(Explain),
    /// What is left to spend
    #[command(subcommand)]
    Budget(Budget),
    /// The transparency log: export, verify, receipts
    #[command(subcommand)]
    Audit(Audit),
    /// What noise costs, computed here from figures you give
    #[command(subcommand)]
    Privacy(Privacy),
}

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

#[derive(Args)]
pub(crate) struct Login {
    /// Address of the server
    pub(crate) url: String,
    /// Read the token from this file instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Workspace to use when -w is not given
    #[arg(short, long, value_name = "NAME")]
    pub(crate) workspace: Option<WorkspaceName>,
}

#[derive(Subcommand)]
pub(crate) enum User {
    /// Add an account
    #[command(after_help = "Example:\n  lyceum user create scholar --organisation uni-example --role researcher")]
    Create {
        name: UserName,
        #[arg(long)]
        organisation: OrganisationName,
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// All accounts
    List,
}

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Issue a token; its secret is shown this once
    #[command(after_help = "Example:\n  lyceum token create scholar --label laptop --expires 2027-03-31T00:00:00Z")]
    Create {
        user: UserName,
        #[arg(long, default_value = "")]
        label: String,
        /// When it ends (RFC 3339); default: never
        #[arg(long)]
        expires: Option<String>,
        /// Write the secret to this file (mode 0600) instead of showing it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// A user's tokens
    List { user: UserName },
    /// End a token at once
    Revoke { id: lyceum_schema::id::TokenId },
}

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

fn role(text: &str) -> Result<Role, String> {
    Role::ALL
        .into_iter()
        .find(|r| r.as_str() == text)
        .ok_or_else(|| "one of: admin, partner, researcher, reviewer".to_owned())
}

fn rename(text: &str) -> Result<(TableName, TableName), String> {
    let (from, to) = text.split_once('=').ok_or("write TABLE=NAME")?;
    Ok((from.parse().map_err(|e| format!("{e}"))?, to.parse().map_err(|e| format!("{e}"))?))
}
