//! The functions' sections of `docs/SQL.md` are written from the tables: run with `LYCEUM_GOLDEN=write` to renew it.

use super::{NATIVE, TABLE, ranges};
use std::fmt::Write;

const BEGIN: &str =
    "<!-- functions: written by a test of lyceum-query, see crates/lyceum-query/src/functions/documentation.rs -->";
const END: &str = "<!-- end of functions -->";
const RANGES_BEGIN: &str = "<!-- ranges: written likewise -->";
const RANGES_END: &str = "<!-- end of ranges -->";

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

fn ranges_section() -> String {
    let mut text = format!("{RANGES_BEGIN}\n\n| function | gives |\n|---|---|\n");
    for (form, gives) in ranges::REFERENCE {
        writeln!(text, "| `{form}` | {gives} |").unwrap();
    }
    text + "\n" + RANGES_END
}

#[test]
fn the_reference_lists_every_function() {
    renewed(BEGIN, END, &section());
}

#[test]
fn the_reference_lists_the_functions_of_ranges() {
    let names: Vec<_> = ranges::functions().iter().map(|f| f.name().to_owned()).collect();
    let said: Vec<_> = ranges::REFERENCE.iter().filter_map(|(form, _)| form.split('(').next()).collect();
    assert_eq!(names, [said[0], said[1], said[2], said[3], said[4]]);
    renewed(RANGES_BEGIN, RANGES_END, &ranges_section());
}

/// Compares a section with what it should be, or renews it.
fn renewed(begin: &str, end: &str, section: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SQL.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (now, after) = rest.split_once(end).unwrap();
    if std::env::var_os("LYCEUM_GOLDEN").is_some() {
        std::fs::write(path, format!("{before}{section}{after}")).unwrap();
        return;
    }
    assert_eq!(format!("{begin}{now}{end}"), section, "docs/SQL.md is out of date");
}
