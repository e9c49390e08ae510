//! Functions of recoded columns: in anonymized releases a value may be a range, stored as a struct (lo, hi, node, level)
//! with the Arrow extension name `lyceum.range`. They exist for rows that are read as they are; no private row has ranges.
//! [`Kind`] lists them.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::collections::HashMap;
use std::sync::Arc;

const FIELDS: [&str; 4] = ["lo", "hi", "node", "level"];

/// Whether a column of this type is recoded.
pub(crate) fn is_range(of: &DataType) -> bool {
    let DataType::Struct(found) = of else { return false };
    found.len() == FIELDS.len()
        && found.iter().zip(FIELDS).all(|(field, name)| field.name() == name)
        && found[0].data_type() == found[1].data_type()
}

/// All of them, for planning.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    let all = [Kind::Lower, Kind::Upper, Kind::Mid, Kind::Covers, Kind::Level];
    all.map(|kind| ScalarUDF::from(Range { kind, signature: Signature::user_defined(Volatility::Immutable) })).into()
}

/// What the reference says of them: how each is written, and what it gives.
#[cfg(test)]
pub(super) const REFERENCE: [(&str, &str); 5] = [
    ("range_lower(x)", "the smallest value that the cell stands for"),
    ("range_upper(x)", "the largest value that the cell stands for"),
    ("range_mid(x)", "its middle: a double for numbers, a date or timestamp for those (rounded down)"),
    ("covers(x, value)", "whether the cell may stand for the value"),
    ("level(x)", "how far it is generalised: 0 as it was, NULL between the levels of its hierarchy"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Lower,
    Upper,
    Mid,
    Covers,
    Level,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Range {
    kind: Kind,
    signature: Signature,
}

impl ScalarUDFImpl for Range {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Lower => "range_lower",
            Kind::Upper => "range_upper",
            Kind::Mid => "range_mid",
            Kind::Covers => "covers",
            Kind::Level => "level",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let value = self.value_of(types)?;
        let mut coerced = vec![types[0].clone()];
        if self.kind == Kind::Covers {
            coerced.push(if value.is_numeric() { DataType::Float64 } else { value });
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let value = self.value_of(types)?;
        Ok(match self.kind {
            Kind::Lower | Kind::Upper => value,
            Kind::Mid if value.is_numeric() => DataType::Float64,
            Kind::Mid if matches!(value, DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _)) => value,
            Kind::Mid => return plan_err!("the type {value} has no middle: range_lower, range_upper or covers fit"),
            Kind::Covers => DataType::Boolean,
            Kind::Level => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let order = args.arg_fields.first().map(|f| order(f.metadata())).unwrap_or_default();
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let ranges = arrays.first().and_then(|a| a.as_struct_opt()).ok_or_else(broken)?;
        let array: ArrayRef = match self.kind {
            Kind::Lower => part(ranges, 0)?,
            Kind::Upper => part(ranges, 1)?,
            Kind::Level => cast(&part(ranges, 3)?, &DataType::Int64)?,
            Kind::Mid => middle(&part(ranges, 0)?, &part(ranges, 1)?)?,
            Kind::Covers => Arc::new(covers(ranges, arrays.get(1).ok_or_else(broken)?, &order)?),
        };
        Ok(ColumnarValue::Array(array))
    }
}

impl Range {
    /// The type of the values that the range is of.
    fn value_of(&self, types: &[DataType]) -> Result<DataType> {
        let wanted = if self.kind == Kind::Covers { 2 } else { 1 };
        match types.first() {
            Some(range @ DataType::Struct(fields)) if is_range(range) && types.len() == wanted => {
                Ok(fields[0].data_type().clone())
            }
            Some(_) if types.len() == wanted => {
                plan_err!(
                    "the type is no range: only recoded columns of anonymized releases are, and {} is for those",
                    self.name()
                )
            }
            _ => plan_err!("{} takes {wanted} argument(s), signature {}(range)", self.name(), self.name()),
        }
    }
}

/// A field of the struct, NULL where the struct is.
fn part(ranges: &StructArray, at: usize) -> Result<ArrayRef> {
    let child = ranges.columns().get(at).ok_or_else(broken)?;
    let nulls = NullBuffer::union(child.nulls(), ranges.nulls());
    Ok(make_array(child.to_data().into_builder().nulls(nulls).build()?))
}

fn middle(lo: &ArrayRef, hi: &ArrayRef) -> Result<ArrayRef> {
    if lo.data_type().is_numeric() {
        let (lo, hi) = (cast(lo, &DataType::Float64)?, cast(hi, &DataType::Float64)?);
        let pairs = lo.as_primitive::<Float64Type>().iter().zip(hi.as_primitive::<Float64Type>());
        return Ok(Arc::new(pairs.map(|(lo, hi)| Some(f64::midpoint(lo?, hi?))).collect::<Float64Array>()));
    }
    let of = lo.data_type();
    let (lo, hi) = (integers(lo)?, integers(hi)?);
    let pairs = lo.as_primitive::<Int64Type>().iter().zip(hi.as_primitive::<Int64Type>());
    let middle = pairs.map(|(lo, hi)| lo?.checked_add(hi?).map(|sum| sum.div_euclid(2))).collect::<Int64Array>();
    let narrow = if *of == DataType::Date32 { cast(&middle, &DataType::Int32)? } else { Arc::new(middle) };
    Ok(cast(&narrow, of)?)
}

/// NULL for NULL ranges and values; a range that says nothing about an end has none there.
fn covers(ranges: &StructArray, value: &ArrayRef, order: &HashMap<String, usize>) -> Result<BooleanArray> {
    let (lo, hi) = (keys(&part(ranges, 0)?, order)?, keys(&part(ranges, 1)?, order)?);
    let wanted = keys(value, order)?;
    let covered = wanted.into_iter().enumerate().map(|(row, value)| {
        let value = value.filter(|_| ranges.is_valid(row))?;
        let (low, high) = (lo.get(row)?.as_ref(), hi.get(row)?.as_ref());
        let listed = value != Key::Unlisted;
        Some(listed && low.is_none_or(|low| *low <= value) && high.is_none_or(|high| value <= *high))
    });
    Ok(covered.collect())
}

/// A value in the order of its ranges.
#[derive(PartialEq, PartialOrd)]
enum Key {
    Number(f64),
    Integer(i64),
    Text(String),
    Place(usize),
    /// A text that the hierarchy doesn't list: beyond every range.
    Unlisted,
}

fn keys(array: &ArrayRef, order: &HashMap<String, usize>) -> Result<Vec<Option<Key>>> {
    if array.data_type().is_string() {
        let texts = cast(array, &DataType::Utf8)?;
        let key = |text: &str| match (order.is_empty(), order.get(text)) {
            (true, _) => Key::Text(text.to_owned()),
            (false, Some(place)) => Key::Place(*place),
            (false, None) => Key::Unlisted,
        };
        return Ok(texts.as_string::<i32>().iter().map(|t| t.map(key)).collect());
    }
    if array.data_type().is_numeric() || *array.data_type() == DataType::Boolean {
        let numbers = cast(array, &DataType::Float64)?;
        return Ok(numbers.as_primitive::<Float64Type>().iter().map(|n| n.map(Key::Number)).collect());
    }
    Ok(integers(array)?.as_primitive::<Int64Type>().iter().map(|n| n.map(Key::Integer)).collect())
}

/// Dates as days, timestamps as microseconds.
fn integers(array: &ArrayRef) -> Result<ArrayRef> {
    let narrow =
        if *array.data_type() == DataType::Date32 { cast(array, &DataType::Int32)? } else { Arc::clone(array) };
    Ok(cast(&narrow, &DataType::Int64)?)
}

/// The places of a hierarchy's texts, from the column's metadata: public, as hierarchies are.
fn order(metadata: &HashMap<String, String>) -> HashMap<String, usize> {
    #[derive(serde::Deserialize)]
    struct RangeType {
        #[serde(default)]
        order: Vec<String>,
    }
    let read = metadata.get("ARROW:extension:metadata").and_then(|text| serde_json::from_str::<RangeType>(text).ok());
    read.map(|r| r.order.into_iter().zip(0..).collect()).unwrap_or_default()
}

fn broken() -> DataFusionError {
    DataFusionError::Execution("a range is not stored as one".to_owned())
}
