//! Engine (a): the optimal full-domain recoding, one level per column for all rows, with a limit of suppression.
//!
//! The lattice of levels is searched exactly. Of every node a lower bound of its loss is known without looking at
//! rows (the loss of its levels); suppressed rows only add to it, and a node adds at least what any coarser node adds.
//! Nodes are checked from the highest bound below the best loss so far downwards, so that all coarser nodes come
//! first: what is coarser and fails rules out all below (predictive tagging: El Emam et al., JAMIA 2009; Kohlmayer et
//! al., "Flash", PASSAT 2012), and no node is checked that a smaller set of checks could have ruled out. Counting
//! runs on rolled-up tuples (LeFevre et al., SIGMOD 2005) kept in `lattice/rollups.rs`; `lattice/objective.rs` are
//! the losses; `lattice/check.rs` checks one node.
//!
//! Failing is inherited by finer nodes for k and distinct l-diversity. For entropy l-diversity and t-closeness with
//! suppression it isn't, so there only k decides what is ruled out.

mod check;
mod objective;
mod rollups;

pub use objective::Objective;

use crate::model::Requirements;
use crate::recode::{Cell, Print, Recoding, SUPPRESSED};
use crate::tuples::Tuples;
use check::{Checker, Verdict};
use objective::Losses;
use rollups::Rollups;

/// Nodes of a lattice, at most.
pub const MAX_NODES: usize = 1 << 24;

/// Why a search has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Even with everything generalised the models don't hold within the limit.
    #[error("the models can't be met: even one class of all rows fails; lower k, l or raise t")]
    Unreachable,
    /// Too many combinations of levels.
    #[error(
        "the levels combine to {nodes} nodes, at most {MAX_NODES} are searched: use fewer levels or the engine `partition`"
    )]
    TooLarge {
        /// Nodes.
        nodes: usize,
    },
    /// No row.
    #[error("there are no rows to anonymise")]
    Empty,
}

/// What a search found.
pub struct Optimum {
    /// Level per column.
    pub node: Vec<usize>,
    /// The objective's value there.
    pub score: f64,
    /// Nodes of the lattice.
    pub nodes: usize,
    /// Nodes whose classes were counted.
    pub checked: usize,
    /// The recoding.
    pub recoding: Recoding,
}

/// What is known of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Unknown,
    /// Too many rows would be left out, here and at all finer nodes.
    Fails,
}

/// Finds the node of least loss that meets the requirements with at most `suppression` (a share in [0, 1]) of the rows
/// left out.
///
/// # Errors
/// No node does, there are too many nodes, or no rows.
pub fn search(
    tuples: &Tuples,
    requirements: &Requirements,
    suppression: f64,
    objective: Objective,
) -> Result<Optimum, SearchError> {
    if tuples.is_empty() {
        return Err(SearchError::Empty);
    }
    let shape = Shape::new(tuples)?;
    let losses = Losses::new(tuples, objective, requirements.k);
    let mut search = Search {
        checker: Checker::new(requirements, &losses, limit(tuples, suppression)),
        rollups: Rollups::new(tuples),
        tags: vec![Tag::Unknown; shape.nodes],
        added: vec![None; shape.nodes],
        best: None,
        checked: 0,
        shape,
        losses: &losses,
    };
    search.descend();
    search.prove();
    let (score, node) = search.best.take().ok_or(SearchError::Unreachable)?;
    let (nodes, checked) = (search.shape.nodes, search.checked);
    let recoding = recoding(tuples, &node, &mut search.checker);
    Ok(Optimum { node, score, nodes, checked, recoding })
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn limit(tuples: &Tuples, suppression: f64) -> u64 {
    (tuples.total_rows() as f64 * suppression.clamp(0.0, 1.0)).floor() as u64
}

/// Nodes as numbers: level 0 of every column is node 0.
struct Shape {
    nodes: usize,
    heights: Vec<usize>,
    strides: Vec<usize>,
}

impl Shape {
    fn new(tuples: &Tuples) -> Result<Self, SearchError> {
        let heights: Vec<usize> = tuples.hierarchies.iter().map(crate::hierarchy::Hierarchy::levels).collect();
        let mut nodes = 1usize;
        let mut strides = Vec::with_capacity(heights.len());
        for &height in &heights {
            strides.push(nodes);
            nodes = nodes.saturating_mul(height);
        }
        if nodes > MAX_NODES {
            return Err(SearchError::TooLarge { nodes });
        }
        Ok(Self { nodes, heights, strides })
    }

    fn levels(&self, node: usize) -> Vec<usize> {
        self.heights.iter().zip(&self.strides).map(|(height, stride)| node / stride % height).collect()
    }

    /// The nodes one level coarser in one column.
    fn coarser<'s>(&'s self, node: usize) -> impl Iterator<Item = usize> + 's {
        let above =
            move |(height, stride): (&usize, &usize)| (node / stride % height + 1 < *height).then_some(node + stride);
        self.heights.iter().zip(&self.strides).filter_map(above)
    }

    /// The nodes one level finer in one column.
    fn finer<'s>(&'s self, node: usize) -> impl Iterator<Item = usize> + 's {
        let below =
            move |(height, stride): (&usize, &usize)| (!(node / stride).is_multiple_of(*height)).then(|| node - stride);
        self.heights.iter().zip(&self.strides).filter_map(below)
    }
}

