//! Epochs: with them the privacy unit is a person in one day, week or month, and each has a budget of its own.
//!
//! Epochs are counted in UTC from the one that contains 1970-01-01. They follow each other without a gap, so every
//! instant is in exactly one. Weeks are those of ISO 8601 and begin on Mondays.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Most epochs that one query may touch: every one of them is a debit of every account.
pub const MAX_EPOCHS: u64 = 400;
/// First and last day that are in an epoch: 0001-01-01 and 9999-12-31, so that years have four digits.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;

/// How long an epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// A day, from midnight to midnight.
    Day,
    /// A week, Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Every {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];
    /// Their spellings, in the same order.
    pub const WORDS: &'static [&'static str] = &["day", "week", "month"];

    /// The manifest's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Reads the manifest's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == word)
    }

    /// The epoch that a day is in, in days since 1970-01-01; `None` outside of the years 1 to 9999.
    #[must_use]
    pub fn of_day(self, day: i64) -> Option<Epoch> {
        if !DAYS.contains(&day) {
            return None;
        }
        let index = match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday: its week began three days before.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => {
                let (year, month, _) = civil(day);
                (year - 1970) * 12 + month - 1
            }
        };
        i32::try_from(index).ok().map(|index| Epoch { every: self, index })
    }

    /// The epoch that an instant is in, in microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn of_micros(self, micros: i64) -> Option<Epoch> {
        self.of_day(micros.div_euclid(MICROS_PER_DAY))
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Every {
    type Err = EpochError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::from_word(s).ok_or(EpochError)
    }
}

/// One epoch. Written `2026-03` (month), `2026-W09` (week) or `2026-03-01` (day); epochs of one length sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch {
    every: Every,
    index: i32,
}

impl Epoch {
    /// Its length.
    #[must_use]
    pub const fn every(self) -> Every {
        self.every
    }

    /// How many epochs after the one that contains 1970-01-01.
    #[must_use]
    pub const fn index(self) -> i32 {
        self.index
    }

    /// Its first day, in days since 1970-01-01.
    #[must_use]
    pub fn first_day(self) -> i64 {
        let index = i64::from(self.index);
        match self.every {
            Every::Day => index,
            Every::Week => index * 7 - 3,
            Every::Month => day_of(1970 + index.div_euclid(12), index.rem_euclid(12) + 1, 1),
        }
    }

    /// Its last day, in days since 1970-01-01.
    #[must_use]
    pub fn last_day(self) -> i64 {
        Self { index: self.index.saturating_add(1), ..self }.first_day() - 1
    }

    fn at(every: Every, index: i64) -> Option<Self> {
        i32::try_from(index).ok().map(|index| Self { every, index })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.first_day());
        match self.every {
            Every::Day => write!(f, "{year:04}-{month:02}-{day:02}"),
            Every::Week => {
                // A week belongs to the year that its Thursday is in.
                let (year, ..) = civil(self.first_day() + 3);
                write!(f, "{year:04}-W{:02}", i64::from(self.index) - first_week(year) + 1)
            }
            Every::Month => write!(f, "{year:04}-{month:02}"),
        }
    }
}

impl FromStr for Epoch {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let number = |t: &str, digits: usize| {
            let plain = t.len() == digits && t.bytes().all(|b| b.is_ascii_digit());
            if plain { t.parse::<i64>().map_err(|_| EpochError) } else { Err(EpochError) }
        };
        let epoch = match parts.as_slice() {
            [year, month, day] => {
                let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
                Every::Day.of_day(day_of(year, month, day))
            }
            [year, week] if week.starts_with('W') => {
                Epoch::at(Every::Week, first_week(number(year, 4)?) + number(&week[1..], 2)? - 1)
            }
            [year, month] => Epoch::at(Every::Month, (number(year, 4)? - 1970) * 12 + number(month, 2)? - 1),
            _ => None,
        };
        // 2026-13, 2026-02-30 or 2025-W53 are other epochs' days: they have no spelling of their own.
        epoch.filter(|e| e.to_string() == text).ok_or(EpochError)
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Text that is no epoch, or no length of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is written 2026-03, 2026-W09 or 2026-03-01")]
pub struct EpochError;

/// Epochs that follow each other, all of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "RawSpan")]
pub struct EpochSpan {
    first: Epoch,
    last: Epoch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpan {
    first: Epoch,
    last: Epoch,
}

impl TryFrom<RawSpan> for EpochSpan {
    type Error = EpochError;
    fn try_from(raw: RawSpan) -> Result<Self, EpochError> {
        Self::new(raw.first, raw.last).ok_or(EpochError)
    }
}

impl EpochSpan {
    /// From the first to the last; `None` for other lengths or the wrong order.
    #[must_use]
    pub fn new(first: Epoch, last: Epoch) -> Option<Self> {
        (first.every == last.every && first.index <= last.index).then_some(Self { first, last })
    }

