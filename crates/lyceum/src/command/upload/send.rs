//! One file on its way, by the tus protocol: begun under its SHA-256, so that the same file for the same place is gone
//! on with, and sent from wherever the server is, as often as the connection is cut.

use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::remark;
use crate::progress;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt;
use indicatif::ProgressBar;
use lyceum_schema::id::{UploadId, VersionId};
use lyceum_schema::name::{DatasetName, TableName};
use lyceum_schema::wire::FileOptions;
use reqwest::{Method, RequestBuilder, Response};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// How often in a row nothing more may arrive before the command gives up.
const PATIENCE: u32 = 12;
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What a file is to become.
pub(super) struct Place<'a> {
    pub(super) dataset: &'a DatasetName,
    pub(super) version: VersionId,
    pub(super) table: &'a TableName,
    /// Which of the table's files, from 1.
    pub(super) part: u32,
}

/// A file that the server has.
pub(super) struct Sent {
    pub(super) upload: UploadId,
    pub(super) bytes: u64,
}

/// What files are called while they are sent.
pub(super) fn label(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| path.file_name().map_or_else(|| "file".into(), |n| n.to_string_lossy().into_owned());
    match paths {
        [first, .., last] => format!("{} … {}", name(first), name(last)),
        [only] => name(only),
        [] => String::new(),
    }
}

/// Sends a file until the server has all of it.
pub(super) async fn file(client: &Client, path: &Path, place: &Place<'_>, options: &FileOptions) -> Outcome<Sent> {
    let bytes = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
    let name = label(&[path.to_owned()]);
    let sha256 = hash(path, &name, bytes).await?;
    let bar = progress::bytes(&name, bytes);
    let mut known: Option<(UploadId, u64)> = None;
    let mut furthest = 0;
    let mut failures = 0;
    loop {
        let attempt = attempt(client, path, (place, options, &sha256, bytes), &mut known, &bar).await;
        let failure = match attempt {
            Ok(upload) => {
                bar.finish_and_clear();
                return Ok(Sent { upload, bytes });
            }
            Err(failure) => failure,
        };
        let refused = matches!(&failure, Failure::Refused { problem, .. } if problem.retry != Some(true));
        // What the server has counts, not what was sent.
        let reached = known.map_or(0, |(_, offset)| offset);
        if reached > furthest {
            furthest = reached;
            failures = 0;
        }
        failures += 1;
        if refused || failures > PATIENCE {
            bar.finish_and_clear();
            return Err(failure);
        }
        if failures == 2 {
            remark(&format!("{name}: the connection broke; trying again"));
        }
        tokio::time::sleep(Duration::from_millis(250 << failures.min(6)).min(LONGEST_PAUSE)).await;
    }
}

/// Asks where the upload is, or begins it, and sends the rest.
async fn attempt(
    client: &Client,
    path: &Path,
    (place, options, sha256, bytes): (&Place<'_>, &FileOptions, &str, u64),
    known: &mut Option<(UploadId, u64)>,
    bar: &ProgressBar,
) -> Outcome<UploadId> {
    let (id, offset) = match *known {
        Some((id, _)) => {
            let head = client.send(tus(client, Method::HEAD, &format!("/v1/uploads/{id}"))).await?;
            (id, offset(&head)?)
        }
        None => {
            let begin = tus(client, Method::POST, "/v1/uploads")
                .header("upload-length", bytes)
                .header("upload-metadata", metadata(place, options, sha256));
            let begun = client.send(begin).await?;
            let id = begun.headers().get("location").and_then(|v| v.to_str().ok()).and_then(|l| l.rsplit('/').next());
            (id.and_then(|id| id.parse().ok()).ok_or_else(strange)?, offset(&begun)?)
        }
    };
    *known = Some((id, offset));
    bar.set_position(offset);
    if offset < bytes {
        let mut file = tokio::fs::File::open(path).await.map_err(|e| Failure::file(path, &e))?;
        file.seek(std::io::SeekFrom::Start(offset)).await.map_err(|e| Failure::file(path, &e))?;
        let counting = bar.clone();
        // A file that grows meanwhile is sent as long as it was when it was hashed.
        let rest = tokio_util::io::ReaderStream::with_capacity(file.take(bytes - offset), 256 * 1024)
            .inspect_ok(move |chunk| counting.inc(chunk.len() as u64));
        let append = tus(client, Method::PATCH, &format!("/v1/uploads/{id}"))
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream")
            .body(reqwest::Body::wrap_stream(rest));
        let appended = client.send(append).await?;
        bar.set_position(self::offset(&appended)?);
    }
    Ok(id)
}

fn tus(client: &Client, method: Method, path: &str) -> RequestBuilder {
    client.request(method, path).header("tus-resumable", "1.0.0")
}

fn offset(response: &Response) -> Outcome<u64> {
    let offset = response.headers().get("upload-offset").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    offset.ok_or_else(strange)
}

fn strange() -> Failure {
    Failure::local("E9015", "the server does not answer as the tus protocol wants", "check the server's address")
}

fn metadata(place: &Place<'_>, options: &FileOptions, sha256: &str) -> String {
    let mut pairs = vec![
        ("dataset", place.dataset.to_string()),
        ("version", place.version.to_string()),
        ("table", place.table.to_string()),
        ("part", place.part.to_string()),
        ("sha256", sha256.to_owned()),
    ];
    let word = |value: serde_json::Value| value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
    let declared = serde_json::to_value(options).unwrap_or_default();
    for key in ["format", "compression", "delimiter", "quote", "header", "encoding"] {
        if let Some(value) = declared.get(key) {
            pairs.push((key, word(value.clone())));
        }
    }
    let encoded = pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value)));
    encoded.collect::<Vec<_>>().join(",")
}

/// SHA-256 of the file, in hexadecimal.
async fn hash(path: &Path, name: &str, bytes: u64) -> Outcome<String> {
    let bar = progress::bytes(&format!("{name} (hashing)"), bytes);
    let path = path.to_owned();
    let hashing = tokio::task::spawn_blocking(move || {
        let failed = |e: std::io::Error| Failure::file(&path, &e);
        let mut file = std::fs::File::open(&path).map_err(failed)?.take(bytes);
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            let n = file.read(&mut buffer).map_err(failed)?;
            if n == 0 {
                bar.finish_and_clear();
                return Ok(hex::encode(hash.finalize()));
            }
            hash.update(&buffer[..n]);
            bar.inc(n as u64);
        }
    });
    hashing.await.unwrap_or_else(|_| Err(strange()))
}
