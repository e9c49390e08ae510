//! Edges: HTTP (axum). Extract, call one use case, shape the reply; no logic, no database, no engine.
//!
//! [`router`] is the table of contents. `routes/<noun>.rs` has the handlers, `extract` who calls and with what,
//! `problem` the one mapping of errors to RFC 9457 documents, `answer` the forms in which answers leave.

mod answer;
mod extract;
mod problem;
pub mod router;
mod routes;

use lyceum_sharing::app::App;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves the application until `shutdown` completes, then lets running requests end.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router::router(app)).with_graceful_shutdown(shutdown).await
}
