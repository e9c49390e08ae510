//! The blocking half of an upload: decodes and validates the spooled file, feeding accepted batches to the layout.

use super::spooled::Spooled;
use crate::error::Error;
use crate::port::SpoolReader;
use arrow::record_batch::RecordBatch;
use lyceum_anonymize::decode::{CsvDecoder, DecodeError, Format, ParquetReader, RawBatch};
use lyceum_anonymize::report::ValidationReport;
use lyceum_anonymize::validate::{ValidateError, Validator};
use lyceum_query::layout::InputFailed;
use lyceum_schema::manifest::Table;
use std::io::{Read, Seek};
use tokio::sync::mpsc::Sender;

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 20;

/// Why decoding stopped before the end.
pub(super) enum Stopped {
    /// The file, or reading it.
    File(Error),
    /// The layout gave up first.
    NobodyListens,
}

/// Where accepted batches go.
type Accepted = Sender<Result<RecordBatch, InputFailed>>;

/// Decodes and validates the whole file. On an error the layout is told that the table is not complete.
pub(super) fn run(
    spooled: Box<dyn SpoolReader>,
    table: &Table,
    validator: Validator,
    accepted: &Accepted,
) -> Result<ValidationReport, Stopped> {
    let outcome = decode(spooled, table, validator, accepted);
    if let Err(Stopped::File(_)) = &outcome {
        let _ = accepted.blocking_send(Err(InputFailed));
    }
    outcome
}

fn decode(
    mut spooled: Box<dyn SpoolReader>,
    table: &Table,
    mut validator: Validator,
    accepted: &Accepted,
) -> Result<ValidationReport, Stopped> {
    let mut first = [0_u8; 8];
    let mut known = 0;
    while known < first.len() {
        match spooled.read(&mut first[known..]).map_err(|_| Stopped::File(Error::Storage))? {
            0 => break,
            n => known += n,
        }
    }
    match Format::sniff(&first[..known]).map_err(|e| unreadable(&e))? {
        Format::Csv => {
            spooled.rewind().map_err(|_| Stopped::File(Error::Storage))?;
            csv(spooled, table, &mut validator, accepted)?;
        }
        Format::Parquet => {
            let mut reader = ParquetReader::new(Spooled::new(spooled), table).map_err(|e| unreadable(&e))?;
            validator.note_extra_columns(reader.extra_columns());
            for raw in &mut reader {
                feed(&raw.map_err(|e| unreadable(&e))?, &mut validator, accepted)?;
            }
        }
    }
    Ok(validator.into_report())
}

fn csv(
    mut spooled: Box<dyn SpoolReader>,
    table: &Table,
    validator: &mut Validator,
    accepted: &Accepted,
) -> Result<(), Stopped> {
    let mut decoder = CsvDecoder::new(table);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = spooled.read(&mut buffer).map_err(|_| Stopped::File(Error::Storage))?;
        let batches = if read == 0 { decoder.finish() } else { decoder.push(&buffer[..read]) };
        for raw in batches.map_err(|e| unreadable(&e))? {
            feed(&raw, validator, accepted)?;
        }
        if read == 0 {
            validator.note_extra_columns(decoder.extra_columns());
            return Ok(());
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

fn unreadable(error: &DecodeError) -> Stopped {
    Stopped::File(unreadable_file(error))
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
