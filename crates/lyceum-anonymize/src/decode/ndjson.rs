//! NDJSON (one JSON object per line) as a push decoder: bytes in, raw text batches out, memory bounded by one line and
//! one batch.
//!
//! A declared column takes strings, numbers (as written), booleans and null; a list or object there rejects the row,
//! anywhere else it is skipped. An object without a declared name has NULL there.

use super::columns::declared;
use super::csv::placeholders;
use super::{BATCH_ROWS, DecodeError, MAX_COLUMNS, MAX_RECORD_BYTES, RawBatch};
use crate::report::Reason;
use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use lyceum_schema::manifest::Table;
use lyceum_schema::name::ColumnName;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// A batch is closed early when its text reaches this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Decodes NDJSON. Push bytes as they come, then [`NdjsonDecoder::finish`]; after an error the decoder is of no use.
pub struct NdjsonDecoder {
    line: Vec<u8>,
    lines: u64,
    /// Name in the file → place; in drafts it grows with the file.
    places: HashMap<String, usize>,
    columns: Vec<Column>,
    /// Names that nothing declares; `None` when all columns are wanted.
    extra: Option<Vec<String>>,
    known_extra: HashSet<String>,
    /// Names of direct identifiers: declared, not read.
    unread: HashSet<String>,
    headers: Vec<String>,
    rows: usize,
    bytes: usize,
    rejected: BTreeMap<(Reason, Option<ColumnName>), u64>,
}

struct Column {
    name: ColumnName,
    needed: bool,
    seen: bool,
    cells: StringBuilder,
}

/// Why a line is no row.
enum Fault {
    Row(Reason, Option<usize>),
    File(DecodeError),
}

impl NdjsonDecoder {
    /// A decoder of the declared columns of `table`, or of all columns, for drafting a manifest.
    #[must_use]
    pub fn new(table: Option<&Table>) -> Self {
        let mut decoder = Self {
            line: Vec::new(),
            lines: 0,
            places: HashMap::new(),
            columns: Vec::new(),
            extra: table.map(|_| Vec::new()),
            known_extra: HashSet::new(),
            unread: HashSet::new(),
            headers: Vec::new(),
            rows: 0,
            bytes: 0,
            rejected: BTreeMap::new(),
        };
        if let Some(table) = table {
            for column in declared(table) {
                decoder.places.insert(column.source_name().to_owned(), decoder.columns.len());
                decoder.columns.push(Column {
                    name: column.name().clone(),
                    needed: !column.nullable(),
                    seen: false,
                    cells: StringBuilder::new(),
                });
            }
            let known = |name: &&str| !decoder.places.contains_key(*name);
            let unread = table.columns().iter().map(lyceum_schema::manifest::Column::source_name).filter(known);
            decoder.unread = unread.map(str::to_owned).collect();
        }
        decoder
    }

