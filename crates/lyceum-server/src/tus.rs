//! Headers of the tus protocol, version 1.0.0, to and from what the use cases speak.

use crate::problem::Failure;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822::DateTimePrinter;
use lyceum_schema::time::Micros;
use lyceum_schema::wire::FileOptions;
use lyceum_sharing::usecase::resumable::{Append, Checksum, NewUpload, Progress};
use std::collections::HashMap;
use std::str::FromStr;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// Every response of these routes names the protocol's version, problems too.
pub(crate) async fn spoken(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(RESUMABLE, VERSION);
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(HeaderName::from_static("tus-version"), VERSION);
    }
    response
}

/// Refuses other versions of the protocol.
pub(crate) fn check_version(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.get(RESUMABLE) == Some(&VERSION) { Ok(()) } else { Err(Failure::TusVersion) }
}

/// What of the protocol is spoken here.
pub(crate) fn capabilities(max_bytes: u64) -> Response {
    let headers = [
        ("tus-version", "1.0.0".to_owned()),
        ("tus-extension", "creation,expiration,checksum,termination".to_owned()),
        ("tus-checksum-algorithm", "sha1,sha256".to_owned()),
        ("tus-max-size", max_bytes.to_string()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// `201 Created` with the upload's place.
pub(crate) fn created(progress: &Progress) -> Response {
    let mut response = reached(StatusCode::CREATED, progress);
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/uploads/{}", progress.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// How far an upload is.
pub(crate) fn reached(status: StatusCode, progress: &Progress) -> Response {
    let mut response = (status, Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(OFFSET, HeaderValue::from(progress.offset));
    headers.insert(LENGTH, HeaderValue::from(progress.length));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(expires) = http_date(progress.expires) {
        headers.insert(EXPIRES, expires);
    }
    response
}

/// `204 No Content`.
pub(crate) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// What a client wants to upload: its length, and in the metadata `dataset`, `version` and `table`; perhaps `part`,
/// `sha256` (hexadecimal), `format`, `compression`, `delimiter`, `quote`, `header` and `encoding`. Others, such as
/// `filename`, are left unread.
pub(crate) fn new_upload(headers: &HeaderMap) -> Result<NewUpload, Failure> {
    if headers.contains_key("upload-defer-length") {
        return Err(Failure::Header("Upload-Defer-Length (the length must be known when an upload is begun)"));
    }
    let length = number(headers, &LENGTH, "Upload-Length")?.ok_or(Failure::Header("Upload-Length"))?;
    let metadata = Metadata::parse(headers)?;
    let sha256 = metadata.get("sha256").map(|text| {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map(|()| hash)
    });
    Ok(NewUpload {
        dataset: metadata.required("dataset")?,
        version: metadata.required("version")?,
        table: metadata.required("table")?,
        part: metadata.optional("part")?.unwrap_or(1),
        length,
        sha256: sha256.transpose().map_err(|_| Failure::Header("Upload-Metadata: sha256 (64 hexadecimal digits)"))?,
        options: metadata.options()?,
    })
}

/// Where a request's bytes belong.
pub(crate) fn append(headers: &HeaderMap) -> Result<Append, Failure> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/offset+octet-stream") {
        return Err(Failure::MediaType("application/offset+octet-stream"));
    }
    Ok(Append {
        offset: number(headers, &OFFSET, "Upload-Offset")?.ok_or(Failure::Header("Upload-Offset"))?,
        length: number(headers, &header::CONTENT_LENGTH, "Content-Length")?,
        checksum: headers.get("upload-checksum").map(checksum).transpose()?,
    })
}

fn checksum(value: &HeaderValue) -> Result<Checksum, Failure> {
    let wrong = || Failure::Header("Upload-Checksum (sha1 or sha256, a space, base64)");
    let (algorithm, sum) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wrong)?;
    let sum = STANDARD.decode(sum).map_err(|_| wrong())?;
    match algorithm {
        "sha1" => sum.try_into().map(Checksum::Sha1).map_err(|_| wrong()),
        "sha256" => sum.try_into().map(Checksum::Sha256).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

fn number(headers: &HeaderMap, name: &HeaderName, spelled: &'static str) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).map(Some).ok_or(Failure::Header(spelled))
}

fn http_date(time: Micros) -> Option<HeaderValue> {
    let time = jiff::Timestamp::from_microsecond(time.0).ok()?;
    HeaderValue::from_str(&DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?).ok()
}

/// `Upload-Metadata`: pairs of a key and a value in base64, between commas.
struct Metadata(HashMap<String, String>);

impl Metadata {
    fn parse(headers: &HeaderMap) -> Result<Self, Failure> {
        let wrong = || Failure::Header("Upload-Metadata (keys and values in base64, between commas)");
        let mut pairs = HashMap::new();
        let text = headers.get("upload-metadata").ok_or_else(wrong)?.to_str().map_err(|_| wrong())?;
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value =
                STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
            if pairs.insert(key.to_owned(), value).is_some() {
                return Err(Failure::Header("Upload-Metadata (a key is there twice)"));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn optional<T: FromStr>(&self, key: &str) -> Result<Option<T>, Failure> {
        let wrong = |_| Failure::Path(format!("Upload-Metadata: {key} is not what it has to be"));
        self.get(key).map(|value| value.parse().map_err(wrong)).transpose()
    }

    fn required<T: FromStr>(&self, key: &str) -> Result<T, Failure> {
        self.optional(key)?.ok_or_else(|| Failure::Path(format!("Upload-Metadata: {key} is missing")))
    }

    fn options(&self) -> Result<FileOptions, Failure> {
        let spelled = |key: &str| self.get(key).map(|value| serde_json::Value::String(value.to_owned()));
        let wrong = |_| Failure::Path("Upload-Metadata: a format or compression is not one that is read".to_owned());
        Ok(FileOptions {
            format: spelled("format").map(serde_json::from_value).transpose().map_err(wrong)?,
            compression: spelled("compression").map(serde_json::from_value).transpose().map_err(wrong)?,
            delimiter: self.optional("delimiter")?,
            quote: self.optional("quote")?,
            header: self.optional("header")?,
            encoding: self.optional("encoding")?,
        })
    }
}
