//! The proleptic Gregorian calendar on whole days since 1970-01-01: exact, total on every `i64` in use here.
//! Years are counted from March, so that the leap day is a year's last day (the usual way to avoid tables).

/// Microseconds in a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// Days of 400 years.
const ERA: i64 = 146_097;

/// Year, month (1–12) and day (1–31).
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, in_era) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day number of a date.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The same day of the month some months on; the last of the month where there is none.
pub(super) fn add_months(day_number: i64, months: i64) -> Option<i64> {
    let (year, month, day) = civil(day_number);
    let index = (year * 12 + month - 1).checked_add(months)?;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    if year.abs() > 1_000_000_000 {
        return None;
    }
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let length = days(next_year, next_month, 1) - days(year, month, 1);
    Some(days(year, month, day.min(length)))
}

/// A part of a date or timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    /// Milliseconds of the minute, seconds among them.
    Millisecond,
    /// Microseconds of the minute, seconds among them.
    Microsecond,
    /// 0 (Sunday) to 6.
    DayOfWeek,
    /// 1 (Monday) to 7.
    IsoDayOfWeek,
    DayOfYear,
    /// The year of ISO 8601's week.
    IsoYear,
    Epoch,
}

impl Part {
    /// The part with a SQL name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "year" | "years" => Self::Year,
            "quarter" | "qtr" => Self::Quarter,
            "month" | "months" => Self::Month,
            "week" | "weeks" => Self::Week,
            "day" | "days" => Self::Day,
            "hour" | "hours" => Self::Hour,
            "minute" | "minutes" => Self::Minute,
            "second" | "seconds" => Self::Second,
            "millisecond" | "milliseconds" => Self::Millisecond,
            "microsecond" | "microseconds" => Self::Microsecond,
            "dow" => Self::DayOfWeek,
            "isodow" => Self::IsoDayOfWeek,
            "doy" => Self::DayOfYear,
            "isoyear" => Self::IsoYear,
            "epoch" => Self::Epoch,
            _ => return None,
        })
    }

    /// The values a part can have whatever the time; `None`: depends on the time.
    pub(super) const fn range(self) -> Option<(i64, i64)> {
        match self {
            Self::Year | Self::IsoYear | Self::Epoch => None,
            Self::Quarter => Some((1, 4)),
            Self::Month => Some((1, 12)),
            Self::Week => Some((1, 53)),
            Self::Day => Some((1, 31)),
            Self::Hour => Some((0, 23)),
            Self::Minute | Self::Second => Some((0, 59)),
            Self::Millisecond => Some((0, 59_999)),
            Self::Microsecond => Some((0, 59_999_999)),
            Self::DayOfWeek => Some((0, 6)),
            Self::IsoDayOfWeek => Some((1, 7)),
            Self::DayOfYear => Some((1, 366)),
        }
    }

    /// The part of a time in microseconds; `None` for [`Part::Epoch`], which is no whole number.
    pub(super) fn of(self, micros: i64) -> Option<i64> {
        let (day_number, in_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let (year, month, day) = civil(day_number);
        Some(match self {
            Self::Year => year,
            Self::Quarter => (month - 1) / 3 + 1,
            Self::Month => month,
            Self::Week => week(day_number),
            Self::Day => day,
            Self::Hour => in_day / 3_600_000_000,
            Self::Minute => in_day / 60_000_000 % 60,
            Self::Second => in_day / 1_000_000 % 60,
            Self::Millisecond => in_day / 1_000 % 60_000,
            Self::Microsecond => in_day % 60_000_000,
            Self::DayOfWeek => (day_number + 4).rem_euclid(7),
            Self::IsoDayOfWeek => (day_number + 3).rem_euclid(7) + 1,
            Self::DayOfYear => day_number - days(year, 1, 1) + 1,
            Self::IsoYear => civil(thursday(day_number)).0,
            Self::Epoch => return None,
        })
    }

    /// Whether times can be cut off to it.
    pub(crate) const fn is_length(self) -> bool {
        !matches!(self, Self::DayOfWeek | Self::IsoDayOfWeek | Self::DayOfYear | Self::IsoYear | Self::Epoch)
    }

    /// The beginning of the year, month, … that a time is in; `None` where that makes no sense.
    pub(super) fn truncate(self, micros: i64) -> Option<i64> {
        let (day_number, in_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let (year, month, _) = civil(day_number);
        let first = match self {
            Self::Year => days(year, 1, 1),
            Self::Quarter => days(year, (month - 1) / 3 * 3 + 1, 1),
            Self::Month => days(year, month, 1),
            Self::Week => day_number - (day_number + 3).rem_euclid(7),
            Self::Day => day_number,
            Self::Hour => return micros.checked_sub(in_day % 3_600_000_000),
            Self::Minute => return micros.checked_sub(in_day % 60_000_000),
            Self::Second => return micros.checked_sub(in_day % 1_000_000),
            Self::Millisecond => return micros.checked_sub(in_day % 1_000),
            Self::Microsecond => return Some(micros),
            Self::DayOfWeek | Self::IsoDayOfWeek | Self::DayOfYear | Self::IsoYear | Self::Epoch => return None,
        };
        first.checked_mul(DAY)
    }
}

/// The Thursday of a day's week, which says what year of ISO 8601 the week belongs to.
fn thursday(day_number: i64) -> i64 {
    day_number - (day_number + 3).rem_euclid(7) + 3
}

/// The week of ISO 8601: the week with the year's first Thursday is week 1.
fn week(day_number: i64) -> i64 {
    let thursday = thursday(day_number);
    let (year, ..) = civil(thursday);
    (thursday - days(year, 1, 1)) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for n in (-1_000_000..1_000_000).step_by(373) {
            let (y, m, d) = civil(n);
            assert_eq!(days(y, m, d), n);
            assert!((1..=12).contains(&m) && (1..=31).contains(&d));
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(20_512), (2026, 2, 28));
        assert_eq!(civil(-1), (1969, 12, 31));
    }

    #[test]
    fn months_end_where_they_end() {
        assert_eq!(add_months(days(2024, 1, 31), 1), Some(days(2024, 2, 29)));
        assert_eq!(add_months(days(2026, 3, 31), -1), Some(days(2026, 2, 28)));
        assert_eq!(add_months(days(2026, 12, 5), 1), Some(days(2027, 1, 5)));
        assert_eq!(add_months(0, i64::MAX), None);
    }

    #[test]
    fn parts_and_weeks() {
        let at = days(2021, 1, 3) * DAY + 13 * 3_600_000_000;
        assert_eq!(Part::Week.of(at), Some(53));
        assert_eq!(Part::DayOfWeek.of(at), Some(0));
        assert_eq!(Part::IsoDayOfWeek.of(at), Some(7));
        assert_eq!(Part::IsoYear.of(at), Some(2020));
        assert_eq!(Part::Millisecond.of(at + 61_234_567), Some(1_234));
        assert_eq!(Part::Hour.of(at), Some(13));
        assert_eq!(Part::Week.truncate(at), Some(days(2020, 12, 28) * DAY));
        assert_eq!(Part::Year.truncate(i64::MIN), None);
        assert!(Part::Quarter.of(i64::MAX).is_some());
    }
}
