//! How a file is to be read: as declared, and for the rest as its first bytes say.

use super::{DecodeError, Dialect};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use lyceum_schema::wire::{FileCompression, FileFormat, FileOptions};

/// How a file is read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The format.
    pub format: FileFormat,
    /// What text is packed with.
    pub compression: FileCompression,
    /// How CSV is punctuated, as far as it was declared.
    pub dialect: Dialect,
    /// How text is encoded.
    pub encoding: &'static Encoding,
    /// Whether all of this was declared.
    pub declared: bool,
}

/// What an upload is while its first bytes are all that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arriving {
    /// Delimited text: a header line, then records.
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// Packed or binary: its lines can't be told yet.
    Opaque,
}

/// Tells from a file's first bytes (at least 4, if it has that many) what can be watched for while it arrives.
///
/// # Errors
/// [`DecodeError::Empty`] without bytes, [`DecodeError::Unsupported`] for formats that are not read.
pub fn arriving(first_bytes: &[u8]) -> Result<Arriving, DecodeError> {
    refuse_unread(first_bytes)?;
    if compression(first_bytes).is_some() || binary(first_bytes).is_some() || utf16(first_bytes).is_some() {
        return Ok(Arriving::Opaque);
    }
    Ok(if text_format(first_bytes) == FileFormat::Ndjson { Arriving::Ndjson } else { Arriving::Csv })
}

impl Reading {
    /// What the file is packed with.
    pub(super) fn compression(options: &FileOptions, first: &[u8]) -> Result<FileCompression, DecodeError> {
        refuse_unread(first)?;
        let found = compression(first);
        match (options.compression, found) {
            (Some(FileCompression::None), Some(found)) => Err(differs("not packed", packed(found))),
            (Some(declared), found) if declared != FileCompression::None && found != Some(declared) => {
                Err(differs(packed(declared), found.map_or("not packed so", packed)))
            }
            _ => Ok(found.unwrap_or(FileCompression::None)),
        }
    }

    /// How to read it, `first` being its first bytes once unpacked.
    pub(super) fn new(options: &FileOptions, compression: FileCompression, first: &[u8]) -> Result<Self, DecodeError> {
        refuse_unread(first)?;
        let found = binary(first);
        let format = match (options.format, found) {
            (None, Some(found)) => found,
            (Some(declared @ (FileFormat::Parquet | FileFormat::Arrow)), found) if found != Some(declared) => {
                return Err(differs(name(declared), found.map_or("something else", name)));
            }
            (Some(declared), Some(found)) if declared != found => return Err(differs(name(declared), name(found))),
            (Some(declared), _) => declared,
            (None, None) if utf16(first).is_some() => FileFormat::Csv,
            (None, None) => text_format(first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first)),
        };
        if matches!(format, FileFormat::Parquet | FileFormat::Arrow) && compression != FileCompression::None {
            return Err(DecodeError::Unsupported {
                what: "a packed Parquet or Arrow file",
                fix: "unpack it: these formats compress their own columns",
            });
        }
        if text_format(first) == FileFormat::Csv && options.format.is_none() && found.is_none() && json_array(first) {
            return Err(DecodeError::Unsupported {
                what: "a JSON array",
                fix: "write one object per line, for example with `jq -c '.[]'`",
            });
        }
        let text = matches!(format, FileFormat::Csv | FileFormat::Ndjson);
        let declared = options.format.is_some()
            && (!text || (options.compression.is_some() && options.encoding.is_some()))
            && (format != FileFormat::Csv || options.delimiter.is_some());
        let dialect = Dialect::declared(options)?;
        Ok(Self { format, compression, dialect, encoding: encoding(options, first)?, declared })
    }

    /// In words, such as `CSV, ';' between fields, UTF-16LE, gzip`.
    #[must_use]
    pub fn describe(&self, delimiter: Option<u8>) -> String {
        let mut words = vec![name(self.format).to_owned()];
        if self.format == FileFormat::Csv {
            match delimiter.map(char::from) {
                Some('\t') => words.push("a tab between fields".to_owned()),
                Some(delimiter) => words.push(format!("'{delimiter}' between fields")),
                None => {}
            }
            if !self.dialect.header {
                words.push("no header line".to_owned());
            }
        }
        if matches!(self.format, FileFormat::Csv | FileFormat::Ndjson) {
            words.push(self.encoding.name().to_owned());
        }
        if self.compression != FileCompression::None {
            words.push(packed(self.compression).to_owned());
        }
        words.join(", ")
    }
}

