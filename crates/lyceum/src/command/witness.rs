//! `lyceum audit witness`: a small server that cosigns the checkpoints of logs it knows (C2SP tlog-witness). One key,
//! one row per log: what it cosigned last. A log that was rolled back or forked is refused, for ever.
//!
//! `POST /add-checkpoint` is the protocol; `GET /<hex SHA-256 of an origin>/checkpoint` shows the row, `GET /` the key.

use crate::cli;
use crate::compose::interrupted;
use crate::failure::{Failure, Outcome};
use crate::output::{line, remark};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use lyceum_audit::note::VerifierKey;
use lyceum_audit::witness::{AddCheckpoint, Refusal, SIZE_TYPE, Witness, row_name};
use lyceum_sharing::port::Clock;
use lyceum_store::StoreError;
use lyceum_store::clock::SystemClock;
use lyceum_store::home::WitnessHome;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// A note with 64 signatures and a proof of 63 hashes is a fifth of this.
const MAX_BODY_BYTES: usize = 64 << 10;

/// What the handlers share. The lock makes reading a row, judging, writing it and cosigning one step.
struct Desk {
    witness: Witness,
    home: Mutex<WitnessHome>,
}

/// Runs the witness until it is interrupted.
pub(super) async fn run(args: cli::AuditWitness) -> Outcome {
    crate::telemetry::start();
    let home = WitnessHome::open(&args.home, args.name.as_deref()).map_err(unusable)?;
    for log in &args.log {
        home.add_log(&read_key(log)?).map_err(unusable)?;
    }
    let witness = home.witness().map_err(unusable)?;
    line(&witness.verifier_key().to_string());
    let listener = TcpListener::bind(args.listen).await.and_then(|l| l.local_addr().map(|address| (l, address)));
    let (listener, address) = listener.map_err(|e| {
        Failure::local("E9021", format!("{} can't be listened on: {e}", args.listen), "choose another with --listen")
    })?;
    remark(&format!("the witness listens on http://{address}"));
    match witness.logs() {
        [] => remark("it knows no log yet: add one with --log FILE (the operator's log.vkey) and start it again"),
        logs => logs.iter().for_each(|log| remark(&format!("it cosigns {}", log.name()))),
    }
    remark("the line above is its verifier key, for the policies of those who rely on it");
    let desk = Arc::new(Desk { witness, home: Mutex::new(home) });
    let served = axum::serve(listener, router(desk)).with_graceful_shutdown(interrupted()).await;
    served.map_err(|e| Failure::local("E9022", format!("the witness can't go on: {e}"), "start it again"))
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(key))
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{row}/checkpoint", get(row))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(desk)
}

const TEXT: (header::HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; charset=utf-8");

async fn key(State(desk): State<Arc<Desk>>) -> impl IntoResponse {
    ([TEXT], format!("{}\n", desk.witness.verifier_key()))
}

async fn row(State(desk): State<Arc<Desk>>, Path(name): Path<String>) -> Response {
    let known = desk.witness.logs().iter().find(|log| row_name(log.name()) == name).map(|log| log.name().to_owned());
    let Some(origin) = known else { return StatusCode::NOT_FOUND.into_response() };
    let read =
        tokio::task::spawn_blocking(move || desk.home.lock().unwrap_or_else(PoisonError::into_inner).row(&origin));
    match read.await {
        Ok(Ok(Some(row))) => ([TEXT], row).into_response(),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn add_checkpoint(State(desk): State<Arc<Desk>>, body: String) -> Response {
    let decided = tokio::task::spawn_blocking(move || decide(&desk, &body)).await;
    match decided {
        Ok(Ok(cosignature)) => ([TEXT], cosignature).into_response(),
        Ok(Err(Undecided::Refused(refusal))) => refuse(&refusal),
        Ok(Err(Undecided::Storage)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

enum Undecided {
    Refused(Refusal),
    Storage,
}

/// Judge, make the row durable, then sign: in this order, and one request at a time.
fn decide(desk: &Desk, body: &str) -> Result<String, Undecided> {
    let storage = |error: StoreError| {
        tracing::error!(code = error.code(), %error, "nothing is cosigned");
        Undecided::Storage
    };
    let request: AddCheckpoint = body.parse().map_err(|e| Undecided::Refused(Refusal::Malformed(e)))?;
    let origin = desk.witness.origin_of(&request).map_err(Undecided::Refused)?;
    let home = desk.home.lock().unwrap_or_else(PoisonError::into_inner);
    let last = home.row(&origin).map_err(storage)?.map(|row| desk.witness.read_row(&row)).transpose();
    let last = last.map_err(|error| {
        tracing::error!(code = error.code(), %error, origin, "the row of this log was changed: nothing is cosigned");
        Undecided::Storage
    })?;
    let accepted = desk.witness.judge(&request, last.as_ref()).map_err(|refusal| {
        tracing::warn!(status = refusal.status(), %refusal, origin, "refused");
        Undecided::Refused(refusal)
    })?;
    if accepted.grown() {
        home.write_row(&origin, &accepted.row()).map_err(storage)?;
    }
    lyceum_schema::failpoint::hit("witness.after_row");
    Ok(accepted.cosign(u64::try_from(SystemClock.now().0 / 1_000_000).unwrap_or(0)))
}

fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match refusal {
        Refusal::Conflict { size } | Refusal::Forked { size } => {
            (status, [(header::CONTENT_TYPE, SIZE_TYPE)], format!("{size}\n")).into_response()
        }
        other => (status, [TEXT], format!("{other}\n")).into_response(),
    }
}

/// A verifier key, or a file that holds one.
fn read_key(text: &str) -> Outcome<VerifierKey> {
    text.parse::<VerifierKey>().or_else(|_| {
        super::read_text(std::path::Path::new(text))?.parse::<VerifierKey>().map_err(|e| {
            Failure::local(e.code(), format!("{text}: {e}"), "give the operator's log.vkey, or the key itself")
        })
    })
}

fn unusable(error: StoreError) -> Failure {
    Failure::local(error.code(), error.to_string(), "see the witness's page in docs/GUIDE.md")
}
