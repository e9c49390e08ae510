//! Rows as they come: Arrow, CSV or NDJSON, one chunk per batch, so that an answer of any size takes the memory of one. An
//! error on the way breaks the connection off: what arrived is not the whole answer, and the client sees that.

use super::labels::labelled;
use super::{ARROW, CSV, Format, NDJSON};
use crate::problem::Failure;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use lyceum_sharing::usecase::query::Rows;

/// The rows as a streamed body.
pub(super) fn respond(rows: Rows, format: Format) -> Result<Response, Failure> {
    let (kind, encoder) = match format {
        Format::Csv => (CSV, Encoder::Csv { header: true }),
        Format::Ndjson => (NDJSON, Encoder::Ndjson),
        Format::Arrow | Format::Json => {
            let writer = StreamWriter::try_new(Vec::new(), rows.schema()).map_err(|_| Failure::Internal)?;
            (ARROW, Encoder::Arrow(Box::new(writer)))
        }
    };
    let chunks = futures::stream::try_unfold(Some((rows, encoder)), |state| async move {
        let Some((mut rows, mut encoder)) = state else { return Ok(None) };
        match rows.next().await {
            Some(batch) => {
                let chunk = encoder.batch(&batch.map_err(Failure::Service)?)?;
                Ok(Some((Bytes::from(chunk), Some((rows, encoder)))))
            }
            None => Ok::<_, Failure>(Some((Bytes::from(encoder.end(rows.schema())?), None))),
        }
    });
    let body = Body::from_stream(futures::TryStreamExt::map_err(chunks, |_| BrokenOff));
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

/// The answer can't be ended.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
struct BrokenOff;

enum Encoder {
    Arrow(Box<StreamWriter<Vec<u8>>>),
    Csv { header: bool },
    Ndjson,
}

impl Encoder {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Arrow(writer) => {
                writer.write(batch).map_err(|_| Failure::Internal)?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Self::Csv { header } => csv(batch, std::mem::take(header)),
            Self::Ndjson => ndjson(batch),
        }
    }

    /// What follows the last batch.
    fn end(&mut self, schema: &arrow::datatypes::SchemaRef) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Arrow(writer) => {
                writer.finish().map_err(|_| Failure::Internal)?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Self::Csv { header: true } => csv(&RecordBatch::new_empty(schema.clone()), true),
            Self::Csv { header: false } | Self::Ndjson => Ok(Vec::new()),
        }
    }
}

/// Lines of values, after the columns' names if `header`.
pub(super) fn csv(batch: &RecordBatch, header: bool) -> Result<Vec<u8>, Failure> {
    let batch = &labelled(batch).map_err(|_| Failure::Internal)?;
    let mut bytes = Vec::new();
    let mut writer = arrow::csv::WriterBuilder::new().with_header(header).build(&mut bytes);
    writer.write(batch).map_err(|_| Failure::Internal)?;
    drop(writer);
    Ok(bytes)
}

/// One JSON object per row.
pub(super) fn ndjson(batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let batch = &labelled(batch).map_err(|_| Failure::Internal)?;
    let mut bytes = Vec::new();
    let mut writer = arrow_json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow_json::writer::LineDelimited>(&mut bytes);
    writer.write(batch).and_then(|()| writer.finish()).map_err(|_| Failure::Internal)?;
    drop(writer);
    Ok(bytes)
}
