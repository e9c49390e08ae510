//! Whole columns at once, for the functions that run over every row of most queries: arithmetic, clamping to declared
//! intervals, fixed point. The loops have no branch, so that they become vector instructions and take the same time
//! whatever is in the rows: every value is computed, also where the result will be NULL, and which rows are defined
//! is computed beside it. Results equal those of the row-wise kernels (`functions/properties.rs` compares them).

use super::Total;
use super::kernel::{Argument, Values};
use crate::domain::Kind;
use crate::faults::{self, Fault};
use arrow::array::{Array, ArrayRef, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use std::sync::Arc;

/// Adding it to a double of smaller size than 2^51 leaves the whole number, halves to even, in the lowest bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;
/// Doubles below it in size are rounded by adding [`ROUNDING`].
const ROUNDED: i64 = 1 << 51;

/// Evaluates a function if there is a loop for it and the types of its arguments.
pub(super) fn evaluate(total: Total, gives: Kind, a: &[Argument]) -> Option<ArrayRef> {
    let x = a.first().filter(|x| !x.is_constant())?;
    match (total, gives) {
        (Total::Add | Total::Subtract | Total::Multiply | Total::Divide, Kind::Float) => {
            let y = a.get(1)?;
            match total {
                Total::Add => float_operator(x, y, |x, y| x + y),
                Total::Subtract => float_operator(x, y, |x, y| x - y),
                Total::Multiply => float_operator(x, y, |x, y| x * y),
                // Where y is infinite the quotient is finite, but the row-wise kernel knows no infinite numbers.
                _ => float_operator(x, y, |x, y| if y.is_finite() { x / y } else { f64::NAN }),
            }
        }
        (Total::Add | Total::Subtract | Total::Multiply, Kind::Int) if !faults::on(Fault::WrappingAdd) => {
            let y = a.get(1)?;
            match total {
                Total::Add => int_operator(x, y, i64::overflowing_add),
                Total::Subtract => int_operator(x, y, i64::overflowing_sub),
                _ => int_operator(x, y, i64::overflowing_mul),
            }
        }
        (Total::Within, Kind::Float) => {
            let (low, high) = (constant_float(a.get(1)?)?, constant_float(a.get(2)?)?);
            float_map(float(x)?, |v| v.max(low).min(high))
        }
        (Total::Within, Kind::Int | Kind::Date | Kind::Timestamp) => {
            let (low, high) = (constant_int(a.get(1)?)?, constant_int(a.get(2)?)?);
            match &x.values {
                Values::Int(x) if gives == Kind::Int => Some(int_map(x, |v| v.max(low).min(high))),
                Values::Timestamp(x) if gives == Kind::Timestamp => {
                    let values: Vec<i64> = x.values().iter().map(|v| (*v).max(low).min(high)).collect();
                    Some(Arc::new(TimestampMicrosecondArray::new(values.into(), x.nulls().cloned())))
                }
                Values::Date(x) if gives == Kind::Date => {
                    let (low, high) = (i32::try_from(low).ok()?, i32::try_from(high).ok()?);
                    let values: Vec<i32> = x.values().iter().map(|v| (*v).max(low).min(high)).collect();
                    Some(Arc::new(Date32Array::new(values.into(), x.nulls().cloned())))
                }
                _ => None,
            }
        }
        (Total::Cast, Kind::Float) if a.len() == 1 => match &x.values {
            Values::Float(x) => float_map(x, |v| v),
            Values::Int(x) => {
                let values: Vec<f64> = x.values().iter().map(|v| *v as f64).collect();
                Some(Arc::new(Float64Array::new(values.into(), x.nulls().cloned())))
            }
            _ => None,
        },
        (Total::Cast, Kind::Int) if a.len() == 1 => match &x.values {
            Values::Int(x) => Some(Arc::new(x.clone())),
            _ => None,
        },
        (Total::Fixed, Kind::Int) => fixed(x, a),
        _ => None,
    }
}

/// Grid units of a float or integer, clamped, minus the centre.
fn fixed(x: &Argument, a: &[Argument]) -> Option<ArrayRef> {
    let [_, exponent, low, high, centre] = a else { return None };
    let (exponent, low, high) = (constant_int(exponent)?, constant_int(low)?, constant_int(high)?);
    let centre = constant_int(centre)?;
    // Differences from the centre fit for all values if they do at the ends.
    low.checked_sub(centre)?;
    high.checked_sub(centre)?;
    match &x.values {
        Values::Int(x) if exponent == 0 => Some(int_map(x, |v| v.max(low).min(high) - centre)),
        Values::Float(x) if -ROUNDED < low && low <= high && high < ROUNDED => {
            let scale = 2f64.powi(-i32::try_from(exponent.clamp(-1_000, 1_000)).ok()?);
            // The ends are whole: clamping before rounding is the same as after, and keeps what is rounded small.
            let (least, most) = (low as f64, high as f64);
            let zero = ROUNDING.to_bits() as i64;
            let values: Vec<i64> = x
                .values()
                .iter()
                .map(|v| ((v * scale).max(least).min(most) + ROUNDING).to_bits() as i64 - zero - centre)
                .collect();
            let nulls = defined(x.len(), x.nulls(), None, finite(x.values()));
            Some(Arc::new(Int64Array::new(values.into(), nulls)))
        }
        _ => None,
    }
}

fn float(x: &Argument) -> Option<&Float64Array> {
    match &x.values {
        Values::Float(x) => Some(x),
        _ => None,
    }
}

fn constant_float(x: &Argument) -> Option<f64> {
    if x.is_constant() { x.float(0) } else { None }
}

fn constant_int(x: &Argument) -> Option<i64> {
    if x.is_constant() { x.int(0) } else { None }
}

fn int_map(x: &Int64Array, f: impl Fn(i64) -> i64) -> ArrayRef {
    let values: Vec<i64> = x.values().iter().map(|v| f(*v)).collect();
    Arc::new(Int64Array::new(values.into(), x.nulls().cloned()))
}

/// A function that is finite for finite values.
fn float_map(x: &Float64Array, f: impl Fn(f64) -> f64) -> Option<ArrayRef> {
    let values: Vec<f64> = x.values().iter().map(|v| f(*v)).collect();
    let nulls = defined(x.len(), x.nulls(), None, finite(x.values()));
    Some(Arc::new(Float64Array::new(values.into(), nulls)))
}

/// Which values are finite.
fn finite(values: &ScalarBuffer<f64>) -> BooleanBuffer {
    BooleanBuffer::collect_bool(values.len(), |i| values.get(i).is_some_and(|v| v.is_finite()))
}

/// Rows that are defined and whose arguments are: none if that is all.
fn defined(n: usize, x: Option<&NullBuffer>, y: Option<&NullBuffer>, rows: BooleanBuffer) -> Option<NullBuffer> {
    let rows = if rows.count_set_bits() == n { None } else { Some(NullBuffer::new(rows)) };
    NullBuffer::union(NullBuffer::union(x, y).as_ref(), rows.as_ref())
}

/// An operator on a column and a column or literal of floats.
fn float_operator(x: &Argument, y: &Argument, f: impl Fn(f64, f64) -> f64) -> Option<ArrayRef> {
    let x = float(x)?;
    let (values, nulls): (Vec<f64>, _) = if y.is_constant() {
        let y = constant_float(y)?;
        (x.values().iter().map(|x| f(*x, y)).collect(), None)
    } else {
        let y = float(y)?;
        (x.values().iter().zip(y.values()).map(|(x, y)| f(*x, *y)).collect(), y.nulls())
    };
    let values = ScalarBuffer::from(values);
    let nulls = defined(x.len(), x.nulls(), nulls, finite(&values));
    Some(Arc::new(Float64Array::new(values, nulls)))
}

/// An operator on a column and a column or literal of integers, with its overflow.
fn int_operator(x: &Argument, y: &Argument, f: impl Fn(i64, i64) -> (i64, bool)) -> Option<ArrayRef> {
    let Values::Int(x) = &x.values else { return None };
    let (values, fits, nulls): (Vec<i64>, _, _) = if y.is_constant() {
        let y = constant_int(y)?;
        let fits = BooleanBuffer::collect_bool(x.len(), |i| x.values().get(i).is_some_and(|x| !f(*x, y).1));
        (x.values().iter().map(|x| f(*x, y).0).collect(), fits, None)
    } else {
        let Values::Int(y) = &y.values else { return None };
        let fits = BooleanBuffer::collect_bool(x.len(), |i| {
            x.values().get(i).zip(y.values().get(i)).is_some_and(|(x, y)| !f(*x, *y).1)
        });
        (x.values().iter().zip(y.values()).map(|(x, y)| f(*x, *y).0).collect(), fits, y.nulls())
    };
    let nulls = defined(x.len(), x.nulls(), nulls, fits);
    Some(Arc::new(Int64Array::new(values.into(), nulls)))
}
