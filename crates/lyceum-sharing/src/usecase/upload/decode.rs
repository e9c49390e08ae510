//! The blocking half of an upload: decodes and validates the spooled files, feeding accepted batches to the layout.

use super::ReceivedFile;
use super::report;
use super::spooled::Spooled;
use crate::error::Error;
use arrow::record_batch::RecordBatch;
use lyceum_anonymize::decode::{self, DecodeError, RawBatch, ReadError};
use lyceum_anonymize::report::ValidationReport;
use lyceum_anonymize::validate::{ValidateError, Validator};
use lyceum_query::layout::InputFailed;
use lyceum_schema::manifest::Table;
use lyceum_schema::wire;
use tokio::sync::mpsc::Sender;

/// Why decoding stopped before the end.
pub(super) enum Stopped {
    /// The file, or reading it.
    File(Error),
    /// The layout gave up first.
    NobodyListens,
}

/// Where accepted batches go.
type Accepted = Sender<Result<RecordBatch, InputFailed>>;

/// Decodes and validates the files of a table, one after the other. On an error the layout is told that the table is not
/// complete.
pub(super) fn run(
    files: Vec<ReceivedFile>,
    table: &Table,
    mut validator: Validator,
    accepted: &Accepted,
) -> Result<(ValidationReport, Vec<wire::FileRead>), Stopped> {
    let of = files.len();
    let mut read = Vec::with_capacity(of);
    for (number, file) in (1..).zip(files) {
        match decode(file, table, &mut validator, accepted) {
            Ok(how) => read.push(how),
            Err(stopped) => {
                if let Stopped::File(_) = &stopped {
                    let _ = accepted.blocking_send(Err(InputFailed));
                }
                return Err(stopped.in_file(number, of));
            }
        }
    }
    let report = validator.into_report();
    let refused = report::refused_identifiers(table, &report);
    if !refused.is_empty() {
        let _ = accepted.blocking_send(Err(InputFailed));
        return Err(Stopped::File(Error::DirectIdentifiers { findings: refused }));
    }
    Ok((report, read))
}

fn decode(
    file: ReceivedFile,
    table: &Table,
    validator: &mut Validator,
    accepted: &Accepted,
) -> Result<wire::FileRead, Stopped> {
    let before = validator.report().rows_in;
    let bytes = file.reader.size();
    let mut reader = decode::open(Spooled::new(file.reader), &file.options, Some(table)).map_err(stopped)?;
    for raw in &mut reader {
        feed(&raw.map_err(stopped)?, validator, accepted)?;
    }
    validator.note_extra_columns(reader.extra_columns());
    let rows = validator.report().rows_in - before;
    Ok(wire::FileRead { bytes, rows, read_as: reader.read_as(), declared: reader.declared() })
}

fn stopped(error: ReadError) -> Stopped {
    Stopped::File(match error {
        ReadError::File(error) => unreadable_file(&error),
        ReadError::Source(error) if error.kind() == std::io::ErrorKind::InvalidData => Error::UploadDamaged,
        ReadError::Source(_) => Error::Storage,
    })
}

impl Stopped {
    /// Says which of several files it was.
    fn in_file(self, number: usize, of: usize) -> Self {
        match self {
            Self::File(Error::Unreadable { code, reason, fix }) if of > 1 => {
                Self::File(Error::Unreadable { code, reason: format!("file {number} of {of}: {reason}"), fix })
            }
            other => other,
        }
    }
}

fn feed(raw: &RawBatch, validator: &mut Validator, accepted: &Accepted) -> Result<(), Stopped> {
    let batch = validator.validate(raw).map_err(|e| Stopped::File(unusable(&e)))?;
    if batch.num_rows() == 0 {
        return Ok(());
    }
    accepted.blocking_send(Ok(batch)).map_err(|_| Stopped::NobodyListens)
}

/// A file that can't be decoded.
pub(super) fn unreadable_file(error: &DecodeError) -> Error {
    file_error(error.code(), error)
}

/// A table that can't be validated at all.
pub(super) fn unusable(error: &ValidateError) -> Error {
    file_error(error.code(), error)
}

fn file_error(code: &'static str, error: &impl std::fmt::Display) -> Error {
    Error::Unreadable {
        code,
        reason: error.to_string(),
        fix: "correct the file or the manifest, then send it again".to_owned(),
    }
}
