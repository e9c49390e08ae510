//! How many rows a plan of *below* is expected to handle, from declared figures alone: it sizes the time at which the
//! answer leaves. What is charged and what is safe don't depend on it.

/// Rows to be expected, from declared figures alone. Sizes the time at which the answer leaves, not the privacy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::certify) struct Flow {
    /// Rows that come out.
    pub(in crate::certify) rows: u64,
    /// Rows that scans and joins give on the way there.
    pub(in crate::certify) work: u64,
}

impl Flow {
    /// A scan.
    pub(in crate::certify) const fn scan(rows: u64) -> Self {
        Self { rows, work: rows }
    }

    /// Inputs one after the other.
    pub(in crate::certify) const fn union(self, other: Self) -> Self {
        Self { rows: self.rows.saturating_add(other.rows), work: self.work.saturating_add(other.work) }
    }

    /// Rows of one side beside which rows of the other are looked for.
    pub(in crate::certify) const fn beside(self, other: Self) -> Self {
        Self { rows: self.rows, work: self.work.saturating_add(other.work) }
    }

    /// A join on the unit, as if the rows of both sides were spread evenly over `units` units: at least as many rows
    /// as the longer side, at most what `most` rows of a unit on each side can give.
    pub(in crate::certify) fn join(self, other: Self, units: u64, most: (u64, u64)) -> Self {
        let even = u128::from(self.rows) * u128::from(other.rows) / u128::from(units.max(1));
        let longest = self.rows.saturating_mul(most.1).min(other.rows.saturating_mul(most.0));
        let rows = u64::try_from(even).unwrap_or(u64::MAX).min(longest).max(self.rows).max(other.rows);
        Self { rows, work: self.work.saturating_add(other.work).saturating_add(rows) }
    }
}
