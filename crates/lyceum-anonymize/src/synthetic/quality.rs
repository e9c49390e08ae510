//! How near synthetic rows are to private ones: total variation of every column and every pair of columns.
//!
//! Computed on private rows, so it is for the owner's eyes, like every report on raw data; a release may only show it when it was
//! bought. Columns are compared in the bins of the manifest (see `attributes`), columns without a public domain are left out.

use super::SyntheticError;
use super::attributes::Attribute;
use arrow::record_batch::RecordBatch;
use lyceum_schema::manifest::Table;
use lyceum_schema::name::ColumnName;
use serde::Serialize;
use std::collections::HashMap;

/// Whose rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The private ones.
    Private,
    /// The synthetic ones.
    Synthetic,
}

/// Collects both sides. Holds private data: no `Debug`.
pub struct Comparison {
    columns: Vec<(ColumnName, Attribute)>,
    sides: [Vec<Vec<u16>>; 2],
}

/// Half the sum of absolute differences of shares: 0 when equal, 1 when disjoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// By column.
    pub columns: Vec<(ColumnName, f64)>,
    /// By pair of columns.
    pub pairs: Vec<(ColumnName, ColumnName, f64)>,
    /// Mean over columns; 0 without any.
    pub mean_one_way: f64,
    /// Mean over pairs; 0 without any.
    pub mean_two_way: f64,
    /// The worst pair's.
    pub worst_two_way: f64,
}

impl Comparison {
    /// For the columns of a table that have a public domain.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        let columns: Vec<_> = table
            .visible_columns()
            .filter_map(|c| Attribute::new(c).map(|attribute| (c.name().clone(), attribute)))
            .collect();
        let empty = vec![Vec::new(); columns.len()];
        Self { columns, sides: [empty.clone(), empty] }
    }

    /// Adds rows of one side; the columns are found by name.
    ///
    /// # Errors
    /// [`SyntheticError::Columns`] when a column is missing or of another type.
    pub fn push(&mut self, side: Side, batch: &RecordBatch) -> Result<(), SyntheticError> {
        let side = &mut self.sides[usize::from(side == Side::Synthetic)];
        for ((name, attribute), codes) in self.columns.iter().zip(side) {
            let column = batch.column_by_name(name.as_str()).ok_or(SyntheticError::Columns)?;
            codes.extend(attribute.encode(column).ok_or(SyntheticError::Columns)?);
        }
        Ok(())
    }

    /// All distances.
    #[must_use]
    pub fn finish(&self) -> Quality {
        let one = |a: usize| {
            let keys = |side: &Vec<Vec<u16>>| side[a].iter().map(|v| u32::from(*v)).collect::<Vec<_>>();
            total_variation(&keys(&self.sides[0]), &keys(&self.sides[1]))
        };
        let two = |a: usize, b: usize| {
            let keys = |side: &Vec<Vec<u16>>| {
                let cells = side[a].iter().zip(&side[b]);
                cells.map(|(v, w)| (u32::from(*v) << 16) | u32::from(*w)).collect::<Vec<_>>()
            };
            total_variation(&keys(&self.sides[0]), &keys(&self.sides[1]))
        };
        let name = |a: usize| self.columns[a].0.clone();
        let columns: Vec<_> = (0..self.columns.len()).map(|a| (name(a), one(a))).collect();
        let pairs: Vec<_> = (0..self.columns.len())
            .flat_map(|a| (a + 1..self.columns.len()).map(move |b| (a, b)))
            .map(|(a, b)| (name(a), name(b), two(a, b)))
            .collect();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        Quality {
            mean_one_way: mean(columns.iter().map(|c| c.1).collect()),
            mean_two_way: mean(pairs.iter().map(|p| p.2).collect()),
            worst_two_way: pairs.iter().map(|p| p.2).fold(0.0, f64::max),
            columns,
            pairs,
        }
    }
}

fn total_variation(one: &[u32], other: &[u32]) -> f64 {
    let mut shares: HashMap<u32, f64> = HashMap::new();
    for (keys, sign) in [(one, 1.0), (other, -1.0)] {
        let share = sign / keys.len().max(1) as f64;
        keys.iter().for_each(|key| *shares.entry(*key).or_default() += share);
    }
    shares.values().map(|d| d.abs()).sum::<f64>() / 2.0
}
