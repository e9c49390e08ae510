//! Junction trees (Lauritzen and Spiegelhalter 1988): from the scopes that are measured to cliques that cover them.

use super::scope::Scope;
use std::collections::BTreeSet;

/// Cliques in an order in which parents come first; the first is the root. Parts that share nothing are joined by empty separators.
#[derive(Debug, Clone)]
pub(super) struct JunctionTree {
    pub(super) cliques: Vec<Scope>,
    /// By clique: its parent, and what they share. The root's is itself.
    pub(super) parents: Vec<(usize, Scope)>,
}

impl JunctionTree {
    /// The tree for scopes over attributes with these sizes; every attribute is in some clique.
    pub(super) fn new(sizes: &[usize], scopes: &[Vec<usize>]) -> Self {
        let mut left: Vec<Scope> = maximal(sizes, scopes).into_iter().map(|c| Scope::new(c, sizes)).collect();
        let mut tree = Self { cliques: Vec::new(), parents: Vec::new() };
        if left.is_empty() {
            left.push(Scope::new(Vec::new(), sizes));
        }
        let root = left.swap_remove(0);
        tree.parents.push((0, Scope::new(Vec::new(), sizes)));
        tree.cliques.push(root);
        // A maximum spanning tree by the number of shared attributes has the running intersection property.
        while !left.is_empty() {
            let shared = |clique: &Scope, to: &Scope| {
                to.attributes().iter().copied().filter(|a| clique.contains(&[*a])).collect::<Vec<_>>()
            };
            let links = left.iter().enumerate().flat_map(|(index, clique)| {
                let known = tree.cliques.iter().enumerate();
                known.map(move |(parent, to)| (shared(clique, to).len(), index, parent))
            });
            let best = links.reduce(|a, b| if b.0 > a.0 { b } else { a });
            let Some((_, index, parent)) = best else { break };
            let clique = left.swap_remove(index);
            let separator = shared(&clique, &tree.cliques[parent]);
            tree.parents.push((parent, Scope::new(separator, sizes)));
            tree.cliques.push(clique);
        }
        tree
    }

    /// Cells of all cliques together: what a model costs in memory and time.
    pub(super) fn cells(sizes: &[usize], scopes: &[Vec<usize>]) -> usize {
        let cliques = maximal(sizes, scopes);
        cliques.into_iter().fold(0, |n, c| n.saturating_add(Scope::new(c, sizes).cells()))
    }
}

/// Maximal cliques of a triangulation: attributes are eliminated so that the smallest table comes first.
fn maximal(sizes: &[usize], scopes: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); sizes.len()];
    for scope in scopes {
        for one in scope {
            neighbours[*one].extend(scope.iter().filter(|a| *a != one));
        }
    }
    let mut left: BTreeSet<usize> = (0..sizes.len()).collect();
    let mut cliques: Vec<Vec<usize>> = Vec::new();
    let weight = |a: usize, neighbours: &[BTreeSet<usize>]| {
        neighbours[a].iter().fold(sizes[a], |n, b| n.saturating_mul(sizes[*b]))
    };
    while let Some(next) = left.iter().copied().min_by_key(|a| (weight(*a, &neighbours), *a)) {
        let around = std::mem::take(&mut neighbours[next]);
        for one in &around {
            neighbours[*one].remove(&next);
            neighbours[*one].extend(around.iter().filter(|a| *a != one));
        }
        left.remove(&next);
        let clique: Vec<usize> = around.into_iter().chain([next]).collect();
        if !cliques.iter().any(|known| clique.iter().all(|a| known.contains(a))) {
            cliques.push(clique);
        }
    }
    cliques
}
