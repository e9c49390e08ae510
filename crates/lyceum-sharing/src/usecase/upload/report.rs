//! What validation found, for the owner to read: counts in words, never a value.

use lyceum_anonymize::report::{Correction, Reason, ValidationReport};
use lyceum_schema::manifest::Table;
use lyceum_schema::wire;

/// The report of one upload.
pub(super) fn describe(table: &Table, bytes: u64, found: &ValidationReport) -> wire::ValidationReport {
    let mut rejections: Vec<wire::Rejection> = found
        .rejections
        .iter()
        .map(|((reason, column), rows)| wire::Rejection {
            reason: word(reason),
            explanation: explain(*reason).to_owned(),
            column: column.clone(),
            rows: *rows,
        })
        .collect();
    rejections.sort_by_key(|r| std::cmp::Reverse(r.rows));
    let corrections = found.corrections.iter().map(|((correction, column), values)| wire::Correction {
        correction: word(correction),
        explanation: match correction {
            Correction::NotFiniteToNull => "NaN or an infinity became NULL".to_owned(),
            Correction::NegativeZero => "-0.0 became 0.0".to_owned(),
        },
        column: column.clone(),
        values: *values,
    });
    wire::ValidationReport {
        table: table.name().clone(),
        bytes,
        rows_in: found.rows_in,
        rows_accepted: found.accepted.saturating_sub(found.capped_rows),
        rows_rejected: found.rejected,
        rows_capped: found.capped_rows,
        rejections,
        corrections: corrections.collect(),
        dropped_identifiers: found.dropped_identifiers.clone(),
        ignored_columns: found.extra_columns.clone(),
        notes: notes(table, found),
    }
}

fn notes(table: &Table, found: &ValidationReport) -> Vec<String> {
    let mut notes = Vec::new();
    if found.rows_in == 0 {
        notes.push("the file has no rows".to_owned());
    }
    if found.capped_rows > 0 {
        notes.push(format!(
            "{} rows were left out because their privacy unit has more than {}{} (max_rows_per_unit); which ones is \
             decided by a keyed sample",
            found.capped_rows,
            table.max_rows_per_unit(),
            table.epoch().map_or_else(String::new, |epoch| format!(" in one {}", epoch.every()))
        ));
    }
    if !found.extra_columns.is_empty() {
        notes.push("columns that the manifest doesn't declare were dropped".to_owned());
    }
    notes
}

/// The stable word of a reason, as the report's JSON spells it.
fn word(reason: &impl serde::Serialize) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

const fn explain(reason: Reason) -> &'static str {
    match reason {
        Reason::TooFewFields => "the line has fewer fields than the header",
        Reason::TooManyFields => "the line has more fields than the header: is a delimiter inside a value unquoted?",
        Reason::BrokenUtf8 => "the value is not UTF-8: save the file as UTF-8",
        Reason::WrongType => "the value does not read as the declared type",
        Reason::Null => "the value is missing, and the column is not nullable",
        Reason::NotInList => "the value is not in the declared list: add it there if it is public knowledge",
        Reason::OutOfBounds => "the value is outside the declared bounds",
        Reason::TooLong => "the text is longer than declared",
        Reason::NullUnit => "the row has no privacy unit",
        Reason::OtherEpoch => {
            "the row is in another day, week or month than its parent row, so it isn't the same unit's"
        }
        Reason::Orphan => "no row of the parent table has this key, so nobody's unit is known",
    }
}
