//! People and tokens.

use super::SqliteStore;
use super::row::{Columns, Id, spell};
use super::statement::{all, insert, optional, run};
use async_trait::async_trait;
use lyceum_audit::event::Event;
use lyceum_schema::id::{TokenId, UserId};
use lyceum_schema::name::UserName;
use lyceum_schema::time::Micros;
use lyceum_sharing::model::{Token, TokenHash, User};
use lyceum_sharing::port::{EventIndex, Identities, PortError, PortResult};
use sqlx::sqlite::SqliteRow;

#[async_trait]
impl Identities for SqliteStore {
    async fn create_user(&self, user: User, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query("INSERT INTO users (id, name, organisation, role) VALUES (?, ?, ?, ?)")
            .bind(user.id.bytes())
            .bind(spell(&user.name)?)
            .bind(spell(&user.organisation)?)
            .bind(user.role.as_str());
        insert(statement, write.on(), || format!("user {}", user.name), "").await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn user_by_name(&self, name: &UserName) -> PortResult<Option<User>> {
        let statement = sqlx::query("SELECT id, name, organisation, role FROM users WHERE name = ?").bind(spell(name)?);
        optional(statement, &self.readers).await?.as_ref().map(user).transpose()
    }

    async fn user(&self, id: UserId) -> PortResult<Option<User>> {
        let statement = sqlx::query("SELECT id, name, organisation, role FROM users WHERE id = ?").bind(id.bytes());
        optional(statement, &self.readers).await?.as_ref().map(user).transpose()
    }

    async fn users(&self) -> PortResult<Vec<User>> {
        let statement = sqlx::query("SELECT id, name, organisation, role FROM users ORDER BY name");
        all(statement, &self.readers).await?.iter().map(user).collect()
    }

    async fn create_token(&self, token: Token, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement =
            sqlx::query("INSERT INTO tokens (id, user_id, hash, label, created, expires) VALUES (?, ?, ?, ?, ?, ?)")
                .bind(token.id.bytes())
                .bind(token.user.bytes())
                .bind(token.hash.0.to_vec())
                .bind(token.label)
                .bind(token.created.0)
                .bind(token.expires.map(|t| t.0));
        insert(statement, write.on(), || format!("token {}", token.id), "user").await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn user_by_token(&self, hash: TokenHash, now: Micros) -> PortResult<Option<(User, TokenId)>> {
        let statement = sqlx::query(
            "SELECT u.id, u.name, u.organisation, u.role, t.id AS token FROM tokens t \
             JOIN users u ON u.id = t.user_id \
             WHERE t.hash = ? AND t.revoked = 0 AND (t.expires IS NULL OR t.expires > ?)",
        )
        .bind(hash.0.to_vec())
        .bind(now.0);
        let row = optional(statement, &self.readers).await?;
        row.map(|row| Ok((user(&row)?, row.id("token")?))).transpose()
    }

    async fn tokens(&self, user: UserId) -> PortResult<Vec<Token>> {
        let statement = sqlx::query(
            "SELECT id, user_id, hash, label, created, expires FROM tokens \
             WHERE user_id = ? AND revoked = 0 ORDER BY created, id",
        )
        .bind(user.bytes());
        all(statement, &self.readers).await?.iter().map(token).collect()
    }

    async fn revoke_token(&self, token: TokenId, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query("UPDATE tokens SET revoked = 1 WHERE id = ? AND revoked = 0").bind(token.bytes());
        if run(statement, write.on()).await? == 0 {
            return Err(PortError::Missing(format!("token {token}")));
        }
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }
}

/// A row of `id, name, organisation, role`.
pub(super) fn user(row: &SqliteRow) -> PortResult<User> {
    Ok(User {
        id: row.id("id")?,
        name: row.spelled("name")?,
        organisation: row.spelled("organisation")?,
        role: row.spelled("role")?,
    })
}

fn token(row: &SqliteRow) -> PortResult<Token> {
    Ok(Token {
        id: row.id("id")?,
        user: row.id("user_id")?,
        hash: TokenHash(row.bytes32("hash")?),
        label: row.text("label")?,
        created: Micros(row.int("created")?),
        expires: row.optional_int("expires")?.map(Micros),
    })
}
