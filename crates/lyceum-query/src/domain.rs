//! What is known about a column or expression from public facts alone: type, interval, value list, nullability and
//! byte length. Floats below the barrier are always finite: every total function gives NULL instead of NaN or ±∞.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use lyceum_schema::manifest::{self, Value};

/// Longest value list that is carried along or made from an interval.
pub const MAX_VALUES: usize = 1_000;
/// Longest text, bytes, that any expression may give; longer results are NULL. With [`MAX_ROW_TEXT_BYTES`] it keeps
/// what one row can cost in time and memory small, whatever is in the row.
pub const MAX_TEXT_BYTES: u32 = 4_096;
/// Most bytes of text that the expressions of a query may hold for one row, by their declared lengths.
pub const MAX_ROW_TEXT_BYTES: u64 = 65_536;

/// The types there are below the barrier: every SQL type is one of them or is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// true, false.
    Boolean,
    /// 64-bit integers; narrower ones are widened.
    Int,
    /// Finite doubles.
    Float,
    /// UTF-8 text.
    Text,
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since the epoch, without a zone.
    Timestamp,
}

impl Kind {
    /// The kind that values of an Arrow type have below the barrier.
    #[must_use]
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => Some(Self::Boolean),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(Self::Int),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Some(Self::Int),
            // What an unsigned number of rows and a signed one are coerced to.
            DataType::Decimal128(20 | 21, 0) => Some(Self::Int),
            DataType::Float32 | DataType::Float64 => Some(Self::Float),
            // Casts to decimals round and limit floats.
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Some(Self::Float)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Self::Text),
            DataType::Date32 => Some(Self::Date),
            DataType::Timestamp(_, None) => Some(Self::Timestamp),
            _ => None,
        }
    }

    /// The Arrow type of its values.
    #[must_use]
    pub const fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int => "integer",
            Self::Float => "float",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A closed interval of numbers; dates count days, timestamps microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// Integers, dates, timestamps.
    Int {
        /// Smallest possible value.
        low: i64,
        /// Largest possible value.
        high: i64,
    },
    /// Finite doubles.
    Float {
        /// Smallest possible value.
        low: f64,
        /// Largest possible value.
        high: f64,
    },
}

impl Interval {
    /// All values of a kind, where they are numbers.
    #[must_use]
    pub const fn all(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Int | Kind::Date | Kind::Timestamp => Some(Self::Int { low: i64::MIN, high: i64::MAX }),
            Kind::Float => Some(Self::Float { low: f64::MIN, high: f64::MAX }),
            Kind::Boolean | Kind::Text => None,
        }
    }

    /// Ends as doubles.
    #[must_use]
    pub fn ends(self) -> (f64, f64) {
        match self {
            Self::Int { low, high } => (low as f64, high as f64),
            Self::Float { low, high } => (low, high),
        }
    }

    /// The smallest interval that contains both; `None` if they are of different kinds.
    #[must_use]
    pub fn hull(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Int { low: a, high: b }, Self::Int { low: c, high: d }) => {
                Some(Self::Int { low: a.min(c), high: b.max(d) })
            }
            (Self::Float { low: a, high: b }, Self::Float { low: c, high: d }) => {
                Some(Self::Float { low: a.min(c), high: b.max(d) })
            }
            _ => None,
        }
    }

    /// What both contain; `None` if that is nothing or they are of different kinds.
    #[must_use]
    pub fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Int { low: a, high: b }, Self::Int { low: c, high: d }) if a.max(c) <= b.min(d) => {
                Some(Self::Int { low: a.max(c), high: b.min(d) })
            }
            (Self::Float { low: a, high: b }, Self::Float { low: c, high: d }) if a.max(c) <= b.min(d) => {
                Some(Self::Float { low: a.max(c), high: b.min(d) })
            }
            _ => None,
        }
    }
}

/// What is known about a column or expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// The type.
    pub kind: Kind,
    /// Smallest and largest possible value; `None`: unknown, or not a number.
    pub interval: Option<Interval>,
    /// All possible values except NULL, in showing order; `None`: unknown or too many.
    pub values: Option<Vec<ScalarValue>>,
    /// Whether NULL is possible.
    pub nullable: bool,
    /// Longest text, bytes.
    pub max_bytes: Option<u32>,
}

impl Domain {
    /// Nothing but the type.
    #[must_use]
    pub const fn unknown(kind: Kind) -> Self {
        Self { kind, interval: None, values: None, nullable: true, max_bytes: None }
    }

