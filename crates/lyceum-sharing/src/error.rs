//! Everything that can go wrong in a use case: one variant, one stable code each.
//!
//! E30xx: budgets. E40xx: identity, permission and state. E42xx: requests. E43xx: uploads. E50xx: failures that are
//! nobody's fault but ours. Documents (E10xx), questions (E2xxx) and files bring the codes of their own crates.

use crate::port::PortError;
use lyceum_query::layout::LayoutError;
use lyceum_schema::epoch::Epoch;
use lyceum_schema::id::UploadId;
use lyceum_schema::name::TableName;
use lyceum_schema::state::ReleaseState;

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token, or one that is unknown, revoked or expired. Which of these is not said.
    #[error("the token is missing, unknown, revoked or expired")]
    Unauthenticated,
    /// The caller's role doesn't allow it.
    #[error("{reason}")]
    Forbidden {
        /// Who may, in words.
        reason: &'static str,
    },
    /// Nothing has this name or id, or the caller may not know of it.
    #[error("there is no {what}, or you can't see it")]
    NotFound {
        /// What was looked for, in the caller's own words.
        what: String,
    },
    /// A name is taken.
    #[error("{what} exists already")]
    Exists {
        /// What.
        what: String,
    },
    /// The thing is not in a state that allows this.
    #[error("{reason}")]
    State {
        /// Which state it is in and which is needed.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// A value of the request is outside its range.
    #[error("{what}")]
    Invalid {
        /// What is wrong, with the key.
        what: String,
        /// What to send instead.
        fix: String,
    },
    /// The manifest or policy has problems.
    #[error("the {document} has {} problem{}", .findings.len(), if .findings.len() == 1 { "" } else { "s" })]
    Document {
        /// `manifest` or `policy`.
        document: &'static str,
        /// One line per problem: place, reason and fix.
        findings: Vec<String>,
    },
    /// An account can't pay.
    #[error("{0}")]
    OverBudget(OverBudget),
    /// An equal question is being computed right now.
    #[error("the same question is being answered right now")]
    InProgress,
    /// An idempotency key came back with another question.
    #[error("this idempotency key was used for another question")]
    IdempotencyMismatch,
    /// A release that the question reads stopped being active meanwhile.
    #[error("a release that this question reads is {} now", .state.as_str())]
    NotActive {
        /// Its state.
        state: ReleaseState,
    },
    /// An upload is larger than this installation takes.
    #[error("the upload has more than {limit_bytes} bytes")]
    UploadTooLarge {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// The upload ended before it was complete.
    #[error("the upload broke off")]
    UploadInterrupted,
    /// Bytes were sent for another place than where the upload is.
    #[error("the upload is at byte {offset}")]
    UploadOffset {
        /// Where it is.
        offset: u64,
    },
    /// Another request is writing to the upload and doesn't end.
    #[error("another request is still writing to this upload")]
    UploadBusy,
    /// More bytes were sent than the upload was declared to have.
    #[error("the upload was declared to have {length} bytes, and more were sent")]
    UploadOverrun {
        /// The declared length in bytes.
        length: u64,
    },
    /// The same part of the same table is on its way already.
    #[error("this part of the table is being uploaded already, as upload {upload}")]
    UploadClash {
        /// The upload that is there.
        upload: UploadId,
    },
    /// The same table is being uploaded or checked already.
    #[error("the table {table} of this version is being uploaded by another request")]
    TableBusy {
        /// The table.
        table: TableName,
    },
    /// An organisation has too many uploads that are not ended.
    #[error("your organisation has {limit} uploads that are not ended")]
    TooManyUploads {
        /// The limit.
        limit: u64,
    },
    /// A request's bytes are not those that its checksum was made of.
    #[error("the bytes received don't have the checksum that was sent with them")]
    Checksum,
    /// The received file is not the one whose hash was declared.
    #[error("the file received doesn't have the SHA-256 that was declared for it")]
    FileHash,
    /// Received bytes were changed on disk.
    #[error("a part of what was received was changed on the server's disk")]
    UploadDamaged,
    /// The file can't be read as what it says it is.
    #[error("{reason}")]
    Unreadable {
        /// The decoder's own stable code.
        code: &'static str,
        /// Why.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// Values of columns that are stored hold direct identifiers.
    #[error("there are direct identifiers in the values: {}", .findings.join("; "))]
    DirectIdentifiers {
        /// One sentence per column and kind; counts, never values.
        findings: Vec<String>,
    },
    /// Accepted rows could not be stored.
    #[error(transparent)]
    Layout(LayoutError),
    /// The version can't be published as it is.
    #[error("the version can't be published: {}", .findings.join("; "))]
    NotPublishable {
        /// What is missing or wrong.
        findings: Vec<String>,
    },
    /// The question is refused: it would not be private, or it isn't understood. Nothing was charged.
    #[error("{0}")]
    Question(Box<Refusal>),
    /// The answer is paid for and stored, but what the question does with it failed.
    #[error("{message}")]
    Finish {
        /// The engine's stable code.
        code: &'static str,
        /// Why; never a value.
        message: String,
    },
    /// Charged, and no answer came. One constant error for whatever happened.
    #[error("the question was charged but could not be answered")]
    AfterCharge,
    /// The database or disk failed.
    #[error("storage failed")]
    Storage,
    /// The disk is full.
    #[error("no space is left to write")]
    Full,
    /// Too few witnesses cosign the log for now: answers stay here until they do. Nothing was charged.
    #[error("no answer leaves now, because the audit log is not cosigned as its policy demands: {why}")]
    Unwitnessed {
        /// Which quorum is not met, and which witness is missing.
        why: String,
    },
    /// A witness has seen another history of the log: answers stay here for good. Nothing was charged.
    #[error("no answer leaves any more, because a witness of the audit log has seen another history: {why}")]
    Contradicted {
        /// Which witness, and what it has seen.
        why: String,
    },
    /// The answer is paid for and stored, and waits for witnesses.
    #[error("the answer is paid for and stored; it leaves when the audit log is cosigned: {why}")]
    AnswerWaits {
        /// Which quorum is not met, and which witness is missing.
        why: String,
    },
    /// The operating system gave no randomness.
    #[error("no randomness was available")]
    Randomness,
    /// A task of the service stopped unexpectedly.
    #[error("an internal step stopped unexpectedly")]
    Internal,
}

/// Why a question is refused, with the place in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The engine's stable code.
    pub code: &'static str,
    /// What is refused.
    pub message: String,
    /// Why the rule exists.
    pub reason: Option<String>,
    /// A rewrite or the way out.
    pub fix: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column in that line, from 1.
    pub column: Option<u32>,
    /// The part of the text that is meant.
    pub snippet: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// Which account can't pay, and what would fit.
#[derive(Debug, Clone, PartialEq)]
pub struct OverBudget {
    /// The account in words.
    pub account: String,
    /// The epoch in which it can't pay, in a population with epochs.
    pub epoch: Option<Epoch>,
    /// Share of its cap that the question needs, in [0, 1] or above.
    pub needed: f64,
    /// Share of its cap that is left, in [0, 1].
    pub left: f64,
    /// The largest ε that would still fit, if any would.
    pub epsilon_that_fits: Option<f64>,
}

impl std::fmt::Display for OverBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "this would need {:.1} % of the budget of {}; {:.1} % is left (the budget does not come back)",
            100.0 * self.needed,
            self.account,
            100.0 * self.left
        )
    }
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OverBudget(_) => "E3002",
            Self::InProgress => "E3003",
            Self::IdempotencyMismatch => "E3004",
            Self::Unauthenticated => "E4001",
            Self::Forbidden { .. } => "E4003",
            Self::NotFound { .. } => "E4004",
            Self::Exists { .. } => "E4009",
            Self::State { .. } => "E4010",
            Self::NotActive { .. } => "E4011",
            Self::Invalid { .. } => "E4201",
            Self::Document { document: "manifest", .. } => "E4202",
            Self::Document { .. } => "E4203",
            Self::UploadTooLarge { .. } => "E4301",
            Self::UploadInterrupted => "E4302",
            Self::NotPublishable { .. } => "E4303",
            Self::UploadOffset { .. } => "E4304",
            Self::UploadBusy => "E4305",
            Self::UploadOverrun { .. } => "E4306",
            Self::UploadClash { .. } => "E4307",
            Self::TableBusy { .. } => "E4308",
            Self::TooManyUploads { .. } => "E4309",
            Self::Checksum => "E4310",
            Self::FileHash => "E4311",
            Self::UploadDamaged => "E4312",
            Self::DirectIdentifiers { .. } => "E4313",
            Self::Unreadable { code, .. } => code,
            Self::Question(refusal) => refusal.code,
            Self::Layout(error) => error.code(),
            Self::Finish { code, .. } => code,
            Self::AfterCharge => "E5001",
            Self::Storage => "E5002",
            Self::Full => "E5003",
            Self::Randomness => "E5004",
            Self::Internal => "E5005",
            Self::Unwitnessed { .. } => "E5040",
            Self::Contradicted { .. } => "E5041",
            Self::AnswerWaits { .. } => "E5042",
        }
    }

    /// What to do about it, where something can be done.
    #[must_use]
    pub fn fix(&self) -> Option<String> {
        let fix = match self {
            Self::Unauthenticated => {
                "send `Authorization: Bearer …` with a token from `lyceum token create`".to_owned()
            }
            Self::Forbidden { .. } => "ask somebody who has that role, or an administrator".to_owned(),
            Self::NotFound { .. } => "check the spelling, or ask to be added".to_owned(),
            Self::Exists { .. } => "choose another name".to_owned(),
            Self::State { fix, .. } | Self::Invalid { fix, .. } | Self::Unreadable { fix, .. } => fix.clone(),
            Self::OverBudget(over) => match (over.epsilon_that_fits, over.epoch) {
                (Some(epsilon), _) => format!("OPTIONS (epsilon = {epsilon}) would fit, with wider intervals"),
                (None, Some(epoch)) => {
                    format!("leave {epoch} out with a WHERE on time: every {} has a budget of its own", epoch.every())
                }
                (None, None) => "repeat an earlier question: what is answered once is free".to_owned(),
            },
            Self::InProgress => "ask again in a moment: the answer will be the same and free".to_owned(),
            Self::Unwitnessed { .. } => {
                "ask again later: answers leave again by themselves as soon as the witnesses cosign".to_owned()
            }
            Self::Contradicted { .. } => "tell the operator, the owners and the witnesses".to_owned(),
            Self::AnswerWaits { .. } => {
                "ask the same question again later, with the same idempotency key if you sent one: it is free"
                    .to_owned()
            }
            Self::IdempotencyMismatch => "send a new key with a new question".to_owned(),
            Self::NotActive { .. } => "see the release's state in the workspace's list of releases".to_owned(),
            Self::UploadTooLarge { .. } => "upload fewer rows, or ask the operator to raise the limit".to_owned(),
            Self::UploadInterrupted => "send the file again: the same bytes give the same result".to_owned(),
            Self::UploadOffset { offset } => format!("send the file's bytes from {offset} on"),
            Self::UploadBusy => "ask where the upload is (HEAD), then go on from there".to_owned(),
            Self::UploadOverrun { .. } => "delete the upload and begin one with the file's length".to_owned(),
            Self::UploadClash { upload } => {
                format!("go on with it (HEAD /v1/uploads/{upload}), or give it up (DELETE) and begin again")
            }
            Self::TableBusy { .. } => "wait for it to end: the same bytes give the same report".to_owned(),
            Self::TooManyUploads { .. } => "complete them or give them up; each expires after a day".to_owned(),
            Self::Checksum => "send the same bytes again; nothing of this request was kept".to_owned(),
            Self::FileHash => "upload the file again: what was received is destroyed".to_owned(),
            Self::UploadDamaged => "give the upload up and send the file again; tell the operator".to_owned(),
            Self::DirectIdentifiers { .. } => {
                "give the column the role direct_identifier, or say in the manifest what is to be done: \
                 identifiers = \"mask\", \"drop\" or \"allow\""
                    .to_owned()
            }
            Self::Question(refusal) => return refusal.fix.clone(),
            Self::Finish { .. } => {
                "ask with another expression: what was charged is stored, the repeat is free".to_owned()
            }
            Self::AfterCharge => "ask again: a new charge is made; the owner sees the failure".to_owned(),
            Self::Layout(_) | Self::Storage | Self::Full | Self::Randomness | Self::Internal => {
                "tell the operator the request's id".to_owned()
            }
            Self::Document { .. } | Self::NotPublishable { .. } => return None,
        };
        Some(fix)
    }

    pub(crate) fn not_found(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::NotFound { what: format!("{kind} {name}") }
    }

    pub(crate) fn invalid(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), fix: fix.into() }
    }

    pub(crate) fn state(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::State { reason: reason.into(), fix: fix.into() }
    }
}

impl From<PortError> for Error {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Exists(what) => Self::Exists { what },
            PortError::Missing(what) => Self::NotFound { what },
            PortError::State(reason) => {
                Self::State { reason, fix: "look at its state now, then decide again".to_owned() }
            }
            PortError::Full => Self::Full,
            PortError::Unwitnessed(why) => Self::Unwitnessed { why },
            PortError::Contradicted(why) => Self::Contradicted { why },
            PortError::Storage => Self::Storage,
        }
    }
}

impl From<LayoutError> for Error {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Full(_) => Self::Full,
            other => Self::Layout(other),
        }
    }
}

/// Result of a use case.
pub type Result<T> = std::result::Result<T, Error>;
