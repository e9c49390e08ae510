//! Stage 3: certification. Bottom-up over the typed logical plan: privacy unit, populations, a domain per column;
//! the plan is split at the barrier into *below* (private) and *above* (post-processing).

mod aggregate;
mod below;
mod canonical;
mod expression;
mod growth;
mod measures;
mod narrow;
mod operators;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod poison;
mod public;
mod released;
mod split;
mod tables;
mod units;

use crate::barrier::Barrier;
use crate::bind::ResolvedQuery;
use crate::catalog::CatalogTable;
use crate::error::QueryError;
use crate::parse::{PrivacyOptions, Words};
use aggregate::Bounded;
use datafusion::common::TableReference;
use datafusion::logical_expr::LogicalPlan;
use std::cell::Cell;
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
/// [`QueryError::Refused`] with codes E2101, E2104, E2105 and E2107 to E2119.
pub fn certify(query: ResolvedQuery) -> Result<Certified, QueryError> {
    let ResolvedQuery { plan, options, words } = query;
    let tables = tables::of(&plan);
    if !tables.iter().any(|t| tables::is_private(t)) {
        let plan = public::admit(plan, &words)?;
        return Ok(Certified::Public(PublicQuery { plan, tables }));
    }
    let context =
        Context { words: &words, options, text_bytes: Cell::new(0), steps: Cell::new(0), names: Cell::new(0) };
    let aggregate = split::barrier(&plan, &context)?;
    let input = below::node(&aggregate.input, &context)?;
    let Bounded { below, mut barrier, certificate } = aggregate::bound(&aggregate, input, &context)?;
    barrier.intervals = released::requested_intervals(&plan, &aggregate, &words)?;
    let above = released::above(&plan, &aggregate, &barrier, &words)?;
    let tables = tables.into_iter().filter(|t| tables::is_private(t)).collect();
    Ok(Certified::Private(Box::new(CertifiedQuery { below, barrier, above, tables, certificate })))
}

/// What every rule may look at besides the plan.
pub(crate) struct Context<'a> {
    pub(crate) words: &'a Words,
    pub(crate) options: PrivacyOptions,
    /// Bytes of text that computing one row may hold at once, so far.
    pub(crate) text_bytes: Cell<u64>,
    /// Steps of matching texts for one row, so far.
    pub(crate) steps: Cell<u64>,
    /// Names given to the engine's own columns, so far.
    pub(crate) names: Cell<u32>,
}

impl Context<'_> {
    /// A name that no other columns have.
    pub(crate) fn name(&self, prefix: &str) -> TableReference {
        let n = self.names.get();
        self.names.set(n + 1);
        TableReference::bare(format!("{prefix}{n}"))
    }
}

impl CertifiedQuery {
    /// What identifies the request among all that are answered alike: everything at and below the barrier, with the
    /// releases and their policies. Names given by the researcher and whatever is done above the barrier don't count.
    #[must_use]
    pub fn canonical(&self) -> String {
        use std::fmt::Write;
        let b = &self.barrier;
        let mut text = String::new();
        canonical::plan(&self.below, &mut text);
        for table in &self.tables {
            let policy = table.policy.canonical();
            let _ = write!(text, "\n{} {} {}\n{policy}", table.release, table.version, table.table.name());
        }
        for key in &b.keys {
            let _ = write!(text, "\nkey {} {}", key.data_type, canonical::values(key.values.as_deref()));
        }
        let _ = write!(
            text,
            "\n{:?}\n{:?}\nl0 {} {:?} epsilon {:?} row {}",
            b.measures, b.aggregates, b.max_groups, b.selection, b.epsilon, b.unit_is_row
        );
        text
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
