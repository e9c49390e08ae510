//! Private-PGM: the distribution of highest entropy whose marginals fit noisy ones best (McKenna, Sheldon and Miklau 2019).
//!
//! The model is a product of potentials, one for each measured scope, kept as logarithms. Belief propagation on a junction tree
//! gives its marginals; entropic mirror descent with line search lowers Σ (μ − y)²/2σ². Potentials stay when scopes are added, so a fit starts from the
//! one before. All of it is post-processing of noisy numbers.

use super::graph::JunctionTree;
use super::scope::{Scope, project};

/// Noisy counts of one scope, and 1/σ² of each.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) attributes: Vec<usize>,
    pub(crate) counts: Vec<f64>,
    pub(crate) precisions: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Term {
    scope: Scope,
    counts: Vec<f64>,
    precisions: Vec<f64>,
    potential: Vec<f64>,
}

/// A fitted distribution over all attributes.
#[derive(Debug, Clone)]
pub(super) struct Model {
    sizes: Vec<usize>,
    total: f64,
    terms: Vec<Term>,
    tree: JunctionTree,
    /// By clique: expected counts, adding up to the total.
    beliefs: Vec<Vec<f64>>,
}

/// Where things stand in the cliques of one tree.
struct Places {
    /// By term: its clique, and where the clique's cells fall.
    terms: Vec<(usize, Vec<u32>)>,
    /// By clique: where its cells and its parent's fall in the separator.
    separators: Vec<(Vec<u32>, Vec<u32>)>,
}

impl Model {
    /// The uniform distribution.
    pub(super) fn new(sizes: Vec<usize>) -> Self {
        let tree = JunctionTree::new(&sizes, &[]);
        let beliefs = tree.cliques.iter().map(|c| vec![1.0 / c.cells() as f64; c.cells()]).collect();
        Self { sizes, total: 1.0, terms: Vec::new(), tree, beliefs }
    }

    pub(super) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub(super) fn total(&self) -> f64 {
        self.total
    }

    pub(super) fn tree(&self) -> &JunctionTree {
        &self.tree
    }

    pub(super) fn beliefs(&self) -> &[Vec<f64>] {
        &self.beliefs
    }

    pub(super) fn scopes(&self) -> Vec<Vec<usize>> {
        self.terms.iter().map(|t| t.scope.attributes().to_vec()).collect()
    }

    /// Adds a measurement; a second one of the same scope is averaged with the first by precision.
    pub(super) fn add(&mut self, measured: Measured) {
        let scope = Scope::new(measured.attributes, &self.sizes);
        if let Some(term) = self.terms.iter_mut().find(|t| t.scope == scope) {
            let new = measured.counts.into_iter().zip(measured.precisions);
            for ((count, precision), (c, p)) in term.counts.iter_mut().zip(&mut term.precisions).zip(new) {
                *count = (*count * *precision + c * p) / (*precision + p);
                *precision += p;
            }
            return;
        }
        let potential = vec![0.0; scope.cells()];
        self.terms.push(Term { scope, counts: measured.counts, precisions: measured.precisions, potential });
    }

    /// Fits the potentials in at most so many steps.
    pub(super) fn fit(&mut self, steps: usize) {
        self.total = self.noisy_total();
        self.tree = JunctionTree::new(&self.sizes, &self.scopes());
        let places = self.places();
        self.beliefs = self.propagate(&places);
        let sharpest = self.terms.iter().flat_map(|t| &t.precisions).copied().fold(0.0, f64::max);
        let mut step = 4.0 / (self.total * sharpest).max(f64::MIN_POSITIVE);
        let (mut loss, mut gradients) = self.loss(&places);
        let mut quiet = 0;
        for _ in 0..steps {
            let before = self.terms.iter().map(|t| t.potential.clone()).collect::<Vec<_>>();
            let old = self.marginals(&places);
            let mut moved = false;
            for _ in 0..30 {
                for ((term, start), gradient) in self.terms.iter_mut().zip(&before).zip(&gradients) {
                    for ((p, s), g) in term.potential.iter_mut().zip(start).zip(gradient) {
                        *p = s - step * g;
                    }
                }
                let beliefs = self.propagate(&places);
                let kept = std::mem::replace(&mut self.beliefs, beliefs);
                let (lower, next) = self.loss(&places);
                let new = self.marginals(&places);
                let drop: f64 = gradients.iter().zip(old.iter().zip(&new)).map(|(g, (o, n))| along(g, o, n)).sum();
                if lower.is_finite() && loss - lower >= 0.5 * drop && drop >= 0.0 {
                    quiet = if loss - lower <= 1e-5 * loss { quiet + 1 } else { 0 };
                    (loss, gradients, moved) = (lower, next, true);
                    break;
                }
                self.beliefs = kept;
                step *= 0.5;
            }
            if !moved {
                for (term, start) in self.terms.iter_mut().zip(before) {
                    term.potential = start;
                }
                break;
            }
            step *= 1.4;
            if quiet >= 5 {
                break;
            }
        }
    }

