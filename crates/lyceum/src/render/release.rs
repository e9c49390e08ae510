//! Releases in words.

use super::table;
use lyceum_schema::wire::Release;

/// One release.
pub(crate) fn one(release: &Release) -> String {
    let names = |users: &[lyceum_schema::name::UserName]| {
        if users.is_empty() {
            "nobody yet".to_owned()
        } else {
            users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
    };
    let mut lines = vec![
        format!("release {}: {}", release.id, release.state.as_str()),
        format!(
            " what      {} version {} of {}, as {}",
            release.dataset,
            release.version,
            release.owner,
            release.tables.join(", ")
        ),
        format!(" to        {}", release.workspace),
        format!(" for       {}", release.purpose),
        format!(" proposed  by {}", release.proposed_by),
        match release.approvals_needed {
            0 => " approved  no approval is needed".to_owned(),
            needed => format!(" approved  by {} ({needed} needed)", names(&release.approved_by)),
        },
        format!(" until     {}", release.expires.map_or_else(|| "no end is set".to_owned(), |e| e.to_string())),
    ];
    if let Some(report) = &release.report {
        let verdict = if report.passes { "the policy's thresholds hold" } else { "the policy's thresholds don't hold" };
        lines.push(format!(" report    entry {}: {verdict}; lyceum release report {}", report.entry, release.id));
    }
    if let Some(now) = &release.progress {
        lines.push(format!(" making    {}: {} of {} rows", now.stage, now.done, now.of));
    }
    if release.deleted {
        lines.push(" deleted   its rows and keys".to_owned());
    }
    if release.failures > 0 {
        lines.push(format!(" failures  {} after a charge", release.failures));
    }
    if let Some(entry) = release.entry {
        lines.push(format!(" log       entry {entry}"));
    }
    lines.join("\n")
}

/// A list of releases.
pub(crate) fn list(releases: &[Release]) -> String {
    if releases.is_empty() {
        return "nothing is shared with this workspace yet".to_owned();
    }
    let header = ["release", "state", "dataset", "version", "tables"].map(String::from);
    let rows: Vec<_> = releases
        .iter()
        .map(|r| {
            vec![
                r.id.to_string(),
                r.state.as_str().to_owned(),
                r.dataset.to_string(),
                r.version.to_string(),
                r.tables.join(", "),
            ]
        })
        .collect();
    table::plain(&header, &rows, &[3])
}
