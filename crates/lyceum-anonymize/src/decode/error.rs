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
    /// A Parquet file asks for more memory than is given.
    #[error("the Parquet file {0}")]
    TooLarge(&'static str),
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
        }
    }
}