    /// Decodes the next bytes of the file, split anywhere.
    ///
    /// # Errors
    /// [`DecodeError::RecordTooLong`], [`DecodeError::Names`] for more different names than columns are allowed.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<RawBatch>, DecodeError> {
        let mut out = Vec::new();
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.keep(&bytes[..end])?;
            bytes = &bytes[end + 1..];
            self.end_line(&mut out)?;
        }
        self.keep(bytes)?;
        Ok(out)
    }

    /// Decodes what is left when the file has ended.
    ///
    /// # Errors
    /// As [`NdjsonDecoder::push`], [`DecodeError::Empty`] without a line, and [`DecodeError::MissingColumn`] when a column
    /// that must have values is in no line at all.
    pub fn finish(&mut self) -> Result<Vec<RawBatch>, DecodeError> {
        let mut out = Vec::new();
        self.end_line(&mut out)?;
        if self.lines == 0 {
            return Err(DecodeError::Empty);
        }
        if let Some(extra) = &self.extra {
            let absent = self.columns.iter().position(|c| c.needed && !c.seen);
            let name = absent.and_then(|at| self.places.iter().find(|(_, place)| **place == at)).map(|(name, _)| name);
            if let Some(name) = name {
                return Err(DecodeError::MissingColumn {
                    column: name.clone(),
                    near: super::columns::nearest(name, extra),
                });
            }
        }
        self.flush(&mut out)?;
        Ok(out)
    }

    /// Names in the file that the manifest does not declare.
    #[must_use]
    pub fn extra_columns(&self) -> &[String] {
        self.extra.as_deref().unwrap_or_default()
    }

    /// The names of the columns, in the order in which they first came; only while drafting.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if self.line.len() + bytes.len() > MAX_RECORD_BYTES {
            return Err(DecodeError::RecordTooLong { record: self.lines + 1 });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<RawBatch>) -> Result<(), DecodeError> {
        let line = std::mem::take(&mut self.line);
        if !line.iter().all(u8::is_ascii_whitespace) {
            self.lines += 1;
            match self.row(&line) {
                Ok(()) => {
                    self.rows += 1;
                    self.bytes += line.len();
                }
                Err(Fault::File(error)) => return Err(error),
                Err(Fault::Row(reason, place)) => {
                    let column = place.map(|place| self.columns[place].name.clone());
                    *self.rejected.entry((reason, column)).or_default() += 1;
                }
            }
            if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
                self.flush(out)?;
            }
        }
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn row(&mut self, line: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(line).map_err(|_| Fault::Row(Reason::BrokenUtf8, None))?;
        let malformed = |_| Fault::Row(Reason::NotAnObject, None);
        let mut json = serde_json::Deserializer::from_str(text);
        let fields = json.deserialize_map(Fields).map_err(malformed)?;
        json.end().map_err(malformed)?;
        let mut cells: Vec<Option<Cow<'_, str>>> = vec![None; self.columns.len()];
        let mut given = vec![false; self.columns.len()];
        for (name, value) in fields {
            let Some(place) = self.place(&name)? else { continue };
            if place >= cells.len() {
                cells.resize(place + 1, None);
                given.resize(place + 1, false);
            }
            if std::mem::replace(&mut given[place], true) {
                return Err(Fault::Row(Reason::NameTwice, Some(place)));
            }
            cells[place] = cell(value).map_err(|reason| Fault::Row(reason, Some(place)))?;
            self.columns[place].seen = true;
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.cells.append_option(cell);
        }
        Ok(())
    }

    /// Where a name's values go; `None` when it is not read.
    fn place(&mut self, name: &str) -> Result<Option<usize>, Fault> {
        if let Some(place) = self.places.get(name) {
            return Ok(Some(*place));
        }
        if self.unread.contains(name) || self.known_extra.contains(name) {
            return Ok(None);
        }
        if self.known_extra.len() + self.columns.len() >= MAX_COLUMNS {
            return Err(Fault::File(DecodeError::Names));
        }
        if let Some(extra) = &mut self.extra {
            extra.push(name.to_owned());
            self.known_extra.insert(name.to_owned());
            return Ok(None);
        }
        let place = self.columns.len();
        let mut names = placeholders(place + 1).map_err(Fault::File)?;
        let (column, _) = names.pop().ok_or(Fault::File(DecodeError::Names))?;
        let mut cells = StringBuilder::new();
        cells.append_nulls(self.rows);
        self.columns.push(Column { name: column, needed: false, seen: true, cells });
        self.places.insert(name.to_owned(), place);
        self.headers.push(name.to_owned());
        Ok(Some(place))
    }

    fn flush(&mut self, out: &mut Vec<RawBatch>) -> Result<(), DecodeError> {
        if self.rows == 0 && self.rejected.is_empty() {
            return Ok(());
        }
        let fields: Vec<Field> =
            self.columns.iter().map(|c| Field::new(c.name.as_str(), DataType::Utf8, true)).collect();
        let arrays = self.columns.iter_mut().map(|c| Arc::new(c.cells.finish()) as ArrayRef).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .expect("invariant: every column got one cell per row");
        let rejected = std::mem::take(&mut self.rejected).into_iter().map(|((r, c), n)| (r, c, n)).collect();
        (self.rows, self.bytes) = (0, 0);
        out.push(RawBatch { batch, rejected });
        Ok(())
    }
}

/// One value as a cell's text.
fn cell(value: &RawValue) -> Result<Option<Cow<'_, str>>, Reason> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') => Err(Reason::Nested),
        Some(b'n') => Ok(None),
        Some(b'"') if !text.contains('\\') => Ok(Some(Cow::Borrowed(&text[1..text.len() - 1]))),
        Some(b'"') => serde_json::from_str(text).map(|s| Some(Cow::Owned(s))).map_err(|_| Reason::NotAnObject),
        _ => Ok(Some(Cow::Borrowed(text))),
    }
}

/// An object's members, each value unread.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if fields.len() >= MAX_COLUMNS {
                // Too many for a table: the rest need not be kept, only be well formed.
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Err(A::Error::custom("too many members"));
            }
            fields.push((name.0, map.next_value()?));
        }
        Ok(fields)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
