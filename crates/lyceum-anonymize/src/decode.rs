//! Bytes → raw batches: which format a file has, and which of its columns the manifest declares.
//!
//! Both decoders give [`RawBatch`]es whose columns are the declared ones, in manifest order, under their SQL
//! names, direct identifiers left out unread. CSV columns are text; Parquet columns keep the file's types.
//! [`crate::validate`] makes them typed.

mod columns;
mod csv;
mod error;
mod parquet;

use crate::report::Reason;
use arrow::record_batch::RecordBatch;
use lyceum_schema::name::ColumnName;

pub(crate) use self::columns::declared;
pub use self::csv::CsvDecoder;
pub use self::error::DecodeError;
pub use self::parquet::ParquetReader;

/// Largest record (CSV line with its quoted line breaks), in bytes.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// Largest CSV header, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 << 10;
/// Most columns in a file.
pub const MAX_COLUMNS: usize = 1_000;
/// Most rows in a raw batch.
pub const BATCH_ROWS: usize = 8_192;

/// Decoded rows that nobody has checked yet.
pub struct RawBatch {
    pub(crate) batch: RecordBatch,
    /// Rows that could not be decoded, by reason and column; they are not in `batch`.
    pub(crate) rejected: Vec<(Reason, Option<ColumnName>, u64)>,
}

impl RawBatch {
    /// Rows in this batch, those that could not be decoded included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.batch.num_rows() as u64 + self.rejected.iter().map(|(_, _, n)| n).sum::<u64>()
    }
}

/// The format of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited text with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Tells the format from a file's first bytes (at least 4, if it has that many).
    ///
    /// # Errors
    /// [`DecodeError::Empty`] without bytes, [`DecodeError::Unsupported`] for compressed archives and UTF-16 text.
    pub fn sniff(first_bytes: &[u8]) -> Result<Self, DecodeError> {
        let unsupported = |what, fix| Err(DecodeError::Unsupported { what, fix });
        match first_bytes {
            [] => Err(DecodeError::Empty),
            [b'P', b'A', b'R', b'1', ..] => Ok(Self::Parquet),
            [b'P', b'A', b'R', b'E', ..] => unsupported("an encrypted Parquet file", "upload it decrypted"),
            [0x1f, 0x8b, ..] => unsupported("a gzip file", "decompress it first"),
            [b'P', b'K', 3, 4, ..] => unsupported("a ZIP or spreadsheet file", "export it as CSV or Parquet"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => unsupported("a zstd file", "decompress it first"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => unsupported("UTF-16 text", "save it as UTF-8"),
            _ => Ok(Self::Csv),
        }
    }
}
