//! The closed vocabularies of a column: its type, its role, and where its domain comes from.

/// The types a column may have. Manifest spelling: `boolean`, `int32`, `int64`, `float64`, `string`, `date`, `timestamp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// true or false.
    Boolean,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// IEEE 754 double; NaN and infinities become NULL at ingest.
    Float64,
    /// UTF-8 text of at most [`Domain::max_bytes`](super::Domain::max_bytes) bytes.
    String,
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since the epoch, UTC.
    Timestamp,
}

impl DataType {
    /// All of them, in the order of the manifest's documentation.
    pub const ALL: [Self; 7] =
        [Self::Boolean, Self::Int32, Self::Int64, Self::Float64, Self::String, Self::Date, Self::Timestamp];

    /// Their spellings, in the same order.
    pub const WORDS: &'static [&'static str] = &["boolean", "int32", "int64", "float64", "string", "date", "timestamp"];

    /// The manifest's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// Reads the manifest's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == word)
    }
}

/// What a column is to privacy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Names a person by itself: dropped at ingest.
    DirectIdentifier,
    /// The privacy unit: turned into an opaque id at ingest.
    PrivacyUnit,
    /// Could identify a person together with others.
    QuasiIdentifier,
    /// What must not be learnt about a person.
    Sensitive,
    /// A number to aggregate.
    Measure,
    /// Something to group or filter by.
    Dimension,
    /// When something happened.
    Time,
    /// Joins with another table, not the unit.
    JoinKey,
}

impl Role {
    /// All of them, in the order of the manifest's documentation.
    pub const ALL: [Self; 8] = [
        Self::DirectIdentifier,
        Self::PrivacyUnit,
        Self::QuasiIdentifier,
        Self::Sensitive,
        Self::Measure,
        Self::Dimension,
        Self::Time,
        Self::JoinKey,
    ];

    /// Their spellings, in the same order.
    pub const WORDS: &'static [&'static str] = &[
        "direct_identifier",
        "privacy_unit",
        "quasi_identifier",
        "sensitive",
        "measure",
        "dimension",
        "time",
        "join_key",
    ];

    /// The manifest's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DirectIdentifier => "direct_identifier",
            Self::PrivacyUnit => "privacy_unit",
            Self::QuasiIdentifier => "quasi_identifier",
            Self::Sensitive => "sensitive",
            Self::Measure => "measure",
            Self::Dimension => "dimension",
            Self::Time => "time",
            Self::JoinKey => "join_key",
        }
    }

    /// Reads the manifest's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == word)
    }
}

/// Where a list or bound comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Public knowledge, attested by the owner (`source = "public"`, the default).
    Public,
    /// Stands on the data (`source = "data"`): blocks publication until attested.
    Data,
}

impl Evidence {
    /// All of them, in the order of the manifest's documentation.
    pub const ALL: [Self; 2] = [Self::Public, Self::Data];

    /// Their spellings, in the same order.
    pub const WORDS: &'static [&'static str] = &["public", "data"];

    /// The manifest's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Data => "data",
        }
    }

    /// Reads the manifest's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == word)
    }
}

/// What is done about direct identifiers that are found in a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnIdentifiers {
    /// The upload is refused.
    #[default]
    Reject,
    /// Each identifier is replaced by its kind, such as `<email>`; a number that is one becomes NULL.
    Mask,
    /// Each value with an identifier becomes NULL.
    Drop,
    /// They are stored: the owner says that they are none, or may stay.
    Allow,
}

impl OnIdentifiers {
    /// All of them, in the order of the manifest's documentation.
    pub const ALL: [Self; 4] = [Self::Reject, Self::Mask, Self::Drop, Self::Allow];

    /// Their spellings, in the same order.
    pub const WORDS: &'static [&'static str] = &["reject", "mask", "drop", "allow"];

    /// The manifest's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Mask => "mask",
            Self::Drop => "drop",
            Self::Allow => "allow",
        }
    }

    /// Reads the manifest's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == word)
    }
}
