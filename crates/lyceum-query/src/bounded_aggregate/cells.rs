//! What the units being worked on add to their groups, before bounding: one exact integer per slot.
//!
//! Sums are 64 bits wide as long as the values met prove that they fit, and 128 bits wide otherwise: a slot sums fewer
//! than 2⁴⁰ 64-bit values, so 128 bits always do.

use super::accumulate::Rows;
use super::slots::NOWHERE;
use crate::barrier::Fold;
use arrow::array::{Array, AsArray, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int64Type;
use datafusion::common::{Result, internal_err};

/// Magnitude up to which cells are kept in 64 bits.
const MAX_NARROW: u64 = 1 << 62;

/// The cells of one measure, by position.
pub(super) struct Cells {
    fold: Fold,
    pub(super) values: Values,
    /// No cell is larger in magnitude, while cells are narrow.
    bound: u64,
}

/// See the module.
pub(super) enum Values {
    Narrow(Vec<i64>),
    Wide(Vec<i128>),
}

impl Cells {
    pub(super) fn new(fold: Fold) -> Self {
        Self { fold, values: Values::Narrow(vec![0]), bound: 0 }
    }

    /// The largest magnitude that a cell may have; `None` when it needs more than 62 bits.
    pub(super) const fn bound(&self) -> Option<u64> {
        match self.values {
            Values::Narrow(_) => Some(self.bound),
            Values::Wide(_) => None,
        }
    }

    /// Adds the rows of a batch.
    ///
    /// # Errors
    /// When a value column is not Int64.
    pub(super) fn fold(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = match self.fold {
            // Other accumulators have them.
            Fold::Leaves { .. } | Fold::Level { .. } | Fold::Distinct { .. } => {
                self.make_room(rows.len, 0, 0);
                return Ok(());
            }
            Fold::Rows | Fold::Units => None,
            Fold::NonNull { value } | Fold::Sum { value } => Some(rows.batch.column(rows.first_value + value)),
        };
        match (self.fold, column) {
            (Fold::Sum { .. }, Some(column)) => {
                let Some(column) = column.as_primitive_opt::<Int64Type>() else {
                    return internal_err!("a value column is not Int64");
                };
                self.make_room(rows.len, rows.slots.len(), largest(column));
                match &mut self.values {
                    Values::Narrow(cells) => add_column(column, rows, cells),
                    Values::Wide(cells) => add_column(column, rows, cells),
                }
            }
            (fold, column) => {
                self.make_room(rows.len, rows.slots.len(), 1);
                let valid = column.and_then(|c| c.nulls());
                match &mut self.values {
                    Values::Narrow(cells) => count(fold, valid, rows, cells),
                    Values::Wide(cells) => count(fold, valid, rows, cells),
                }
            }
        }
        Ok(())
    }

    /// Makes room for `len` positions, to which `rows` values of at most `largest` each are going to be added.
    fn make_room(&mut self, len: usize, rows: usize, largest: u64) {
        let more = largest.saturating_mul(rows as u64);
        self.bound = self.bound.saturating_add(more);
        if let (Values::Narrow(cells), true) = (&self.values, self.bound > MAX_NARROW) {
            self.values = Values::Wide(cells.iter().map(|&v| i128::from(v)).collect());
        }
        match &mut self.values {
            Values::Narrow(cells) => cells.resize(len, 0),
            Values::Wide(cells) => cells.resize(len, 0),
        }
    }

    /// Moves the cells from position `from` on to position 1 and forgets the others.
    pub(super) fn carry_over(&mut self, from: usize) {
        match &mut self.values {
            Values::Narrow(cells) => keep(cells, from),
            Values::Wide(cells) => keep(cells, from),
        }
        let wide = match &self.values {
            Values::Narrow(cells) => {
                self.bound = cells.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0);
                return;
            }
            Values::Wide(cells) => cells,
        };
        let largest = wide.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0);
        let Some(bound) = u64::try_from(largest).ok().filter(|b| *b <= MAX_NARROW) else { return };
        let narrow = wide.iter().map(|&v| i64::try_from(v).unwrap_or(0)).collect();
        (self.values, self.bound) = (Values::Narrow(narrow), bound);
    }

    /// About how many bytes it holds.
    pub(super) const fn size(&self) -> usize {
        match &self.values {
            Values::Narrow(cells) => 8 * cells.capacity(),
            Values::Wide(cells) => 16 * cells.capacity(),
        }
    }
}

fn keep<T: Copy + Default>(cells: &mut Vec<T>, from: usize) {
    cells.copy_within(from.., 1);
    cells.truncate(cells.len() + 1 - from);
    cells[NOWHERE as usize] = T::default();
}

/// A magnitude that no value of the column exceeds, with the same number of bits as the largest.
pub(super) fn largest(column: &Int64Array) -> u64 {
    // v ^ (v >> 63) is v or −v − 1: one bit pattern per magnitude, without branches. Values under NULLs count, too.
    let bits = column.values().iter().fold(0u64, |bits, v| bits | (v ^ (v >> 63)).cast_unsigned());
    bits.checked_add(1).map_or(u64::MAX, u64::next_power_of_two)
}

/// A cell's type.
trait Cell: Copy + std::ops::AddAssign + From<bool> + From<i64> {}
impl Cell for i64 {}
impl Cell for i128 {}

fn count<C: Cell>(fold: Fold, valid: Option<&NullBuffer>, rows: &Rows<'_>, cells: &mut [C]) {
    for run in rows.runs {
        let slots = &rows.slots[run.rows()];
        match (fold, valid) {
            (Fold::Units, _) => slots.iter().for_each(|&slot| cells[slot as usize] = C::from(true)),
            (_, None) => slots.iter().for_each(|&slot| cells[slot as usize] += C::from(true)),
            (_, Some(valid)) => {
                let valid = run.rows().map(|row| valid.is_valid(row));
                slots.iter().zip(valid).for_each(|(&slot, valid)| cells[slot as usize] += C::from(valid));
            }
        }
    }
}

fn add_column<C: Cell>(column: &Int64Array, rows: &Rows<'_>, cells: &mut [C]) {
    for run in rows.runs {
        let values = column.values()[run.rows()].iter().zip(&rows.slots[run.rows()]);
        match column.nulls() {
            None => values.for_each(|(&v, &slot)| cells[slot as usize] += C::from(v)),
            Some(valid) => {
                let valid = run.rows().map(|row| valid.is_valid(row));
                values.zip(valid).for_each(|((&v, &slot), valid)| {
                    cells[slot as usize] += C::from(v & -i64::from(valid));
                });
            }
        }
    }
}
