//! Serving until told to stop.

use crate::limits::Limits;
use crate::router::router;
use lyceum_sharing::App;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves `app` on `listener` until `shutdown` completes; requests in flight then have
/// [`Limits::shutdown_grace`] to end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stop, mut stopped) = watch::channel(false);
    let grace = limits.shutdown_grace;
    let signal = async move {
        shutdown.await;
        let _ = stop.send(true);
    };
    let server = axum::serve(listener, router(app, &limits)).with_graceful_shutdown(signal);
    let deadline = async move {
        let asked = stopped.wait_for(|stop| *stop).await.is_ok();
        if !asked {
            // The server ended by itself; it decides the outcome.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        outcome = server => outcome,
        () = deadline => Ok(()),
    }
}
