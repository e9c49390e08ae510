//! Named crash points, so that tests can kill a real process exactly between two steps that must survive it.
//!
//! A point does nothing unless the build has debug assertions *and* the variable `LYCEUM_FAILPOINT` names it:
//! `LYCEUM_FAILPOINT=charge.after_commit=abort` aborts the process the first time that point is passed,
//! `…=abort@3` the third time. Release builds compile [`hit`] to nothing, so no variable can stop a server.
//!
//! Points in use: `charge.before_commit`, `charge.after_commit`, `execute`, `release`, `answer.before_commit`,
//! `answer.after_commit`, `publish.before_commit`, `publish.after_commit`, `log.after_tiles`,
//! `log.after_cosignatures`, `log.after_checkpoint`, `witness.after_row`, `release.generate`, `release.report`,
//! `release.before_report`, `release.after_report`, `exclude.before_commit`, `exclude.after_commit`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that arms one point.
pub const VARIABLE: &str = "LYCEUM_FAILPOINT";

/// Passes the point `name`: aborts the process (no destructors, no flushing) when it is armed for this pass.
pub fn hit(name: &str) {
    if cfg!(debug_assertions)
        && let Some(armed) = armed()
        && armed.name == name
        && armed.passes.fetch_add(1, Ordering::SeqCst) + 1 == armed.at
    {
        std::process::abort();
    }
}

struct Armed {
    name: String,
    at: u64,
    passes: AtomicU64,
}

fn armed() -> Option<&'static Armed> {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    ARMED.get_or_init(|| std::env::var(VARIABLE).ok().and_then(|text| parse(&text))).as_ref()
}

/// `name=abort` or `name=abort@N` with N from 1; anything else arms nothing.
fn parse(text: &str) -> Option<Armed> {
    let (name, action) = text.split_once('=')?;
    let at = match action.strip_prefix("abort")? {
        "" => 1,
        count => count.strip_prefix('@')?.parse().ok().filter(|n| *n > 0)?,
    };
    Some(Armed { name: name.to_owned(), at, passes: AtomicU64::new(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_name_and_a_pass() {
        let first = parse("charge.after_commit=abort").map(|a| (a.name, a.at));
        assert_eq!(first, Some(("charge.after_commit".to_owned(), 1)));
        assert_eq!(parse("execute=abort@3").map(|a| a.at), Some(3));
    }

    #[test]
    fn arms_nothing_on_other_text() {
        for text in ["", "execute", "execute=panic", "execute=abort@0", "execute=abort@x", "execute=abort3"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_unarmed_point_is_passed() {
        hit("nobody.armed.this");
    }
}
