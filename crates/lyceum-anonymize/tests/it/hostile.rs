//! Bad files of every kind in every format: refused with a stable code, the place and a fix, never a value, within limits.

use super::formats::{arrow_file, arrow_stream, batch, gzip, read, zstd};
use super::support::HEADER;
use lyceum_anonymize::decode::{MAX_RECORD_BYTES, ReadError};
use lyceum_schema::wire::FileOptions;
use parquet::arrow::ArrowWriter;

/// A text that no message may repeat.
const CANARY: &str = "canary";

fn csv(rows: usize) -> Vec<u8> {
    let row = "1,x@example.org,30,a,1.5,canary,true,2020-01-02,2020-01-02T03:04:05Z\n";
    format!("{HEADER}\n{}", row.repeat(rows)).into_bytes()
}

fn ndjson(rows: usize) -> Vec<u8> {
    "{\"User\": 1, \"email\": \"canary\", \"segment\": \"a\"}\n".repeat(rows).into_bytes()
}

fn parquet() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch().schema(), None).unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
    bytes
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() * 2 / 3].to_vec()
}

fn scrambled(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (from, to) = (bytes.len() / 3, bytes.len() / 2);
    bytes[from..to].fill(0xa5);
    bytes
}

/// `million` names between commas.
fn names(million: usize) -> String {
    (0..million).map(|i| format!("canary{i}")).collect::<Vec<_>>().join(",")
}

/// An Arrow message with these four length bytes, then nothing.
fn arrow_of_length(length: i32) -> Vec<u8> {
    [&[0xff; 4][..], &length.to_le_bytes(), &[0; 64]].concat()
}

#[test]
fn every_kind_of_bad_file_in_every_format() {
    let wide = |names: &str| format!("{names}\n").into_bytes();
    let many_names: String = (0..2_000).map(|i| format!("{{\"canary{i}\": 1}}\n")).collect();
    let object = |n: usize| format!("{{\"User\": \"{}\"}}\n", CANARY.repeat(n));
    let field = |n: usize| format!("{HEADER}\n1,{}\n", CANARY.repeat(n)).into_bytes();
    let mega = MAX_RECORD_BYTES / CANARY.len() + 1;
    let bomb = vec![b'0'; 8 << 20];
    // Packed members that follow each other are one text: 150 MB of lines in a few kilobytes.
    let lines = format!("1,{}\n", " ".repeat(10_000)).repeat(300).into_bytes();
    let (gzip_bomb, zstd_bomb) = (gzip(&lines).repeat(50), zstd(&lines).repeat(50));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "E1501"),
        ("blank lines", b"\n\n\n".to_vec(), "E1501"),
        ("gzip of nothing", gzip(b""), "E1501"),
        ("zstd of nothing", zstd(b""), "E1501"),
        ("ZIP", b"PK\x03\x04canary".to_vec(), "E1502"),
        ("encrypted Parquet", b"PAREcanary".to_vec(), "E1502"),
        ("xz", b"\xfd7zXZ\0canary".to_vec(), "E1502"),
        ("bzip2", b"BZh9canary".to_vec(), "E1502"),
        ("ORC", b"ORCcanary".to_vec(), "E1502"),
        ("a JSON array", b"[ {\"User\": \"canary\"} ]".to_vec(), "E1502"),
        ("gzip of ZIP", gzip(b"PK\x03\x04canary"), "E1502"),
        ("gzip of Parquet", gzip(&parquet()), "E1502"),
        ("zstd of Arrow", zstd(&arrow_stream()), "E1502"),
        ("CSV with a million columns", wide(&names(1_000_000)), "E1503"),
        ("CSV with 1,001 short names", wide(&["a"; 1_001].join(",")), "E1503"),
        ("CSV with one endless name", wide(&CANARY.repeat(mega)), "E1503"),
        ("CSV with a huge field", field(mega), "E1506"),
        ("CSV with an open quote", [csv(1), b"1,\"".to_vec(), vec![b'x'; 2 << 20]].concat(), "E1506"),
        ("CSV without a column", b"User,age\n1,canary\n".to_vec(), "E1504"),
        ("CSV with a column twice", format!("{HEADER},age\n").into_bytes(), "E1505"),
        ("UTF-16 cut in the middle", b"\xff\xfea\0b".to_vec(), "E1513"),
        ("UTF-16 with half a pair", b"\xff\xfe\x00\xd8a\0,\0".to_vec(), "E1513"),
        ("NDJSON with a huge value", object(mega).into_bytes(), "E1506"),
        ("NDJSON with many names", many_names.into_bytes(), "E1515"),
        ("NDJSON without a column", ndjson(3), "E1504"),
        ("NDJSON on one endless line", [b"{".to_vec(), vec![b' '; 2 << 20]].concat(), "E1506"),
        ("a gzip bomb", gzip(&bomb), "E15"),
        ("a zstd bomb", zstd(&bomb), "E15"),
        ("a gzip bomb of short lines", [gzip(&csv(0)), gzip_bomb].concat(), "E1510"),
        ("a zstd bomb of short lines", [zstd(&csv(0)), zstd_bomb].concat(), "E1510"),
        ("gzip cut short", cut(&gzip(&csv(10_000))), "E1509"),
        ("gzip scrambled", scrambled(&gzip(&csv(10_000))), "E1509"),
        ("gzip with a wrong checksum", with_last_byte_changed(gzip(&csv(10))), "E1509"),
        ("zstd cut short", cut(&zstd(&csv(10_000))), "E1509"),
        ("zstd scrambled", scrambled(&zstd(&csv(10_000))), "E1509"),
        ("Parquet cut short", cut(&parquet()), "E1507"),
        ("Parquet scrambled", scrambled(&parquet()), "E1507"),
        ("Parquet of four bytes", b"PAR1".to_vec(), "E1507"),
        ("an Arrow file cut short", cut(&arrow_file()), "E1509"),
        ("an Arrow stream cut short", cut(&arrow_stream()), "E1509"),
        ("an Arrow stream of four bytes", vec![0xff; 4], "E1509"),
        ("an Arrow file of its magic number", b"ARROW1\0\0".to_vec(), "E1509"),
        ("an Arrow message of −1 bytes", arrow_of_length(-1), "E1509"),
        ("an Arrow message of 2 GiB", arrow_of_length(i32::MAX), "E1516"),
        ("an Arrow message of zeros", arrow_of_length(64), "E1509"),
    ];
    for (what, bytes, code) in cases {
        let error = match read(bytes, &FileOptions::default()) {
            Err(ReadError::File(error)) => error,
            Err(ReadError::Source(error)) => panic!("{what}: {error}"),
            Ok((rows, ..)) => panic!("{what} was read as {} rows", rows.num_rows()),
        };
        assert!(error.code().starts_with(code), "{what}: {} {error}", error.code());
        let said = format!("{error} {error:?}");
        assert!(!said.contains(CANARY), "{what}: {said}");
        assert!(said.len() < 400, "{what}: {said}");
    }
}

fn with_last_byte_changed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    bytes
}

#[test]
fn arrow_with_any_byte_changed_is_refused_or_read_but_never_a_panic() {
    let good = arrow_stream();
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            let _ = read_raw(bytes);
        }
    }
}

/// Decodes without validating: changed types are the validator's to refuse.
fn read_raw(bytes: Vec<u8>) -> Result<usize, ReadError> {
    let mut rows = 0;
    for batch in lyceum_anonymize::decode::open(bytes::Bytes::from(bytes), &FileOptions::default(), None)? {
        rows += usize::try_from(batch?.rows()).unwrap();
    }
    Ok(rows)
}
