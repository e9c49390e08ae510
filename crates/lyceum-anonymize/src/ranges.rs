//! Recoded columns stay typed: a struct (lo, hi, node, level) with the Arrow extension name `lyceum.range`.
//!
//! | field | type | what |
//! |---|---|---|
//! | `lo`, `hi` | the column's own | smallest and largest value that the cell stands for, inclusive; for text by the order of its leaves; NULL where unknown |
//! | `node` | text | what people read: the value, `20-29`, `Europe`, `*` |
//! | `level` | 8-bit integer | 0 for a value as it was, more for a node of the hierarchy, NULL for a range between nodes |
//!
//! A NULL value is a NULL struct. The extension's metadata is JSON, [`RangeType`]: the type of `lo` and `hi`, and for
//! text from a listed hierarchy the order of its values, which is public. The functions here work on arrays, so that SQL
//! functions and clients share them; Iceberg, Delta and plain Parquet readers see a struct.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, StructArray, UInt8Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Field, Fields, Float64Type, Int64Type, TimeUnit, UInt8Type};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The extension's name in `ARROW:extension:name`.
pub const RANGE: &str = "lyceum.range";
const NAME: &str = "ARROW:extension:name";
const METADATA: &str = "ARROW:extension:metadata";

/// The metadata of a recoded column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeType {
    /// The metadata's own version: 1.
    pub version: u32,
    /// For text: its values in the order that ranges follow. Empty: alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
}

/// Why an array can't be read as ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not a struct of lo, hi, node and level.
    #[error("the column is not a range: only recoded columns of anonymized releases are")]
    NotARange,
    /// Text has no middle.
    #[error("ranges of {0} have no middle: use range_lower, range_upper or the label")]
    NoMiddle(String),
    /// A value of another type.
    #[error("ranges of {range} can't cover a value of type {value}: cast the value")]
    OtherType {
        /// Type of lo and hi.
        range: String,
        /// Type of the value.
        value: String,
    },
}

/// The struct's fields, for ranges of a type.
#[must_use]
pub fn fields(of: &ArrowType) -> Fields {
    Fields::from(vec![
        Field::new("lo", of.clone(), true),
        Field::new("hi", of.clone(), true),
        Field::new("node", ArrowType::Utf8, true),
        Field::new("level", ArrowType::UInt8, true),
    ])
}

/// A column of ranges as a schema has it, extension metadata included.
///
/// # Errors
/// Metadata that can't be written as JSON.
pub fn field(name: &str, of: &ArrowType, nullable: bool, range: &RangeType) -> Result<Field, RangeError> {
    let metadata = serde_json::to_string(range).map_err(|_| RangeError::NotARange)?;
    let metadata = HashMap::from([(NAME.to_owned(), RANGE.to_owned()), (METADATA.to_owned(), metadata)]);
    Ok(Field::new(name, ArrowType::Struct(fields(of)), nullable).with_metadata(metadata))
}

/// The extension's metadata, if the field is a column of ranges.
#[must_use]
pub fn range_type(field: &Field) -> Option<RangeType> {
    (field.metadata().get(NAME)? == RANGE).then_some(())?;
    serde_json::from_str(field.metadata().get(METADATA)?).ok()
}

/// Whether a type is the struct of a range.
#[must_use]
pub fn is_range(of: &ArrowType) -> bool {
    let ArrowType::Struct(found) = of else { return false };
    let names = ["lo", "hi", "node", "level"];
    found.len() == 4
        && found.iter().zip(names).all(|(f, n)| f.name() == n)
        && found[0].data_type() == found[1].data_type()
}

/// `range_lower`: the smallest value of each cell, of the column's own type; NULL where unknown.
///
/// # Errors
/// Not an array of ranges. So with all functions below.
pub fn lower(ranges: &dyn Array) -> Result<ArrayRef, RangeError> {
    child(ranges, 0)
}

/// `range_upper`: the largest value of each cell.
///
/// # Errors
/// As [`lower`].
pub fn upper(ranges: &dyn Array) -> Result<ArrayRef, RangeError> {
    child(ranges, 1)
}

/// The label of each cell, as people read it.
///
/// # Errors
/// As [`lower`].
pub fn label(ranges: &dyn Array) -> Result<ArrayRef, RangeError> {
    child(ranges, 2)
}

/// `level`: 0 for values as they were, more for nodes of the hierarchy, NULL for other ranges.
///
/// # Errors
/// As [`lower`].
pub fn level(ranges: &dyn Array) -> Result<UInt8Array, RangeError> {
    Ok(child(ranges, 3)?.as_primitive::<UInt8Type>().clone())
}

/// `range_mid`: the middle of each cell: a float for numbers, of the column's own type for dates and timestamps (rounded
/// down).
///
/// # Errors
/// As [`lower`]; text and booleans have no middle.
#[allow(clippy::cast_precision_loss)]
pub fn mid(ranges: &dyn Array) -> Result<ArrayRef, RangeError> {
    let (lo, hi) = (lower(ranges)?, upper(ranges)?);
    let of = lo.data_type().clone();
    let wrong = |_| RangeError::NotARange;
    match of {
        ArrowType::Int32 | ArrowType::Int64 | ArrowType::Float64 => {
            let (lo, hi) =
                (cast(&lo, &ArrowType::Float64).map_err(wrong)?, cast(&hi, &ArrowType::Float64).map_err(wrong)?);
            let pairs = lo.as_primitive::<Float64Type>().iter().zip(hi.as_primitive::<Float64Type>());
            Ok(Arc::new(pairs.map(|(lo, hi)| Some(f64::midpoint(lo?, hi?))).collect::<Float64Array>()))
        }
        ArrowType::Date32 | ArrowType::Timestamp(TimeUnit::Microsecond, _) => {
            let (lo, hi) = (integers(&lo)?, integers(&hi)?);
            let middle = lo.iter().zip(&hi).map(|(lo, hi)| lo?.checked_add(hi?).map(|sum| sum.div_euclid(2)));
            let middle: arrow::array::Int64Array = middle.collect();
            from_integers(&middle, &of)
        }
        other => Err(RangeError::NoMiddle(other.to_string())),
    }
}

