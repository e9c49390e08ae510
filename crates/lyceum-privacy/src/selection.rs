//! Which undeclared groups may be shown: a group appears when it has raw ≥ k units **and** its noisy unit count is
//! ≥ τ. τ is set so that a group which one unit brings over k appears with probability at most δ/L0.
//!
//! Take neighbours D and D′ that differ in one unit, and one of the at most L0 groups that it touches, with m units
//! in D and m − 1 in D′. If m − 1 ≥ k the group is a candidate in both and the noise alone covers the difference; if
//! m < k it is a candidate in neither. Left is m = k: only D can show it, with probability P(k + Z ≥ τ). Over at most
//! L0 groups these sum to at most δ, whatever the other groups hold: the release is δ-approximate zCDP.

mod weighted;

use crate::budget::Delta;
use crate::normal::ln_discrete_tail;
pub use weighted::{FRACTION_BITS, Weights, passing_probability};

/// The smallest τ > k with P(k + Z ≥ τ) ≤ δ/L0 for discrete Gaussian Z of parameter σ; in units.
///
/// k and L0 below 1 count as 1. `i64::MAX` (nothing is ever shown) when δ = 0 or σ is not positive and finite.
/// The comparison in a release must be `raw ≥ k && noisy ≥ τ`.
#[must_use]
pub fn threshold(minimum_group_size: u32, sigma: f64, max_groups: u32, delta: Delta) -> i64 {
    threshold_above(i64::from(minimum_group_size.max(1)), sigma, max_groups, delta)
}

/// The smallest τ > `most` with P(`most` + Z ≥ τ) ≤ δ/groups: hides a number that is at most `most` in each of so many
/// groups. All in one unit, which may be a fraction of a person; `i64::MAX` as for [`threshold`].
#[must_use]
pub fn threshold_above(most: i64, sigma: f64, groups: u32, delta: Delta) -> i64 {
    if usable(sigma, delta) { most.saturating_add(tail_step(sigma, delta, groups)) } else { i64::MAX }
}

/// Whether there is any δ to spend, and noise to spend it on.
fn usable(sigma: f64, delta: Delta) -> bool {
    delta != Delta::ZERO && sigma > 0.0 && sigma < 1e15
}

/// The smallest a ≥ 1 with P(Z ≥ a) ≤ δ/groups, for [`usable`] arguments.
fn tail_step(sigma: f64, delta: Delta, groups: u32) -> i64 {
    // The slack covers rounding in the tail's sum, in the direction of fewer groups.
    let target = (delta.as_f64() / f64::from(groups.max(1))).min(1.0).ln() - 1e-9;
    // P(Z ≥ a) ≤ exp(−a²/2σ²) (Canonne, Kamath and Steinke 2020), so the answer is at most this.
    let (mut low, mut high) = (0, (sigma * (-2.0 * target).sqrt()).ceil() as i64 + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if ln_discrete_tail(middle, sigma) <= target { high = middle } else { low = middle }
    }
    high
}

/// The chance that a group of `units` is shown, for predictions before paying and for choosing τ's inputs.
#[must_use]
pub fn shown_probability(units: u64, minimum_group_size: u32, threshold: i64, sigma: f64) -> f64 {
    if units < u64::from(minimum_group_size.max(1)) || !(sigma > 0.0 && sigma.is_finite()) {
        return 0.0;
    }
    let units = i64::try_from(units).unwrap_or(i64::MAX);
    ln_discrete_tail(threshold.saturating_sub(units), sigma).exp().min(1.0)
}
