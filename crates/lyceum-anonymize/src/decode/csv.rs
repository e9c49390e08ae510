//! CSV as a push decoder: bytes in, raw text batches out, memory bounded by one record and one batch.
//!
//! Records follow RFC 4180 with either line ending; a UTF-8 byte-order mark is skipped; unless a [`Dialect`] says so, the
//! delimiter is the one of `,` `;` tab `|` that the header line has most outside quotes. An empty field is NULL.

use super::columns::{Selection, select};
use super::{BATCH_ROWS, DecodeError, MAX_COLUMNS, MAX_HEADER_BYTES, MAX_RECORD_BYTES, RawBatch};
use crate::report::Reason;
use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use lyceum_schema::manifest::Table;
use lyceum_schema::name::ColumnName;
use lyceum_schema::wire::FileOptions;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A batch is closed early when its text reaches this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// How CSV is punctuated, as far as it was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between fields; `None`: the one that the first line has most.
    pub delimiter: Option<u8>,
    /// The byte around fields.
    pub quote: u8,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: None, quote: b'"', header: true }
    }
}

impl Dialect {
    /// What was declared.
    ///
    /// # Errors
    /// [`DecodeError::Punctuation`] for characters that can't stand between or around fields.
    pub fn declared(options: &FileOptions) -> Result<Self, DecodeError> {
        let byte = |c: char| u8::try_from(c).ok().filter(|b| b.is_ascii() && !matches!(b, b'\n' | b'\r' | 0));
        let delimiter = options.delimiter.map(|c| {
            byte(c).ok_or(DecodeError::Punctuation("the delimiter must be one ASCII character other than a line break"))
        });
        let quote = options.quote.map(|c| {
            byte(c).ok_or(DecodeError::Punctuation("the quote must be one ASCII character other than a line break"))
        });
        let (delimiter, quote) = (delimiter.transpose()?, quote.transpose()?.unwrap_or(b'"'));
        if delimiter == Some(quote) {
            return Err(DecodeError::Punctuation("the delimiter and the quote are the same character"));
        }
        Ok(Self { delimiter, quote, header: options.header.unwrap_or(true) })
    }
}

/// Decodes CSV. Push bytes as they come, then [`CsvDecoder::finish`]; after an error the decoder is of no use.
pub struct CsvDecoder {
    table: Option<Table>,
    dialect: Dialect,
    header_line: Vec<u8>,
    body: Option<Body>,
}

impl CsvDecoder {
    /// A decoder of the declared columns of `table`.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        Self::with_dialect(Some(table), Dialect::default())
    }

    /// A decoder of all columns, for drafting a manifest.
    #[must_use]
    pub fn all_columns() -> Self {
        Self::with_dialect(None, Dialect::default())
    }

    /// A decoder of the declared columns of `table`, or of all columns, of a file that is punctuated so.
    #[must_use]
    pub fn with_dialect(table: Option<&Table>, dialect: Dialect) -> Self {
        Self { table: table.cloned(), dialect, header_line: Vec::new(), body: None }
    }

    /// Decodes the next bytes of the file, split anywhere.
    ///
    /// # Errors
    /// [`DecodeError`] when the header is unusable or a record is longer than [`MAX_RECORD_BYTES`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<RawBatch>, DecodeError> {
        let mut out = Vec::new();
        if let Some(body) = &mut self.body {
            body.push(bytes, &mut out)?;
            return Ok(out);
        }
        let most = if self.dialect.header { MAX_HEADER_BYTES } else { MAX_RECORD_BYTES };
        let scanned = self.header_line.len();
        let room = (most + 1).saturating_sub(scanned).min(bytes.len());
        self.header_line.extend_from_slice(&bytes[..room]);
        match line_end(&self.header_line, self.dialect.quote) {
            Some(end) => {
                let rest_of_buffer = self.header_line.split_off(end);
                self.begin(&mut out)?.push(&rest_of_buffer, &mut out)?;
                if let Some(body) = &mut self.body {
                    body.push(&bytes[room..], &mut out)?;
                }
            }
            None if self.header_line.len() > most && !self.dialect.header => {
                return Err(DecodeError::RecordTooLong { record: 1 });
            }
            None if self.header_line.len() > most => {
                return Err(DecodeError::Header("is longer than 64 KiB: is this a CSV file with a header?"));
            }
            None => {}
        }
        Ok(out)
    }

    /// Decodes what is left when the file has ended.
    ///
    /// # Errors
    /// As [`CsvDecoder::push`], and [`DecodeError::Empty`] without a header line.
    pub fn finish(&mut self) -> Result<Vec<RawBatch>, DecodeError> {
        let mut out = Vec::new();
        if self.body.is_none() {
            self.begin(&mut out)?;
        }
        if let Some(body) = &mut self.body {
            body.finish(&mut out)?;
        }
        Ok(out)
    }

    /// What the first line says; it is the first record too, when it names nothing.
    fn begin(&mut self, out: &mut Vec<RawBatch>) -> Result<&mut Body, DecodeError> {
        let body = self.body.insert(Body::new(&self.header_line, self.table.as_ref(), self.dialect)?);
        if !self.dialect.header {
            let line = std::mem::take(&mut self.header_line);
            body.push(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line), out)?;
        }
        Ok(body)
    }

    /// The byte between fields, once the first line was read.
    #[must_use]
    pub fn delimiter(&self) -> Option<u8> {
        self.body.as_ref().map(|b| b.delimiter)
    }

    /// Columns of the file that the manifest does not declare; empty until the header was read.
    #[must_use]
    pub fn extra_columns(&self) -> &[String] {
        self.body.as_ref().map_or(&[], |b| &b.extra)
    }

    /// All column names as the file spells them; empty until the header was read.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        self.body.as_ref().map_or(&[], |b| &b.headers)
    }
}

