//! An answer as one table, for Arrow and CSV: after each noisy column its interval as `<name>_low` and `<name>_high`
//! (of noise and sampling together where there is one, else of the noise), and, if keys were undeclared, a column
//! `is_other` that is true in the last row: everything not shown.

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use lyceum_sharing::usecase::query::Answer;
use std::sync::Arc;

/// The answer with its intervals as columns.
pub(super) fn wide(answer: &Answer) -> Result<RecordBatch, ArrowError> {
    let rows = answer.batch.num_rows();
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (i, column) in answer.columns.iter().enumerate() {
        let array = answer.batch.column(i);
        let other = answer.other.as_ref();
        let array = match other {
            Some(other) => concat(&[array.as_ref(), other.batch.column(i).as_ref()])?,
            None => Arc::clone(array),
        };
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
        let Some(intervals) = column.estimate_interval.as_ref().or(column.noise_interval.as_ref()) else { continue };
        let last = other.map(|o| o.noise_interval.get(i).copied().flatten());
        for (end, side) in [("low", 0), ("high", 1)] {
            let ends = if side == 0 { &intervals.low } else { &intervals.high };
            let tail = last.into_iter().map(|l| l.map(|(low, high)| if side == 0 { low } else { high }));
            arrays.push(Arc::new(ends.iter().chain(tail).collect::<Float64Array>()));
            fields.push(Field::new(format!("{}_{end}", column.name), DataType::Float64, true));
        }
    }
    if answer.other.is_some() {
        fields.push(Field::new("is_other", DataType::Boolean, false));
        arrays.push(Arc::new((0..=rows).map(|row| Some(row == rows)).collect::<BooleanArray>()));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}
