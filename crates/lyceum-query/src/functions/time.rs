//! Functions of one row's dates and timestamps, in microseconds.

use super::calendar::{DAY, Part, add_months};
use super::kernel::Argument;
use crate::domain::Kind;

/// The literal part of `date_part` and `date_trunc`.
pub(super) fn part(argument: &Argument) -> Option<Part> {
    argument.text(0).and_then(Part::parse)
}

/// Microseconds as the result's kind: days for a date.
pub(super) fn result(gives: Kind, micros: i64) -> Option<i64> {
    match gives {
        Kind::Date => Some(micros.div_euclid(DAY)),
        _ => Some(micros),
    }
}

/// A time some months, days and microseconds on.
pub(super) fn add(micros: i64, months: i64, days: i64, more: i64) -> Option<i64> {
    let day = add_months(micros.div_euclid(DAY), months)?.checked_add(days)?;
    day.checked_mul(DAY)?.checked_add(micros.rem_euclid(DAY))?.checked_add(more)
}
