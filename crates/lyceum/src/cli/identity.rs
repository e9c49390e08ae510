//! Arguments about who one is: login, accounts, tokens.

use clap::{Args, Subcommand};
use lyceum_schema::name::{OrganisationName, UserName, WorkspaceName};
use lyceum_schema::state::Role;
use std::path::PathBuf;

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

pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::ALL
        .into_iter()
        .find(|r| r.as_str() == text)
        .ok_or_else(|| "one of: admin, partner, researcher, reviewer".to_owned())
}
