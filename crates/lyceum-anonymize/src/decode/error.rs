//! Why a file can't be decoded. Rows are named by number, columns by declared name; no value is ever quoted.

/// Why a file can't be decoded as a whole. Single bad rows are counted in the report instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No bytes, or no header line.
    #[error("the file is empty: a header line with the column names is needed")]
    Empty,
    /// A format that is not read.
    #[error("this is {what}, which is not read: {fix}")]
    Unsupported {
        /// What it seems to be.
        what: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// The header line is too long, has too many columns or is not UTF-8.
    #[error("the header line {0}")]
    Header(&'static str),
    /// A declared column is missing in the file.
    #[error("the file has no column `{column}`{}: correct the file's header or `source_name` in the manifest",
        near.as_ref().map(|n| format!(" (is `{n}` meant?)")).unwrap_or_default())]
    MissingColumn {
        /// The name looked for.
        column: String,
        /// A header that is spelt nearly so.
        near: Option<String>,
    },
    /// A declared column is in the file more than once.
    #[error("the file has the column `{0}` more than once: rename or drop one of them")]
    RepeatedColumn(String),
    /// A record is longer than [`super::MAX_RECORD_BYTES`].
    #[error("record {record} is longer than 1 MiB: a quote may be open, or line breaks may be missing")]
    RecordTooLong {
        /// Counted from 1, the header not counted.
        record: u64,
    },
    /// Not a Parquet file, or damaged.
    #[error("the Parquet file is damaged or incomplete ({0}): upload it again")]
    Damaged(&'static str),
    /// Packed text or Arrow IPC that is damaged or incomplete.
    #[error("the {what} data is damaged or incomplete at {unit} {at}: upload it again")]
    Broken {
        /// gzip, zstd or Arrow IPC.
        what: &'static str,
        /// What places are counted in: bytes from 0, messages from 1.
        unit: &'static str,
        /// Where.
        at: u64,
    },
    /// Packed text that becomes far larger than it is.
    #[error("the file unpacks to more than 250 times its size: unpack it, or write it in parts")]
    Unfolds,
    /// What was declared is not what the first bytes say.
    #[error("the file was declared to be {declared}, but it is {found}: correct the declaration or the file")]
    NotAsDeclared {
        /// As declared.
        declared: &'static str,
        /// As found.
        found: &'static str,
    },
    /// No encoding has this label.
    #[error("the declared encoding is unknown: use a label of the WHATWG Encoding Standard, such as windows-1252")]
    UnknownEncoding,
    /// Text that is not what its encoding allows.
    #[error("the text is not in the encoding that it is read in, at byte {at}: declare another, or correct the file")]
    BrokenText {
        /// Where, from 0.
        at: u64,
    },
    /// A delimiter or quote that can't be one.
    #[error("{0}")]
    Punctuation(&'static str),
    /// NDJSON with more different names than columns are allowed.
    #[error("the lines have more than 1,000 different names together: drop those that are not needed")]
    Names,
    /// An Arrow file asks for more memory than is given.
    #[error("the Arrow file {0}")]
    ArrowTooLarge(&'static str),
    /// A Parquet file asks for more memory than is given.
    #[error("the Parquet file {0}")]
    TooLarge(&'static str),
}

/// Why reading a file ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not what it should be.
    #[error(transparent)]
    File(#[from] DecodeError),
    /// Its bytes could not be had.
    #[error("the file's bytes can't be read")]
    Source(#[source] std::io::Error),
}

impl DecodeError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "E1501",
            Self::Unsupported { .. } => "E1502",
            Self::Header(_) => "E1503",
            Self::MissingColumn { .. } => "E1504",
            Self::RepeatedColumn(_) => "E1505",
            Self::RecordTooLong { .. } => "E1506",
            Self::Damaged(_) => "E1507",
            Self::TooLarge(_) => "E1508",
            Self::Broken { .. } => "E1509",
            Self::Unfolds => "E1510",
            Self::NotAsDeclared { .. } => "E1511",
            Self::UnknownEncoding => "E1512",
            Self::BrokenText { .. } => "E1513",
            Self::Punctuation(_) => "E1514",
            Self::Names => "E1515",
            Self::ArrowTooLarge(_) => "E1516",
        }
    }
}
