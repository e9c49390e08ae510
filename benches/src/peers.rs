//! The peers: one locked Python environment per family of dependencies, one process per cell.

use crate::data::DataSet;
use crate::ours::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A family of peers that share an environment.
pub(crate) struct Family {
    /// Its name on the command line and of its lock file.
    pub(crate) name: &'static str,
    module: &'static str,
    /// Its engines.
    pub(crate) engines: &'static [&'static str],
}

/// All families. DuckDB is the yardstick and always runs. Tumult needs Java and is left out.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "duckdb",
        module: "duckdb_engines",
        engines: &["duckdb-exact", "duckdb-exact-sorted", "duckdb-bounded", "duckdb-bounded-sorted"],
    },
    Family { name: "smartnoise", module: "smartnoise_engine", engines: &["smartnoise-duckdb"] },
    Family { name: "opendp", module: "opendp_engine", engines: &["opendp-polars"] },
    Family { name: "qrlew", module: "qrlew_engine", engines: &["qrlew-duckdb"] },
    Family { name: "pipelinedp", module: "pipelinedp_engine", engines: &["pipelinedp-local"] },
];

/// How long and how often a cell runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Timed runs after one to warm up.
    pub(crate) runs: usize,
    /// Answers collected for the error.
    pub(crate) trials: usize,
    /// A run longer than this is the last one.
    pub(crate) slow: Duration,
    /// A cell longer than this is ended.
    pub(crate) cap: Duration,
}

/// Where everything of the benchmark is kept: `target/benches`.
pub(crate) struct Place {
    pub(crate) sources: PathBuf,
    pub(crate) target: PathBuf,
}

impl Place {
    /// The interpreter of a family's environment, made or renewed when the lock file differs.
    fn python(&self, family: &Family) -> Result<PathBuf, Box<dyn Error>> {
        let lock = self.sources.join(format!("peers/requirements-{}.lock", family.name));
        let wanted = std::fs::read_to_string(&lock)?;
        let venv = self.target.join("venv").join(family.name);
        let (python, stamp) = (venv.join("bin/python"), venv.join("lyceum.lock"));
        if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
            return Ok(python);
        }
        eprintln!("making the environment of {}", family.name);
        let _ = std::fs::remove_dir_all(&venv);
        let system = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        succeed(Command::new(system).args(["-m", "venv"]).arg(&venv))?;
        succeed(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"])
                .arg("--requirement")
                .arg(&lock),
        )?;
        std::fs::write(&stamp, wanted)?;
        Ok(python)
    }

    /// The versions that the lock files pin: family → package → version.
    pub(crate) fn versions(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let read = |family: &Family| {
            let lock = self.sources.join(format!("peers/requirements-{}.lock", family.name));
            let text = std::fs::read_to_string(lock).unwrap_or_default();
            let pins = text.lines().filter_map(|l| l.split_once("=="));
            (family.name.to_owned(), pins.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
        };
        FAMILIES.iter().map(read).collect()
    }

    /// Runs one peer on one query.
    pub(crate) fn run(
        &self,
        family: &Family,
        engine: &str,
        set: &DataSet,
        query: &str,
        effort: Effort,
    ) -> Result<Cell, Box<dyn Error>> {
        let out = self.target.join("cell.json");
        let mut command = Command::new(self.python(family)?);
        command
            .arg(self.sources.join("peers/worker.py"))
            .args(["--module", family.module, "--engine", engine, "--query", query])
            .arg("--data")
            .arg(&set.folder)
            .args(["--runs", &effort.runs.to_string(), "--trials", &effort.trials.to_string()])
            .args(["--slow", &effort.slow.as_secs_f64().to_string()])
            .arg("--out")
            .arg(&out)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        run_cell(&mut command, &out, engine, query, effort.cap)
    }
}

/// Runs a process that writes a cell to `out`; what it has written before the cap counts.
pub(crate) fn run_cell(
    command: &mut Command,
    out: &Path,
    engine: &str,
    query: &str,
    cap: Duration,
) -> Result<Cell, Box<dyn Error>> {
    let _ = std::fs::remove_file(out);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let end = Instant::now() + cap;
    let mut over = false;
    while child.try_wait()?.is_none() {
        std::thread::sleep(Duration::from_millis(20));
        if Instant::now() > end {
            over = true;
            child.kill()?;
            child.wait()?;
            break;
        }
    }
    let blank = |status: &str, reason: &str| Cell {
        engine: engine.to_owned(),
        query: query.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        ..Cell::default()
    };
    match std::fs::read_to_string(out) {
        Ok(text) => {
            let mut cell: Cell = serde_json::from_str(&text)?;
            if over && cell.walls.is_empty() {
                cell.status = "timeout".into();
            }
            Ok(cell)
        }
        Err(_) if over => Ok(blank("timeout", &format!("more than {} s", cap.as_secs()))),
        Err(_) => Ok(blank("failed", "the process ended without an answer")),
    }
}

fn succeed(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}
