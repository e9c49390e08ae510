//! TOML → [`Manifest`](super::Manifest): the document's top level and the checks across tables.
//!
//! One pass finds every problem. `parse/table.rs` reads a table, `parse/column.rs` a column, `parse/domain.rs` its
//! values and bounds, `parse/epoch.rs` the epoch of a unit, `parse/links.rs` follows foreign keys.

mod column;
mod domain;
mod epoch;
mod links;
mod table;

use super::{Manifest, ManifestError, Table};
use crate::document::{Node, Problems, Section, nearest};
use crate::name::NameError;
use crate::problem::Problem;
use std::collections::HashMap;

/// Tables in one manifest, at most.
pub(super) const MAX_TABLES: usize = 100;
/// Columns in one table, at most.
pub(super) const MAX_COLUMNS: usize = 1_000;

impl Manifest {
    /// Parses and checks a manifest. `file` is only used in errors.
    ///
    /// # Errors
    /// All problems found, in the order of their lines, each with key, line and fix; never empty.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<ManifestError>> {
        Problems::collect(file, text, manifest)
    }
}

fn manifest(top: &Section<'_>, problems: &mut Problems<'_>) -> Option<Manifest> {
    top.only(&["dataset", "table"], problems);
    let head = top
        .require("dataset", "[dataset]", problems)
        .and_then(|node| node.section("[dataset]", problems))
        .and_then(|section| dataset(&section, problems));

    let sections = top.tables("table", "[[table]]", problems);
    if sections.len() > MAX_TABLES {
        problems.push("table", 0, Problem::TooMany { what: "tables", found: sections.len(), limit: MAX_TABLES });
        return None;
    }
    let sketches: Vec<_> = sections.iter().map(|section| table::read(section, problems)).collect();
    let mut seen = HashMap::new();
    for sketch in &sketches {
        if let Some((name, key, offset)) = &sketch.name {
            unique(&mut seen, "table", name.as_str(), key, *offset, problems);
        }
    }
    links::check(&sketches, problems);
    epoch::check(&sketches, problems);

    let tables: Option<Vec<Table>> = sketches.into_iter().map(|sketch| sketch.table).collect();
    Some(Manifest { tables: tables?, ..head? })
}

/// The `[dataset]` section; the tables are filled in by the caller.
fn dataset(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<Manifest> {
    section.only(&["name", "title", "version", "owner", "licence", "source", "description"], problems);
    let dataset = section.require("name", "name = \"my-dataset\"", problems);
    let dataset = dataset.and_then(|node| name(&node, '-', problems));
    let title = section.text("title", "title = \"What people call it\"", problems);
    let version = section.text("version", "version = \"1\"", problems);
    let owner = section.require("owner", "owner = \"my-organisation\"", problems);
    let owner = owner.and_then(|node| name(&node, '-', problems));
    let licence = section.text("licence", "licence = \"CC-BY-4.0\"", problems);
    let source = section.text("source", "source = \"where the data comes from\"", problems);
    let description = section.prose("description", "description = \"What the data is\"", problems);
    Some(Manifest {
        dataset: dataset?,
        title: title?,
        version: version?,
        owner: owner?,
        licence: licence?,
        source: source?,
        description: description?,
        tables: Vec::new(),
    })
}

/// Reads a name of any kind; a bad one is answered with the nearest good one. `joint` replaces bad characters.
pub(super) fn name<T>(node: &Node<'_>, joint: char, problems: &mut Problems<'_>) -> Option<T>
where
    T: TryFrom<String, Error = NameError>,
{
    let text = node.str("name = \"some_name\"", problems)?;
    if text.starts_with("__") {
        node.fail(Problem::Reserved, problems);
        return None;
    }
    match T::try_from(text.to_owned()) {
        Ok(name) => Some(name),
        Err(reason) => {
            let suggestion = Some(tidy(text, joint)).filter(|s| T::try_from(s.clone()).is_ok());
            node.fail(Problem::Name { reason, suggestion }, problems);
            None
        }
    }
}

/// Lower case, everything but letters and digits turned into single `joint`s.
fn tidy(text: &str, joint: char) -> String {
    let mut tidy = String::new();
    for c in text.chars().take(63) {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            tidy.push(c);
        } else if !tidy.is_empty() && !tidy.ends_with(joint) {
            tidy.push(joint);
        }
    }
    tidy.trim_end_matches(joint).to_owned()
}

/// Reports the second use of a name.
pub(super) fn unique<'k>(
    seen: &mut HashMap<&'k str, usize>,
    what: &str,
    name: &'k str,
    key: &str,
    offset: usize,
    problems: &mut Problems<'_>,
) {
    let line = problems.line(offset);
    if let Some(first_line) = seen.get(name) {
        let problem = Problem::Duplicate { what: format!("{what} {name:?}"), first_line: *first_line };
        problems.push(key, offset, problem);
    } else {
        seen.insert(name, line);
    }
}

/// The nearest of some names, owned.
pub(super) fn nearest_name<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    nearest(word, names).map(str::to_owned)
}
