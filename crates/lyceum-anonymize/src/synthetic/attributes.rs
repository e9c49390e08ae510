//! Columns as attributes with few values, by their public domains alone: lists as they are, numbers and times in bins between
//! the declared bounds. Nothing here looks at data to decide anything.
//!
//! Whole numbers and dates with at most 100 values keep them; others have 32 equal bins, and measures from 0 upwards also bins that
//! halve towards 0, where amounts are. Exactly 0 has a bin of its own. NULL, where allowed, is one more value.

use crate::mock::{scaled, unit_interval};
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use lyceum_schema::manifest::{Column, DataType, Domain, Role, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::collections::HashMap;
use std::sync::Arc;

/// Up to so many whole numbers keep each its value.
const WHOLE_VALUES: i128 = 100;
/// Equal bins of a range.
const BINS: usize = 32;
/// Bins that halve towards 0.
const HALVINGS: i32 = 12;
/// Most values of a list.
const MAX_LIST: usize = 10_000;

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    data_type: DataType,
    kind: Kind,
    null: Option<u16>,
}

#[derive(Debug, Clone)]
enum Kind {
    Listed {
        values: Vec<Value>,
        texts: HashMap<String, u16>,
        numbers: HashMap<i64, u16>,
    },
    /// Bin i holds what is from edge i to below edge i + 1.
    Whole(Vec<i128>),
    /// Likewise; the last bin holds its upper edge too. With `zero`, value 0 is exactly 0 and bins follow.
    Real {
        edges: Vec<f64>,
        zero: bool,
    },
}

impl Attribute {
    /// `None` for columns that can't be modelled: keys, text without a list, numbers without bounds, overlong lists.
    pub(crate) fn new(column: &Column) -> Option<Self> {
        let kind = match (column.domain(), column.data_type()) {
            (Domain::Values(list), _) if list.len() <= MAX_LIST => listed(list.clone()),
            (Domain::Unbounded, DataType::Boolean) => listed(vec![Value::Boolean(false), Value::Boolean(true)]),
            _ if column.role() == Role::JoinKey => return None,
            (Domain::Bounds { low: Value::Float(low), high: Value::Float(high) }, _) => {
                real(*low, *high, column.role() == Role::Measure)
            }
            (Domain::Bounds { low, high }, _) => {
                let (low, high) = (crate::mock::integer(low)?, crate::mock::integer(high)?);
                Kind::Whole(whole(low.into(), high.into(), column.role() == Role::Measure))
            }
            _ => return None,
        };
        let values = kind.values();
        let null = column.nullable().then_some(values as u16);
        Some(Self { data_type: column.data_type(), kind, null })
    }

    /// How many rows a person has, from 0 to `most`: bins that widen.
    pub(crate) fn row_count(most: u64) -> Self {
        let most = i128::from(most);
        let mut edges: Vec<i128> = (0..=4).filter(|e| *e <= most).collect();
        let mut width = 2;
        while edges.last().is_some_and(|e| *e + width <= most && *e >= 4) {
            for _ in 0..2 {
                let next = edges.last().map_or(0, |e| e + width);
                if next <= most {
                    edges.push(next);
                }
            }
            width *= 2;
        }
        edges.push(most + 1);
        Self { data_type: DataType::Int64, kind: Kind::Whole(edges), null: None }
    }

    /// Number of values, NULL included.
    pub(crate) fn size(&self) -> usize {
        self.kind.values() + usize::from(self.null.is_some())
    }

    /// Number of the value of each row. What the domain doesn't hold is NULL where that is allowed, else the nearest or first value.
    pub(crate) fn encode(&self, array: &ArrayRef) -> Option<Vec<u16>> {
        let or_null = |code: Option<u16>| code.or(self.null).unwrap_or(0);
        let whole = |v: Option<i64>| or_null(v.and_then(|v| self.whole(v)));
        Some(match self.data_type {
            DataType::Boolean => {
                array.as_boolean_opt()?.iter().map(|v| or_null(v.and_then(|b| self.whole(b.into())))).collect()
            }
            DataType::Int32 => array.as_primitive_opt::<Int32Type>()?.iter().map(|v| whole(v.map(i64::from))).collect(),
            DataType::Date => array.as_primitive_opt::<Date32Type>()?.iter().map(|v| whole(v.map(i64::from))).collect(),
            DataType::Int64 => array.as_primitive_opt::<Int64Type>()?.iter().map(whole).collect(),
            DataType::Timestamp => array.as_primitive_opt::<TimestampMicrosecondType>()?.iter().map(whole).collect(),
            DataType::Float64 => {
                array.as_primitive_opt::<Float64Type>()?.iter().map(|v| or_null(v.and_then(|v| self.real(v)))).collect()
            }
            DataType::String => {
                let Kind::Listed { texts, .. } = &self.kind else { return None };
                array.as_string_opt::<i32>()?.iter().map(|v| or_null(v.and_then(|v| texts.get(v).copied()))).collect()
            }
        })
    }