    /// Every scope's sum estimates the number of rows; the mean of them by variance.
    fn noisy_total(&self) -> f64 {
        let sums = self.terms.iter().map(|t| {
            let variance: f64 = t.precisions.iter().map(|p| 1.0 / p).sum();
            (t.counts.iter().sum::<f64>(), 1.0 / variance)
        });
        let (weighted, weight) = sums.fold((0.0, 0.0), |(a, b), (sum, w)| (a + sum * w, b + w));
        if weight > 0.0 { (weighted / weight).max(1.0) } else { 1.0 }
    }

    fn places(&self) -> Places {
        let host = |scope: &Scope| {
            let cliques = self.tree.cliques.iter().enumerate().filter(|(_, c)| c.contains(scope.attributes()));
            cliques.min_by_key(|(_, c)| c.cells()).map_or(0, |(index, _)| index)
        };
        let term = |t: &Term| {
            let clique = host(&t.scope);
            (clique, self.tree.cliques[clique].map_to(&t.scope))
        };
        let links = self.tree.cliques.iter().zip(&self.tree.parents);
        let separator =
            |(c, (parent, s)): (&Scope, &(usize, Scope))| (c.map_to(s), self.tree.cliques[*parent].map_to(s));
        Places { terms: self.terms.iter().map(term).collect(), separators: links.map(separator).collect() }
    }

    /// Two passes over the tree. Each clique's largest log-potential is subtracted before exponentials are taken, and
    /// messages are scaled, so that only what is below 1e-300 of the largest is lost.
    fn propagate(&self, places: &Places) -> Vec<Vec<f64>> {
        let mut beliefs: Vec<Vec<f64>> = self.tree.cliques.iter().map(|c| vec![0.0; c.cells()]).collect();
        for (term, (clique, map)) in self.terms.iter().zip(&places.terms) {
            for (cell, at) in beliefs[*clique].iter_mut().zip(map) {
                *cell += term.potential[*at as usize];
            }
        }
        for belief in &mut beliefs {
            let largest = belief.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            belief.iter_mut().for_each(|cell| *cell = (*cell - largest).exp());
        }
        let mut messages: Vec<Vec<f64>> = vec![Vec::new(); beliefs.len()];
        for clique in (1..beliefs.len()).rev() {
            let (parent, separator) = &self.tree.parents[clique];
            let (own, other) = &places.separators[clique];
            let mut message = project(&beliefs[clique], own, separator.cells());
            let largest = message.iter().copied().fold(0.0, f64::max);
            if largest > 0.0 {
                message.iter_mut().for_each(|m| *m /= largest);
                beliefs[clique].iter_mut().for_each(|b| *b /= largest);
            }
            for (cell, at) in beliefs[*parent].iter_mut().zip(other) {
                *cell *= message[*at as usize];
            }
            messages[clique] = message;
        }
        if let Some(root) = beliefs.first_mut() {
            let sum: f64 = root.iter().sum();
            let scale = if sum > 0.0 { self.total / sum } else { 0.0 };
            root.iter_mut().for_each(|cell| *cell *= scale);
        }
        for clique in 1..beliefs.len() {
            let (parent, separator) = &self.tree.parents[clique];
            let (own, other) = &places.separators[clique];
            let mut ratio = project(&beliefs[*parent], other, separator.cells());
            for (r, m) in ratio.iter_mut().zip(&messages[clique]) {
                *r = if *m > 0.0 { *r / m } else { 0.0 };
            }
            for (cell, at) in beliefs[clique].iter_mut().zip(own) {
                *cell *= ratio[*at as usize];
            }
        }
        beliefs
    }

    fn marginals(&self, places: &Places) -> Vec<Vec<f64>> {
        let terms = self.terms.iter().zip(&places.terms);
        terms.map(|(t, (clique, map))| project(&self.beliefs[*clique], map, t.scope.cells())).collect()
    }

    /// Σ (μ − y)²/2σ², and its gradient by scope.
    fn loss(&self, places: &Places) -> (f64, Vec<Vec<f64>>) {
        let mut loss = 0.0;
        let gradient = |(term, mu): (&Term, Vec<f64>)| {
            let cells = mu.into_iter().zip(&term.counts).zip(&term.precisions);
            let slope = cells.map(|((m, y), p)| {
                loss += 0.5 * p * (m - y) * (m - y);
                p * (m - y)
            });
            slope.collect()
        };
        let gradients = self.terms.iter().zip(self.marginals(places)).map(gradient).collect();
        (loss, gradients)
    }
}

fn along(gradient: &[f64], old: &[f64], new: &[f64]) -> f64 {
    gradient.iter().zip(old.iter().zip(new)).map(|(g, (o, n))| g * (o - n)).sum()
}
