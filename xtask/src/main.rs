//! Developer commands that must run everywhere: `cargo xtask test`, `nightly`, `bench` and `tidy`.
//!
//! `test.rs` lists the parts of the one test command, `tidy.rs` the rules of the house that no compiler checks,
//! `arrows.rs` which crate may depend on which, `python.rs` the Python side, `console.rs` the web console's.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod arrows;
mod console;
mod python;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
Developer commands.

    cargo xtask test    everything that must pass: format, tidy, lints, build, Rust tests, notebooks, comparisons with peers, console
    cargo xtask nightly the same Rust tests, longer: random kills, repetitions with production noise, fuzzed queries
    cargo xtask bench   the engine against DuckDB and public peers (--help lists sizes, queries, peers); release build
    cargo xtask tidy    the rules of the house: dependencies, file headers and lengths, lints, versions
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ok = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => test::run(),
        ["nightly"] => test::nightly(),
        ["bench", arguments @ ..] => bench(arguments),
        ["tidy"] => report(tidy::check(&shell::root())),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            true
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Builds the benchmarks and runs them; true if all went well.
fn bench(arguments: &[&str]) -> bool {
    // Together with the server: libraries have the same features then, and are not built twice.
    let packages = ["--package", "lyceum", "--package", "lyceum-benches", "--bin", "lyceum-benches"];
    let build = shell::run(shell::cargo(&["build", "--release"]).args(packages));
    // Without a command of its own, everything is measured.
    let commands = ["all", "make", "ours", "whale", "planning", "record", "help", "--help"];
    let given = arguments.first().is_some_and(|a| commands.contains(a));
    let all = if given { &[][..] } else { &["all"][..] };
    let binary = shell::target().join("release/lyceum-benches");
    let run = || shell::run(shell::command(binary, all).args(arguments));
    match build.and_then(|()| run()) {
        Ok(()) => true,
        Err(e) => {
            eprintln!("{e}");
            false
        }
    }
}

/// Prints what tidy found; true if nothing is wrong.
fn report(findings: tidy::Findings) -> bool {
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for problem in &findings.problems {
        println!("error: {problem}");
    }
    println!("tidy: {} errors, {} warnings", findings.problems.len(), findings.warnings.len());
    findings.problems.is_empty()
}
