//! The Python side: virtual environments from lock files, and pytest in them against the real binary.

use crate::{shell, test};
use std::path::{Path, PathBuf};

/// A folder of tests with its own `requirements.lock`, the name of its environment in `target`, and the variable that
/// names the program under test.
struct Suite {
    folder: &'static str,
    venv: &'static str,
    variable: &'static str,
}

/// The notebooks' tests; gives their number.
pub(crate) fn notebooks(binary: &Path) -> Result<Option<u64>, String> {
    run(&Suite { folder: "notebooks", venv: "venv", variable: "LYCEUM_BIN" }, binary)
}

/// Comparisons with other implementations from PyPI; gives the number of tests.
pub(crate) fn peers(binary: &Path) -> Result<Option<u64>, String> {
    run(&Suite { folder: "tests/python", venv: "venv-peers", variable: "LYCEUM_BIN" }, binary)
}

/// The independent check of anonymised tables, on the example `anonymise`, which is built here; gives the number of tests.
pub(crate) fn anonymity() -> Result<Option<u64>, String> {
    shell::run(&mut shell::cargo(&["build", "--quiet", "-p", "lyceum-anonymize", "--example", "anonymise"]))?;
    let example = shell::target().join("debug/examples/anonymise");
    let example = if cfg!(windows) { example.with_extension("exe") } else { example };
    run(&Suite { folder: "tests/anonymity", venv: "venv-anonymity", variable: "LYCEUM_ANONYMISE" }, &example)
}

/// Runs a suite. Never skips: what is missing is a failure that says what to run.
fn run(suite: &Suite, binary: &Path) -> Result<Option<u64>, String> {
    let python = environment(suite)?;
    let mut tests = 0;
    let mut command = shell::command(python, &["-m", "pytest", "-q", "-p", "no:cacheprovider", suite.folder]);
    command.env(suite.variable, binary).env("PYTHONDONTWRITEBYTECODE", "1");
    shell::run_reading(&mut command, |line| tests += test::passed(line).unwrap_or(0))?;
    Ok(Some(tests))
}

/// The interpreter of the suite's environment, made or renewed when the lock file differs from the one it was made from.
fn environment(suite: &Suite) -> Result<PathBuf, String> {
    let lock = shell::root().join(suite.folder).join("requirements.lock");
    let wanted = std::fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    let venv = shell::root().join("target").join(suite.venv);
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = venv.join("lyceum.lock");
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(python);
    }
    let _ = std::fs::remove_dir_all(&venv);
    let system = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    shell::run(shell::command(&system, &["-m", "venv"]).arg(&venv)).map_err(|e| {
        format!("{e}; install Python 3.11 or newer with venv (Debian: apt-get install python3-venv), or set PYTHON")
    })?;
    let mut install = shell::command(
        &python,
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"],
    );
    install.arg("--requirement").arg(&lock);
    shell::run(&mut install).map_err(|e| format!("{e}; repeat it by hand to see why"))?;
    std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(python)
}
