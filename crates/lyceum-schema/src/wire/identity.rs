//! Users and their bearer tokens.

use super::Timestamp;
use crate::id::{TokenId, UserId};
use crate::name::{OrganisationName, UserName, WorkspaceName};
use crate::state::Role;
use serde::{Deserialize, Serialize};

/// `POST /v1/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// The account's name, unique in the installation.
    pub name: UserName,
    /// Whom the person works for.
    pub organisation: OrganisationName,
    /// What the account may do outside of workspaces.
    pub role: Role,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: UserName,
    /// Whom it belongs to.
    pub organisation: OrganisationName,
    /// What it may do outside of workspaces.
    pub role: Role,
}

/// `GET /v1/whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The account that the token belongs to.
    pub user: User,
    /// The token that was presented.
    pub token: TokenId,
    /// Workspaces that the account is a member of.
    pub workspaces: Vec<Membership>,
}

/// A role in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The role there.
    pub role: Role,
}

/// `POST /v1/users/{name}/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for, at most 100 characters.
    #[serde(default)]
    pub label: String,
    /// When it ends; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A bearer token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its public id.
    pub id: TokenId,
    /// What it is for.
    pub label: String,
    /// When it was issued.
    pub created: Timestamp,
    /// When it ends; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A token just issued. The secret is shown this once and stored nowhere; hence no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The token.
    pub token: Token,
    /// What goes into `Authorization: Bearer …`.
    pub secret: String,
}
