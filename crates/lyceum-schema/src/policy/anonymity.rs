//! The `[anonymity]` table of a policy for `anonymized` releases: models, engine, and where levels come from.
//!
//! ```toml
//! [anonymity]
//! k = 5                       # distinct persons per class
//! distinct_l = 3              # of every sensitive column; also entropy_l, t
//! engine = "partition"        # or "lattice", with suppression_limit = 0.05
//! print = "ranges"            # or "labels"
//!
//! [[anonymity.hierarchy]]
//! table = "people"
//! column = "age"
//! intervals = [5, 10, 20]     # or dates, prefixes, ip_prefixes, or csv = """value;level 1;…;*"""
//! ```
//!
//! A policy is complete in itself: a hierarchy file beside the manifest is copied into `csv` when a release is proposed, so
//! that the policy's hash covers it.

use super::hierarchy::{DateStep, HierarchySource};
use super::transform::{self, ColumnTransform};
use crate::document::{Node, Problems, Section};
use crate::name::{ColumnName, TableName};
use crate::problem::Problem;
use std::fmt::Write as _;

const MAX_COUNT: i64 = 1_000_000;

/// How a table is anonymised.
#[derive(Debug, Clone, PartialEq)]
pub struct Anonymity {
    /// Distinct persons per class, at least 2.
    pub k: u32,
    /// Different values of every sensitive column per class, at least 2.
    pub distinct_l: Option<u32>,
    /// exp(entropy) of every sensitive column per class, more than 1.
    pub entropy_l: Option<f64>,
    /// Distance of every sensitive column in a class from the whole table, in (0, 1].
    pub t: Option<f64>,
    /// Largest share of rows that may be left out, in [0, 1]; the engine `partition` leaves none out.
    pub suppression_limit: f64,
    /// The engine.
    pub engine: AnonymityEngine,
    /// How classes are printed by the engine `partition`.
    pub print: RangePrint,
    /// Rows kept per person, at least 1; `None`: all.
    pub max_rows_per_person: Option<u32>,
    /// People in the population that the data is drawn from, for the risk report.
    pub population: Option<u64>,
    /// What is done to single columns first, in this order.
    pub transforms: Vec<ColumnTransform>,
    /// Columns with levels; other quasi-identifiers have none between their values and `*`.
    pub hierarchies: Vec<ColumnHierarchy>,
}

/// Which search finds the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnonymityEngine {
    /// Loss-driven multidimensional partitioning: least loss, mixed levels, no row left out.
    Partition,
    /// Optimal full-domain search: one level per column.
    Lattice,
}

/// How a class is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangePrint {
    /// As ranges of values.
    Ranges,
    /// As nodes of the hierarchies.
    Labels,
}

/// The levels of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnHierarchy {
    /// Its table.
    pub table: TableName,
    /// The column.
    pub column: ColumnName,
    /// Where they come from.
    pub source: HierarchySource,
}

impl Anonymity {
    /// The levels of a column; [`HierarchySource::Flat`] if the policy names none.
    #[must_use]
    pub fn source(&self, table: &TableName, column: &ColumnName) -> &HierarchySource {
        let found = self.hierarchies.iter().find(|h| &h.table == table && &h.column == column);
        found.map_or(&HierarchySource::Flat, |h| &h.source)
    }
}

