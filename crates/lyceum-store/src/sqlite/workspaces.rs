//! Workspaces and their members.

use super::SqliteStore;
use super::identities::user;
use super::row::{Columns, Id, spell};
use super::statement::{all, insert, optional, run};
use async_trait::async_trait;
use lyceum_audit::event::Event;
use lyceum_schema::id::{UserId, WorkspaceId};
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::state::Role;
use lyceum_sharing::model::{Member, Workspace};
use lyceum_sharing::port::{EventIndex, PortError, PortResult, Workspaces};
use sqlx::sqlite::SqliteRow;

#[async_trait]
impl Workspaces for SqliteStore {
    async fn create_workspace(&self, workspace: Workspace, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query("INSERT INTO workspaces (id, name, purpose) VALUES (?, ?, ?)")
            .bind(workspace.id.bytes())
            .bind(spell(&workspace.name)?)
            .bind(workspace.purpose);
        insert(statement, write.on(), || format!("workspace {}", workspace.name), "").await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn workspace(&self, name: &WorkspaceName) -> PortResult<Option<Workspace>> {
        let statement = sqlx::query("SELECT id, name, purpose FROM workspaces WHERE name = ?").bind(spell(name)?);
        optional(statement, &self.readers).await?.as_ref().map(workspace).transpose()
    }

    async fn workspace_by_id(&self, id: WorkspaceId) -> PortResult<Option<Workspace>> {
        let statement = sqlx::query("SELECT id, name, purpose FROM workspaces WHERE id = ?").bind(id.bytes());
        optional(statement, &self.readers).await?.as_ref().map(workspace).transpose()
    }

    async fn workspaces(&self, user: Option<UserId>) -> PortResult<Vec<Workspace>> {
        let statement = match user {
            None => sqlx::query("SELECT id, name, purpose FROM workspaces ORDER BY name"),
            Some(user) => sqlx::query(
                "SELECT w.id, w.name, w.purpose FROM workspaces w JOIN members m ON m.workspace_id = w.id \
                 WHERE m.user_id = ? ORDER BY w.name",
            )
            .bind(user.bytes()),
        };
        all(statement, &self.readers).await?.iter().map(workspace).collect()
    }

    async fn put_member(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        role: Role,
        event: Event,
    ) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query(
            "INSERT INTO members (workspace_id, user_id, role) VALUES (?, ?, ?) \
             ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role",
        )
        .bind(workspace.bytes())
        .bind(user.bytes())
        .bind(role.as_str());
        insert(statement, write.on(), || "member".to_owned(), "workspace or user").await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn remove_member(&self, workspace: WorkspaceId, user: UserId, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query("DELETE FROM members WHERE workspace_id = ? AND user_id = ?")
            .bind(workspace.bytes())
            .bind(user.bytes());
        if run(statement, write.on()).await? == 0 {
            return Err(PortError::Missing("such member".to_owned()));
        }
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn role(&self, workspace: WorkspaceId, user: UserId) -> PortResult<Option<Role>> {
        let statement = sqlx::query("SELECT role FROM members WHERE workspace_id = ? AND user_id = ?")
            .bind(workspace.bytes())
            .bind(user.bytes());
        optional(statement, &self.readers).await?.map(|row| row.spelled("role")).transpose()
    }

    async fn members(&self, workspace: WorkspaceId) -> PortResult<Vec<Member>> {
        let statement = sqlx::query(
            "SELECT u.id, u.name, u.organisation, u.role, m.role AS member_role FROM members m \
             JOIN users u ON u.id = m.user_id WHERE m.workspace_id = ? ORDER BY u.name",
        )
        .bind(workspace.bytes());
        let rows = all(statement, &self.readers).await?;
        rows.iter().map(|row| Ok(Member { user: user(row)?, role: row.spelled("member_role")? })).collect()
    }
}

fn workspace(row: &SqliteRow) -> PortResult<Workspace> {
    Ok(Workspace { id: row.id("id")?, name: row.spelled("name")?, purpose: row.text("purpose")? })
}
