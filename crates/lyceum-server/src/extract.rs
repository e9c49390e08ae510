//! Who calls, and with what: extractors whose refusals are problem documents.

use crate::problem::Refused;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use lyceum_sharing::actor::Actor;
use lyceum_sharing::app::App;
use lyceum_sharing::error::Error;
use lyceum_sharing::usecase::tokens;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The account behind the bearer token.
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let secret = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim())
            .ok_or(Error::Unauthenticated)?;
        Ok(Self(tokens::authenticate(app, secret).await?))
    }
}

/// Names and ids from the path. What is no name can't exist.
pub(crate) struct At<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for At<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(Refused::request(
                StatusCode::NOT_FOUND,
                "E4204",
                "a name or id in the path is malformed",
                "names have lower-case letters, digits, '-', '_' and '.'; ids are UUIDs",
            )),
        }
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = whole(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|e| {
            // serde's message may quote the caller's own text; that is theirs, and never data.
            let place = format!("line {}, column {}", e.line(), e.column());
            Refused::request(
                StatusCode::UNPROCESSABLE_ENTITY,
                "E4205",
                &format!("the body is not the JSON that is expected here ({place}): {e}"),
                "send the fields that the documentation names, with Content-Type: application/json",
            )
        })
    }
}

/// A body of UTF-8 text.
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = whole(request, state).await?;
        String::from_utf8(bytes.into()).map(Self).map_err(|_| {
            Refused::request(
                StatusCode::UNPROCESSABLE_ENTITY,
                "E4206",
                "the body is not UTF-8 text",
                "save the file as UTF-8 and send it again",
            )
        })
    }
}

async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<bytes::Bytes, Refused> {
    bytes::Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Refused::request(
                StatusCode::PAYLOAD_TOO_LARGE,
                "E4207",
                &format!("the body has more than {} bytes", crate::router::MAX_BODY_BYTES),
                "send less: only uploads of tables may be large",
            )
        } else {
            Refused::request(StatusCode::BAD_REQUEST, "E4208", "the body broke off", "send the request again")
        }
    })
}
