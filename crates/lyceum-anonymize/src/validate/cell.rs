//! One value as a file stores it, and how it reads as each declared type.

use crate::report::{Correction, Reason};
use arrow::array::{
    Array, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, PrimitiveArray, StringArray,
    StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type, TimeUnit, UInt64Type};
use lyceum_schema::manifest::DataType;
use std::borrow::Cow;

/// A column as a file stores it, in one of few shapes.
pub(crate) enum Source {
    Null,
    Text(StringArray),
    TextView(StringViewArray),
    Bytes(BinaryViewArray),
    Int(PrimitiveArray<Int64Type>),
    Unsigned(PrimitiveArray<UInt64Type>),
    Float(PrimitiveArray<Float64Type>),
    Decimal(Decimal128Array, u32),
    Boolean(BooleanArray),
    Date(Date32Array),
    Timestamp(TimestampMicrosecondArray),
}

/// One value as a file stores it.
pub(crate) enum Cell<'a> {
    Null,
    Text(&'a str),
    BrokenText,
    Int(i128),
    Float(f64),
    Boolean(bool),
    Date(i32),
    Timestamp(i64),
}

impl Source {
    /// Brings a file's column into one of the shapes; `None` for types that are not read.
    pub(crate) fn new(array: &dyn Array) -> Option<Self> {
        use ArrowType as A;
        let to = |t: &A| cast(array, t).ok();
        Some(match array.data_type() {
            A::Null => Self::Null,
            A::Utf8 => Self::Text(array.as_string::<i32>().clone()),
            A::Utf8View => Self::TextView(array.as_string_view().clone()),
            A::BinaryView => Self::Bytes(array.as_binary_view().clone()),
            A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt8 | A::UInt16 | A::UInt32 => {
                Self::Int(to(&A::Int64)?.as_primitive::<Int64Type>().clone())
            }
            A::UInt64 => Self::Unsigned(array.as_primitive::<UInt64Type>().clone()),
            A::Float16 | A::Float32 | A::Float64 => Self::Float(to(&A::Float64)?.as_primitive::<Float64Type>().clone()),
            A::Decimal128(_, scale) => Self::Decimal(
                array.as_primitive::<arrow::datatypes::Decimal128Type>().clone(),
                u32::try_from(*scale).ok()?,
            ),
            A::Boolean => Self::Boolean(array.as_boolean().clone()),
            A::Date32 => Self::Date(array.as_primitive::<arrow::datatypes::Date32Type>().clone()),
            A::Timestamp(..) => {
                // Zones only say how to show an instant; finer units are cut to microseconds.
                let cast = to(&A::Timestamp(TimeUnit::Microsecond, None))?;
                Self::Timestamp(cast.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone())
            }
            _ => return None,
        })
    }

    /// Whether values of this shape can be read as the declared type at all.
    pub(crate) const fn reads_as(&self, declared: DataType) -> bool {
        use DataType as D;
        match self {
            Self::Null | Self::Text(_) | Self::TextView(_) | Self::Bytes(_) => true,
            Self::Int(_) | Self::Unsigned(_) => {
                matches!(declared, D::Boolean | D::Int32 | D::Int64 | D::Float64 | D::String)
            }
            Self::Float(_) | Self::Decimal(..) => matches!(declared, D::Int32 | D::Int64 | D::Float64),
            Self::Boolean(_) => matches!(declared, D::Boolean | D::Int32 | D::Int64),
            Self::Date(_) => matches!(declared, D::Date | D::Timestamp),
            Self::Timestamp(_) => matches!(declared, D::Timestamp),
        }
    }

