//! Parquet as an iterator of raw batches, over anything that gives ranges of bytes.
//!
//! The file is not trusted: sizes claimed in its footer are checked before anything is allocated for them, text
//! is read as views (a dictionary can't unfold to more than its pages), and a panic inside the Parquet library
//! becomes [`DecodeError::Damaged`]. Errors of the library are dropped, since their text may quote values.

use super::columns::select;
use super::csv::placeholders;
use super::{BATCH_ROWS, DecodeError, MAX_COLUMNS, RawBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use lyceum_schema::manifest::Table;
use lyceum_schema::name::ColumnName;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Most row groups in a file.
const MAX_ROW_GROUPS: usize = 100_000;
/// Largest column chunk once decompressed, in bytes.
const MAX_CHUNK_BYTES: i64 = 4 << 30;
/// Largest footer, in bytes.
const MAX_FOOTER_BYTES: u32 = 64 << 20;

/// Reads the declared columns of a Parquet file. Ends after the first error.
pub struct ParquetReader {
    inner: Option<ParquetRecordBatchReader>,
    /// Place of each wanted column in the batches of `inner`.
    places: Vec<usize>,
    schema: SchemaRef,
    extra: Vec<String>,
    headers: Vec<String>,
}

impl ParquetReader {
    /// A reader of the declared columns of `table`.
    ///
    /// # Errors
    /// [`DecodeError`] when the file is not Parquet, damaged, too large, or lacks a declared column.
    pub fn new<R: ChunkReader + 'static>(file: R, table: &Table) -> Result<Self, DecodeError> {
        guarded("its footer can't be read", || Self::open(file, Some(table)))?
    }

    /// A reader of all columns, for drafting a manifest.
    ///
    /// # Errors
    /// As [`ParquetReader::new`].
    pub fn all_columns<R: ChunkReader + 'static>(file: R) -> Result<Self, DecodeError> {
        guarded("its footer can't be read", || Self::open(file, None))?
    }

    /// Columns of the file that the manifest does not declare.
    #[must_use]
    pub fn extra_columns(&self) -> &[String] {
        &self.extra
    }

    /// All column names as the file spells them.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    fn open<R: ChunkReader + 'static>(file: R, table: Option<&Table>) -> Result<Self, DecodeError> {
        if file.len() == 0 {
            return Err(DecodeError::Empty);
        }
        check_footer_length(&file)?;
        // Types come from Parquet alone: an embedded Arrow schema is one more thing that could lie.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let footer = ArrowReaderMetadata::load(&file, options.clone()).map_err(|_| damaged_footer())?;
        check_sizes(footer.metadata(), file.len())?;
        let as_views: Vec<Field> = footer
            .schema()
            .fields()
            .iter()
            .map(|f| match f.data_type() {
                DataType::Utf8 => f.as_ref().clone().with_data_type(DataType::Utf8View),
                DataType::Binary => f.as_ref().clone().with_data_type(DataType::BinaryView),
                _ => f.as_ref().clone(),
            })
            .collect();
        let options = options.with_schema(Arc::new(Schema::new(as_views)));
        let footer = ArrowReaderMetadata::try_new(footer.metadata().clone(), options).map_err(|_| damaged_footer())?;

        let file_schema = footer.schema().clone();
        let headers: Vec<String> = file_schema.fields().iter().map(|f| f.name().clone()).collect();
        let (wanted, extra): (Vec<(ColumnName, usize)>, _) = match table {
            Some(table) => {
                let selection = select(table, &headers)?;
                (selection.wanted, selection.extra)
            }
            None => (placeholders(headers.len())?, Vec::new()),
        };
        let fields: Vec<Field> = wanted
            .iter()
            .map(|(name, i)| Field::new(name.as_str(), file_schema.field(*i).data_type().clone(), true))
            .collect();
        let mut read: Vec<usize> = wanted.iter().map(|(_, i)| *i).collect();
        read.sort_unstable();
        let places = wanted.iter().filter_map(|(_, i)| read.binary_search(i).ok()).collect();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer);
        let mask = ProjectionMask::roots(builder.parquet_schema(), read);
        let inner = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|_| damaged_footer())?;
        Ok(Self { inner: Some(inner), places, schema: Arc::new(Schema::new(fields)), extra, headers })
    }

    fn read(&mut self) -> Option<Result<RawBatch, DecodeError>> {
        let inner = self.inner.as_mut()?;
        let batch = match guarded("a page can't be decoded", || inner.next()) {
            Ok(None) => None,
            Ok(Some(Ok(batch))) => Some(Ok(batch)),
            Ok(Some(Err(_))) => Some(Err(DecodeError::Damaged("a page can't be decoded"))),
            Err(e) => Some(Err(e)),
        }?;
        Some(batch.and_then(|batch| {
            let columns = self.places.iter().map(|i| batch.column(*i).clone()).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
                .map(|batch| RawBatch { batch, rejected: Vec::new() })
                .map_err(|_| DecodeError::Damaged("its pages don't have the types its footer says"))
        }))
    }
}

