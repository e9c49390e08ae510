//! What the lattice search minimises, and lower bounds of it that need no rows.

use crate::tuples::Tuples;

/// The cost of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Objective {
    /// Mean loss of the columns, a suppressed row counting 1 in each.
    Loss,
    /// Geometric mean of (1 + loss) of the columns, less 1: what ARX minimises by default. It prefers that columns
    /// are lost evenly.
    GeometricLoss,
    /// Mean class size over k, suppressed rows counting as one class.
    AverageClass,
    /// Σ of squared class sizes + suppressed rows × all rows.
    Discernibility,
}

/// Loss of every level of every column over these rows.
pub(crate) struct Losses {
    pub(super) objective: Objective,
    pub(super) k: f64,
    pub(super) rows: f64,
    /// Column, level: mean loss over all rows.
    mean: Vec<Vec<f64>>,
    /// Column, level, node.
    nodes: Vec<Vec<Vec<f64>>>,
}

impl Losses {
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn new(tuples: &Tuples, objective: Objective, k: u32) -> Self {
        let rows = tuples.total_rows() as f64;
        let mut mean = Vec::new();
        let mut nodes = Vec::new();
        for (hierarchy, codes) in tuples.hierarchies.iter().zip(&tuples.codes) {
            let mut of_leaf = vec![0u64; hierarchy.leaves()];
            for (&code, &n) in codes.iter().zip(&tuples.rows) {
                of_leaf[code as usize] += u64::from(n);
            }
            let levels = (0..hierarchy.levels()).map(|l| hierarchy.level(l));
            let losses: Vec<Vec<f64>> = levels.map(|l| l.nodes.iter().map(|n| n.loss).collect()).collect();
            mean.push(
                (0..hierarchy.levels())
                    .map(|l| {
                        let of = &hierarchy.level(l).node_of_leaf;
                        of_leaf.iter().zip(of).map(|(&n, &node)| n as f64 * losses[l][node as usize]).sum::<f64>()
                            / rows
                    })
                    .collect(),
            );
            nodes.push(losses);
        }
        Self { objective, k: f64::from(k.max(1)), rows, mean, nodes }
    }

    /// Loss of a node of a level of a column, in [0, 1].
    pub(super) fn node(&self, column: usize, level: usize, node: usize) -> f64 {
        self.nodes[column][level][node]
    }

    /// The least score these levels can have, when suppressed rows add this per column.
    pub(super) fn bound(&self, levels: &[usize], added: Option<&[f64]>) -> f64 {
        let of = |(c, &level): (usize, &usize)| self.mean[c][level] + added.map_or(0.0, |a| a[c]);
        let n = f64::from(u32::try_from(levels.len()).unwrap_or(1).max(1));
        match self.objective {
            Objective::Loss => levels.iter().enumerate().map(of).sum::<f64>() / n,
            Objective::GeometricLoss => {
                // A product, rooted once: the order of columns never changes.
                let product = levels.iter().enumerate().map(of).map(|loss| 1.0 + loss).product::<f64>();
                product.powf(1.0 / n) - 1.0
            }
            Objective::AverageClass | Objective::Discernibility => 0.0,
        }
    }
}
