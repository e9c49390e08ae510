//! The report as one page of HTML with plots in SVG: no script, nothing from outside.

use super::RiskReport;
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{display:block;margin:1rem 0}code{font-size:.85em}";

/// The report as a page.
#[must_use]
pub fn page(report: &RiskReport) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Risk report</title><style>{STYLE}</style><h1>Risk report</h1>\
         <p>Release <code>{}</code>. Quasi-identifiers: {}.</p>",
        text(&report.release_sha256),
        text(&report.quasi_identifiers.join(", ")),
    );
    risks(&mut html, report);
    histogram(&mut html, report);
    cost(&mut html, report);
    suppression(&mut html, report);
    uniqueness(&mut html, report);
    others(&mut html, report);
    html.push_str("<h2>What this release does not promise</h2><ul>");
    for limit in &report.limits {
        let _ = write!(html, "<li>{}</li>", text(limit));
    }
    html.push_str("</ul></html>\n");
    html
}

fn risks(html: &mut String, report: &RiskReport) {
    let (before, after) = (&report.before, &report.after);
    let rows = [
        ("Most exposed person (prosecutor)", before.prosecutor_max, after.prosecutor_max),
        ("Persons in classes below k", before.prosecutor_at_risk, after.prosecutor_at_risk),
        ("Most exposed person of the population (journalist)", before.journalist_max, after.journalist_max),
        ("Persons picked out if all are tried (marketer)", before.marketer, after.marketer),
        ("Persons alone in their class", before.unique, after.unique),
    ];
    html.push_str("<h2>Re-identification</h2><table><tr><th>risk<th>before<th>released");
    for (name, before, after) in rows {
        let _ = write!(html, "<tr><td>{name}<td class=n>{}<td class=n>{}", percent(before), percent(after));
    }
    let _ = write!(html, "</table><p>Fewest persons in a class: k = {}.</p>", report.guarantees.k);
    for s in &report.guarantees.sensitive {
        let _ = write!(
            html,
            "<p>{}: at least {} different values in a class, exp(entropy) at least {:.2}, at most {:.3} away from the whole table.</p>",
            text(&s.column),
            s.distinct_l,
            s.entropy_l,
            s.t
        );
    }
    if let Some(p) = &report.population {
        let _ = write!(
            html,
            "<p>Estimated share of the population that is unique by the raw values ({}): {}.</p>",
            text(&p.estimator),
            percent(p.unique)
        );
    }
}

/// Classes by size, in octaves.
#[allow(clippy::cast_precision_loss)]
fn histogram(html: &mut String, report: &RiskReport) {
    let mut octaves: Vec<u64> = Vec::new();
    for (&persons, &classes) in &report.class_histogram {
        let octave = persons.max(1).ilog2() as usize;
        octaves.resize(octaves.len().max(octave + 1), 0);
        octaves[octave] += classes;
    }
    let bars: Vec<(String, f64)> = octaves
        .iter()
        .enumerate()
        .map(|(o, &n)| (format!("{}–{} persons", 1u64 << o, (1u64 << (o + 1)) - 1), n as f64))
        .collect();
    html.push_str("<h2>Classes by size</h2>");
    plot(html, &bars, |n| format!("{n:.0}"));
}

fn cost(html: &mut String, report: &RiskReport) {
    let q = &report.quality;
    let _ = write!(
        html,
        "<h2>What it cost</h2><p>{} of {} rows left out; {} classes of {:.1} rows; loss {:.4}; discernibility {:.3e}.</p>",
        q.suppressed_rows, q.rows, q.classes, q.mean_class, q.loss, q.discernibility
    );
    let bars: Vec<(String, f64)> =
        report.quasi_identifiers.iter().cloned().zip(q.columns.iter().map(|c| c.loss)).collect();
    plot(html, &bars, percent);
    if !report.workload.is_empty() {
        html.push_str("<table><tr><th>declared query<th>mean error<th>largest error");
        for w in &report.workload {
            let (mean, max) = (percent(w.mean_relative_error), percent(w.max_relative_error));
            let _ = write!(html, "<tr><td>{}<td class=n>{mean}<td class=n>{max}", text(&w.name));
        }
        html.push_str("</table>");
    }
}

#[allow(clippy::cast_precision_loss)]
fn suppression(html: &mut String, report: &RiskReport) {
    html.push_str("<h2>Who disappears</h2>");
    if report.quality.suppressed_rows == 0 {
        html.push_str("<p>Nobody: no row was left out.</p>");
        return;
    }
    let share = |rows: u64, out: u64| if rows == 0 { 0.0 } else { out as f64 / rows as f64 };
    let groups = report.suppression.iter();
    let bars = groups.map(|g| (format!("{}: {}", g.column, g.group), share(g.rows, g.suppressed)));
    let mut bars: Vec<(String, f64)> = bars.filter(|(_, share)| *share > 0.0).collect();
    bars.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    bars.truncate(30);
    plot(html, &bars, percent);
}

fn uniqueness(html: &mut String, report: &RiskReport) {
    html.push_str("<h2>Unique before, by set of columns</h2>");
    let mut bars: Vec<(String, f64)> = report.uniqueness.iter().map(|s| (s.columns.join(" + "), s.unique)).collect();
    bars.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    bars.truncate(20);
    plot(html, &bars, percent);
    if !report.sequences.is_empty() {
        html.push_str("<h2>Unique before, by known events</h2>");
        let bars: Vec<(String, f64)> =
            report.sequences.iter().map(|s| (format!("{} events", s.events), s.unique)).collect();
        plot(html, &bars, percent);
    }
}

fn others(html: &mut String, report: &RiskReport) {
    if report.intersections.is_empty() {
        return;
    }
    html.push_str("<h2>Together with earlier releases</h2><table><tr><th>release<th>persons in both<th>k together<th>alone<th>below k");
    for i in &report.intersections {
        let (unique, below) = (percent(i.unique), percent(i.below_k));
        let _ = write!(
            html,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{unique}<td class=n>{below}",
            text(&i.release),
            i.persons,
            i.k
        );
    }
    html.push_str("</table>");
}

/// Horizontal bars.
fn plot(html: &mut String, bars: &[(String, f64)], show: impl Fn(f64) -> String) {
    let most = bars.iter().map(|b| b.1).fold(f64::MIN_POSITIVE, f64::max);
    let _ = write!(html, "<svg role=\"img\" width=\"820\" height=\"{}\" font-size=\"14\">", bars.len() * 24 + 4);
    for (i, (name, value)) in bars.iter().enumerate() {
        let (y, width) = (i * 24, value / most * 400.0);
        let _ = write!(
            html,
            "<text x=\"300\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"308\" y=\"{}\" width=\"{width:.1}\" height=\"16\" fill=\"#2b6cb0\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 16,
            text(name),
            y + 4,
            314.0 + width,
            y + 16,
            show(*value),
        );
    }
    html.push_str("</svg>");
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Text as HTML.
fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
