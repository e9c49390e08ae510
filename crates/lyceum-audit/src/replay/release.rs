//! Rules of releases: proposed from a published version by its owner's side, approved by enough reviewers other than
//! the proposer, and moved only as [`ReleaseState::may_become`] allows.

use super::violation::Broken;
use super::{Release, Replay, Version};
use crate::event::Event;
use lyceum_schema::id::{PopulationId, ReleaseId, UserId, VersionId, WorkspaceId};
use lyceum_schema::name::OrganisationName;
use lyceum_schema::state::{ReleaseKind, ReleaseState, Role};

/// What a proposal says.
pub(super) struct Terms<'a> {
    pub(super) version: &'a VersionId,
    pub(super) kind: ReleaseKind,
    pub(super) approvals: u8,
    pub(super) populations: &'a [PopulationId],
    pub(super) owner: &'a OrganisationName,
}

impl Replay {
    pub(super) fn propose(&mut self, event: &Event, id: ReleaseId, terms: &Terms<'_>) -> Result<(), Broken> {
        let workspace = event.workspace.ok_or(Broken::NoWorkspace)?;
        let proposed_by = event.actor.ok_or(Broken::NoActor)?;
        let dataset = match self.versions.get(terms.version) {
            Some(Version::Published(dataset)) => dataset,
            Some(Version::Abandoned) | None => return Err(Broken::NotPublished),
        };
        if self.datasets.get(dataset) != Some(terms.owner) {
            return Err(Broken::Owner);
        }
        if terms.populations.iter().any(|p| !self.populations.contains_key(p)) {
            return Err(Broken::Missing("population"));
        }
        let release = Release {
            workspace,
            owner: terms.owner.clone(),
            kind: terms.kind,
            populations: terms.populations.to_vec(),
            state: ReleaseState::Proposed,
            was_active: false,
            proposed_by,
            approved_by: Vec::new(),
            approvals: terms.approvals,
            reported: false,
            deleted: false,
        };
        super::created("release", self.releases.insert(id, release).is_none())
    }

    pub(super) fn approve(&mut self, event: &Event, id: &ReleaseId, active: bool) -> Result<(), Broken> {
        let reviewer = event.actor.ok_or(Broken::NoActor)?;
        let workspace = self.releases.get(id).ok_or(Broken::Missing("release"))?.workspace;
        let may_review = self.may_review(reviewer, workspace);
        let release = self.release_of(event, id)?;
        if release.state != ReleaseState::Proposed {
            return Err(Broken::Move { from: release.state.as_str(), to: ReleaseState::Active.as_str() });
        }
        // What is shared as rows is judged by the report on them.
        if release.kind != ReleaseKind::Protected && !release.reported {
            return Err(Broken::Unreported);
        }
        if release.proposed_by == reviewer {
            return Err(Broken::OwnApproval);
        }
        if release.approved_by.contains(&reviewer) {
            return Err(Broken::ApprovedTwice);
        }
        if !may_review {
            return Err(Broken::NotReviewer);
        }
        release.approved_by.push(reviewer);
        let given = release.approved_by.len();
        // Nothing becomes active without any approval, so a proposal that asks for none needs one.
        if active != (given >= usize::from(release.approvals.max(1))) {
            return Err(Broken::Approvals { given, needed: release.approvals });
        }
        if active {
            release.state = ReleaseState::Active;
            release.was_active = true;
        }
        Ok(())
    }

    /// Rows of its own, and the report on them, once. Only a mock release can do without approvals.
    pub(super) fn report(&mut self, event: &Event, id: &ReleaseId, active: bool) -> Result<(), Broken> {
        let release = self.release_of(event, id)?;
        if release.state != ReleaseState::Proposed || release.reported || release.kind == ReleaseKind::Protected {
            return Err(Broken::Report { state: release.state.as_str() });
        }
        release.reported = true;
        if active != (release.kind == ReleaseKind::Mock && release.approvals == 0) {
            return Err(Broken::Approvals { given: 0, needed: release.approvals });
        }
        if active {
            release.state = ReleaseState::Active;
            release.was_active = true;
        }
        Ok(())
    }

    /// Only what is being made can fail.
    pub(super) fn fail(&mut self, event: &Event, id: &ReleaseId) -> Result<(), Broken> {
        if self.release_of(event, id)?.reported {
            return Err(Broken::Report { state: "reported" });
        }
        self.move_release(event, id, ReleaseState::Failed)
    }

    /// Only what has ended is deleted, once.
    pub(super) fn delete(&mut self, event: &Event, id: &ReleaseId) -> Result<(), Broken> {
        let release = self.release_of(event, id)?;
        if !release.state.has_ended() || release.deleted {
            return Err(Broken::Deleted { state: release.state.as_str() });
        }
        release.deleted = true;
        Ok(())
    }

    pub(super) fn move_release(&mut self, event: &Event, id: &ReleaseId, next: ReleaseState) -> Result<(), Broken> {
        let release = self.release_of(event, id)?;
        if !release.state.may_become(next) {
            return Err(Broken::Move { from: release.state.as_str(), to: next.as_str() });
        }
        release.state = next;
        Ok(())
    }

    /// Resuming starts from paused only: a proposed release becomes active by approvals and in no other way.
    pub(super) fn resume(&mut self, event: &Event, id: &ReleaseId) -> Result<(), Broken> {
        match self.release_of(event, id)?.state {
            ReleaseState::Paused => self.move_release(event, id, ReleaseState::Active),
            state => Err(Broken::Move { from: state.as_str(), to: ReleaseState::Active.as_str() }),
        }
    }

    fn release_of(&mut self, event: &Event, id: &ReleaseId) -> Result<&mut Release, Broken> {
        let release = self.releases.get_mut(id).ok_or(Broken::Missing("release"))?;
        if event.workspace.is_some_and(|w| w != release.workspace) {
            return Err(Broken::OtherWorkspace);
        }
        Ok(release)
    }

    fn may_review(&self, user: UserId, workspace: WorkspaceId) -> bool {
        let members = self.workspaces.get(&workspace);
        members.and_then(|members| members.get(&user)) == Some(&Role::Reviewer)
    }
}
