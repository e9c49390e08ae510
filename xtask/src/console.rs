//! The console's tests: its TypeScript alone, then people's journeys in a real browser against the real binary.

use crate::{shell, test};
use std::path::{Path, PathBuf};

/// The tests of what the page computes: proofs, numbers, completion. Gives their number.
pub(crate) fn unit() -> Result<u64, String> {
    let folder = install("crates/lyceum-console/web")?;
    let mut tests = 0;
    let mut command = npm(&folder, &["test", "--silent", "--", "--reporter=default", "--no-color"]);
    shell::run_reading(&mut command, |line| tests += vitest(line).unwrap_or(0))?;
    Ok(tests)
}

/// The journeys in Chromium. Gives their number.
pub(crate) fn journeys(binary: &Path) -> Result<u64, String> {
    let folder = install("tests/console")?;
    let chromium = chromium()?;
    let mut tests = 0;
    let mut command = npm(&folder, &["test", "--silent"]);
    command.env("LYCEUM_BIN", binary).env("LYCEUM_CHROMIUM", chromium);
    shell::run_reading(&mut command, |line| tests += node(line).unwrap_or(0))?;
    Ok(tests)
}

/// Both.
pub(crate) fn run(binary: &Path) -> Result<Option<u64>, String> {
    Ok(Some(unit()? + journeys(binary)?))
}

/// `npm ci` where the lock file differs from the one that was installed from.
fn install(folder: &str) -> Result<PathBuf, String> {
    let folder = shell::root().join(folder);
    let read = |path: PathBuf| std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()));
    let lock = read(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.lyceum-lock");
    if read(stamp.clone()).is_ok_and(|of| of == lock) {
        return Ok(folder);
    }
    shell::run(&mut npm(&folder, &["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))
        .map_err(|e| format!("{e}; install Node 20 or newer (Debian: apt-get install nodejs npm)"))?;
    std::fs::write(&stamp, lock).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(folder)
}

fn npm(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = shell::command(if cfg!(windows) { "npm.cmd" } else { "npm" }, arguments);
    command.current_dir(folder);
    command
}

/// A Chromium: named by a variable, on the path, or installed now where that is allowed.
fn chromium() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("LYCEUM_CHROMIUM") {
        return Ok(named.into());
    }
    if let Some(found) = on_path() {
        return Ok(found);
    }
    println!("installing Chromium");
    let update = shell::run(&mut shell::command("apt-get", &["update", "-qq"]));
    let install = || shell::run(&mut shell::command("apt-get", &["install", "-y", "-qq", "chromium"]));
    let installed = update.and_then(|()| install());
    on_path().ok_or_else(|| {
        let why = installed.err().unwrap_or_else(|| "it is still not on the path".to_owned());
        format!("no Chromium ({why}); run `apt-get install chromium` as root, or set LYCEUM_CHROMIUM to a Chromium or Chrome")
    })
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|n| folder.join(n))).find(|candidate| candidate.is_file())
}

/// The number in `      Tests  47 passed (47)` (Vitest).
fn vitest(line: &str) -> Option<u64> {
    line.trim_start().starts_with("Tests ").then(|| test::passed(line))?
}

/// The number in `ℹ pass 7` (Node's own runner).
fn node(line: &str) -> Option<u64> {
    line.strip_prefix("ℹ pass ")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{node, vitest};

    #[test]
    fn counts_are_read_from_both_runners() {
        assert_eq!(vitest("      Tests  47 passed (47)"), Some(47));
        assert_eq!(vitest(" Test Files  3 passed (3)"), None);
        assert_eq!(node("ℹ pass 7"), Some(7));
        assert_eq!(node("ℹ fail 0"), None);
    }
}
