//! The rules that a log must keep, by how they can be broken.

use crate::error::AuditError;

/// The first entry that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}: {broken}")]
pub struct Violation {
    /// The entry, from 0.
    pub index: u64,
    /// What it breaks.
    pub broken: Broken,
}

/// How an entry can break the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The entry can't be read as an event.
    #[error("{0}")]
    Event(AuditError),
    /// The first entry, and only it, says which log this is.
    #[error("the log must begin with log.started, once")]
    Start,
    /// `log.started` names another log than the checkpoint.
    #[error("log.started names another log than the checkpoint")]
    Origin,
    /// Something was created a second time.
    #[error("this {0} exists already")]
    Exists(&'static str),
    /// Something that no earlier entry created.
    #[error("no earlier entry created this {0}")]
    Missing(&'static str),
    /// An event that somebody must have done has no actor.
    #[error("it has no actor")]
    NoActor,
    /// An event that belongs to a workspace names none.
    #[error("it names no workspace")]
    NoWorkspace,
    /// The actor is not a member of the workspace at that moment.
    #[error("the actor is not a member of the workspace at that moment")]
    NotMember,
    /// The token was revoked before.
    #[error("the token was revoked before")]
    TokenGone,
    /// More entries are said to have been read than there were.
    #[error("it says that more entries were read than there were")]
    ReadBeyond,
    /// A release of something that is not published.
    #[error("the released version is not published at that moment")]
    NotPublished,
    /// The release charges somebody who doesn't own the dataset.
    #[error("the release names another owner than its dataset")]
    Owner,
    /// A release made a move that its life does not allow.
    #[error("a release that is {from} can't become {to}")]
    Move {
        /// State before.
        from: &'static str,
        /// State after.
        to: &'static str,
    },
    /// A release was approved by who proposed it.
    #[error("the release is approved by the person who proposed it")]
    OwnApproval,
    /// A release was approved twice by the same person.
    #[error("the same person approves the release twice")]
    ApprovedTwice,
    /// The approver is not a reviewer of the release's workspace.
    #[error("the release is approved by somebody who is not a reviewer of its workspace at that moment")]
    NotReviewer,
    /// A release was said to be active too early, or not when it became so.
    #[error("{given} of {needed} approvals are given, and the entry says the opposite of what follows from that")]
    Approvals {
        /// Approvals with this one.
        given: usize,
        /// Approvals needed.
        needed: u8,
    },
    /// A release that is shared as rows was approved before there were any.
    #[error("the release is approved before there is a report on its rows")]
    Unreported,
    /// A report on a release that has none, or has one, or is not being made.
    #[error("a release that is {state} gets no report, and none twice")]
    Report {
        /// Its state.
        state: &'static str,
    },
    /// A release was deleted that had not ended, or twice.
    #[error("a release that is {state} can't be deleted, and none twice")]
    Deleted {
        /// Its state.
        state: &'static str,
    },
    /// A release that is not active was read.
    #[error("it reads a release that is {state} at that moment")]
    NotActive {
        /// Its state.
        state: &'static str,
    },
    /// A release of another workspace was read or moved.
    #[error("the release belongs to another workspace")]
    OtherWorkspace,
    /// A charge that names no release or debits nobody.
    #[error("the charge names no release or debits no account")]
    NothingDebited,
    /// A charge debits one account twice.
    #[error("the charge debits one account twice")]
    DebitedTwice,
    /// An account that must pay is not debited.
    #[error("the charge does not debit the {0} account that must pay for it")]
    NotDebited(&'static str),
    /// An account is debited that has nothing to do with the query.
    #[error("the charge debits a {0} account that the query does not touch")]
    Foreign(&'static str),
    /// A cap above the one the population was created with.
    #[error("the {0} account is checked against a cap above the population's")]
    CapRaised(&'static str),
    /// More was spent than the cap.
    #[error("the {0} account has spent more than its cap")]
    OverBudget(&'static str),
    /// A charge whose epochs are not those that must pay.
    #[error("the charge {0}")]
    Epochs(&'static str),
    /// An answer, a failure or a repeat of a charge that was never made.
    #[error("it names a charge that was never made")]
    NoCharge,
    /// A charge that was answered or has failed can't end again.
    #[error("its charge has already been answered or has failed")]
    Settled,
    /// The charge was made for another query.
    #[error("its charge was made for another query")]
    OtherQuery,
    /// A repeat of something that was never answered.
    #[error("it repeats a charge that has no answer")]
    Unanswered,
    /// The charges that an answer is derived from stand there twice, or in another order.
    #[error("it names charges out of order, or one twice")]
    Unordered,
}

impl Broken {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Event(e) => e.code(),
            Self::Start => "E6100",
            Self::Origin => "E6101",
            Self::Exists(_) => "E6102",
            Self::Missing(_) => "E6103",
            Self::NoActor => "E6104",
            Self::NoWorkspace => "E6105",
            Self::NotMember => "E6106",
            Self::TokenGone => "E6107",
            Self::ReadBeyond => "E6108",
            Self::NotPublished => "E6110",
            Self::Owner => "E6111",
            Self::Move { .. } => "E6112",
            Self::OwnApproval => "E6113",
            Self::ApprovedTwice => "E6114",
            Self::NotReviewer => "E6115",
            Self::Approvals { .. } => "E6116",
            Self::Unreported => "E6117",
            Self::Report { .. } => "E6118",
            Self::Deleted { .. } => "E6119",
            Self::NotActive { .. } => "E6120",
            Self::OtherWorkspace => "E6121",
            Self::NothingDebited => "E6122",
            Self::DebitedTwice => "E6123",
            Self::NotDebited(_) => "E6124",
            Self::Foreign(_) => "E6125",
            Self::CapRaised(_) => "E6126",
            Self::OverBudget(_) => "E6127",
            Self::Epochs(_) => "E6128",
            Self::NoCharge => "E6130",
            Self::Settled => "E6131",
            Self::OtherQuery => "E6132",
            Self::Unanswered => "E6133",
            Self::Unordered => "E6134",
        }
    }
}
