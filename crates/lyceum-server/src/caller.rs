//! Who is calling: `Authorization: Bearer …` becomes an [`Actor`], or the request ends here.

use crate::problem::Failure;
use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use lyceum_sharing::usecase::tokens;
use lyceum_sharing::{Actor, App, Error};
use std::sync::Arc;

/// The caller, authenticated.
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = header.and_then(bearer).ok_or(Error::Unauthenticated)?;
        Ok(Self(tokens::authenticate(app, secret).await?))
    }
}

/// The token of a bearer header; the scheme's case doesn't matter (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