    /// The first.
    #[must_use]
    pub const fn first(self) -> Epoch {
        self.first
    }

    /// The last.
    #[must_use]
    pub const fn last(self) -> Epoch {
        self.last
    }

    /// How many: at least 1.
    #[must_use]
    pub fn count(self) -> u64 {
        (i64::from(self.last.index) - i64::from(self.first.index)).unsigned_abs() + 1
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Epoch> {
        (self.first.index..=self.last.index).map(move |index| Epoch { every: self.first.every, index })
    }
}

/// A set of epochs of one length: spans that rise, and neither touch nor overlap. Empty where there are no epochs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<EpochSpan>", into = "Vec<EpochSpan>")]
pub struct Epochs {
    spans: Vec<EpochSpan>,
}

impl TryFrom<Vec<EpochSpan>> for Epochs {
    type Error = EpochError;
    /// Only the one spelling of a set is accepted.
    fn try_from(spans: Vec<EpochSpan>) -> Result<Self, EpochError> {
        let gap = |w: &[EpochSpan]| {
            w[0].last.every == w[1].first.every && i64::from(w[0].last.index) + 1 < i64::from(w[1].first.index)
        };
        if spans.windows(2).all(gap) { Ok(Self { spans }) } else { Err(EpochError) }
    }
}

impl From<Epochs> for Vec<EpochSpan> {
    fn from(epochs: Epochs) -> Self {
        epochs.spans
    }
}

impl From<EpochSpan> for Epochs {
    fn from(span: EpochSpan) -> Self {
        Self { spans: vec![span] }
    }
}

impl Epochs {
    /// No epochs: the unit is a person for all time.
    pub const NONE: Self = Self { spans: Vec::new() };

    /// The spans, rising.
    #[must_use]
    pub fn spans(&self) -> &[EpochSpan] {
        &self.spans
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many epochs.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.spans.iter().map(|s| s.count()).sum()
    }

    /// Their length; `None` if there is none.
    #[must_use]
    pub fn every(&self) -> Option<Every> {
        self.spans.first().map(|s| s.first.every)
    }

    /// Each epoch, rising.
    pub fn iter(&self) -> impl Iterator<Item = Epoch> + '_ {
        self.spans.iter().flat_map(|s| s.iter())
    }

    /// Whether the epoch is one of them.
    #[must_use]
    pub fn contains(&self, epoch: Epoch) -> bool {
        self.spans.iter().any(|s| s.first <= epoch && epoch <= s.last)
    }

    /// Both together; `None` if they are of different lengths.
    #[must_use]
    pub fn union(&self, other: &Self) -> Option<Self> {
        if self.every().zip(other.every()).is_some_and(|(a, b)| a != b) {
            return None;
        }
        let mut all: Vec<EpochSpan> = self.spans.iter().chain(&other.spans).copied().collect();
        all.sort_unstable();
        let mut spans: Vec<EpochSpan> = Vec::with_capacity(all.len());
        for span in all {
            match spans.last_mut() {
                Some(last) if i64::from(span.first.index) <= i64::from(last.last.index) + 1 => {
                    last.last = last.last.max(span.last);
                }
                _ => spans.push(span),
            }
        }
        Some(Self { spans })
    }
}

impl fmt::Display for Epochs {
    /// In words: `3 months: 2026-03 … 2026-05`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(every) = self.every() else { return f.write_str("no epochs") };
        let count = self.count();
        write!(f, "{count} {every}{}: ", if count == 1 { "" } else { "s" })?;
        for (i, span) in self.spans.iter().enumerate() {
            let joint = if i == 0 { "" } else { ", " };
            match span.count() {
                1 => write!(f, "{joint}{}", span.first)?,
                2 => write!(f, "{joint}{}, {}", span.first, span.last)?,
                _ => write!(f, "{joint}{} … {}", span.first, span.last)?,
            }
        }
        Ok(())
    }
}

/// Year, month and day of a day since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-
/// compatible low-level date algorithms", `civil_from_days`).
const fn civil(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + (month <= 2) as i64, month, doy - (153 * mp + 2) / 5 + 1)
}

/// The inverse of [`civil`].
const fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - (month <= 2) as i64;
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// The index of the first ISO week of a year: the one that January 4th is in.
const fn first_week(year: i64) -> i64 {
    (day_of(year, 1, 4) + 3).div_euclid(7)
}
