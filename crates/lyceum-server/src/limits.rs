//! What one client may ask of the server. Uploads have the service's own limit in bytes and no deadline.

use std::time::Duration;

/// Limits of the HTTP edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of anything but an upload, in bytes.
    pub max_body_bytes: usize,
    /// Longest time for anything but an upload. A question that was paid for goes on without its client.
    pub request_timeout: Duration,
    /// Requests served at the same time; others wait.
    pub max_concurrent_requests: usize,
    /// How long requests in flight may go on after shutdown was asked for.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 1 << 20,
            request_timeout: Duration::from_secs(120),
            max_concurrent_requests: 256,
            shutdown_grace: Duration::from_secs(30),
        }
    }
}
