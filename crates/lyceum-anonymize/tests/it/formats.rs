//! The same rows in every format, dialect, encoding and packing give the same table; how they were read is said.

use super::support::{HEADER, table, validate};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use lyceum_anonymize::decode::{self, DecodeError, ReadError};
use lyceum_anonymize::report::{Reason, ValidationReport};
use lyceum_anonymize::validate::accepted_schema;
use lyceum_schema::wire::{FileCompression, FileFormat, FileOptions};
use std::io::Write;
use std::sync::Arc;

/// Rows with what each format finds hard: quotes, delimiters, letters outside ASCII, missing values.
const ROWS: [[&str; 9]; 3] = [
    ["1", "x@example.org", "30", "a", "1.5", "Zoë,\"q\"", "true", "2020-01-02", "2020-01-02T03:04:05Z"],
    ["2", "y@example.org", "", "c d", "-3", "", "false", "2021-12-31", "2021-12-31T00:00:00Z"],
    ["1", "z@example.org", "99", "b", "", "é;|", "true", "2020-02-29", "2020-02-29T23:59:59Z"],
];

pub(crate) fn read(
    bytes: Vec<u8>,
    options: &FileOptions,
) -> Result<(RecordBatch, ValidationReport, String), ReadError> {
    let table = table();
    let mut reader = decode::open(Bytes::from(bytes), options, Some(&table))?;
    let raw = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
    let (batches, report) = validate(&table, &raw);
    let rows = arrow::compute::concat_batches(&accepted_schema(&table), &batches).unwrap();
    Ok((rows, report, reader.read_as()))
}

fn csv(delimiter: &str, quote: &str, header: bool) -> String {
    let names = HEADER.replace(',', delimiter);
    let field = |f: &&str| format!("{quote}{}{quote}", f.replace(quote, &quote.repeat(2)));
    let line = |row: &[&str; 9]| {
        // Empty and quoted is not missing in every tool; here both are.
        row.iter().map(|f| if f.is_empty() { String::new() } else { field(f) }).collect::<Vec<_>>().join(delimiter)
    };
    let lines = header.then_some(names).into_iter().chain(ROWS.iter().map(line));
    lines.collect::<Vec<_>>().join("\r\n") + "\r\n"
}

fn ndjson() -> String {
    let names: Vec<&str> = HEADER.split(',').collect();
    let mut text = String::new();
    for row in ROWS {
        let mut object = serde_json::Map::new();
        for (name, cell) in names.iter().zip(row) {
            let value = match *name {
                _ if cell.is_empty() => serde_json::Value::Null,
                "User" | "age" | "spend" | "active" => serde_json::from_str(cell).unwrap(),
                _ => cell.into(),
            };
            object.insert((*name).to_owned(), value);
        }
        object.insert("nested".to_owned(), serde_json::json!({"of": ["no", "interest"]}));
        text += &serde_json::Value::Object(object).to_string();
        text += "\n";
    }
    text
}

/// All columns as text, as many tools write them, some of them in dictionaries.
pub(crate) fn batch() -> RecordBatch {
    let names: Vec<&str> = HEADER.split(',').collect();
    let columns = (0..names.len()).map(|i| {
        let cells = ROWS.iter().map(|row| Some(row[i]).filter(|c| !c.is_empty()));
        let plain = Arc::new(cells.collect::<arrow::array::StringArray>()) as arrow::array::ArrayRef;
        let to = match names[i] {
            "segment" => DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
            "note" => DataType::LargeUtf8,
            "User" | "age" => DataType::Int64,
            _ => DataType::Utf8,
        };
        arrow::compute::cast(&plain, &to).unwrap()
    });
    let columns: Vec<_> = columns.collect();
    let fields: Vec<Field> =
        names.iter().zip(&columns).map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

pub(crate) fn arrow_file() -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn arrow_stream() -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xfeff_u16);
    mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[test]
