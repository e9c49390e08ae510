//! The operating system's clock as the [`Clock`] port.

use lyceum_schema::time::Micros;
use lyceum_sharing::port::Clock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, by the operating system's real-time clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that reads the clock
    fn now(&self) -> Micros {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |m| -m),
        };
        Micros(micros)
    }
}
