//! Canaries: values planted in rows are searched for wherever the system writes or says something. Direct identifiers
//! and privacy units may be nowhere at all; other values in the stored tables only.

use arrow::array::Array;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use lyceum_tests::folder;
use lyceum_tests::log::Exported;
use lyceum_tests::person::{Person, Question};
use lyceum_tests::shop::{self, EXTREME, HEADER};
use lyceum_tests::study::{Caps, Study};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// In direct identifiers and units.
const IDENTIFIERS: [&[u8]; 2] = [b"canary.example", b"canary-unit"];
/// In other columns; the last is the highest number, as text.
const VALUES: [&[u8]; 3] = [b"canary-note", b"canary-town", b"97.531846"];

#[tokio::test(flavor = "multi_thread")]
async fn planted_values_stay_where_they_belong() {
    let settings = [("LOG", "debug"), ("FAILURES_BEFORE_PAUSE", "1000")];
    let mut study = Study::convene(lyceum_tests::server::Server::start_with(&settings), Caps::default()).await;
    study.declare(shop::MANIFEST).await;
    let mut said = Vec::new();
    said.extend(bad_rows(&study).await);
    said.extend(good_rows(&study).await);
    study.share(Caps::default()).await;
    said.extend(questions(&study.researcher).await);
    die_after_reading(&mut study).await;
    said.extend(questions(&study.researcher).await);
    for path in ["/v1/workspaces/study/catalog", "/v1/workspaces/study/queries", "/v1/datasets/shop", "/metrics"] {
        said.extend(study.researcher.get(path).await.body);
        said.extend(study.partner.get(path).await.body);
    }
    let export = study.server.folder().join("log");
    Exported::fetch(&study.reviewer_shell(), &export);
    for canary in IDENTIFIERS.into_iter().chain(VALUES) {
        assert!(!folder::contains(&said, canary), "a response says {}", text(canary));
        assert!(!folder::contains(study.server.printed().as_bytes(), canary), "the server printed {}", text(canary));
        search(&export, canary, |_| false);
    }
    stored(&study.server.home());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_printed_nor_stored_readably() {
    let study = Study::ready_with(&[("LOG", "debug")], Caps::default()).await;
    study.researcher.ask(&Question::new("SELECT COUNT(*) AS n FROM customers")).await;
    let home = study.server.home();
    for person in [&study.partner, &study.researcher, &study.reviewer, &study.admin] {
        let token = person.token().as_bytes();
        assert!(!folder::contains(study.server.printed().as_bytes(), token), "a token was printed");
        search(&home, token, |file| file.ends_with("admin.token"));
    }
    for name in ["master.key", "log.key", "admin.token"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(home.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_upload_leaves_behind_is_not_readable() {
    let mut study = Study::ready().await;
    let id = study.draft("shop").await;
    let rows = shop::csv(&shop::rows(9_000));
    let size = rows.len() as u64;
    let arrived = futures::stream::iter([Ok::<_, std::io::Error>(rows)]);
    let body = Body::wrap_stream(futures::StreamExt::chain(arrived, futures::stream::pending()));
    let (partner, path) = (study.partner.clone(), format!("/v1/datasets/shop/versions/{id}/tables/customers"));
    let upload = tokio::spawn(async move { partner.try_send(Method::PUT, &path, "text/csv", body).await.is_err() });
    let spool = study.server.home().join("spool");
    let begun = std::time::Instant::now();
    while spooled(&spool) < size / 2 && begun.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    study.server.kill();
    assert!(upload.await.unwrap(), "the upload breaks off");
    for canary in IDENTIFIERS.into_iter().chain(VALUES) {
        search(&spool, canary, |_| false);
        search(&study.server.home().join("spill"), canary, |_| false);
    }
    stored(&study.server.home());
}

fn spooled(spool: &Path) -> u64 {
    folder::files(spool).iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum()
}

/// Rows that are refused, a file that can't be read, and one that stops in the middle: what the server says to it.
async fn bad_rows(study: &Study) -> Vec<u8> {
    let mut said = Vec::new();
    let line = "mallory@canary.example,canary-unit-1,canary-town,canary-town,canary-note,97.531846,canary-note\n";
    let files = [
        format!("{HEADER}\n{line}{line}"),
        format!("{line}{line}"),
        format!("{HEADER}\n\"{line}{}", "canary-note".repeat(200_000)),
        format!("PAR1{line}{}PAR1", line.repeat(50)),
    ];
    for file in files {
        let id = study.draft("shop").await;
        let path = format!("/v1/datasets/shop/versions/{id}/tables/customers");
        said.extend(study.partner.send(Method::PUT, &path, "text/csv", file).await.body);
        let publish = format!("/v1/datasets/shop/versions/{id}/publish");
        said.extend(study.partner.post(&publish, &json!({})).await.body);
    }
    said
}

async fn good_rows(study: &Study) -> Vec<u8> {
    let report = study.upload("shop", "customers", "text/csv", shop::csv(&shop::rows(400))).await;
    assert_eq!(report.rows_accepted, 400);
    assert_eq!(report.dropped_identifiers.len(), 1, "{report:?}");
    serde_json::to_vec(&report).unwrap()
}

/// Questions that come near single rows, answered or refused. The text of none holds a canary.
async fn questions(researcher: &Person) -> Vec<u8> {
    let mut said = Vec::new();
    for sql in [
        "SELECT city, COUNT(*) AS n, SUM(spend) AS s FROM customers GROUP BY city",
        "SELECT segment, AVG(spend) AS s FROM customers WHERE spend > 97 GROUP BY segment",
        "SELECT note, COUNT(*) AS n FROM customers GROUP BY note",
        "SELECT SUM(1 / (spend - spend)) AS n FROM customers",
        "SELECT SUM(CAST(note AS INT)) AS n FROM customers",
        "SELECT COUNT(*) AS n FROM customers WHERE CAST(city AS DATE) > DATE '2020-01-01'",
        "SELECT MAX(spend) AS m, MIN(note) AS n FROM customers",
        "SELECT city FROM customers ORDER BY spend DESC LIMIT 1",
        "EXPLAIN PRIVACY SELECT city, COUNT(*) AS n FROM customers GROUP BY city",
        "EXPLAIN SELECT MAX(spend) AS m FROM customers",
    ] {
        said.extend(researcher.post("/v1/workspaces/study/queries", &json!({ "sql": sql })).await.body);
    }
    said
}

/// The server dies when the rows are read and the exact aggregates are in memory.
async fn die_after_reading(study: &mut Study) {
    study.server.restart_armed(Some("release=abort"));
    let sql = "SELECT city, SUM(spend) AS s FROM customers GROUP BY city";
    let question = Question { fresh: true, ..Question::new(sql) };
    assert!(study.researcher.try_ask(&question).await.is_err());
    study.server.wait();
    study.server.restart();
    assert_eq!(study.partner.get("/v1/whoami").await.json::<Value>()["user"]["name"], "steward");
}

/// The home: nothing but the stored tables has values, and they have no identifiers.
fn stored(home: &Path) {
    let data = home.join("data");
    for canary in IDENTIFIERS {
        search(home, canary, |_| false);
    }
    for canary in VALUES.into_iter().chain([&EXTREME.to_le_bytes()[..], &EXTREME.to_be_bytes()]) {
        search(home, canary, |file| file.starts_with(&data));
    }
    let mut texts = BTreeSet::new();
    for path in folder::files(&data) {
        for batch in ParquetRecordBatchReader::try_new(File::open(&path).unwrap(), 1024).expect("a stored table") {
            let batch = batch.unwrap();
            assert!(batch.column_by_name("email").is_none(), "an identifier is stored");
            for column in batch.columns() {
                let Ok(column) = cast(column, &DataType::Utf8) else { continue };
                let column: &arrow::array::StringArray = column.as_any().downcast_ref().unwrap();
                texts.extend(column.iter().flatten().map(str::to_owned));
            }
        }
    }
    assert!(texts.iter().any(|t| t.contains("canary-note-7 ")), "the search would not find what is there");
    for text in texts {
        assert!(!text.contains("canary-unit") && !text.contains("canary.example"), "an identifier is stored");
    }
}

/// Fails if a file below `root` has the bytes, unless it may.
fn search(root: &Path, canary: &[u8], may: impl Fn(&Path) -> bool) {
    for file in folder::files(root) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        assert!(!folder::contains(&bytes, canary) || may(&file), "{} is in {}", text(canary), file.display());
    }
}

fn text(canary: &[u8]) -> String {
    String::from_utf8_lossy(canary).into_owned()
}
