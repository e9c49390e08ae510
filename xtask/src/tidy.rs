//! `cargo xtask tidy`: rules of the house that neither compiler nor clippy checks.
//!
//! - every crate takes the workspace's lints, and every dependency its version from the workspace;
//! - every Rust file begins with `//!`, has at most 400 lines (a warning) and at most 600 (an error), unless
//!   `xtask/long-files.toml` says why it may be longer;
//! - the arrows between crates hold (`arrows.rs`).

use crate::arrows;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const WARN_LINES: usize = 400;
const MAX_LINES: usize = 600;
/// Folders that hold the project's Rust code.
const FOLDERS: &[&str] = &["crates", "xtask", "tests", "benches"];

/// What tidy found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Broken rules.
    pub(crate) problems: Vec<String>,
    /// Worth a look.
    pub(crate) warnings: Vec<String>,
}

pub(crate) fn check(root: &Path) -> Findings {
    let mut findings = Findings::default();
    let mut files = Vec::new();
    for folder in FOLDERS {
        walk(&root.join(folder), &mut files);
    }
    files.sort();
    let excuses = excuses(&root.join("xtask/long-files.toml"), &mut findings);
    let mut lengths = BTreeMap::new();
    for path in &files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) => {
                findings.problems.push(format!("{}: {e}", path.display()));
                continue;
            }
        };
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        if name.ends_with("Cargo.toml") {
            check_manifest(&name, &text, &mut findings);
        } else {
            check_header(&name, &text, &mut findings);
            lengths.insert(name, text.lines().count());
        }
    }
    check_lengths(&lengths, &excuses, &mut findings);
    match arrows::check(root) {
        Ok(broken) => findings.problems.extend(broken),
        Err(e) => findings.problems.push(e),
    }
    findings
}

/// All `.rs` files and `Cargo.toml`s below a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                walk(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs") || name == "Cargo.toml" {
            files.push(path);
        }
    }
}

fn check_header(name: &str, text: &str, findings: &mut Findings) {
    if !text.starts_with("//!") {
        findings.problems.push(format!("{name}: the first line must be //! and say what lives there"));
    }
}

fn check_lengths(lengths: &BTreeMap<String, usize>, excuses: &BTreeMap<String, usize>, findings: &mut Findings) {
    for (name, &lines) in lengths {
        let limit = excuses.get(name).copied().unwrap_or(MAX_LINES);
        if lines > limit {
            findings.problems.push(format!("{name}: {lines} lines, at most {limit} are allowed: make two rooms of it"));
        } else if lines > WARN_LINES && !excuses.contains_key(name) {
            findings.warnings.push(format!("{name}: {lines} lines, more than {WARN_LINES}"));
        }
    }
    for name in excuses.keys() {
        if lengths.get(name).is_none_or(|lines| *lines <= WARN_LINES) {
            findings.problems.push(format!("xtask/long-files.toml: {name} needs no exception, remove it"));
        }
    }
}

/// The exceptions: path → lines allowed. Each needs a reason.
fn excuses(path: &Path, findings: &mut Findings) -> BTreeMap<String, usize> {
    let table = std::fs::read_to_string(path).map_err(|e| e.to_string()).and_then(|t| parse(&t));
    let table = match table {
        Ok(table) => table,
        Err(e) => {
            findings.problems.push(format!("xtask/long-files.toml: {e}"));
            return BTreeMap::new();
        }
    };
    let mut excuses = BTreeMap::new();
    for entry in table.get("file").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
        let lines = entry.get("lines").and_then(Value::as_integer).and_then(|n| usize::try_from(n).ok());
        match (text("path"), lines, text("reason")) {
            (Some(path), Some(lines), Some(_)) => {
                excuses.insert(path.to_owned(), lines);
            }
            _ => findings.problems.push("xtask/long-files.toml: an entry needs path, lines and reason".into()),
        }
    }
    excuses
}

fn check_manifest(name: &str, text: &str, findings: &mut Findings) {
    let table = match parse(text) {
        Ok(table) => table,
        Err(e) => {
            findings.problems.push(format!("{name}: {e}"));
            return;
        }
    };
    let lints = table.get("lints").and_then(|l| l.get("workspace")).and_then(Value::as_bool);
    if lints != Some(true) {
        findings.problems.push(format!("{name}: add  [lints] workspace = true"));
    }
    let mut sections = vec![&table];
    sections.extend(
        table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values).filter_map(Value::as_table),
    );
    for section in sections {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (dependency, value) in section.get(kind).and_then(Value::as_table).into_iter().flatten() {
                if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                    findings.problems.push(format!("{name}: {dependency} must take its version from the workspace"));
                }
            }
        }
    }
}

fn parse(text: &str) -> Result<Table, String> {
    text.parse().map_err(|e: toml::de::Error| e.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        assert_eq!(check(&crate::shell::root()).problems, Vec::<String>::new());
    }

    fn manifest(text: &str) -> Vec<String> {
        let mut findings = Findings::default();
        check_manifest("Cargo.toml", text, &mut findings);
        findings.problems
    }

    #[test]
    fn versions_and_lints_come_from_the_workspace() {
        let good =
            "[lints]\nworkspace = true\n[dependencies]\na.workspace = true\nb = { workspace = true, features = [] }\n";
        assert_eq!(manifest(good), Vec::<String>::new());
        let bad = "[dependencies]\na = \"1\"\n[dev-dependencies]\nb = { path = \"../b\" }\n\
                   [target.'cfg(unix)'.dependencies]\nc = { version = \"1\" }\n";
        assert_eq!(
            manifest(bad),
            [
                "Cargo.toml: add  [lints] workspace = true",
                "Cargo.toml: a must take its version from the workspace",
                "Cargo.toml: b must take its version from the workspace",
                "Cargo.toml: c must take its version from the workspace",
            ]
        );
    }

    #[test]
    fn long_files_are_named_and_stale_exceptions_too() {
        let lengths = [("ok.rs", 400), ("longish.rs", 401), ("long.rs", 601), ("table.rs", 700)];
        let lengths = lengths.into_iter().map(|(n, l)| (n.to_owned(), l)).collect();
        let excuses = [("table.rs".to_owned(), 700), ("ok.rs".to_owned(), 500)].into();
        let mut findings = Findings::default();
        check_lengths(&lengths, &excuses, &mut findings);
        assert_eq!(findings.warnings, ["longish.rs: 401 lines, more than 400"]);
        assert_eq!(
            findings.problems,
            [
                "long.rs: 601 lines, at most 600 are allowed: make two rooms of it",
                "xtask/long-files.toml: ok.rs needs no exception, remove it",
            ]
        );
    }

    #[test]
    fn a_file_without_a_first_line_about_itself_is_named() {
        let mut findings = Findings::default();
        check_header("a.rs", "//! What lives here.\n", &mut findings);
        assert_eq!(findings, Findings::default());
        check_header("b.rs", "use std::fs;\n//! too late\n", &mut findings);
        assert_eq!(findings.problems.len(), 1);
    }
}
