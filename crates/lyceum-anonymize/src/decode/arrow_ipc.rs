//! Arrow IPC, as a file or as a stream: an iterator of raw batches over anything that gives bytes.
//!
//! A file is its magic number, then a stream, then an index that isn't needed. Nothing is trusted: each message's
//! lengths are checked before they are believed, memory grows only with bytes that are there, and a panic inside the
//! library becomes [`DecodeError::Broken`]. Errors of the library are dropped, since their text may quote values.

use super::columns::select;
use super::csv::placeholders;
use super::{BATCH_ROWS, DecodeError, MAX_COLUMNS, RawBatch, ReadError};
use arrow::array::{Array, ArrayRef};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{MessageHeader, root_as_message};

use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use lyceum_schema::manifest::Table;
use lyceum_schema::name::ColumnName;
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Largest description of a message, in bytes.
const MAX_METADATA_BYTES: usize = 16 << 20;
/// Largest body of a message, in bytes.
const MAX_BODY_BYTES: usize = 1 << 30;
/// Marks the beginning of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Begins a file; zeros follow, up to a multiple of 8 bytes or more.
const MAGIC: &[u8; 8] = b"ARROW1\0\0";
/// Most zeros after the magic number, in groups of four bytes.
const MAX_PADDING: usize = 64;

/// Reads Arrow IPC. Ends after the first error.
pub struct ArrowReader {
    source: Box<dyn Read + Send>,
    decoder: StreamDecoder,
    /// Of the first message. (The decoder itself reads it only when the next message comes.)
    schema: Option<Schema>,
    wanted: Vec<(ColumnName, usize)>,
    extra: Vec<String>,
    headers: Vec<String>,
    /// The batch being handed out, and how many of its rows are.
    current: Option<(RecordBatch, usize)>,
    message: u64,
    ended: bool,
}

