//! The tree of `lyceum dataset upload`.

use crate::failure::{Failure, Outcome};
use clap::{Args, ValueEnum};
use lyceum_schema::name::DatasetName;
use lyceum_schema::wire::{FileCompression, FileFormat, FileOptions};

#[derive(Args)]
pub(crate) struct Upload {
    pub(crate) name: DatasetName,
    /// Keep all rows of the newest published version and add those of the files to them
    #[arg(long)]
    pub(crate) append: bool,
    /// FILE (its stem names the table, unless there is just one) or TABLE=FILE; several files of a table follow each other
    #[arg(required = true, value_name = "[TABLE=]FILE")]
    pub(crate) files: Vec<String>,
    /// Upload and validate, but don't publish
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// Go on with the newest draft: what the server has is not sent again
    #[arg(long)]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// How files are read; what is left out is told from their first bytes.
#[derive(Args, Default)]
pub(crate) struct Reading {
    /// Format of the files
    #[arg(long, value_enum)]
    pub(crate) file_format: Option<Format>,
    /// What the files are packed with
    #[arg(long, value_enum)]
    pub(crate) compression: Option<Compression>,
    /// CSV: the character between fields; `tab` for a tab
    #[arg(long, value_name = "CHAR")]
    pub(crate) delimiter: Option<String>,
    /// CSV: the character around fields
    #[arg(long, value_name = "CHAR")]
    pub(crate) quote: Option<char>,
    /// CSV: the first line is data; the columns are the manifest's, in its order
    #[arg(long)]
    pub(crate) no_header: bool,
    /// Text: encoding, such as utf-16le or windows-1252
    #[arg(long, value_name = "LABEL")]
    pub(crate) encoding: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Upload {
    /// Files whose formats their first bytes tell.
    pub(crate) fn new(name: DatasetName, files: Vec<String>) -> Self {
        Self { name, files, append: false, no_publish: false, resume: false, reading: Reading::default() }
    }
}

impl Reading {
    /// What is declared.
    pub(crate) fn options(&self) -> Outcome<FileOptions> {
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("tab" | "\\t") => Some('\t'),
            Some(text) => match text.chars().collect::<Vec<_>>()[..] {
                [one] => Some(one),
                _ => {
                    let what = "--delimiter is one character";
                    return Err(Failure::local("E9016", what, "write the character itself, or `tab`"));
                }
            },
        };
        Ok(FileOptions {
            format: self.file_format.map(|f| match f {
                Format::Csv => FileFormat::Csv,
                Format::Ndjson => FileFormat::Ndjson,
                Format::Parquet => FileFormat::Parquet,
                Format::Arrow => FileFormat::Arrow,
            }),
            compression: self.compression.map(|c| match c {
                Compression::None => FileCompression::None,
                Compression::Gzip => FileCompression::Gzip,
                Compression::Zstd => FileCompression::Zstd,
            }),
            delimiter,
            quote: self.quote,
            header: self.no_header.then_some(false),
            encoding: self.encoding.clone(),
        })
    }
}
