//! Stage 3: certification. Bottom-up over the typed logical plan: privacy unit, populations, a domain per column;
//! the plan is split at the barrier into *below* (private) and *above* (post-processing).

use crate::barrier::Barrier;
use crate::bind::ResolvedQuery;
use crate::catalog::CatalogTable;
use crate::error::QueryError;
use datafusion::logical_expr::LogicalPlan;
use std::sync::Arc;

/// What certification found.
pub enum Certified {
    /// Only public tables are read.
    Public(PublicQuery),
    /// Private rows are read, through one barrier.
    Private(Box<CertifiedQuery>),
}

/// A query over public tables: executed under the same allow-list and limits, never charged.
pub struct PublicQuery {
    pub(crate) plan: LogicalPlan,
    pub(crate) tables: Vec<Arc<CatalogTable>>,
}

/// A query over private rows with its certificate.
pub struct CertifiedQuery {
    /// Private plan; output columns as [`crate::barrier`] says.
    pub(crate) below: LogicalPlan,
    /// What happens between below and above.
    pub(crate) barrier: Barrier,
    /// Post-processing plan over [`crate::barrier::RELEASED_TABLE`]; every node keeps `__cell` as its last
    /// output column as long as rows can be followed (projection, filter, sort, limit, alias).
    pub(crate) above: LogicalPlan,
    /// The private tables that `below` scans.
    pub(crate) tables: Vec<Arc<CatalogTable>>,
    /// The tree for people: why this is private.
    pub(crate) certificate: Certificate,
}

/// Certifies a query: finds the barrier and the facts that make it private, or says why there is none.
///
/// # Errors
/// [`QueryError::Refused`] with codes E2104 and E2107 to E2119.
pub fn certify(query: ResolvedQuery) -> Result<Certified, QueryError> {
    let _ = query;
    Err(crate::error::Refusal::new(crate::error::Reason::Syntax, "", "").into())
}

impl CertifiedQuery {
    /// What identifies the request among all that are answered alike: everything at and below the barrier, with the
    /// releases and their policies. Equal texts have equal answers' distributions; names given by the researcher
    /// and whatever is done above the barrier don't count.
    #[must_use]
    pub fn canonical(&self) -> String {
        String::new()
    }
}

/// One node of the certificate's tree.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// What the node does: `Scan hillstrom`, `Filter`, `Project segment, visit`, `Bound by person`, `Release(…)`.
    pub node: String,
    /// What is known there: unit, bounds, domains, sensitivity.
    pub facts: Vec<String>,
    /// Inputs.
    pub inputs: Vec<Certificate>,
}