fn refuse_unread(first: &[u8]) -> Result<(), DecodeError> {
    let unread = |what, fix| Err(DecodeError::Unsupported { what, fix });
    match first {
        [] => Err(DecodeError::Empty),
        [b'P', b'A', b'R', b'E', ..] => unread("an encrypted Parquet file", "upload it decrypted"),
        [b'P', b'K', 3, 4, ..] => unread("a ZIP or spreadsheet file", "export it as CSV or Parquet"),
        [b'B', b'Z', b'h', ..] => unread("a bzip2 file", "unpack it, or pack it with gzip or zstd"),
        [0xfd, b'7', b'z', b'X', ..] => unread("an xz file", "unpack it, or pack it with gzip or zstd"),
        [b'O', b'r', b'c', ..] | [b'O', b'R', b'C', ..] => unread("an ORC file", "export it as Parquet"),
        [b'O', b'b', b'j', 1, ..] => unread("an Avro file", "export it as Parquet"),
        [b'F', b'E', b'A', b'1', ..] => unread("a file of the first Feather version", "write it as Arrow or Parquet"),
        _ => Ok(()),
    }
}

const fn compression(first: &[u8]) -> Option<FileCompression> {
    match first {
        [0x1f, 0x8b, ..] => Some(FileCompression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(FileCompression::Zstd),
        _ => None,
    }
}

const fn binary(first: &[u8]) -> Option<FileFormat> {
    match first {
        [b'P', b'A', b'R', b'1', ..] => Some(FileFormat::Parquet),
        // A stream begins with the mark of a message.
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [0xff, 0xff, 0xff, 0xff, ..] => Some(FileFormat::Arrow),
        [b'A', b'R', b'R', b'O'] => Some(FileFormat::Arrow),
        _ => None,
    }
}

fn utf16(first: &[u8]) -> Option<&'static Encoding> {
    match first {
        [0xff, 0xff, ..] => None,
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        _ => None,
    }
}

fn text_format(first: &[u8]) -> FileFormat {
    let start = first.iter().find(|b| !b.is_ascii_whitespace());
    if start == Some(&b'{') { FileFormat::Ndjson } else { FileFormat::Csv }
}

fn json_array(first: &[u8]) -> bool {
    let mut marks = first.iter().filter(|b| !b.is_ascii_whitespace());
    marks.next() == Some(&b'[') && marks.next() == Some(&b'{')
}

fn encoding(options: &FileOptions, first: &[u8]) -> Result<&'static Encoding, DecodeError> {
    let marked = utf16(first).or_else(|| first.starts_with(b"\xef\xbb\xbf").then_some(UTF_8));
    let Some(label) = &options.encoding else { return Ok(marked.unwrap_or(UTF_8)) };
    let declared = Encoding::for_label_no_replacement(label.as_bytes()).ok_or(DecodeError::UnknownEncoding)?;
    match marked {
        Some(marked) if marked != declared => Err(differs(declared.name(), marked.name())),
        _ => Ok(declared),
    }
}

const fn differs(declared: &'static str, found: &'static str) -> DecodeError {
    DecodeError::NotAsDeclared { declared, found }
}

const fn name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Csv => "CSV",
        FileFormat::Ndjson => "NDJSON",
        FileFormat::Parquet => "Parquet",
        FileFormat::Arrow => "Arrow IPC",
    }
}

const fn packed(compression: FileCompression) -> &'static str {
    match compression {
        FileCompression::None => "not packed",
        FileCompression::Gzip => "gzip",
        FileCompression::Zstd => "zstd",
    }
}
