//! Numbers: rounding, bins, bottom and top coding. Integers stay integers of their type if all parameters are whole, else
//! they become doubles; what the type can't hold, and floats that aren't finite, become NULL.

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Float64Type};
use std::sync::Arc;

pub(super) fn round(step: f64, array: &ArrayRef) -> Option<ArrayRef> {
    map(array, &[step], |number| Some((number / step).round() * step))
}

pub(super) fn bin(bounds: &[f64], array: &ArrayRef) -> Option<ArrayRef> {
    map(array, bounds, |number| bounds.get(bounds.partition_point(|bound| *bound <= number).checked_sub(1)?).copied())
}

pub(super) fn code(bottom: Option<f64>, top: Option<f64>, array: &ArrayRef) -> Option<ArrayRef> {
    let ends: Vec<f64> = bottom.into_iter().chain(top).collect();
    map(array, &ends, |number| {
        let raised = bottom.map_or(number, |bottom| number.max(bottom));
        Some(top.map_or(raised, |top| raised.min(top)))
    })
}

/// Maps numbers as doubles; integers get their type back if the parameters are whole, so that all batches agree.
fn map(array: &ArrayRef, parameters: &[f64], of: impl Fn(f64) -> Option<f64>) -> Option<ArrayRef> {
    if !array.data_type().is_numeric() {
        return None;
    }
    let floats = cast(array, &ArrowType::Float64).ok()?;
    let finite = floats.as_primitive::<Float64Type>().iter().map(|n| n.filter(|n| n.is_finite()));
    let mapped: Float64Array = finite.map(|n| n.and_then(&of).filter(|n| n.is_finite())).collect();
    let whole = parameters.iter().all(|n| n.fract() == 0.0);
    let mapped: ArrayRef = Arc::new(mapped);
    if array.data_type().is_integer() && whole {
        return cast(&mapped, array.data_type()).ok();
    }
    Some(mapped)
}
