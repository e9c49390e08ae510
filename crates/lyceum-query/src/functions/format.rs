//! Literal formats of dates and times for `to_char`, `to_date` and `to_timestamp`: the specifiers of strftime that
//! need no locale and no zone.

use super::calendar::{DAY, Part, civil, days};

/// Longest format, bytes.
const MAX_FORMAT_BYTES: usize = 64;
/// Longest text that one specifier becomes (`Wednesday`, `September`; `2026-01-31` for `%F`), bytes.
const LONGEST_ITEM: usize = 10;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Character(char),
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    HalfDay,
    MonthName,
    ShortMonthName,
    WeekdayName,
    ShortWeekdayName,
    /// 1 (Monday) to 7.
    WeekdayFromMonday,
    /// 0 (Sunday) to 6.
    WeekdayFromSunday,
    Week,
    WeekYear,
}

/// A compiled format.
pub(crate) struct Format {
    items: Vec<Item>,
}

impl Format {
    /// Compiles a format; `None` if it is too long or has a specifier that isn't known here.
    pub(crate) fn new(format: &str) -> Option<Self> {
        if format.len() > MAX_FORMAT_BYTES {
            return None;
        }
        let mut items = Vec::new();
        let mut characters = format.chars();
        while let Some(c) = characters.next() {
            if c != '%' {
                items.push(Item::Character(c));
                continue;
            }
            let date = [Item::Year, Item::Character('-'), Item::Month, Item::Character('-'), Item::Day];
            let clock = [Item::Hour, Item::Character(':'), Item::Minute, Item::Character(':'), Item::Second];
            match characters.next()? {
                'Y' => items.push(Item::Year),
                'y' => items.push(Item::ShortYear),
                'm' => items.push(Item::Month),
                'd' => items.push(Item::Day),
                'j' => items.push(Item::DayOfYear),
                'H' => items.push(Item::Hour),
                'I' => items.push(Item::Hour12),
                'M' => items.push(Item::Minute),
                'S' => items.push(Item::Second),
                'p' => items.push(Item::HalfDay),
                'B' => items.push(Item::MonthName),
                'b' | 'h' => items.push(Item::ShortMonthName),
                'A' => items.push(Item::WeekdayName),
                'a' => items.push(Item::ShortWeekdayName),
                'u' => items.push(Item::WeekdayFromMonday),
                'w' => items.push(Item::WeekdayFromSunday),
                'V' => items.push(Item::Week),
                'G' => items.push(Item::WeekYear),
                'F' => items.extend(date),
                'T' => items.extend(clock),
                'R' => items.extend(clock.iter().take(3)),
                '%' => items.push(Item::Character('%')),
                _ => return None,
            }
        }
        Some(Self { items })
    }

    /// Whether texts of this format name one day: they can be read.
    pub(crate) fn names_a_day(&self) -> bool {
        let has = |item| self.items.contains(&item);
        let readable = |i: &Item| {
            matches!(
                i,
                Item::Character(_) | Item::Year | Item::Month | Item::Day | Item::Hour | Item::Minute | Item::Second
            )
        };
        let once = |item| self.items.iter().filter(|i| **i == item).count() < 2;
        has(Item::Year)
            && has(Item::Month)
            && has(Item::Day)
            && self.items.iter().all(readable)
            && self.items.iter().all(|i| matches!(i, Item::Character(_)) || once(*i))
    }

    /// Longest text it can give, bytes.
    pub(super) fn longest(&self) -> usize {
        self.items.iter().map(|i| if let Item::Character(c) = i { c.len_utf8() } else { LONGEST_ITEM }).sum()
    }

