//! Workspaces and who is in them. Every grant is an event.

use super::{authorise, authorise_in, check_text};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::error::{Error, Result};
use crate::model::Workspace;
use lyceum_audit::event::EventKind;
use lyceum_schema::id::WorkspaceId;
use lyceum_schema::name::{UserName, WorkspaceName};
use lyceum_schema::state::Role;
use lyceum_schema::wire;

/// Begins a workspace. A partner who does becomes its first member.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Exists`], [`Error::Invalid`], storage.
pub async fn create(app: &App, actor: &Actor, request: wire::CreateWorkspace) -> Result<wire::Workspace> {
    authorise(actor, Action::CreateWorkspace)?;
    check_text("purpose", &request.purpose, 500)?;
    let workspace = Workspace { id: WorkspaceId::generate(), name: request.name, purpose: request.purpose };
    let created = EventKind::WorkspaceCreated { workspace_id: workspace.id };
    let event = app.event(Some(actor), Some(workspace.id), created);
    app.workspaces.create_workspace(workspace.clone(), event).await?;
    if actor.user.role == Role::Partner {
        join(app, actor, &workspace, actor.user.id, Role::Partner).await?;
    }
    describe(app, actor, workspace).await
}

/// The actor's workspaces; all of them for an administrator.
///
/// # Errors
/// Storage.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<wire::Workspace>> {
    let whose = if actor.user.role == Role::Admin { None } else { Some(actor.id()) };
    let mut list = Vec::new();
    for workspace in app.workspaces.workspaces(whose).await? {
        let role = app.workspaces.role(workspace.id, actor.id()).await?;
        list.push(wire::Workspace {
            id: workspace.id,
            name: workspace.name,
            purpose: workspace.purpose,
            role,
            members: Vec::new(),
        });
    }
    Ok(list)
}

/// A workspace with its members.
///
/// # Errors
/// [`Error::NotFound`], storage.
pub async fn show(app: &App, actor: &Actor, name: &WorkspaceName) -> Result<wire::Workspace> {
    let workspace = authorise_in(app, actor, Action::ReadWorkspace, name).await?;
    describe(app, actor, workspace).await
}

/// Adds a member or changes a member's role.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] for the role `admin` or an administrator's account
/// (administrators see no answers), storage.
pub async fn put_member(
    app: &App,
    actor: &Actor,
    name: &WorkspaceName,
    user: &UserName,
    request: wire::PutMember,
) -> Result<wire::Workspace> {
    let workspace = authorise_in(app, actor, Action::ManageMembers, name).await?;
    if request.role == Role::Admin {
        return Err(Error::invalid("admin is not a role in a workspace", "use partner, researcher or reviewer"));
    }
    let member = app.identities.user_by_name(user).await?.ok_or_else(|| Error::not_found("user", user))?;
    if member.role == Role::Admin {
        return Err(Error::invalid(
            format!("{user} is an administrator, and administrators see no answers"),
            "add another account of that person",
        ));
    }
    join(app, actor, &workspace, member.id, request.role).await?;
    describe(app, actor, workspace).await
}

/// Removes a member.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`], storage.
pub async fn remove_member(app: &App, actor: &Actor, name: &WorkspaceName, user: &UserName) -> Result<()> {
    let workspace = authorise_in(app, actor, Action::ManageMembers, name).await?;
    let missing = || Error::not_found("member", user);
    let member = app.identities.user_by_name(user).await?.ok_or_else(missing)?;
    app.workspaces.role(workspace.id, member.id).await?.ok_or_else(missing)?;
    let event = app.event(Some(actor), Some(workspace.id), EventKind::MemberRemoved { user: member.id });
    app.workspaces.remove_member(workspace.id, member.id, event).await?;
    Ok(())
}

async fn join(
    app: &App,
    actor: &Actor,
    workspace: &Workspace,
    user: lyceum_schema::id::UserId,
    role: Role,
) -> Result<()> {
    let event = app.event(Some(actor), Some(workspace.id), EventKind::MemberAdded { user, role });
    app.workspaces.put_member(workspace.id, user, role, event).await?;
    Ok(())
}

async fn describe(app: &App, actor: &Actor, workspace: Workspace) -> Result<wire::Workspace> {
    let members = app.workspaces.members(workspace.id).await?;
    Ok(wire::Workspace {
        id: workspace.id,
        name: workspace.name,
        purpose: workspace.purpose,
        role: members.iter().find(|m| m.user.id == actor.id()).map(|m| m.role),
        members: members
            .into_iter()
            .map(|m| wire::Member { user: m.user.name, organisation: m.user.organisation, role: m.role })
            .collect(),
    })
}
