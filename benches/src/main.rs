//! Benchmarks of the engine on generated ad events, against DuckDB (exact, and with the bounds written by hand) and
//! public engines with differential privacy. `cargo xtask bench` builds and runs this.
//!
//! [`events`] generates, [`data`] writes for the peers and for us, [`queries`] are the ten, [`ours`] runs one cell,
//! [`peers`] the others in processes of their own, [`score`] compares with the truth, [`report`] prints, [`goals`] says
//! what was to be reached.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod data;
mod events;
mod goals;
mod ours;
mod peers;
mod planning;
mod process;
mod queries;
mod report;
mod score;
mod whale;
mod world;

use clap::{Args, Parser, Subcommand};
use data::DataSet;
use ours::Cell;
use peers::{Effort, FAMILIES, Place};
use report::{Found, Machine, Report, Set};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Benchmarks of the engine against public peers on generated ad events")]
struct Cli {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Every engine on every query; prints tables, writes JSON.
    All(All),
    /// Writes data sets.
    Make {
        /// Sizes: 1m, 10m, 100m, 1m-whale.
        #[arg(value_delimiter = ',')]
        sizes: Vec<String>,
    },
    /// One query of ours, in this process.
    Ours(Ours),
    /// One person with 500,000 extreme rows: answers move by their bound.
    Whale {
        /// Answers with and without.
        #[arg(long, default_value_t = 30)]
        trials: usize,
    },
    /// Preparing a large query against DataFusion's own parsing, planning and optimising.
    Planning,
    /// Copies the findings to docs/benchmarks.json and writes the tables of docs/BENCHMARKS.md from them.
    Record {
        /// The findings.
        #[arg(long, default_value = "target/benches/results.json")]
        from: PathBuf,
    },
}

#[derive(Args)]
struct All {
    #[arg(long, value_delimiter = ',', default_value = "1m")]
    sizes: Vec<String>,
    #[arg(long, value_delimiter = ',', default_value = "q01,q02,q03,q04,q05,q06,q07,q08,q09,q10")]
    queries: Vec<String>,
    /// Families: smartnoise, opendp, qrlew, pipelinedp; DuckDB always runs. `none` for DuckDB alone.
    #[arg(long, value_delimiter = ',', default_value = "smartnoise,opendp,qrlew,pipelinedp")]
    peers: Vec<String>,
    /// Timed runs of each cell.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Answers for the error of each cell.
    #[arg(long, default_value_t = 30)]
    trials: usize,
    /// A peer's run longer than this many seconds is its last one.
    #[arg(long, default_value_t = 5.0)]
    slow: f64,
    /// A cell longer than this many seconds is ended.
    #[arg(long, default_value_t = 300)]
    cap: u64,
    /// Where to write the findings; cells there of other sizes and queries are kept.
    #[arg(long, default_value = "target/benches/results.json")]
    out: PathBuf,
}

#[derive(Args)]
struct Ours {
    #[arg(long)]
    set: String,
    #[arg(long)]
    query: String,
    #[arg(long, default_value_t = 7)]
    runs: usize,
    #[arg(long, default_value_t = 30)]
    trials: usize,
    #[arg(long, default_value_t = 2)]
    partitions: usize,
    /// Where to write the cell; without it, times are printed.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let sources = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let target = sources.join("../target/benches");
    let place = Place { target, sources };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    match cli.command {
        What::All(all) => run_all(&place, &all, &runtime),
        What::Make { sizes } => sizes.iter().try_for_each(|size| runtime.block_on(set(&place, size)?.make())),
        What::Ours(ours) => runtime.block_on(run_ours(&place, &ours)),
        What::Whale { trials } => runtime.block_on(whale::run(&place, trials)),
        What::Planning => {
            println!("{}", runtime.block_on(planning::run(&place))?.sentence());
            Ok(())
        }
        What::Record { from } => record(&place, &from),
    }
}

fn record(place: &Place, from: &Path) -> Result<(), Box<dyn Error>> {
    let report: Report = serde_json::from_str(&std::fs::read_to_string(from)?)?;
    let docs = place.sources.join("../docs");
    std::fs::write(docs.join("benchmarks.json"), serde_json::to_string_pretty(&report)? + "\n")?;
    let page = docs.join("BENCHMARKS.md");
    let written = report::page(&std::fs::read_to_string(&page)?, &report)?;
    Ok(std::fs::write(page, written)?)
}

