//! Limits of the engine.

use std::path::PathBuf;
use std::time::Duration;

/// Limits of the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    /// Memory of one query, in bytes.
    pub memory_bytes: usize,
    /// Partitions of one query that run at the same time.
    pub target_partitions: usize,
    /// Where sorts spill to; rows rest there while a query runs, so it must be encrypted or in memory.
    /// `None`: never, a query that needs it fails.
    pub spill_dir: Option<PathBuf>,
    /// Queries that run at the same time; others wait.
    pub max_concurrent_queries: usize,
    /// Answers leave at multiples of this after their charge.
    pub time_grid: Duration,
    /// Priced time of a query over no rows.
    pub time_base: Duration,
    /// Priced time of one declared row.
    pub time_per_row: Duration,
    /// Least time after which a query is given up; ten times the priced time if that is longer.
    pub timeout: Duration,
    /// Least time for which rows of a public query wait to be taken; then the query is given up.
    pub patience: Duration,
    /// Most rows of an answer from public tables.
    pub max_public_rows: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory_bytes: 512 << 20,
            target_partitions: cores,
            spill_dir: None,
            max_concurrent_queries: 2,
            time_grid: Duration::from_millis(250),
            time_base: Duration::from_millis(50),
            time_per_row: Duration::from_nanos(100),
            timeout: Duration::from_secs(60),
            patience: Duration::from_secs(60),
            max_public_rows: 1_000_000,
        }
    }
}