/// Reads `[anonymity]`, and `[[transform]]` of the document that it stands in.
pub(super) fn read(section: &Section<'_>, top: &Section<'_>, problems: &mut Problems<'_>) -> Option<Anonymity> {
    const KEYS: &[&str] = &[
        "k",
        "distinct_l",
        "entropy_l",
        "t",
        "suppression_limit",
        "engine",
        "print",
        "max_rows_per_person",
        "population",
        "hierarchy",
    ];
    section.only(KEYS, problems);
    let count =
        |key: &str, low: i64, high: i64, example: &'static str, problems: &mut Problems<'_>| match section.get(key) {
            None => Some(None),
            Some(node) => node.integer(low, high, example, problems).map(Some),
        };
    let number =
        |key: &str, low: f64, high: f64, example: &'static str, problems: &mut Problems<'_>| match section.get(key) {
            None => Some(None),
            Some(node) => {
                let number = node.number(example, problems)?;
                if number >= low && number <= high {
                    return Some(Some(number));
                }
                node.fail(Problem::Positive { high }, problems);
                None
            }
        };
    let k = section.require("k", "k = 5", problems).and_then(|node| node.integer(2, MAX_COUNT, "k = 5", problems));
    let distinct_l = count("distinct_l", 2, MAX_COUNT, "distinct_l = 3", problems);
    let entropy_l = number("entropy_l", 1.0, 1e6, "entropy_l = 2.5", problems);
    let t = number("t", f64::MIN_POSITIVE, 1.0, "t = 0.3", problems);
    let limit = number("suppression_limit", 0.0, 1.0, "suppression_limit = 0.05", problems);
    let engine = match section.get("engine") {
        None => Some(AnonymityEngine::Partition),
        Some(node) => node.word(&["partition", "lattice"], "engine = \"partition\"", problems).map(|word| match word {
            "lattice" => AnonymityEngine::Lattice,
            _ => AnonymityEngine::Partition,
        }),
    };
    let print = match section.get("print") {
        None => Some(RangePrint::Ranges),
        Some(node) => node.word(&["ranges", "labels"], "print = \"ranges\"", problems).map(|word| match word {
            "labels" => RangePrint::Labels,
            _ => RangePrint::Ranges,
        }),
    };
    let rows = count("max_rows_per_person", 1, MAX_COUNT, "max_rows_per_person = 10", problems);
    let population = count("population", 1, 1 << 40, "population = 1000000", problems);
    let mut hierarchies = Some(Vec::new());
    if section.get("hierarchy").is_some() {
        let read: Option<Vec<ColumnHierarchy>> = section
            .tables("hierarchy", "[[anonymity.hierarchy]]", problems)
            .iter()
            .map(|section| hierarchy(section, problems))
            .collect();
        hierarchies = read;
    }
    let mut transforms = Some(Vec::new());
    if top.get("transform").is_some() {
        let sections = top.tables("transform", "[[transform]]", problems);
        transforms = sections.iter().map(|section| transform::read(section, problems)).collect();
    }
    let small = |n: i64| u32::try_from(n).ok();
    Some(Anonymity {
        k: small(k?)?,
        distinct_l: distinct_l?.and_then(small),
        entropy_l: entropy_l?,
        t: t?,
        suppression_limit: limit?.unwrap_or(0.0),
        engine: engine?,
        print: print?,
        max_rows_per_person: rows?.and_then(small),
        population: population?.and_then(|n| u64::try_from(n).ok()),
        transforms: transforms?,
        hierarchies: hierarchies?,
    })
}

