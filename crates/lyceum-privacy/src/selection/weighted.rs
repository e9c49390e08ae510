//! Selection by weight: a unit that is in few groups says so louder. Same L2 bound, hence same noise and price, and
//! every group's chance of being shown is at least that of the plain count, wherever τ is the same.
//!
//! A unit kept in m ≤ M groups adds √(L0/m) to each, so its vector has an L2 norm of at most √L0 however large m is (the
//! weights of Gopi et al., *Differentially private set union*, 2020). A group's **statistic** is the sum of its units' weights
//! without the k − 1 heaviest. It is shown when it has raw ≥ k units **and** statistic + Z ≥ τ.
//!
//! *Sensitivity.* Take away a unit of weight w. If it is not among the k − 1 heaviest, the statistic falls by w; if it is, the next in
//! order takes its place and the statistic falls by that one's weight, at most w. Below k units it is 0.
//!
//! *Threshold.* Take neighbours D and D′ = D without u, u being kept in m groups. Only a group with exactly k units in D
//! can be a candidate in D alone. Its statistic in D is its lightest weight, at most √(L0/m) however heavy the others
//! are. With P(√(L0/m) + Z ≥ τ) ≤ δ/m for every m ≤ M, the at most m such groups are all hidden but with probability δ. The
//! rest is as for the plain count: δ-approximate zCDP.
//!
//! With M = L0 and all units in L0 groups this *is* the plain rule: (units − k + 1) + Z ≥ τ − k + 1. A larger M costs a little of
//! τ, by the tail at δ/M instead of δ/L0, and lets a unit that is in many groups be heard in all of them.
//!
//! Weights are integers in units of 2⁻¹⁶, rounded down; a unit's class stands for m. Above 16 groups m is rounded up to
//! a class, four to an octave up to 64 and powers of two from there, so that a group needs at most 52 counters.

use super::{tail_step, usable};
use crate::budget::Delta;
use crate::normal::ln_discrete_tail;

/// Binary digits after the point of weights, statistics and thresholds.
pub const FRACTION_BITS: u32 = 16;
/// Up to so many groups, every m is a class of its own.
const EXACT_CLASSES: u32 = 16;
/// Up to so many, classes are four to an octave.
const FINE_CLASSES: u32 = 64;

/// The weights for one L0 and M: which class a unit is in, and what it adds to each of its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    max_groups: u32,
    /// By class: the most groups of its units, and their weight; heaviest first.
    classes: Vec<(u32, u64)>,
}

impl Weights {
    /// For L0 = `max_groups` and units kept in at most M = `kept_groups` groups, which may be more (0 counts as 1).
    #[must_use]
    pub fn new(max_groups: u32, kept_groups: u32) -> Self {
        let (max_groups, kept_groups) = (max_groups.max(1), kept_groups.max(1));
        // ⌊2¹⁶ √(L0/m)⌋ = ⌊√⌊2³² L0/m⌋⌋, so m·w² ≤ 2³² L0 in integers
        let weight = |m: u32| ((u64::from(max_groups) << (2 * FRACTION_BITS)) / u64::from(m)).isqrt();
        let next = |m: &u32| match *m {
            m if m < EXACT_CLASSES => Some(m + 1),
            m if m < FINE_CLASSES => Some(m + (1 << (m.ilog2() - 2))),
            m => m.checked_mul(2),
        };
        let steps = std::iter::successors(Some(1u32), next).take_while(|m| *m < kept_groups);
        // L0 itself is a class, so that nobody in L0 groups weighs less than in a plain count.
        let mut most: Vec<u32> = steps.chain([kept_groups, max_groups.min(kept_groups)]).collect();
        most.sort_unstable();
        most.dedup();
        Self { max_groups, classes: most.into_iter().map(|m| (m, weight(m))).collect() }
    }

    /// Number of classes: how many counters a group needs.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// The class of a unit that is kept in `groups` groups (1 to M).
    #[must_use]
    pub fn class_of(&self, groups: u32) -> usize {
        self.classes.partition_point(|(most, _)| *most < groups).min(self.classes.len() - 1)
    }

    /// What a unit of the class adds to each of its groups, in units of 2⁻¹⁶.
    #[must_use]
    pub fn weight(&self, class: usize) -> u64 {
        self.classes.get(class).map_or(0, |(_, weight)| *weight)
    }

    /// The L2 sensitivity of all groups' statistics together, in units of 2⁻¹⁶, rounded up: √L0 of them.
    #[must_use]
    pub fn l2_sensitivity(&self) -> f64 {
        let root = f64::from(self.max_groups).sqrt();
        // A root that isn't exact is rounded to nearest: one step up is never below it.
        let up = if root * root == f64::from(self.max_groups) && root.fract() == 0.0 { root } else { root.next_up() };
        up * f64::from(1u32 << FRACTION_BITS)
    }

    /// A group's statistic from its number of units by class, in units of 2⁻¹⁶; `None` when it has fewer than `k` units (0 counts
    /// as 1), and must stay hidden. Saturates.
    #[must_use]
    pub fn statistic(&self, units: &[u64], k: u32) -> Option<i64> {
        let k = u64::from(k.max(1));
        let raw = units.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
        if raw < k {
            return None;
        }
        let mut heaviest = k - 1;
        let sum = self.classes.iter().zip(units).fold(0u64, |sum, ((_, weight), n)| {
            let left_out = heaviest.min(*n);
            heaviest -= left_out;
            sum.saturating_add(weight.saturating_mul(n - left_out))
        });
        Some(i64::try_from(sum).unwrap_or(i64::MAX))
    }

    /// The smallest τ such that P(w + Z ≥ τ) ≤ δ/m for every class, m being the most groups and w the weight of its units;
    /// σ and τ in units of 2⁻¹⁶. `i64::MAX` (nothing is ever shown) when δ = 0 or σ is not positive and finite.
    #[must_use]
    pub fn threshold(&self, sigma: f64, delta: Delta) -> i64 {
        if !usable(sigma, delta) {
            return i64::MAX;
        }
        let needed = self.classes.iter().map(|(most, weight)| {
            let weight = i64::try_from(*weight).unwrap_or(i64::MAX);
            weight.saturating_add(tail_step(sigma, delta, *most))
        });
        needed.max().unwrap_or(i64::MAX)
    }
}

/// The chance that a group with this statistic is shown; `sigma` and `threshold` in the same unit.
#[must_use]
pub fn passing_probability(statistic: i64, threshold: i64, sigma: f64) -> f64 {
    if !(sigma > 0.0 && sigma.is_finite()) {
        return 0.0;
    }
    ln_discrete_tail(threshold.saturating_sub(statistic), sigma).exp().min(1.0)
}