/// One past the first line break outside quotes.
fn line_end(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut quoted = false;
    for (i, b) in bytes.iter().enumerate() {
        match b {
            b if *b == quote => quoted = !quoted,
            // The reader skips the line feed that may follow.
            b'\n' | b'\r' if !quoted => return Some(i + 1),
            _ => {}
        }
    }
    None
}

fn detect_delimiter(header: &[u8], quote: u8) -> u8 {
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for b in header {
        if *b == quote {
            quoted = !quoted;
        } else if !quoted && let Some(hit) = counts.iter_mut().find(|(d, _)| d == b) {
            hit.1 += 1;
        }
    }
    // The first of equals wins: a header with one column gets the comma.
    counts.iter().rev().max_by_key(|(_, n)| *n).map_or(b',', |(d, _)| *d)
}

/// Everything after the header.
struct Body {
    reader: Reader,
    delimiter: u8,
    headers: Vec<String>,
    extra: Vec<String>,
    wanted: Vec<(ColumnName, usize)>,
    schema: SchemaRef,
    /// The record being read.
    text: Vec<u8>,
    text_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
    record: u64,
    /// The batch being built.
    columns: Vec<StringBuilder>,
    rows: usize,
    bytes: usize,
    rejected: BTreeMap<(Reason, Option<ColumnName>), u64>,
}