    fn whole(&self, value: i64) -> Option<u16> {
        match &self.kind {
            Kind::Listed { numbers, .. } => numbers.get(&value).copied(),
            Kind::Whole(edges) => {
                let bin = edges.partition_point(|e| *e <= i128::from(value)).clamp(1, edges.len() - 1) - 1;
                Some(bin as u16)
            }
            Kind::Real { .. } => None,
        }
    }

    /// The number of a number of rows.
    pub(crate) fn count(&self, rows: u64) -> u16 {
        self.whole(i64::try_from(rows).unwrap_or(i64::MAX)).unwrap_or(0)
    }

    fn real(&self, value: f64) -> Option<u16> {
        match &self.kind {
            Kind::Listed { numbers, .. } => numbers.get(&key(value)).copied(),
            Kind::Real { edges, zero } => {
                if *zero && value == 0.0 {
                    return Some(0);
                }
                let bin = edges.partition_point(|e| *e <= value).clamp(1, edges.len() - 1) - 1;
                (!value.is_nan()).then_some(bin as u16 + u16::from(*zero))
            }
            Kind::Whole(_) => None,
        }
    }

    /// Values by number; any value of a bin is as likely as another.
    pub(crate) fn decode(&self, codes: &[u16], rng: &mut ChaCha8Rng) -> ArrayRef {
        let present = |code: &u16| (Some(*code) != self.null).then_some(*code);
        match self.data_type {
            DataType::Boolean => Arc::new(
                codes
                    .iter()
                    .map(|c| present(c).map(|c| self.at(c) == Some(&Value::Boolean(true))))
                    .collect::<BooleanArray>(),
            ),
            DataType::Int32 => Arc::new(
                codes
                    .iter()
                    .map(|c| present(c).map(|c| i32::try_from(self.any_whole(c, rng)).unwrap_or(i32::MAX)))
                    .collect::<Int32Array>(),
            ),
            DataType::Date => Arc::new(
                codes
                    .iter()
                    .map(|c| present(c).map(|c| i32::try_from(self.any_whole(c, rng)).unwrap_or(i32::MAX)))
                    .collect::<Date32Array>(),
            ),
            DataType::Int64 => {
                Arc::new(codes.iter().map(|c| present(c).map(|c| self.any_whole(c, rng))).collect::<Int64Array>())
            }
            DataType::Timestamp => Arc::new(
                codes.iter().map(|c| present(c).map(|c| self.any_whole(c, rng))).collect::<TimestampMicrosecondArray>(),
            ),
            DataType::Float64 => {
                Arc::new(codes.iter().map(|c| present(c).map(|c| self.any_real(c, rng))).collect::<Float64Array>())
            }
            DataType::String => Arc::new(
                codes
                    .iter()
                    .map(|c| {
                        present(c).map(|c| match self.at(c) {
                            Some(Value::String(text)) => text.as_str(),
                            _ => "",
                        })
                    })
                    .collect::<StringArray>(),
            ),
        }
    }

    /// The number of NULL.
    pub(crate) fn null(&self) -> Option<usize> {
        self.null.map(usize::from)
    }

