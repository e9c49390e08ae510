//! Releases and their reviews.

use super::SqliteStore;
use super::release_rows;
use super::row::{Columns, Id, parse, spell};
use super::statement::{Statement, all, insert, optional, run};
use super::transaction::Write;
use async_trait::async_trait;
use lyceum_audit::event::Event;
use lyceum_schema::id::{ReleaseId, UserId, WorkspaceId};
use lyceum_schema::state::ReleaseState;
use lyceum_schema::time::Micros;
use lyceum_sharing::model::{Artefact, NewReport, ReleaseRecord, ReleaseTable, ReportRecord};
use lyceum_sharing::port::{EventIndex, PortError, PortResult, Releases};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

#[async_trait]
impl Releases for SqliteStore {
    async fn create_release(&self, release: ReleaseRecord, policy: Artefact, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let statement = sqlx::query(
            "INSERT INTO releases (id, version_id, workspace_id, kind, policy, state, proposed_by, failures, created) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(release.id.bytes())
        .bind(release.version.bytes())
        .bind(release.workspace.bytes())
        .bind(release.kind.as_str())
        .bind(release.policy)
        .bind(release.state.as_str())
        .bind(release.proposed_by.bytes())
        .bind(i64::from(release.failures))
        .bind(release.created.0);
        insert(statement, write.on(), || format!("release {}", release.id), "version, workspace or user").await?;
        for (position, (manifest_name, sql_name)) in (0i64..).zip(&release.names) {
            let statement = sqlx::query(
                "INSERT INTO release_names (release_id, position, manifest_name, sql_name) VALUES (?, ?, ?, ?)",
            )
            .bind(release.id.bytes())
            .bind(position)
            .bind(spell(manifest_name)?)
            .bind(spell(sql_name)?);
            run(statement, write.on()).await?;
        }
        for user in release.approved_by {
            approve(&mut write, release.id, user).await?;
        }
        write.artefact(policy).await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn release(&self, id: ReleaseId) -> PortResult<Option<ReleaseRecord>> {
        Ok(self.select(sqlx::query(BY_ID).bind(id.bytes())).await?.pop())
    }

    async fn releases(&self, workspace: WorkspaceId) -> PortResult<Vec<ReleaseRecord>> {
        self.select(sqlx::query(BY_WORKSPACE).bind(workspace.bytes())).await
    }

    async fn approve_release(
        &self,
        id: ReleaseId,
        by: UserId,
        next: ReleaseState,
        event: Event,
    ) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let now = state(&mut write, id).await?;
        if now != ReleaseState::Proposed {
            return Err(PortError::State(format!("the release is {}, not proposed", now.as_str())));
        }
        if !matches!(next, ReleaseState::Proposed | ReleaseState::Active) {
            return Err(PortError::State(format!("an approval can't make a release {}", next.as_str())));
        }
        release_rows::expect_report(&mut write, id).await?;
        let statement = sqlx::query("SELECT proposed_by FROM releases WHERE id = ? AND proposed_by = ?")
            .bind(id.bytes())
            .bind(by.bytes());
        if optional(statement, write.on()).await?.is_some() {
            return Err(PortError::State("nobody approves what they proposed".to_owned()));
        }
        approve(&mut write, id, by).await?;
        if next == ReleaseState::Active {
            set_state(&mut write, id, next).await?;
        }
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }

    async fn report_release(&self, report: NewReport, event: Event) -> PortResult<EventIndex> {
        self.report_once(report, event).await
    }

    async fn release_tables(&self, id: ReleaseId) -> PortResult<Vec<ReleaseTable>> {
        self.tables_of(id).await
    }

    async fn release_report(&self, id: ReleaseId) -> PortResult<Option<ReportRecord>> {
        self.report_of(id).await
    }

    async fn unreported_releases(&self) -> PortResult<Vec<ReleaseRecord>> {
        self.select(sqlx::query(UNREPORTED)).await
    }

    async fn release_files(&self) -> PortResult<Vec<String>> {
        self.files_of_releases().await
    }

    async fn delete_release(&self, id: ReleaseId, event: Event) -> PortResult<EventIndex> {
        self.delete_once(id, event).await
    }

    async fn move_release(&self, id: ReleaseId, next: ReleaseState, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let now = state(&mut write, id).await?;
        if !now.may_become(next) {
            return Err(PortError::State(format!(
                "the release is {} and can't become {}",
                now.as_str(),
                next.as_str()
            )));
        }
        set_state(&mut write, id, next).await?;
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }
}

macro_rules! select_release {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.version_id, v.dataset_id, d.name AS dataset_name, d.owner, r.workspace_id, r.kind, \
             r.policy, r.state, r.proposed_by, r.failures, r.created, r.deleted FROM releases r \
             JOIN versions v ON v.id = r.version_id JOIN datasets d ON d.id = v.dataset_id ",
            $rest
        )
    };
}
const BY_ID: &str = select_release!("WHERE r.id = ?");
const UNREPORTED: &str = select_release!(
    "WHERE r.state = 'proposed' AND r.kind <> 'protected' \
     AND NOT EXISTS (SELECT 1 FROM release_reports p WHERE p.release_id = r.id) ORDER BY r.created, r.id"
);
const BY_WORKSPACE: &str = select_release!("WHERE r.workspace_id = ? ORDER BY r.created DESC, r.id DESC");

