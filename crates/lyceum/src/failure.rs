//! Why a command ended badly, in words for people: code, what, where, why, and the fix.

use lyceum_schema::wire::Problem;
use std::fmt;

/// Why a command ended badly.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused; the caller's SQL, if there was one, is shown at the place meant.
    Refused {
        /// What the server says.
        problem: Box<Problem>,
        /// The text that line and column refer to.
        sql: Option<String>,
    },
    /// The server can't be reached, or doesn't speak as expected.
    Unreachable {
        /// The server's address.
        server: String,
        /// What went wrong, without secrets.
        why: String,
    },
    /// Something on this machine.
    Local {
        /// Stable code, `E9xxx`.
        code: &'static str,
        /// What went wrong.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A check was made and its answer is no (verification, dataset check); the reasons are printed already.
    No,
}

impl Failure {
    /// A failure on this machine.
    pub(crate) fn local(code: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Local { code, what: what.into(), fix: fix.into() }
    }

    /// A file that can't be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::local("E9003", format!("{}: {error}", path.display()), "check the path, its permissions and free space")
    }

    /// Exit status: 1 for refusals and failures.
    pub(crate) const fn exit_status(&self) -> u8 {
        1
    }

    /// Adds the SQL text that a problem's line and column refer to.
    pub(crate) fn with_sql(self, text: &str) -> Self {
        match self {
            Self::Refused { problem, .. } => Self::Refused { problem, sql: Some(text.to_owned()) },
            other => other,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { problem, sql } => crate::render::problem::write(f, problem, sql.as_deref()),
            Self::Unreachable { server, why } => {
                writeln!(f, "error[E9004]: {server} does not answer: {why}")?;
                write!(
                    f,
                    " try      lyceum serve --home DIR, or give the right address with --server or lyceum login URL"
                )
            }
            Self::Local { code, what, fix } => {
                writeln!(f, "error[{code}]: {what}")?;
                write!(f, " try      {fix}")
            }
            Self::No => Ok(()),
        }
    }
}

/// Outcome of a command.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;
