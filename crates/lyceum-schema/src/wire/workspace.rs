//! Workspaces and their members.

use crate::id::WorkspaceId;
use crate::name::{OrganisationName, UserName, WorkspaceName};
use crate::state::Role;
use serde::{Deserialize, Serialize};

/// `POST /v1/workspaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspace {
    /// The workspace's name, unique in the installation.
    pub name: WorkspaceName,
    /// What it studies, at most 500 characters.
    pub purpose: String,
}

/// A workspace as its members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: WorkspaceName,
    /// What it studies.
    pub purpose: String,
    /// The caller's role in it; absent for an administrator who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Its members, by name; empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// `PUT /v1/workspaces/{w}/members/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutMember {
    /// What the person may do in the workspace; `admin` is not a workspace role.
    pub role: Role,
}

/// A person in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserName,
    /// From where.
    pub organisation: OrganisationName,
    /// As what.
    pub role: Role,
}
