//! Reading a TOML document that a person wrote: typed access to keys, with every problem collected and located.
//!
//! Nothing here knows what a manifest or a policy is. A reader takes a `Section` (one TOML table) and asks it for
//! keys; what is absent or wrong is pushed to `Problems` and answered with `None`, so that one pass finds all.

use crate::problem::Problem;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// One problem of a manifest or policy, with its place. `Display` is one line: code, file, line, key, why
/// and fix.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct DocumentError {
    file: String,
    key: String,
    line: usize,
    problem: Problem,
}

impl DocumentError {
    /// The stable code, `E10…`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.problem.code()
    }
    /// The file as its reader named it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
    /// The path of the key, such as `table[0].column[3].bounds`; empty for the document itself. Counted from 0.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
    /// The line, counted from 1. A missing key has the line of the table that lacks it.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
    /// What is wrong, as data.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }
    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        self.problem.fix()
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}: ", self.code(), self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.problem.fix())
    }
}

/// The problems found so far, and how to turn byte offsets into lines.
pub(crate) struct Problems<'t> {
    file: &'t str,
    line_starts: Vec<usize>,
    found: Vec<DocumentError>,
}

impl<'t> Problems<'t> {
    /// Parses `text` and hands its top-level section to `read`; gives what `read` made of it if nothing is wrong.
    pub(crate) fn collect<T>(
        file: &'t str,
        text: &'t str,
        read: impl FnOnce(&Section<'_>, &mut Self) -> Option<T>,
    ) -> Result<T, Vec<DocumentError>> {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        let mut problems = Self { file, line_starts, found: Vec::new() };
        if text.len() > MAX_DOCUMENT_BYTES {
            problems.push("", 0, Problem::TooLarge { bytes: text.len(), limit: MAX_DOCUMENT_BYTES });
            return Err(problems.found);
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        for e in &errors {
            let offset = e.span().map_or(text.len(), |s| s.start);
            problems.push("", offset, Problem::Syntax { message: e.message().to_owned() });
        }
        // A half-read document would only add misleading problems to the real one.
        if !problems.found.is_empty() {
            return Err(problems.finish());
        }
        let read = read(&Section { table: document.get_ref(), path: String::new(), offset: 0 }, &mut problems);
        match read {
            Some(value) if problems.found.is_empty() => Ok(value),
            _ => Err(problems.finish()),
        }
    }

    pub(crate) fn push(&mut self, key: &str, offset: usize, problem: Problem) {
        let line = self.line(offset);
        self.found.push(DocumentError { file: self.file.to_owned(), key: key.to_owned(), line, problem });
    }

    /// The line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    fn finish(mut self) -> Vec<DocumentError> {
        self.found.sort_by(|a, b| (a.line, &a.key).cmp(&(b.line, &b.key)));
        self.found
    }
}

/// One TOML table.
pub(crate) struct Section<'d> {
    table: &'d DeTable<'d>,
    path: String,
    offset: usize,
}

impl<'d> Section<'d> {
    /// Byte offset of the table's header.
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// The path of one of this table's keys.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reports every key that isn't in `known`.
    pub(crate) fn only(&self, known: &'static [&'static str], problems: &mut Problems<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let suggestion = nearest(name, known.iter().copied());
                problems.push(&self.path_of(name), key.span().start, Problem::UnknownKey { suggestion, known });
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Node<'d>> {
        let value = self.table.get(key)?;
        Some(Node { value, path: self.path_of(key) })
    }

    /// As [`Section::get`], but absence is a problem.
    pub(crate) fn require(&self, key: &str, example: &'static str, problems: &mut Problems<'_>) -> Option<Node<'d>> {
        let node = self.get(key);
        if node.is_none() {
            problems.push(&self.path_of(key), self.offset, Problem::Missing { example });
        }
        node
    }

    /// Required text, trimmed, not empty.
    pub(crate) fn text(&self, key: &str, example: &'static str, problems: &mut Problems<'_>) -> Option<String> {
        self.require(key, example, problems)?.text(example, problems)
    }

    /// Optional text: `Some(None)` when absent, `None` when wrong.
    #[allow(clippy::option_option)]
    pub(crate) fn text_or_absent(
        &self,
        key: &str,
        example: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<Option<String>> {
        match self.get(key) {
            None => Some(None),
            Some(node) => node.text(example, problems).map(Some),
        }
    }

    /// Text for people that may be absent or empty.
    pub(crate) fn prose(&self, key: &str, example: &'static str, problems: &mut Problems<'_>) -> Option<String> {
        match self.get(key) {
            None => Some(String::new()),
            Some(node) => node.str(example, problems).map(|s| s.trim().to_owned()),
        }
    }

    /// The tables of `[[key]]`; absence and emptiness are problems.
    pub(crate) fn tables(&self, key: &str, example: &'static str, problems: &mut Problems<'_>) -> Vec<Section<'d>> {
        let Some(node) = self.require(key, example, problems) else { return Vec::new() };
        let Some(items) = node.array("tables", example, problems) else { return Vec::new() };
        if items.is_empty() {
            node.fail(Problem::Empty { what: "the list" }, problems);
        }
        items.iter().filter_map(|item| item.section(example, problems)).collect()
    }
}

