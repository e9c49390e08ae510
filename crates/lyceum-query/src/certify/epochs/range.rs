//! From when to when a row's time lies, if a condition holds on it. What isn't understood says nothing: a condition that
//! only looks narrow stays as wide as it is.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use lyceum_schema::epoch::{EpochSpan, Every, MICROS_PER_DAY};

/// A closed range of days or microseconds; empty if `low > high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Range {
    /// From the first to the last day or microsecond.
    pub(super) fn of_epochs(span: EpochSpan, days: bool) -> Self {
        let (low, high) = (span.first().first_day(), span.last().last_day());
        if days { Self { low, high } } else { Self { low, high }.in_micros() }
    }

    /// The epochs that it reaches; `None` if it is empty.
    pub(super) fn epochs(self, every: Every, days: bool) -> Option<EpochSpan> {
        let at = |n| if days { every.of_day(n) } else { every.of_micros(n) };
        let ends = if self.is_empty() { None } else { at(self.low).zip(at(self.high)) };
        ends.and_then(|(first, last)| EpochSpan::new(first, last))
    }

    const fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// What both contain.
    pub(super) fn meet(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    fn hull(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self { low: self.low.min(other.low), high: self.high.max(other.high) },
        }
    }

    /// Days as the microseconds in them.
    const fn in_micros(self) -> Self {
        Self {
            low: self.low.saturating_mul(MICROS_PER_DAY),
            high: self.high.saturating_mul(MICROS_PER_DAY).saturating_add(MICROS_PER_DAY - 1),
        }
    }

    /// Microseconds as the days whose midnights are among them.
    fn midnights(self) -> Self {
        let low = self.low.div_euclid(MICROS_PER_DAY) + i64::from(self.low.rem_euclid(MICROS_PER_DAY) > 0);
        Self { low, high: self.high.div_euclid(MICROS_PER_DAY) }
    }
}

const EMPTY: Range = Range { low: 0, high: -1 };

/// The range of `column` on rows where the condition is true. `days`: the column has dates, else timestamps.
pub(super) fn of(condition: &Expr, column: &Column, days: bool) -> Option<Range> {
    let subject = Subject { column, days };
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (of(left, column, days), of(right, column, days)) {
                (Some(a), Some(b)) => Some(a.meet(b)),
                (a, b) => a.or(b),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(of(left, column, days)?.hull(of(right, column, days)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (literal(left), literal(right)) {
            (None, Some(value)) => subject.preimage(left, compared(*op, value)?),
            (Some(value), None) => subject.preimage(right, compared(op.swap()?, value)?),
            _ => None,
        },
        Expr::Between(Between { expr, negated: false, low, high }) => {
            subject.preimage(expr, Range { low: literal(low)?, high: literal(high)? })
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let values = list.iter().map(literal).collect::<Option<Vec<_>>>()?;
            let all = values.into_iter().map(|v| Range { low: v, high: v }).reduce(Range::hull)?;
            subject.preimage(expr, all)
        }
        Expr::Literal(ScalarValue::Boolean(Some(false)), _) => Some(EMPTY),
        Expr::Alias(alias) => of(&alias.expr, column, days),
        _ => None,
    }
}

/// Values that compare so with another.
fn compared(op: Operator, value: i64) -> Option<Range> {
    let (low, high) = match op {
        Operator::Eq | Operator::IsNotDistinctFrom => (value, value),
        Operator::Lt => (i64::MIN, value.saturating_sub(1)),
        Operator::LtEq => (i64::MIN, value),
        Operator::Gt => (value.saturating_add(1), i64::MAX),
        Operator::GtEq => (value, i64::MAX),
        _ => return None,
    };
    Some(Range { low, high })
}

/// A day or a microsecond.
fn literal(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Date32(Some(day)), _) => Some(i64::from(*day)),
        Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), None), _) => Some(*micros),
        _ => None,
    }
}

/// The column that is asked about.
#[derive(Clone, Copy)]
struct Subject<'a> {
    column: &'a Column,
    days: bool,
}

impl Subject<'_> {
    /// The column's range where an expression of it, which never falls as the column rises, has values in a range.
    fn preimage(self, expr: &Expr, values: Range) -> Option<Range> {
        match expr {
            Expr::Column(column) => (column == self.column).then_some(values),
            Expr::Alias(alias) => self.preimage(&alias.expr, values),
            Expr::ScalarFunction(f) => match (f.func.name(), f.args.as_slice()) {
                // Rows outside of the declared bounds are not stored.
                ("total_within", [inner, ..]) => self.preimage(inner, values),
                ("total_cast_date", [inner]) => {
                    let values = if self.has_days(inner)? { values } else { values.in_micros() };
                    self.preimage(inner, values)
                }
                ("total_cast_timestamp", [inner]) => {
                    let values = if self.has_days(inner)? { values.midnights() } else { values };
                    self.preimage(inner, values)
                }
                ("total_date_trunc", [Expr::Literal(ScalarValue::Utf8(Some(part)), _), inner]) => {
                    let every = Every::from_word(&part.to_ascii_lowercase())?;
                    let days = self.has_days(inner)?;
                    // A truncated time is never later than the time, and its epoch is the time's.
                    let whole = Range { low: values.high, high: values.high }.epochs(every, days);
                    let high = whole.map_or(i64::MAX, |span| Range::of_epochs(span, days).high);
                    self.preimage(inner, Range { low: values.low, high: high.max(values.high) })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether an expression of the column gives dates rather than timestamps.
    fn has_days(self, expr: &Expr) -> Option<bool> {
        match expr {
            Expr::Column(column) => (column == self.column).then_some(self.days),
            Expr::Alias(alias) => self.has_days(&alias.expr),
            Expr::ScalarFunction(f) => match (f.func.name(), f.args.as_slice()) {
                ("total_within", [inner, ..]) | ("total_date_trunc", [_, inner]) => self.has_days(inner),
                ("total_cast_date", [_]) => Some(true),
                ("total_cast_timestamp", [_]) => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}
