//! The rows of a table before they have values: which unit each belongs to, and which row of the parent.
//!
//! Tables of one population walk the same units in the same order, with the same ids, activity and epoch: every
//! walk reads the population's stream of randomness from its start. A child table walks its parent's rows in the same way.

use super::plan::{Plan, Units};
use super::{Stream, stream};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowAt {
    pub(crate) unit: Unit,
    /// Its number in its table.
    pub(crate) row: u64,
    /// The number of the parent's row, if there is a parent.
    pub(crate) parent: u64,
}

/// One privacy unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Unit {
    /// Rising from unit to unit.
    pub(crate) id: u64,
    /// Says how many rows it has: heavy units are heavy in every table.
    pub(crate) activity: u64,
    /// Says which epoch it is of.
    pub(crate) epoch: u64,
}

/// All units of a population: one id in each of as many equal parts of the 64-bit range.
pub(crate) struct UnitWalk {
    next: u64,
    count: u64,
    rng: ChaCha8Rng,
}

impl Iterator for UnitWalk {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        if self.next >= self.count {
            return None;
        }
        let part = u64::MAX / self.count;
        let id = self.next * part + scaled(self.rng.next_u64(), part);
        self.next += 1;
        Some(Unit { id, activity: self.rng.next_u64(), epoch: self.rng.next_u64() })
    }
}

/// A table's rows in order.
pub(crate) enum Spine {
    /// A public table, or one each of whose rows is a unit.
    Rows { units: Option<Box<UnitWalk>>, next: u64, count: u64 },
    /// Rows of units.
    Units(Box<OfUnits>),
    /// Rows of a parent's rows.
    Child(Box<OfParents>),
}

/// Rows given to units one after another.
pub(crate) struct OfUnits {
    units: UnitWalk,
    shares: Shares,
    max_rows_per_unit: u64,
    now: Unit,
    left_of_unit: u64,
    next: u64,
}

/// Rows given to the parent's rows one after another.
pub(crate) struct OfParents {
    parents: Spine,
    shares: Shares,
    max_rows_per_unit: u64,
    now: RowAt,
    of_unit: u64,
    left_of_parent: u64,
    next: u64,
}

/// How many rows are still to be given to how many takers.
struct Shares {
    rows: u64,
    takers: u64,
    rng: ChaCha8Rng,
}

impl Shares {
    /// The next taker's rows, at most `cap`; the mean of all later ones stays what is left over by those that are left.
    fn next(&mut self, activity: u64, floor: u64, cap: u64) -> u64 {
        let mean = self.rows as f64 / self.takers.max(1) as f64;
        self.takers = self.takers.saturating_sub(1);
        // Pareto of index 2 and mean 1, in exactly rounded operations.
        let heavy = 0.5 / ((activity >> 11) as f64 + 1.0).sqrt() * f64::from(1u32 << 26) * std::f64::consts::SQRT_2;
        let drawn = mean * heavy + unit_interval(self.rng.next_u64());
        let rows = if self.takers == 0 { self.rows } else { drawn as u64 };
        let rows = rows.max(floor).min(cap).min(self.rows);
        self.rows -= rows;
        rows
    }
}

impl Spine {
    pub(crate) fn new(plan: &Plan, table: usize, seed: u64) -> Self {
        let nothing = Self::Rows { units: None, next: 0, count: 0 };
        let Some(at) = plan.table(table) else { return nothing };
        let counts = stream(seed, Stream::Counts(table));
        match at.units {
            Units::Public => Self::Rows { units: None, next: 0, count: at.rows },
            Units::Rows => {
                let walk = UnitWalk { next: 0, count: at.rows, rng: stream(seed, Stream::Rows(table)) };
                Self::Rows { units: Some(Box::new(walk)), next: 0, count: at.rows }
            }
            Units::Population(index) => {
                let count = plan.population(index);
                let units = UnitWalk { next: 0, count, rng: stream(seed, Stream::Population(index)) };
                let shares = Shares { rows: at.rows, takers: count, rng: counts };
                let max_rows_per_unit = at.max_rows_per_unit;
                Self::Units(Box::new(OfUnits {
                    units,
                    shares,
                    max_rows_per_unit,
                    now: Unit::default(),
                    left_of_unit: 0,
                    next: 0,
                }))
            }
            Units::Parent(parent) => Self::Child(Box::new(OfParents {
                parents: Self::new(plan, parent, seed),
                shares: Shares { rows: at.rows, takers: plan.rows(parent), rng: counts },
                max_rows_per_unit: at.max_rows_per_unit,
                now: RowAt { unit: Unit::default(), row: 0, parent: 0 },
                of_unit: 0,
                left_of_parent: 0,
                next: 0,
            })),
        }
    }
}

impl Iterator for Spine {
    type Item = RowAt;

    fn next(&mut self) -> Option<RowAt> {
        match self {
            Self::Rows { units, next, count } => {
                if next >= count {
                    return None;
                }
                let unit = units.as_mut().and_then(|u| u.next()).unwrap_or_default();
                *next += 1;
                Some(RowAt { unit, row: *next - 1, parent: 0 })
            }
            Self::Units(of) => of.next(),
            Self::Child(of) => of.next(),
        }
    }
}

impl OfUnits {
    fn next(&mut self) -> Option<RowAt> {
        while self.left_of_unit == 0 {
            self.now = self.units.next()?;
            // What the units after this one can't hold is this one's.
            let others = self.shares.takers.saturating_sub(1).saturating_mul(self.max_rows_per_unit);
            let floor = self.shares.rows.saturating_sub(others);
            self.left_of_unit = self.shares.next(self.now.activity, floor, self.max_rows_per_unit);
        }
        self.left_of_unit -= 1;
        self.next += 1;
        Some(RowAt { unit: self.now, row: self.next - 1, parent: 0 })
    }
}

impl OfParents {
    fn next(&mut self) -> Option<RowAt> {
        while self.left_of_parent == 0 {
            let parent = self.parents.next()?;
            if parent.unit.id != self.now.unit.id {
                self.of_unit = 0;
            }
            self.now = parent;
            let activity = self.shares.rng.next_u64();
            self.left_of_parent = self.shares.next(activity, 0, self.max_rows_per_unit - self.of_unit);
            self.of_unit += self.left_of_parent;
        }
        self.left_of_parent -= 1;
        self.next += 1;
        Some(RowAt { unit: self.now.unit, row: self.next - 1, parent: self.now.row })
    }
}

/// A uniform integer below `n` (0 for 0) from a random word (Lemire 2019, without the rejection that only matters near 2⁶⁴).
pub(crate) fn scaled(word: u64, n: u64) -> u64 {
    ((u128::from(word) * u128::from(n)) >> 64) as u64
}

/// A uniform number of \[0, 1\) with 53 bits.
pub(crate) fn unit_interval(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}