/// One value and where it stands.
pub(crate) struct Node<'d> {
    value: &'d Spanned<DeValue<'d>>,
    path: String,
}

impl<'d> Node<'d> {
    pub(crate) fn value(&self) -> &'d DeValue<'d> {
        self.value.get_ref()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn offset(&self) -> usize {
        self.value.span().start
    }

    pub(crate) fn fail(&self, problem: Problem, problems: &mut Problems<'_>) {
        problems.push(&self.path, self.offset(), problem);
    }

    fn wrong_type(&self, expected: &'static str, example: &'static str, problems: &mut Problems<'_>) {
        self.fail(Problem::WrongType { expected, found: self.type_name(), example }, problems);
    }

    /// TOML's word for the value's type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.value() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    pub(crate) fn str(&self, example: &'static str, problems: &mut Problems<'_>) -> Option<&'d str> {
        if let DeValue::String(s) = self.value() {
            return Some(s.as_ref());
        }
        self.wrong_type("text in quotes", example, problems);
        None
    }

    pub(crate) fn text(&self, example: &'static str, problems: &mut Problems<'_>) -> Option<String> {
        let text = self.str(example, problems)?.trim();
        if text.is_empty() {
            self.fail(Problem::Empty { what: "the text" }, problems);
            return None;
        }
        Some(text.to_owned())
    }

    pub(crate) fn boolean(&self, example: &'static str, problems: &mut Problems<'_>) -> Option<bool> {
        if let DeValue::Boolean(b) = self.value() {
            return Some(*b);
        }
        self.wrong_type("true or false", example, problems);
        None
    }

    /// A whole number in `low..=high`.
    pub(crate) fn integer(
        &self,
        low: i64,
        high: i64,
        example: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<i64> {
        let DeValue::Integer(i) = self.value() else {
            self.wrong_type("a whole number", example, problems);
            return None;
        };
        let parsed = i64::from_str_radix(i.as_str(), i.radix()).ok().filter(|v| (low..=high).contains(v));
        if parsed.is_none() {
            self.fail(Problem::Range { low, high }, problems);
        }
        parsed
    }

    /// A number, whole or decimal, as written; may be NaN or infinite.
    pub(crate) fn number(&self, example: &'static str, problems: &mut Problems<'_>) -> Option<f64> {
        let parsed = match self.value() {
            DeValue::Float(f) => f.as_str().parse().ok(),
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i as f64),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong_type("a number", example, problems);
        }
        parsed
    }

    /// A word of a closed vocabulary.
    pub(crate) fn word(
        &self,
        allowed: &'static [&'static str],
        example: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<&'static str> {
        let found = self.str(example, problems)?;
        let hit = allowed.iter().copied().find(|w| *w == found);
        if hit.is_none() {
            let suggestion = nearest(found, allowed.iter().copied());
            self.fail(Problem::Word { found: found.chars().take(40).collect(), allowed, suggestion }, problems);
        }
        hit
    }

    pub(crate) fn array(
        &self,
        of: &'static str,
        example: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<Vec<Node<'d>>> {
        if let DeValue::Array(items) = self.value() {
            let node = |(i, value)| Node { value, path: format!("{}[{i}]", self.path) };
            return Some(items.iter().enumerate().map(node).collect());
        }
        self.wrong_type(if of == "tables" { "one or more [[…]] tables" } else { "a list" }, example, problems);
        None
    }

    pub(crate) fn section(&self, example: &'static str, problems: &mut Problems<'_>) -> Option<Section<'d>> {
        if let DeValue::Table(table) = self.value() {
            return Some(Section { table, path: self.path.clone(), offset: self.offset() });
        }
        self.wrong_type("a table", example, problems);
        None
    }
}

/// The nearest candidate, if at most a third of the letters differ.
pub(crate) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > 63 {
        return None;
    }
    candidates
        .map(|c| (strsim::damerau_levenshtein(&word.to_lowercase(), c), c))
        .filter(|(distance, c)| distance * 3 <= c.len().max(word.len()))
        .min()
        .map(|(_, c)| c)
}
