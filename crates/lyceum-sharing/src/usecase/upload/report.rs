//! What validation found, for the owner to read: counts in words, never a value.

use super::Former;
use lyceum_anonymize::identifiers::{Confidence, Finding};
use lyceum_anonymize::report::{Correction, Reason, ValidationReport};
use lyceum_schema::manifest::{Column, OnIdentifiers, Table};
use lyceum_schema::wire;

/// The report of one upload.
pub(super) fn describe(table: &Table, files: Vec<wire::FileRead>, found: &ValidationReport) -> wire::ValidationReport {
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
        bytes: files.iter().map(|f| f.bytes).sum(),
        files,
        rows_in: found.rows_in,
        rows_accepted: found.accepted.saturating_sub(found.capped_rows),
        rows_rejected: found.rejected,
        rows_capped: found.capped_rows,
        rejections,
        corrections: corrections.collect(),
        identifiers: identifiers(table, found),
        dropped_identifiers: found.dropped_identifiers.clone(),
        ignored_columns: found.extra_columns.clone(),
        notes: notes(table, found),
    }
}

/// Says that rows of a former version were kept; `stored`: rows of the table now. The counts are those of the new files.
pub(super) fn note_kept(report: &mut wire::ValidationReport, former: &Former, stored: u64) {
    report.rows_accepted = report.rows_in - report.rows_rejected;
    let (kept, number) = (former.rows(), former.number);
    report.notes.push(format!("{kept} rows of version {number} were kept; the table has {stored} rows now"));
}

/// Direct identifiers that the manifest doesn't allow, one sentence each.
pub(super) fn refused_identifiers(table: &Table, found: &ValidationReport) -> Vec<String> {
    let refused = found.identifiers.iter().filter(|f| action(table, f) == "reject");
    refused.map(|f| format!("column {}: {}", f.column, f.reason)).collect()
}

fn identifiers(table: &Table, found: &ValidationReport) -> Vec<wire::FoundIdentifiers> {
    let described = found.identifiers.iter().map(|f| wire::FoundIdentifiers {
        column: f.column.clone(),
        kind: word(&f.kind),
        confidence: word(&f.confidence),
        reason: f.reason.clone(),
        matching: f.matching,
        distinct: f.distinct,
        action: action(table, f).to_owned(),
    });
    described.collect()
}

/// What the manifest says is done about a finding.
fn action(table: &Table, finding: &Finding) -> &'static str {
    let declared = table.columns().iter().find(|c| *c.name() == finding.column).map(Column::on_identifiers);
    match declared.unwrap_or_default() {
        OnIdentifiers::Reject if finding.confidence == Confidence::Low => "none",
        other => other.as_str(),
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
        Reason::NotAnObject => "the line is not one JSON object",
        Reason::NameTwice => "the JSON object has this name twice",
        Reason::Nested => "the value is a list or an object, and a single value is declared",
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