    /// A truth value.
    #[must_use]
    pub fn boolean(nullable: bool) -> Self {
        let values = Some(vec![ScalarValue::Boolean(Some(false)), ScalarValue::Boolean(Some(true))]);
        Self { values, nullable, ..Self::unknown(Kind::Boolean) }
    }

    /// An interval of integers.
    #[must_use]
    pub fn int(low: i64, high: i64, nullable: bool) -> Self {
        Self { interval: Some(Interval::Int { low, high }), nullable, ..Self::unknown(Kind::Int) }
    }

    /// Text of at most `max_bytes`.
    #[must_use]
    pub fn text(max_bytes: u32, nullable: bool) -> Self {
        Self { max_bytes: Some(max_bytes), nullable, ..Self::unknown(Kind::Text) }
    }

    /// One value: a literal of a normal type.
    #[must_use]
    pub fn literal(kind: Kind, value: &ScalarValue) -> Self {
        if value.is_null() {
            return Self { values: Some(Vec::new()), max_bytes: Some(0), ..Self::unknown(kind) };
        }
        Self::listed(kind, vec![value.clone()], false)
    }

    /// A list of values of one normal type, none NULL.
    #[must_use]
    pub fn listed(kind: Kind, values: Vec<ScalarValue>, nullable: bool) -> Self {
        let interval = values.iter().map(point).reduce(|a, b| a?.hull(b?)).flatten();
        let max_bytes = (kind == Kind::Text)
            .then(|| values.iter().map(|v| v.try_as_str().flatten().map_or(0, str::len)).max().unwrap_or(0))
            .and_then(|n| u32::try_from(n).ok());
        let values = (values.len() <= MAX_VALUES).then_some(values);
        Self { kind, interval, values, nullable, max_bytes }
    }

    /// What the manifest declares of a column.
    #[must_use]
    pub fn declared(column: &manifest::Column) -> Option<Self> {
        let kind = Kind::of(&crate::catalog::arrow_type(column.data_type()))?;
        let nullable = column.nullable();
        Some(match column.domain() {
            manifest::Domain::Values(values) => {
                // A text outside the list can't be in the files; if it were, its row has no cell to count in.
                Self::listed(kind, values.iter().map(|v| scalar(kind, v)).collect::<Option<_>>()?, nullable)
            }
            manifest::Domain::Bounds { low, high } => {
                let interval = point(&scalar(kind, low)?).and_then(|a| a.hull(point(&scalar(kind, high)?)?));
                Self { interval, nullable, ..Self::unknown(kind) }
            }
            manifest::Domain::Text { max_bytes } => Self::text(*max_bytes, nullable),
            manifest::Domain::Unbounded if kind == Kind::Boolean => Self::boolean(nullable),
            manifest::Domain::Unbounded => Self { nullable, ..Self::unknown(kind) },
        })
    }

    /// All possible values in showing order, NULL last if possible: from the list, or from a short interval of whole
    /// numbers or days. `None`: not known, or more than [`MAX_VALUES`].
    #[must_use]
    pub fn enumerate(&self) -> Option<Vec<ScalarValue>> {
        let mut values = match (&self.values, self.interval) {
            (Some(values), _) => values.clone(),
            (None, Some(Interval::Int { low, high }))
                if matches!(self.kind, Kind::Int | Kind::Date)
                    && high.checked_sub(low).is_some_and(|n| n < MAX_VALUES as i64) =>
            {
                (low..=high).map(|n| self.number(n)).collect::<Option<_>>()?
            }
            _ => return None,
        };
        if self.nullable {
            values.push(ScalarValue::try_from(&self.kind.arrow()).ok()?);
        }
        Some(values)
    }

