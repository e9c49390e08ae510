//! The end of uploads and of the drafts they were for: keys first, then bytes.

use super::live;
use crate::app::App;
use crate::error::Result;
use lyceum_audit::event::EventKind;
use lyceum_schema::id::{UploadId, VersionId};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::collections::HashSet;

/// What a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Uploads to which nothing came for too long.
    pub expired_uploads: usize,
    /// Drafts that nobody went on with.
    pub abandoned_drafts: usize,
    /// Files of uploads whose keys are gone.
    pub deleted_files: usize,
}

/// Ends what has expired: uploads a day after their last bytes, drafts a day after they were begun, unless something is
/// still being uploaded to them. To be called at start and every few minutes.
///
/// # Errors
/// Storage.
pub async fn sweep(app: &App) -> Result<Swept> {
    let mut swept = Swept::default();
    let now = app.clock.now();
    let mut living = HashSet::new();
    let mut busy = HashSet::new();
    for upload in app.resumable.all_uploads().await? {
        if upload.expires > now {
            living.insert(upload.id);
            busy.insert(upload.version);
        } else {
            forget(app, upload.id).await?;
            swept.expired_uploads += 1;
        }
    }
    for draft in app.datasets.drafts().await? {
        if busy.contains(&draft.id) || app.lives_until(draft.created) > now || app.is_staging(draft.id) {
            continue;
        }
        let event = app.event(None, None, EventKind::VersionAbandoned { version: draft.id });
        app.datasets.abandon_version(draft.id, event).await?;
        for file in draft.tables.iter().flat_map(|t| &t.files) {
            // Whatever is not deleted now is deleted at the next start.
            let _ = app.objects.delete(&Path::from(file.path.as_str())).await;
        }
        forget_all(app, draft.id).await?;
        swept.abandoned_drafts += 1;
    }
    for orphan in app.spool.resumable().await?.into_iter().filter(|id| !living.contains(id)) {
        // An upload that was begun since the list was made is not an orphan.
        if app.resumable.upload(orphan).await?.is_none() {
            app.spool.delete(orphan).await?;
            swept.deleted_files += 1;
        }
    }
    Ok(swept)
}

/// Destroys an upload's key, then its bytes.
pub(super) async fn forget(app: &App, id: UploadId) -> Result<()> {
    app.resumable.forget_upload(id).await?;
    live::close(app, id).await?;
    Ok(app.spool.delete(id).await?)
}

/// Destroys whatever was received for a version and not made a table.
pub(crate) async fn forget_all(app: &App, version: VersionId) -> Result<()> {
    for upload in app.resumable.uploads_of(version).await? {
        forget(app, upload.id).await?;
    }
    Ok(())
}
