//! Ordinals: the number of a unit among those of its range, as a 32-bit column beside the 64-bit ids.
//!
//! Sorted ids take four times as long to read as their ordinals, which differ by 0 or 1 from row to row and take one
//! bit each. Ordinals are in the units' order and tell the units of one table apart; they mean nothing in another
//! table or version, because they depend on who else is there. So they serve scans that only group rows by unit.

use super::LayoutError;
use super::ranges::Ranges;
use arrow::array::UInt32Array;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The name of the stored ordinal column, the last one.
pub(crate) const ORDINAL_COLUMN: &str = "__ordinal";

/// What the files of a private table hold: the stored columns and the ordinal.
pub(super) fn file_schema(stored: &SchemaRef) -> SchemaRef {
    let ordinal = Arc::new(Field::new(ORDINAL_COLUMN, DataType::UInt32, false));
    Arc::new(Schema::new(stored.fields().iter().cloned().chain([ordinal]).collect::<Vec<_>>()))
}

/// Numbers units in a stream sorted by unit.
pub(super) struct Ordinals {
    ranges: Ranges,
    last: Option<(u64, u32)>,
}

impl Ordinals {
    pub(super) const fn new(ranges: Ranges) -> Self {
        Self { ranges, last: None }
    }

    /// The ordinals of the next units, all of the range `range`.
    ///
    /// # Errors
    /// [`LayoutError::TooManyUnits`] when the range has more units than ordinals.
    pub(super) fn number(&mut self, units: &[u64], range: usize) -> Result<UInt32Array, LayoutError> {
        let (low, high) = (self.ranges.ordinal_low(range), self.ranges.ordinal_high(range));
        let mut ordinals = Vec::with_capacity(units.len());
        for &unit in units {
            let ordinal = match self.last {
                Some((last, ordinal)) if last == unit => ordinal,
                Some((_, ordinal)) if ordinal >= low => {
                    if ordinal == high {
                        return Err(LayoutError::TooManyUnits);
                    }
                    ordinal + 1
                }
                _ => low,
            };
            self.last = Some((unit, ordinal));
            ordinals.push(ordinal);
        }
        Ok(ordinals.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_count_units_within_a_range_and_run_out() {
        let ranges = Ranges::with_bits(2);
        let mut ordinals = Ordinals::new(ranges);
        let quarter = 1 << 30;
        assert_eq!(ordinals.number(&[5, 5, 9], 0).unwrap().values(), &[0, 0, 1]);
        assert_eq!(ordinals.number(&[9, 10], 0).unwrap().values(), &[1, 2]);
        assert_eq!(ordinals.number(&[1 << 63, 1 << 63], 2).unwrap().values(), &[2 * quarter, 2 * quarter]);
        ordinals.last = Some((1 << 63, 3 * quarter - 1));
        assert_eq!(ordinals.number(&[(1 << 63) + 1], 2).unwrap_err(), LayoutError::TooManyUnits);
        assert_eq!(ordinals.number(&[u64::MAX], 3).unwrap().values(), &[3 * quarter]);
    }
}
