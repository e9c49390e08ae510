//! The engine's refusals in the service's words. They depend on the text, the catalogue and the policy only.

use crate::error::Refusal;
use lyceum_query::error::QueryError;

/// Most characters of the caller's line that are given back.
const SNIPPET_CHARACTERS: usize = 160;

/// A refusal with the place in `sql` that it is about.
pub(super) fn describe(error: &QueryError, sql: &str) -> Refusal {
    match error {
        QueryError::Refused(refusal) => {
            let place = refusal.position;
            let line =
                place.and_then(|p| usize::try_from(p.line).ok()).and_then(|n| sql.lines().nth(n.checked_sub(1)?));
            Refusal {
                code: error.code(),
                message: refusal.what.clone(),
                reason: Some(refusal.why.clone()),
                fix: refusal.fix.clone(),
                line: place.and_then(|p| u32::try_from(p.line).ok()),
                column: place.and_then(|p| u32::try_from(p.column).ok()),
                snippet: line.map(|l| l.chars().take(SNIPPET_CHARACTERS).collect()),
            }
        }
        QueryError::Price(_) | QueryError::Finish(_) => Refusal {
            code: error.code(),
            message: error.to_string(),
            reason: None,
            fix: None,
            line: None,
            column: None,
            snippet: None,
        },
    }
}
