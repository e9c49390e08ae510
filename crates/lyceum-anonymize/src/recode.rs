//! A recoding: which class each distinct tuple is released in, as what ranges or nodes, or that it is left out.
//!
//! Both engines end here ([`crate::lattice`], [`crate::partition`]); `recode/quality.rs` says what it costs,
//! `recode/apply.rs` streams it over the rows.

mod apply;
mod quality;

pub use apply::{RecodeError, Recoder};
pub use quality::{ColumnQuality, Quality};

use crate::tuples::Tuples;

/// The class of a tuple that is left out.
pub(crate) const SUPPRESSED: u32 = u32::MAX;
/// The level of a range that is no node of its hierarchy.
pub(crate) const NO_LEVEL: u8 = u8::MAX;

/// What a class shows of one column: a run of leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Level of the node that this is, or [`NO_LEVEL`].
    pub(crate) level: u8,
}

/// How classes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Print {
    /// As ranges of leaves: least loss.
    Ranges,
    /// As nodes of the hierarchies.
    Labels,
}

/// The mapping from distinct tuples to classes.
#[derive(Clone)]
pub struct Recoding {
    /// Of each tuple.
    pub(crate) class_of: Vec<u32>,
    /// Class by class, column by column.
    pub(crate) cells: Vec<Cell>,
    pub(crate) columns: usize,
    pub(crate) print: Print,
}

impl Recoding {
    /// Number of classes.
    #[must_use]
    pub const fn classes(&self) -> usize {
        match self.cells.len().checked_div(self.columns) {
            Some(classes) => classes,
            None => 0,
        }
    }

    pub(crate) fn cell(&self, class: usize, column: usize) -> Cell {
        self.cells[class * self.columns + column]
    }

    /// Rows per class.
    pub(crate) fn rows(&self, tuples: &Tuples) -> Vec<u64> {
        let mut rows = vec![0u64; self.classes()];
        for (&class, &n) in self.class_of.iter().zip(&tuples.rows) {
            if class != SUPPRESSED {
                rows[class as usize] += u64::from(n);
            }
        }
        rows
    }

    /// Distinct persons per class.
    pub(crate) fn persons(&self, tuples: &Tuples) -> Vec<u32> {
        tuples.persons.per_class(&self.class_of, self.classes())
    }

    /// What a cell loses, in [0, 1].
    pub(crate) fn cell_loss(&self, tuples: &Tuples, column: usize, cell: Cell) -> f64 {
        let hierarchy = &tuples.hierarchies[column];
        match self.print {
            Print::Ranges => hierarchy.range_loss(cell.first, cell.last),
            Print::Labels => {
                hierarchy.level(usize::from(cell.level)).nodes
                    [hierarchy.level(usize::from(cell.level)).node_of_leaf[cell.first as usize] as usize]
                    .loss
            }
        }
    }
}
