//! CSV: delimiters, quotes, line ends, and files that are hostile or broken.

use super::support::{HEADER, decode, parse, run, run_bytes, table};
use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use lyceum_anonymize::decode::{CsvDecoder, DecodeError};
use lyceum_anonymize::report::Reason;

const ROW: &str = "1,x@example.org,30,a,1.5,hi,true,2020-01-02,2020-01-02T03:04:05Z";

#[test]
fn delimiters_line_ends_and_marks_are_recognised() {
    for delimiter in [",", ";", "\t", "|"] {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("\u{feff}{HEADER}{end}{ROW}{end}{ROW}").replace(',', delimiter);
            let (batch, report) = run_bytes(text.as_bytes());
            assert_eq!((batch.num_rows(), report.rejected), (2, 0), "{delimiter:?} {end:?}");
        }
    }
}

#[test]
fn quotes_may_hold_delimiters_quotes_and_line_breaks() {
    let (batch, _) = run(&["1,x,30,\"c d\",1,\"a,\"\"\nb\",true,2020-01-02,2020-01-02 03:04:05"]);
    assert_eq!(batch.column_by_name("note").unwrap().as_string::<i32>().value(0), "a,\"\nb");
}

#[test]
fn the_size_of_pieces_makes_no_difference() {
    let table = table();
    let text = format!("{HEADER}\r\n{}", format!("{ROW}\r\n").repeat(50));
    let rows = |step| decode(&table, text.as_bytes(), step).unwrap().iter().map(|b| b.rows()).sum::<u64>();
    for step in [1, 2, 3, 64, 1000, 1 << 20] {
        assert_eq!(rows(step), 50, "{step}");
    }
}

#[test]
fn columns_come_in_any_order_and_extra_ones_are_reported() {
    let table = parse(
        "privacy_unit = \"none\"\nexpected_rows = 1\n[[table.column]]\nname = \"a\"\ntype = \"int32\"\nrole = \"measure\"\nbounds = [0, 9]\n[[table.column]]\nname = \"b\"\ntype = \"int32\"\nrole = \"measure\"\nbounds = [0, 9]\n",
    );
    let mut decoder = CsvDecoder::new(&table);
    let mut raw = decoder.push(b"b,zzz,a\n1,secret,2\n").unwrap();
    raw.extend(decoder.finish().unwrap());
    assert_eq!(decoder.extra_columns(), ["zzz"]);
    let (batches, _) = super::support::validate(&table, &raw);
    let values: Vec<i32> = batches[0].columns().iter().map(|c| c.as_primitive::<Int32Type>().value(0)).collect();
    assert_eq!(values, [2, 1]);
}

#[test]
fn rows_with_too_few_or_too_many_fields_are_counted() {
    let (batch, report) = run(&[ROW, "1,x", &format!("{ROW},1,2,3,4,5,6,7,8,9,10,11,12"), ROW]);
    assert_eq!((batch.num_rows(), report.rows_in, report.rejected), (2, 4, 2));
    assert_eq!((report.rejected_for(Reason::TooFewFields), report.rejected_for(Reason::TooManyFields)), (1, 1));
}

#[test]
fn broken_utf8_is_counted_by_column_and_harmless_in_dropped_ones() {
    let mut bytes = format!("{HEADER}\n{ROW}\n").into_bytes();
    bytes.extend(b"1,x,30,a,1,\xff\xfe,true,2020-01-02,2020-01-02T03:04:05Z\n");
    bytes.extend(b"1,\xff,30,a,1,ok,true,2020-01-02,2020-01-02T03:04:05Z\n");
    let (batch, report) = run_bytes(&bytes);
    assert_eq!((batch.num_rows(), report.rejected_for(Reason::BrokenUtf8)), (2, 1));
    assert!(report.rejections.keys().any(|(_, c)| c.as_ref().is_some_and(|c| c.as_str() == "note")));
}

#[test]
fn empty_files_and_files_with_a_header_only() {
    assert_eq!(decode(&table(), b"", 1).err(), Some(DecodeError::Empty));
    assert_eq!(decode(&table(), b"\n\n", 1).err(), Some(DecodeError::Empty));
    for end in ["", "\n", "\r\n"] {
        let (batch, report) = run_bytes(format!("{HEADER}{end}").as_bytes());
        assert_eq!((batch.num_rows(), report.rows_in), (0, 0));
    }
}

#[test]
fn an_endless_line_fails_early() {
    let zeros = vec![b'0'; 64 << 10];
    let mut header = CsvDecoder::new(&table());
    let pushed = (0..1000).take_while(|_| header.push(&zeros).is_ok()).count();
    assert!(pushed <= 2, "the header is refused after 64 KiB, not after {pushed} pieces");

    let mut record = CsvDecoder::new(&table());
    record.push(format!("{HEADER}\n").as_bytes()).unwrap();
    let mut pushed = 0;
    let error = loop {
        match record.push(&zeros) {
            Ok(_) => pushed += 1,
            Err(e) => break e,
        }
    };
    assert_eq!((pushed, error.code()), (16, "E1506"), "refused at 1 MiB");
}

#[test]
fn an_open_quote_is_refused_not_swallowed() {
    let text = format!("{HEADER}\n\"{}", format!("{ROW}\n").repeat(40_000));
    assert!(matches!(decode(&table(), text.as_bytes(), 9999), Err(DecodeError::RecordTooLong { record: 1 })));
}

#[test]
fn a_record_of_delimiters_only_uses_no_memory() {
    let text = format!("{HEADER}\n{}\n{ROW}\n", ",".repeat(3 << 20));
    let (batch, report) = run_bytes(text.as_bytes());
    assert_eq!((batch.num_rows(), report.rejected_for(Reason::TooManyFields)), (1, 1));
}

#[test]
fn headers_beyond_limits_are_refused() {
    let many = format!("{}\n", vec!["a"; 1001].join(","));
    assert!(matches!(decode(&table(), many.as_bytes(), 512), Err(DecodeError::Header(_))));
    assert!(matches!(decode(&table(), b"a\xff,b\n", 512), Err(DecodeError::Header(_))));
}

#[test]
fn a_missing_column_is_named_with_its_likely_spelling() {
    let error = decode(&table(), HEADER.replace("segment", "Segmnt").as_bytes(), 512).err().unwrap();
    assert_eq!(error, DecodeError::MissingColumn { column: "segment".into(), near: Some("Segmnt".into()) });
    let error = decode(&table(), HEADER.replace("note", "note,note").as_bytes(), 512).err().unwrap();
    assert_eq!(error, DecodeError::RepeatedColumn("note".into()));
}

#[test]
fn a_file_without_a_header_leaks_nothing_into_the_error() {
    let error = decode(&table(), format!("{}\n", ROW.replace("hi", "CANARY")).as_bytes(), 512).err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("CANARY") && !text.contains("example.org"), "{text}");
}
