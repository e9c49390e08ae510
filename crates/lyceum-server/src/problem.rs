//! Errors at the edge: the one match from use-case errors to RFC 9457 problem documents.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lyceum_schema::wire::{PROBLEM_JSON, Problem};
use lyceum_sharing::error::Error;

/// A request that ends in a problem document.
pub(crate) struct Refused(Box<Problem>);

impl Refused {
    /// A request that is malformed before any use case sees it.
    pub(crate) fn request(status: StatusCode, code: &str, detail: &str, fix: &str) -> Self {
        Self(Box::new(Problem {
            kind: kind(code),
            title: status.canonical_reason().unwrap_or("error").to_owned(),
            status: status.as_u16(),
            detail: detail.to_owned(),
            code: code.to_owned(),
            fix: Some(fix.to_owned()),
            ..Problem::default()
        }))
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let (status, title) = describe(&error);
        let code = error.code();
        let mut problem = Problem {
            kind: kind(code),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: error.to_string(),
            code: code.to_owned(),
            fix: error.fix(),
            ..Problem::default()
        };
        match error {
            Error::Question(refusal) => {
                problem.line = refusal.line;
                problem.column = refusal.column;
                problem.snippet = refusal.snippet;
                problem.reason = refusal.reason;
                problem.charged = Some(false);
            }
            Error::OverBudget(_) | Error::NotActive { .. } => problem.charged = Some(false),
            Error::InProgress => {
                problem.charged = Some(false);
                problem.retry = Some(true);
                problem.retry_after_seconds = Some(1);
            }
            Error::AfterCharge | Error::Finish { .. } => problem.charged = Some(true),
            Error::Document { findings, .. } | Error::NotPublishable { findings } => problem.findings = findings,
            Error::UploadInterrupted => problem.retry = Some(true),
            Error::Storage | Error::Full | Error::Randomness | Error::Internal => {
                tracing::error!(code, "a use case failed");
            }
            Error::Unauthenticated
            | Error::Forbidden { .. }
            | Error::NotFound { .. }
            | Error::Exists { .. }
            | Error::State { .. }
            | Error::Invalid { .. }
            | Error::IdempotencyMismatch
            | Error::UploadTooLarge { .. }
            | Error::Unreadable { .. }
            | Error::Layout(_) => {}
        }
        Self(Box::new(problem))
    }
}

/// Status and title of each kind of error.
fn describe(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "not signed in"),
        Error::Forbidden { .. } => (StatusCode::FORBIDDEN, "not allowed"),
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "not found"),
        Error::Exists { .. } => (StatusCode::CONFLICT, "exists already"),
        Error::State { .. } => (StatusCode::CONFLICT, "not in this state"),
        Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid value"),
        Error::Document { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "document refused"),
        Error::OverBudget(_) => (StatusCode::CONFLICT, "budget used up"),
        Error::InProgress => (StatusCode::CONFLICT, "being answered"),
        Error::IdempotencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency key reused"),
        Error::NotActive { .. } => (StatusCode::CONFLICT, "release not active"),
        Error::UploadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "upload too large"),
        Error::UploadInterrupted => (StatusCode::BAD_REQUEST, "upload broke off"),
        Error::Unreadable { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "file refused"),
        Error::NotPublishable { .. } => (StatusCode::CONFLICT, "can't be published"),
        Error::Question(_) => (StatusCode::UNPROCESSABLE_ENTITY, "question refused"),
        Error::Finish { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "answer can't be shaped"),
        Error::AfterCharge => (StatusCode::INTERNAL_SERVER_ERROR, "charged without an answer"),
        Error::Full => (StatusCode::INSUFFICIENT_STORAGE, "disk full"),
        Error::Layout(_) | Error::Storage | Error::Randomness | Error::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
    }
}

fn kind(code: &str) -> String {
    format!("urn:lyceum:error:{code}")
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.0.retry_after_seconds;
        let mut response = (status, axum::Json(&*self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A path that nothing serves.
pub(crate) async fn no_such_route(_uri: Uri) -> Refused {
    Refused::request(StatusCode::NOT_FOUND, "E4404", "nothing is served at this path", "see docs/GUIDE.md for the routes")
}

/// A method that the path doesn't have.
pub(crate) async fn wrong_method(method: Method) -> Refused {
    let detail = format!("{method} is not a method of this path");
    Refused::request(StatusCode::METHOD_NOT_ALLOWED, "E4405", &detail, "see docs/GUIDE.md for the routes")
}

/// A handler panicked: the client learns that something failed, and nothing else.
pub(crate) fn panicked() -> Response {
    tracing::error!("a request panicked");
    Refused::from(Error::Internal).into_response()
}

/// Turns bare errors of the HTTP layer (time-outs) into documents, and adds the request's id to every document.
pub(crate) async fn complete(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|v| v == PROBLEM_JSON);
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let parsed = if is_problem { serde_json::from_slice::<Problem>(&bytes).ok() } else { None };
    let mut problem = parsed.unwrap_or_else(|| {
        let detail = "the request was not served in time or is not understood";
        *Refused::request(status, "E4400", detail, "try again, or see docs/GUIDE.md").0
    });
    problem.request = id;
    let Ok(document) = serde_json::to_vec(&problem) else { return Response::from_parts(parts, Body::from(bytes)) };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(document))
}
