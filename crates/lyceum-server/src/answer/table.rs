//! An answer as one table, for CSV and Arrow: after each noisy column its interval as `<name>_low` and `<name>_high`,
//! and, if keys were undeclared, a column `is_other` that is true in the last row: everything not shown.

use crate::problem::Refused;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use lyceum_sharing::error::Error;
use lyceum_sharing::usecase::query::Given;
use std::collections::HashMap;
use std::sync::Arc;

/// Media type of Arrow IPC streams.
pub(crate) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// CSV with a header.
pub(crate) fn csv(given: &Given) -> Result<Response, Refused> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let mut out = Vec::new();
        arrow::csv::Writer::new(&mut out).write(&wide(given)?)?;
        Ok(out)
    };
    let body = write().map_err(|_| Error::Internal)?;
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response())
}

/// An Arrow IPC stream; price, notes and receipt are in the schema's metadata.
pub(crate) fn arrow(given: &Given) -> Result<Response, Refused> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let batch = wide(given)?;
        let mut out = Vec::new();
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut out, &batch.schema())?;
        writer.write(&batch)?;
        writer.finish()?;
        Ok(out)
    };
    let body = write().map_err(|_| Error::Internal)?;
    Ok(([(CONTENT_TYPE, ARROW_STREAM)], body).into_response())
}

fn wide(given: &Given) -> Result<RecordBatch, ArrowError> {
    let answer = &given.answer;
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
            fields.push(Field::new(format!("{}_{end}", column.name), arrow::datatypes::DataType::Float64, true));
        }
    }
    if answer.other.is_some() {
        fields.push(Field::new("is_other", arrow::datatypes::DataType::Boolean, false));
        arrays.push(Arc::new((0..=rows).map(|row| Some(row == rows)).collect::<BooleanArray>()));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields).with_metadata(metadata(given))), arrays)
}

fn metadata(given: &Given) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    metadata.insert("lyceum.notes".to_owned(), given.answer.notes.join("\n"));
    if let Some(paid) = &given.paid {
        metadata.insert("lyceum.query".to_owned(), paid.query.to_string());
        metadata.insert("lyceum.charge".to_owned(), paid.charge.to_string());
        metadata.insert("lyceum.repeated".to_owned(), paid.repeated.to_string());
        metadata.insert("lyceum.receipt".to_owned(), paid.receipt.text.clone());
        if let Ok(price) = serde_json::to_string(&paid.price) {
            metadata.insert("lyceum.price".to_owned(), price);
        }
    }
    metadata
}
