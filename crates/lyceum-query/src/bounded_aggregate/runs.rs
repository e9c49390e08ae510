//! Runs: the rows of a batch, cut where the unit changes.

use datafusion::common::{Result, internal_err};
use std::ops::Range;

/// Rows of a batch that follow each other, all of one unit or all treated alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    from: u32,
    to: u32,
}

impl Run {
    /// The rows `from..to`.
    pub(super) const fn new(from: u32, to: u32) -> Self {
        Self { from, to }
    }

    /// How many rows.
    pub(super) const fn len(self) -> usize {
        (self.to - self.from) as usize
    }

    /// The first row.
    pub(super) const fn first(self) -> usize {
        self.from as usize
    }

    /// The rows.
    pub(super) const fn rows(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    /// Both together, if the other follows at once.
    pub(super) fn followed_by(self, next: Self) -> Option<Self> {
        (self.to == next.from).then_some(Self { from: self.from, to: next.to })
    }
}

/// The runs of a batch.
#[derive(Default)]
pub(super) struct Runs {
    starts: Vec<u32>,
    /// In order, one per unit.
    pub(super) all: Vec<Run>,
}

impl Runs {
    /// Cuts a batch of these units.
    ///
    /// # Errors
    /// When the rows are not ordered by unit, which the plan guarantees.
    pub(super) fn cut<U: Copy + Ord>(&mut self, units: &[U]) -> Result<()> {
        self.all.clear();
        let Ok(end) = u32::try_from(units.len()) else { return internal_err!("a batch is too large") };
        if end == 0 {
            return Ok(());
        }
        if self.starts.len() <= units.len() {
            self.starts.resize(units.len() + 1, 0);
        }
        // Every row is written down as a start, and overwritten by the next one unless it is: no branch depends on units.
        let (mut next, mut ordered) = (1, true);
        for ((row, before), unit) in (1u32..).zip(units).zip(&units[1..]) {
            if let Some(start) = self.starts.get_mut(next) {
                *start = row;
            }
            next += usize::from(unit != before);
            ordered &= before <= unit;
        }
        if !ordered {
            return internal_err!("rows are not ordered by unit");
        }
        self.starts[0] = 0;
        self.starts[next] = end;
        self.all.extend(self.starts[..=next].windows(2).map(|ends| Run::new(ends[0], ends[1])));
        Ok(())
    }

    /// About how many bytes it holds.
    pub(super) const fn size(&self) -> usize {
        4 * self.starts.capacity() + 8 * self.all.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(units: &[u64]) -> Vec<usize> {
        let mut runs = Runs::default();
        runs.cut(&[7u64, 8, 9]).unwrap();
        runs.cut(units).unwrap();
        runs.all.iter().map(|r| r.len()).collect()
    }

    #[test]
    fn runs_end_where_the_unit_changes() {
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[5]), [1]);
        assert_eq!(lengths(&[5, 5, 6, 9, 9, 9]), [2, 1, 3]);
        assert_eq!(lengths(&[0, 1, 2]), [1, 1, 1]);
    }

    #[test]
    fn disorder_is_an_error() {
        assert!(Runs::default().cut(&[2u32, 1]).is_err());
    }
}