    /// The values of a list, in order.
    pub(crate) fn list(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::Listed { values, .. } => Some(values),
            Kind::Whole(_) | Kind::Real { .. } => None,
        }
    }

    /// A range's counts from the lowest bin to the highest, and the edges around them: one more than counts.
    pub(crate) fn ordered(&self, counts: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        match &self.kind {
            Kind::Listed { .. } => None,
            Kind::Whole(edges) => {
                // The last value of a bin, not the first of the next, is where a range of whole numbers ends.
                let last = edges.len() - 1;
                let ends = edges.iter().enumerate().map(|(i, e)| (if i == last { e - 1 } else { *e }) as f64);
                Some((counts.get(..last)?.to_vec(), ends.collect()))
            }
            Kind::Real { edges, zero: false } => Some((counts.get(..edges.len() - 1)?.to_vec(), edges.clone())),
            Kind::Real { edges, zero: true } => {
                // Exactly 0 lies between what is below and what is above it.
                let at = edges.iter().position(|e| *e == 0.0)?;
                let (mut bins, mut ends) = (counts.get(1..edges.len())?.to_vec(), edges.clone());
                bins.insert(at, *counts.first()?);
                ends.insert(at, 0.0);
                Some((bins, ends))
            }
        }
    }

    fn at(&self, code: u16) -> Option<&Value> {
        match &self.kind {
            Kind::Listed { values, .. } => values.get(usize::from(code)),
            Kind::Whole(_) | Kind::Real { .. } => None,
        }
    }

    /// Any whole number of a bin.
    pub(crate) fn any_whole(&self, code: u16, rng: &mut ChaCha8Rng) -> i64 {
        if let Kind::Whole(edges) = &self.kind
            && let Some([low, above]) = edges.get(usize::from(code)..usize::from(code) + 2)
        {
            let offset = scaled(rng.next_u64(), u64::try_from(above - low).unwrap_or(u64::MAX));
            return i64::try_from(low + i128::from(offset)).unwrap_or(i64::MAX);
        }
        self.at(code).and_then(crate::mock::integer).unwrap_or(0)
    }

    fn any_real(&self, code: u16, rng: &mut ChaCha8Rng) -> f64 {
        let Kind::Real { edges, zero } = &self.kind else {
            return if let Some(Value::Float(f)) = self.at(code) { *f } else { 0.0 };
        };
        let Some(bin) = code.checked_sub(u16::from(*zero)) else { return 0.0 };
        let Some([low, high]) = edges.get(usize::from(bin)..usize::from(bin) + 2) else { return 0.0 };
        let share = unit_interval(rng.next_u64());
        (low * (1.0 - share) + high * share).clamp(*low, *high)
    }
}

impl Kind {
    fn values(&self) -> usize {
        match self {
            Self::Listed { values, .. } => values.len(),
            Self::Whole(edges) => edges.len() - 1,
            Self::Real { edges, zero } => edges.len() - 1 + usize::from(*zero),
        }
    }
}

fn listed(values: Vec<Value>) -> Kind {
    let (mut texts, mut numbers) = (HashMap::new(), HashMap::new());
    for (code, value) in (0u16..).zip(&values) {
        match value {
            Value::String(text) => drop(texts.insert(text.clone(), code)),
            Value::Boolean(b) => drop(numbers.insert(i64::from(*b), code)),
            Value::Float(f) => drop(numbers.insert(key(*f), code)),
            Value::Int(_) | Value::Date(_) | Value::Timestamp(_) => {
                if let Some(number) = crate::mock::integer(value) {
                    numbers.insert(number, code);
                }
            }
        }
    }
    Kind::Listed { values, texts, numbers }
}

/// A float as a key; −0 is 0.
fn key(value: f64) -> i64 {
    (value + 0.0).to_bits().cast_signed()
}

fn whole(low: i128, high: i128, measure: bool) -> Vec<i128> {
    let count = high - low + 1;
    if count <= WHOLE_VALUES {
        return (low..=high + 1).collect();
    }
    let bins = BINS as i128;
    let mut edges: Vec<i128> = (0..=bins).map(|i| low + count * i / bins).collect();
    edges.extend([0, 1]);
    if measure && low >= 0 {
        edges.extend((1..=HALVINGS).map(|i| high >> i));
    }
    edges.retain(|e| (low..=high + 1).contains(e));
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn real(low: f64, high: f64, measure: bool) -> Kind {
    let mut edges: Vec<f64> = (0..=BINS)
        .map(|i| {
            let share = i as f64 / BINS as f64;
            low * (1.0 - share) + high * share
        })
        .collect();
    if measure && low >= 0.0 {
        edges.extend((1..=HALVINGS).map(|i| high * 2f64.powi(-i)));
    }
    edges.push(0.0);
    edges.retain(|e| (low..=high).contains(e));
    edges.sort_unstable_by(f64::total_cmp);
    edges.dedup();
    if edges.len() < 2 {
        edges = vec![low, high];
    }
    Kind::Real { edges, zero: low <= 0.0 && 0.0 <= high }
}