impl SqliteStore {
    /// Releases with their names and approvals, as of one moment.
    async fn select(&self, releases: Statement<'_>) -> PortResult<Vec<ReleaseRecord>> {
        let mut read = self.read().await?;
        let mut records = Vec::new();
        for row in all(releases, &mut *read).await? {
            records.push(record(&row, &mut read).await?);
        }
        Ok(records)
    }
}

async fn record(row: &SqliteRow, on: &mut SqliteConnection) -> PortResult<ReleaseRecord> {
    let id: ReleaseId = row.id("id")?;
    let names = sqlx::query("SELECT manifest_name, sql_name FROM release_names WHERE release_id = ? ORDER BY position")
        .bind(id.bytes());
    let names = all(names, &mut *on).await?;
    let approvals =
        sqlx::query("SELECT user_id FROM release_approvals WHERE release_id = ? ORDER BY position").bind(id.bytes());
    let approvals = all(approvals, on).await?;
    Ok(ReleaseRecord {
        id,
        version: row.id("version_id")?,
        dataset: row.id("dataset_id")?,
        dataset_name: row.spelled("dataset_name")?,
        owner: row.spelled("owner")?,
        workspace: row.id("workspace_id")?,
        kind: row.spelled("kind")?,
        policy: row.text("policy")?,
        names: names
            .iter()
            .map(|n| Ok((parse(n.text("manifest_name")?)?, parse(n.text("sql_name")?)?)))
            .collect::<PortResult<_>>()?,
        state: row.spelled("state")?,
        proposed_by: row.id("proposed_by")?,
        approved_by: approvals.iter().map(|a| a.id("user_id")).collect::<PortResult<_>>()?,
        failures: row.unsigned32("failures")?,
        created: Micros(row.int("created")?),
        deleted: row.int("deleted")? != 0,
    })
}

/// The release's state, read in the transaction that will change it.
pub(super) async fn state(write: &mut Write, id: ReleaseId) -> PortResult<ReleaseState> {
    let statement = sqlx::query("SELECT state FROM releases WHERE id = ?").bind(id.bytes());
    let row = optional(statement, write.on()).await?;
    row.ok_or_else(|| PortError::Missing(format!("release {id}")))?.spelled("state")
}

/// Moves it; a release that becomes active starts with no failures.
pub(super) async fn set_state(write: &mut Write, id: ReleaseId, next: ReleaseState) -> PortResult<()> {
    let statement = match next {
        ReleaseState::Active => sqlx::query("UPDATE releases SET state = ?, failures = 0 WHERE id = ?"),
        _ => sqlx::query("UPDATE releases SET state = ? WHERE id = ?"),
    };
    run(statement.bind(next.as_str()).bind(id.bytes()), write.on()).await.map(|_| ())
}

async fn approve(write: &mut Write, id: ReleaseId, by: UserId) -> PortResult<()> {
    let statement = sqlx::query(
        "INSERT INTO release_approvals (release_id, position, user_id) \
         SELECT ?, COUNT(*), ? FROM release_approvals WHERE release_id = ?",
    )
    .bind(id.bytes())
    .bind(by.bytes())
    .bind(id.bytes());
    match insert(statement, write.on(), String::new, "user").await {
        Err(PortError::Exists(_)) => Err(PortError::State("this person approved the release already".to_owned())),
        other => other,
    }
}
