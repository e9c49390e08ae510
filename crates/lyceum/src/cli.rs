//! The command line's tree: names, flags, help and examples. What the commands do is in `command/`.

mod audit;
mod identity;
mod privacy;
mod query;
mod release;
mod server;
mod sharing;
mod upload;

use clap::{Args, Parser, Subcommand};

pub(crate) use audit::{Audit, AuditWitness};
pub(crate) use identity::{Login, Token, User};
pub(crate) use privacy::{Privacy, PrivacyEpsilon};
pub(crate) use query::{AnswerFormat, Budget, Explain, InWorkspace, Query};
pub(crate) use release::{Decide, Release};
pub(crate) use server::{Demo, Generate, Serve};
pub(crate) use sharing::{Dataset, Population, Workspace};
pub(crate) use upload::Upload;

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
