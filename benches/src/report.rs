//! What a benchmark run found: as JSON for machines, as Markdown tables for people.

use crate::ours::{Cell, median};
use crate::queries::QUERIES;
use crate::score::Score;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything a run found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The machine it ran on.
    pub(crate) machine: Machine,
    /// Family → package → version.
    pub(crate) versions: BTreeMap<String, BTreeMap<String, String>>,
    /// By size.
    pub(crate) sets: BTreeMap<String, Vec<Found>>,
}

/// A machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Its processor.
    pub(crate) processor: String,
    /// Cores that can be used.
    pub(crate) cores: usize,
    /// The load average while the run began: above 0, absolute times mean little.
    pub(crate) load: String,
}

/// One cell, scored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The cell, without its answers.
    pub(crate) cell: Cell,
    /// Its error.
    pub(crate) score: Option<Score>,
}

impl Found {
    fn wall(&self) -> Option<f64> {
        median(self.cell.walls.clone())
    }
}

/// One size's cells of one query.
struct Of<'a>(Vec<&'a Found>);

impl<'a> Of<'a> {
    fn new(found: &'a [Found], query: &str) -> Self {
        Self(found.iter().filter(|f| f.cell.query == query).collect())
    }

    fn get(&self, engine: &str) -> Option<&'a Found> {
        self.0.iter().find(|f| f.cell.engine == engine).copied()
    }

    /// The median time of the faster of two engines.
    fn fastest(&self, engines: &[&str]) -> Option<f64> {
        let walls = engines.iter().filter_map(|e| self.get(e)?.wall());
        walls.min_by(f64::total_cmp)
    }
}

/// Engines that keep their promise per user.
const ENFORCING: [&str; 4] = ["smartnoise-duckdb", "opendp-polars", "qrlew-duckdb", "pipelinedp-local"];
const EXACT: [&str; 2] = ["duckdb-exact", "duckdb-exact-sorted"];
const BOUNDED: [&str; 2] = ["duckdb-bounded", "duckdb-bounded-sorted"];

/// The tables of one size.
pub(crate) fn tables(size: &str, found: &[Found]) -> String {
    [times(size, found), stages(size, found), errors(size, found)].join("\n")
}

fn times(size: &str, found: &[Found]) -> String {
    let mut text = format!(
        "**{size} rows: time.** Seconds, medians of one run. Exact and bounded: DuckDB, the faster of the two files.\n\n\
        | | query | lyceum | cpu | peak MiB | exact | ours / exact | bounded | bounded / ours | fastest peer | peer / ours |\n\
        |---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for query in &QUERIES {
        let of = Of::new(found, query.id);
        let Some(ours) = of.get("lyceum") else { continue };
        let (wall, exact, bounded) = (ours.wall(), of.fastest(&EXACT), of.fastest(&BOUNDED));
        let peer = ENFORCING.iter().filter_map(|e| Some((of.get(e)?.wall()?, *e))).min_by(|a, b| a.0.total_cmp(&b.0));
        let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or_else(dash, |(a, b)| format!("{:.2}", a / b));
        let ours_text = match wall {
            Some(wall) => format!("{wall:.4}"),
            None => format!("{} {}", ours.cell.status, code(&ours.cell.reason)),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {ours_text} | {} | {} | {} | {} | {} | {} | {} | {} |",
            query.id,
            query.title,
            ours.cell.cpu.map_or_else(dash, |c| format!("{c:.3}")),
            ours.cell.peak_bytes.map_or_else(dash, |b| (b >> 20).to_string()),
            exact.map_or_else(dash, |s| format!("{s:.4}")),
            ratio(wall, exact),
            bounded.map_or_else(dash, |s| format!("{s:.4}")),
            ratio(bounded, wall),
            peer.map_or_else(dash, |(s, name)| format!("{s:.3} {name}")),
            ratio(peer.map(|p| p.0), wall),
        );
    }
    text
}

fn stages(size: &str, found: &[Found]) -> String {
    let mut text = format!(
        "**{size} rows: where our time goes.** Milliseconds, medians.\n\n\
        | | prepare | charge | execute | release | finish |\n|---|---|---|---|---|---|\n"
    );
    for query in &QUERIES {
        let Some(ours) = Of::new(found, query.id).get("lyceum").filter(|f| !f.cell.stages.is_empty()) else { continue };
        let stages: Vec<String> = ours.cell.stages.iter().map(|(_, s)| format!("{:.1}", s * 1e3)).collect();
        let _ = writeln!(text, "| {} | {} |", query.id, stages.join(" | "));
    }
    text
}

fn errors(size: &str, found: &[Found]) -> String {
    let engines: Vec<&str> = ["lyceum"].into_iter().chain(ENFORCING).chain(["duckdb-bounded"]).collect();
    let mut text = format!(
        "**{size} rows: error.** Σ|error| / Σ exact against the exact answer without bounds, in %, ± its standard error \
        (bias in %); groups released; trials. For ours also σ over the trials / σ of the mechanism.\n\n| | {} |\n|---|{}\n",
        engines.join(" | "),
        "---|".repeat(engines.len())
    );
    for query in &QUERIES {
        let of = Of::new(found, query.id);
        let cells = engines.iter().map(|e| of.get(e).map_or_else(dash, error));
        let _ = writeln!(text, "| {} | {} |", query.id, cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

fn error(found: &Found) -> String {
    let Some(s) = &found.score else { return format!("{} {}", found.cell.status, code(&found.cell.reason)) };
    let mut text = format!(
        "{:.2} ± {:.2} ({:+.1}); {:.0}; {}",
        100.0 * s.error,
        100.0 * s.error_se,
        100.0 * s.bias,
        s.released,
        s.trials
    );
    if let Some((measured, theory)) = s.sigma.zip(found.cell.sigma) {
        let _ = write!(text, "; σ {:.3}", measured / theory);
    }
    text
}

/// The code at the beginning of a refusal, or a few words.
fn code(reason: &str) -> String {
    let words = reason.trim_start_matches("refused: ");
    words.split_whitespace().take(if words.starts_with('E') { 1 } else { 6 }).collect::<Vec<_>>().join(" ")
}

fn dash() -> String {
    "–".to_owned()
}
