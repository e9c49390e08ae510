//! Contribution bounding of one unit's vector, in exact integers.
//!
//! A unit's vector over its groups is brought into the L2 ball of radius R = √L0·C, where C is the largest magnitude
//! that counts in one group: cells above a **level** of the unit's own are cut to it, the highest whole level with
//! Σ min(|v|, level)² ≤ R². Of all vectors in the ball that are nowhere beyond v, this one keeps most: for cells of one sign
//! the largest sum, hence the least bias over all groups together (scaling v down would lose more, evenly).
//!
//! What belongs together, like the sum and the count of an average, is cut by the same share in each group, the smallest
//! of its parts, so that ratios keep. Shares are exact fractions and cut cells are rounded toward zero; the result is checked
//! in wide integers. Cells are saturated far outside of the ball only, where integers end.

use crate::faults::{self, Fault};

/// How far outside of the ball cells are saturated: at R times 2 to this power.
const REACH_BITS: u32 = 16;
/// Largest magnitude of a cell, whatever the radius.
const MAX_CELL: u64 = 1 << 62;
/// Largest R² that leaves room for every intermediate product.
const MAX_RADIUS_SQUARED: u128 = 1 << 124;

/// The L2 ball of one measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ball {
    cell: u64,
    radius: u64,
    radius_squared: u128,
}

impl Ball {
    /// The ball for cells of magnitude at most `cell` in at most `max_groups` groups; `None` if too wide for integers.
    pub(crate) fn new(cell: u64, max_groups: u32) -> Option<Self> {
        let squared = u128::from(cell).checked_mul(u128::from(cell))?;
        let radius_squared = squared.checked_mul(u128::from(max_groups.max(1)))?;
        if radius_squared > MAX_RADIUS_SQUARED {
            return None;
        }
        let radius = u64::try_from(radius_squared.isqrt()).ok()?;
        Some(Self { cell, radius, radius_squared })
    }

    /// C.
    pub(crate) const fn cell(self) -> u64 {
        self.cell
    }

    /// R² = L0·C², exactly.
    pub(crate) const fn radius_squared(self) -> u128 {
        self.radius_squared
    }

    /// A cell limited to ±65,536 R, so that norms have room.
    pub(crate) fn saturate(self, cell: i128) -> i64 {
        let limit = i128::from(self.radius.saturating_mul(1 << REACH_BITS).min(MAX_CELL));
        // The limited value has 63 bits at most, so it fits.
        i64::try_from(cell.clamp(-limit, limit)).unwrap_or(0)
    }

    /// Whether Σv² ≤ R². Saturation can't hide an excess, because R² is far below the largest `u128`.
    pub(crate) fn contains(self, cells: &[i64]) -> bool {
        let norm = cells.iter().fold(0u128, |sum, v| sum.saturating_add(square(v.unsigned_abs())));
        norm <= self.radius_squared
    }

    /// The level for saturated `cells`. `sorted` is room to work in.
    pub(crate) fn level(self, cells: &[i64], sorted: &mut Vec<u64>) -> Level {
        if self.contains(cells) || faults::on(Fault::BallOff) {
            return Level::UNCUT;
        }
        sorted.clear();
        sorted.extend(cells.iter().map(|v| v.unsigned_abs()));
        sorted.sort_unstable();
        let mut rest = self.radius_squared;
        for (below, &cell) in sorted.iter().enumerate() {
            // All cells from here on have at least this magnitude; at this level they fill what is left.
            let level = (rest / (sorted.len() - below) as u128).isqrt();
            if level < u128::from(cell) {
                let up = if faults::on(Fault::LevelTooHigh) { 1 + (level >> 12) } else { 0 };
                return Level(u64::try_from(level + up).unwrap_or(0));
            }
            rest -= square(cell);
        }
        Level::UNCUT
    }
}

/// The magnitude that a unit's cells are cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level(u64);

impl Level {
    /// Nothing is cut.
    pub(crate) const UNCUT: Self = Self(u64::MAX);

    /// What is kept of a saturated cell.
    pub(crate) const fn share(self, cell: i64) -> Share {
        let of = cell.unsigned_abs();
        if of <= self.0 { Share::WHOLE } else { Share { kept: self.0, of } }
    }
}

/// A fraction in [0, 1].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    kept: u64,
    of: u64,
}

impl Share {
    /// 1: nothing is cut.
    pub(crate) const WHOLE: Self = Self { kept: 1, of: 1 };

    /// The smaller of two.
    pub(crate) fn min(self, other: Self) -> Self {
        // Numbers of at most 63 bits: products fit.
        let (a, b) = (u128::from(self.kept) * u128::from(other.of), u128::from(other.kept) * u128::from(self.of));
        if b < a { other } else { self }
    }

