//! The fixed split points of the 64-bit id space: equal ranges, a power of two of them.

use lyceum_schema::manifest::Table;

/// About how many rows a file should have.
const ROWS_PER_FILE: u64 = 500_000;
/// Fewest ranges: small tables should still occupy a few cores.
const MIN_RANGES: u64 = 4;
/// Most ranges.
const MAX_RANGES: u64 = 64;

/// Equal ranges of u64, by the leading bits of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ranges {
    bits: u32,
}

impl Ranges {
    /// The ranges of a table, from its declared size (public), never from its rows.
    pub(super) fn of(table: &Table) -> Self {
        let wanted = (table.expected_rows() / ROWS_PER_FILE).clamp(MIN_RANGES, MAX_RANGES).next_power_of_two();
        Self { bits: wanted.trailing_zeros() }
    }

    /// All ids in one range.
    pub(super) const WHOLE: Self = Self { bits: 0 };

    /// So many ranges as a power of two.
    #[cfg(test)]
    pub(super) const fn with_bits(bits: u32) -> Self {
        Self { bits }
    }

    /// At most `limit` (at least 1) ranges, whole multiples of these.
    pub(super) fn coarsened(self, limit: usize) -> Self {
        Self { bits: self.bits.min(limit.max(1).ilog2()) }
    }

    pub(super) const fn count(self) -> usize {
        1 << self.bits
    }

    /// Which range an id is in.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn index(self, unit: u64) -> usize {
        if self.bits == 0 { 0 } else { (unit >> (64 - self.bits)) as usize }
    }

    /// The smallest id of a range.
    pub(super) const fn low(self, index: usize) -> u64 {
        if self.bits == 0 { 0 } else { (index as u64) << (64 - self.bits) }
    }

    /// Bits of an ordinal that are left for counting units within a range.
    const fn ordinal_bits(self) -> u32 {
        u32::BITS - self.bits
    }

    /// The smallest ordinal of a range: ordinals of different ranges never meet, so they are in the units' order.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn ordinal_low(self, index: usize) -> u32 {
        if self.bits == 0 { 0 } else { (index as u32) << self.ordinal_bits() }
    }

    /// The largest ordinal of a range.
    pub(super) const fn ordinal_high(self, index: usize) -> u32 {
        if index + 1 == self.count() { u32::MAX } else { self.ordinal_low(index + 1) - 1 }
    }

    /// The largest id of a range.
    pub(super) const fn high(self, index: usize) -> u64 {
        if index + 1 == self.count() { u64::MAX } else { self.low(index + 1) - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_id_space_without_gaps() {
        for bits in 0..=6 {
            let ranges = Ranges { bits };
            assert_eq!(ranges.low(0), 0);
            assert_eq!(ranges.high(ranges.count() - 1), u64::MAX);
            assert_eq!((ranges.ordinal_low(0), ranges.ordinal_high(ranges.count() - 1)), (0, u32::MAX));
            for i in 0..ranges.count() {
                assert_eq!((ranges.index(ranges.low(i)), ranges.index(ranges.high(i))), (i, i));
                assert!(i == 0 || ranges.ordinal_low(i) == ranges.ordinal_high(i - 1) + 1);
                assert!(i == 0 || ranges.low(i) == ranges.high(i - 1) + 1);
            }
        }
    }

    #[test]
    fn coarse_ranges_are_unions_of_fine_ones() {
        let fine = Ranges { bits: 5 };
        for limit in [1, 2, 3, 4, 7, 32, 100] {
            let coarse = fine.coarsened(limit);
            assert!(coarse.count() <= limit && coarse.count() <= fine.count());
            for i in 0..fine.count() {
                assert_eq!(coarse.index(fine.low(i)), coarse.index(fine.high(i)));
            }
        }
    }
}
