//! Answers from answers: a question whose every number can be computed from stored ones is answered by
//! post-processing, without new noise and without a charge (R9).
//!
//! A stored barrier serves another one of its *family* (same releases, versions, policies and rows) if
//! - the ε paid for it is at least what is asked for;
//! - its conditions are among the asked ones, and each further condition only looks at one of its listed keys: then
//!   it leaves whole groups ([`narrow`]);
//! - the asked keys are among its own and all have lists: cells are summed over the others, people excepted, who may be
//!   in several groups; undeclared keys only serve the same keys of the same rows;
//! - the asked measures are among its own, with the same bounds, L0 and scaling; or an average's sum and count are there
//!   apart from each other ([`matching`]).
//!
//! Each barrier of a query may be served by another answer. If one of them is served by none, the whole query is
//! charged. What is computed has the noise of the stored cells and their bounding: a total of m cells has √m σ, two
//! numbers from one cell have the same noise in it.

mod describe;
mod descriptor;
mod matching;
mod narrow;

use crate::above::{Above, BarrierFacts, each_once};
use crate::failure::FinishError;
use crate::price::PricedQuery;
use crate::release::ReleasedGroups;
pub(crate) use describe::{Asked, describe};
pub use descriptor::Descriptor;
use matching::{Found, matched};
use std::sync::Arc;

/// A barrier of a stored answer. `A` says which answer.
#[derive(Debug, Clone)]
pub struct Stored<A> {
    /// The answer.
    pub answer: A,
    /// Which of its barriers, from 0.
    pub barrier: usize,
    /// Its family.
    pub family: [u8; 32],
    /// What it released.
    pub descriptor: Descriptor,
}

/// How a priced query is answered from stored answers. Only [`PricedQuery::derive`] makes it.
pub struct Derivation<A> {
    /// The barriers that numbers are taken from, each once.
    parts: Vec<(A, usize)>,
    above: Above,
    noisier: Option<String>,
}

impl PricedQuery {
    /// By barrier: its family, and what its answer is to be stored with. Without `None`s wherever reuse knows the
    /// barrier.
    pub fn descriptors(&self) -> impl Iterator<Item = Option<([u8; 32], &Descriptor)>> {
        self.asked.iter().map(|a| a.as_ref().map(|a| (a.family, &a.descriptor)))
    }

    /// The families among whose stored answers [`Self::derive`] looks, each once; `None` if a barrier has none.
    #[must_use]
    pub fn families(&self) -> Option<Vec<[u8; 32]>> {
        let mut families = self.asked.iter().map(|a| Some(a.as_ref()?.family)).collect::<Option<Vec<_>>>()?;
        families.sort_unstable();
        families.dedup();
        Some(families)
    }

    /// How to answer from stored answers alone, the least noisy way; of equals, the first. `None`: it must be charged.
    #[must_use]
    pub fn derive<A: Clone + PartialEq>(&self, stored: &[Stored<A>]) -> Option<Derivation<A>> {
        let mut parts: Vec<(A, usize)> = Vec::new();
        let mut facts = Vec::new();
        let mut found: Vec<(usize, Found)> = Vec::new();
        let mut notes = vec![DERIVED.to_owned()];
        for asked in &self.asked {
            let (from, way) = best(asked.as_ref()?, stored)?;
            let part = (from.answer.clone(), from.barrier);
            let place = parts.iter().position(|p| *p == part).unwrap_or(parts.len());
            if place == parts.len() {
                parts.push(part);
                facts.push(BarrierFacts {
                    listed: from.descriptor.listed(),
                    most: from.descriptor.most(),
                    max_groups: from.descriptor.max_groups,
                });
                notes.extend(from.descriptor.notes.iter().cloned());
            }
            if way.divides() {
                notes.push(DIVIDED.to_owned());
            }
            found.push((place, way));
        }
        let times = found.iter().map(|(_, way)| way.times).fold(0.0, f64::max);
        let noisier = (times > 1.0 + TOLERANCE).then(|| self.noisier(times));
        notes.extend(noisier.clone());
        let Above { plan, released, .. } = self.above();
        let mut tables = released.as_ref().clone();
        for table in &mut tables {
            let (place, way) = found.get(table.origin.barrier())?;
            table.origin = way.origin(*place, &table.origin)?;
            table.aggregates = table.aggregates.iter().map(|a| way.rewrite(a)).collect::<Option<_>>()?;
        }
        let notes = each_once(notes.into_iter());
        let above = Above { plan, released: Arc::new(tables), barriers: Arc::new(facts), notes };
        Some(Derivation { parts, above, noisier })
    }

