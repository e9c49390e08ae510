//! How long a release answers: until it expires, is paused or revoked; deletion is what may follow.

use super::{check_partner_owns, describe, find, making};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::Action;
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{ReleaseRecord, Workspace};
use crate::port::PortError;
use lyceum_audit::event::EventKind;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::state::ReleaseState;
use lyceum_schema::wire;

/// Deletes the rows and the keys of a release that has ended. What the log says about it stays. What a deletion that broke
/// off has left is deleted by the next one.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`], [`Error::State`] unless it has ended, storage.
pub async fn delete(app: &App, actor: &Actor, id: ReleaseId) -> Result<wire::Release> {
    let _one_at_a_time = app.reviews.lock().await;
    let (workspace, release) = find(app, actor, Action::OwnRelease, id).await?;
    check_partner_owns(app, actor, &workspace, &release).await?;
    let event = app.event(Some(actor), Some(workspace.id), EventKind::ReleaseDeleted { release: id });
    let entry = if release.deleted { None } else { Some(app.releases.delete_release(id, event).await?) };
    making::delete_files(app, id).await?;
    let release = app.releases.release(id).await?.ok_or(Error::Internal)?;
    describe(app, &workspace, release, entry).await
}

/// Refuses unless all these releases may be read at this moment.
pub(crate) async fn expect_active(app: &App, releases: &[ReleaseId]) -> Result<()> {
    for id in releases {
        let release = app.releases.release(*id).await?.ok_or(Error::Internal)?;
        let over = documents::policy(&release)?.has_expired(app.clock.now());
        let state = if over { ReleaseState::Expired } else { release.state };
        if state != ReleaseState::Active {
            return Err(Error::NotActive { state });
        }
    }
    Ok(())
}

/// A workspace's releases as they are now: those past their policy's expiry are moved to expired first.
pub(crate) async fn current(app: &App, workspace: &Workspace) -> Result<Vec<ReleaseRecord>> {
    let mut releases = app.releases.releases(workspace.id).await?;
    for release in &mut releases {
        expire(app, workspace, release).await?;
    }
    Ok(releases)
}

/// Moves a release past its policy's expiry to expired.
pub(super) async fn expire(app: &App, workspace: &Workspace, release: &mut ReleaseRecord) -> Result<()> {
    let due = documents::policy(release)?.has_expired(app.clock.now());
    if due && release.state.may_become(ReleaseState::Expired) {
        let event = app.event(None, Some(workspace.id), EventKind::ReleaseExpired { release: release.id });
        match app.releases.move_release(release.id, ReleaseState::Expired, event).await {
            // Somebody else expired or revoked it at the same moment: not queryable either way.
            Ok(_) | Err(PortError::State(_)) => release.state = ReleaseState::Expired,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
