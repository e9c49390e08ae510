//! The values of one column: an index for each row, and the value that stands at the index.

use super::spine::{RowAt, scaled, unit_interval};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, StringBuilder, TimestampMicrosecondArray,
};
use lyceum_schema::epoch::{Epoch, EpochSpan, MICROS_PER_DAY};
use lyceum_schema::manifest::{Column, DataType, Domain, Role, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::fmt::Write as _;
use std::sync::Arc;

/// One cell in so many is NULL where NULL is allowed.
const ONE_NULL_IN: u64 = 20;
/// Different values of text without a list.
const TEXTS: u64 = 50;
/// Numbers without bounds are from 0 to this.
const UNBOUNDED: i64 = 1_000;
/// Times without bounds: days of 2020 to 2029.
const UNBOUNDED_DAYS: (i64, i64) = (18_262, 21_914);

/// Which value a row gets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Index {
    /// The one at its own number, of so many.
    Own(u64),
    /// The one at its parent's number, of so many.
    Parent(u64),
    /// Any of so many.
    Uniform(u64),
    /// Any of so many, low ones more often: the square of a uniform number.
    Low(u64),
    /// A time: any day of so many microseconds, noon more often than midnight.
    Daylight(u64),
}

/// What stands at an index.
#[derive(Debug, Clone)]
enum Values {
    List(Vec<Value>),
    From(i64),
    Named {
        stem: String,
        digits: usize,
        max_bytes: usize,
    },
    /// No index: a number between two ends, low ones more often if `low`.
    Between {
        ends: (f64, f64),
        low: bool,
    },
    /// A time in the unit's epoch: the first and last one, by epoch.
    Epochs(Vec<(i64, i64)>),
}

/// What stands in a column.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    values: Values,
    index: Index,
    key: bool,
}

impl Source {
    /// A key's values.
    pub(crate) fn new(column: &Column, domain: &Domain, index: Index) -> Self {
        let (Index::Own(count)
        | Index::Parent(count)
        | Index::Uniform(count)
        | Index::Low(count)
        | Index::Daylight(count)) = index;
        Self { values: Values::new(column, domain, count), index, key: true }
    }

    /// A column that is no key.
    pub(crate) fn of(column: &Column) -> Self {
        let measure = column.role() == Role::Measure;
        let spread = |count| if measure { Index::Low(count) } else { Index::Uniform(count) };
        let range = |low: i64, high: i64| high.wrapping_sub(low).cast_unsigned().saturating_add(1);
        let index = match (column.domain(), column.data_type()) {
            (Domain::Values(list), _) => Index::Uniform(list.len() as u64),
            (Domain::Text { .. }, _) => Index::Low(TEXTS),
            (Domain::Bounds { low, high }, data_type) => match (integer(low), integer(high), data_type) {
                (Some(low), Some(high), DataType::Timestamp) => Index::Daylight(range(low, high)),
                (Some(low), Some(high), _) => spread(range(low, high)),
                _ => Index::Uniform(1),
            },
            (Domain::Unbounded, DataType::Boolean) => Index::Uniform(2),
            (Domain::Unbounded, DataType::Date) => Index::Uniform(range(UNBOUNDED_DAYS.0, UNBOUNDED_DAYS.1)),
            (Domain::Unbounded, DataType::Timestamp) => {
                Index::Daylight(range(UNBOUNDED_DAYS.0 * MICROS_PER_DAY, UNBOUNDED_DAYS.1 * MICROS_PER_DAY))
            }
            (Domain::Unbounded, _) => spread(range(0, UNBOUNDED)),
        };
        Self { values: Values::new(column, column.domain(), TEXTS), index, key: false }
    }

