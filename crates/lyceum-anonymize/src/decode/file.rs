//! Any file that is read, as one iterator of raw batches.

use super::text::{Source, Utf8Text};
use super::{ArrowReader, CsvDecoder, NdjsonDecoder, ParquetReader, RawBatch, ReadError, Reading};
use lyceum_schema::manifest::Table;
use lyceum_schema::wire::{FileFormat, FileOptions};
use parquet::file::reader::ChunkReader;
use std::collections::VecDeque;

/// Bytes that are looked at to tell a format.
const FIRST_BYTES: usize = 4 << 10;
/// Bytes of text that are decoded at a time.
const TEXT_BYTES: usize = 256 << 10;

/// A file being read. Ends after the first error.
pub struct FileReader {
    reading: Reading,
    inner: Inner,
    ended: bool,
}

enum Inner {
    Text(Box<TextReader>),
    Parquet(Box<ParquetReader>),
    Arrow(Box<ArrowReader>),
}

/// Opens a file for the declared columns of `table`, or for all columns, to draft a manifest from.
///
/// # Errors
/// [`ReadError::File`] when the file is of a format that is not read, is not as declared, is damaged or lacks a declared
/// column; [`ReadError::Source`] when its bytes can't be had.
pub fn open<S>(source: S, options: &FileOptions, table: Option<&Table>) -> Result<FileReader, ReadError>
where
    S: ChunkReader + 'static,
    S::T: Send + 'static,
{
    let from_start = || source.get_read(0).map_err(|e| ReadError::Source(std::io::Error::other(e)));
    let packed = first_bytes(&mut Source::new(from_start()?, lyceum_schema::wire::FileCompression::None)?)?;
    let compression = Reading::compression(options, &packed)?;
    let mut text = Source::new(from_start()?, compression)?;
    let first = first_bytes(&mut text)?;
    let reading = Reading::new(options, compression, &first)?;
    let inner = match reading.format {
        FileFormat::Parquet => Inner::Parquet(Box::new(match table {
            Some(table) => ParquetReader::new(source, table)?,
            None => ParquetReader::all_columns(source)?,
        })),
        FileFormat::Arrow => Inner::Arrow(Box::new(ArrowReader::new(from_start()?, table)?)),
        FileFormat::Csv => {
            let decoder = TextDecoder::Csv(Box::new(CsvDecoder::with_dialect(table, reading.dialect)));
            Inner::Text(Box::new(TextReader::new(Utf8Text::new(text, first, reading.encoding), decoder)))
        }
        FileFormat::Ndjson => {
            let decoder = TextDecoder::Ndjson(Box::new(NdjsonDecoder::new(table)));
            Inner::Text(Box::new(TextReader::new(Utf8Text::new(text, first, reading.encoding), decoder)))
        }
    };
    Ok(FileReader { reading, inner, ended: false })
}

fn first_bytes(source: &mut Source) -> Result<Vec<u8>, ReadError> {
    let (mut first, mut known) = (vec![0; FIRST_BYTES], 0);
    while known < first.len() {
        match source.read(&mut first[known..])? {
            0 => break,
            n => known += n,
        }
    }
    first.truncate(known);
    Ok(first)
}

impl FileReader {
    /// How the file is read, in words; complete once a batch was read.
    #[must_use]
    pub fn read_as(&self) -> String {
        self.reading.describe(match &self.inner {
            Inner::Text(text) => text.decoder.delimiter(),
            Inner::Parquet(_) | Inner::Arrow(_) => None,
        })
    }

    /// Whether all of that was declared.
    #[must_use]
    pub const fn declared(&self) -> bool {
        self.reading.declared
    }

    /// Columns of the file that the manifest does not declare; complete at the end.
    #[must_use]
    pub fn extra_columns(&self) -> &[String] {
        match &self.inner {
            Inner::Text(text) => text.decoder.extra_columns(),
            Inner::Parquet(parquet) => parquet.extra_columns(),
            Inner::Arrow(arrow) => arrow.extra_columns(),
        }
    }

    /// All column names as the file spells them, as far as they are known.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        match &self.inner {
            Inner::Text(text) => text.decoder.headers(),
            Inner::Parquet(parquet) => parquet.headers(),
            Inner::Arrow(arrow) => arrow.headers(),
        }
    }
}

impl Iterator for FileReader {
    type Item = Result<RawBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = match &mut self.inner {
            Inner::Text(text) => text.next_batch().transpose(),
            Inner::Parquet(parquet) => parquet.next().map(|batch| batch.map_err(ReadError::File)),
            Inner::Arrow(arrow) => arrow.next(),
        };
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

enum TextDecoder {
    Csv(Box<CsvDecoder>),
    Ndjson(Box<NdjsonDecoder>),
}

impl TextDecoder {
    fn delimiter(&self) -> Option<u8> {
        match self {
            Self::Csv(csv) => csv.delimiter(),
            Self::Ndjson(_) => None,
        }
    }

    fn extra_columns(&self) -> &[String] {
        match self {
            Self::Csv(csv) => csv.extra_columns(),
            Self::Ndjson(ndjson) => ndjson.extra_columns(),
        }
    }

    fn headers(&self) -> &[String] {
        match self {
            Self::Csv(csv) => csv.headers(),
            Self::Ndjson(ndjson) => ndjson.headers(),
        }
    }
}

/// Text that is decoded as it is read.
struct TextReader {
    text: Utf8Text,
    decoder: TextDecoder,
    buffer: Vec<u8>,
    ready: VecDeque<RawBatch>,
    ended: bool,
}

impl TextReader {
    fn new(text: Utf8Text, decoder: TextDecoder) -> Self {
        Self { text, decoder, buffer: Vec::new(), ready: VecDeque::new(), ended: false }
    }

    fn next_batch(&mut self) -> Result<Option<RawBatch>, ReadError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            self.buffer.clear();
            self.text.read(&mut self.buffer, TEXT_BYTES)?;
            self.ended = self.buffer.is_empty();
            let decoded = match (&mut self.decoder, self.ended) {
                (TextDecoder::Csv(csv), false) => csv.push(&self.buffer),
                (TextDecoder::Csv(csv), true) => csv.finish(),
                (TextDecoder::Ndjson(ndjson), false) => ndjson.push(&self.buffer),
                (TextDecoder::Ndjson(ndjson), true) => ndjson.finish(),
            };
            self.ready.extend(decoded?);
        }
    }
}
