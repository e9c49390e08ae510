//! Slots: one place per (unit, group) pair of the units that are being worked on, numbered as pairs are met.
//!
//! Rows come ordered by unit, so a unit's slots are consecutive and nothing has to be looked up by unit. The loop over
//! a unit's rows has no branch: pairs that are new and pairs that are known take the same instructions.

use super::runs::Run;
use datafusion::common::{Result, internal_err};

/// The position of rows whose key is not declared. Ingest and certification make that impossible; such a row would be
/// counted nowhere rather than in a group that isn't its own.
pub(super) const NOWHERE: u32 = 0;
/// The group of such rows.
pub(super) const NO_GROUP: u32 = u32::MAX;
/// Slot names start again before they reach twice this.
const RENAME_ABOVE: u32 = 1 << 30;

/// The open units and their slots. A slot is named `base + position` while it lives, so that moving the last unit to
/// the front changes no name.
pub(super) struct Slots {
    base: u32,
    /// The last slot of each group by name. A group without one, or whose last one belongs to an earlier unit, has a
    /// smaller name here than the current unit's first slot.
    last: Vec<u32>,
    /// The group of each position; the first is [`NOWHERE`]. Only the first `len` positions are in use.
    groups: Vec<u32>,
    len: usize,
    /// The open units, of which only the last may go on, and the first position of each.
    units: Vec<u64>,
    firsts: Vec<u32>,
    /// The position of each row of the batch, where it has one.
    rows: Vec<u32>,
}

impl Slots {
    /// No units, and `groups` groups.
    pub(super) fn new(groups: usize) -> Self {
        Self {
            base: 0,
            last: vec![0; groups],
            groups: vec![NO_GROUP],
            len: 1,
            units: Vec::new(),
            firsts: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Makes room for groups met since.
    pub(super) fn grow(&mut self, groups: usize) {
        self.last.resize(groups, 0);
    }

    /// Gives every row of `runs` its position; other rows of the batch get none. `groups` has the group of each row of
    /// the batch or [`NO_GROUP`].
    ///
    /// # Errors
    /// When the runs are not ordered by unit, which the plan guarantees.
    pub(super) fn assign<U: Copy + Into<u64>>(&mut self, units: &[U], runs: &[Run], groups: &[u32]) -> Result<()> {
        if self.base > RENAME_ABOVE || units.len() > RENAME_ABOVE as usize {
            self.rename(units.len())?;
        }
        let pairs = self.len + runs.iter().map(|r| r.len()).sum::<usize>() + 1;
        if self.groups.len() < pairs {
            self.groups.resize(pairs, NO_GROUP);
        }
        self.rows.resize(units.len(), NOWHERE);
        if self.walk(units, runs, groups) { Ok(()) } else { internal_err!("rows are not ordered by unit") }
    }

    /// The loop over the rows of the runs. Whether units rise.
    fn walk<U: Copy + Into<u64>>(&mut self, units: &[U], runs: &[Run], groups: &[u32]) -> bool {
        let (base, mut next, mut ordered) = (self.base, self.len as u32, true);
        let mut current = self.units.last().copied();
        let mut start = self.firsts.last().copied().unwrap_or(next);
        let (last, pairs) = (self.last.as_mut_slice(), self.groups.as_mut_slice());
        for run in runs {
            let id: u64 = units[run.first()].into();
            if current != Some(id) {
                ordered &= current.is_none_or(|before| before < id);
                current = Some(id);
                start = next;
                self.units.push(id);
                self.firsts.push(start);
            }
            // Within a unit nothing waits for anything but the number of pairs so far.
            let first = base + start;
            for (&group, row) in groups[run.rows()].iter().zip(&mut self.rows[run.rows()]) {
                let Some(last) = last.get_mut(group as usize) else {
                    *row = NOWHERE;
                    continue;
                };
                let new_pair = *last < first;
                let position = if new_pair { next } else { last.wrapping_sub(base) };
                *last = base + position;
                pairs[next as usize] = group;
                next += u32::from(new_pair);
                *row = position;
            }
        }
        self.len = next as usize;
        ordered
    }

    /// Gives the slots names from 0 on again.
    fn rename(&mut self, rows: usize) -> Result<()> {
        if rows > RENAME_ABOVE as usize {
            return internal_err!("a batch is too large");
        }
        self.base = 0;
        self.last.iter_mut().for_each(|l| *l = 0);
        for (position, &group) in (0u32..).zip(&self.groups[..self.len]).skip(1) {
            self.last[group as usize] = position;
        }
        Ok(())
    }

    /// The position of each row of the runs.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// How many positions there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The unit that may go on in the next batch.
    pub(super) fn current(&self) -> Option<u64> {
        self.units.last().copied()
    }

    /// How many units are open.
    pub(super) fn open(&self) -> usize {
        self.units.len()
    }

    /// The first `complete` open units.
    pub(super) fn complete(&self, complete: usize) -> Complete<'_> {
        let end = self.firsts.get(complete).copied().unwrap_or(self.len as u32);
        Complete {
            groups: &self.groups[..self.len],
            units: &self.units[..complete],
            firsts: &self.firsts[..complete],
            end,
        }
    }

    /// Moves the unit after the first `complete` ones to the front and forgets the rest. Gives the first position that
    /// stays; it is 1 from now on.
    pub(super) fn carry_over(&mut self, complete: usize) -> usize {
        let from = self.firsts.get(complete).map_or(self.len, |&f| f as usize);
        self.groups.copy_within(from..self.len, 1);
        self.len = self.len + 1 - from;
        self.base += from as u32 - 1;
        self.units.drain(..complete);
        self.firsts.clear();
        self.firsts.resize(self.units.len(), 1);
        from
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        let words = self.last.capacity() + self.groups.capacity() + self.firsts.capacity() + self.rows.capacity();
        4 * words + 8 * self.units.capacity()
    }
}

/// Units that are complete, with their positions.
#[derive(Clone, Copy)]
pub(super) struct Complete<'a> {
    /// The group of each position.
    pub(super) groups: &'a [u32],
    /// The units.
    pub(super) units: &'a [u64],
    firsts: &'a [u32],
    end: u32,
}

