//! Files and manifests that are not what they should be.

use super::harmless;
use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use bytes::Bytes;
use futures::{StreamExt, stream};
use lyceum_schema::wire::{Problem, ValidationReport};
use lyceum_tests::person::{Question, Reply};
use lyceum_tests::shop::{self, HEADER, Row};
use lyceum_tests::study::Study;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A good row with one field replaced.
fn row(column: &str, value: &[u8]) -> Vec<u8> {
    let good = ["a@canary.example", "canary-unit", "new", "ulm", "30", "1.5", "canary-note"];
    let fields = HEADER.split(',').zip(good).map(|(name, field)| if name == column { value } else { field.as_bytes() });
    let mut line = fields.collect::<Vec<_>>().join(&b","[..]);
    line.push(b'\n');
    line
}

fn file(rows: &[Vec<u8>]) -> Vec<u8> {
    [format!("{HEADER}\n").into_bytes(), rows.concat()].concat()
}

async fn put(study: &Study, version: &str, body: impl Into<Body>) -> Reply {
    let path = format!("/v1/datasets/shop/versions/{version}/tables/customers");
    study.partner.send(Method::PUT, &path, "application/octet-stream", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_counted_by_reason_and_never_shown() {
    let study = Study::ready().await;
    let cases: [(&str, Option<&str>, Vec<u8>); 8] = [
        ("wrong_type", Some("age"), row("age", b"canary")),
        ("wrong_type", Some("spend"), row("spend", b"1.5 canary")),
        ("not_in_list", Some("segment"), row("segment", b"canary")),
        ("out_of_bounds", Some("age"), row("age", b"121")),
        ("too_long", Some("city"), row("city", "canary".repeat(20).as_bytes())),
        ("broken_utf8", Some("note"), row("note", b"canary \xff\xfe")),
        ("null_unit", None, row("customer_id", b"")),
        ("too_few_fields", None, b"a@canary.example,canary-unit,new\n".to_vec()),
    ];
    for (reason, column, bad) in cases {
        let version = study.draft("shop").await;
        let reply = put(&study, &version, file(&[row("", b""), bad.clone(), bad])).await;
        let report: ValidationReport = reply.json();
        assert!(!reply.text().contains("canary"), "{reason}: {}", reply.text());
        assert_eq!((report.rows_in, report.rows_accepted, report.rows_rejected), (3, 1, 2), "{reason}: {report:?}");
        assert_eq!(report.rejections.len(), 1, "{report:?}");
        assert_eq!(report.rejections[0].reason, reason, "{report:?}");
        if column.is_some() {
            assert_eq!(report.rejections[0].column.as_ref().map(ToString::to_string).as_deref(), column, "{report:?}");
        }
        let publish = format!("/v1/datasets/shop/versions/{version}/publish");
        let problem = study.partner.post(&publish, &json!({})).await.problem();
        assert_eq!(problem.code, "E4303", "two thirds are refused, that is no file to publish: {problem:?}");
        harmless(&study.partner, reason, &problem).await;
    }

    let version = study.draft("shop").await;
    let extra = format!("{HEADER},canary_column\n").into_bytes();
    let line = [row("", b"").strip_suffix(b"\n").unwrap(), b",canary-cell\n"].concat();
    let report: ValidationReport = put(&study, &version, [extra, line].concat()).await.json();
    assert_eq!((report.rows_accepted, report.ignored_columns.as_slice()), (1, &["canary_column".to_owned()][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_refused_and_the_next_one_is_taken() {
    let study = Study::ready().await;
    let parquet = parquet(&shop::rows(300));
    let half = parquet[..parquet.len() / 2].to_vec();
    let mut scrambled = parquet.clone();
    scrambled[parquet.len() / 3..parquet.len() / 2].fill(0xa5);
    let missing = shop::csv(&shop::rows(3)).replace(",age,", ",years,").into_bytes();
    let repeated = shop::csv(&shop::rows(3)).replace(",age,", ",city,").into_bytes();
    let cases = [
        ("nothing", Vec::new(), "E1501"),
        ("a truncated Parquet file", half, "E1507"),
        ("a scrambled Parquet file", scrambled, "E1507"),
        ("a Parquet file of four bytes", b"PAR1".to_vec(), "E15"),
        ("a file without a column", missing, "E1504"),
        ("a file with a column twice", repeated, "E1505"),
        ("gzip that is none", b"\x1f\x8b\x08\x00 and so on".to_vec(), "E1509"),
        ("UTF-16", "email,customer_id".encode_utf16().flat_map(u16::to_le_bytes).collect(), "E15"),
        ("a header that is no text", b"\xff\xfe\xfd,\x80\n1,2\n".to_vec(), "E15"),
    ];
    for (what, content, code) in cases {
        let version = study.draft("shop").await;
        let problem = put(&study, &version, content).await.problem();
        assert!(problem.code.starts_with(code), "{what}: {problem:?}");
        assert!(problem.fix.is_some(), "{what}: {problem:?}");
        harmless(&study.partner, what, &problem).await;
        let publish = format!("/v1/datasets/shop/versions/{version}/publish");
        let problem = study.partner.post(&publish, &json!({})).await.problem();
        assert_eq!(problem.code, "E4303", "{what}: nothing is there to publish: {problem:?}");
    }
    let report = study.upload("shop", "customers", "application/vnd.apache.parquet", parquet).await;
    assert_eq!(report.rows_accepted, 300);
    study.researcher.ask(&Question::new("SELECT COUNT(*) AS n FROM customers")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_line_is_refused_early_and_takes_no_memory() {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = (256 << 20) / CHUNK;
    let study = Study::ready().await;
    let before = study.server.peak_memory_kib();
    for (what, head, filler) in [
        ("zeros", String::new(), 0_u8),
        ("a header of zeros", String::new(), b'0'),
        ("a row of zeros", format!("{HEADER}\n"), b'0'),
        ("a quote that never ends", format!("{HEADER}\n\""), b'x'),
    ] {
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        let filler = Bytes::from(vec![filler; CHUNK]);
        let zeros = stream::iter(0..CHUNKS).map(move |_| {
            counter.fetch_add(CHUNK, Ordering::Relaxed);
            Ok(filler.clone())
        });
        let body = stream::iter([Ok::<_, Error>(Bytes::from(head))]).chain(zeros);
        let version = study.draft("shop").await;
        let reply = put(&study, &version, Body::wrap_stream(body)).await;
        let sent = sent.load(Ordering::Relaxed);
        let problem = reply.problem();
        assert!(problem.code.starts_with("E15"), "{what}: {problem:?}");
        harmless(&study.partner, what, &problem).await;
        assert!(sent < 64 << 20, "{what}: {sent} bytes were read before the refusal");
    }
    let grown = study.server.peak_memory_kib() - before;
    assert!(grown < 100 << 10, "the server grew by {grown} KiB");
    study.upload("shop", "customers", "text/csv", shop::csv(&shop::rows(10))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_contradicts_itself_is_refused_with_every_finding() {
    let study = Study::ready().await;
    let create = |text: String| study.partner.send(Method::POST, "/v1/datasets", "application/toml", text);
    let other = shop::MANIFEST.replace("name = \"shop\"", "name = \"other\"");
    let cases = [
        ("bounds the wrong way round", other.replace("bounds = [0, 120]", "bounds = [120, 0]"), 1),
        ("bounds and a list", other.replace("bounds = [0, 120]", "bounds = [0, 120]\nvalues = [1, 2]"), 1),
        ("bounds that are no numbers", other.replace("bounds = [0, 100]", "bounds = [\"a\", \"b\"]"), 1),
        (
            "two contradictions",
            other.replace("bounds = [0, 120]", "bounds = [120, 0]").replace("bounds = [0, 100]", "bounds = [nan, 1]"),
            2,
        ),
        ("no unit", other.replace("privacy_unit = { column = \"customer_id\" }", ""), 1),
        ("no TOML", "[[[".to_owned(), 1),
        ("binary", "\u{0}\u{7f}".to_owned(), 1),
    ];
    for (what, manifest, findings) in cases {
        let problem: Problem = create(manifest).await.problem();
        assert_eq!(problem.code, "E4202", "{what}: {problem:?}");
        assert!(problem.findings.len() >= findings, "{what}: {problem:?}");
        assert!(problem.findings.iter().all(|f| placed(f)), "{what}: findings name their line: {problem:?}");
        harmless(&study.partner, what, &problem).await;
    }
    assert_eq!(create(shop::MANIFEST.to_owned()).await.problem().code, "E4009", "a name is taken");
    let foreign = other.replace("owner = \"shop-ltd\"", "owner = \"rival-ltd\"");
    assert_eq!(create(foreign).await.problem().code, "E4003", "nobody declares another's data");
    create(other).await.json::<Value>();
}

/// Whether a finding says `manifest.toml:<line>`.
fn placed(finding: &str) -> bool {
    finding.split_once("manifest.toml:").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn parquet(rows: &[Row]) -> Vec<u8> {
    let text = |of: fn(&Row) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let ages = Int32Array::from_iter_values(rows.iter().map(|r| i32::try_from(r.age).unwrap()));
    let columns = [
        ("email", text(|r| &r.email)),
        ("customer_id", text(|r| &r.customer)),
        ("segment", text(|r| r.segment)),
        ("city", text(|r| &r.city)),
        ("age", Arc::new(ages) as ArrayRef),
        ("spend", Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.spend))) as ArrayRef),
        ("note", text(|r| &r.note)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}
