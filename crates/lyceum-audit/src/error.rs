//! What can go wrong with events, trees, tiles, notes, checkpoints, receipts and policies. Texts name places
//! (paths, lines, indices), never contents.

/// Result of this crate.
pub type AuditResult<T> = Result<T, AuditError>;

/// Why bytes of a log could not be made, read or believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// An entry bundle gives each entry 16 bits of length.
    #[error("an entry has {bytes} bytes; at most 65,535 fit: keep big artefacts beside the log and refer to them")]
    EntryTooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not the JSON of an event, or of a type that this version doesn't know.
    #[error("not an event of format 1 (JSON column {column}); a newer log needs a newer verifier")]
    EventSyntax {
        /// Where the reader gave up, from 1; 0: unknown.
        column: usize,
    },
    /// An event of another format version.
    #[error("the event has format {found}, this verifier knows 1")]
    EventVersion {
        /// The version found.
        found: u32,
    },
    /// The JSON is an event but not in canonical form (RFC 8785), or carries members that no event has.
    #[error("the event is not canonical JSON (RFC 8785): readers could disagree on what it says")]
    NotCanonical,
    /// An integer beyond 2⁵³ − 1, which JSON readers round (RFC 8785 §3.2.2.3, I-JSON).
    #[error("an integer of the event is beyond 2^53 - 1, which canonical JSON can't carry")]
    NumberTooLarge,
    /// The event could not be serialised.
    #[error("the event could not be written as JSON")]
    EventWrite,

    /// An index or size outside of the tree.
    #[error("the tree has {size} entries; {index} is outside")]
    OutOfTree {
        /// What was asked for.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// An inclusion proof that doesn't lead from the leaf to the root.
    #[error("the inclusion proof does not lead from entry {index} to the root of {size} entries")]
    Inclusion {
        /// The leaf.
        index: u64,
        /// The tree.
        size: u64,
    },
    /// A consistency proof that fails: the new tree is not an extension of the old one.
    #[error("the tree of {new} entries is not an extension of the tree of {old} entries")]
    Consistency {
        /// The older size.
        old: u64,
        /// The newer size.
        new: u64,
    },

    /// Not a path of the tile layout.
    #[error("not the path of a tile (tile/<level>/<index>[.p/<width>])")]
    TilePath,
    /// A tile that the tree has is not there.
    #[error("{path} is missing")]
    TileMissing {
        /// Its path.
        path: String,
    },
    /// A tile has the wrong length.
    #[error("{path} has {found} bytes instead of {expected}")]
    TileLength {
        /// Its path.
        path: String,
        /// Bytes it must have.
        expected: usize,
        /// Bytes it has.
        found: usize,
    },
    /// An entry bundle is cut short or has bytes left over.
    #[error("{path} is not a bundle of {expected} entries: it is cut short or goes on")]
    Bundle {
        /// Its path.
        path: String,
        /// Entries it must have.
        expected: u64,
    },
    /// The tiles on disk don't have the root that the caller knows: appending would sign a second history.
    #[error("the tiles of the first {size} entries do not have the root that was signed: refusing to append")]
    TilesDisagree {
        /// Size of the old tree.
        size: u64,
    },

    /// Not a verifier key.
    #[error("not a verifier key (name+hash+key): {why}")]
    KeySyntax {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a signed note.
    #[error("not a signed note (line {line}): {why}")]
    NoteSyntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// A known key's signature does not verify.
    #[error("the signature of {name} does not verify")]
    BadSignature {
        /// The key's name.
        name: String,
    },
    /// A key whose signature is needed did not sign.
    #[error("{name} did not sign")]
    NotSigned {
        /// The key's name.
        name: String,
    },
    /// A key of a kind that can't sign this.
    #[error("{name} is a key of the wrong kind for this")]
    KeyKind {
        /// The key's name.
        name: String,
    },
    /// Not a checkpoint.
    #[error("not a checkpoint (line {line}): {why}")]
    CheckpointSyntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// A checkpoint of another log.
    #[error("the checkpoint is of {found}, not of {expected}")]
    Origin {
        /// The log that was asked for.
        expected: String,
        /// The log that it is of.
        found: String,
    },

    /// Not a receipt.
    #[error("not a receipt (line {line}): {why}")]
    ReceiptSyntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// The receipt carries no event and none was given.
    #[error("the receipt has no event in its `extra` line; give the event beside it")]
    ReceiptWithoutEvent,

    /// Not an `add-checkpoint` request.
    #[error("not an add-checkpoint request (line {line}): {why}")]
    RequestSyntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },

    /// Not a policy.
    #[error("not a log policy (line {line}): {why}")]
    PolicySyntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// Too few witnesses signed.
    #[error("the quorum {group} is not met: {signed} of {known} witnesses signed")]
    Quorum {
        /// The policy's quorum.
        group: String,
        /// How many witnesses of the policy signed.
        signed: usize,
        /// How many the policy names.
        known: usize,
    },
}

impl AuditError {
    /// The stable code, for machines and manuals.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EntryTooLong { .. } => "E6001",
            Self::EventSyntax { .. } => "E6002",
            Self::EventVersion { .. } => "E6003",
            Self::NotCanonical => "E6004",
            Self::NumberTooLarge => "E6005",
            Self::EventWrite => "E6006",
            Self::OutOfTree { .. } => "E6010",
            Self::Inclusion { .. } => "E6011",
            Self::Consistency { .. } => "E6012",
            Self::TilePath => "E6020",
            Self::TileMissing { .. } => "E6021",
            Self::TileLength { .. } => "E6022",
            Self::Bundle { .. } => "E6023",
            Self::TilesDisagree { .. } => "E6024",
            Self::KeySyntax { .. } => "E6030",
            Self::NoteSyntax { .. } => "E6031",
            Self::BadSignature { .. } => "E6032",
            Self::NotSigned { .. } => "E6033",
            Self::KeyKind { .. } => "E6034",
            Self::CheckpointSyntax { .. } => "E6040",
            Self::Origin { .. } => "E6041",
            Self::ReceiptSyntax { .. } => "E6050",
            Self::ReceiptWithoutEvent => "E6051",
            Self::RequestSyntax { .. } => "E6070",
            Self::PolicySyntax { .. } => "E6060",
            Self::Quorum { .. } => "E6061",
        }
    }
}
