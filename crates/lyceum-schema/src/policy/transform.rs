//! `[[transform]]` of a policy for `anonymized` releases: what is done to single columns before classes are searched.
//!
//! ```toml
//! [[transform]]
//! table = "people"
//! column = "postcode"
//! truncate = 3                # characters kept
//! # or one of: drop = true, suppress = true, pseudonym = true, mask = [1, 2] (first and last characters kept),
//! # truncate_ip = 24 (bits kept), truncate_date = "month", round = 10, bins = [0, 18, 65], clamp = [0, 90]
//! ```

use super::anonymity::{name, place};
use super::hierarchy::DateStep;
use crate::document::{Node, Problems, Section};
use crate::name::{ColumnName, TableName};
use crate::problem::Problem;
use std::fmt::Write as _;

/// What is done to one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnTransform {
    /// Its table.
    pub table: TableName,
    /// The column.
    pub column: ColumnName,
    /// What is done.
    pub action: TransformAction,
}

/// A transformation, without keys: those are the operator's.
#[derive(Debug, Clone, PartialEq)]
pub enum TransformAction {
    /// Leaves the column out.
    Drop,
    /// Makes every value NULL.
    Suppress,
    /// Replaces values by keyed pseudonyms of population and workspace.
    Pseudonym,
    /// Hides all characters but these many at the beginning and at the end.
    Mask(u16, u16),
    /// Keeps this many characters.
    Truncate(u16),
    /// Keeps this many bits of an IPv4 address, at most 32; four times as many of IPv6.
    TruncateIp(u8),
    /// Cuts to the first day or instant of a step.
    TruncateDate(DateStep),
    /// Rounds to multiples of this positive number.
    Round(f64),
    /// Replaces numbers by the lower bounds of these bins, ascending.
    Bins(Vec<f64>),
    /// Bottom and top coding.
    Clamp(f64, f64),
}

const ACTIONS: [&str; 10] =
    ["drop", "suppress", "pseudonym", "mask", "truncate", "truncate_ip", "truncate_date", "round", "bins", "clamp"];

/// Reads one `[[transform]]`.
pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<ColumnTransform> {
    section.only(
        &[
            "table",
            "column",
            "drop",
            "suppress",
            "pseudonym",
            "mask",
            "truncate",
            "truncate_ip",
            "truncate_date",
            "round",
            "bins",
            "clamp",
        ],
        problems,
    );
    let table = section.text("table", "table = \"people\"", problems);
    let table = table.and_then(|text| name(text, place(section, "table"), problems));
    let column = section.text("column", "column = \"postcode\"", problems);
    let column = column.and_then(|text| name(text, place(section, "column"), problems));
    let mut given = ACTIONS.iter().filter_map(|key| Some((*key, section.get(key)?)));
    let Some((key, node)) = given.next() else {
        problems.push(&section.path_of("drop"), section.offset(), Problem::Missing { example: "drop = true" });
        return None;
    };
    if let Some((_, second)) = given.next() {
        let first_line = problems.line(node.offset());
        second.fail(Problem::Duplicate { what: "a transformation of this column".into(), first_line }, problems);
        return None;
    }
    let action = action(key, &node, problems);
    Some(ColumnTransform { table: table?, column: column?, action: action? })
}

fn action(key: &str, node: &Node<'_>, problems: &mut Problems<'_>) -> Option<TransformAction> {
    let short = |n: i64| u16::try_from(n).ok();
    Some(match key {
        "drop" | "suppress" | "pseudonym" => {
            if !node.boolean("drop = true", problems)? {
                node.fail(Problem::Word { found: "false".into(), allowed: &["true"], suggestion: None }, problems);
                return None;
            }
            match key {
                "drop" => TransformAction::Drop,
                "suppress" => TransformAction::Suppress,
                _ => TransformAction::Pseudonym,
            }
        }
        "mask" => {
            let items = node.array("numbers", "mask = [1, 2]", problems)?;
            let kept = items.iter().map(|item| item.integer(0, 65_535, "mask = [1, 2]", problems).and_then(short));
            match kept.collect::<Option<Vec<u16>>>()?.as_slice() {
                [first, last] => TransformAction::Mask(*first, *last),
                _ => return wrong_length(node, problems),
            }
        }
        "truncate" => TransformAction::Truncate(short(node.integer(1, 65_535, "truncate = 3", problems)?)?),
        "truncate_ip" => {
            TransformAction::TruncateIp(u8::try_from(node.integer(1, 32, "truncate_ip = 24", problems)?).ok()?)
        }
        "truncate_date" => TransformAction::TruncateDate(DateStep::from_word(node.word(
            DateStep::WORDS,
            "truncate_date = \"month\"",
            problems,
        )?)?),
        "round" => {
            let step = node.number("round = 10", problems)?;
            if !(step > 0.0 && step <= 1e15) {
                node.fail(Problem::Positive { high: 1e15 }, problems);
                return None;
            }
            TransformAction::Round(step)
        }
        _ => {
            let items = node.array("numbers", "bins = [0, 18, 65]", problems)?;
            let numbers = items.iter().map(|item| item.number("bins = [0, 18, 65]", problems));
            let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
            match (key, numbers.as_slice()) {
                ("clamp", [low, high]) if low <= high => TransformAction::Clamp(*low, *high),
                ("bins", [_, ..]) if numbers.is_sorted_by(|a, b| a < b) => TransformAction::Bins(numbers),
                _ => return wrong_length(node, problems),
            }
        }
    })
}

/// Lists of another length or order than the action takes.
fn wrong_length<T>(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<T> {
    node.fail(Problem::Empty { what: "the list of ascending numbers" }, problems);
    None
}

/// The transformations as TOML.
pub(super) fn canonical(transforms: &[ColumnTransform]) -> String {
    let quoted = |s: &str| toml::Value::String(s.to_owned());
    let mut text = String::new();
    for t in transforms {
        let action = match &t.action {
            TransformAction::Drop => "drop = true".into(),
            TransformAction::Suppress => "suppress = true".into(),
            TransformAction::Pseudonym => "pseudonym = true".into(),
            TransformAction::Mask(first, last) => format!("mask = [{first}, {last}]"),
            TransformAction::Truncate(kept) => format!("truncate = {kept}"),
            TransformAction::TruncateIp(bits) => format!("truncate_ip = {bits}"),
            TransformAction::TruncateDate(step) => format!("truncate_date = {:?}", step.as_str()),
            TransformAction::Round(step) => format!("round = {step:?}"),
            TransformAction::Bins(bounds) => format!("bins = {bounds:?}"),
            TransformAction::Clamp(low, high) => format!("clamp = [{low:?}, {high:?}]"),
        };
        let (table, column) = (quoted(t.table.as_str()), quoted(t.column.as_str()));
        let _ = write!(text, "\n[[transform]]\ntable = {table}\ncolumn = {column}\n{action}\n");
    }
    text
}
