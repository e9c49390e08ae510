//! What people can do, one file per noun. Each use case asks [`crate::authz`] first, then walks one line.

pub mod audit;
pub mod budget;
pub mod catalog;
pub mod datasets;
pub mod exclusions;
pub mod populations;
pub mod query;
pub mod recovery;
pub mod releases;
pub mod resumable;
pub mod tokens;
pub mod upload;
pub mod users;
pub mod workspaces;

use crate::actor::Actor;
use crate::app::App;
use crate::authz::{self, Action, Decision};
use crate::error::{Error, Result};
use crate::model::Workspace;
use lyceum_schema::name::WorkspaceName;

/// Lets through who may act anywhere.
pub(crate) fn authorise(actor: &Actor, action: Action) -> Result<()> {
    match authz::decide(action, actor.user.role, None) {
        Decision::Allowed => Ok(()),
        Decision::Denied { reason } => Err(Error::Forbidden { reason }),
        Decision::Hidden => Err(Error::Forbidden { reason: "you are not a member" }),
    }
}

/// Lets through who may act in a workspace. An unknown workspace and a hidden one look the same.
pub(crate) async fn authorise_in(app: &App, actor: &Actor, action: Action, name: &WorkspaceName) -> Result<Workspace> {
    let hidden = || Error::not_found("workspace", name);
    let workspace = app.workspaces.workspace(name).await?.ok_or_else(hidden)?;
    let member = app.workspaces.role(workspace.id, actor.id()).await?;
    match authz::decide(action, actor.user.role, member) {
        Decision::Allowed => Ok(workspace),
        Decision::Denied { reason } => Err(Error::Forbidden { reason }),
        Decision::Hidden => Err(hidden()),
    }
}

/// Refuses texts that are too long for the log or for people.
pub(crate) fn check_text(key: &str, text: &str, max_characters: usize) -> Result<()> {
    let characters = text.chars().count();
    if characters > max_characters {
        return Err(Error::invalid(
            format!("{key} has {characters} characters"),
            format!("use at most {max_characters}"),
        ));
    }
    Ok(())
}
