//! Finding the declared columns among a file's headers.

use super::DecodeError;
use lyceum_schema::manifest::{Column, Role, Table};
use lyceum_schema::name::ColumnName;

/// Where the wanted columns are in the file.
pub(crate) struct Selection {
    /// SQL name of each wanted column and its index among the file's columns, in manifest order.
    pub(crate) wanted: Vec<(ColumnName, usize)>,
    /// Headers that nothing declares.
    pub(crate) extra: Vec<String>,
}

/// The columns that are read: all declared ones but direct identifiers, which are dropped unread.
pub(crate) fn declared(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns().iter().filter(|c| c.role() != Role::DirectIdentifier)
}

/// Finds the declared columns by [`Column::source_name`], in any order.
pub(crate) fn select(table: &Table, headers: &[String]) -> Result<Selection, DecodeError> {
    let mut wanted = Vec::new();
    for column in declared(table) {
        let name = column.source_name();
        let mut hits = headers.iter().enumerate().filter(|(_, h)| h.as_str() == name);
        let Some((index, _)) = hits.next() else {
            return Err(DecodeError::MissingColumn { column: name.to_owned(), near: nearest(name, headers) });
        };
        if hits.next().is_some() {
            return Err(DecodeError::RepeatedColumn(name.to_owned()));
        }
        wanted.push((column.name().clone(), index));
    }
    let known = |h: &String| table.columns().iter().any(|c| c.source_name() == h);
    Ok(Selection { wanted, extra: headers.iter().filter(|h| !known(h)).cloned().collect() })
}

/// A header spelt nearly like `name`. A file without a header line has data in its first line, so a header is
/// only repeated when it is `name` but for case, spaces, or one edit in four characters.
pub(super) fn nearest(name: &str, headers: &[String]) -> Option<String> {
    let fold =
        |s: &str| -> Vec<char> { s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let wanted = fold(name);
    headers
        .iter()
        .filter(|h| h.len() <= 256)
        .map(|h| (distance(&wanted, &fold(h)), h))
        .filter(|(d, _)| d * 4 <= wanted.len())
        .min_by_key(|(d, _)| *d)
        .map(|(_, h)| h.clone())
}

/// Levenshtein's edit distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
