//! Errors at the edge: one match from what went wrong to an HTTP status, one shape (RFC 9457) for all.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lyceum_schema::wire::{PROBLEM_JSON, Problem};
use lyceum_sharing::Error;

/// Larger than any problem document: a manifest's findings are limited in number and length.
const MAX_PROBLEM_BYTES: usize = 4 << 20;

/// Anything that a handler may fail with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A use case said no.
    Service(Error),
    /// There is no such route.
    NoRoute,
    /// The route exists, the method doesn't.
    NoMethod,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body broke off.
    BodyBroken,
    /// The body is not the JSON that the route wants.
    Json(String),
    /// The content type is not one that the route reads.
    MediaType(&'static str),
    /// A part of the path is not what it has to be.
    Path(String),
    /// A header is not what it has to be.
    Header(&'static str),
    /// Another version of the tus protocol, or none.
    TusVersion,
    /// None of the formats that the client accepts can be made.
    NotAcceptable,
    /// It took too long.
    Timeout,
    /// A handler panicked, or something else that can't happen did.
    Internal,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl Failure {
    /// Status, stable code and title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Service(error) => {
                let (status, title) = service(error);
                (status, error.code(), title)
            }
            Self::NoRoute => (StatusCode::NOT_FOUND, "E4600", "no such route"),
            Self::NoMethod => (StatusCode::METHOD_NOT_ALLOWED, "E4601", "method not allowed"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "E4602", "body too large"),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "E4603", "body broke off"),
            Self::Json(_) => (StatusCode::BAD_REQUEST, "E4604", "body not understood"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "E4605", "content type not read here"),
            Self::Path(_) => (StatusCode::BAD_REQUEST, "E4606", "path not understood"),
            Self::Header(_) => (StatusCode::BAD_REQUEST, "E4607", "header not understood"),
            Self::TusVersion => (StatusCode::PRECONDITION_FAILED, "E4610", "another protocol version"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "E4608", "no acceptable format"),
            Self::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "E4609", "took too long"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "E5000", "internal error"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Service(error) => error.to_string(),
            Self::NoRoute => "there is no such route".to_owned(),
            Self::NoMethod => "the route exists, but not with this method".to_owned(),
            Self::BodyTooLarge => "the body is larger than this route takes".to_owned(),
            Self::BodyBroken => "the body broke off".to_owned(),
            Self::Json(why) | Self::Path(why) => why.clone(),
            Self::MediaType(wanted) => format!("this route reads {wanted}"),
            Self::Header(which) => format!("the header {which} is not understood"),
            Self::TusVersion => "this route speaks version 1.0.0 of the tus protocol".to_owned(),
            Self::NotAcceptable => "none of the accepted formats can be made".to_owned(),
            Self::Timeout => "the request took longer than the server allows".to_owned(),
            Self::Internal => "an internal error occurred".to_owned(),
        }
    }

    fn fix(&self) -> Option<String> {
        let fix = match self {
            Self::Service(error) => return error.fix(),
            Self::NoRoute => "see the list of routes in the documentation",
            Self::NoMethod => "see the header Allow",
            Self::BodyTooLarge => "send a smaller body",
            Self::BodyBroken => "send it again",
            Self::Json(_) => "correct the body; names are those of the documentation, unknown ones are refused",
            Self::MediaType(_) => "set Content-Type accordingly",
            Self::Path(_) => "correct the path",
            Self::Header(_) => "correct the header",
            Self::TusVersion => "send the header Tus-Resumable: 1.0.0",
            Self::NotAcceptable => {
                "accept application/json, application/x-ndjson, application/vnd.apache.arrow.stream or text/csv"
            }
            Self::Timeout => "send it again; what was charged meanwhile is answered for free",
            Self::Internal => "tell the operator the request's id",
        };
        Some(fix.to_owned())
    }
}

