//! The report as a page: plain HTML, no scripts, everything that comes from a document escaped.

use crate::model::ReportRecord;
use lyceum_schema::wire::{ReleaseReport, ReportSection};
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;margin:.5rem 0}th,td{border-bottom:1px solid #ccc;padding:.2rem .8rem;text-align:left}\
    td.n{text-align:right;font-variant-numeric:tabular-nums}.bar{background:#47a;height:.8rem;display:inline-block}\
    .stop{background:#fdd;padding:.5rem 1rem}.go{background:#dfd;padding:.5rem 1rem}code{font-size:.8em}";

/// The page.
pub(super) fn html(report: &ReleaseReport, record: &ReportRecord) -> String {
    let mut out = String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">");
    let title = format!("{} release of {} version {}", report.kind.as_str(), report.dataset, report.version);
    let _ = write!(out, "<title>{0}</title><style>{STYLE}</style><h1>{0}</h1>", escape(&title));
    if report.findings.is_empty() {
        out.push_str("<p class=\"go\">The thresholds of the policy hold: it may be approved.</p>");
    } else {
        out.push_str("<div class=\"stop\"><p>It can't be approved:</p>");
        list(&mut out, &report.findings);
        out.push_str("</div>");
    }
    out.push_str("<h2>What protects people, and what doesn’t</h2>");
    list(&mut out, &report.statements);
    out.push_str("<h2>Tables</h2><table><tr><th>table<th>rows<th>columns</tr>");
    for table in &report.tables {
        let columns = escape(&table.columns.join(", "));
        let _ = write!(out, "<tr><td>{}<td class=\"n\">{}<td>{columns}</tr>", escape(table.name.as_str()), table.rows);
    }
    out.push_str("</table>");
    for part in &report.sections {
        section(&mut out, part);
    }
    let _ = write!(
        out,
        "<h2>Bound to the log</h2><p>Release <code>{}</code>, entry {}, report <code>{}</code>. Files, by SHA-256:</p>",
        report.release,
        record.index,
        escape(&record.reference.0)
    );
    list(&mut out, &report.tables.iter().flat_map(|t| t.files.clone()).collect::<Vec<_>>());
    out.push_str("</html>\n");
    out
}

/// A table of figures; shares and probabilities in the last column are drawn as bars.
fn section(out: &mut String, section: &ReportSection) {
    let _ = write!(out, "<h2>{}</h2><p>{}</p><table><tr>", escape(&section.title), escape(&section.note));
    for column in &section.columns {
        let _ = write!(out, "<th>{}", escape(column));
    }
    out.push_str("</tr>");
    let last = |row: &Vec<serde_json::Value>| row.last().and_then(serde_json::Value::as_f64);
    let most = section.rows.iter().filter_map(last).fold(0.0, f64::max);
    for row in &section.rows {
        out.push_str("<tr>");
        for value in row {
            match value {
                serde_json::Value::String(text) => {
                    let _ = write!(out, "<td>{}", escape(text));
                }
                other => {
                    let _ = write!(out, "<td class=\"n\">{}", escape(&other.to_string()));
                }
            }
        }
        if let Some(value) = last(row).filter(|v| *v >= 0.0 && most > 0.0) {
            let _ = write!(out, "<td><span class=\"bar\" style=\"width:{:.1}rem\"></span>", 12.0 * value / most);
        }
        out.push_str("</tr>");
    }
    out.push_str("</table>");
}

fn list(out: &mut String, items: &[String]) {
    out.push_str("<ul>");
    for item in items {
        let _ = write!(out, "<li>{}", escape(item));
    }
    out.push_str("</ul>");
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