impl ArrowReader {
    /// A reader of the declared columns of `table`, or of all columns, for drafting a manifest.
    ///
    /// # Errors
    /// [`ReadError::File`] when the file is not Arrow IPC, is damaged, too large, or lacks a declared column.
    pub fn new(source: impl Read + Send + 'static, table: Option<&Table>) -> Result<Self, ReadError> {
        let mut reader = Self {
            source: Box::new(source),
            decoder: StreamDecoder::new(),
            schema: None,
            wanted: Vec::new(),
            extra: Vec::new(),
            headers: Vec::new(),
            current: None,
            message: 0,
            ended: false,
        };
        let mut begin = [0; 4];
        let known = reader.fill(&mut begin)?;
        if known == 0 {
            return Err(DecodeError::Empty.into());
        }
        if begin[..known] == MAGIC[..known.min(4)] && known == 4 {
            let mut rest = [0; 4];
            if reader.fill(&mut rest)? < 4 || rest != MAGIC[4..] {
                return Err(reader.broken());
            }
            let mut padding = 0;
            while reader.fill(&mut begin)? == 4 && begin == [0; 4] && padding < MAX_PADDING {
                padding += 1;
            }
        }
        if !reader.message(begin)? {
            return Err(reader.broken());
        }
        let schema = reader.schema.take().ok_or_else(|| reader.broken())?;
        if schema.fields().len() > MAX_COLUMNS {
            return Err(
                DecodeError::ArrowTooLarge("has more than 1,000 columns: drop those that are not needed").into()
            );
        }
        reader.headers = schema.fields().iter().map(|f| f.name().clone()).collect();
        match table {
            Some(table) => {
                let selection = select(table, &reader.headers)?;
                (reader.wanted, reader.extra) = (selection.wanted, selection.extra);
            }
            None => reader.wanted = placeholders(reader.headers.len())?,
        }
        Ok(reader)
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

    fn read(&mut self) -> Result<Option<RawBatch>, ReadError> {
        loop {
            if let Some((batch, done)) = &mut self.current {
                let rows = (batch.num_rows() - *done).min(BATCH_ROWS);
                if rows > 0 {
                    let slice = batch.slice(*done, rows);
                    *done += rows;
                    return self.raw(&slice).map(Some);
                }
                self.current = None;
            }
            let mut mark = [0; 4];
            match self.fill(&mut mark)? {
                4 if self.message(mark)? => {}
                // A stream may end without its mark of the end; between messages that loses nothing.
                0 | 4 => return Ok(None),
                _ => return Err(self.broken()),
            }
        }
    }

    /// Reads one message, whose first four bytes are `mark`; false at the end of the stream.
    fn message(&mut self, mark: [u8; 4]) -> Result<bool, ReadError> {
        self.message += 1;
        if mark != CONTINUATION {
            return Err(self.broken());
        }
        let mut length = [0; 4];
        if self.fill(&mut length)? < 4 {
            return Err(self.broken());
        }
        let length = usize::try_from(i32::from_le_bytes(length)).map_err(|_| self.broken())?;
        if length == 0 {
            return Ok(false);
        }
        if length > MAX_METADATA_BYTES {
            return Err(DecodeError::ArrowTooLarge("describes a message in more than 16 MiB").into());
        }
        let metadata = self.take(length)?;
        let body_bytes = self.check(&metadata)?;
        let body = self.take(body_bytes)?;
        let mut bytes = Vec::with_capacity(8 + metadata.len() + body.len());
        bytes.extend_from_slice(&mark);
        bytes.extend_from_slice(&u32::try_from(length).map_err(|_| self.broken())?.to_le_bytes());
        bytes.extend_from_slice(&metadata);
        bytes.extend_from_slice(&body);
        let mut buffer = Buffer::from_vec(bytes);
        let decoder = &mut self.decoder;
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            let mut batch = None;
            while !buffer.is_empty() {
                batch = decoder.decode(&mut buffer)?.or(batch);
            }
            Ok::<_, arrow::error::ArrowError>(batch)
        }));
        match decoded {
            Ok(Ok(batch)) => self.current = batch.map(|batch| (batch, 0)),
            Ok(Err(_)) | Err(_) => return Err(self.broken()),
        }
        Ok(true)
    }

    /// What a message says of itself: how many bytes its body has.
    fn check(&mut self, metadata: &[u8]) -> Result<usize, ReadError> {
        let message = root_as_message(metadata).map_err(|_| self.broken())?;
        if let Some(schema) = message.header_as_schema().filter(|_| self.message == 1) {
            let schema = catch_unwind(AssertUnwindSafe(|| fb_to_schema(schema))).map_err(|_| self.broken())?;
            self.schema = Some(schema);
        }
        let body = usize::try_from(message.bodyLength()).map_err(|_| self.broken())?;
        if body > MAX_BODY_BYTES {
            return Err(DecodeError::ArrowTooLarge("has a batch of more than 1 GiB: write smaller ones").into());
        }
        let batch = match message.header_type() {
            MessageHeader::RecordBatch => message.header_as_record_batch(),
            MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|d| d.data()),
            _ => None,
        };
        if let Some(batch) = batch {
            if batch.compression().is_some() {
                return Err(DecodeError::Unsupported {
                    what: "Arrow with packed buffers",
                    fix: "write it without compression, or as Parquet",
                }
                .into());
            }
            let rows = u64::try_from(batch.length()).map_err(|_| self.broken())?;
            // A value takes a bit at least.
            if rows > 8 * body as u64 {
                return Err(DecodeError::ArrowTooLarge("has a batch with more rows than its bytes can hold").into());
            }
        }
        Ok(body)
    }

    /// The wanted columns of a batch, in shapes that don't grow when they are read.
    fn raw(&self, batch: &RecordBatch) -> Result<RawBatch, ReadError> {
        let columns: Vec<ArrayRef> = self
            .wanted
            .iter()
            .map(|(_, i)| plain(batch.column(*i)))
            .collect::<Option<_>>()
            .ok_or_else(|| self.broken())?;
        let fields: Vec<Field> = self
            .wanted
            .iter()
            .zip(&columns)
            .map(|((name, _), column)| Field::new(name.as_str(), column.data_type().clone(), true))
            .collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options).map_err(|_| self.broken())?;
        Ok(RawBatch { batch, rejected: Vec::new() })
    }

    /// Exactly `length` bytes; memory grows as they come.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        (&mut self.source).take(length as u64).read_to_end(&mut bytes).map_err(ReadError::Source)?;
        if bytes.len() == length { Ok(bytes) } else { Err(self.broken()) }
    }

    /// As many bytes as there are, up to the buffer's length.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut known = 0;
        while known < buffer.len() {
            match self.source.read(&mut buffer[known..]) {
                Ok(0) => break,
                Ok(n) => known += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(ReadError::Source(e)),
            }
        }
        Ok(known)
    }

    const fn broken(&self) -> ReadError {
        ReadError::File(DecodeError::Broken { what: "Arrow IPC", unit: "message", at: self.message })
    }
}

/// Dictionaries and large text as views, which share the values instead of repeating them.
fn plain(array: &ArrayRef) -> Option<ArrayRef> {
    let to = match array.data_type() {
        DataType::Dictionary(_, values) => match values.as_ref() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
            other => other.clone(),
        },
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        _ => return Some(Arc::clone(array)),
    };
    catch_unwind(AssertUnwindSafe(|| cast(array, &to))).ok()?.ok()
}

impl Iterator for ArrowReader {
    type Item = Result<RawBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}