fn the_same_rows_in_every_form_are_the_same_table() {
    let plain = csv(",", "\"", true);
    let (expected, report, said) = read(plain.clone().into_bytes(), &FileOptions::default()).unwrap();
    assert_eq!((expected.num_rows(), report.rejected, said.as_str()), (3, 0, "CSV, ',' between fields, UTF-8"));
    let none = FileOptions::default;
    let encoded = |label: &str| FileOptions { encoding: Some(label.to_owned()), ..none() };
    let two_members = [gzip(&plain.as_bytes()[..50]), gzip(&plain.as_bytes()[50..])].concat();
    let two_frames = [zstd(&plain.as_bytes()[..50]), zstd(&plain.as_bytes()[50..])].concat();
    let declared = FileOptions { format: Some(FileFormat::Ndjson), compression: Some(FileCompression::Zstd), ..none() };
    let cases: Vec<(Vec<u8>, FileOptions, &str)> = vec![
        (csv(";", "\"", true).into_bytes(), none(), "CSV, ';' between fields, UTF-8"),
        (csv("\t", "\"", true).into_bytes(), none(), "CSV, a tab between fields, UTF-8"),
        (
            csv("^", "'", true).into_bytes(),
            FileOptions { delimiter: Some('^'), quote: Some('\''), ..none() },
            "CSV, '^' between fields, UTF-8",
        ),
        (
            csv(",", "\"", false).into_bytes(),
            FileOptions { header: Some(false), ..none() },
            "CSV, ',' between fields, no header line, UTF-8",
        ),
        (utf16(&plain, true), none(), "CSV, ',' between fields, UTF-16LE"),
        (utf16(&plain, false), encoded("utf-16le"), "CSV, ',' between fields, UTF-16LE"),
        (latin1(&plain), encoded("latin1"), "CSV, ',' between fields, windows-1252"),
        (gzip(plain.as_bytes()), none(), "CSV, ',' between fields, UTF-8, gzip"),
        (two_members, none(), "CSV, ',' between fields, UTF-8, gzip"),
        (zstd(plain.as_bytes()), none(), "CSV, ',' between fields, UTF-8, zstd"),
        (two_frames, none(), "CSV, ',' between fields, UTF-8, zstd"),
        (gzip(&utf16(&plain, true)), none(), "CSV, ',' between fields, UTF-16LE, gzip"),
        (ndjson().into_bytes(), none(), "NDJSON, UTF-8"),
        (zstd(ndjson().as_bytes()), declared, "NDJSON, UTF-8, zstd"),
        (arrow_file(), none(), "Arrow IPC"),
        (arrow_stream(), FileOptions { format: Some(FileFormat::Arrow), ..none() }, "Arrow IPC"),
    ];
    for (bytes, options, how) in cases {
        let (rows, report, said) = read(bytes, &options).unwrap_or_else(|e| panic!("{how}: {e}"));
        assert_eq!((rows, report.rejected, said.as_str()), (expected.clone(), 0, how));
    }
}

#[test]
fn extra_names_are_reported_in_every_format() {
    let (_, report, _) = read(ndjson().into_bytes(), &FileOptions::default()).unwrap();
    assert!(report.extra_columns.is_empty(), "noted by whoever reads the file to its end");
    let table = table();
    let mut reader = decode::open(Bytes::from(ndjson()), &FileOptions::default(), Some(&table)).unwrap();
    assert!(reader.by_ref().all(|batch| batch.is_ok()));
    assert_eq!(reader.extra_columns(), ["nested"]);
}

#[test]
fn rows_of_ndjson_are_rejected_one_by_one() {
    let good = ndjson().lines().next().unwrap().to_owned();
    let lines = [
        good.clone(),
        "[1, 2]".to_owned(),
        "{\"User\": ".to_owned(),
        good.replace("\"a\"", "[\"a\"]"),
        good.replace("\"age\":30", "\"age\":30,\"age\":31"),
        format!("{good} trailing"),
        String::new(),
        format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
        good,
    ];
    let (rows, report, _) = read(lines.join("\n").into_bytes(), &FileOptions::default()).unwrap();
    assert_eq!((rows.num_rows(), report.rows_in, report.rejected), (2, 8, 6));
    assert_eq!(report.rejected_for(Reason::NotAnObject), 3);
    assert_eq!((report.rejected_for(Reason::Nested), report.rejected_for(Reason::NameTwice)), (1, 1));
    assert_eq!(report.rejected_for(Reason::NullUnit), 1, "deep nesting where nothing is declared is skipped");
}

#[test]
fn what_is_declared_must_be_true() {
    let plain = csv(",", "\"", true).into_bytes();
    let cases: Vec<(Vec<u8>, FileOptions)> = vec![
        (plain.clone(), FileOptions { format: Some(FileFormat::Parquet), ..FileOptions::default() }),
        (arrow_file(), FileOptions { format: Some(FileFormat::Csv), ..FileOptions::default() }),
        (plain.clone(), FileOptions { compression: Some(FileCompression::Gzip), ..FileOptions::default() }),
        (gzip(&plain), FileOptions { compression: Some(FileCompression::None), ..FileOptions::default() }),
        (gzip(&plain), FileOptions { compression: Some(FileCompression::Zstd), ..FileOptions::default() }),
        (utf16("a,b", true), FileOptions { encoding: Some("utf-8".to_owned()), ..FileOptions::default() }),
    ];
    for (bytes, options) in cases {
        let error = read(bytes, &options).err();
        assert!(matches!(error, Some(ReadError::File(DecodeError::NotAsDeclared { .. }))), "{options:?}: {error:?}");
    }
    for (options, code) in [
        (FileOptions { encoding: Some("klingon".to_owned()), ..FileOptions::default() }, "E1512"),
        (FileOptions { delimiter: Some('ß'), ..FileOptions::default() }, "E1514"),
        (FileOptions { delimiter: Some('"'), ..FileOptions::default() }, "E1514"),
        (FileOptions { quote: Some('\n'), ..FileOptions::default() }, "E1514"),
    ] {
        let Err(ReadError::File(error)) = read(plain.clone(), &options) else { panic!("{options:?}") };
        assert_eq!(error.code(), code, "{options:?}");
    }
}
