//! What the service does at start, before it answers anyone: whatever a killed process left half-done is ended.

use crate::app::App;
use crate::error::{Error, Result};
use futures::TryStreamExt;
use lyceum_audit::event::EventKind;
use lyceum_schema::state::ReleaseState;
use object_store::ObjectStoreExt;
use std::collections::HashSet;

/// Why a release failed that was being made when the process ended.
const INTERRUPTED: &str = "E4403";

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Charges without an answer; they stay charged.
    pub dead_charges: usize,
    /// Drafts that expired; younger ones can be gone on with.
    pub abandoned_drafts: usize,
    /// Releases whose rows were being made; they failed.
    pub unfinished_releases: usize,
    /// Files that no version and no release refers to, deleted.
    pub deleted_files: usize,
}

/// Ends what was left half-done. To be called once, before the first request.
///
/// # Errors
/// Storage.
pub async fn run(app: &App) -> Result<Recovered> {
    let mut recovered = Recovered::default();
    for dead in app.ledger.open_charges().await? {
        let failed = EventKind::QueryFailed { query: dead.query, charge: dead.charge };
        let event = app.event(None, Some(dead.workspace), failed);
        app.ledger.fail_charge(dead.charge, app.config.pause_after_failures, event).await?;
        recovered.dead_charges += 1;
    }
    recovered.abandoned_drafts = super::resumable::sweep(app).await?.abandoned_drafts;
    for release in app.releases.unreported_releases().await? {
        let failed = EventKind::ReleaseFailed { release: release.id, code: INTERRUPTED.to_owned() };
        let event = app.event(None, Some(release.workspace), failed);
        app.releases.move_release(release.id, ReleaseState::Failed, event).await?;
        recovered.unfinished_releases += 1;
    }
    let mut referenced: HashSet<String> = app.datasets.referenced_files().await?.into_iter().collect();
    referenced.extend(app.releases.release_files().await?);
    let stored: Vec<_> = app.objects.list(None).try_collect().await.map_err(|_| Error::Storage)?;
    for object in stored {
        if !referenced.contains(object.location.as_ref()) {
            app.objects.delete(&object.location).await.map_err(|_| Error::Storage)?;
            recovered.deleted_files += 1;
        }
    }
    tracing::info!(
        dead_charges = recovered.dead_charges,
        abandoned_drafts = recovered.abandoned_drafts,
        unfinished_releases = recovered.unfinished_releases,
        deleted_files = recovered.deleted_files,
        "recovered"
    );
    Ok(recovered)
}
