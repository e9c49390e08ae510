//! Where generated rows go: one CSV or Parquet file per table, written batch by batch.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// File formats that the generator writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated text with a header.
    Csv,
    /// Apache Parquet, zstd-compressed.
    Parquet,
}

impl FileFormat {
    /// The file name extension.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// A table being written.
pub(crate) enum Sink {
    Csv(Box<arrow::csv::Writer<BufWriter<File>>>),
    Parquet(Box<ArrowWriter<BufWriter<File>>>),
}

impl Sink {
    /// Creates (or replaces) the file of one table.
    ///
    /// # Errors
    /// When the file can't be created.
    pub(crate) fn create(path: &Path, format: FileFormat, schema: SchemaRef) -> std::io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(match format {
            FileFormat::Csv => {
                let writer = arrow::csv::WriterBuilder::new()
                    .with_header(true)
                    .with_timestamp_format("%Y-%m-%dT%H:%M:%S%.6fZ".to_owned())
                    .build(file);
                Self::Csv(Box::new(writer))
            }
            FileFormat::Parquet => {
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
                Self::Parquet(Box::new(ArrowWriter::try_new(file, schema, Some(properties)).map_err(other)?))
            }
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> std::io::Result<()> {
        match self {
            Self::Csv(w) => w.write(batch).map_err(other),
            Self::Parquet(w) => w.write(batch).map_err(other),
        }
    }

    /// Writes what is buffered and closes the file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Csv(w) => std::io::Write::flush(&mut w.into_inner()),
            Self::Parquet(w) => w.close().map(|_| ()).map_err(other),
        }
    }
}

fn other(e: impl std::error::Error + Send + Sync + 'static) -> std::io::Error {
    std::io::Error::other(e)
}
