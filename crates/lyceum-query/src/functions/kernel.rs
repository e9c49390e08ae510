//! Evaluates total functions on columns: typed access to arguments, one loop per function. One match over all
//! functions, without a wildcard.

use super::format::{self, Format};
use super::{Regex, Total, build, cast, columns, like, number, text, time};
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
    pub(super) values: Values,
    constant: bool,
}

pub(super) enum Values {
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

    /// Whether it is one value for all rows.
    pub(super) const fn is_constant(&self) -> bool {
        self.constant
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

/// Evaluates a function on `rows` rows. A pattern that isn't given is compiled here.
///
/// # Errors
/// Only for arguments of an impossible type or number, which depends on the plan alone.
pub(super) fn evaluate(
    total: Total,
    gives: Kind,
    arguments: &[ColumnarValue],
    rows: usize,
    pattern: Option<&Regex>,
) -> Result<ColumnarValue> {
    let constant = arguments.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
    let n = if constant { 1 } else { rows };
    let a: Vec<Argument> = arguments.iter().map(Argument::new).collect::<Result<_>>()?;
    let array = match if constant { None } else { columns::evaluate(total, gives, &a) } {
        Some(array) => array,
        None => row_by_row(total, gives, &a, n, pattern)?,
    };
    if constant {
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
    } else {
        Ok(ColumnarValue::Array(array))
    }
}

fn row_by_row(total: Total, gives: Kind, a: &[Argument], n: usize, pattern: Option<&Regex>) -> Result<ArrayRef> {
    let x = argument(a, 0)?;
    Ok(match total {
        Total::Add
        | Total::Subtract
        | Total::Multiply
        | Total::Divide
        | Total::Modulo
        | Total::Power
        | Total::Atan2
        | Total::BitAnd
        | Total::BitOr
        | Total::BitXor
        | Total::ShiftLeft
        | Total::ShiftRight
        | Total::Gcd
        | Total::Lcm => {
            let y = argument(a, 1)?;
            match gives {
                Kind::Float => floats(n, |i| number::binary(total, x.float(i)?, y.float(i)?)),
                _ => ints(gives, n, |i| number::binary_int(total, x.int(i)?, y.int(i)?)),
            }
        }
        Total::Log if a.len() == 1 => floats(n, |i| number::unary(Total::Log10, x.float(i)?)),
        Total::Log => {
            let y = argument(a, 1)?;
            floats(n, |i| number::binary(total, x.float(i)?, y.float(i)?))
        }
        Total::Negate | Total::Abs | Total::Sign if gives == Kind::Int => {
            ints(gives, n, |i| number::unary_int(total, x.int(i)?))
        }
        Total::Factorial => ints(gives, n, |i| number::unary_int(total, x.int(i)?)),
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
        | Total::Log2
        | Total::Sin
        | Total::Cos
        | Total::Tan
        | Total::Cot
        | Total::Asin
        | Total::Acos
        | Total::Atan
        | Total::Sinh
        | Total::Cosh
        | Total::Tanh
        | Total::Asinh
        | Total::Acosh
        | Total::Atanh
        | Total::Degrees
        | Total::Radians => floats(n, |i| number::unary(total, x.float(i)?)),
        Total::Round | Total::Truncate => {
            let digits = |i| a.get(1).map_or(Some(0), |y| y.int(i));
            match gives {
                Kind::Float => floats(n, |i| number::to_digits(total, x.float(i)?, digits(i)?)),
                _ => ints(gives, n, |i| number::round_int(x.int(i)?, digits(i)?)),
            }
        }
        Total::Decimal => {
            let (scale, limit) = (argument(a, 1)?, argument(a, 2)?);
            floats(n, |i| number::decimal(x.float(i)?, scale.int(i)?, limit.float(i)?))
        }
        Total::IsZero => booleans(n, |i| Some(x.float(i)? == 0.0)),
        // A NaN is NULL from the scan on.
        Total::IsNan => booleans(n, |i| x.float(i).map(|_| false)),
        Total::WidthBucket => {
            let (low, high, parts) = (argument(a, 1)?, argument(a, 2)?, argument(a, 3)?);
            ints(gives, n, |i| number::width_bucket(x.float(i)?, low.float(i)?, high.float(i)?, parts.int(i)?))
        }
        Total::Least | Total::Greatest if gives == Kind::Float => {
            floats(n, |i| a.iter().filter_map(|v| v.float(i)).reduce(|p, q| number::choose(total, p, q)))
        }
        Total::Least | Total::Greatest if gives == Kind::Text => texts(n, |i| {
            a.iter().filter_map(|v| v.text(i)).reduce(|p, q| number::choose(total, p, q)).map(str::to_owned)
        }),
        Total::Least | Total::Greatest => {
            ints(gives, n, |i| a.iter().filter_map(|v| v.int(i)).reduce(|p, q| number::choose(total, p, q)))
        }
        Total::Length | Total::OctetLength | Total::BitLength | Total::Ascii => {
            ints(gives, n, |i| text::number(total, x.text(i)?))
        }
        Total::Position => {
            let y = argument(a, 1)?;
            ints(gives, n, |i| text::position(x.text(i)?, y.text(i)?))
        }
        Total::FindInSet => {
            let y = argument(a, 1)?;
            ints(gives, n, |i| text::find_in_set(x.text(i)?, y.text(i)?))
        }
        Total::Levenshtein => {
            let y = argument(a, 1)?;
            ints(gives, n, |i| text::levenshtein(x.text(i)?, y.text(i)?))
        }
        Total::Lower | Total::Upper | Total::Initcap | Total::Reverse => texts(n, |i| text::unary(total, x.text(i)?)),
        Total::Substring | Total::Left | Total::Right => {
            let (y, length) = (argument(a, 1)?, a.get(2));
            texts(n, |i| {
                let length = match length {
                    Some(length) => Some(length.int(i)?),
                    None => None,
                };
                text::slice(total, x.text(i)?, y.int(i)?, length)
            })
        }
        Total::Trim | Total::TrimStart | Total::TrimEnd => {
            texts(n, |i| text::trim(total, x.text(i)?, a.get(1).map_or(Some(" "), |y| y.text(i))?))
        }
        Total::StartsWith | Total::EndsWith | Total::Contains => {
            let y = argument(a, 1)?;
            booleans(n, |i| text::predicate(total, x.text(i)?, y.text(i)?))
        }
        Total::Concat => texts(n, |i| build::concat(a.iter().map(|v| v.text(i)))),
        Total::ConcatWith => texts(n, |i| build::concat_with(x.text(i)?, a.iter().skip(1).map(|v| v.text(i)))),
        Total::Like | Total::LikeAnyCase => {
            let y = argument(a, 1)?;
            let escape = a.get(2).and_then(|e| e.text(0)).and_then(|e| e.chars().next());
            let compile = |i| like::Pattern::new(y.text(i)?, escape, total == Total::LikeAnyCase);
            if y.is_constant() {
                let pattern = compile(0);
                booleans(n, |i| Some(pattern.as_ref()?.matches(x.text(i)?)))
            } else {
                booleans(n, |i| Some(compile(i)?.matches(x.text(i)?)))
            }
        }
        Total::Chr => texts(n, |i| build::chr(x.int(i)?)),
        Total::ToHex => texts(n, |i| Some(format!("{:x}", x.int(i)?))),
        Total::Encode => {
            let y = argument(a, 1)?;
            texts(n, |i| build::encode(x.text(i)?, y.text(i)?))
        }
        Total::Repeat => {
            let y = argument(a, 1)?;
            texts(n, |i| build::repeat(x.text(i)?, y.int(i)?))
        }
        Total::PadStart | Total::PadEnd => {
            let y = argument(a, 1)?;
            texts(n, |i| build::pad(total, x.text(i)?, y.int(i)?, a.get(2).map_or(Some(" "), |f| f.text(i))?))
        }
        Total::Replace => {
            let (from, to) = (argument(a, 1)?, argument(a, 2)?);
            texts(n, |i| build::replace(x.text(i)?, from.text(i)?, to.text(i)?))
        }
        Total::Translate => {
            let (from, to) = (argument(a, 1)?, argument(a, 2)?);
            texts(n, |i| Some(build::translate(x.text(i)?, from.text(i)?, to.text(i)?)))
        }
        Total::Overlay => {
            let (part, from) = (argument(a, 1)?, argument(a, 2)?);
            texts(n, |i| {
                let length = match a.get(3) {
                    Some(length) => Some(length.int(i)?),
                    None => None,
                };
                build::overlay(x.text(i)?, part.text(i)?, from.int(i)?, length)
            })
        }
        Total::SplitPart => {
            let (by, at) = (argument(a, 1)?, argument(a, 2)?);
            texts(n, |i| build::split_part(x.text(i)?, by.text(i)?, at.int(i)?))
        }
        Total::SubstringIndex => {
            let (by, at) = (argument(a, 1)?, argument(a, 2)?);
            texts(n, |i| Some(build::substring_index(x.text(i)?, by.text(i)?, at.int(i)?)))
        }
        Total::RegexLike | Total::RegexCount | Total::RegexPosition | Total::RegexReplace | Total::RegexReplaceAll => {
            let compiled = match pattern {
                Some(_) => None,
                None => argument(a, 1)?.text(0).and_then(|p| Regex::new(p).ok()),
            };
            let pattern = pattern.or(compiled.as_ref());
            match total {
                Total::RegexLike => booleans(n, |i| Some(pattern?.is_match(x.text(i)?))),
                Total::RegexCount => ints(gives, n, |i| pattern?.count(x.text(i)?)),
                Total::RegexPosition => ints(gives, n, |i| pattern?.position(x.text(i)?)),
                _ => {
                    let (by, all) = (argument(a, 2)?, total == Total::RegexReplaceAll);
                    texts(n, |i| pattern?.replace(x.text(i)?, by.text(i)?, all))
                }
            }
        }
        Total::DatePart => {
            let (y, part) = (argument(a, 1)?, time::part(x));
            match gives {
                Kind::Float => floats(n, |i| Some(y.micros(i)? as f64 / 1e6)),
                _ => ints(gives, n, |i| part?.of(y.micros(i)?)),
            }
        }
        Total::DateTrunc => {
            let (y, part) = (argument(a, 1)?, time::part(x));
            ints(gives, n, |i| time::result(gives, part?.truncate(y.micros(i)?)?))
        }
        Total::DateBin => {
            let (months, length, origin) = (argument(a, 1)?, argument(a, 2)?, argument(a, 3)?);
            ints(gives, n, |i| time::bin(x.micros(i)?, months.int(i)?, length.int(i)?, origin.int(i)?))
        }
        Total::AddInterval => {
            let (months, days, micros) = (argument(a, 1)?, argument(a, 2)?, argument(a, 3)?);
            ints(gives, n, |i| {
                let sum = time::add(x.micros(i)?, months.int(i)?, days.int(i)?, micros.int(i)?)?;
                time::result(gives, sum)
            })
        }
        Total::MakeDate => {
            let (month, day) = (argument(a, 1)?, argument(a, 2)?);
            ints(gives, n, |i| format::date(x.int(i)?, month.int(i)?, day.int(i)?))
        }
        Total::FromEpoch => {
            let unit = argument(a, 1)?;
            match x.kind() {
                Kind::Float => ints(gives, n, |i| time::from_epoch_float(x.float(i)?, unit.int(i)?)),
                _ => ints(gives, n, |i| time::from_epoch(x.int(i)?, unit.int(i)?)),
            }
        }
        Total::ToUnixTime => ints(gives, n, |i| Some(x.micros(i)? / 1_000_000)),
        Total::Format => {
            let format = argument(a, 1)?.text(0).and_then(Format::new);
            texts(n, |i| format.as_ref()?.write(x.micros(i)?))
        }
        Total::Parse => {
            let format = argument(a, 1)?.text(0).and_then(Format::new);
            ints(gives, n, |i| time::result(gives, format.as_ref()?.read(x.text(i)?)?))
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
            let (low, high) = (argument(a, 1)?, argument(a, 2)?);
            match gives {
                Kind::Float => floats(n, |i| Some(x.float(i)?.max(low.float(i)?).min(high.float(i)?))),
                _ => ints(gives, n, |i| Some(x.int(i)?.max(low.int(i)?).min(high.int(i)?))),
            }
        }
        Total::Fixed => {
            let (exponent, low, high, centre) = (argument(a, 1)?, argument(a, 2)?, argument(a, 3)?, argument(a, 4)?);
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
    })
}

fn argument(arguments: &[Argument], i: usize) -> Result<&Argument> {
    match arguments.get(i) {
        Some(argument) => Ok(argument),
        None => internal_err!("a total function has no argument {i}"),
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
