//! Accounts.

use super::{authorise, tokens};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::Result;
use crate::model::User;
use lyceum_audit::event::EventKind;
use lyceum_schema::id::UserId;
use lyceum_schema::name::{OrganisationName, UserName};
use lyceum_schema::state::Role;
use lyceum_schema::wire;

/// Adds an account.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden), [`Error::Exists`](crate::Error::Exists), storage.
pub async fn create(app: &App, actor: &Actor, request: wire::CreateUser) -> Result<wire::User> {
    authorise(actor, Action::CreateUser)?;
    let user =
        User { id: UserId::generate(), name: request.name, organisation: request.organisation, role: request.role };
    app.identities.create_user(user.clone(), app.event(Some(actor), None, created(&user))).await?;
    Ok(shape(user))
}

/// All accounts, by name.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden), storage.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<wire::User>> {
    authorise(actor, Action::ListUsers)?;
    Ok(app.identities.users().await?.into_iter().map(shape).collect())
}

/// Who is asking, and where they belong.
///
/// # Errors
/// Storage.
pub async fn whoami(app: &App, actor: &Actor) -> Result<wire::WhoAmI> {
    let mut workspaces = Vec::new();
    for workspace in app.workspaces.workspaces(Some(actor.id())).await? {
        if let Some(role) = app.workspaces.role(workspace.id, actor.id()).await? {
            workspaces.push(wire::Membership { workspace: workspace.name, role });
        }
    }
    Ok(wire::WhoAmI { user: shape(actor.user.clone()), token: actor.token, workspaces })
}

/// Makes the first administrator, if nobody has an account yet, and a token for it; while the administrator is alone,
/// another token, since a process killed at its first start may have lost the first. For the composition root only.
///
/// # Errors
/// Storage, randomness.
pub async fn bootstrap(app: &App, name: UserName, organisation: OrganisationName) -> Result<Option<wire::IssuedToken>> {
    let users = app.identities.users().await?;
    let user = match users.as_slice() {
        [] => {
            let user = User { id: UserId::generate(), name, organisation, role: Role::Admin };
            app.identities.create_user(user.clone(), app.event(None, None, created(&user))).await?;
            user
        }
        [alone] if alone.role == Role::Admin => alone.clone(),
        _ => return Ok(None),
    };
    let request = wire::CreateToken { label: "first login".to_owned(), expires: None };
    tokens::issue_to(app, None, &user, request).await.map(Some)
}

fn created(user: &User) -> EventKind {
    EventKind::UserCreated { user: user.id, role: user.role, organisation: user.organisation.clone() }
}

fn shape(user: User) -> wire::User {
    wire::User { id: user.id, name: user.name, organisation: user.organisation, role: user.role }
}