impl Body {
    fn new(first_line: &[u8], table: Option<&Table>, dialect: Dialect) -> Result<Self, DecodeError> {
        let line = first_line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first_line);
        let quote = dialect.quote;
        let delimiter = dialect.delimiter.unwrap_or_else(|| detect_delimiter(line, quote));
        let headers = match table {
            _ if dialect.header => read_header(line, delimiter, quote)?,
            _ if line.iter().all(u8::is_ascii_whitespace) => return Err(DecodeError::Empty),
            Some(table) => table.columns().iter().map(|c| c.source_name().to_owned()).collect(),
            None => {
                let fields = read_header(line, delimiter, quote)?.len();
                placeholders(fields)?.iter().map(|(name, _)| name.to_string()).collect()
            }
        };
        let Selection { wanted, extra } = match table {
            Some(table) => select(table, &headers)?,
            None => Selection { wanted: placeholders(headers.len())?, extra: Vec::new() },
        };
        let fields: Vec<Field> = wanted.iter().map(|(n, _)| Field::new(n.as_str(), DataType::Utf8, true)).collect();
        Ok(Self {
            reader: ReaderBuilder::new().delimiter(delimiter).quote(quote).build(),
            delimiter,
            extra,
            columns: wanted.iter().map(|_| StringBuilder::new()).collect(),
            wanted,
            schema: Arc::new(Schema::new(fields)),
            text: vec![0; 4 << 10],
            text_len: 0,
            // One more than the header has: a record with a field too many still fits.
            ends: vec![0; headers.len() + 1],
            ends_len: 0,
            record: 0,
            headers,
            rows: 0,
            bytes: 0,
            rejected: BTreeMap::new(),
        })
    }

    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<RawBatch>) -> Result<(), DecodeError> {
        while !bytes.is_empty() {
            let read = self.step(bytes, out)?.1;
            bytes = &bytes[read..];
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<RawBatch>) -> Result<(), DecodeError> {
        while self.step(&[], out)?.0 != ReadRecordResult::End {}
        self.flush(out);
        Ok(())
    }

    /// One call of the record reader; gives its verdict and how many bytes it consumed.
    fn step(&mut self, bytes: &[u8], out: &mut Vec<RawBatch>) -> Result<(ReadRecordResult, usize), DecodeError> {
        // Fields beyond the header's only need counting, so their ends overwrite the last place.
        let ends_from = self.ends_len.min(self.ends.len() - 1);
        let (result, read, written, ended) =
            self.reader.read_record(bytes, &mut self.text[self.text_len..], &mut self.ends[ends_from..]);
        self.text_len += written;
        self.ends_len = ends_from + ended;
        match result {
            ReadRecordResult::OutputFull if self.text.len() >= MAX_RECORD_BYTES => {
                return Err(DecodeError::RecordTooLong { record: self.record + 1 });
            }
            ReadRecordResult::OutputFull => self.text.resize((self.text.len() * 4).min(MAX_RECORD_BYTES), 0),
            ReadRecordResult::Record => self.end_record(out),
            ReadRecordResult::OutputEndsFull | ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
        }
        Ok((result, read))
    }

    fn end_record(&mut self, out: &mut Vec<RawBatch>) {
        self.record += 1;
        let (fields, ends) = (self.ends_len, &self.ends);
        let text = &self.text[..self.text_len];
        let field = |i: usize| &text[if i == 0 { 0 } else { ends[i - 1] }..ends[i]];
        let width = self.headers.len();
        let mut fault = match fields.cmp(&width) {
            std::cmp::Ordering::Less => Some((Reason::TooFewFields, None)),
            std::cmp::Ordering::Greater => Some((Reason::TooManyFields, None)),
            std::cmp::Ordering::Equal => None,
        };
        let mut cells: Vec<&str> = Vec::with_capacity(self.wanted.len());
        if fault.is_none() {
            for (name, index) in &self.wanted {
                match std::str::from_utf8(field(*index)) {
                    Ok(cell) => cells.push(cell),
                    Err(_) => {
                        fault = Some((Reason::BrokenUtf8, Some(name.clone())));
                        break;
                    }
                }
            }
        }
        if let Some(fault) = fault {
            *self.rejected.entry(fault).or_default() += 1;
        } else {
            for (builder, cell) in self.columns.iter_mut().zip(&cells) {
                if cell.is_empty() { builder.append_null() } else { builder.append_value(cell) }
            }
            self.rows += 1;
            self.bytes += self.text_len;
        }
        (self.text_len, self.ends_len) = (0, 0);
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush(out);
        }
    }

    fn flush(&mut self, out: &mut Vec<RawBatch>) {
        if self.rows == 0 && self.rejected.is_empty() {
            return;
        }
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .expect("invariant: every column got one cell per row");
        let rejected = std::mem::take(&mut self.rejected).into_iter().map(|((r, c), n)| (r, c, n)).collect();
        (self.rows, self.bytes) = (0, 0);
        out.push(RawBatch { batch, rejected });
    }
}

fn read_header(line: &[u8], delimiter: u8, quote: u8) -> Result<Vec<String>, DecodeError> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err(DecodeError::Empty);
    }
    let (mut text, mut ends) = (vec![0; line.len()], vec![0; MAX_COLUMNS + 1]);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).quote(quote).build();
    let (mut result, read, mut written, mut fields) = reader.read_record(line, &mut text, &mut ends);
    if result == ReadRecordResult::InputEmpty && read == line.len() {
        let (end, _, w, f) = reader.read_record(&[], &mut text[written..], &mut ends[fields..]);
        (result, written, fields) = (end, written + w, fields + f);
    }
    if result == ReadRecordResult::OutputEndsFull || fields > MAX_COLUMNS {
        return Err(DecodeError::Header("has more than 1,000 columns"));
    }
    let text =
        std::str::from_utf8(&text[..written]).map_err(|_| DecodeError::Header("is not UTF-8: save it as UTF-8"))?;
    let mut start = 0;
    let mut headers = Vec::with_capacity(fields);
    for end in &ends[..fields] {
        let header = text.get(start..*end).ok_or(DecodeError::Header("is not UTF-8: save it as UTF-8"))?;
        headers.push(header.trim().to_owned());
        start = *end;
    }
    Ok(headers)
}

/// `c1`, `c2`, …: names of columns while nothing is declared.
pub(super) fn placeholders(columns: usize) -> Result<Vec<(ColumnName, usize)>, DecodeError> {
    (0..columns)
        .map(|i| ColumnName::new(format!("c{}", i + 1)).map(|n| (n, i)))
        .collect::<Result<_, _>>()
        .map_err(|_| DecodeError::Header("has more columns than can be numbered"))
}