    /// The cell times the share, rounded toward zero.
    pub(crate) fn of(self, cell: i64) -> i64 {
        if self.kept >= self.of {
            return cell;
        }
        let magnitude = u128::from(cell.unsigned_abs()) * u128::from(self.kept) / u128::from(self.of);
        let magnitude = i64::try_from(magnitude).unwrap_or(i64::MAX);
        if cell < 0 { -magnitude } else { magnitude }
    }
}

fn square(v: u64) -> u128 {
    u128::from(v) * u128::from(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounded(ball: Ball, cells: &[i128]) -> Vec<i64> {
        let saturated: Vec<i64> = cells.iter().map(|&v| ball.saturate(v)).collect();
        let level = ball.level(&saturated, &mut Vec::new());
        saturated.iter().map(|&v| level.share(v).of(v)).collect()
    }

    #[test]
    fn a_vector_inside_the_ball_is_not_touched() {
        let ball = Ball::new(10, 3).unwrap();
        assert_eq!(bounded(ball, &[10, -10, 10]), vec![10, -10, 10]);
        assert_eq!(bounded(ball, &[17, 0, 1]), vec![17, 0, 1]);
    }

    #[test]
    fn large_cells_are_cut_to_one_level_and_small_ones_stay() {
        let ball = Ball::new(100, 1).unwrap();
        assert_eq!(bounded(ball, &[300, 400]), vec![70, 70]);
        assert_eq!(bounded(ball, &[30_000, -40_000]), vec![70, -70]);
        assert_eq!(bounded(ball, &[60, 90]), vec![60, 80]);
        assert_eq!(bounded(ball, &[0, 5, 1_000]), vec![0, 5, 99], "9,975 is left for the largest");
        assert_eq!(bounded(Ball::new(0, 3).unwrap(), &[4, -1]), vec![0, 0]);
    }

    #[test]
    fn shares_keep_the_ratio_of_what_belongs_together() {
        // 40 rows with a sum of 1,000 in one group, of which 10 rows and a sum of 500 may count.
        let (rows, sum) = (Ball::new(10, 1).unwrap(), Ball::new(500, 1).unwrap());
        let mut room = Vec::new();
        let share = rows.level(&[40], &mut room).share(40).min(sum.level(&[1000], &mut room).share(1000));
        assert_eq!((share.of(40), share.of(1000), share.of(-1000)), (10, 250, -250));
    }

    #[test]
    fn bounds_that_can_overflow_are_refused() {
        assert!(Ball::new(1 << 62, 1).is_some());
        assert!(Ball::new(1 << 62, 2).is_none());
        assert!(Ball::new(u64::MAX, 1).is_none());
        assert!(Ball::new(1 << 40, u32::MAX).is_some());
    }

    proptest! {
        #[test]
        fn no_unit_leaves_the_ball(
            cell in prop_oneof![0u64..=1000, 0..=(1u64 << 50), Just(1u64 << 57)],
            max_groups in 1u32..=32,
            cells in prop::collection::vec(prop_oneof![
                any::<i64>().prop_map(i128::from), -2000i128..2000,
                Just(i128::from(i64::MIN)), Just(i128::from(i64::MAX)), Just(i128::MIN), Just(i128::MAX)], 0..60),
        ) {
            let ball = Ball::new(cell, max_groups).unwrap();
            let out = bounded(ball, &cells);
            prop_assert!(ball.contains(&out));
            for (v, b) in cells.iter().zip(&out) {
                prop_assert!(i128::from(*b).unsigned_abs() <= v.unsigned_abs());
                prop_assert!(*b == 0 || (*b > 0) == (*v > 0));
            }
        }

        #[test]
        fn the_level_is_the_highest(cells in prop::collection::vec(-1_000_000i128..1_000_000, 1..40)) {
            let ball = Ball::new(400_000, 4).unwrap();
            let out = bounded(ball, &cells);
            let level = out.iter().map(|v| v.unsigned_abs()).max().unwrap();
            for (v, b) in cells.iter().zip(&out) {
                prop_assert_eq!(v.unsigned_abs().min(u128::from(level)), u128::from(b.unsigned_abs()));
            }
            let norm = |level: u128| cells.iter().map(|v| v.unsigned_abs().min(level).pow(2)).sum::<u128>();
            let cut = cells.iter().zip(&out).any(|(v, b)| *v != i128::from(*b));
            prop_assert!(!cut || norm(u128::from(level) + 1) > ball.radius_squared());
        }

        #[test]
        fn no_share_of_the_ball_is_kept_better(cells in prop::collection::vec(0i128..1_000, 2..12), scale in 0.0..1.0f64) {
            let ball = Ball::new(200, 3).unwrap();
            let sum: i64 = bounded(ball, &cells).iter().sum();
            // what scaling the whole vector would keep, or any scaling of it that is inside
            let norm = cells.iter().map(|v| (*v as f64).powi(2)).sum::<f64>().sqrt();
            let factor = (200.0 * 3f64.sqrt() / norm.max(1.0)).min(1.0) * scale;
            prop_assert!(sum as f64 + 12.0 >= factor * cells.iter().sum::<i128>() as f64);
        }
    }
}
