//! What a verification found, for people and machines.

use lyceum_audit::receipt::Proved;
use lyceum_audit::verify::Report;
use serde_json::{Value, json};

/// A receipt that holds.
pub(crate) fn proved(proved: &Proved) -> String {
    let kind = serde_json::to_value(&proved.event)
        .ok()
        .and_then(|v| v.get("type").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_default();
    let mut text = format!(
        " ✓ entry {} of {} is {kind}, at {}\n ✓ it is in the log of {} entries that the checkpoint signs",
        proved.index, proved.believed.checkpoint.origin, proved.event.time, proved.believed.checkpoint.size
    );
    if proved.believed.known_witnesses > 0 {
        let names: Vec<&str> = proved.believed.witnesses.iter().map(|(name, _)| name.as_str()).collect();
        text += &format!(
            "\n ✓ cosigned by {} of {} witnesses ({})",
            names.len(),
            proved.believed.known_witnesses,
            names.join(", ")
        );
    }
    text
}

/// A report as JSON.
pub(crate) fn machine(report: &Report) -> Value {
    let checks: Vec<_> = report
        .checks
        .iter()
        .map(|c| json!({ "ok": c.ok, "subject": c.subject, "code": c.code, "text": c.text }))
        .collect();
    json!({ "ok": report.ok(), "log": report.origin, "entries": report.size, "checks": checks, "warnings": report.warnings })
}
