//! From a proposal to rows of its own: proposed → generated → reported → part of the release. Each stage is a type that
//! only the next one takes.
//!
//! Files lie under `releases/<release>/`, where nobody looks before the last stage's transaction names them; whatever a
//! killed process leaves there is deleted at the next start, and its release has failed.

use super::mock;
use super::report::{self, Findings};
use crate::app::App;
use crate::artefact::artefact;
use crate::error::{Error, Result};
use crate::model::{NewReport, ReleaseRecord, ReleaseTable};
use crate::port::PortError;
use futures::{StreamExt, TryStreamExt};
use lyceum_audit::event::EventKind;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::manifest::Manifest;
use lyceum_schema::policy::{Policy, Terms};
use lyceum_schema::state::{ReleaseKind, ReleaseState};
use lyceum_schema::{failpoint, wire};
use object_store::path::Path;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Releases whose rows are being made, and how far they are.
#[derive(Default)]
pub struct Making(Mutex<HashMap<ReleaseId, wire::Progress>>);

impl Making {
    pub(super) fn progress(&self, release: ReleaseId) -> Option<wire::Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&release).cloned()
    }

    pub(super) fn say(&self, release: ReleaseId, stage: &str, done: u64, of: u64) {
        let progress = wire::Progress { stage: stage.to_owned(), done, of };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(release, progress);
    }

    fn end(&self, release: ReleaseId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&release);
    }
}

/// Stage 1: what was proposed.
pub(super) struct Proposal {
    pub(super) release: ReleaseRecord,
    /// The dataset's version, by number.
    pub(super) version: u32,
    pub(super) manifest: Manifest,
    pub(super) policy: Policy,
}

/// Stage 2: rows, staged.
pub(super) struct Generated {
    pub(super) proposal: Proposal,
    pub(super) tables: Vec<GeneratedTable>,
    /// What was found out about them.
    pub(super) findings: Findings,
}

/// One table that was made.
pub(super) struct GeneratedTable {
    pub(super) table: ReleaseTable,
    /// Names of its columns.
    pub(super) columns: Vec<String>,
}

/// Stage 3: rows and what reviewers judge them by.
pub(super) struct Reported {
    pub(super) proposal: Proposal,
    pub(super) tables: Vec<GeneratedTable>,
    pub(super) report: wire::ReleaseReport,
}

/// Makes the rows in a task of its own. Dropping the caller stops nothing.
pub(super) fn start(app: &Arc<App>, proposal: Proposal) {
    let app = Arc::clone(app);
    let (id, workspace) = (proposal.release.id, proposal.release.workspace);
    app.making.say(id, "waiting", 0, 0);
    tokio::spawn(async move {
        let work = tokio::spawn(line(Arc::clone(&app), proposal));
        let outcome = work.await.unwrap_or(Err(Error::Internal));
        if let Err(error) = outcome {
            tracing::warn!(release = %id, code = error.code(), "the rows of a release could not be made");
            let failed = EventKind::ReleaseFailed { release: id, code: error.code().to_owned() };
            let event = app.event(None, Some(workspace), failed);
            match app.releases.move_release(id, ReleaseState::Failed, event).await {
                // Revoked or rejected while it was made: that is how it ended.
                Ok(_) | Err(PortError::State(_)) => {}
                // It is ended at the next start.
                Err(error) => tracing::error!(release = %id, %error, "a failed release could not be recorded"),
            }
            if delete_files(&app, id).await.is_err() {
                tracing::warn!(release = %id, "files of a failed release are left for the next start");
            }
        }
        app.making.end(id);
    });
}

async fn line(app: Arc<App>, proposal: Proposal) -> Result<()> {
    let _place = app.uploads.acquire().await.map_err(|_| Error::Internal)?;
    proposal.generate(&app).await?.report().submit(&app).await
}

impl Proposal {
    async fn generate(self, app: &Arc<App>) -> Result<Generated> {
        failpoint::hit("release.generate");
        match *self.policy.terms() {
            Terms::Mock(terms) => mock::generate(app, self, terms).await,
            Terms::Synthetic(_) | Terms::Anonymized(_) | Terms::Protected(_) => Err(Error::Internal),
        }
    }

    /// Where the files of a table are staged.
    pub(super) fn prefix(&self, table: &lyceum_schema::name::TableName) -> Path {
        folder(self.release.id).join(table.as_str())
    }
}

impl Generated {
    fn report(self) -> Reported {
        failpoint::hit("release.report");
        let report = report::write(&self);
        Reported { proposal: self.proposal, tables: self.tables, report }
    }
}

impl Reported {
    async fn submit(self, app: &App) -> Result<()> {
        let Self { proposal, tables, report } = self;
        let paths: Vec<&str> = tables.iter().flat_map(|t| t.table.files.iter().map(|f| f.path.as_str())).collect();
        let content = artefact("content", paths.join("\n"))?;
        let text = serde_json::to_vec_pretty(&report).map_err(|_| Error::Internal)?;
        let document = artefact("report", text)?;
        let passes = report.findings.is_empty();
        let active = proposal.release.kind == ReleaseKind::Mock && proposal.policy.approvals() == 0;
        let event = EventKind::ReleaseReported {
            release: proposal.release.id,
            report: document.reference.clone(),
            content: content.reference.clone(),
            active,
        };
        let event = app.event(None, Some(proposal.release.workspace), event);
        let new = NewReport {
            release: proposal.release.id,
            tables: tables.into_iter().map(|t| t.table).collect(),
            report: document,
            content,
            passes,
            next: if active { ReleaseState::Active } else { ReleaseState::Proposed },
        };
        app.releases.report_release(new, event).await?;
        Ok(())
    }
}

/// Deletes whatever lies in a release's folder.
pub(super) async fn delete_files(app: &App, release: ReleaseId) -> Result<()> {
    let listed = app.objects.list(Some(&folder(release))).map_ok(|object| object.location).boxed();
    app.objects.delete_stream(listed).try_collect::<Vec<_>>().await.map_err(|_| Error::Storage)?;
    Ok(())
}

fn folder(release: ReleaseId) -> Path {
    Path::from_iter(["releases", &release.to_string()])
}
