//! Stage 3: certification. Bottom-up over the typed logical plan: privacy unit, populations, a domain per column;
//! the plan is split at its barriers into *below* (private) and *above* (post-processing).
//!
//! [`units`] says where the unit is, [`split`] which aggregates are barriers, [`sets`] what their grouping sets are;
//! [`below`] certifies what goes into a barrier, [`aggregate`] bounds it, [`epochs`] says which epochs it can touch,
//! [`above`] rebuilds what is done with it.

mod above;
mod aggregate;
mod below;
mod bias;
pub(crate) mod canonical;
mod epochs;
mod exact;
mod expression;
mod growth;
mod measures;
mod narrow;
mod operators;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod poison;
mod public;
mod sets;
mod split;
mod tables;
mod tightest;
mod units;

use crate::barrier::Barrier;
use crate::bind::ResolvedQuery;
use crate::catalog::CatalogTable;
use crate::error::{QueryError, Reason, Refusal};
use crate::faults::{self, Fault};
use crate::parse::{PrivacyOptions, Words};
use crate::released_table::{Origin, ReleasedTable};
use above::{Release, SetOrigin};
use aggregate::Bounded;
use datafusion::common::TableReference;
use datafusion::logical_expr::{Aggregate, LogicalPlan};
use std::cell::Cell;
use std::sync::Arc;

/// What certification found.
pub enum Certified {
    /// Only public tables are read.
    Public(PublicQuery),
    /// Private rows are read, through barriers.
    Private(Box<CertifiedQuery>),
}

/// A query over public tables: executed under the same allow-list and limits, never charged.
pub struct PublicQuery {
    pub(crate) plan: LogicalPlan,
    pub(crate) tables: Vec<Arc<CatalogTable>>,
}

/// A query over private rows with its certificate.
pub struct CertifiedQuery {
    /// The releases that the query needs, each once.
    pub(crate) barriers: Vec<CertifiedBarrier>,
    /// The tables that `above` reads.
    pub(crate) released: Vec<ReleasedTable>,
    /// Post-processing plan over the released tables. Rows carry the cells of the groups they come from as last
    /// output columns, as long as they can be followed.
    pub(crate) above: LogicalPlan,
    /// The tree for people: why this is private.
    pub(crate) certificate: Certificate,
}

/// One release of a query.
pub(crate) struct CertifiedBarrier {
    /// Private plan; output columns as [`crate::barrier`] says.
    pub(crate) below: LogicalPlan,
    /// What happens between below and above.
    pub(crate) barrier: Barrier,
    /// The tables that `below` scans.
    pub(crate) tables: Vec<Arc<CatalogTable>>,
    /// Rows that its scans and joins are expected to give, from declared figures.
    pub(crate) work: u64,
}

/// Certifies a query: finds the barriers and the facts that make them private, or says why there are none.
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
    let mut found = Found { words: &words, options, barriers: Vec::new(), certificates: Vec::new() };
    let aggregates = split::barriers(&plan, &found.context())?;
    let releases = aggregates.iter().map(|a| found.release(a)).collect::<Result<Vec<_>, _>>()?;
    let Found { barriers, mut certificates, .. } = found;
    one_population(&barriers, &words)?;
    epochs::few(&barriers, &words)?;
    let above::Rebuilt { plan, released } = above::rebuild(&plan, &releases, &barriers, &words)?;
    let certificate = match (certificates.pop(), certificates.is_empty()) {
        (Some(only), true) => only,
        (last, _) => Certificate {
            node: format!("Answer of {} releases", barriers.len()),
            facts: vec!["paid for together: their losses add up".to_owned()],
            inputs: certificates.into_iter().chain(last).collect(),
        },
    };
    Ok(Certified::Private(Box::new(CertifiedQuery { barriers, released, above: plan, certificate })))
}

/// What certification has found so far.
struct Found<'a> {
    words: &'a Words,
    options: PrivacyOptions,
    barriers: Vec<CertifiedBarrier>,
    certificates: Vec<Certificate>,
}

