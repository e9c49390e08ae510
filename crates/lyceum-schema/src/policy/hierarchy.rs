//! Where the levels of a quasi-identifier come from: a table in ARX's CSV form, or a rule.
//!
//! Only spelling is decided here; the levels themselves are made and checked over the column's values by
//! `lyceum-anonymize`, which knows rows.

/// The source of a column's generalisation hierarchy.
#[derive(Debug, Clone, PartialEq)]
pub enum HierarchySource {
    /// A table in ARX's form: one line per value, `value;level 1;…;*`.
    Table(String),
    /// Intervals of these widths, ascending, each a multiple of the one before: `[5, 10, 20]`. For numbers.
    Intervals(Vec<f64>),
    /// Calendar steps, ascending: `["month", "year"]`. For dates and timestamps.
    Dates(Vec<DateStep>),
    /// Characters kept of a code, descending: `[3, 2, 1]`. For text such as postcodes.
    Prefixes(Vec<u8>),
    /// Bits kept of an IPv4 address, descending: `[24, 16, 8]`; of IPv6 four times as many. For text.
    IpPrefixes(Vec<u8>),
    /// No level between the value and `*`.
    Flat,
}

/// A step of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DateStep {
    /// A day.
    Day,
    /// A month.
    Month,
    /// Three months, from January.
    Quarter,
    /// A year.
    Year,
    /// Ten years, from one that ends in 0.
    Decade,
}

impl DateStep {
    /// All steps, from fine to coarse.
    pub const ALL: [Self; 5] = [Self::Day, Self::Month, Self::Quarter, Self::Year, Self::Decade];
    /// Their spellings, in the same order.
    pub const WORDS: &'static [&'static str] = &["day", "month", "quarter", "year", "decade"];

    /// The spelling in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::Decade => "decade",
        }
    }

    /// Reads the spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Mean length in days.
    #[must_use]
    pub const fn days(self) -> f64 {
        match self {
            Self::Day => 1.0,
            Self::Month => 30.436_875,
            Self::Quarter => 91.310_625,
            Self::Year => 365.2425,
            Self::Decade => 3_652.425,
        }
    }

    /// Whether the other step is coarser (every coarser one is made of whole finer ones).
    #[must_use]
    pub fn nests_in(self, coarser: Self) -> bool {
        self < coarser
    }
}
