//! `/console`: the web console's files, with headers that let them do nothing but talk to this server.
//!
//! Files under `assets/` bear a hash in their names and may be kept for ever; the page itself is made anew each time,
//! with a nonce for the styles that its component library makes while it runs. Paths that are no file are the page's own
//! addresses: it shows what they name.

use crate::path::Path;
use crate::problem::Failure;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// What the pages of the console may do. Nothing from elsewhere, nothing to elsewhere, in nobody's frame.
fn policy(nonce: &str) -> String {
    let chart = lyceum_console::CHART_STYLE_SHA256;
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}' 'sha256-{chart}'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

const PROTECTION: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The console's address, for who types the server's.
pub(crate) async fn enter() -> Redirect {
    Redirect::to("/console/")
}

pub(crate) async fn page() -> Result<Response, Failure> {
    let page = lyceum_console::file("index.html").ok_or(Failure::Internal)?;
    let html = std::str::from_utf8(&page.bytes).map_err(|_| Failure::Internal)?;
    let mut random = [0; 18];
    getrandom::fill(&mut random).map_err(|_| Failure::Internal)?;
    let nonce = STANDARD.encode(random);
    let policy = HeaderValue::from_str(&policy(&nonce)).map_err(|_| Failure::Internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    Ok((headers, PROTECTION, html.replace(lyceum_console::NONCE, &nonce)).into_response())
}

pub(crate) async fn file(Path(path): Path<String>, asked: HeaderMap) -> Result<Response, Failure> {
    let Some(file) = lyceum_console::file(&path).filter(|_| path != "index.html") else {
        let names_a_file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
        return if names_a_file { Err(Failure::NoRoute) } else { page().await };
    };
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.sha256));
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == etag.as_bytes());
    let headers = [
        (header::CONTENT_TYPE, file.media_type),
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::ETAG, etag),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'".to_owned()),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, headers, PROTECTION).into_response());
    }
    Ok((headers, PROTECTION, file.bytes.into_owned()).into_response())
}
