//! Quantiles from noisy counts of a hierarchical histogram: post-processing of released values, so it costs nothing.
//!
//! A tree of counts has few nodes over any run of leaves, so ranks are far less noisy than sums of noisy leaves: with h levels
//! of b children a rank adds at most h(b − 1) nodes. The levels overlap, and the least-squares estimate that makes
//! parents the sums of their children uses all of them (Hay, Rastogi, Miklau and Suciu 2010, with weights for noise
//! that differs by level). On a tree it needs two passes. Its errors' variances follow from the shape alone.
//!
//! What one unit costs: a value counts once in every level, so a measure over all nodes has squared L2 sensitivity
//! (measured levels) × that of one level, at equal σ.

mod shape;

use crate::accuracy::Interval;
use crate::normal::two_sided_quantile;
pub use shape::TreeShape;

/// Consistent estimates of all leaves, with their cumulative sums.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsistentTree {
    shape: TreeShape,
    leaves: Vec<f64>,
    /// Estimated number of values below each boundary between leaves, both ends included.
    ranks: Vec<f64>,
}

impl ConsistentTree {
    /// The weighted least-squares estimate. `levels`: noisy counts from the top level to the leaves, as many as
    /// [`TreeShape::nodes`] says; what a level that isn't measured (σ infinite) holds is ignored. `None` when the
    /// numbers don't match.
    #[must_use]
    pub fn new(shape: TreeShape, levels: &[Vec<f64>]) -> Option<Self> {
        let depth = shape.depth();
        let fits = levels.len() == depth && levels.iter().enumerate().all(|(l, c)| Some(c.len()) == shape.nodes(l));
        if !fits {
            return None;
        }
        // Upwards: what a node's own count and its descendants say together.
        let mut upward: Vec<Vec<f64>> = Vec::with_capacity(depth);
        for (level, counts) in levels.iter().enumerate().rev() {
            let below = upward.last().map(|children| sums(children, shape.branching()));
            let own = shape.own_weight(level);
            upward.push(match below {
                None => counts.clone(),
                Some(sums) => sums
                    .iter()
                    .zip(counts)
                    .map(|(s, c)| if own > 0.0 { own * c + (1.0 - own) * s } else { *s })
                    .collect(),
            });
        }
        upward.reverse();
        // Downwards: what is left of a parent's estimate is spread evenly, as siblings have equal variances.
        let mut levels = upward.into_iter();
        let mut parents = levels.next()?;
        for mut children in levels {
            let branching = shape.branching();
            for (family, parent) in children.chunks_mut(branching).zip(&parents) {
                let rest = (parent - family.iter().sum::<f64>()) / branching as f64;
                family.iter_mut().for_each(|child| *child += rest);
            }
            parents = children;
        }
        let mut ranks = Vec::with_capacity(parents.len() + 1);
        ranks.push(0.0);
        ranks.extend(parents.iter().scan(0.0, |sum, leaf| {
            *sum += leaf;
            Some(*sum)
        }));
        Some(Self { shape, leaves: parents, ranks })
    }

    /// Estimated counts of the leaves; they may be negative.
    #[must_use]
    pub fn leaves(&self) -> &[f64] {
        &self.leaves
    }

    /// Estimated number of all values.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.ranks.last().copied().unwrap_or(0.0)
    }

    /// Estimated number of values below a boundary (0 to the number of leaves), and the σ of its noise.
    #[must_use]
    pub fn rank(&self, boundary: usize) -> Option<(f64, f64)> {
        Some((*self.ranks.get(boundary)?, self.shape.rank_sigma(boundary, 0.0)?))
    }

    /// Where the q-quantile lies, in leaves from the lower end, by linear interpolation in monotone (least-squares)
    /// ranks. `None` when the estimated total is below 1 or q is not in \[0, 1\].
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.total() < 1.0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let monotone = monotone(&self.ranks);
        let (first, last) = (*monotone.first()?, *monotone.last()?);
        let wanted = (q * self.total()).clamp(first, last);
        // The stretch of boundaries that the rank could be at, in the middle of which the estimate is.
        let below = monotone.partition_point(|r| *r < wanted);
        let through = monotone.partition_point(|r| *r <= wanted);
        if below < through {
            return Some((below + through - 1) as f64 / 2.0);
        }
        let (low, high) = (*monotone.get(below.checked_sub(1)?)?, *monotone.get(below)?);
        Some((below - 1) as f64 + (wanted - low) / (high - low))
    }

    /// An interval for the leaf that holds the exact q-quantile, in leaves from the lower end: the leaves with F ≤ qN
    /// at their lower and F ≥ qN at their upper boundary, both up to z times the σ of the noisy F − qN, and all leaves
    /// between two of them. For the one leaf where both hold exactly, each is missed with half of the risk. Ranks are
    /// made monotone first, which only brings them nearer to the exact ones and shortens the interval by a tenth;
    /// simulated coverage at 95 % is 95.7 to 99.4 %, more where one leaf holds more than the noise. The whole range when
    /// the total can't be told from 0.
    #[must_use]
    pub fn quantile_interval(&self, q: f64, confidence: f64) -> Interval {
        let leaves = self.leaves.len();
        let whole = Interval { low: 0.0, high: leaves as f64 };
        let z = two_sided_quantile(confidence);
        let known = self.shape.rank_sigma(leaves, 0.0).is_some_and(|sigma| self.total() > z * sigma);
        if !(known && z.is_finite() && (0.0..=1.0).contains(&q)) {
            return whole;
        }
        let wanted = q * self.total();
        // By boundary: may the exact rank be at most qN there, and at least?
        let sides: Option<Vec<(bool, bool)>> = (0..=leaves)
            .zip(monotone(&self.ranks))
            .map(|(boundary, rank)| {
                let reach = z * self.shape.rank_sigma(boundary, q)?;
                Some((rank - wanted <= reach, rank - wanted >= -reach))
            })
            .collect();
        let Some(sides) = sides else { return whole };
        let kept = |leaf: &usize| matches!(sides.get(*leaf..*leaf + 2), Some([(true, _), (_, true)]));
        match ((0..leaves).find(kept), (0..leaves).rev().find(kept)) {
            (Some(low), Some(high)) => Interval { low: low as f64, high: (high + 1) as f64 },
            _ => whole,
        }
    }
}

fn sums(children: &[f64], branching: usize) -> Vec<f64> {
    children.chunks(branching).map(|family| family.iter().sum()).collect()
}

/// The non-decreasing sequence nearest in least squares: pool adjacent violators (Barlow et al. 1972).
fn monotone(values: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::with_capacity(values.len());
    for &value in values {
        let mut block = (value, 1);
        while let Some(&(mean, size)) = blocks.last()
            && mean > block.0
        {
            let joint = size + block.1;
            block = ((mean * size as f64 + block.0 * block.1 as f64) / joint as f64, joint);
            blocks.pop();
        }
        blocks.push(block);
    }
    blocks.into_iter().flat_map(|(mean, size)| std::iter::repeat_n(mean, size)).collect()
}
