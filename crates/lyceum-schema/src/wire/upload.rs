//! Files on their way in: how they are to be read, how they were read, and which of them make a table.

use crate::id::UploadId;
use serde::{Deserialize, Serialize};

/// A file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Delimited text.
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, as a file or as a stream.
    Arrow,
}

/// What a file is packed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileCompression {
    /// Nothing.
    None,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// zstd (RFC 8878), one frame or several.
    Zstd,
}

/// How a file is to be read. Whatever is left out is told from its first bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// The format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// What the file is packed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<FileCompression>,
    /// CSV: the one ASCII character between fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// CSV: the one ASCII character around fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<char>,
    /// CSV: whether the first line names the columns (default: it does). Without names the columns are the manifest's,
    /// in its order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Text: a label of the WHATWG Encoding Standard, such as `utf-8`, `utf-16le`, `windows-1252`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

impl FileOptions {
    /// These options, with `others` where these say nothing.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            format: self.format.or(others.format),
            compression: self.compression.or(others.compression),
            delimiter: self.delimiter.or(others.delimiter),
            quote: self.quote.or(others.quote),
            header: self.header.or(others.header),
            encoding: self.encoding.or_else(|| others.encoding.clone()),
        }
    }
}

/// How a file was read. For the owner only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// Bytes received.
    pub bytes: u64,
    /// Rows read.
    pub rows: u64,
    /// The format, in words such as `CSV, ';' between fields, windows-1252, gzip`.
    pub read_as: String,
    /// Whether the whole of it was declared; else some of it was told from the first bytes.
    pub declared: bool,
}

/// Makes a table of a draft from received files (`POST /v1/datasets/{name}/versions/{id}/tables/{table}`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssembleTable {
    /// The files, in the order in which their rows are to be read; none only where a former version is appended to.
    pub uploads: Vec<UploadId>,
    /// The number of the published version whose rows of this table are kept before those of the files: nothing of it is
    /// uploaded again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append_to: Option<u32>,
    /// How to read them; what is left out is as declared when each upload was begun.
    #[serde(default)]
    pub options: FileOptions,
}
