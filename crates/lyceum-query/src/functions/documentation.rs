//! The functions' section of `docs/SQL.md` is written from the tables: run with `LYCEUM_GOLDEN=write` to renew it.

use super::{NATIVE, TABLE};
use std::fmt::Write;

const BEGIN: &str =
    "<!-- functions: written by a test of lyceum-query, see crates/lyceum-query/src/functions/documentation.rs -->";
const END: &str = "<!-- end of functions -->";

fn section() -> String {
    let mut text = format!("{BEGIN}\n\n| function | NULL, beside NULL arguments |\n|---|---|\n");
    for entry in TABLE {
        let undefined = if entry.undefined.is_empty() { "–" } else { entry.undefined };
        writeln!(text, "| `{}` | {undefined} |", entry.form).unwrap();
    }
    for (_, form) in NATIVE {
        writeln!(text, "| `{form}` | as the arguments say |").unwrap();
    }
    text + "\n" + END
}

#[test]
fn the_reference_lists_every_function() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SQL.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (now, after) = rest.split_once(END).unwrap();
    if std::env::var_os("LYCEUM_GOLDEN").is_some() {
        std::fs::write(path, format!("{before}{}{after}", section())).unwrap();
        return;
    }
    assert_eq!(format!("{BEGIN}{now}{END}"), section(), "docs/SQL.md is out of date");
}
