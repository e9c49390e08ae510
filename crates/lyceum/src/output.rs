//! The only place that prints: results to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};

/// Prints a result line. A closed pipe ends quietly, as shells expect.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints bytes of a result as they are.
pub(crate) fn bytes(content: &[u8]) {
    let mut out = std::io::stdout().lock();
    if out.write_all(content).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints a remark for people.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error.
pub(crate) fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(e) => error(&format!("error[E9002]: the result can't be written as JSON: {e}")),
    }
}

/// Whether standard error is a terminal: only then progress bars make sense.
pub(crate) fn interactive() -> bool {
    std::io::stderr().is_terminal()
}
