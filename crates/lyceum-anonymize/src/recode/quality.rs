//! What a recoding costs: loss per column and over all, discernibility, average class size, rows left out.

use super::Recoding;
use crate::tuples::Tuples;
use serde::{Deserialize, Serialize};

/// Cost of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnQuality {
    /// Mean loss of its cells in [0, 1]; a cell that is left out counts 1.
    pub loss: f64,
    /// Share of its released cells that say nothing (`*`), in [0, 1].
    pub lost: f64,
    /// Share of its released cells that are as they were, in [0, 1].
    pub exact: f64,
}

/// Cost of a recoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Rows before.
    pub rows: u64,
    /// Rows left out.
    pub suppressed_rows: u64,
    /// Equivalence classes.
    pub classes: u64,
    /// Mean loss over all cells, in [0, 1] (normalised certainty penalty; a row left out counts 1).
    pub loss: f64,
    /// Rows per class, mean.
    pub mean_class: f64,
    /// Mean class size over k (LeFevre et al., ICDE 2006).
    pub average_class_over_k: f64,
    /// Σ of squared class sizes + rows left out × all rows (Bayardo and Agrawal, ICDE 2005).
    pub discernibility: f64,
    /// Per quasi-identifier.
    pub columns: Vec<ColumnQuality>,
}

impl Recoding {
    /// What this recoding of these tuples costs.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn quality(&self, tuples: &Tuples, k: u32) -> Quality {
        let sizes = self.rows(tuples);
        let rows = tuples.total_rows();
        let released: u64 = sizes.iter().sum();
        let suppressed_rows = rows - released;
        let (all, out) = (rows.max(1) as f64, released.max(1) as f64);
        let columns: Vec<ColumnQuality> = (0..self.columns)
            .map(|c| {
                let (mut loss, mut lost, mut exact) = (suppressed_rows as f64, 0.0, 0.0);
                let n = tuples.hierarchies[c].leaves();
                for (class, &size) in sizes.iter().enumerate() {
                    let cell = self.cell(class, c);
                    let size = size as f64;
                    loss += size * self.cell_loss(tuples, c, cell);
                    if cell.first == cell.last {
                        exact += size;
                    } else if cell.first == 0 && cell.last as usize + 1 == n {
                        lost += size;
                    }
                }
                ColumnQuality { loss: loss / all, lost: lost / out, exact: exact / out }
            })
            .collect();
        let mean_class = if sizes.is_empty() { 0.0 } else { released as f64 / sizes.len() as f64 };
        let squares: f64 = sizes.iter().map(|&n| n as f64 * n as f64).sum();
        Quality {
            rows,
            suppressed_rows,
            classes: sizes.len() as u64,
            loss: columns.iter().map(|c| c.loss).sum::<f64>() / columns.len().max(1) as f64,
            mean_class,
            average_class_over_k: mean_class / f64::from(k.max(1)),
            discernibility: squares + suppressed_rows as f64 * all,
            columns,
        }
    }
}
