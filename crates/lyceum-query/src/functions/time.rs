//! Functions of one row's dates and timestamps, in microseconds.

use super::calendar::{DAY, Part, add_months, civil};
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

/// The beginning of the bin of so many months, or microseconds, that a time is in; bins are counted from the origin.
pub(super) fn bin(micros: i64, months: i64, length: i64, origin: i64) -> Option<i64> {
    if months <= 0 {
        if length <= 0 {
            return None;
        }
        let since = micros.checked_sub(origin)?;
        return micros.checked_sub(since.rem_euclid(length));
    }
    let month = |micros: i64| {
        let (year, month, _) = civil(micros.div_euclid(DAY));
        year * 12 + month
    };
    let bins = (month(micros) - month(origin)).div_euclid(months);
    let start = add(origin, bins.checked_mul(months)?, 0, 0)?;
    // An origin late in its month begins later than the time.
    if start > micros { add(origin, (bins - 1).checked_mul(months)?, 0, 0) } else { Some(start) }
}

/// Microseconds of an integer in units of so many (negative: so many in a microsecond).
pub(super) fn from_epoch(x: i64, unit: i64) -> Option<i64> {
    if unit > 0 { x.checked_mul(unit) } else { x.checked_div_euclid(unit.checked_neg()?) }
}

/// Microseconds of a float in units of so many, by way of nanoseconds as DataFusion does.
pub(super) fn from_epoch_float(x: f64, unit: i64) -> Option<i64> {
    let nanos = x * 1_000.0 * unit as f64;
    (unit > 0 && (-(2f64.powi(63))..2f64.powi(63)).contains(&nanos)).then(|| (nanos as i64).div_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::calendar::days;

    #[test]
    fn bins() {
        let hour = 3_600_000_000;
        assert_eq!(bin(5 * hour + 7, 0, 2 * hour, 0), Some(4 * hour));
        assert_eq!(bin(-1, 0, hour, 0), Some(-hour));
        assert_eq!(bin(i64::MIN, 0, hour, 0), None);
        assert_eq!(bin(i64::MAX, 0, hour, -1), None);
        let (march, may) = (days(2026, 3, 10) * DAY, days(2026, 5, 9) * DAY);
        assert_eq!(bin(may, 1, 0, march), Some(days(2026, 4, 10) * DAY));
        assert_eq!(bin(may, 3, 0, 0), Some(days(2026, 4, 1) * DAY));
    }

    #[test]
    fn times_from_numbers() {
        assert_eq!(from_epoch(-1, -1_000), Some(-1));
        assert_eq!(from_epoch(i64::MAX, 1_000), None);
        assert_eq!(from_epoch_float(1.5, 1_000_000), Some(1_500_000));
        assert_eq!(from_epoch_float(f64::MAX, 1_000_000), None);
    }
}
