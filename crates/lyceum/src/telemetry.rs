//! Logs: structured, to standard error, by level. Private values can't get here: their types can't be printed.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

/// Makes panics say where they happened and nothing else: their messages may quote values of rows.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        crate::output::error(&format!("error[E9000]: an internal step failed{place}; please report this"));
    }));
}

/// Starts logging; `LYCEUM_LOG` sets levels (default `info`), `LYCEUM_LOG_FORMAT=json` the form.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("LYCEUM_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let json = std::env::var("LYCEUM_LOG_FORMAT").is_ok_and(|f| f == "json");
    // A second start (the demo inside a test, say) keeps the first subscriber.
    let _ = if json {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().with_target(false).with_writer(std::io::stderr)).try_init()
    };
}