impl Found<'_> {
    /// Limits of texts and steps are for one row of one barrier.
    fn context(&self) -> Context<'_> {
        Context {
            words: self.words,
            options: self.options,
            text_bytes: Cell::new(0),
            steps: Cell::new(0),
            names: Cell::new(0),
        }
    }

    /// Bounds an aggregate: each of its grouping sets, the largest first, is a release or a total over one.
    fn release(&mut self, aggregate: &Aggregate) -> Result<Release, Refusal> {
        let sets::Sets { keys, sets } = sets::of(aggregate, &self.context())?;
        let mut order: Vec<usize> = (0..sets.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(sets.get(i).map_or(0, |s| s.kept.len())));
        let mut released: Vec<(Vec<usize>, usize)> = Vec::new();
        let mut origins: Vec<Option<SetOrigin>> = sets.iter().map(|_| None).collect();
        for i in order {
            let Some(set) = sets.get(i) else { continue };
            let origin = match self.derived(&set.kept, &released) {
                Some(origin) => origin,
                None => {
                    let context = self.context();
                    let node = below::node(&aggregate.input, &context)?;
                    let names = set.kept.iter().map(|&k| aggregate.schema.field(k).name().clone()).collect();
                    let kept = set.kept.iter().filter_map(|&k| keys.get(k).cloned()).collect::<Vec<_>>();
                    let Bounded { below, barrier, tables, work, certificate } =
                        aggregate::bound(&kept, names, &aggregate.aggr_expr, node, &context)?;
                    let mut certified = CertifiedBarrier { below, barrier, tables, work };
                    epochs::confine(&mut certified, self.words)?;
                    self.barriers.push(certified);
                    self.certificates.push(certificate);
                    released.push((set.kept.clone(), self.barriers.len() - 1));
                    Origin::Barrier(self.barriers.len() - 1)
                }
            };
            if let Some(place) = origins.get_mut(i) {
                *place = Some(SetOrigin { origin, kept: set.kept.clone(), grouping_id: set.grouping_id.clone() });
            }
        }
        Ok(Release { aggregate: aggregate.clone(), keys: keys.len(), sets: origins.into_iter().flatten().collect() })
    }

    /// A set's cells as another set's, or as totals over them.
    fn derived(&self, kept: &[usize], released: &[(Vec<usize>, usize)]) -> Option<Origin> {
        released.iter().find_map(|(all, barrier)| {
            if all == kept {
                return Some(Origin::Barrier(*barrier));
            }
            let positions = kept.iter().map(|k| all.iter().position(|a| a == k)).collect::<Option<Vec<_>>>()?;
            let rolls_up = self.barriers.get(*barrier).is_some_and(|b| b.barrier.rolls_up());
            rolls_up.then_some(Origin::RollUp { barrier: *barrier, kept: positions, only: Vec::new() })
        })
    }
}

/// All releases of a query are charged to one root account.
fn one_population(barriers: &[CertifiedBarrier], words: &Words) -> Result<(), Refusal> {
    let mut populations = barriers.iter().map(|b| &b.barrier.population);
    let first = populations.next();
    match populations.find(|p| first.is_some_and(|f| f.id != p.id)) {
        None => Ok(()),
        Some(other) => Err(Refusal::new(
            Reason::SeveralBarriers,
            "this query asks about two populations",
            format!(
                "What it learns about {} and about {} is paid from different accounts.",
                first.map_or("one", |p| p.name.as_str()),
                other.name
            ),
        )
        .fix("ask one query per population and compute with the answers")
        .at(words.find("FROM"))),
    }
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
    /// The tree for people: why this is private.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What identifies the request among all that are answered alike: everything at and below the barrier, with the
    /// releases and their policies. Names given by the researcher and whatever is done above the barrier don't count.
    #[must_use]
    pub fn canonical(&self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        for CertifiedBarrier { below, barrier: b, tables, .. } in &self.barriers {
            canonical::plan(below, &mut text);
            for table in tables {
                let policy = if faults::on(Fault::KeyWithoutPolicy) { "" } else { table.policy.canonical() };
                let _ = write!(text, "\n{} {} {}\n{policy}", table.release, table.version, table.table.name());
            }
            for key in &b.keys {
                let _ = write!(text, "\nkey {} {}", key.data_type, canonical::values(key.values.as_deref()));
            }
            let epsilon = b.epsilon.filter(|_| !faults::on(Fault::KeyWithoutEpsilon));
            let _ = write!(
                text,
                "\n{:?}\n{:?}\nl0 {} {:?} epsilon {:?} row {}\n",
                b.measures, b.aggregates, b.max_groups, b.selection, epsilon, b.unit_is_row
            );
        }
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
