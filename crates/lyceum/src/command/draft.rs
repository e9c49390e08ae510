//! `lyceum dataset draft FILE`: reads the file here, on the owner's machine, and drafts a manifest from it.

use crate::failure::{Failure, Outcome};
use crate::progress;
use lyceum_anonymize::decode::{CsvDecoder, DecodeError, Format, ParquetReader};
use lyceum_anonymize::draft::Drafter;
use lyceum_schema::name::{DatasetName, OrganisationName};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// The draft as TOML text.
pub(super) fn from_file(path: &Path, name: Option<DatasetName>, owner: Option<OrganisationName>) -> Outcome<String> {
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("dataset").to_lowercase();
    let slug: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let dataset = name.map_or(slug, String::from);

    let mut file = File::open(path).map_err(|e| Failure::file(path, &e))?;
    let mut head = [0u8; 8];
    let read = file.read(&mut head).map_err(|e| Failure::file(path, &e))?;
    file.rewind().map_err(|e| Failure::file(path, &e))?;
    let mut drafter = Drafter::new();
    match Format::sniff(&head[..read]).map_err(|e| undecodable(path, &e))? {
        Format::Csv => read_csv(path, file, &mut drafter)?,
        Format::Parquet => read_parquet(path, file, &mut drafter)?,
    }
    let mut draft = drafter.draft(&dataset, &stem);
    if let Some(owner) = owner {
        draft.owner = owner.into();
    }
    Ok(draft.render())
}

fn read_csv(path: &Path, mut file: File, drafter: &mut Drafter) -> Outcome {
    let length = file.metadata().map_err(|e| Failure::file(path, &e))?.len();
    let bar = progress::bytes("reading", length);
    let mut decoder = CsvDecoder::all_columns();
    let mut buffer = vec![0u8; 256 * 1024];
    loop {
        let n = file.read(&mut buffer).map_err(|e| Failure::file(path, &e))?;
        let batches =
            if n == 0 { decoder.finish() } else { decoder.push(&buffer[..n]) }.map_err(|e| undecodable(path, &e))?;
        for batch in &batches {
            drafter.observe(decoder.headers(), batch);
        }
        if n == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.inc(n as u64);
    }
}

fn read_parquet(path: &Path, file: File, drafter: &mut Drafter) -> Outcome {
    let reader = ParquetReader::all_columns(file).map_err(|e| undecodable(path, &e))?;
    let headers = reader.headers().to_vec();
    for batch in reader {
        drafter.observe(&headers, &batch.map_err(|e| undecodable(path, &e))?);
    }
    Ok(())
}

fn undecodable(path: &Path, error: &DecodeError) -> Failure {
    Failure::local(error.code(), format!("{}: {error}", path.display()), "mend the file, then draft again")
}