impl Iterator for ParquetReader {
    type Item = Result<RawBatch, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read();
        if !matches!(item, Some(Ok(_))) {
            self.inner = None;
        }
        item
    }
}

fn damaged_footer() -> DecodeError {
    DecodeError::Damaged("its footer can't be read")
}

/// Runs library code that may panic on damaged input.
fn guarded<T>(what: &'static str, f: impl FnOnce() -> T) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| DecodeError::Damaged(what))
}

/// The last eight bytes are the footer's length and the magic number.
fn check_footer_length<R: ChunkReader>(file: &R) -> Result<(), DecodeError> {
    let start = file.len().checked_sub(8).ok_or_else(damaged_footer)?;
    let tail = file.get_bytes(start, 8).map_err(|_| damaged_footer())?;
    let (length, magic) = tail.split_at_checked(4).ok_or_else(damaged_footer)?;
    let length = u32::from_le_bytes(length.try_into().map_err(|_| damaged_footer())?);
    if magic != b"PAR1" {
        return Err(DecodeError::Damaged("it doesn't end as Parquet files do"));
    }
    if length > MAX_FOOTER_BYTES {
        return Err(DecodeError::TooLarge("has a footer of more than 64 MiB: write fewer, larger row groups"));
    }
    Ok(())
}

fn check_sizes(metadata: &ParquetMetaData, file_len: u64) -> Result<(), DecodeError> {
    if metadata.file_metadata().schema_descr().num_columns() > MAX_COLUMNS {
        return Err(DecodeError::TooLarge("has more than 1,000 columns: drop those that are not needed"));
    }
    if metadata.num_row_groups() > MAX_ROW_GROUPS {
        return Err(DecodeError::TooLarge("has more than 100,000 row groups: write larger ones"));
    }
    for group in metadata.row_groups() {
        if group.num_rows() < 0 {
            return Err(DecodeError::Damaged("a row group has a negative number of rows"));
        }
        for chunk in group.columns() {
            let within = u64::try_from(chunk.data_page_offset())
                .ok()
                .zip(u64::try_from(chunk.compressed_size()).ok())
                .and_then(|(offset, size)| offset.checked_add(size))
                // A dictionary page lies before the data pages and counts towards the size.
                .is_some_and(|_| {
                    chunk.compressed_size() as u64 <= file_len && chunk.data_page_offset() as u64 <= file_len
                });
            if !within {
                return Err(DecodeError::Damaged("it is shorter than its footer says"));
            }
            if !(0..=MAX_CHUNK_BYTES).contains(&chunk.uncompressed_size()) {
                return Err(DecodeError::TooLarge("has a column chunk of more than 4 GiB: write smaller row groups"));
            }
        }
    }
    Ok(())
}