    /// What asking anew would buy.
    fn noisier(&self, times: f64) -> String {
        let widths = self.explain().columns.into_iter().filter_map(|c| Some((c.name, c.half_width?)));
        let widths: Vec<String> =
            widths.map(|(name, w)| format!("{name}: ± {:.3e} instead of up to ± {:.3e}", w, w * times)).collect();
        let columns = if widths.is_empty() { String::new() } else { format!(" ({})", widths.join("; ")) };
        format!(
            "intervals are up to {times:.1} times as wide as a new answer's{columns}; OPTIONS (fresh = true) buys it for what \
            alone would be ε = {:.3}",
            self.epsilon_alone()
        )
    }
}

/// What people are told of derived numbers.
const DERIVED: &str = "derived from an earlier answer, for free: as accurate and bounded as that one; \
    OPTIONS (fresh = true) charges and draws anew";
/// How much more noise is worth a word.
const TOLERANCE: f64 = 0.05;
/// And of averages from sums and counts.
const DIVIDED: &str = "an average is the quotient of a released sum and a released count";

fn best<'a, A>(asked: &Asked, stored: &'a [Stored<A>]) -> Option<(&'a Stored<A>, Found)> {
    let mut best: Option<(&Stored<A>, Found)> = None;
    for candidate in stored.iter().filter(|s| s.family == asked.family) {
        if let Some(found) = matched(asked, &candidate.descriptor)
            && best.as_ref().is_none_or(|(_, b)| found.noise < b.noise)
        {
            best = Some((candidate, found));
        }
    }
    best
}

impl Descriptor {
    /// By key: how many values its list has; empty where some key has none.
    fn listed(&self) -> Vec<usize> {
        self.keys.iter().map(|k| k.values.as_ref().map(Vec::len)).collect::<Option<_>>().unwrap_or_default()
    }

    /// By measure: most that one unit adds to one group.
    fn most(&self) -> Vec<i64> {
        self.measures.iter().map(|m| m.what.high).collect()
    }
}

impl<A: Clone + PartialEq> Derivation<A> {
    /// In words, how much noisier the numbers are than new ones; `None` if they are not.
    #[must_use]
    pub fn noisier(&self) -> Option<&str> {
        self.noisier.as_deref()
    }

    /// The answers that are needed, each once.
    #[must_use]
    pub fn answers(&self) -> Vec<A> {
        let mut answers: Vec<A> = Vec::new();
        for (answer, _) in &self.parts {
            if !answers.contains(answer) {
                answers.push(answer.clone());
            }
        }
        answers
    }

    /// What [`crate::finish::finish`] computes the answer from, given what each needed answer has released.
    ///
    /// # Errors
    /// [`FinishError::Stored`] when an answer is missing or is not what it was described as.
    pub fn assemble(
        self,
        groups: impl Fn(&A) -> Option<ReleasedGroups>,
    ) -> Result<(Above, ReleasedGroups), FinishError> {
        let taken = self.parts.iter().zip(self.above.barriers.iter()).map(|((answer, barrier), facts)| {
            let groups = groups(answer)?.0.into_iter().nth(*barrier)?;
            // Undeclared keys may have shown any number of groups; listed ones all.
            let whole = groups.other.is_some() || groups.groups == facts.listed.iter().product::<usize>();
            whole.then_some(groups)
        });
        let taken = taken.collect::<Option<Vec<_>>>().ok_or(FinishError::Stored)?;
        Ok((self.above, ReleasedGroups(taken)))
    }
}