    /// The column that tells the epoch of a unit.
    pub(crate) fn in_epoch(column: &Column, span: EpochSpan) -> Self {
        let ends = match column.domain() {
            Domain::Bounds { low, high } => integer(low).zip(integer(high)),
            _ => None,
        };
        let (low, high) = ends.unwrap_or((i64::MIN, i64::MAX));
        let per_day = if column.data_type() == DataType::Date { 1 } else { MICROS_PER_DAY };
        let reach = |e: Epoch| {
            let (first, after) = (e.first_day() * per_day, (e.last_day() + 1) * per_day);
            (first.max(low), (after - 1).min(high))
        };
        let values = Values::Epochs(span.iter().map(reach).collect());
        Self { values, index: Index::Uniform(1), key: true }
    }
}

impl Values {
    fn new(column: &Column, domain: &Domain, count: u64) -> Self {
        match (domain, column.data_type()) {
            (Domain::Values(list), _) => Self::List(list.clone()),
            (Domain::Bounds { low: Value::Float(low), high: Value::Float(high) }, _) => {
                Self::Between { ends: (*low, *high), low: column.role() == Role::Measure }
            }
            (Domain::Bounds { low, .. }, _) => Self::From(integer(low).unwrap_or(0)),
            (Domain::Text { max_bytes }, _) => {
                let digits = count.saturating_sub(1).max(1).ilog10() as usize + 1;
                Self::Named { stem: column.name().as_str().to_owned(), digits, max_bytes: *max_bytes as usize }
            }
            (Domain::Unbounded, DataType::Boolean) => Self::List(vec![Value::Boolean(false), Value::Boolean(true)]),
            (Domain::Unbounded, DataType::Float64) => {
                Self::Between { ends: (0.0, UNBOUNDED as f64), low: column.role() == Role::Measure }
            }
            (Domain::Unbounded, DataType::Date) => Self::From(UNBOUNDED_DAYS.0),
            (Domain::Unbounded, DataType::Timestamp) => Self::From(UNBOUNDED_DAYS.0 * MICROS_PER_DAY),
            (Domain::Unbounded, _) => Self::From(0),
        }
    }
}

/// A column as it is filled, batch after batch.
pub(crate) struct Cells {
    data_type: DataType,
    nullable: bool,
    source: Source,
    rng: ChaCha8Rng,
}

impl Cells {
    pub(crate) fn new(column: &Column, source: Source, rng: ChaCha8Rng) -> Self {
        Self { data_type: column.data_type(), nullable: column.nullable() && !source.key, source, rng }
    }

    /// The column's values for these rows.
    pub(crate) fn fill(&mut self, rows: &[RowAt]) -> ArrayRef {
        match self.data_type {
            DataType::Boolean => Arc::new(rows.iter().map(|r| self.boolean(r)).collect::<BooleanArray>()),
            DataType::Int32 => {
                Arc::new(rows.iter().map(|r| self.int(r).and_then(|v| i32::try_from(v).ok())).collect::<Int32Array>())
            }
            DataType::Date => {
                Arc::new(rows.iter().map(|r| self.int(r).and_then(|v| i32::try_from(v).ok())).collect::<Date32Array>())
            }
            DataType::Int64 => Arc::new(rows.iter().map(|r| self.int(r)).collect::<Int64Array>()),
            DataType::Timestamp => Arc::new(rows.iter().map(|r| self.int(r)).collect::<TimestampMicrosecondArray>()),
            DataType::Float64 => Arc::new(rows.iter().map(|r| self.float(r)).collect::<Float64Array>()),
            DataType::String => {
                let mut texts = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
                let mut text = String::new();
                for row in rows {
                    text.clear();
                    if self.is_null() {
                        texts.append_null();
                    } else {
                        self.text(row, &mut text);
                        texts.append_value(&text);
                    }
                }
                Arc::new(texts.finish())
            }
        }
    }

    fn is_null(&mut self) -> bool {
        self.nullable && scaled(self.rng.next_u64(), ONE_NULL_IN) == 0
    }

