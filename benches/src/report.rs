//! What a benchmark run found: as JSON for machines, as Markdown tables for people. The tables of `docs/BENCHMARKS.md`
//! are written from the JSON beside it, between two marks; a test compares them.

use crate::goals;
use crate::ours::{Cell, median};
use crate::planning::Planning;
use crate::queries::QUERIES;
use crate::score::Score;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything a run found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Family → package → version.
    pub(crate) versions: BTreeMap<String, BTreeMap<String, String>>,
    /// By size.
    #[serde(default)]
    pub(crate) sets: BTreeMap<String, Set>,
    /// The large query, if it was prepared.
    #[serde(default)]
    pub(crate) planning: Option<Planning>,
}

/// What was found on one size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Set {
    /// The machine, as the last run on this size found it.
    pub(crate) machine: Machine,
    /// By query and engine.
    pub(crate) cells: Vec<Found>,
}

/// A machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Its processor.
    pub(crate) processor: String,
    /// Cores that can be used.
    pub(crate) cores: usize,
    /// The load average of one minute when the run began: above 0, absolute times mean little.
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
pub(crate) struct Of<'a>(Vec<&'a Found>);

impl<'a> Of<'a> {
    pub(crate) fn new(found: &'a [Found], query: &str) -> Self {
        Self(found.iter().filter(|f| f.cell.query == query).collect())
    }

    fn get(&self, engine: &str) -> Option<&'a Found> {
        self.0.iter().find(|f| f.cell.engine == engine).copied()
    }

    /// The median time of an engine.
    pub(crate) fn wall(&self, engine: &str) -> Option<f64> {
        self.get(engine)?.wall()
    }

    /// The median time of the faster of two engines.
    fn fastest(&self, engines: &[&str]) -> Option<f64> {
        let walls = engines.iter().filter_map(|e| self.wall(e));
        walls.min_by(f64::total_cmp)
    }

    /// DuckDB without protection.
    pub(crate) fn exact(&self) -> Option<f64> {
        self.fastest(&EXACT)
    }

    /// DuckDB with the bounds written by hand.
    pub(crate) fn bounded(&self) -> Option<f64> {
        self.fastest(&BOUNDED)
    }

    /// The fastest peer that keeps its promise per user.
    pub(crate) fn fastest_peer(&self) -> Option<(f64, &'static str)> {
        ENFORCING.iter().filter_map(|e| Some((self.wall(e)?, *e))).min_by(|a, b| a.0.total_cmp(&b.0))
    }
}

/// Engines that keep their promise per user.
const ENFORCING: [&str; 4] = ["smartnoise-duckdb", "opendp-polars", "qrlew-duckdb", "pipelinedp-local"];
const EXACT: [&str; 2] = ["duckdb-exact", "duckdb-exact-sorted"];
const BOUNDED: [&str; 2] = ["duckdb-bounded", "duckdb-bounded-sorted"];

/// Between them are the tables of `docs/BENCHMARKS.md`.
const MARKS: (&str, &str) = ("<!-- written by cargo xtask bench record -->\n", "<!-- end of what is written -->\n");

/// A page with the tables of a report in place of those that it has.
pub(crate) fn page(page: &str, report: &Report) -> Result<String, &'static str> {
    let (before, rest) = page.split_once(MARKS.0).ok_or("the page has no place for tables")?;
    let (_, after) = rest.split_once(MARKS.1).ok_or("the page's place for tables has no end")?;
    Ok([before, MARKS.0, "\n", &all(report), "\n", MARKS.1, after].concat())
}

/// All tables of a report.
pub(crate) fn all(report: &Report) -> String {
    let planning = report.planning.as_ref().map(|p| format!("**Planning.** {}\n", p.sentence()));
    let sets = report.sets.iter().map(|(size, set)| tables(size, set));
    let goals = format!("**Goals.**\n\n{}", goals::table(report));
    [goals].into_iter().chain(planning).chain(sets).collect::<Vec<_>>().join("\n")
}

/// The tables of one size.
pub(crate) fn tables(size: &str, set: &Set) -> String {
    [times(size, set), stages(size, &set.cells), errors(size, &set.cells)].join("\n")
}

fn times(size: &str, set: &Set) -> String {
    let Machine { processor, cores, load } = &set.machine;
    let mut text = format!(
        "**{size} rows: time.** Seconds, medians of one run. Exact and bounded: DuckDB, the faster of the two files. \
        {processor}, {cores} cores, load average {load} when the run began.\n\n\
        | | query | lyceum | cpu | peak MiB | exact | ours / exact | bounded | bounded / ours | fastest peer | peer / ours |\n\
        |---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for query in &QUERIES {
        let of = Of::new(&set.cells, query.id);
        let Some(ours) = of.get("lyceum") else { continue };
        let (wall, exact, bounded, peer) = (ours.wall(), of.exact(), of.bounded(), of.fastest_peer());
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

pub(crate) fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_the_report_says() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let report = std::fs::read_to_string(docs.join("benchmarks.json")).unwrap();
        let written = std::fs::read_to_string(docs.join("BENCHMARKS.md")).unwrap();
        let page = page(&written, &serde_json::from_str(&report).unwrap()).unwrap();
        assert!(page == written, "run `cargo xtask bench record`: the tables are not those of docs/benchmarks.json");
    }
}
