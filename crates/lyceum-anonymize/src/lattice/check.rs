//! Checking one node: count its classes, see which meet the models, and what the others add to the loss.

use super::objective::{Losses, Objective};
use crate::model::{Classes, Judge, Requirements, SensitiveModel};
use crate::tuples::{Grouping, Scratch, Tuples};

/// What a node is.
pub(super) enum Verdict {
    /// Too many rows are in classes below k (or below l): so they are at every finer node.
    Fails,
    /// Too many rows are in classes that miss a model; finer nodes may meet it.
    Misses,
    /// The requirements are met.
    Meets {
        score: f64,
        /// Per column, what suppressed rows add.
        added: Option<Box<[f64]>>,
    },
}

/// A node's classes and which of them are released.
pub(super) struct Kept {
    pub(super) class_of: Vec<u32>,
    pub(super) first: Vec<u32>,
    pub(super) keeps: Vec<bool>,
}

pub(super) struct Checker<'t> {
    judge: Judge<'t>,
    losses: &'t Losses,
    limit: u64,
    /// Whether failing a sensitive model is inherited by finer nodes.
    inherits: bool,
    scratch: Scratch,
    grouping: Grouping,
    rows: Vec<u32>,
}

impl<'t> Checker<'t> {
    pub(super) fn new(requirements: &'t Requirements, losses: &'t Losses, limit: u64) -> Self {
        let inherits = requirements.sensitive.iter().all(|(_, m)| matches!(m, SensitiveModel::DistinctDiversity(_)));
        Self {
            judge: Judge::new(requirements),
            losses,
            limit,
            inherits,
            scratch: Scratch::default(),
            grouping: Grouping::default(),
            rows: Vec::new(),
        }
    }

    /// Checks a node over tuples of this or a finer node.
    pub(super) fn check(&mut self, base: &Tuples, levels: &[usize]) -> Verdict {
        base.group(levels, &mut self.scratch, &mut self.grouping);
        let classes = self.grouping.first.len();
        self.rows.clear();
        self.rows.resize(classes, 0);
        for (&class, &n) in self.grouping.class_of.iter().zip(&base.rows) {
            self.rows[class as usize] += n;
        }
        let persons = base.persons.per_class(&self.grouping.class_of, classes);
        let k = self.judge.k();
        let below = |class: &usize| persons[*class] < k;
        let mut out: u64 = (0..classes).filter(below).map(|c| u64::from(self.rows[c])).sum();
        if out > self.limit {
            return Verdict::Fails;
        }
        let mut suppressed: Vec<usize> = (0..classes).filter(below).collect();
        if !self.judge.only_k() {
            let members = Classes::new(&self.grouping.class_of, classes);
            for class in (0..classes).filter(|c| !below(c)) {
                if !self.judge.accepts(base, members.of(class)) {
                    out += u64::from(self.rows[class]);
                    suppressed.push(class);
                    if out > self.limit {
                        return if self.inherits { Verdict::Fails } else { Verdict::Misses };
                    }
                }
            }
        }
        self.score(base, levels, &suppressed, out)
    }

    #[allow(clippy::cast_precision_loss)]
    fn score(&self, base: &Tuples, levels: &[usize], suppressed: &[usize], out: u64) -> Verdict {
        let all = self.losses.rows;
        match self.losses.objective {
            Objective::Loss | Objective::GeometricLoss => {
                let added: Box<[f64]> = levels
                    .iter()
                    .enumerate()
                    .map(|(c, &level)| {
                        let (from, to) = (base.hierarchies[c].level(base.at[c]), base.hierarchies[c].level(level));
                        let adds = suppressed.iter().map(|&class| {
                            let code = base.codes[c][self.grouping.first[class] as usize] as usize;
                            let node = to.node_of_leaf[from.nodes[code].first as usize] as usize;
                            f64::from(self.rows[class]) * (1.0 - self.losses.node(c, level, node))
                        });
                        adds.sum::<f64>() / all
                    })
                    .collect();
                let score = self.losses.bound(levels, Some(&added));
                // Only where failing is inherited do coarser nodes suppress no more than finer ones.
                Verdict::Meets { score, added: self.inherits.then_some(added) }
            }
            Objective::AverageClass => {
                let classes = self.rows.len() - suppressed.len() + usize::from(out > 0);
                Verdict::Meets { score: all / classes as f64 / self.losses.k, added: None }
            }
            Objective::Discernibility => {
                let squares: f64 = self.rows.iter().map(|&n| f64::from(n) * f64::from(n)).sum();
                let small: f64 = suppressed.iter().map(|&c| f64::from(self.rows[c]) * f64::from(self.rows[c])).sum();
                Verdict::Meets { score: squares - small + out as f64 * all, added: None }
            }
        }
    }

    /// The classes of a node over the tuples themselves.
    pub(super) fn classes(&mut self, tuples: &Tuples, levels: &[usize]) -> Kept {
        tuples.group(levels, &mut self.scratch, &mut self.grouping);
        let Grouping { class_of, first } = std::mem::take(&mut self.grouping);
        let persons = tuples.persons.per_class(&class_of, first.len());
        let members = Classes::new(&class_of, first.len());
        let keeps = persons.iter().enumerate().map(|(class, &n)| {
            n >= self.judge.k() && (self.judge.only_k() || self.judge.accepts(tuples, members.of(class)))
        });
        let keeps = keeps.collect();
        Kept { class_of, first, keeps }
    }
}