/// `covers(range, value)`: whether each cell may stand for the value (one value, or one per cell). NULL for NULL ranges
/// and values, and where the cell says nothing about its bounds, true.
///
/// # Errors
/// As [`lower`]; a value of a type that can't be compared.
pub fn covers(ranges: &dyn Array, value: &ArrayRef, range: &RangeType) -> Result<BooleanArray, RangeError> {
    let (lo, hi) = (lower(ranges)?, upper(ranges)?);
    let other = || RangeError::OtherType { range: lo.data_type().to_string(), value: value.data_type().to_string() };
    let keys: [Vec<Option<Key>>; 3] = match lo.data_type() {
        ArrowType::Utf8 => {
            let order: HashMap<&str, usize> = range.order.iter().map(String::as_str).zip(0..).collect();
            let value = cast(value, &ArrowType::Utf8).map_err(|_| other())?;
            let key = |array: &ArrayRef| {
                let texts = array.as_string::<i32>().iter();
                // A value that the list lacks is beyond every range.
                texts
                    .map(|t| {
                        t.map(|t| {
                            if order.is_empty() { Key::Text(t.to_owned()) } else { Key::Place(order.get(t).copied()) }
                        })
                    })
                    .collect()
            };
            [key(&lo), key(&hi), key(&value)]
        }
        ArrowType::Int32 | ArrowType::Int64 | ArrowType::Float64 | ArrowType::Boolean => {
            let key = |array: &ArrayRef| -> Result<Vec<Option<Key>>, RangeError> {
                let floats = cast(array, &ArrowType::Float64).map_err(|_| other())?;
                Ok(floats.as_primitive::<Float64Type>().iter().map(|f| f.map(Key::Number)).collect())
            };
            if !value.data_type().is_numeric() && !matches!(value.data_type(), ArrowType::Boolean) {
                return Err(other());
            }
            [key(&lo)?, key(&hi)?, key(value)?]
        }
        of => {
            let value = cast(value, of).map_err(|_| other())?;
            let key = |array: &ArrayRef| -> Result<Vec<Option<Key>>, RangeError> {
                Ok(integers(array)?.iter().map(|n| n.map(Key::Integer)).collect())
            };
            [key(&lo)?, key(&hi)?, key(&value)?]
        }
    };
    let [lo, hi, value] = keys;
    let mut out = BooleanBuilder::with_capacity(ranges.len());
    for row in 0..ranges.len() {
        match (ranges.is_valid(row), &value[if value.len() == 1 { 0 } else { row }]) {
            (false, _) | (_, None) => out.append_null(),
            (true, Some(value)) => out.append_value(
                value.is_listed()
                    && lo[row].as_ref().is_none_or(|lo| lo <= value)
                    && hi[row].as_ref().is_none_or(|hi| value <= hi),
            ),
        }
    }
    Ok(out.finish())
}

/// A value to compare.
#[derive(PartialEq, PartialOrd)]
enum Key {
    Number(f64),
    Integer(i64),
    Text(String),
    Place(Option<usize>),
}

impl Key {
    const fn is_listed(&self) -> bool {
        !matches!(self, Self::Place(None))
    }
}

fn child(ranges: &dyn Array, at: usize) -> Result<ArrayRef, RangeError> {
    if !is_range(ranges.data_type()) {
        return Err(RangeError::NotARange);
    }
    let ranges: &StructArray = ranges.as_struct();
    // A NULL struct's fields are NULL, whatever they hold.
    let nulls = ranges.logical_nulls();
    let child = ranges.column(at);
    let joined = arrow::buffer::NullBuffer::union(child.nulls(), nulls.as_ref());
    let data = child.to_data().into_builder().nulls(joined).build().map_err(|_| RangeError::NotARange)?;
    Ok(arrow::array::make_array(data))
}

fn integers(array: &ArrayRef) -> Result<arrow::array::Int64Array, RangeError> {
    let wrong = |_| RangeError::NotARange;
    let array = if *array.data_type() == ArrowType::Date32 {
        cast(array, &ArrowType::Int32).map_err(wrong)?
    } else {
        Arc::clone(array)
    };
    Ok(cast(&array, &ArrowType::Int64).map_err(wrong)?.as_primitive::<Int64Type>().clone())
}

fn from_integers(array: &arrow::array::Int64Array, of: &ArrowType) -> Result<ArrayRef, RangeError> {
    let wrong = |_| RangeError::NotARange;
    if *of == ArrowType::Date32 {
        return cast(&cast(array, &ArrowType::Int32).map_err(wrong)?, of).map_err(wrong);
    }
    cast(array, of).map_err(wrong)
}