fn hierarchy(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<ColumnHierarchy> {
    const SOURCES: [&str; 5] = ["csv", "intervals", "dates", "prefixes", "ip_prefixes"];
    section.only(&["table", "column", "csv", "intervals", "dates", "prefixes", "ip_prefixes"], problems);
    let table = section.text("table", "table = \"people\"", problems);
    let column = section.text("column", "column = \"age\"", problems);
    let table = table.and_then(|text| name(text, place(section, "table"), problems));
    let column = column.and_then(|text| name(text, place(section, "column"), problems));
    let mut given = SOURCES.iter().filter_map(|key| Some((*key, section.get(key)?)));
    let Some((key, node)) = given.next() else {
        problems.push(
            &section.path_of("intervals"),
            section.offset(),
            Problem::Missing { example: "intervals = [5, 10, 20]" },
        );
        return None;
    };
    if let Some((_, second)) = given.next() {
        let problem =
            Problem::Duplicate { what: "a source of levels".into(), first_line: problems.line(node.offset()) };
        second.fail(problem, problems);
        return None;
    }
    let source = match key {
        "csv" => HierarchySource::Table(node.text("csv = \"\"\"…\"\"\"", problems)?),
        "intervals" => {
            let items = node.array("numbers", "intervals = [5, 10, 20]", problems)?;
            let numbers = items.iter().map(|item| item.number("intervals = [5, 10, 20]", problems));
            HierarchySource::Intervals(numbers.collect::<Option<_>>()?)
        }
        "dates" => {
            let items = node.array("words", "dates = [\"month\", \"year\"]", problems)?;
            let words = items.iter().map(|item| item.word(DateStep::WORDS, "dates = [\"month\", \"year\"]", problems));
            let steps: Option<Vec<DateStep>> = words.map(|word| word.and_then(DateStep::from_word)).collect();
            HierarchySource::Dates(steps?)
        }
        "prefixes" => HierarchySource::Prefixes(bytes(&node, 1, "prefixes = [3, 2, 1]", problems)?),
        _ => HierarchySource::IpPrefixes(bytes(&node, 1, "ip_prefixes = [24, 16, 8]", problems)?),
    };
    Some(ColumnHierarchy { table: table?, column: column?, source })
}

/// Offset and path of a key, or of the section that lacks it.
pub(super) fn place(section: &Section<'_>, key: &str) -> (usize, String) {
    (section.get(key).map_or(section.offset(), |node| node.offset()), section.path_of(key))
}

/// A name, or a problem at its place.
pub(super) fn name<T>(text: String, (offset, path): (usize, String), problems: &mut Problems<'_>) -> Option<T>
where
    T: TryFrom<String, Error = crate::name::NameError>,
{
    T::try_from(text).map_err(|reason| problems.push(&path, offset, Problem::Name { reason, suggestion: None })).ok()
}

fn bytes(node: &Node<'_>, low: i64, example: &'static str, problems: &mut Problems<'_>) -> Option<Vec<u8>> {
    let items = node.array("numbers", example, problems)?;
    let numbers = items.iter().map(|item| item.integer(low, 255, example, problems).and_then(|n| u8::try_from(n).ok()));
    numbers.collect()
}

/// The table as TOML with every key written out.
pub(super) fn canonical(a: &Anonymity) -> String {
    let mut text = format!("\n[anonymity]\nk = {}\n", a.k);
    let optional = [
        ("distinct_l", a.distinct_l.map(|n| n.to_string())),
        ("entropy_l", a.entropy_l.map(|n| format!("{n:?}"))),
        ("t", a.t.map(|n| format!("{n:?}"))),
        ("max_rows_per_person", a.max_rows_per_person.map(|n| n.to_string())),
        ("population", a.population.map(|n| n.to_string())),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    let engine = if a.engine == AnonymityEngine::Lattice { "lattice" } else { "partition" };
    let print = if a.print == RangePrint::Labels { "labels" } else { "ranges" };
    let _ = write!(text, "suppression_limit = {:?}\nengine = {engine:?}\nprint = {print:?}\n", a.suppression_limit);
    for h in &a.hierarchies {
        let quoted = |s: &str| toml::Value::String(s.to_owned());
        let source = match &h.source {
            HierarchySource::Table(csv) => format!("csv = {}", quoted(csv)),
            HierarchySource::Intervals(widths) => format!("intervals = {widths:?}"),
            HierarchySource::Dates(steps) => {
                format!("dates = {:?}", steps.iter().map(|s| s.as_str()).collect::<Vec<_>>())
            }
            HierarchySource::Prefixes(kept) => format!("prefixes = {kept:?}"),
            HierarchySource::IpPrefixes(bits) => format!("ip_prefixes = {bits:?}"),
            HierarchySource::Flat => continue,
        };
        let (table, column) = (quoted(h.table.as_str()), quoted(h.column.as_str()));
        let _ = write!(text, "\n[[anonymity.hierarchy]]\ntable = {table}\ncolumn = {column}\n{source}\n");
    }
    text.push_str(&transform::canonical(&a.transforms));
    text
}
