//! Bytes → raw batches: which format a file has, and which of its columns the manifest declares.
//!
//! [`open`] finds out how a file is to be read ([`Reading`]) and gives a [`FileReader`]: packed text is unpacked and
//! brought to UTF-8 on the way. All decoders give [`RawBatch`]es whose columns are the declared ones, in manifest order,
//! under their SQL names, direct identifiers left out unread. CSV and NDJSON columns are text; Parquet and Arrow columns
//! keep the file's types. [`crate::validate`] makes them typed.

mod arrow_ipc;
mod columns;
mod csv;
mod error;
mod file;
mod ndjson;
mod parquet;
mod reading;
mod text;

use crate::report::Reason;
use arrow::record_batch::RecordBatch;
use lyceum_schema::name::ColumnName;

pub use self::arrow_ipc::ArrowReader;
pub(crate) use self::columns::declared;
pub use self::csv::{CsvDecoder, Dialect};
pub use self::error::{DecodeError, ReadError};
pub use self::file::{FileReader, open};
pub use self::ndjson::NdjsonDecoder;
pub use self::parquet::ParquetReader;
pub use self::reading::{Arriving, Reading, arriving};

/// Largest record (CSV line with its quoted line breaks), in bytes.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// Largest CSV header, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 << 10;
/// Most bytes that packed text may become.
pub const MAX_UNPACKED_BYTES: u64 = 1 << 40;
/// How many times its own size packed text may become, beyond its first 64 MiB.
pub const MAX_UNPACKED_RATIO: u64 = 250;
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
