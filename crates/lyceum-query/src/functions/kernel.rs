//! Evaluates total functions on columns: typed access to arguments, one loop per function.

use super::{Total, cast, like, number, text, time};
use crate::domain::Kind;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast as widen;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::ColumnarValue;
use std::sync::Arc;

/// An argument column, or one value for all rows.
pub(super) struct Argument {
    values: Values,
    constant: bool,
}

enum Values {
    Boolean(BooleanArray),
    Int(Int64Array),
    Float(Float64Array),
    Text(StringArray),
    Date(Date32Array),
    Timestamp(TimestampMicrosecondArray),
}

impl Argument {
    fn new(value: &ColumnarValue) -> Result<Self> {
        let (array, constant) = match value {
            ColumnarValue::Array(array) => (array.clone(), false),
            ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
        };
        let values = match array.data_type() {
            DataType::Boolean => Values::Boolean(array.as_boolean().clone()),
            DataType::Int64 => Values::Int(array.as_primitive::<Int64Type>().clone()),
            DataType::Float64 => Values::Float(array.as_primitive::<Float64Type>().clone()),
            DataType::Utf8 => Values::Text(array.as_string::<i32>().clone()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>().clone())
            }
            // Widening never fails.
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Values::Int(widen(&array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
            DataType::Float32 => {
                Values::Float(widen(&array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            DataType::Utf8View | DataType::LargeUtf8 => {
                Values::Text(widen(&array, &DataType::Utf8)?.as_string::<i32>().clone())
            }
            other => return internal_err!("a total function got the type {other}"),
        };
        Ok(Self { values, constant })
    }

    fn array(&self) -> &dyn Array {
        match &self.values {
            Values::Boolean(a) => a,
            Values::Int(a) => a,
            Values::Float(a) => a,
            Values::Text(a) => a,
            Values::Date(a) => a,
            Values::Timestamp(a) => a,
        }
    }

    /// The row's index, if its value isn't NULL.
    fn row(&self, i: usize) -> Option<usize> {
        let i = if self.constant { 0 } else { i };
        (!self.array().is_null(i)).then_some(i)
    }

    /// A whole number: an integer, the days of a date, the microseconds of a timestamp.
    pub(super) fn int(&self, i: usize) -> Option<i64> {
        let i = self.row(i)?;
        match &self.values {
            Values::Int(a) => Some(a.value(i)),
            Values::Date(a) => Some(i64::from(a.value(i))),
            Values::Timestamp(a) => Some(a.value(i)),
            Values::Boolean(a) => Some(i64::from(a.value(i))),
            Values::Float(_) | Values::Text(_) => None,
        }
    }

    /// A finite number.
    pub(super) fn float(&self, i: usize) -> Option<f64> {
        let i = self.row(i)?;
        match &self.values {
            Values::Float(a) => Some(a.value(i)).filter(|v| v.is_finite()),
            Values::Int(a) => Some(a.value(i) as f64),
            Values::Boolean(_) | Values::Text(_) | Values::Date(_) | Values::Timestamp(_) => None,
        }
    }

    /// A text.
    pub(super) fn text(&self, i: usize) -> Option<&str> {
        let i = self.row(i)?;
        match &self.values {
            Values::Text(a) => Some(a.value(i)),
            Values::Boolean(_) | Values::Int(_) | Values::Float(_) | Values::Date(_) | Values::Timestamp(_) => None,
        }
    }

    /// Microseconds of a date or timestamp.
    pub(super) fn micros(&self, i: usize) -> Option<i64> {
        match &self.values {
            Values::Date(_) => self.int(i)?.checked_mul(super::calendar::DAY),
            _ => self.int(i),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match &self.values {
            Values::Boolean(_) => Kind::Boolean,
            Values::Int(_) => Kind::Int,
            Values::Float(_) => Kind::Float,
            Values::Text(_) => Kind::Text,
            Values::Date(_) => Kind::Date,
            Values::Timestamp(_) => Kind::Timestamp,
        }
    }

    pub(super) fn boolean(&self, i: usize) -> Option<bool> {
        let i = self.row(i)?;
        match &self.values {
            Values::Boolean(a) => Some(a.value(i)),
            _ => None,
        }
    }
}

/// Evaluates a function on `rows` rows.
///
/// # Errors
/// Only for arguments of an impossible type or number, which depends on the plan alone.
pub(super) fn evaluate(total: Total, gives: Kind, arguments: &[ColumnarValue], rows: usize) -> Result<ColumnarValue> {
    let constant = arguments.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
    let n = if constant { 1 } else { rows };
    let a: Vec<Argument> = arguments.iter().map(Argument::new).collect::<Result<_>>()?;
    let Some(x) = a.first() else { return internal_err!("a total function got no argument") };
    let y = a.get(1);
    let array = match total {
        Total::Add | Total::Subtract | Total::Multiply | Total::Divide | Total::Modulo | Total::Power | Total::Log => {
            let Some(y) = y.or((total == Total::Log).then_some(x)) else {
                return internal_err!("an operator got one argument");
            };
            match gives {
                Kind::Float if a.len() == 1 => floats(n, |i| number::unary(Total::Log10, x.float(i)?)),
                Kind::Float => floats(n, |i| number::binary(total, x.float(i)?, y.float(i)?)),
                _ => ints(gives, n, |i| number::binary_int(total, x.int(i)?, y.int(i)?)),
            }
        }
        Total::Negate | Total::Abs | Total::Sign if gives == Kind::Int => {
            ints(gives, n, |i| number::unary_int(total, x.int(i)?))
        }
        Total::Negate
        | Total::Abs
        | Total::Sign
        | Total::Floor
        | Total::Ceil
        | Total::Sqrt
        | Total::Cbrt
        | Total::Exp
        | Total::Ln
        | Total::Log10
        | Total::Log2 => floats(n, |i| number::unary(total, x.float(i)?)),
        Total::Round | Total::Truncate => floats(n, |i| {
            let digits = y.map_or(Some(0), |y| y.int(i))?;
            number::to_digits(total, x.float(i)?, digits)
        }),
        Total::Least | Total::Greatest if gives == Kind::Float => {
            floats(n, |i| a.iter().filter_map(|v| v.float(i)).reduce(|p, q| number::choose(total, p, q)))
        }
        Total::Least | Total::Greatest => {
            ints(gives, n, |i| a.iter().filter_map(|v| v.int(i)).reduce(|p, q| number::choose(total, p, q)))
        }
        Total::Length | Total::OctetLength => ints(gives, n, |i| text::length(total, x.text(i)?)),
        Total::Position => {
            let Some(y) = y else { return internal_err!("strpos got one argument") };
            ints(gives, n, |i| text::position(x.text(i)?, y.text(i)?))
        }
        Total::Lower | Total::Upper | Total::Reverse => texts(n, |i| text::unary(total, x.text(i)?)),
        Total::Substring | Total::Left | Total::Right => {
            let Some(y) = y else { return internal_err!("substr got one argument") };
            let length = a.get(2);
            texts(n, |i| {
                let length = match length {
                    Some(length) => Some(length.int(i)?),
                    None => None,
                };
                text::slice(total, x.text(i)?, y.int(i)?, length)
            })
        }
        Total::Trim | Total::TrimStart | Total::TrimEnd => {
            texts(n, |i| text::trim(total, x.text(i)?, y.map_or(Some(" "), |y| y.text(i))?))
        }
        Total::StartsWith | Total::EndsWith | Total::Contains => {
            let Some(y) = y else { return internal_err!("a text predicate got one argument") };
            booleans(n, |i| text::predicate(total, x.text(i)?, y.text(i)?))
        }
        Total::Concat => texts(n, |i| text::concat(a.iter().map(|v| v.text(i)))),
        Total::Like | Total::LikeAnyCase => {
            let escape = a.get(2).and_then(|e| e.text(0)).and_then(|e| e.chars().next());
            let pattern =
                y.and_then(|y| y.text(0)).and_then(|p| like::Pattern::new(p, escape, total == Total::LikeAnyCase));
            booleans(n, |i| Some(pattern.as_ref()?.matches(x.text(i)?)))
        }
        Total::DatePart => {
            let Some(y) = y else { return internal_err!("date_part got one argument") };
            let part = time::part(x);
            match gives {
                Kind::Float => floats(n, |i| Some(y.micros(i)? as f64 / 1e6)),
                _ => ints(gives, n, |i| part?.of(y.micros(i)?)),
            }
        }
        Total::DateTrunc => {
            let Some(y) = y else { return internal_err!("date_trunc got one argument") };
            let part = time::part(x);
            ints(gives, n, |i| time::result(gives, part?.truncate(y.micros(i)?)?))
        }
        Total::AddInterval => {
            let (Some(months), Some(days), Some(micros)) = (a.get(1), a.get(2), a.get(3)) else {
                return internal_err!("an interval has three parts");
            };
            ints(gives, n, |i| {
                let sum = time::add(x.micros(i)?, months.int(i)?, days.int(i)?, micros.int(i)?)?;
                time::result(gives, sum)
            })
        }
        Total::Cast => match gives {
            Kind::Boolean => booleans(n, |i| cast::to_boolean(x, i)),
            Kind::Float => floats(n, |i| cast::to_float(x, i)),
            Kind::Text => texts(n, |i| cast::to_text(x, i)),
            Kind::Int | Kind::Date | Kind::Timestamp => {
                let range = (a.get(1), a.get(2));
                ints(gives, n, |i| {
                    let value = cast::to_int(gives, x, i)?;
                    let low = range.0.map_or(Some(i64::MIN), |l| l.int(i))?;
                    let high = range.1.map_or(Some(i64::MAX), |h| h.int(i))?;
                    (low..=high).contains(&value).then_some(value)
                })
            }
        },
        Total::Within => {
            let (Some(low), Some(high)) = (a.get(1), a.get(2)) else { return internal_err!("within has two ends") };
            match gives {
                Kind::Float => floats(n, |i| Some(x.float(i)?.max(low.float(i)?).min(high.float(i)?))),
                _ => ints(gives, n, |i| Some(x.int(i)?.max(low.int(i)?).min(high.int(i)?))),
            }
        }
        Total::Fixed => {
            let [_, exponent, low, high, centre] = a.as_slice() else {
                return internal_err!("fixed has five arguments");
            };
            let whole = matches!(x.kind(), Kind::Int);
            ints(gives, n, |i| {
                let (low, high, centre) = (low.int(i)?, high.int(i)?, centre.int(i)?);
                let units = if whole && exponent.int(i)? == 0 {
                    x.int(i)?
                } else {
                    number::to_grid(x.float(i)?, exponent.int(i)?)
                };
                units.max(low).min(high).checked_sub(centre)
            })
        }
    };
    if constant {
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
    } else {
        Ok(ColumnarValue::Array(array))
    }
}

fn ints(gives: Kind, n: usize, f: impl Fn(usize) -> Option<i64>) -> ArrayRef {
    match gives {
        Kind::Date => Arc::new((0..n).map(|i| f(i).and_then(|v| i32::try_from(v).ok())).collect::<Date32Array>()),
        Kind::Timestamp => Arc::new((0..n).map(f).collect::<TimestampMicrosecondArray>()),
        _ => Arc::new((0..n).map(f).collect::<Int64Array>()),
    }
}

fn floats(n: usize, f: impl Fn(usize) -> Option<f64>) -> ArrayRef {
    Arc::new((0..n).map(|i| f(i).filter(|v| v.is_finite())).collect::<Float64Array>())
}

fn texts(n: usize, f: impl Fn(usize) -> Option<String>) -> ArrayRef {
    Arc::new(
        (0..n).map(|i| f(i).filter(|t| t.len() <= crate::domain::MAX_TEXT_BYTES as usize)).collect::<StringArray>(),
    )
}

fn booleans(n: usize, f: impl Fn(usize) -> Option<bool>) -> ArrayRef {
    Arc::new((0..n).map(f).collect::<BooleanArray>())
}