    fn index(&mut self, row: &RowAt) -> u64 {
        let squared = |word: u64| ((u128::from(word) * u128::from(word)) >> 64) as u64;
        match self.source.index {
            Index::Own(count) => row.row.min(count.saturating_sub(1)),
            Index::Parent(count) => row.parent.min(count.saturating_sub(1)),
            Index::Uniform(count) => scaled(self.rng.next_u64(), count),
            Index::Low(count) => scaled(squared(self.rng.next_u64()), count),
            Index::Daylight(count) => {
                let day = MICROS_PER_DAY.cast_unsigned();
                let days = scaled(self.rng.next_u64(), count / day) * day;
                let (one, other) = (self.rng.next_u64(), self.rng.next_u64());
                // The mean of two uniform hours.
                let within = scaled(one, day) / 2 + scaled(other, day) / 2;
                if count < day { scaled(one, count) } else { days + within }
            }
        }
    }

    fn int(&mut self, row: &RowAt) -> Option<i64> {
        if self.is_null() {
            return None;
        }
        if let Values::Epochs(reach) = &self.source.values {
            let (low, high) = *reach.get(scaled(row.unit.epoch, reach.len() as u64) as usize)?;
            let count = high.wrapping_sub(low).cast_unsigned().saturating_add(1);
            return Some(low.wrapping_add_unsigned(scaled(self.rng.next_u64(), count)));
        }
        let index = self.index(row);
        match &self.source.values {
            Values::List(list) => list.get(index as usize).and_then(integer),
            Values::From(low) => Some(low.wrapping_add_unsigned(index)),
            Values::Named { .. } | Values::Between { .. } | Values::Epochs(_) => None,
        }
    }

    fn boolean(&mut self, row: &RowAt) -> Option<bool> {
        if self.is_null() {
            return None;
        }
        let index = self.index(row);
        match &self.source.values {
            Values::List(list) => list.get(index as usize).map(|v| *v == Value::Boolean(true)),
            _ => None,
        }
    }

    fn float(&mut self, row: &RowAt) -> Option<f64> {
        if self.is_null() {
            return None;
        }
        if let Values::Between { ends: (low, high), low: skewed } = self.source.values {
            let uniform = unit_interval(self.rng.next_u64());
            let share = if skewed { uniform * uniform } else { uniform };
            let value = low * (1.0 - share) + high * share;
            // Two decimals, as amounts have, where the range leaves room for them.
            let rounded = if high - low >= 1.0 && value.abs() < 1e12 { (value * 100.0).round() / 100.0 } else { value };
            return Some(rounded.clamp(low, high) + 0.0);
        }
        let index = self.index(row);
        match &self.source.values {
            Values::List(list) => match list.get(index as usize) {
                Some(Value::Float(f)) => Some(*f),
                _ => None,
            },
            _ => None,
        }
    }

    fn text(&mut self, row: &RowAt, out: &mut String) {
        let index = self.index(row);
        match &self.source.values {
            Values::List(list) => {
                if let Some(Value::String(text)) = list.get(index as usize) {
                    out.push_str(text);
                }
            }
            Values::Named { stem, digits, max_bytes } => name(stem, *digits, *max_bytes, index, out),
            Values::From(_) | Values::Between { .. } | Values::Epochs(_) => {}
        }
    }
}

/// Text number `index`: `stem-007` where there is room, else as many base-36 digits as fit. Different for different
/// indices below 36^max_bytes.
fn name(stem: &str, digits: usize, max_bytes: usize, index: u64, out: &mut String) {
    if stem.len() + 1 + digits <= max_bytes {
        // Writing to a String can't fail.
        let _ = write!(out, "{stem}-{index:0digits$}");
        return;
    }
    let mut rest = index;
    let mut reversed = Vec::new();
    for _ in 0..max_bytes.min(digits) {
        reversed.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
        rest /= 36;
    }
    out.extend(reversed.iter().rev());
}

/// Integers, days and microseconds as integers.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(i) | Value::Timestamp(i) => Some(*i),
        Value::Date(days) => Some(i64::from(*days)),
        Value::Boolean(_) | Value::Float(_) | Value::String(_) => None,
    }
}
