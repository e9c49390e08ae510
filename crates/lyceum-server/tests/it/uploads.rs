//! Resumable uploads as a tus client sees them, and the tables that are made of them.

use crate::app::{Story, expect};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

const CSV: &[u8] = b"segment,visit\nnew,1\nold,0\nnew,0\nold,1\n";

/// `Upload-Metadata` for the table `visits` of a version.
pub(crate) fn metadata(version: &str, more: &[(&str, &str)]) -> String {
    let pairs = [("dataset", "visits"), ("version", version), ("table", "visits"), ("filename", "v.csv")];
    let encoded = pairs.iter().chain(more).map(|(key, value)| format!("{key} {}", STANDARD.encode(value)));
    encoded.collect::<Vec<_>>().join(",")
}

struct Client<'a> {
    story: &'a Story,
    token: &'a str,
    version: String,
}

/// A response: status, headers, problem document if there is one.
type Reply = (StatusCode, HeaderMap, Value);

impl<'a> Client<'a> {
    async fn new(story: &'a Story) -> Self {
        let begun = story.app.json(&story.partner, "POST", "/v1/datasets/visits/versions", Value::Null).await;
        let version = expect(201, begun)["id"].as_str().unwrap().to_owned();
        Self { story, token: &story.partner, version }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0");
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.story.app.respond(request.body(Body::from(body.to_vec())).unwrap()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        assert_eq!(headers["tus-resumable"], "1.0.0", "{method} {path}");
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn begin(&self, length: usize, more: &[(&str, &str)]) -> Reply {
        let (length, metadata) = (length.to_string(), metadata(&self.version, more));
        self.send("POST", "/v1/uploads", &[("upload-length", &length), ("upload-metadata", &metadata)], b"").await
    }

    /// Begins an upload that must be allowed; its path.
    async fn begun(&self, length: usize, more: &[(&str, &str)]) -> String {
        let (status, headers, problem) = self.begin(length, more).await;
        assert_eq!(status, 201, "{problem}");
        assert!(headers["upload-expires"].to_str().unwrap().ends_with(" GMT"));
        headers["location"].to_str().unwrap().to_owned()
    }

    async fn append(&self, path: &str, offset: usize, bytes: &[u8], more: &[(&str, &str)]) -> Reply {
        let offset = offset.to_string();
        let fixed = [("upload-offset", offset.as_str()), ("content-type", "application/offset+octet-stream")];
        self.send("PATCH", path, &[&fixed[..], more].concat(), bytes).await
    }

    async fn offset(&self, path: &str) -> usize {
        let (status, headers, _) = self.send("HEAD", path, &[], b"").await;
        assert_eq!((status, &headers["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
        headers["upload-offset"].to_str().unwrap().parse().unwrap()
    }

    async fn uploaded(&self, bytes: &[u8], more: &[(&str, &str)]) -> String {
        let path = self.begun(bytes.len(), more).await;
        if !bytes.is_empty() {
            assert_eq!(self.append(&path, 0, bytes, &[]).await.0, 204);
        }
        path
    }

    async fn assemble(&self, uploads: &[&str], options: Value) -> (StatusCode, Value) {
        let ids: Vec<&str> = uploads.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
        let path = format!("/v1/datasets/visits/versions/{}/tables/visits", self.version);
        self.story.app.json(self.token, "POST", &path, json!({"uploads": ids, "options": options})).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoken_is_said_and_other_versions_are_refused() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let (status, headers, _) = client.send("OPTIONS", "/v1/uploads", &[], b"").await;
    assert_eq!(status, 204);
    assert_eq!(headers["tus-version"], "1.0.0");
    assert_eq!(headers["tus-extension"], "creation,expiration,checksum,termination");
    assert_eq!(headers["tus-checksum-algorithm"], "sha1,sha256");
    assert_eq!(headers["tus-max-size"], "1048576");
    let old = Request::post("/v1/uploads").header("authorization", format!("Bearer {}", story.partner));
    let response = story.app.respond(old.header("tus-resumable", "0.2.2").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (response.status(), &response.headers()["tus-version"]),
        (StatusCode::PRECONDITION_FAILED, &"1.0.0".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_make_a_table_and_a_retry_makes_the_same() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let hash = hex::encode(Sha256::digest(CSV));
    let path = client.begun(CSV.len(), &[("sha256", &hash)]).await;
    assert_eq!(client.begun(CSV.len(), &[("sha256", &hash)]).await, path, "begun again, it is the same upload");
    assert_eq!(client.offset(&path).await, 0);
    let early = client.assemble(&[&path], json!({})).await;
    assert_eq!(expect(409, early)["code"], "E4010", "it is not complete");
    for (offset, piece) in (0..).step_by(7).zip(CSV.chunks(7)) {
        assert_eq!(client.append(&path, offset + 1, piece, &[]).await.2["code"], "E4304");
        let (status, headers, problem) = client.append(&path, offset, piece, &[]).await;
        assert_eq!(status, 204, "{problem}");
        assert_eq!(headers["upload-offset"], (offset + piece.len()).to_string().as_str());
    }
    assert_eq!(client.offset(&path).await, CSV.len());
    let report = expect(200, client.assemble(&[&path], json!({})).await);
    assert_eq!((&report["rows_accepted"], &report["bytes"]), (&json!(4), &json!(CSV.len())));
    assert_eq!(report["files"][0]["read_as"], "CSV, ',' between fields, UTF-8");
    assert_eq!(client.send("HEAD", &path, &[], b"").await.0, 404, "what became a table is destroyed");

    let again = client.uploaded(CSV, &[]).await;
    assert_eq!(expect(200, client.assemble(&[&again], json!({})).await), report);
    let publish = format!("/v1/datasets/visits/versions/{}/publish", client.version);
    let left = client.begun(5, &[("part", "2")]).await;
    expect(200, story.app.json(client.token, "POST", &publish, Value::Null).await);
    assert_eq!(client.send("HEAD", &left, &[], b"").await.0, 404, "published: nothing more can come");
    assert_eq!(client.begin(5, &[]).await.2["code"], "E4010");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_of_several_kinds_are_one_table() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let first = client.uploaded(CSV, &[("part", "1")]).await;
    let second = client.uploaded(b"old;1\nnew;0\n", &[("part", "2"), ("header", "false"), ("format", "csv")]).await;
    let third = client.uploaded(b"{\"visit\":1,\"segment\":\"new\"}", &[("part", "3")]).await;
    let wrong = client.assemble(&[&first, &second, &third], json!({"delimiter": "|"})).await;
    assert_eq!(expect(422, wrong)["code"], "E1504", "an option said now goes before what was said then");
    let report = expect(200, client.assemble(&[&first, &second, &third], json!({})).await);
    assert_eq!((&report["rows_in"], &report["rows_accepted"]), (&json!(7), &json!(7)), "{report}");
    let rows: Vec<&Value> = report["files"].as_array().unwrap().iter().map(|f| &f["rows"]).collect();
    assert_eq!(rows, [&json!(4), &json!(2), &json!(1)]);
    assert_eq!(report["files"][1]["read_as"], "CSV, ';' between fields, no header line, UTF-8");

    let good = client.uploaded(CSV, &[("part", "1")]).await;
    let bad = client.uploaded(b"PAR1 and no more", &[("part", "2")]).await;
    let problem = expect(422, client.assemble(&[&good, &bad], json!({})).await);
    assert_eq!(problem["code"], "E1507");
    assert!(problem["detail"].as_str().unwrap().starts_with("file 2 of 2: "), "{problem}");
    assert_eq!(expect(422, client.assemble(&[&good, &good], json!({})).await)["code"], "E4201");
    assert_eq!(expect(422, client.assemble(&[], json!({})).await)["code"], "E4201");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_keeps_the_rows_of_a_former_one() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let table = format!("/v1/datasets/visits/versions/{}/tables/visits", client.version);
    let month = client.uploaded(CSV, &[]).await;
    let id = month.rsplit('/').next().unwrap();
    let append = async |number: u32, uploads: Value| {
        story.app.json(client.token, "POST", &table, json!({"uploads": uploads, "append_to": number})).await
    };
    assert_eq!(expect(409, append(2, json!([id])).await)["code"], "E4010", "version 2 is this draft");
    assert_eq!(expect(404, append(9, json!([id])).await)["code"], "E4004");
    let report = expect(200, append(1, json!([id])).await);
    assert_eq!((&report["rows_in"], &report["rows_accepted"]), (&json!(4), &json!(4)), "{report}");
    let note = "100 rows of version 1 were kept; the table has 104 rows now";
    assert!(report["notes"].as_array().unwrap().contains(&json!(note)), "{report}");
    let publish = format!("/v1/datasets/visits/versions/{}/publish", client.version);
    expect(200, story.app.json(client.token, "POST", &publish, Value::Null).await);

    let next = Client::new(&story).await;
    let table = format!("/v1/datasets/visits/versions/{}/tables/visits", next.version);
    let kept = json!({"uploads": [], "append_to": 2});
    let report = expect(200, story.app.json(next.token, "POST", &table, kept).await);
    assert_eq!(report["rows_in"], 0);
    assert!(report["notes"].to_string().contains("the table has 104 rows now"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_decide_what_is_kept() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let path = client.begun(CSV.len(), &[]).await;
    let sums = |bytes: &[u8]| {
        [
            format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes))),
            format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes))),
        ]
    };
    for wrong in sums(b"other bytes") {
        let (status, _, problem) = client.append(&path, 0, &CSV[..9], &[("upload-checksum", &wrong)]).await;
        assert_eq!((status.as_u16(), &problem["code"]), (460, &json!("E4310")));
        assert_eq!(client.offset(&path).await, 0, "nothing of it is kept");
    }
    for (piece, right) in [(0, &sums(&CSV[..9])[0]), (9, &sums(&CSV[9..20])[1])] {
        let bytes = if piece == 0 { &CSV[..9] } else { &CSV[9..20] };
        assert_eq!(client.append(&path, piece, bytes, &[("upload-checksum", right)]).await.0, 204);
    }
    for unreadable in ["md5 AAAA", "sha1 AAAA", "sha1", "sha1 §"] {
        let reply = client.append(&path, 20, &CSV[20..], &[("upload-checksum", unreadable)]).await;
        assert_eq!(reply.2["code"], "E4607", "{unreadable}");
    }
    assert_eq!(client.append(&path, 20, &CSV[20..], &[]).await.0, 204);
    expect(200, client.assemble(&[&path], json!({})).await);

    let lie = hex::encode(Sha256::digest(b"other bytes"));
    let path = client.begun(CSV.len(), &[("sha256", &lie)]).await;
    let (status, _, problem) = client.append(&path, 0, CSV, &[]).await;
    assert_eq!((status.as_u16(), &problem["code"]), (460, &json!("E4311")));
    assert_eq!(client.send("HEAD", &path, &[], b"").await.0, 404, "all of it is destroyed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_and_more_than_was_said_are_refused() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let path = client.begun(10, &[]).await;
    let (status, _, problem) = client.begin(10, &[]).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("E4307")));
    assert!(problem["fix"].as_str().unwrap().contains(&path), "{problem}");
    assert_eq!(client.append(&path, 0, CSV, &[]).await.2["code"], "E4306", "more than was said");
    assert_eq!(client.offset(&path).await, 0);
    assert_eq!(client.begin(2 << 20, &[("part", "2")]).await.2["code"], "E4301");
    assert_eq!(client.begin(1, &[("part", "0")]).await.2["code"], "E4201");
    assert_eq!(client.begin(1, &[("part", "2"), ("format", "xls")]).await.2["code"], "E4606");
    assert_eq!(client.begin(1, &[("part", "2"), ("sha256", "zz")]).await.2["code"], "E4607");
    assert_eq!(client.send("DELETE", &path, &[], b"").await.0, 204);
    assert_eq!(client.send("DELETE", &path, &[], b"").await.0, 404);
    let path = client.begun(10, &[]).await;
    assert_eq!(client.send("POST", &path, &[("x-http-method-override", "DELETE")], b"").await.0, 204);
    assert_eq!(client.send("POST", &path, &[], b"").await.0, 405);

    let empty = client.uploaded(b"", &[]).await;
    assert_eq!(expect(422, client.assemble(&[&empty], json!({})).await)["code"], "E1501");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_finds_an_upload() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let path = client.begun(10, &[]).await;
    let rival = story.app.user("ria", "rival", "partner").await;
    let rival = Client { story: &story, token: &rival, version: client.version.clone() };
    assert_eq!(rival.send("HEAD", &path, &[], b"").await.0, 404);
    assert_eq!(rival.append(&path, 0, b"0123456789", &[]).await.2["code"], "E4004");
    assert_eq!(rival.send("DELETE", &path, &[], b"").await.0, 404);
    assert_eq!(rival.begin(10, &[("part", "2")]).await.2["code"], "E4004");
    assert_eq!(client.offset(&path).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_one_request_are_said_in_the_query() {
    let story = Story::new().await;
    let client = Client::new(&story).await;
    let table = format!("/v1/datasets/visits/versions/{}/tables/visits", client.version);
    let put = async |query: &str, body: &'static [u8]| {
        story.app.text(client.token, "PUT", &format!("{table}?{query}"), "text/csv", body).await
    };
    let report = expect(200, put("format=csv&header=false&delimiter=%3B&encoding=latin1", b"new;1\n").await);
    assert_eq!(report["files"][0]["read_as"], "CSV, ';' between fields, no header line, windows-1252");
    assert_eq!(expect(400, put("delimeter=;", b"new;1\n").await)["code"], "E4606");
}
