//! Rows of a release's own: where they are, what the report on them says, and that they are deleted.

use super::SqliteStore;
use super::releases::{set_state, state};
use super::row::{Columns, Id, signed};
use super::statement::{all, insert, optional, run, unreadable};
use super::transaction::Write;
use lyceum_audit::event::{ArtefactRef, Event, EventKind};
use lyceum_schema::id::ReleaseId;
use lyceum_schema::state::{ReleaseKind, ReleaseState};
use lyceum_sharing::model::{DataFile, NewReport, ReleaseTable, ReportRecord};
use lyceum_sharing::port::{EventIndex, PortError, PortResult};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;

impl SqliteStore {
    /// The transaction of [`lyceum_sharing::port::Releases::report_release`].
    pub(super) async fn report_once(&self, new: NewReport, event: Event) -> PortResult<EventIndex> {
        let said = matches!(&event.kind, EventKind::ReleaseReported { release, report, content, active }
            if *release == new.release && *report == new.report.reference && *content == new.content.reference
                && *active == (new.next == ReleaseState::Active));
        if !said {
            return Err(PortError::State("the event does not say what is reported".to_owned()));
        }
        let mut write = self.write().await?;
        let now = state(&mut write, new.release).await?;
        if now != ReleaseState::Proposed {
            return Err(PortError::State(format!("the release is {}, not proposed", now.as_str())));
        }
        for table in &new.tables {
            let files = serde_json::to_string(&table.files).map_err(|_| unreadable("files"))?;
            let statement = sqlx::query(
                "INSERT INTO release_tables (release_id, name, files, schema, content) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(new.release.bytes())
            .bind(table.table.as_str().to_owned())
            .bind(files)
            .bind(table.schema.clone())
            .bind(content(&table.files));
            insert(statement, write.on(), || format!("table {}", table.table), "release").await?;
        }
        let reference = new.report.reference.0.clone();
        write.artefact(new.report).await?;
        write.artefact(new.content).await?;
        let index = write.event(&event).await?;
        let statement = sqlx::query(
            "INSERT INTO release_reports (release_id, reference, passes, reported_idx) VALUES (?, ?, ?, ?)",
        )
        .bind(new.release.bytes())
        .bind(reference)
        .bind(i64::from(new.passes))
        .bind(signed(index, "the log")?);
        match insert(statement, write.on(), String::new, "release").await {
            Err(PortError::Exists(_)) => return Err(PortError::State("the release has a report already".to_owned())),
            other => other?,
        }
        if new.next != ReleaseState::Proposed {
            set_state(&mut write, new.release, new.next).await?;
        }
        write.commit_at("release.before_report", "release.after_report").await?;
        Ok(index)
    }

    pub(super) async fn tables_of(&self, id: ReleaseId) -> PortResult<Vec<ReleaseTable>> {
        let statement =
            sqlx::query("SELECT name, files, schema FROM release_tables WHERE release_id = ? ORDER BY name")
                .bind(id.bytes());
        let table = |row: &SqliteRow| {
            Ok(ReleaseTable { table: row.spelled("name")?, schema: row.blob("schema")?, files: files(row)? })
        };
        all(statement, &self.readers).await?.iter().map(table).collect()
    }

    pub(super) async fn report_of(&self, id: ReleaseId) -> PortResult<Option<ReportRecord>> {
        let statement = sqlx::query("SELECT reference, passes, reported_idx FROM release_reports WHERE release_id = ?")
            .bind(id.bytes());
        let report = |row: SqliteRow| {
            Ok(ReportRecord {
                reference: ArtefactRef(row.text("reference")?),
                passes: row.int("passes")? != 0,
                index: row.unsigned("reported_idx")?,
            })
        };
        optional(statement, &self.readers).await?.map(report).transpose()
    }

    pub(super) async fn files_of_releases(&self) -> PortResult<Vec<String>> {
        let mut paths = Vec::new();
        for row in all(sqlx::query("SELECT files FROM release_tables"), &self.readers).await? {
            paths.extend(files(&row)?.into_iter().map(|file| file.path));
        }
        Ok(paths)
    }

    /// The transaction of [`lyceum_sharing::port::Releases::delete_release`].
    pub(super) async fn delete_once(&self, id: ReleaseId, event: Event) -> PortResult<EventIndex> {
        let mut write = self.write().await?;
        let now = state(&mut write, id).await?;
        if !now.has_ended() {
            return Err(PortError::State(format!("the release is {} and has not ended", now.as_str())));
        }
        let statement = sqlx::query("UPDATE releases SET deleted = 1 WHERE id = ? AND deleted = 0").bind(id.bytes());
        if run(statement, write.on()).await? == 0 {
            return Err(PortError::State("the release is deleted already".to_owned()));
        }
        for statement in
            ["DELETE FROM release_tables WHERE release_id = ?", "DELETE FROM release_keys WHERE release_id = ?"]
        {
            run(sqlx::query(statement).bind(id.bytes()), write.on()).await?;
        }
        let index = write.event(&event).await?;
        write.commit().await?;
        Ok(index)
    }
}

/// A release with rows of its own needs the report on them, and one that passes, before anybody approves it.
pub(super) async fn expect_report(write: &mut Write, id: ReleaseId) -> PortResult<()> {
    let statement = sqlx::query(
        "SELECT r.kind, p.passes FROM releases r LEFT JOIN release_reports p ON p.release_id = r.id WHERE r.id = ?",
    )
    .bind(id.bytes());
    let row = optional(statement, write.on()).await?.ok_or_else(|| PortError::Missing(format!("release {id}")))?;
    match (row.spelled::<ReleaseKind>("kind")?, row.optional_int("passes")?) {
        (ReleaseKind::Protected, _) | (_, Some(1)) => Ok(()),
        (_, Some(_)) => Err(PortError::State("the report says that the policy's thresholds don't hold".to_owned())),
        (_, None) => Err(PortError::State("there is no report on the release's rows yet".to_owned())),
    }
}

/// Refuses unless every release that the event says was read, now or for an answer that is given again, is active.
pub(super) async fn expect_readable(write: &mut Write, event: &Event) -> PortResult<()> {
    match &event.kind {
        EventKind::QueryPublic { releases, .. } => {
            for release in releases {
                expect_active(state(write, *release).await?)?;
            }
            Ok(())
        }
        EventKind::QueryRepeated { charge, .. } => expect_charge_readable(write, charge.bytes()).await,
        EventKind::QueryDerived { charges, .. } => {
            for charge in charges {
                expect_charge_readable(write, charge.bytes()).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Refuses unless every release that a charge paid for is active.
pub(super) async fn expect_charge_readable(write: &mut Write, charge: Vec<u8>) -> PortResult<()> {
    let statement = sqlx::query(
        "SELECT r.state FROM charge_releases s JOIN releases r ON r.id = s.release_id WHERE s.charge_id = ?",
    )
    .bind(charge);
    for row in all(statement, write.on()).await? {
        expect_active(row.spelled("state")?)?;
    }
    Ok(())
}

fn expect_active(state: ReleaseState) -> PortResult<()> {
    match state {
        ReleaseState::Active => Ok(()),
        other => Err(PortError::State(format!("a release that is read is {} now", other.as_str()))),
    }
}

fn files(row: &SqliteRow) -> PortResult<Vec<DataFile>> {
    serde_json::from_str(&row.text("files")?).map_err(|_| unreadable("files"))
}

/// SHA-256 over the files' names, each on a line.
fn content(files: &[DataFile]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.path.as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().to_vec()
}
