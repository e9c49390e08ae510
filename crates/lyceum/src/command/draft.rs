//! `lyceum dataset draft FILE`: reads the file here, on the owner's machine, and drafts a manifest from it.

use crate::failure::{Failure, Outcome};
use crate::progress;
use lyceum_anonymize::decode::{self, DecodeError, ReadError};
use lyceum_anonymize::draft::Drafter;
use lyceum_schema::name::{DatasetName, OrganisationName};
use lyceum_schema::wire::FileOptions;
use std::fs::File;
use std::path::Path;

/// The draft as TOML text.
pub(super) fn from_file(
    path: &Path,
    name: Option<DatasetName>,
    owner: Option<OrganisationName>,
    options: &FileOptions,
) -> Outcome<String> {
    let file_name = path.file_name().and_then(|s| s.to_str()).unwrap_or("dataset").to_lowercase();
    let stem = file_name.split('.').next().filter(|s| !s.is_empty()).unwrap_or("dataset").to_owned();
    let slug: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let dataset = name.map_or(slug, String::from);

    let file = File::open(path).map_err(|e| Failure::file(path, &e))?;
    let spinner = progress::spinner("reading");
    let mut drafter = Drafter::new();
    let mut reader = decode::open(file, options, None).map_err(|e| unreadable(path, e))?;
    while let Some(batch) = reader.next() {
        let batch = batch.map_err(|e| unreadable(path, e))?;
        drafter.observe(reader.headers(), &batch);
    }
    spinner.finish_and_clear();
    let mut draft = drafter.draft(&dataset, &stem);
    if let Some(owner) = owner {
        draft.owner = owner.into();
    }
    Ok(draft.render())
}

fn unreadable(path: &Path, error: ReadError) -> Failure {
    match error {
        ReadError::File(error) => undecodable(path, &error),
        ReadError::Source(error) => Failure::file(path, &error),
    }
}

fn undecodable(path: &Path, error: &DecodeError) -> Failure {
    Failure::local(error.code(), format!("{}: {error}", path.display()), "mend the file, then draft again")
}
