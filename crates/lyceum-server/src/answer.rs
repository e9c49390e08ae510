//! Answers as JSON, NDJSON, as an Arrow stream or as CSV. All but JSON carry the rows with their intervals as columns; what
//! else there is to know about them is in headers, and in full in JSON.

mod labels;
mod rows;
mod table;

use crate::problem::Failure;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lyceum_schema::wire;
use lyceum_sharing::usecase::query::{AnswerColumn, ColumnKind, Delivery, Given, Intervals, OtherRow, Outcome};
use std::sync::Arc;

const ARROW: &str = "application/vnd.apache.arrow.stream";
const CSV: &str = "text/csv; charset=utf-8";
const NDJSON: &str = "application/x-ndjson";
/// Coverage of the intervals of the `other` row.
const CONFIDENCE: f64 = 0.95;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Arrow,
    Csv,
    /// One JSON object per row.
    Ndjson,
}

impl Format {
    /// Formats that have no end to wait for take rows as they come.
    pub(crate) const fn delivery(self) -> Delivery {
        match self {
            Self::Json => Delivery::Whole,
            Self::Arrow | Self::Csv | Self::Ndjson => Delivery::Streamed,
        }
    }

    /// The first of the accepted formats that can be made; JSON for who doesn't say.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(accept) = headers.get(header::ACCEPT) else { return Ok(Self::Json) };
        let accept = accept.to_str().map_err(|_| Failure::Header("Accept"))?;
        let kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or(kind).trim());
        let known = |kind: &str| match kind {
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            "application/vnd.apache.arrow.stream" => Some(Self::Arrow),
            "text/csv" | "text/*" => Some(Self::Csv),
            "application/x-ndjson" => Some(Self::Ndjson),
            _ => None,
        };
        kinds.into_iter().find_map(known).ok_or(Failure::NotAcceptable)
    }
}

/// The reply to a question. Explanations are always JSON.
pub(crate) fn respond(outcome: Outcome, format: Format) -> Result<Response, Failure> {
    let given = match outcome {
        Outcome::Explanation(explanation) => {
            return Ok(Json(wire::QueryResponse::Explanation(explanation)).into_response());
        }
        Outcome::Rows(rows) => return rows::respond(*rows, format),
        Outcome::Answer(given) => given,
    };
    let mut response = match format {
        Format::Json => Json(wire::QueryResponse::Answer(Box::new(describe(&given)?))).into_response(),
        Format::Arrow => ([(header::CONTENT_TYPE, ARROW)], arrow_stream(&wide(&given)?)?).into_response(),
        Format::Csv => ([(header::CONTENT_TYPE, CSV)], rows::csv(&wide(&given)?, true)?).into_response(),
        Format::Ndjson => ([(header::CONTENT_TYPE, NDJSON)], rows::ndjson(&wide(&given)?)?).into_response(),
    };
    if let Some(paid) = &given.paid {
        let headers = response.headers_mut();
        let mut say = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        say("lyceum-query", paid.query.to_string());
        say("lyceum-receipt-entry", paid.receipt.entry.to_string());
        say("lyceum-share-of-budget", paid.price.share_of_budget.to_string());
        say("lyceum-budget-left", paid.left.share.to_string());
        say("lyceum-repeated", paid.repeated.to_string());
    }
    Ok(response)
}

fn wide(given: &Given) -> Result<RecordBatch, Failure> {
    table::wide(&given.answer).map_err(|_| Failure::Internal)
}

