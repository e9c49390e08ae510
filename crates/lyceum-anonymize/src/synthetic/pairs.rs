//! Marginals of any two attributes of a model, also of those that share no clique: chains of conditionals along the junction tree.

use super::model::Model;
use super::scope::{Scope, project};
use std::collections::BTreeMap;

/// Expected counts of every pair of attributes, the lower one first, row-major; and of every attribute.
pub(super) struct Marginals {
    pub(super) singles: Vec<Vec<f64>>,
    pub(super) pairs: BTreeMap<(usize, usize), Vec<f64>>,
}

/// One step from a clique to a neighbour.
struct Edge {
    to: usize,
    /// Where the cells of the clique before and of the one after fall in what they share.
    before: Vec<u32>,
    after: Vec<u32>,
    /// By cell of the clique after: its probability given what is shared.
    conditional: Vec<f64>,
    shared: usize,
}

impl Marginals {
    pub(super) fn new(model: &Model) -> Self {
        let (tree, beliefs, sizes) = (model.tree(), model.beliefs(), model.sizes());
        let mut edges: Vec<Vec<Edge>> = tree.cliques.iter().map(|_| Vec::new()).collect();
        for clique in 1..tree.cliques.len() {
            let (parent, separator) = &tree.parents[clique];
            for (from, to) in [(*parent, clique), (clique, *parent)] {
                let (before, after) = (tree.cliques[from].map_to(separator), tree.cliques[to].map_to(separator));
                let shared = project(&beliefs[to], &after, separator.cells());
                let given = |(b, at): (&f64, &u32)| {
                    let sum = shared[*at as usize];
                    if sum > 0.0 { b / sum } else { 0.0 }
                };
                let conditional = beliefs[to].iter().zip(&after).map(given).collect();
                edges[from].push(Edge { to, before, after, conditional, shared: separator.cells() });
            }
        }
        let single = |a: usize| Scope::new(vec![a], sizes);
        let home = |a: usize| tree.cliques.iter().position(|c| c.contains(&[a])).unwrap_or(0);
        let values: Vec<BTreeMap<usize, Vec<u32>>> =
            tree.cliques.iter().map(|c| c.attributes().iter().map(|a| (*a, c.map_to(&single(*a)))).collect()).collect();
        let singles = (0..sizes.len())
            .map(|a| values[home(a)].get(&a).map(|map| project(&beliefs[home(a)], map, sizes[a])).unwrap_or_default())
            .collect();
        let mut pairs = BTreeMap::new();
        for a in 0..sizes.len() {
            let start = home(a);
            // The joint counts of the attribute's values (outside) and a clique's cells (inside).
            let own = &values[start][&a];
            let rows = (0..sizes[a]).map(|v| {
                let keep = |(b, at): (&f64, &u32)| if *at as usize == v { *b } else { 0.0 };
                beliefs[start].iter().zip(own).map(keep).collect::<Vec<f64>>()
            });
            let mut stack = vec![(start, start, rows.collect::<Vec<_>>())];
            while let Some((clique, from, joint)) = stack.pop() {
                for (b, map) in values[clique].range(a + 1..) {
                    pairs
                        .entry((a, *b))
                        .or_insert_with(|| joint.iter().flat_map(|row| project(row, map, sizes[*b])).collect());
                }
                for edge in edges[clique].iter().filter(|e| e.to != from || clique == from) {
                    let step = |row: &Vec<f64>| {
                        let shared = project(row, &edge.before, edge.shared);
                        let cells = edge.conditional.iter().zip(&edge.after);
                        cells.map(|(c, at)| c * shared[*at as usize]).collect::<Vec<f64>>()
                    };
                    stack.push((edge.to, clique, joint.iter().map(step).collect()));
                }
            }
        }
        Self { singles, pairs }
    }

    /// The marginal of one or two attributes in rising order.
    pub(super) fn of(&self, attributes: &[usize]) -> &[f64] {
        match attributes {
            [a] => self.singles.get(*a).map_or(&[], Vec::as_slice),
            [a, b] => self.pairs.get(&(*a, *b)).map_or(&[], Vec::as_slice),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Marginals;
    use crate::synthetic::model::{Measured, Model};
    use crate::synthetic::scope::{Scope, project};

    const SIZES: [usize; 5] = [2, 3, 2, 4, 3];
    const ALL: [usize; 5] = [0, 1, 2, 3, 4];

    /// A made-up joint distribution of 1,000 rows.
    fn joint() -> Vec<f64> {
        let weights: Vec<f64> = (0..144).map(|i| f64::from((i * 37 + i / 7 * 11) % 23) + 1.0).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|w| 1_000.0 * w / sum).collect()
    }

    fn marginal(joint: &[f64], attributes: &[usize]) -> Vec<f64> {
        let scope = Scope::new(attributes.to_vec(), &SIZES);
        project(joint, &Scope::new(ALL.to_vec(), &SIZES).map_to(&scope), scope.cells())
    }

    fn fitted(scopes: &[&[usize]]) -> Model {
        let mut model = Model::new(SIZES.to_vec());
        for scope in scopes {
            let counts = marginal(&joint(), scope);
            model.add(Measured { attributes: scope.to_vec(), precisions: vec![0.01; counts.len()], counts });
        }
        model.fit(3_000);
        model
    }

    fn near(one: &[f64], other: &[f64], by: f64) {
        assert_eq!(one.len(), other.len());
        assert!(one.iter().zip(other).all(|(a, b)| (a - b).abs() < by), "{one:?} {other:?}");
    }

    /// A loop of pairs: its junction tree has cliques of three. What was measured without noise is what the model says.
    #[test]
    fn measured_marginals_are_met() {
        let scopes: [&[usize]; 6] = [&[0, 1], &[1, 2], &[2, 3], &[0, 3], &[4], &[1]];
        let marginals = Marginals::new(&fitted(&scopes));
        for scope in scopes {
            near(marginals.of(scope), &marginal(&joint(), scope), 0.5);
        }
    }

    /// On a chain, ends are independent given what is between, and a part that nothing was measured with is independent of all.
    #[test]
    fn pairs_outside_cliques_are_chains_of_conditionals() {
        let marginals = Marginals::new(&fitted(&[&[0, 1], &[1, 3], &[4]]));
        let (first, second, middle) = (marginals.of(&[0, 1]), marginals.of(&[1, 3]), marginals.of(&[1]));
        let chain = |a: usize, d: usize| (0..3).map(|b| first[a * 3 + b] * second[b * 4 + d] / middle[b]).sum::<f64>();
        let expected: Vec<f64> = (0..2).flat_map(|a| (0..4).map(move |d| (a, d))).map(|(a, d)| chain(a, d)).collect();
        near(marginals.of(&[0, 3]), &expected, 1e-6);
        let apart: Vec<f64> =
            marginals.of(&[3]).iter().flat_map(|x| marginals.of(&[4]).iter().map(move |y| x * y / 1_000.0)).collect();
        near(marginals.of(&[3, 4]), &apart, 0.1);
    }
}
