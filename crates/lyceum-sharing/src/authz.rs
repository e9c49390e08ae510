//! Who may do what: one table, deny by default.
//!
//! A rule names the account roles that may act anywhere and the workspace roles that may act inside a workspace.
//! What depends on a particular thing (whose dataset, whose proposal) are the few predicates at the end; use
//! cases ask the table first. Invariant: no rule lets an administrator see an answer.

use crate::actor::Actor;
use crate::model::ReleaseRecord;
use lyceum_schema::name::OrganisationName;
use lyceum_schema::state::Role;

/// Something that a use case does on somebody's behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Add an account.
    CreateUser,
    /// See all accounts.
    ListUsers,
    /// Issue, list or revoke the tokens of somebody else. (Everybody may do so for their own.)
    ManageTokens,
    /// Declare a population for one's own organisation (an administrator: for any).
    CreatePopulation,
    /// See the populations of one's own organisation and what is left of them (an administrator: all).
    ReadPopulations,
    /// Begin a workspace.
    CreateWorkspace,
    /// See a workspace and its members.
    ReadWorkspace,
    /// Add, change and remove members.
    ManageMembers,
    /// Declare a dataset of one's own organisation, upload and publish its versions.
    WriteDatasets,
    /// See manifests and versions.
    ReadDatasets,
    /// Propose a release of a dataset of one's own organisation.
    ProposeRelease,
    /// See a workspace's releases.
    ReadReleases,
    /// See the report on a release's own rows (partners: of their own organisation's releases).
    ReadReport,
    /// Approve or reject what somebody else proposed.
    ReviewRelease,
    /// Stop questions to a release for now.
    PauseRelease,
    /// Let questions through again, or end them for good.
    OwnRelease,
    /// See what may be named in SQL.
    ReadCatalog,
    /// Ask questions.
    Ask,
    /// See what was asked in a workspace (never the answers).
    ReadHistory,
    /// See what is left of a workspace's budgets.
    ReadBudget,
    /// Fetch the newest checkpoint, the log's key and receipts.
    ReadCheckpoint,
    /// Fetch the log's entries and the server's own figures.
    ReadLog,
    /// Fetch what stands beside the log.
    ReadArtefacts,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// Account roles that may do it anywhere.
    pub account: &'static [Role],
    /// Workspace roles that may do it in their workspace.
    pub member: &'static [Role],
    /// Who may, in words: the reason given to everybody else.
    pub reason: &'static str,
}

/// The outcome of a look at the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed,
    /// No, and the caller may know why.
    Denied {
        /// Who may.
        reason: &'static str,
    },
    /// No, and the caller may not even know that the thing exists.
    Hidden,
}

use Role::{Admin, Partner, Researcher, Reviewer};

const EVERYBODY: &[Role] = &[Admin, Partner, Researcher, Reviewer];
const MEMBERS: &[Role] = &[Partner, Researcher, Reviewer];

/// The table, in the order of [`Action`].
pub const RULES: &[Rule] = &[
    rule(Action::CreateUser, &[Admin], &[], "only an administrator adds accounts"),
    rule(Action::ListUsers, &[Admin], &[], "only an administrator sees all accounts"),
    rule(Action::ManageTokens, &[Admin], &[], "only an administrator manages other people's tokens"),
    rule(Action::CreatePopulation, &[Admin, Partner], &[], "only partners and administrators declare populations"),
    rule(Action::ReadPopulations, &[Admin, Partner], &[], "only the organisation that declared a population sees it"),
    rule(Action::CreateWorkspace, &[Admin, Partner], &[], "only partners and administrators begin workspaces"),
    rule(Action::ReadWorkspace, &[Admin], MEMBERS, "only members see a workspace"),
    rule(Action::ManageMembers, &[Admin], &[Partner], "only a workspace's partners and administrators manage members"),
    rule(Action::WriteDatasets, &[Partner], &[], "only the owner's partners write a dataset"),
    rule(Action::ReadDatasets, EVERYBODY, &[], "only the owner and the reviewers of its releases see a dataset"),
    rule(Action::ProposeRelease, &[], &[Partner], "only a workspace's partners propose releases"),
    rule(Action::ReadReleases, &[Admin], MEMBERS, "only members see a workspace's releases"),
    rule(Action::ReadReport, &[], &[Partner, Reviewer], "only the owner and reviewers see the report on a release"),
    rule(Action::ReviewRelease, &[], &[Reviewer], "only a workspace's reviewers approve and reject"),
    rule(Action::PauseRelease, &[Admin], &[Partner, Reviewer], "only the owner, a reviewer or an administrator pauses"),
    rule(Action::OwnRelease, &[], &[Partner], "only the owner's partners resume and revoke"),
    rule(Action::ReadCatalog, &[], MEMBERS, "only members see a workspace's catalogue"),
    rule(Action::Ask, &[], &[Researcher], "only a workspace's researchers ask questions"),
    rule(Action::ReadHistory, &[], MEMBERS, "only members see what was asked"),
    rule(Action::ReadBudget, &[], MEMBERS, "only members see a workspace's budget"),
    rule(Action::ReadCheckpoint, EVERYBODY, &[], "everybody with an account may fetch checkpoints and receipts"),
    rule(Action::ReadLog, &[Admin, Partner, Reviewer], &[], "only reviewers, partners and administrators read the log"),
    rule(Action::ReadArtefacts, &[Partner, Reviewer], &[], "only reviewers and owners see what stands beside the log"),
];

const fn rule(action: Action, account: &'static [Role], member: &'static [Role], reason: &'static str) -> Rule {
    Rule { action, account, member, reason }
}

/// Decides by role alone: `account` is the account's role, `member` the role in the workspace concerned, if any.
#[must_use]
pub fn decide(action: Action, account: Role, member: Option<Role>) -> Decision {
    let Some(rule) = RULES.iter().find(|r| r.action == action) else {
        return Decision::Hidden;
    };
    if rule.account.contains(&account) || member.is_some_and(|m| rule.member.contains(&m)) {
        Decision::Allowed
    } else if member.is_none() && !rule.member.is_empty() && account != Admin {
        Decision::Hidden
    } else {
        Decision::Denied { reason: rule.reason }
    }
}

/// Whether the actor acts for the organisation.
#[must_use]
pub fn acts_for(actor: &Actor, organisation: &OrganisationName) -> bool {
    actor.user.organisation == *organisation
}

/// Whether the actor may judge the release: nobody judges what they proposed, and nobody judges twice.
#[must_use]
pub fn is_independent(actor: &Actor, release: &ReleaseRecord) -> bool {
    actor.id() != release.proposed_by && !release.approved_by.contains(&actor.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_rule() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|r| r.action == rule.action).count(), 1, "{:?}", rule.action);
        }
    }

    #[test]
    fn administrators_see_no_answers() {
        for action in [Action::Ask, Action::ReadHistory, Action::ReadArtefacts] {
            assert_ne!(decide(action, Admin, None), Decision::Allowed, "{action:?}");
        }
    }

    #[test]
    fn strangers_learn_nothing_about_a_workspace() {
        for action in [Action::ReadWorkspace, Action::Ask, Action::ReadCatalog, Action::ReadReleases] {
            assert_eq!(decide(action, Researcher, None), Decision::Hidden, "{action:?}");
        }
        assert!(matches!(decide(Action::Ask, Researcher, Some(Reviewer)), Decision::Denied { .. }));
        assert_eq!(decide(Action::Ask, Reviewer, Some(Researcher)), Decision::Allowed);
    }
}