struct Search<'t> {
    checker: Checker<'t>,
    rollups: Rollups<'t>,
    shape: Shape,
    losses: &'t Losses,
    tags: Vec<Tag>,
    /// Per column, what the suppressed rows of this node add at least: its own, or the most of coarser nodes.
    added: Vec<Option<Box<[f64]>>>,
    best: Option<(f64, Vec<usize>)>,
    checked: usize,
}

impl Search<'_> {
    /// From the top, ever to the best finer node: a first solution.
    fn descend(&mut self) {
        let mut at = self.shape.nodes - 1;
        if self.visit(at).is_none() {
            return;
        }
        loop {
            let finer: Vec<usize> = self.shape.finer(at).collect();
            let scored = finer.into_iter().filter_map(|node| Some((self.visit(node)?, node)));
            let scored: Vec<(f64, usize)> = scored.collect();
            let best = scored.into_iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            match best {
                Some((_, node)) => at = node,
                None => return,
            }
        }
    }

    /// Checks or rules out every node that could be better than the best.
    fn prove(&mut self) {
        let bound = |node: usize, search: &Self| search.losses.bound(&search.shape.levels(node), None);
        let limit = self.best.as_ref().map_or(f64::INFINITY, |b| b.0);
        let mut open: Vec<(f64, usize)> = (0..self.shape.nodes).map(|n| (bound(n, self), n)).collect();
        open.retain(|(bound, _)| *bound < limit);
        // A coarser node has the larger number: with equal bounds it comes first, too.
        open.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        for (bound, node) in open {
            if self.best.as_ref().is_none_or(|b| bound < b.0) {
                let inherited: Vec<usize> = self.shape.coarser(node).collect();
                if inherited.iter().any(|&n| self.tags[n] == Tag::Fails) {
                    self.tags[node] = Tag::Fails;
                    continue;
                }
                if self.added[node].is_some() {
                    continue;
                }
                let added = self.inherited(&inherited);
                let levels = self.shape.levels(node);
                let bound = self.losses.bound(&levels, added.as_deref());
                if self.best.as_ref().is_some_and(|b| bound >= b.0) {
                    self.added[node] = added;
                    continue;
                }
                self.visit(node);
            }
        }
    }

    fn inherited(&self, coarser: &[usize]) -> Option<Box<[f64]>> {
        let mut most: Option<Box<[f64]>> = None;
        for added in coarser.iter().filter_map(|&n| self.added[n].as_ref()) {
            match &mut most {
                None => most = Some(added.clone()),
                Some(most) => most.iter_mut().zip(added).for_each(|(m, a)| *m = m.max(*a)),
            }
        }
        most
    }

    /// Counts a node's classes; gives its score if it meets the requirements.
    fn visit(&mut self, node: usize) -> Option<f64> {
        if self.tags[node] == Tag::Fails {
            return None;
        }
        let levels = self.shape.levels(node);
        self.checked += 1;
        let verdict = self.checker.check(self.rollups.below(&levels), &levels);
        match verdict {
            Verdict::Fails => {
                self.tags[node] = Tag::Fails;
                None
            }
            Verdict::Misses => None,
            Verdict::Meets { score, added } => {
                let better = match &self.best {
                    None => true,
                    Some((best, at)) => score < *best || (score == *best && levels > *at),
                };
                self.added[node] = added;
                if better {
                    self.best = Some((score, levels));
                }
                Some(score)
            }
        }
    }
}

/// The recoding that a node stands for.
fn recoding(tuples: &Tuples, levels: &[usize], checker: &mut Checker<'_>) -> Recoding {
    let kept = checker.classes(tuples, levels);
    let mut number = vec![SUPPRESSED; kept.first.len()];
    let mut cells = Vec::new();
    let mut classes = 0;
    for (class, &t) in kept.first.iter().enumerate() {
        if !kept.keeps[class] {
            continue;
        }
        number[class] = classes;
        classes += 1;
        for (c, &level) in levels.iter().enumerate() {
            let at = tuples.hierarchies[c].level(level);
            let node = &at.nodes[at.node_of_leaf[tuples.codes[c][t as usize] as usize] as usize];
            cells.push(Cell { first: node.first, last: node.last, level: u8::try_from(level).unwrap_or(u8::MAX - 1) });
        }
    }
    let class_of = kept.class_of.iter().map(|&class| number[class as usize]).collect();
    Recoding { class_of, cells, columns: levels.len(), print: Print::Labels }
}
