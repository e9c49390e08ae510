//! Why a query isn't answered. Before the charge a reason depends on the text, the catalogue and the policy only,
//! so it is told in full: what, where, why and what to write instead. It never carries a value from the data.

use std::fmt;

/// A place in the SQL text as the researcher typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, counted from 1.
    pub line: u64,
    /// Character in the line, counted from 1.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What kind of refusal it is; one stable code each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All reasons, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

reasons! {
    /// The text is longer, deeper or has more parts than a query may have.
    TooLarge = "E2101",
    /// The text isn't SQL.
    Syntax = "E2102",
    /// Not exactly one query: another statement, or several.
    NotAQuery = "E2103",
    /// A clause or expression that no rule admits.
    Unsupported = "E2104",
    /// OPTIONS that don't exist or have impossible values.
    Options = "E2105",
    /// A name that is not in the workspace's catalogue.
    UnknownName = "E2106",
    /// A join that could put one person's rows beside another person's.
    Join = "E2107",
    /// Types that don't fit together.
    Types = "E2108",
    /// A function that doesn't exist or isn't admitted where it stands.
    Function = "E2109",
    /// Rows would leave instead of aggregates.
    RawRows = "E2110",
    /// The privacy unit used as anything but the unit.
    Unit = "E2111",
    /// An aggregate that can't be released.
    Aggregate = "E2112",
    /// A sum without bounds, or with impossible ones.
    Bounds = "E2113",
    /// More than one private aggregate in a query.
    SeveralBarriers = "E2114",
    /// Order, limits, windows, DISTINCT or set operations on private rows.
    RowOrder = "E2115",
    /// A subquery inside an expression.
    Subquery = "E2116",
    /// GROUP BY with more possible groups than can be released.
    TooManyGroups = "E2117",
    /// `DP_INTERVAL_LOW/HIGH` of something that has no interval.
    Interval = "E2118",
    /// Private and other tables in one query.
    MixedTables = "E2119",
}

/// A refusal before anything is charged: static, complete, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind it is.
    pub reason: Reason,
    /// What is refused, one line.
    pub what: String,
    /// Where, if the place could be found.
    pub position: Option<Position>,
    /// Why, one or two sentences.
    pub why: String,
    /// What to write instead.
    pub fix: Option<String>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { reason, what: what.into(), position: None, why: why.into(), fix: None }
    }

    pub(crate) fn at(mut self, position: Option<Position>) -> Self {
        self.position = self.position.or(position);
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The refusal as text, with the line of `sql` it is about.
    #[must_use]
    pub fn render(&self, sql: &str) -> String {
        let mut text = format!("error[{}]: {}\n", self.reason.code(), self.what);
        if let Some(at) = self.position
            && let Some(line) = usize::try_from(at.line).ok().and_then(|n| sql.lines().nth(n.saturating_sub(1)))
        {
            let column = usize::try_from(at.column).unwrap_or(1).saturating_sub(1);
            // A long line is shown around the place only.
            let skip = column.saturating_sub(60);
            let shown: String = line.chars().skip(skip).take(120).collect();
            let label = format!("  line {}   ", at.line);
            text += &format!("{label}{shown}\n{}^\n", " ".repeat(label.chars().count() + column - skip));
        }
        text += &format!("{}\n", self.why);
        if let Some(fix) = &self.fix {
            text += &format!("try      {fix}\n");
        }
        text + "nothing was charged"
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(at) = self.position {
            write!(f, " ({at})")?;
        }
        write!(f, ": {}", self.why)?;
        if let Some(fix) = &self.fix {
            write!(f, "; try: {fix}")?;
        }
        Ok(())
    }
}

/// Why a query isn't answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Refused by parse, bind or certify: depends on the text, the catalogue and the policy only; nothing charged.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Certified but not priced: just as static, nothing charged.
    #[error(transparent)]
    Price(#[from] crate::failure::PriceError),
    /// Post-processing of released numbers, or a query over public tables, failed.
    #[error(transparent)]
    Finish(#[from] crate::failure::FinishError),
}

impl QueryError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason.code(),
            Self::Price(error) => error.code(),
            Self::Finish(error) => error.code(),
        }
    }
}

impl From<Refusal> for QueryError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