fn describe(given: &Given) -> Result<wire::QueryAnswer, Failure> {
    let Given { answer, paid } = given;
    let batch = &answer.batch;
    let columns = answer.columns.iter().zip(batch.columns()).map(|(c, array)| describe_column(c, array)).collect();
    let intervals = |of: fn(&AnswerColumn) -> Option<&Intervals>| {
        let row = |row| answer.columns.iter().map(|c| of(c).and_then(|i| interval(i, row))).collect();
        (0..batch.num_rows()).map(row).collect()
    };
    Ok(wire::QueryAnswer {
        kind: if paid.is_some() { wire::AnswerKind::Private } else { wire::AnswerKind::Public },
        query: paid.as_ref().map(|p| p.query),
        charge: paid.as_ref().map(|p| p.charge),
        columns,
        rows: rows(batch)?,
        noise_intervals: intervals(|c| c.noise_interval.as_ref()),
        estimate_intervals: intervals(|c| c.estimate_interval.as_ref()),
        other: answer.other.as_ref().map(describe_other).transpose()?,
        notes: answer.notes.clone(),
        price: paid.as_ref().map(|p| p.price.clone()),
        budget_left: paid.as_ref().map(|p| p.left.clone()),
        repeated: paid.as_ref().is_some_and(|p| p.repeated),
        receipt: paid.as_ref().map(|p| p.receipt.clone()),
    })
}

fn describe_column(column: &AnswerColumn, array: &ArrayRef) -> wire::ColumnInfo {
    let (role, description) = match column.kind {
        ColumnKind::Key => ("key", "a group key"),
        ColumnKind::Measure => ("measure", "an aggregate with noise"),
        ColumnKind::Interval => ("interval", "an end of an interval"),
        ColumnKind::Derived => ("derived", "computed from aggregates with noise"),
        ColumnKind::NoInterval => ("no-interval", "computed in a way that has no interval"),
        ColumnKind::Exact => ("exact", "exact: from public tables"),
    };
    wire::ColumnInfo {
        name: column.name.clone(),
        data_type: sql_type(array.data_type()).to_owned(),
        role: role.to_owned(),
        has_interval: column.noise_interval.is_some(),
        description: description.to_owned(),
    }
}

fn sql_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "timestamp",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "decimal",
        range if labels::is_range(range) => "range",
        _ => "other",
    }
}

fn interval(intervals: &Intervals, row: usize) -> Option<wire::Interval> {
    let there = row < intervals.low.len() && intervals.low.is_valid(row) && intervals.high.is_valid(row);
    there.then(|| wire::Interval {
        low: intervals.low.value(row),
        high: intervals.high.value(row),
        confidence: intervals.confidence,
    })
}

fn describe_other(other: &OtherRow) -> Result<wire::OtherRow, Failure> {
    let ends = other.noise_interval.iter();
    Ok(wire::OtherRow {
        values: rows(&other.batch)?.pop().unwrap_or_default(),
        noise_intervals: ends
            .map(|e| e.map(|(low, high)| wire::Interval { low, high, confidence: CONFIDENCE }))
            .collect(),
    })
}

/// Rows of JSON values. Columns are encoded one by one, since their names need not differ.
fn rows(batch: &RecordBatch) -> Result<Vec<Vec<serde_json::Value>>, Failure> {
    let batch = &labels::labelled(batch).map_err(|_| Failure::Internal)?;
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for column in batch.columns() {
        for (row, value) in rows.iter_mut().zip(values(column)?) {
            row.push(value);
        }
    }
    Ok(rows)
}

fn values(column: &ArrayRef) -> Result<Vec<serde_json::Value>, Failure> {
    // JSON has no NaN and no infinities; where they come from division above the barrier they are no value.
    if let Some(floats) = column.as_primitive_opt::<arrow::datatypes::Float64Type>() {
        return Ok(floats
            .iter()
            .map(|v| v.filter(|v| v.is_finite()).map_or(serde_json::Value::Null, Into::into))
            .collect());
    }
    let schema = Arc::new(Schema::new(vec![Field::new("v", column.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(column)]).map_err(|_| Failure::Internal)?;
    let mut bytes = Vec::new();
    let mut writer = arrow_json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow_json::writer::JsonArray>(&mut bytes);
    writer.write(&batch).and_then(|()| writer.finish()).map_err(|_| Failure::Internal)?;
    drop(writer);
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let objects: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&bytes).map_err(|_| Failure::Internal)?;
    Ok(objects.into_iter().map(|mut o| o.remove("v").unwrap_or_default()).collect())
}

fn arrow_stream(batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut writer =
        arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).map_err(|_| Failure::Internal)?;
    writer.write(batch).and_then(|()| writer.finish()).map_err(|_| Failure::Internal)?;
    drop(writer);
    Ok(bytes)
}