    /// A time in microseconds as text; `None` for years of other than four digits.
    pub(super) fn write(&self, micros: i64) -> Option<String> {
        let (day_number, in_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let (year, month, day) = civil(day_number);
        if !(0..=9_999).contains(&year) {
            return None;
        }
        let hour = in_day / 3_600_000_000;
        let weekday = (day_number + 4).rem_euclid(7);
        let name = |names: &[&'static str], i: i64| usize::try_from(i).ok().and_then(|i| names.get(i).copied());
        let mut text = String::new();
        for item in &self.items {
            let (number, width) = match item {
                Item::Character(c) => {
                    text.push(*c);
                    continue;
                }
                Item::MonthName => {
                    text.push_str(name(&MONTHS, month - 1)?);
                    continue;
                }
                Item::ShortMonthName => {
                    text.push_str(name(&MONTHS, month - 1)?.get(..3)?);
                    continue;
                }
                Item::WeekdayName => {
                    text.push_str(name(&WEEKDAYS, weekday)?);
                    continue;
                }
                Item::ShortWeekdayName => {
                    text.push_str(name(&WEEKDAYS, weekday)?.get(..3)?);
                    continue;
                }
                Item::HalfDay => {
                    text.push_str(if hour < 12 { "AM" } else { "PM" });
                    continue;
                }
                Item::Year => (year, 4),
                Item::ShortYear => (year % 100, 2),
                Item::Month => (month, 2),
                Item::Day => (day, 2),
                Item::DayOfYear => (day_number - days(year, 1, 1) + 1, 3),
                Item::Hour => (hour, 2),
                Item::Hour12 => ((hour + 11) % 12 + 1, 2),
                Item::Minute => (in_day / 60_000_000 % 60, 2),
                Item::Second => (in_day / 1_000_000 % 60, 2),
                Item::WeekdayFromMonday => ((weekday + 6) % 7 + 1, 1),
                Item::WeekdayFromSunday => (weekday, 1),
                Item::Week => (Part::Week.of(micros)?, 2),
                Item::WeekYear => (Part::IsoYear.of(micros).filter(|y| (0..=9_999).contains(y))?, 4),
            };
            text.push_str(&format!("{number:0width$}"));
        }
        Some(text)
    }

    /// Reads a text of this format, whole, as microseconds; `None` if it is none or there is no such day.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        let mut rest = text;
        let (mut year, mut month, mut day, mut clock) = (0, 0, 0, [0i64; 3]);
        for item in &self.items {
            let (target, most, limit) = match item {
                Item::Character(c) => {
                    rest = rest.strip_prefix(*c)?;
                    continue;
                }
                Item::Year => (&mut year, 4, 9_999),
                Item::Month => (&mut month, 2, 12),
                Item::Day => (&mut day, 2, 31),
                Item::Hour => (&mut clock[0], 2, 23),
                Item::Minute => (&mut clock[1], 2, 59),
                Item::Second => (&mut clock[2], 2, 59),
                _ => return None,
            };
            let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            *target = rest.get(..digits)?.parse().ok().filter(|n| *n <= limit)?;
            rest = rest.get(digits..)?;
        }
        if !rest.is_empty() {
            return None;
        }
        let seconds = clock[0] * 3_600 + clock[1] * 60 + clock[2];
        date(year, month, day)?.checked_mul(DAY)?.checked_add(seconds * 1_000_000)
    }
}

/// The number of a day that exists, in the years that DataFusion knows.
pub(super) fn date(year: i64, month: i64, day: i64) -> Option<i64> {
    let known = (-262_143..=262_142).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !known {
        return None;
    }
    let number = days(year, month, day);
    (civil(number) == (year, month, day)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(format: &str, micros: i64) -> String {
        Format::new(format).unwrap().write(micros).unwrap()
    }

    #[test]
    fn times_are_written_and_read() {
        let at = days(2026, 2, 5) * DAY + (15 * 3_600 + 4 * 60 + 9) * 1_000_000;
        assert_eq!(write("%Y-%m-%d %H:%M:%S", at), "2026-02-05 15:04:09");
        assert_eq!(
            write("%A %a %B %b %I %p %j %u %w %V %G %y %%", at),
            "Thursday Thu February Feb 03 PM 036 4 4 06 2026 26 %"
        );
        assert_eq!(write("%F %T %R", at), "2026-02-05 15:04:09 15:04");
        assert_eq!(Format::new("%F %T").unwrap().read("2026-02-05 15:04:09"), Some(at));
        let dates = Format::new("%d.%m.%Y").unwrap();
        assert_eq!(dates.read("5.2.2026"), Some(days(2026, 2, 5) * DAY));
        for bad in ["", "31.2.2026", "5.2.2026x", "a.b.c", "5.13.2026", "05.02.", "+5.2.2026"] {
            assert_eq!(dates.read(bad), None, "{bad}");
        }
        assert_eq!(dates.write(i64::MAX), None);
    }

    #[test]
    fn unknown_specifiers_are_none() {
        assert!(Format::new("%Z").is_none() && Format::new("%").is_none() && Format::new(&"%Y".repeat(40)).is_none());
        assert!(!Format::new("%Y-%m").unwrap().names_a_day() && Format::new("%F").unwrap().names_a_day());
        assert_eq!(date(2026, 2, 29), None);
    }
}
