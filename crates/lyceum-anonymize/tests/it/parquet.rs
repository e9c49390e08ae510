//! Parquet: types as other writers store them, and files cut, flipped or lying.

use super::support::{parse, validate};
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int8Array, Int64Array,
    LargeStringArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use bytes::Bytes;
use lyceum_anonymize::decode::{DecodeError, ParquetReader, RawBatch};
use lyceum_anonymize::pseudonym::PseudonymKey;
use lyceum_anonymize::validate::{ValidateError, Validator};
use lyceum_schema::manifest::Table;
use parquet::arrow::ArrowWriter;
use std::sync::Arc;

fn write(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

fn read(bytes: Bytes, table: &Table) -> Result<Vec<RawBatch>, DecodeError> {
    ParquetReader::new(bytes, table)?.collect()
}

fn table(column: &str) -> Table {
    parse(&format!(
        "privacy_unit = {{ column = \"id\" }}\npopulation = \"p\"\nmax_rows_per_unit = 3\nexpected_rows = 9\n[[table.column]]\nname = \"id\"\ntype = \"string\"\nrole = \"privacy_unit\"\nmax_bytes = 64\n[[table.column]]\nname = \"x\"\nnullable = true\n{column}"
    ))
}

const FLOAT: &str = "type = \"float64\"\nrole = \"measure\"\nbounds = [-1e9, 1e9]\n";
const INT: &str = "type = \"int32\"\nrole = \"measure\"\nbounds = [0, 1000]\n";
const TEXT: &str = "type = \"string\"\nrole = \"dimension\"\nmax_bytes = 20\n";
const TIME: &str =
    "type = \"timestamp\"\nrole = \"time\"\nbounds = [\"1970-01-01T00:00:00Z\", \"2100-01-01T00:00:00Z\"]\n";

fn ids(n: i64) -> (&'static str, ArrayRef) {
    ("id", Arc::new((0..n).map(Some).collect::<Int64Array>()))
}

#[test]
fn types_of_other_writers_read_as_the_declared_ones() {
    let number: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![7])),
        Arc::new(UInt64Array::from(vec![7])),
        Arc::new(Float64Array::from(vec![7.0])),
        Arc::new(StringArray::from(vec![" 7 "])),
        Arc::new(Decimal128Array::from(vec![700]).with_precision_and_scale(10, 2).unwrap()),
    ];
    for column in number {
        let bytes = write(vec![ids(1), ("x", column.clone())]);
        let (batches, _) = validate(&table(INT), &read(bytes.clone(), &table(INT)).unwrap());
        assert_eq!(batches[0].column(1).as_primitive::<Int32Type>().value(0), 7, "{:?}", column.data_type());
        let (batches, _) = validate(&table(FLOAT), &read(bytes, &table(FLOAT)).unwrap());
        assert_eq!(batches[0].column(1).as_primitive::<Float64Type>().value(0), 7.0, "{:?}", column.data_type());
    }
    let text: Vec<ArrayRef> = vec![
        Arc::new(LargeStringArray::from(vec!["7"])),
        Arc::new(vec!["7"].into_iter().collect::<DictionaryArray<Int32Type>>()),
        Arc::new(Int64Array::from(vec![7])),
    ];
    for column in text {
        let bytes = write(vec![ids(1), ("x", column.clone())]);
        let (batches, _) = validate(&table(TEXT), &read(bytes, &table(TEXT)).unwrap());
        assert_eq!(batches[0].column(1).as_string::<i32>().value(0), "7", "{:?}", column.data_type());
    }
    let nanos = TimestampNanosecondArray::from(vec![1_234_567]).with_timezone("Europe/Berlin");
    let bytes = write(vec![ids(1), ("x", Arc::new(nanos))]);
    let (batches, _) = validate(&table(TIME), &read(bytes, &table(TIME)).unwrap());
    assert_eq!(batches[0].column(1).as_primitive::<TimestampMicrosecondType>().value(0), 1_234);
}

#[test]
fn a_type_that_means_something_else_is_refused_by_name() {
    let bytes = write(vec![ids(1), ("x", Arc::new(BooleanArray::from(vec![true])))]);
    let raw = read(bytes, &table(FLOAT)).unwrap();
    let mut validator = Validator::new(&table(FLOAT), PseudonymKey::new([1; 32]), None).unwrap();
    let error = validator.validate(&raw[0]).err().unwrap();
    assert!(matches!(&error, ValidateError::ColumnType { column, .. } if column.as_str() == "x"), "{error}");
}

#[test]
fn columns_are_found_by_name_and_others_reported() {
    let bytes = write(vec![
        ("secret", Arc::new(StringArray::from(vec!["s"])) as ArrayRef),
        ("x", Arc::new(Int64Array::from(vec![5]))),
        ids(1),
    ]);
    let reader = ParquetReader::new(bytes.clone(), &table(INT)).unwrap();
    assert_eq!(reader.extra_columns(), ["secret"]);
    let (batches, _) = validate(&table(INT), &reader.collect::<Result<Vec<_>, _>>().unwrap());
    assert_eq!(batches[0].column(1).as_primitive::<Int32Type>().value(0), 5);
    let other = write(vec![ids(1)]);
    assert!(matches!(read(other, &table(INT)), Err(DecodeError::MissingColumn { .. })));
}

fn sample() -> Bytes {
    let n = 3_000;
    let text: StringArray = (0..n).map(|i| Some(format!("CANARY{}", i % 50))).collect();
    write(vec![ids(n), ("x", Arc::new(text))])
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let (bytes, table) = (sample(), table(TEXT));
    let step = (bytes.len() / 300).max(1);
    for length in (0..bytes.len()).step_by(step).chain(bytes.len() - 12..bytes.len()) {
        let error = read(bytes.slice(..length), &table).err().unwrap_or_else(|| panic!("{length} bytes were accepted"));
        assert!(!format!("{error} {error:?}").contains("CANARY"));
    }
}

#[test]
fn flipped_bytes_never_panic_and_never_show_values() {
    let (bytes, table) = (sample(), table(TEXT));
    let errors: Vec<String> = (0..bytes.len())
        .step_by(bytes.len() / 400 + 1)
        .filter_map(|at| {
            let mut bad = bytes.to_vec();
            bad[at] ^= 0x55;
            read(bad.into(), &table).err().map(|e| format!("{e} {e:?}"))
        })
        .collect();
    assert!(!errors.is_empty());
    assert!(errors.iter().all(|e| !e.contains("CANARY")));
}

#[test]
fn a_huge_claimed_footer_is_refused() {
    let mut bytes = sample().to_vec();
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&(1u32 << 31).to_le_bytes());
    assert!(matches!(read(bytes.into(), &table(TEXT)), Err(DecodeError::TooLarge(_))));
}

#[test]
fn what_is_not_parquet_is_refused() {
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"hello, this is not a Parquet file"] {
        assert!(read(Bytes::copy_from_slice(bytes), &table(TEXT)).is_err());
    }
}

#[test]
fn integers_as_ids_equal_their_text() {
    let a = write(vec![
        ("id", Arc::new(Int64Array::from(vec![42])) as ArrayRef),
        ("x", Arc::new(Int64Array::from(vec![1]))),
    ]);
    let b = write(vec![
        ("id", Arc::new(StringArray::from(vec!["42"])) as ArrayRef),
        ("x", Arc::new(Int64Array::from(vec![1]))),
    ]);
    let id = |bytes| validate(&table(INT), &read(bytes, &table(INT)).unwrap()).0[0].column(0).clone();
    assert_eq!(&id(a), &id(b));
}
