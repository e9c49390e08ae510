//! Settings of the server: built-in defaults, then a TOML file, then `LYCEUM_…` variables, then flags.
//! Units stand in the names; unknown keys are refused.

use crate::failure::{Failure, Outcome};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::Path;

/// The settings file, `HOME/lyceum.toml` unless named otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Origin of the transparency log: a name without scheme, such as `lyceum.example/audit`. Fixed at first start.
    pub(crate) log_origin: String,
    /// Memory that one query may use before it spills, in bytes.
    pub(crate) query_memory_bytes: usize,
    /// Queries that run at the same time.
    pub(crate) query_concurrency: usize,
    /// Grid on which private answers leave, in milliseconds.
    pub(crate) query_grid_millis: u64,
    /// Least time of a private answer, in milliseconds.
    pub(crate) query_base_millis: u64,
    /// Time of a private answer per declared row, in nanoseconds.
    pub(crate) query_row_nanos: u64,
    /// Longest time of a query, in seconds.
    pub(crate) query_timeout_seconds: u64,
    /// Largest file that is accepted, in bytes.
    pub(crate) upload_max_bytes: u64,
    /// How long a resumable upload is kept after its last bytes, and a draft after it was begun, in seconds.
    pub(crate) upload_lifetime_seconds: u64,
    /// Share of rows that may be refused before a version can't be published, in [0, 1].
    pub(crate) upload_max_rejected_share: f64,
    /// Failures after a charge that pause a release.
    pub(crate) failures_before_pause: u32,
    /// Longest time that a witness of the log may take to answer, in milliseconds.
    pub(crate) witness_timeout_millis: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7171)),
            log_origin: "localhost/lyceum".to_owned(),
            query_memory_bytes: 512 << 20,
            query_concurrency: 2,
            query_grid_millis: 100,
            query_base_millis: 200,
            query_row_nanos: if cfg!(debug_assertions) { 10_000 } else { 250 },
            query_timeout_seconds: 600,
            upload_max_bytes: 64 << 30,
            upload_lifetime_seconds: 24 * 60 * 60,
            upload_max_rejected_share: 0.5,
            failures_before_pause: 3,
            witness_timeout_millis: 5_000,
        }
    }
}

impl Settings {
    /// Reads settings: a named file must exist, the home's own may be absent; variables override the file.
    pub(crate) fn read(named: Option<&Path>, home: &Path) -> Outcome<Self> {
        let default = home.join("lyceum.toml");
        let path = named.unwrap_or(&default);
        let mut table: toml::Table = match std::fs::read_to_string(path) {
            Ok(text) => text.parse().map_err(|e: toml::de::Error| wrong(path, e.message()))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => toml::Table::new(),
            Err(e) => return Err(Failure::file(path, &e)),
        };
        for (key, value) in std::env::vars() {
            let Some(name) = key.strip_prefix("LYCEUM_").map(str::to_lowercase) else { continue };
            if KEYS.contains(&name.as_str()) {
                let parsed = format!("x = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("x"));
                table.insert(name, parsed.unwrap_or(toml::Value::String(value)));
            }
        }
        let settings: Self = table.try_into().map_err(|e: toml::de::Error| wrong(path, e.message()))?;
        if !(0.0..=1.0).contains(&settings.upload_max_rejected_share) {
            return Err(wrong(path, "upload_max_rejected_share is a share between 0 and 1"));
        }
        if settings.query_concurrency == 0 || settings.query_grid_millis == 0 {
            return Err(wrong(path, "query_concurrency and query_grid_millis are at least 1"));
        }
        Ok(settings)
    }
}

/// Settings that variables may override, as `LYCEUM_` and the name in capitals.
const KEYS: [&str; 13] = [
    "listen",
    "log_origin",
    "query_memory_bytes",
    "query_concurrency",
    "query_grid_millis",
    "query_base_millis",
    "query_row_nanos",
    "query_timeout_seconds",
    "upload_max_bytes",
    "upload_lifetime_seconds",
    "upload_max_rejected_share",
    "failures_before_pause",
    "witness_timeout_millis",
];

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::local("E9020", format!("{}: {why}", path.display()), "correct the settings file or the LYCEUM_… variable")
}