    /// Whether the list comes from an interval rather than from a declared list.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.values.is_some()
    }

    fn number(&self, n: i64) -> Option<ScalarValue> {
        match self.kind {
            Kind::Int => Some(ScalarValue::Int64(Some(n))),
            Kind::Date => i32::try_from(n).ok().map(|d| ScalarValue::Date32(Some(d))),
            _ => None,
        }
    }

    /// What is known if the value comes from either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let interval = match (&self.values, &other.values) {
            // A branch that is always NULL adds no number.
            (Some(v), _) if v.is_empty() => other.interval,
            (_, Some(v)) if v.is_empty() => self.interval,
            _ => self.interval.zip(other.interval).and_then(|(a, b)| a.hull(b)),
        };
        let values = self.values.zip(other.values).map(|(mut a, b)| {
            for v in b {
                if !a.contains(&v) {
                    a.push(v);
                }
            }
            a
        });
        Self {
            kind: self.kind,
            interval,
            values: values.filter(|v| v.len() <= MAX_VALUES),
            nullable: self.nullable || other.nullable,
            max_bytes: self.max_bytes.zip(other.max_bytes).map(|(a, b)| a.max(b)),
        }
    }

    /// Keeps the listed values that `keep` admits, and the interval that is left.
    pub(crate) fn retain(&mut self, keep: impl Fn(&ScalarValue) -> bool) {
        if let Some(values) = &mut self.values {
            values.retain(keep);
            if let Some(hull) = values.iter().map(point).reduce(|a, b| a?.hull(b?)).flatten() {
                self.interval = Some(hull);
            }
        }
    }

    /// The domain as people read it: `∈ [0, 1], never NULL`.
    #[must_use]
    pub fn describe(&self) -> String {
        let null = if self.nullable { "may be NULL" } else { "never NULL" };
        let what = match (&self.values, self.interval, self.max_bytes) {
            (Some(values), _, _) => format!("∈ {} public values", values.len()),
            (None, Some(interval), _) => {
                let (low, high) = interval.ends();
                match self.kind {
                    Kind::Date | Kind::Timestamp => format!("a {} between declared ends", self.kind.name()),
                    _ => format!("∈ [{low}, {high}]"),
                }
            }
            (None, None, Some(bytes)) => format!("text of at most {bytes} bytes"),
            (None, None, None) => format!("{} without bounds", self.kind.name()),
        };
        format!("{what}, {null}")
    }
}

/// A non-NULL number as an interval.
pub(crate) fn point(value: &ScalarValue) -> Option<Interval> {
    match value {
        ScalarValue::Int64(Some(v)) | ScalarValue::TimestampMicrosecond(Some(v), None) => {
            Some(Interval::Int { low: *v, high: *v })
        }
        ScalarValue::Date32(Some(v)) => Some(Interval::Int { low: i64::from(*v), high: i64::from(*v) }),
        ScalarValue::Float64(Some(v)) if v.is_finite() => Some(Interval::Float { low: *v, high: *v }),
        _ => None,
    }
}

/// A declared value as a scalar of the kind's type.
fn scalar(kind: Kind, value: &Value) -> Option<ScalarValue> {
    Some(match (kind, value) {
        (Kind::Boolean, Value::Boolean(v)) => ScalarValue::Boolean(Some(*v)),
        (Kind::Int, Value::Int(v)) => ScalarValue::Int64(Some(*v)),
        (Kind::Float, Value::Float(v)) => ScalarValue::Float64(Some(*v)),
        (Kind::Float, Value::Int(v)) => ScalarValue::Float64(Some(*v as f64)),
        (Kind::Text, Value::String(v)) => ScalarValue::Utf8(Some(v.clone())),
        (Kind::Date, Value::Date(v)) => ScalarValue::Date32(Some(*v)),
        (Kind::Timestamp, Value::Timestamp(v)) => ScalarValue::TimestampMicrosecond(Some(*v), None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(v: i64) -> ScalarValue {
        ScalarValue::Int64(Some(v))
    }

    #[test]
    fn a_short_interval_is_enumerated_with_null_last() {
        let values = Domain::int(3, 5, true).enumerate().unwrap_or_default();
        assert_eq!(values, [int(3), int(4), int(5), ScalarValue::Int64(None)]);
        assert_eq!(Domain::int(0, 999, false).enumerate().map(|v| v.len()), Some(1000));
        assert_eq!(Domain::int(0, 1000, false).enumerate(), None);
        assert_eq!(Domain::int(i64::MIN, i64::MAX, false).enumerate(), None);
        assert_eq!(Domain::unknown(Kind::Int).enumerate(), None);
    }

    #[test]
    fn a_union_keeps_what_both_sides_promise() {
        let a = Domain::listed(Kind::Int, vec![int(1), int(2)], false);
        let b = Domain::listed(Kind::Int, vec![int(2), int(9)], false);
        let both = a.clone().union(b);
        assert_eq!(both.values, Some(vec![int(1), int(2), int(9)]));
        assert_eq!(both.interval, Some(Interval::Int { low: 1, high: 9 }));
        let with_null = a.clone().union(Domain::literal(Kind::Int, &ScalarValue::Int64(None)));
        assert!(with_null.nullable);
        assert_eq!(with_null.interval, a.interval);
        assert_eq!(a.union(Domain::unknown(Kind::Int)), Domain::unknown(Kind::Int));
    }

    #[test]
    fn narrowing_a_list_narrows_the_interval() {
        let mut a = Domain::listed(Kind::Int, vec![int(1), int(5), int(9)], false);
        a.retain(|v| *v != int(9));
        assert_eq!(a.interval, Some(Interval::Int { low: 1, high: 5 }));
    }
}
