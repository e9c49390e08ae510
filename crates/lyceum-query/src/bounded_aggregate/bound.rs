//! Contribution bounding of one unit's vector, in exact integers.
//!
//! Public keys: the vector over all groups is brought into the L2 ball of radius R = √L0·C, where C is the largest
//! magnitude the unit may add to one group. Every step rounds against the unit: the norm is never rounded down, the
//! factor and the scaled cells are rounded toward zero; the result is checked in wide integers. Cells are saturated far
//! outside of the ball only, where integers end: saturated to its radius, the sum and the count of an average would lose
//! their ratio.

use crate::faults::{self, Fault};

/// Fractional bits of a [`Factor`].
const FACTOR_BITS: u32 = 62;
/// Cells of wider balls are narrowed to this many bits before the factor is computed: it then has 31 bits or more.
const NORM_BITS: u32 = 32;
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

    /// The factor, at most 1, that brings saturated `cells` into the ball.
    pub(crate) fn factor(self, cells: &[i64]) -> Factor {
        if self.contains(cells) {
            return Factor::ONE;
        }
        let shift = (u64::BITS - self.radius.leading_zeros()).saturating_sub(NORM_BITS);
        let narrowed = cells.iter().map(|v| v.unsigned_abs().div_ceil(1 << shift));
        let norm = narrowed.fold(0u128, |sum, v| sum.saturating_add(square(v))).max(1);
        let radius = self.radius_squared >> (2 * shift);
        // √(R²/Σv²), with as many fractional bits as there is room for.
        let room = (radius.leading_zeros() & !1).min(2 * FACTOR_BITS);
        let mut factor = ((radius << room) / norm).isqrt() << (FACTOR_BITS - room / 2);
        if faults::on(Fault::FactorRoundedUp) {
            factor += factor >> 12;
        }
        Factor(factor.min(Factor::ONE.0))
    }
}

/// A number in [0, 1] with 62 fractional bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Factor(u128);

impl Factor {
    /// 1: nothing to scale.
    pub(crate) const ONE: Self = Self(1 << FACTOR_BITS);

    /// The cell times the factor, rounded toward zero.
    pub(crate) fn scale(self, cell: i64) -> i64 {
        let up = if faults::on(Fault::CellsRoundedUp) { Self::ONE.0 - 1 } else { 0 };
        let magnitude = (u128::from(cell.unsigned_abs()) * self.0 + up) >> FACTOR_BITS;
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
        let factor = ball.factor(&saturated);
        saturated.iter().map(|&v| factor.scale(v)).collect()
    }

    #[test]
    fn a_vector_inside_the_ball_is_not_touched() {
        let ball = Ball::new(10, 3).unwrap();
        assert_eq!(bounded(ball, &[10, -10, 10]), vec![10, -10, 10]);
        assert_eq!(bounded(ball, &[17, 0, 1]), vec![17, 0, 1]);
    }

    #[test]
    fn a_vector_outside_keeps_its_direction() {
        let ball = Ball::new(100, 1).unwrap();
        assert_eq!(bounded(ball, &[300, 400]), vec![59, 79], "the norm is 500, and everything is rounded down");
        assert_eq!(bounded(ball, &[30_000, -40_000]), vec![59, -79]);
        assert_eq!(bounded(ball, &[60, 90]), vec![55, 83]);
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
        fn scaling_loses_little(cells in prop::collection::vec(-1_000_000i128..1_000_000, 1..40)) {
            let ball = Ball::new(400_000, 4).unwrap();
            let saturated: Vec<i64> = cells.iter().map(|&v| ball.saturate(v)).collect();
            prop_assert!(cells.iter().zip(&saturated).all(|(v, s)| *v == i128::from(*s)));
            let norm = saturated.iter().map(|&v| (v as f64).powi(2)).sum::<f64>().sqrt();
            let factor = (800_000.0 / norm).min(1.0);
            for (v, b) in saturated.iter().zip(bounded(ball, &cells)) {
                prop_assert!((*v as f64 * factor - b as f64).abs() < 3.0);
            }
        }
    }
}