/// The status and title of what a use case says.
fn service(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "not signed in"),
        Error::Forbidden { .. } => (StatusCode::FORBIDDEN, "not allowed"),
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "not found"),
        Error::Exists { .. } => (StatusCode::CONFLICT, "exists already"),
        Error::State { .. } => (StatusCode::CONFLICT, "not in this state"),
        Error::NotActive { .. } => (StatusCode::CONFLICT, "release not active"),
        Error::InProgress => (StatusCode::CONFLICT, "being answered"),
        Error::IdempotencyMismatch => (StatusCode::CONFLICT, "idempotency key used before"),
        Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid value"),
        Error::Document { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid document"),
        Error::Question(_) => (StatusCode::UNPROCESSABLE_ENTITY, "question refused"),
        Error::Finish { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "post-processing failed"),
        Error::OverBudget(_) => (StatusCode::FORBIDDEN, "over budget"),
        Error::UploadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "upload too large"),
        Error::UploadInterrupted => (StatusCode::BAD_REQUEST, "upload broke off"),
        Error::UploadOffset { .. } => (StatusCode::CONFLICT, "another offset"),
        Error::UploadBusy => (StatusCode::LOCKED, "upload busy"),
        Error::UploadOverrun { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "more than declared"),
        Error::UploadClash { .. } => (StatusCode::CONFLICT, "being uploaded"),
        Error::TableBusy { .. } => (StatusCode::CONFLICT, "table busy"),
        Error::TooManyUploads { .. } => (StatusCode::TOO_MANY_REQUESTS, "too many uploads"),
        // 460 is the tus protocol's own; the type has no name for it.
        Error::Checksum | Error::FileHash => (checksum_mismatch(), "checksum mismatch"),
        Error::UploadDamaged => (StatusCode::UNPROCESSABLE_ENTITY, "upload damaged"),
        Error::DirectIdentifiers { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "direct identifiers"),
        Error::Unreadable { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "file not readable"),
        Error::NotPublishable { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "not publishable"),
        Error::AfterCharge => (StatusCode::INTERNAL_SERVER_ERROR, "charged, not answered"),
        Error::Unwitnessed { .. } => (StatusCode::SERVICE_UNAVAILABLE, "audit log not witnessed"),
        Error::Contradicted { .. } => (StatusCode::SERVICE_UNAVAILABLE, "audit log contradicted"),
        Error::AnswerWaits { .. } => (StatusCode::SERVICE_UNAVAILABLE, "answer waits for witnesses"),
        Error::Full => (StatusCode::INSUFFICIENT_STORAGE, "no space left"),
        Error::Storage => (StatusCode::SERVICE_UNAVAILABLE, "storage failed"),
        Error::Layout(_) | Error::Randomness | Error::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

/// What the tus protocol answers to bytes that don't have their checksum.
fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The members that only some problems have.
fn extend(problem: &mut Problem, error: &Error) {
    match error {
        Error::Question(refusal) => {
            problem.line = refusal.line;
            problem.column = refusal.column;
            problem.snippet.clone_from(&refusal.snippet);
            problem.reason.clone_from(&refusal.reason);
            problem.charged = Some(false);
        }
        Error::OverBudget(_) | Error::NotActive { .. } => problem.charged = Some(false),
        Error::InProgress => {
            problem.charged = Some(false);
            problem.retry = Some(true);
            problem.retry_after_seconds = Some(1);
        }
        Error::Finish { .. } | Error::AfterCharge => problem.charged = Some(true),
        Error::Contradicted { .. } => problem.charged = Some(false),
        Error::Unwitnessed { .. } | Error::AnswerWaits { .. } => {
            problem.charged = Some(matches!(error, Error::AnswerWaits { .. }));
            problem.retry = Some(true);
            problem.retry_after_seconds = Some(5);
        }
        Error::Document { findings, .. }
        | Error::NotPublishable { findings }
        | Error::DirectIdentifiers { findings } => {
            problem.findings.clone_from(findings);
        }
        Error::UploadInterrupted | Error::Storage | Error::UploadBusy | Error::TableBusy { .. } => {
            problem.retry = Some(true);
        }
        _ => {}
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code, title) = self.kind();
        let mut problem = Problem {
            kind: format!("urn:lyceum:error:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail(),
            code: code.to_owned(),
            fix: self.fix(),
            ..Problem::default()
        };
        if let Self::Service(error) = &self {
            extend(&mut problem, error);
        }
        if status.is_server_error() {
            tracing::error!(code, "request failed");
        }
        respond(status, &problem)
    }
}

fn respond(status: StatusCode, problem: &Problem) -> Response {
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Writes the request's id into every problem document, so that people can quote it to the operator.
pub(crate) async fn identified(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let response = next.run(request).await;
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != PROBLEM_JSON) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_PROBLEM_BYTES).await else {
        return Failure::Internal.into_response();
    };
    let document = serde_json::from_slice(&bytes).ok().map(|problem| Problem { request: id, ..problem });
    let Some(document) = document.and_then(|problem| serde_json::to_vec(&problem).ok()) else {
        return Response::from_parts(parts, bytes.into());
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, document.into())
}
