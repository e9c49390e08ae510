//! When an answer leaves: at a statically priced time on a coarse grid, so that how long the rows took says nothing.

use std::time::Duration;
use tokio::time::Instant;

/// The first moments at which an answer or a failure may leave: charge time + n × priced time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    since: Instant,
    every: Duration,
}

impl Departure {
    /// Departures every `every` after `since`.
    pub(crate) const fn new(since: Instant, every: Duration) -> Self {
        Self { since, every }
    }

    /// Sleeps until the next departure. Caps make the first one the rule; a late query waits for the next multiple.
    pub(crate) async fn wait(self) {
        tokio::time::sleep_until(self.next(Instant::now())).await;
    }

    fn next(self, now: Instant) -> Instant {
        let every = self.every.max(Duration::from_millis(1));
        let passed = now.saturating_duration_since(self.since).as_nanos();
        let turns = passed.div_ceil(every.as_nanos()).max(1);
        self.since + every.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX))
    }
}

/// `base + rows × per_row`, rounded up to `grid`.
pub(crate) fn priced_time(base: Duration, rows: u64, per_row: Duration, grid: Duration) -> Duration {
    let grid = grid.max(Duration::from_nanos(1));
    let work = base.as_nanos() + u128::from(rows) * per_row.as_nanos();
    let turns = work.div_ceil(grid.as_nanos()).max(1);
    grid.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_leave_on_multiples_of_the_priced_time() {
        let t0 = Instant::now();
        let d = Departure::new(t0, Duration::from_millis(100));
        assert_eq!(d.next(t0), t0 + Duration::from_millis(100));
        assert_eq!(d.next(t0 + Duration::from_millis(100)), t0 + Duration::from_millis(100));
        assert_eq!(d.next(t0 + Duration::from_millis(101)), t0 + Duration::from_millis(200));
    }

    #[test]
    fn priced_time_is_on_the_grid() {
        let (base, per_row, grid) = (Duration::from_millis(30), Duration::from_nanos(500), Duration::from_millis(50));
        assert_eq!(priced_time(base, 0, per_row, grid), Duration::from_millis(50));
        assert_eq!(priced_time(base, 64_000, per_row, grid), Duration::from_millis(100));
        assert_eq!(priced_time(base, u64::MAX, per_row, grid).as_nanos() % grid.as_nanos(), 0);
    }
}