    /// The value in a row.
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        macro_rules! valid {
            ($array:expr) => {
                if $array.is_null(row) {
                    return Cell::Null;
                }
            };
        }
        match self {
            Self::Null => Cell::Null,
            Self::Text(a) => {
                valid!(a);
                Cell::Text(a.value(row))
            }
            Self::TextView(a) => {
                valid!(a);
                Cell::Text(a.value(row))
            }
            Self::Bytes(a) => {
                valid!(a);
                std::str::from_utf8(a.value(row)).map_or(Cell::BrokenText, Cell::Text)
            }
            Self::Int(a) => {
                valid!(a);
                Cell::Int(i128::from(a.value(row)))
            }
            Self::Unsigned(a) => {
                valid!(a);
                Cell::Int(i128::from(a.value(row)))
            }
            Self::Float(a) => {
                valid!(a);
                Cell::Float(a.value(row))
            }
            Self::Decimal(a, scale) => {
                valid!(a);
                decimal(a.value(row), *scale)
            }
            Self::Boolean(a) => {
                valid!(a);
                Cell::Boolean(a.value(row))
            }
            Self::Date(a) => {
                valid!(a);
                Cell::Date(a.value(row))
            }
            Self::Timestamp(a) => {
                valid!(a);
                Cell::Timestamp(a.value(row))
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn decimal<'a>(unscaled: i128, scale: u32) -> Cell<'a> {
    match 10i128.checked_pow(scale) {
        Some(power) if unscaled % power == 0 => Cell::Int(unscaled / power),
        Some(power) => Cell::Float(unscaled as f64 / power as f64),
        None => Cell::Float(unscaled as f64 / 10f64.powi(i32::try_from(scale).unwrap_or(i32::MAX))),
    }
}

/// What a cell reads as: a value or NULL, perhaps corrected.
pub(crate) type Reading<T> = Result<(Option<T>, Option<Correction>), Reason>;

const fn plain<T>(value: T) -> Reading<T> {
    Ok((Some(value), None))
}

const fn null<T>() -> Reading<T> {
    Ok((None, None))
}

/// Reads a boolean: true/false, t/f, yes/no, y/n, 1/0 in any case.
pub(crate) fn boolean(cell: &Cell<'_>) -> Reading<bool> {
    match cell {
        Cell::Null => null(),
        Cell::Boolean(b) => plain(*b),
        Cell::Int(i @ (0 | 1)) => plain(*i == 1),
        Cell::Text(text) => parse_boolean(text).map_or(Err(Reason::WrongType), plain),
        Cell::BrokenText => Err(Reason::BrokenUtf8),
        _ => Err(Reason::WrongType),
    }
}

/// Reads an integer of 64 bits; a missing number that a file stores as NaN is NULL.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn int(cell: &Cell<'_>) -> Reading<i64> {
    match cell {
        Cell::Null => null(),
        Cell::Int(i) => i64::try_from(*i).map_or(Err(Reason::WrongType), plain),
        Cell::Boolean(b) => plain(i64::from(*b)),
        Cell::Float(f) if !f.is_finite() => Ok((None, Some(Correction::NotFiniteToNull))),
        // Every float below 2^63 with no fraction is an i64.
        Cell::Float(f) if f.fract() == 0.0 && f.abs() < 9_223_372_036_854_775_808.0 => plain(*f as i64),
        Cell::Text(text) => text.trim().parse().map_or(Err(Reason::WrongType), plain),
        Cell::BrokenText => Err(Reason::BrokenUtf8),
        _ => Err(Reason::WrongType),
    }
}

/// Reads a finite double.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn float(cell: &Cell<'_>) -> Reading<f64> {
    let value = match cell {
        Cell::Null => return null(),
        Cell::Int(i) => *i as f64,
        Cell::Float(f) => *f,
        Cell::Text(text) => text.trim().parse().map_err(|_| Reason::WrongType)?,
        Cell::BrokenText => return Err(Reason::BrokenUtf8),
        _ => return Err(Reason::WrongType),
    };
    if !value.is_finite() {
        Ok((None, Some(Correction::NotFiniteToNull)))
    } else if value == 0.0 && value.is_sign_negative() {
        Ok((Some(0.0), Some(Correction::NegativeZero)))
    } else {
        plain(value)
    }
}

/// Reads text as it is; integers as decimal text.
pub(crate) fn text<'a>(cell: &Cell<'a>) -> Reading<Cow<'a, str>> {
    match cell {
        Cell::Null => null(),
        Cell::Text(text) => plain(Cow::Borrowed(*text)),
        Cell::Int(i) => plain(Cow::Owned(i.to_string())),
        Cell::BrokenText => Err(Reason::BrokenUtf8),
        _ => Err(Reason::WrongType),
    }
}

/// Reads days since 1970-01-01 from `YYYY-MM-DD`.
pub(crate) fn date(cell: &Cell<'_>) -> Reading<i32> {
    match cell {
        Cell::Null => null(),
        Cell::Date(days) => plain(*days),
        Cell::Text(text) => parse_date(text).map_or(Err(Reason::WrongType), plain),
        Cell::BrokenText => Err(Reason::BrokenUtf8),
        _ => Err(Reason::WrongType),
    }
}

/// Reads microseconds since the epoch from RFC 3339, or from `YYYY-MM-DD[ HH:MM:SS[.ffffff]]` taken as UTC.
pub(crate) fn timestamp(cell: &Cell<'_>) -> Reading<i64> {
    match cell {
        Cell::Null => null(),
        Cell::Timestamp(micros) => plain(*micros),
        Cell::Date(days) => i64::from(*days).checked_mul(MICROS_PER_DAY).map_or(Err(Reason::WrongType), plain),
        Cell::Text(text) => parse_timestamp(text).map_or(Err(Reason::WrongType), plain),
        Cell::BrokenText => Err(Reason::BrokenUtf8),
        _ => Err(Reason::WrongType),
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if is(&["true", "t", "yes", "y", "1"]) {
        Some(true)
    } else if is(&["false", "f", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.len() != 10 {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.since(jiff::civil::Date::constant(1970, 1, 1)).ok()?.get_days())
}

pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_microsecond());
    }
    // A civil time followed by anything else, such as a zone's name, is not one.
    let civil = text.bytes().all(|b| b.is_ascii_digit() || b"-: T.".contains(&b));
    let local: jiff::civil::DateTime = text.parse().ok().filter(|_| civil)?;
    jiff::tz::TimeZone::UTC.to_timestamp(local).ok().map(jiff::Timestamp::as_microsecond)
}