impl<'a> Complete<'a> {
    /// The positions of each unit, in order; together they have no gaps.
    pub(super) fn ranges(self) -> impl Iterator<Item = std::ops::Range<usize>> + use<'a> {
        let ends = self.firsts.iter().skip(1).copied().chain([self.end]);
        self.firsts.iter().zip(ends).map(|(&first, end)| first as usize..end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::Runs;
    use super::*;

    fn ranges(slots: &Slots, complete: usize) -> Vec<(u64, Vec<u32>)> {
        let done = slots.complete(complete);
        done.units.iter().zip(done.ranges()).map(|(u, r)| (*u, done.groups[r].to_vec())).collect()
    }

    fn assign<U: Copy + Ord + Into<u64>>(slots: &mut Slots, units: &[U], groups: &[u32]) -> Result<()> {
        let mut runs = Runs::default();
        runs.cut(units)?;
        slots.assign(units, &runs.all, groups)
    }

    #[test]
    fn pairs_are_numbered_as_they_are_met_and_units_go_on_in_the_next_batch() {
        let mut slots = Slots::new(3);
        assign(&mut slots, &[1u64, 1, 1, 2, 2], &[2, 0, 2, 2, NO_GROUP]).unwrap();
        assert_eq!(slots.rows(), [1, 2, 1, 3, NOWHERE]);
        assert_eq!(ranges(&slots, 1), [(1, vec![2, 0])]);
        assert_eq!(slots.carry_over(1), 3);
        assign(&mut slots, &[2u64, 2, 5], &[1, 2, 2]).unwrap();
        assert_eq!(slots.rows(), [2, 1, 3]);
        assert_eq!(ranges(&slots, 2), [(2, vec![2, 1]), (5, vec![2])]);
        assert_eq!(slots.carry_over(2), 4);
        assert_eq!((slots.open(), slots.len()), (0, 1));
    }

    #[test]
    fn a_batch_may_begin_with_a_new_unit() {
        let mut slots = Slots::new(1);
        assign(&mut slots, &[1u32], &[0]).unwrap();
        slots.carry_over(0);
        assign(&mut slots, &[4u32, 4], &[0, 0]).unwrap();
        assert_eq!(ranges(&slots, 2), [(1, vec![0]), (4, vec![0])]);
    }

    #[test]
    fn slots_are_named_anew_before_names_run_out() {
        let mut slots = Slots::new(2);
        assign(&mut slots, &[7u64, 7], &[1, 0]).unwrap();
        slots.base = RENAME_ABOVE + 5;
        slots.last = vec![slots.base + 2, slots.base + 1];
        assign(&mut slots, &[7u64, 8], &[0, 0]).unwrap();
        assert_eq!(slots.base, 0);
        assert_eq!(slots.rows(), [2, 3]);
    }

    #[test]
    fn disorder_is_an_error_within_and_between_batches() {
        assert!(assign(&mut Slots::new(1), &[2u64, 1], &[0, 0]).is_err());
        let mut slots = Slots::new(1);
        assign(&mut slots, &[2u64], &[0]).unwrap();
        assert!(assign(&mut slots, &[1u64], &[0]).is_err());
    }
}
