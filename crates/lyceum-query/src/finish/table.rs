//! Released tables as record batches: what SQL's aggregates are worth given noisy integers.

use super::numbers::{Noisy, Numbers};
use crate::barrier::{Aggregate, Grid};
use crate::domain::Kind;
use crate::failure::FinishError;
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use std::sync::Arc;

/// Seconds of a day.
const DAY_SECONDS: f64 = 86_400.0;

/// A released table, whole.
pub(super) fn released(number: usize, numbers: &Numbers<'_>) -> Result<RecordBatch, FinishError> {
    let cells: Vec<u32> = (0..u32::try_from(numbers.rows).unwrap_or(u32::MAX)).collect();
    let rows: Option<Vec<Noisy<'_>>> = cells.iter().map(|&c| numbers.row(c)).collect();
    let columns = columns(numbers, &numbers.keys, &rows.ok_or(FinishError::Stored)?, cells);
    batch(numbers.table.schema(number), columns, numbers.rows).ok_or(FinishError::Stored)
}

/// The key columns of some rows, in their order.
pub(super) fn keys_of(numbers: &Numbers<'_>, cells: &[u32]) -> Option<Vec<ArrayRef>> {
    let cells = UInt32Array::from(cells.to_vec());
    numbers.keys.iter().map(|k| take(k, &cells, None).ok()).collect()
}

/// The columns of a table like the released one, of any rows: keys, aggregates, intervals, cells.
pub(super) fn columns(numbers: &Numbers<'_>, keys: &[ArrayRef], rows: &[Noisy<'_>], cells: Vec<u32>) -> Vec<ArrayRef> {
    let table = numbers.table;
    let aggregates = table.aggregates.iter().map(|a| match a {
        Aggregate::Count { measure } => counts(rows, *measure, Grid { exponent: 0 }),
        Aggregate::Sum { measure, grid, integer: true } => counts(rows, *measure, *grid),
        Aggregate::Sum { integer: false, .. } | Aggregate::Average { .. } | Aggregate::Moments(_) => {
            Arc::new(rows.iter().map(|r| r.value(a)).collect::<Float64Array>())
        }
        Aggregate::Distinct { .. } => {
            Arc::new(rows.iter().map(|r| r.value(a).map(|v| v as i64)).collect::<Int64Array>())
        }
        Aggregate::Quantile(quantile) => of_kind(quantile.kind, rows.iter().map(|r| r.value(a))),
    });
    let intervals = table.intervals.iter().map(|i| {
        let end = |r: &Noisy<'_>| {
            let (low, high) = r.noise_interval(table.aggregates.get(i.aggregate)?, i.confidence)?;
            Some(if i.upper { high } else { low })
        };
        Arc::new(rows.iter().map(end).collect::<Float64Array>()) as ArrayRef
    });
    let cell: ArrayRef = Arc::new(UInt32Array::from(cells));
    keys.iter().cloned().chain(aggregates).chain(intervals).chain([cell]).collect()
}

/// Numbers as values of a kind; dates and timestamps come in seconds.
fn of_kind(kind: Kind, values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    match kind {
        Kind::Int => Arc::new(values.map(|v| v.map(|v| v.round() as i64)).collect::<Int64Array>()),
        Kind::Date => Arc::new(values.map(|v| v.map(|v| (v / DAY_SECONDS).floor() as i32)).collect::<Date32Array>()),
        Kind::Timestamp => {
            let micros = values.map(|v| v.map(|v| (v * 1e6).round() as i64));
            Arc::new(micros.collect::<TimestampMicrosecondArray>())
        }
        Kind::Float | Kind::Boolean | Kind::Text => Arc::new(values.collect::<Float64Array>()),
    }
}

/// Columns as a batch.
pub(super) fn batch(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Option<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).ok()
}

/// Integers in SQL's unit, saturating.
fn counts(rows: &[Noisy<'_>], measure: usize, grid: Grid) -> ArrayRef {
    let scale = |v: i64| {
        if grid.exponent == 0 { v } else { (v as f64 * grid.unit()).round() as i64 }
    };
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| scale(r.cell(measure)))))
}
