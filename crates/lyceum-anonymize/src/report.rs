//! What validation found: counts only, never a value. For the owner and named reviewers; exact counts of raw data
//! must reach neither researchers nor the log.

use crate::identifiers::Finding;
use lyceum_schema::name::ColumnName;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Why a whole row was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Fewer fields than the header has.
    TooFewFields,
    /// More fields than the header has.
    TooManyFields,
    /// Bytes that are not UTF-8.
    BrokenUtf8,
    /// A line that is not one JSON object.
    NotAnObject,
    /// A name that the JSON object has twice.
    NameTwice,
    /// A JSON list or object where a single value is declared.
    Nested,
    /// Text that does not read as the declared type, or a number that does not fit it.
    WrongType,
    /// No value (or NaN or an infinity) in a column that is not nullable.
    Null,
    /// A value outside the declared list.
    NotInList,
    /// A value outside the declared bounds.
    OutOfBounds,
    /// Text longer than declared.
    TooLong,
    /// No privacy unit.
    NullUnit,
    /// A foreign key that no row of the parent table has: nobody's row.
    Orphan,
    /// The row is in another epoch than its parent row, so it would belong to another unit.
    OtherEpoch,
}

/// What was corrected without rejecting the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// NaN or an infinity became NULL.
    NotFiniteToNull,
    /// −0.0 became 0.0.
    NegativeZero,
}

/// Counts of one upload of one table. Serialises to JSON with `rejections` and `corrections` as lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ValidationReport {
    /// Rows in the file, the header not counted.
    pub rows_in: u64,
    /// Rows that passed validation (before the cap per unit).
    pub accepted: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Rejected rows by their first reason and its column (`None`: the whole row).
    #[serde(serialize_with = "rejections")]
    pub rejections: BTreeMap<(Reason, Option<ColumnName>), u64>,
    /// Corrected values of accepted rows.
    #[serde(serialize_with = "corrections")]
    pub corrections: BTreeMap<(Correction, ColumnName), u64>,
    /// Accepted rows beyond `max_rows_per_unit`, left out by a keyed sample; known after the layout is written.
    pub capped_rows: u64,
    /// Columns of the file that the manifest does not declare: dropped.
    pub extra_columns: Vec<String>,
    /// Direct identifiers, dropped unread.
    pub dropped_identifiers: Vec<ColumnName>,
    /// Direct identifiers found in the values of other columns; known at the end of the upload.
    pub identifiers: Vec<Finding>,
}

impl ValidationReport {
    /// Rejected rows as a share of all rows, in [0, 1]; 0 for an empty file.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn rejected_share(&self) -> f64 {
        if self.rows_in == 0 { 0.0 } else { self.rejected as f64 / self.rows_in as f64 }
    }

    /// Rows rejected for this reason, in all columns.
    #[must_use]
    pub fn rejected_for(&self, reason: Reason) -> u64 {
        self.rejections.iter().filter(|((r, _), _)| *r == reason).map(|(_, n)| n).sum()
    }

    pub(crate) fn reject(&mut self, reason: Reason, column: Option<&ColumnName>, rows: u64) {
        if rows > 0 {
            self.rejected += rows;
            *self.rejections.entry((reason, column.cloned())).or_default() += rows;
        }
    }

    pub(crate) fn correct(&mut self, what: Correction, column: &ColumnName, values: u64) {
        if values > 0 {
            *self.corrections.entry((what, column.clone())).or_default() += values;
        }
    }
}

fn rejections<S: Serializer>(map: &BTreeMap<(Reason, Option<ColumnName>), u64>, s: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        reason: Reason,
        column: Option<&'a ColumnName>,
        rows: u64,
    }
    s.collect_seq(map.iter().map(|((reason, column), rows)| Line {
        reason: *reason,
        column: column.as_ref(),
        rows: *rows,
    }))
}

fn corrections<S: Serializer>(map: &BTreeMap<(Correction, ColumnName), u64>, s: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        correction: Correction,
        column: &'a ColumnName,
        values: u64,
    }
    s.collect_seq(map.iter().map(|((correction, column), values)| Line {
        correction: *correction,
        column,
        values: *values,
    }))
}
