//! `cargo xtask test`: the parts in order, the minutes each took, and one line at the end that says it all.

use crate::{console, python, report, shell, tidy};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a part had to say.
enum Outcome {
    /// It passed; so many single tests ran in it, where it counts them.
    Passed(Option<u64>),
    /// It failed, or couldn't run.
    Failed(String),
}

struct Part {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs everything; true if all parts passed. A failed part doesn't stop the others, so that one run shows all
/// there is to mend; what needs the binary fails with it.
pub(crate) fn run() -> bool {
    let mut parts = Vec::new();
    part(&mut parts, "format", || shell::run(&mut shell::cargo(&["fmt", "--all", "--", "--check"])).map(|()| None));
    part(&mut parts, "tidy", || {
        let findings = tidy::check(&shell::root());
        if report(findings) { Ok(None) } else { Err("the rules above are broken".into()) }
    });
    part(&mut parts, "clippy", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        shell::run(&mut shell::cargo(&arguments)).map(|()| None)
    });
    let mut binary = None;
    part(&mut parts, "build", || {
        binary = Some(build()?);
        Ok(None)
    });
    part(&mut parts, "rust tests", || rust_tests(binary.as_ref().ok_or("not run: there is no binary")?, &[]));
    part(&mut parts, "notebooks", || python::notebooks(binary.as_ref().ok_or("not run: there is no binary")?));
    part(&mut parts, "python peers", || python::peers(binary.as_ref().ok_or("not run: there is no binary")?));
    part(&mut parts, "console", || console::run(binary.as_ref().ok_or("not run: there is no binary")?));
    part(&mut parts, "anonymity", python::anonymity);
    summary(&parts)
}

fn part(parts: &mut Vec<Part>, name: &'static str, work: impl FnOnce() -> Result<Option<u64>, String>) {
    println!("\n── {name}");
    let start = Instant::now();
    let outcome = match work() {
        Ok(tests) => Outcome::Passed(tests),
        Err(why) => Outcome::Failed(why),
    };
    parts.push(Part { name, outcome, took: start.elapsed() });
}

/// Builds the binary once, with the dependencies' features that the tests use too, and puts a copy where no later
/// build replaces it: `cargo test` builds it again with the crates' test-only features.
fn build() -> Result<PathBuf, String> {
    shell::run(&mut shell::cargo(&["build", "--workspace", "--bins"]))?;
    let name = format!("lyceum{}", std::env::consts::EXE_SUFFIX);
    let (built, folder) = (shell::target().join("debug").join(&name), shell::target().join("xtask"));
    let copy = folder.join(name);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::copy(&built, &copy))
        .map_err(|e| format!("copying {}: {e}", built.display()))?;
    Ok(copy)
}

/// What the long run asks for more of: kills of the server at random moments, tamperings with a copied log, repetitions with
/// production noise, fuzzed queries that are replayed on neighbouring tables, fuzzed texts, answers that the audit compares.
const LONGER: &[(&str, &str)] = &[
    ("LYCEUM_KILLS", "50"),
    ("LYCEUM_TAMPERINGS", "1000"),
    ("LYCEUM_REPETITIONS", "1000"),
    ("LYCEUM_FUZZ", "1000"),
    ("LYCEUM_FUZZ_TEXTS", "100000"),
    ("LYCEUM_AUDIT", "400"),
];

/// The Rust tests in their long form; true if they passed.
pub(crate) fn nightly() -> bool {
    let mut parts = Vec::new();
    let mut binary = None;
    part(&mut parts, "build", || {
        binary = Some(build()?);
        Ok(None)
    });
    part(&mut parts, "rust tests", || rust_tests(binary.as_ref().ok_or("not run: there is no binary")?, LONGER));
    summary(&parts)
}

fn rust_tests(binary: &PathBuf, variables: &[(&str, &str)]) -> Result<Option<u64>, String> {
    let mut tests = 0;
    let mut command = shell::cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.env("LYCEUM_BIN", binary).envs(variables.iter().copied());
    shell::run_reading(&mut command, |line| tests += passed(line).unwrap_or(0))?;
    Ok(Some(tests))
}

/// The number in `test result: ok. 12 passed; …` (Rust) or `12 passed in 3.4s` (pytest).
pub(crate) fn passed(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" passed")?;
    before.rsplit(' ').next()?.parse().ok()
}

fn summary(parts: &[Part]) -> bool {
    println!("\n── summary");
    let (mut good, mut bad, mut tests, mut took) = (0, 0, 0, Duration::ZERO);
    for part in parts {
        took += part.took;
        let what = match &part.outcome {
            Outcome::Passed(None) => "passed".to_owned(),
            Outcome::Passed(Some(n)) => format!("passed, {n} tests"),
            Outcome::Failed(why) => format!("FAILED: {why}"),
        };
        match &part.outcome {
            Outcome::Passed(n) => {
                good += 1;
                tests += n.unwrap_or(0);
            }
            Outcome::Failed(_) => bad += 1,
        }
        println!("{:<12}{:>6.1} min   {what}", part.name, minutes(part.took));
    }
    println!("{:<12}{:>6.1} min   {tests} tests", "all", minutes(took));
    println!("{good} passed, {bad} failed");
    bad == 0
}

fn minutes(took: Duration) -> f64 {
    took.as_secs_f64() / 60.0
}

#[cfg(test)]
mod tests {
    use super::passed;

    #[test]
    fn counts_are_read_from_both_kinds_of_summary() {
        let rust = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(passed(rust), Some(12));
        assert_eq!(passed("===== 3 passed, 1 warning in 4.20s ====="), Some(3));
        assert_eq!(passed("3 passed in 4.20s"), Some(3));
        assert_eq!(passed("test it_passed ... ok"), None);
        assert_eq!(passed("compiling"), None);
    }
}
