//! The shape of a tree of counts, its noise by level, and the variances that follow: public before anything is paid.

/// A tree (or a row of trees) in which every node above the leaves has equally many children.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeShape {
    tops: usize,
    branching: usize,
    /// σ by level, top first.
    sigmas: Vec<f64>,
    /// By level: the variance of a node's estimate from itself and what is below it.
    variances: Vec<f64>,
}

impl TreeShape {
    /// `tops` nodes at the top level (1 for a tree, all leaves for a flat histogram), each node above the leaves with
    /// `branching` ≥ 1 children, and the σ of the noise on each level's counts from top to leaves; infinite for a level that isn't measured.
    /// `None` for shapes without nodes or with more than 2²⁴ leaves, a σ that isn't positive, or unmeasured leaves.
    #[must_use]
    pub fn new(tops: usize, branching: usize, sigmas: &[f64]) -> Option<Self> {
        let (&leaf_sigma, above) = sigmas.split_last()?;
        let leaves = above.iter().try_fold(tops, |nodes, _| nodes.checked_mul(branching))?;
        let noisy = sigmas.iter().all(|s| *s > 0.0) && leaf_sigma.is_finite();
        if leaves == 0 || leaves > 1 << 24 || branching == 0 || !noisy {
            return None;
        }
        let mut variances = vec![leaf_sigma * leaf_sigma];
        let mut below = leaf_sigma * leaf_sigma;
        for sigma in above.iter().rev() {
            below = 1.0 / (1.0 / (sigma * sigma) + 1.0 / (below * branching as f64));
            variances.push(below);
        }
        variances.reverse();
        Some(Self { tops, branching, sigmas: sigmas.to_vec(), variances })
    }

    /// Children of each node above the leaves.
    #[must_use]
    pub fn branching(&self) -> usize {
        self.branching
    }

    /// Number of levels, measured or not.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.sigmas.len()
    }

    /// Number of nodes of a level, counted from the top.
    #[must_use]
    pub fn nodes(&self, level: usize) -> Option<usize> {
        (level < self.depth()).then(|| (0..level).fold(self.tops, |nodes, _| nodes * self.branching))
    }

    /// σ of the noise on the estimated F − qN, F being the number of values below a boundary between leaves and N that
    /// of all: for q = 0 the noise of F.
    ///
    /// Given the estimate T of a node, those of its children are independent but for their sum, and likewise below. So along
    /// the path to the boundary the part P of a node below it is αT plus noise of variance β that has nothing to do with T: at a leaf α = β = 0, and
    /// for a node whose k first children lie below the boundary and whose next child (α, β) is cut by it, each with variance v,
    /// α′ = (k + α)/b and β′ = β + v(k + α² − (k + α)²/b). In the end Var(P − qT) = (α − q)²Var T + β.
    #[must_use]
    pub fn rank_sigma(&self, boundary: usize, q: f64) -> Option<f64> {
        let leaves = self.nodes(self.depth() - 1)?;
        if boundary > leaves {
            return None;
        }
        let (mut alpha, mut beta, mut position) = (0.0f64, 0.0, boundary);
        for (level, variance) in self.variances.iter().enumerate().rev() {
            let children = if level == 0 { self.tops } else { self.branching };
            let before = if level == 0 { position } else { position % children } as f64;
            let part = before + alpha;
            beta += variance * (before + alpha * alpha - part * part / children as f64);
            alpha = part / children as f64;
            position /= children;
        }
        let total = self.variances.first()? * self.tops as f64;
        Some(((alpha - q).powi(2) * total + beta.max(0.0)).sqrt())
    }

    /// The weight of a level's own counts against the sums of its children.
    pub(super) fn own_weight(&self, level: usize) -> f64 {
        match (self.sigmas.get(level), self.variances.get(level)) {
            (Some(sigma), Some(variance)) => variance / (sigma * sigma),
            _ => 0.0,
        }
    }
}
