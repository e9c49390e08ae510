//! Resumable uploads against the real server: cut lines, killed servers, full disks, wrong keys and damaged files lose
//! nothing and show nothing half-done.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lyceum_schema::wire::{List, ValidationReport, Version};
use lyceum_tests::cli::Shell;
use lyceum_tests::cutter::Cutter;
use lyceum_tests::folder;
use lyceum_tests::person::Reply;
use lyceum_tests::shop;
use lyceum_tests::study::{Caps, Study, login};
use reqwest::header::HeaderMap;
use reqwest::{Body, Client, Method};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Several megabytes.
fn file() -> Vec<u8> {
    shop::csv(&shop::rows(40_000)).into_bytes()
}

/// The stored files of a version, by content.
fn stored(study: &Study, version: &str) -> Vec<Vec<u8>> {
    let data = study.server.home().join("data");
    let of_version = |path: &PathBuf| path.to_string_lossy().contains(version);
    let mut files: Vec<_> =
        folder::files(&data).into_iter().filter(of_version).map(|f| std::fs::read(f).unwrap()).collect();
    files.sort();
    files
}

/// What a tus client does, on one upload.
struct Upload<'a> {
    study: &'a Study,
    path: String,
}

/// A response without a body.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

async fn tus(study: &Study, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let url = format!("{}{path}", study.server.address().url());
    let mut request = Client::new().request(method, url).bearer_auth(study.partner.token()).body(body);
    request = request.header("tus-resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

impl<'a> Upload<'a> {
    async fn begin(study: &'a Study, version: &str, bytes: usize) -> Self {
        let metadata: Vec<String> = [("dataset", "shop"), ("version", version), ("table", "customers")]
            .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
            .into();
        let headers = [("upload-length", bytes.to_string()), ("upload-metadata", metadata.join(","))];
        let headers = headers.each_ref().map(|(k, v)| (*k, v.as_str()));
        let begun = tus(study, Method::POST, "/v1/uploads", &headers, "").await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        Self { study, path: begun.headers["location"].to_str().unwrap().to_owned() }
    }

    /// Where the server is.
    async fn offset(&self) -> Result<usize, Answer> {
        let head = tus(self.study, Method::HEAD, &self.path, &[], "").await;
        if head.status == 200 {
            Ok(head.headers["upload-offset"].to_str().unwrap().parse().unwrap())
        } else {
            Err(head)
        }
    }

    async fn append(&self, offset: usize, bytes: &[u8]) -> Answer {
        let offset = offset.to_string();
        let headers = [("upload-offset", offset.as_str()), ("content-type", "application/offset+octet-stream")];
        tus(self.study, Method::PATCH, &self.path, &headers, bytes.to_vec()).await
    }

    async fn assemble(&self, version: &str) -> Reply {
        let id = self.path.rsplit('/').next().unwrap();
        let path = format!("/v1/datasets/shop/versions/{version}/tables/customers");
        self.study.partner.post(&path, &json!({ "uploads": [id] })).await
    }
}

async fn publish(study: &Study, version: &str) {
    let path = format!("/v1/datasets/shop/versions/{version}/publish");
    study.partner.post(&path, &json!({})).await.json::<Version>();
}

async fn newest(study: &Study) -> Version {
    study.partner.get("/v1/datasets/shop/versions").await.json::<List<Version>>().items.remove(0)
}

fn parts(study: &Study) -> Vec<PathBuf> {
    folder::files(&study.server.home().join("spool"))
}

fn shell(study: &Study, url: &str) -> Shell {
    let shell = Shell::new(study.server.folder(), "steward");
    login(&shell, url, study.partner.token(), study.server.folder());
    shell
}

async fn shop_study() -> Study {
    let study = Study::convene(lyceum_tests::server::Server::start(), Caps::default()).await;
    study.declare(shop::MANIFEST).await;
    study
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_cut_at_every_tenth_by_the_line_or_a_killed_server_ends_with_the_same_content() {
    let mut study = shop_study().await;
    let content = file();
    let path = study.server.folder().join("customers.csv");
    std::fs::write(&path, &content).unwrap();

    let straight = study.draft("shop").await;
    let table = format!("/v1/datasets/shop/versions/{straight}/tables/customers");
    let expected: ValidationReport = study.partner.send(Method::PUT, &table, "text/csv", content.clone()).await.json();
    publish(&study, &straight).await;

    let cutter = Cutter::new(study.server.address(), content.len() as u64 / 10, 9);
    let shell = shell(&study, &cutter.url);
    let arguments = ["dataset", "upload", "shop", &path.display().to_string(), "--json"].map(str::to_owned);
    let uploading = std::thread::spawn(move || shell.run(&arguments));
    let mut cuts = 0;
    while let Some(cut) = cutter.next(Duration::from_secs(60)) {
        if cuts % 2 == 1 {
            study.server.kill();
            drop(cut);
            study.server.restart();
        }
        cuts += 1;
        if cuts == 9 {
            break;
        }
    }
    let ran = tokio::task::spawn_blocking(|| uploading.join().unwrap()).await.unwrap();
    assert_eq!(ran.status, 0, "{}{}", ran.text(), ran.err);
    assert_eq!(cuts, 9, "the line broke at every tenth");
    let result: Value = serde_json::from_str(&ran.text()).unwrap();
    let report: ValidationReport = serde_json::from_value(result["reports"][0].clone()).unwrap();
    assert_eq!(report, expected);
    let resumed = newest(&study).await;
    assert_eq!(resumed.number, 2);
    let resumed = stored(&study, &resumed.id.to_string());
    assert!(!resumed.is_empty() && resumed == stored(&study, &straight), "the same bytes are stored");
    assert_eq!(parts(&study), Vec::<PathBuf>::new(), "what became a table is not kept twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_the_upload_goes_on_when_there_is_room() {
    let mut study = shop_study().await;
    let content = file();
    study.server.limit_files(Some(2_048));
    study.server.restart();
    let version = study.draft("shop").await;
    let upload = Upload::begin(&study, &version, content.len()).await;
    let refused = upload.append(0, &content).await;
    assert_eq!(refused.status, 507, "{}", refused.text);
    assert!(refused.text.contains("E5003"), "{}", refused.text);
    let kept = upload.offset().await.unwrap_or_else(|a| panic!("{}", a.text));
    assert!((500_000..=1 << 20).contains(&kept), "what fitted is kept: {kept}");
    let path = upload.path.clone();
    study.server.limit_files(None);
    study.server.restart();
    let upload = Upload { study: &study, path };
    assert_eq!(upload.offset().await.ok(), Some(kept), "nothing is lost");
    assert_eq!(upload.append(kept, &content[kept..]).await.status, 204);
    let report: ValidationReport = upload.assemble(&version).await.json();
    assert_eq!(report.rows_accepted, 40_000);
    publish(&study, &version).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_while_a_table_is_made_shows_nothing_half_done() {
    let mut study = shop_study().await;
    let content = file();
    let version = study.draft("shop").await;
    let upload = Upload::begin(&study, &version, content.len()).await;
    assert_eq!(upload.append(0, &content).await.status, 204);
    let path = upload.path.clone();
    study.server.limit_files(Some(1_024));
    study.server.restart();
    let upload = Upload { study: &study, path: path.clone() };
    let problem = upload.assemble(&version).await.problem();
    assert_eq!((problem.status, problem.code.as_str()), (507, "E5003"), "{problem:?}");
    let draft = newest(&study).await;
    assert!(draft.tables.iter().all(|t| !t.uploaded), "{draft:?}");
    study.server.limit_files(None);
    study.server.restart();
    let upload = Upload { study: &study, path };
    let report: ValidationReport = upload.assemble(&version).await.json();
    assert_eq!(report.rows_accepted, 40_000, "nothing was lost");
    publish(&study, &version).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_reads_nothing_and_destroys_nothing() {
    let mut study = shop_study().await;
    let content = shop::csv(&shop::rows(3_000)).into_bytes();
    let version = study.draft("shop").await;
    let upload = Upload::begin(&study, &version, content.len()).await;
    assert_eq!(upload.append(0, &content[..100_000]).await.status, 204);
    let path = upload.path.clone();
    study.server.kill();
    let key = study.server.home().join("master.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, [9; 32]).unwrap();
    study.server.restart();
    let refused = Upload { study: &study, path: path.clone() }.offset().await.err().map(|a| a.status);
    assert_eq!(refused, Some(503));
    study.server.kill();
    std::fs::write(&key, right).unwrap();
    study.server.restart();
    let upload = Upload { study: &study, path };
    assert_eq!(upload.offset().await.ok(), Some(100_000), "with the right key it is all there");
    assert_eq!(upload.append(100_000, &content[100_000..]).await.status, 204);
    let report: ValidationReport = upload.assemble(&version).await.json();
    assert_eq!(report.rows_accepted, 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_part_is_asked_for_again_or_refused_and_the_disk_shows_no_rows() {
    let mut study = shop_study().await;
    let content = shop::csv(&shop::rows(5_000)).into_bytes();
    let version = study.draft("shop").await;
    let upload = Upload::begin(&study, &version, content.len()).await;
    assert_eq!(upload.append(0, &content[..300_000]).await.status, 204);
    let path = upload.path.clone();
    study.server.kill();
    let part = parts(&study).remove(0);
    assert!(!folder::contains(&std::fs::read(&part).unwrap(), b"canary"), "{}", part.display());
    folder::flip(&part, 200_000);
    study.server.restart();
    let upload = Upload { study: &study, path: path.clone() };
    let kept = upload.offset().await.unwrap_or_else(|a| panic!("{}", a.text));
    assert!((100_000..200_000).contains(&kept), "sound up to the damage: {kept}");
    assert_eq!(upload.append(kept, &content[kept..]).await.status, 204);

    // Complete, then damaged: too late to ask for it again.
    let good = std::fs::read(&part).unwrap();
    folder::flip(&part, 300_000);
    let problem = upload.assemble(&version).await.problem();
    assert_eq!((problem.status, problem.code.as_str()), (422, "E4312"), "{problem:?}");
    assert!(newest(&study).await.tables.iter().all(|t| !t.uploaded), "nothing of it is there");
    std::fs::write(&part, good).unwrap();
    let report: ValidationReport = upload.assemble(&version).await.json();
    assert_eq!(report.rows_accepted, 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uploads_of_one_table_at_once_one_wins() {
    let study = shop_study().await;
    let version = study.draft("shop").await;
    let table = format!("/v1/datasets/shop/versions/{version}/tables/customers");
    let content = shop::csv(&shop::rows(1_000));
    let begun: Vec<Result<String, std::io::Error>> = vec![Ok(content[..9_000].to_owned())];
    let (go, going) = tokio::sync::oneshot::channel::<()>();
    let rest = content[9_000..].to_owned();
    let rest = futures::stream::once(async move {
        let _ = going.await;
        Ok(rest)
    });
    let slow = Body::wrap_stream(futures::StreamExt::chain(futures::stream::iter(begun), rest));
    let (partner, path) = (study.partner.clone(), table.clone());
    let first = tokio::spawn(async move { partner.send(Method::PUT, &path, "text/csv", slow).await });
    let spool = study.server.home().join("spool");
    while folder::files(&spool).is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let other = shop::csv(&shop::rows(10));
    let problem = study.partner.send(Method::PUT, &table, "text/csv", other).await.problem();
    assert_eq!((problem.status, problem.code.as_str()), (409, "E4308"), "{problem:?}");
    go.send(()).unwrap();
    let report: ValidationReport = first.await.unwrap().json();
    assert_eq!(report.rows_accepted, 1_000);
    let again: ValidationReport = study.partner.send(Method::PUT, &table, "text/csv", content).await.json();
    assert_eq!(again, report, "the same bytes, the same report");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_goes_on_with_expires_with_its_key_and_bytes() {
    let server = lyceum_tests::server::Server::start_with(&[("UPLOAD_LIFETIME_SECONDS", "2")]);
    let mut study = Study::convene(server, Caps::default()).await;
    study.declare(shop::MANIFEST).await;
    let version = study.draft("shop").await;
    let upload = Upload::begin(&study, &version, 1_000).await;
    assert_eq!(upload.append(0, &file()[..500]).await.status, 204);
    assert!(upload.offset().await.is_ok());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(upload.offset().await.err().map(|a| a.status), Some(404));
    assert_eq!(parts(&study).len(), 1);
    study.server.restart();
    assert_eq!(parts(&study), Vec::<PathBuf>::new());
    let abandoned = newest(&study).await;
    assert_eq!(abandoned.state, lyceum_schema::state::VersionState::Abandoned);
}