fn set(place: &Place, size: &str) -> Result<DataSet, Box<dyn Error>> {
    DataSet::named(&place.target.join("data"), size)
}

async fn run_ours(place: &Place, o: &Ours) -> Result<(), Box<dyn Error>> {
    let set = set(place, &o.set)?;
    set.make().await?;
    let cell = ours::run(&set, queries::by_id(&o.query)?, o.partitions, o.runs, o.trials).await?;
    if let Some(out) = &o.out {
        std::fs::write(out, serde_json::to_string(&cell)?)?;
        return Ok(());
    }
    let median = ours::median(cell.walls.clone()).unwrap_or(f64::NAN);
    println!("{} {} {}: {median:.4} s, cpu {:?}, {:?}", o.set, o.query, cell.status, cell.cpu, cell.stages);
    println!("peak {:?} MiB {}", cell.peak_bytes.map(|b| b >> 20), cell.reason);
    Ok(())
}

fn run_all(place: &Place, all: &All, runtime: &tokio::runtime::Runtime) -> Result<(), Box<dyn Error>> {
    let effort = Effort {
        runs: all.runs,
        trials: all.trials,
        slow: Duration::from_secs_f64(all.slow),
        cap: Duration::from_secs(all.cap),
    };
    let before = std::fs::read_to_string(&all.out).ok().and_then(|text| serde_json::from_str::<Report>(&text).ok());
    let (sets, planning) = before.map(|b| (b.sets, b.planning)).unwrap_or_default();
    let mut report = Report { versions: place.versions(), sets, planning };
    for size in &all.sizes {
        let set = set(place, size)?;
        runtime.block_on(set.make())?;
        report.sets.entry(size.clone()).or_insert_with(|| Set { machine: machine(), cells: Vec::new() }).machine =
            machine();
        for query in &all.queries {
            queries::by_id(query)?;
            let mut cells = Vec::new();
            // One after the other, query by query: a busy minute of the machine hits neighbours alike.
            for family in FAMILIES {
                if family.name == "duckdb" {
                    for engine in family.engines {
                        cells.push(shown(size, place.run(family, engine, &set, query, effort)?));
                    }
                    cells.push(shown(size, ours_in_child(place, size, query, effort)?));
                } else if all.peers.iter().any(|p| p == family.name) {
                    for engine in family.engines {
                        cells.push(shown(size, place.run(family, engine, &set, query, effort)?));
                    }
                }
            }
            let exact = cells.iter().find(|c| c.engine == "duckdb-exact").and_then(|c| c.outputs.first().cloned());
            let exact = exact.unwrap_or_default();
            let Some(Set { cells: found, .. }) = report.sets.get_mut(size) else { continue };
            for mut cell in cells {
                let score = score::score(&exact, &cell.outputs);
                cell.outputs.clear();
                found.retain(|f| (&f.cell.engine, &f.cell.query) != (&cell.engine, &cell.query));
                found.push(Found { cell, score });
            }
            std::fs::write(&all.out, serde_json::to_string_pretty(&report)?)?;
        }
    }
    report.planning = Some(runtime.block_on(planning::run(place))?);
    std::fs::write(&all.out, serde_json::to_string_pretty(&report)?)?;
    println!("{}", report::all(&report));
    Ok(())
}

/// Ours in a process of its own, like the peers.
fn ours_in_child(place: &Place, size: &str, query: &str, effort: Effort) -> Result<Cell, Box<dyn Error>> {
    let out = place.target.join("cell.json");
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["ours", "--set", size, "--query", query])
        .args(["--runs", &effort.runs.to_string(), "--trials", &effort.trials.to_string(), "--out"])
        .arg(&out);
    peers::run_cell(&mut command, &out, "lyceum", query, effort.cap)
}

fn shown(size: &str, cell: Cell) -> Cell {
    let wall = ours::median(cell.walls.clone()).map_or_else(|| "-".to_owned(), |w| format!("{w:.4} s"));
    eprintln!("{size} {} {:22} {} {wall} {}", cell.query, cell.engine, cell.status, cell.reason);
    cell
}

fn machine() -> Machine {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let model =
        info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or("").trim_start_matches([' ', '\t', ':']);
    Machine {
        processor: model.to_owned(),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        load: load.split_whitespace().next().unwrap_or("").to_owned(),
    }
}
