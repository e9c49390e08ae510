//! Bodies: JSON and text in full under a limit, uploads as a stream.

use crate::problem::Failure;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures::{Stream, StreamExt};
use lyceum_sharing::usecase::upload::BrokenOff;
use serde::de::DeserializeOwned;

/// A JSON body. Unknown fields are refused by the types.
pub(crate) struct Json<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind = media_type(request.headers());
        if !kind.is_some_and(|k| k == "application/json" || (k.starts_with("application/") && k.ends_with("+json"))) {
            return Err(Failure::MediaType("application/json"));
        }
        let bytes = whole(request, state).await?;
        // serde_json says where and which field; its texts may quote the caller's own body, nothing else.
        serde_json::from_slice(&bytes).map(Self).map_err(|e| Failure::Json(e.to_string()))
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T, S> FromRequest<S> for OptionalJson<T>
where
    T: DeserializeOwned + Default,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if request.headers().get(header::CONTENT_TYPE).is_some() {
            return Json::from_request(request, state).await.map(|Json(value)| Self(value));
        }
        if whole(request, state).await?.is_empty() {
            Ok(Self(T::default()))
        } else {
            Err(Failure::MediaType("application/json"))
        }
    }
}

/// A TOML document.
pub(crate) struct Toml(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Toml {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !matches!(media_type(request.headers()), Some("application/toml" | "text/plain" | "text/toml")) {
            return Err(Failure::MediaType("application/toml"));
        }
        let bytes = whole(request, state).await?;
        String::from_utf8(bytes.into()).map(Self).map_err(|_| Failure::Json("the document is not UTF-8".to_owned()))
    }
}

/// A file being uploaded. What it is, its first bytes tell; the content type must only not contradict.
pub(crate) struct Upload(pub(crate) Body);

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        match media_type(request.headers()) {
            Some("text/csv" | "application/vnd.apache.parquet" | "application/octet-stream") | None => {
                Ok(Self(request.into_body()))
            }
            Some(_) => Err(Failure::MediaType("text/csv, application/vnd.apache.parquet or application/octet-stream")),
        }
    }
}

impl Upload {
    /// The chunks as they come.
    pub(crate) fn chunks(self) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send {
        self.0.into_data_stream().map(|chunk| chunk.map_err(|_| BrokenOff))
    }
}

/// The media type without its parameters, as sent; types are compared in lower case, as everybody sends them.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failure> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        use axum::response::IntoResponse;
        match rejection.into_response().status() {
            axum::http::StatusCode::PAYLOAD_TOO_LARGE => Failure::BodyTooLarge,
            _ => Failure::BodyBroken,
        }
    })
}
