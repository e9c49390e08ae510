//! Decisions about a release: reviewers approve and reject what others proposed, who must pauses, the owner resumes and
//! revokes. One at a time.

use super::super::check_text;
use super::{check_partner_owns, describe, find};
use crate::actor::Actor;
use crate::app::App;
use crate::authz::{self, Action};
use crate::documents;
use crate::error::{Error, Result};
use crate::model::{ReleaseRecord, Workspace};
use crate::port::EventIndex;
use lyceum_audit::event::EventKind;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::state::{ReleaseKind, ReleaseState};
use lyceum_schema::wire;

/// What somebody decides about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A reviewer agrees.
    Approve,
    /// A reviewer refuses. Final.
    Reject,
    /// No questions for now.
    Pause,
    /// The owner lets questions through again.
    Resume,
    /// The owner withdraws it for good.
    Revoke,
}

/// Decides about a release.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`] (also for one's own proposal), [`Error::Invalid`] without a needed
/// reason, [`Error::State`] when the release's state doesn't allow it, storage.
pub async fn decide(
    app: &App,
    actor: &Actor,
    id: ReleaseId,
    verdict: Verdict,
    decision: wire::Decision,
) -> Result<wire::Release> {
    let action = match verdict {
        Verdict::Approve | Verdict::Reject => Action::ReviewRelease,
        Verdict::Pause => Action::PauseRelease,
        Verdict::Resume | Verdict::Revoke => Action::OwnRelease,
    };
    let _one_at_a_time = app.reviews.lock().await;
    let (workspace, release) = find(app, actor, action, id).await?;
    check_text("reason", &decision.reason, 1_000)?;
    let reason = decision.reason;
    if reason.trim().is_empty() && matches!(verdict, Verdict::Reject | Verdict::Pause | Verdict::Revoke) {
        return Err(Error::invalid("a reason is needed", "say why in `reason`; it goes into the log"));
    }
    let entry = match verdict {
        Verdict::Approve => approve(app, actor, &workspace, &release, reason).await?,
        Verdict::Reject => {
            check_independence(actor, &release)?;
            let event = EventKind::ReleaseRejected { release: id, reason };
            advance(app, actor, &workspace, &release, ReleaseState::Rejected, event).await?
        }
        Verdict::Pause => {
            check_partner_owns(app, actor, &workspace, &release).await?;
            let event = EventKind::ReleasePaused { release: id, reason };
            advance(app, actor, &workspace, &release, ReleaseState::Paused, event).await?
        }
        Verdict::Resume => {
            check_partner_owns(app, actor, &workspace, &release).await?;
            if release.state != ReleaseState::Paused {
                return Err(wrong_state(&release, ReleaseState::Active));
            }
            let event = EventKind::ReleaseResumed { release: id };
            advance(app, actor, &workspace, &release, ReleaseState::Active, event).await?
        }
        Verdict::Revoke => {
            check_partner_owns(app, actor, &workspace, &release).await?;
            let event = EventKind::ReleaseRevoked { release: id, reason };
            advance(app, actor, &workspace, &release, ReleaseState::Revoked, event).await?
        }
    };
    let release = app.releases.release(id).await?.ok_or(Error::Internal)?;
    describe(app, &workspace, release, Some(entry)).await
}

async fn approve(
    app: &App,
    actor: &Actor,
    workspace: &Workspace,
    release: &ReleaseRecord,
    reason: String,
) -> Result<EventIndex> {
    check_independence(actor, release)?;
    let policy = documents::policy(release)?;
    if release.state != ReleaseState::Proposed {
        return Err(wrong_state(release, ReleaseState::Active));
    }
    if policy.has_expired(app.clock.now()) {
        return Err(Error::state("the release's policy has expired", "ask the owner to propose it again"));
    }
    if release.kind != ReleaseKind::Protected {
        match app.releases.release_report(release.id).await? {
            None => {
                let fix = "wait until its rows are made: `lyceum release show`";
                return Err(Error::state("there is no report on the release's rows yet", fix));
            }
            Some(report) if !report.passes => {
                let fix = "read the report; the owner proposes it again under a policy whose thresholds hold";
                return Err(Error::state("the report says that the policy's thresholds don't hold", fix));
            }
            Some(_) => {}
        }
    }
    let active = release.approved_by.len() + 1 >= usize::from(policy.approvals());
    let next = if active { ReleaseState::Active } else { ReleaseState::Proposed };
    let approved = EventKind::ReleaseApproved { release: release.id, reason, active };
    let event = app.event(Some(actor), Some(workspace.id), approved);
    Ok(app.releases.approve_release(release.id, actor.id(), next, event).await?)
}

async fn advance(
    app: &App,
    actor: &Actor,
    workspace: &Workspace,
    release: &ReleaseRecord,
    next: ReleaseState,
    kind: EventKind,
) -> Result<EventIndex> {
    if !release.state.may_become(next) {
        return Err(wrong_state(release, next));
    }
    let event = app.event(Some(actor), Some(workspace.id), kind);
    Ok(app.releases.move_release(release.id, next, event).await?)
}

fn check_independence(actor: &Actor, release: &ReleaseRecord) -> Result<()> {
    if authz::is_independent(actor, release) {
        Ok(())
    } else {
        Err(Error::Forbidden { reason: "nobody judges what they proposed, and nobody judges twice" })
    }
}

fn wrong_state(release: &ReleaseRecord, next: ReleaseState) -> Error {
    Error::state(
        format!("the release is {} and can't become {}", release.state.as_str(), next.as_str()),
        "look at its state now; a rejected, expired or revoked release is proposed anew",
    )
}
