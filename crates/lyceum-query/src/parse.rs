//! Stage 1: SQL text → one query. Every other statement and every clause without a rule is refused here.

use crate::error::{Position, QueryError};
use datafusion::sql::sqlparser::ast::Query;

/// One query, syntactically admitted.
pub struct ParsedQuery {
    pub(crate) query: Box<Query>,
    pub(crate) options: PrivacyOptions,
    pub(crate) explain_privacy: bool,
    pub(crate) words: Vec<(String, Position)>,
}

/// `OPTIONS(…)` of `SELECT WITH DIFFERENTIAL_PRIVACY`; what is not said is the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PrivacyOptions {
    /// ε of the query as if asked alone.
    pub epsilon: Option<f64>,
    /// L0: groups one unit may contribute to.
    pub max_groups_contributed: Option<u32>,
    /// Charge and draw anew although the answer is stored.
    pub fresh: bool,
}

impl ParsedQuery {
    /// Whether the text began with `EXPLAIN PRIVACY`: certificate and price only.
    #[must_use]
    pub const fn explain_privacy(&self) -> bool {
        self.explain_privacy
    }

    /// What OPTIONS said.
    #[must_use]
    pub const fn options(&self) -> PrivacyOptions {
        self.options
    }
}

/// Parses one query.
///
/// # Errors
/// [`QueryError::Refused`] with codes E2101 to E2105.
pub fn parse(sql: &str) -> Result<ParsedQuery, QueryError> {
    let _ = sql;
    Err(crate::error::Refusal::new(crate::error::Reason::Syntax, "", "").into())
}
