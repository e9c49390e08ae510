//! An answer as JSON: rows of plain values, intervals beside them by row and column.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use lyceum_schema::wire::{AnswerKind, ColumnInfo, Interval, OtherRow, QueryAnswer};
use lyceum_sharing::usecase::query::{AnswerColumn, ColumnKind, Given, Intervals};
use serde_json::Value;

/// The whole answer.
pub(crate) fn shape(given: &Given) -> QueryAnswer {
    let answer = &given.answer;
    let batch = &answer.batch;
    let rows = batch.num_rows();
    let by_row = |of: fn(&AnswerColumn) -> Option<&Intervals>| -> Vec<Vec<Option<Interval>>> {
        (0..rows).map(|row| answer.columns.iter().map(|c| of(c).and_then(|i| interval(i, row))).collect()).collect()
    };
    let columns = answer.columns.iter().zip(batch.columns()).map(|(column, array)| ColumnInfo {
        name: column.name.clone(),
        data_type: sql_type(array.data_type()).to_owned(),
        role: role(column.kind).to_owned(),
        has_interval: column.noise_interval.is_some(),
        description: meaning(column.kind).to_owned(),
    });
    let paid = given.paid.as_ref();
    QueryAnswer {
        kind: if paid.is_some() { AnswerKind::Private } else { AnswerKind::Public },
        query: paid.map(|p| p.query),
        charge: paid.map(|p| p.charge),
        columns: columns.collect(),
        rows: (0..rows).map(|row| batch.columns().iter().map(|array| value(array, row)).collect()).collect(),
        noise_intervals: by_row(|c| c.noise_interval.as_ref()),
        estimate_intervals: by_row(|c| c.estimate_interval.as_ref()),
        other: answer.other.as_ref().map(|other| OtherRow {
            values: other.batch.columns().iter().map(|array| value(array, 0)).collect(),
            noise_intervals: other
                .noise_interval
                .iter()
                .map(|ends| ends.map(|(low, high)| Interval { low, high, confidence: 0.95 }))
                .collect(),
        }),
        notes: answer.notes.clone(),
        price: paid.map(|p| p.price.clone()),
        budget_left: paid.map(|p| p.left.clone()),
        repeated: paid.is_some_and(|p| p.repeated),
        receipt: paid.map(|p| p.receipt.clone()),
    }
}

fn interval(intervals: &Intervals, row: usize) -> Option<Interval> {
    let present = intervals.low.is_valid(row) && intervals.high.is_valid(row);
    present.then(|| Interval {
        low: intervals.low.value(row),
        high: intervals.high.value(row),
        confidence: intervals.confidence,
    })
}

/// One value as JSON: numbers as numbers, what JSON has no number for (NaN, infinities) as `null`, dates as text.
fn value(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        _ => match ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()) {
            Ok(formatter) => formatter.value(row).to_string().into(),
            Err(_) => Value::Null,
        },
    }
}

fn sql_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        t if t.is_integer() => "bigint",
        t if t.is_floating() => "double",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "timestamp",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar",
        _ => "other",
    }
}

const fn role(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Key => "key",
        ColumnKind::Measure => "measure",
        ColumnKind::Interval => "interval",
        ColumnKind::Derived => "derived",
        ColumnKind::NoInterval => "no-interval",
        ColumnKind::Exact => "exact",
    }
}

const fn meaning(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Key => "names the group",
        ColumnKind::Measure => "noisy, straight from the mechanism",
        ColumnKind::Interval => "an end of an interval",
        ColumnKind::Derived => "computed from noisy numbers of the same row",
        ColumnKind::NoInterval => "computed in a way that can't be followed back to the noise",
        ColumnKind::Exact => "exact, from public tables",
    }
}
