//! What noise costs, and what a budget means: conversions between σ, ρ and (ε, δ), each rounded against the spender.
//!
//! Charges of one account add up: if every query is ρᵢ-zCDP given the answers before it, and queries are only
//! asked while Σρᵢ ≤ ρ, then everything together is ρ-zCDP although each ρᵢ was chosen after seeing earlier answers
//! (privacy filters: Feldman and Zrnic 2021; Whitehouse, Ramdas, Rogers and Wu 2023). [`Budget::fits`] is that test.
//! δ of key selections adds up beside it (approximate zCDP, Bun and Steinke 2016).
//!
//! [`Budget::fits`]: crate::budget::Budget::fits

mod pld;

use crate::budget::{Delta, Rho};
use opendp::combinators::ConcentratedMeasure;
use opendp::measures::{PrivacyProfile, ZeroConcentratedDivergence};
pub use pld::{Spent, tight_delta, tight_epsilon};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Digits (in bits) that noise scales keep: wide enough that rounding up costs nobody anything (below 1e-6), narrow
/// enough that the exact rational samplers work with small numerators.
const SCALE_BITS: i32 = 20;
/// Conversions that are remembered at most.
const MAX_KNOWN: usize = 1024;

/// The smallest ε (rounded up) such that ρ-zCDP gives (ε, δ)-differential privacy by the conversion of Canonne,
/// Kamath and Steinke (2020), as opendp computes it. Infinite when δ is not in (0, 1] and ρ > 0.
#[must_use]
pub fn epsilon(rho: Rho, delta: f64) -> f64 {
    if rho == Rho::ZERO {
        return 0.0;
    }
    if !(delta > 0.0 && delta <= 1.0) {
        return f64::INFINITY;
    }
    let epsilon = profile(rho).and_then(|p| p.epsilon(delta).ok());
    epsilon.filter(|e| !e.is_nan()).unwrap_or(f64::INFINITY)
}

/// The largest ρ whose [`epsilon`] at δ is at most ε: what a cap stated as (ε, δ) allows to spend.
/// Zero when ε or δ is not positive.
#[must_use]
pub fn rho_for(epsilon: f64, delta: f64) -> Rho {
    if !(epsilon > 0.0 && epsilon.is_finite() && delta > 0.0 && delta < 1.0) {
        return Rho::ZERO;
    }
    // The search evaluates the conversion some seventy times, and most queries ask for the same ε and δ.
    static KNOWN: Mutex<BTreeMap<(u64, u64), Rho>> = Mutex::new(BTreeMap::new());
    let key = (epsilon.to_bits(), delta.to_bits());
    if let Some(rho) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return *rho;
    }
    let rho = search_rho(epsilon, delta);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    known.insert(key, rho);
    rho
}

fn search_rho(epsilon: f64, delta: f64) -> Rho {
    let within = |rho: u64| profile(Rho(rho)).and_then(|p| p.delta(epsilon).ok()).is_some_and(|d| d <= delta);
    let (mut low, mut high) = (0, u64::MAX);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if within(middle) { low = middle } else { high = middle }
    }
    // δ(ε) and ε(δ) round in different directions: the second has the last word.
    let mut step = 1;
    while low > 0 && self::epsilon(Rho(low), delta) > epsilon {
        low = low.saturating_sub(step);
        step *= 2;
    }
    Rho(low)
}

/// Splits an owner's δ once and for all: half converts ρ to ε, half is the cap of what key selections may spend.
/// Both rounded down, so their sum is at most δ.
#[must_use]
pub fn split_delta(delta: f64) -> (f64, Delta) {
    if !(delta > 0.0 && delta <= 1.0) {
        return (0.0, Delta::ZERO);
    }
    let half = delta / 2.0;
    // `round_down` multiplies in floating point, which may round up by one part in 2^53: step below it first.
    (half, Delta::round_down(half.next_down()))
}

/// ρ of a Gaussian mechanism: Δ₂²/2σ², rounded up. The maximum when the arguments allow no finite price.
#[must_use]
pub fn gaussian_rho(l2_sensitivity: f64, sigma: f64) -> Rho {
    half_square(l2_sensitivity, sigma)
}

/// The smallest σ (to 20 bits, rounded up) with [`gaussian_rho`]`(l2_sensitivity, σ) ≤ rho`, in the unit of the
/// sensitivity; infinite for ρ = 0 or a sensitivity that isn't positive and finite.
#[must_use]
pub fn gaussian_sigma(l2_sensitivity: f64, rho: Rho) -> f64 {
    scale_for(l2_sensitivity, rho)
}

/// ρ of a Laplace mechanism: (Δ₁/b)²/2, rounded up, as ε-differential privacy is ε²/2-zCDP (Bun and Steinke 2016).
#[must_use]
pub fn laplace_rho(l1_sensitivity: f64, scale: f64) -> Rho {
    half_square(l1_sensitivity, scale)
}

/// The smallest b (to 20 bits, rounded up) with [`laplace_rho`]`(l1_sensitivity, b) ≤ rho`; infinite as above.
#[must_use]
pub fn laplace_scale(l1_sensitivity: f64, rho: Rho) -> f64 {
    scale_for(l1_sensitivity, rho)
}

/// The ε of a pure ε-differentially private query whose price is `rho`: √(2ρ), rounded down.
#[must_use]
pub fn pure_epsilon(rho: Rho) -> f64 {
    (2.0 * rho.as_f64()).sqrt().next_down().max(0.0)
}

/// A measure's claim on a query's ρ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Its sensitivity R_j, in the unit of `scale`; ≥ 0.
    pub sensitivity: f64,
    /// The error that matters to its readers; > 0.
    pub scale: f64,
}

/// Splits a query's ρ over its measures so that the largest σ_j ÷ scale_j is as small as can be: all are then equal,
/// hence ρ_j ∝ (R_j/scale_j)². Rounded down; the sum is at most `total`. A measure that no unit can move gets nothing;
/// when any share is not a finite number, nobody gets anything.
#[must_use]
pub fn split_rho(total: Rho, shares: &[Share]) -> Vec<Rho> {
    let weights: Vec<f64> = shares.iter().map(|s| (s.sensitivity / s.scale).powi(2)).collect();
    let sum: f64 = weights.iter().sum();
    if !(sum.is_finite() && sum > 0.0) {
        return vec![Rho::ZERO; shares.len()];
    }
    let mut left = total.0;
    weights
        .iter()
        .map(|w| {
            let part = ((total.0 as f64) * (w / sum)).floor() as u64;
            let part = part.min(left);
            left -= part;
            Rho(part)
        })
        .collect()
}

fn profile(rho: Rho) -> Option<PrivacyProfile> {
    // u64 → f64 rounds to nearest above 2^53; one step up is never below the exact value.
    let value = if rho == Rho::ZERO { 0.0 } else { rho.as_f64().next_up() };
    ZeroConcentratedDivergence::convert(value).ok()
}

/// (s/b)²/2 in ledger units, every operation rounded up.
fn half_square(sensitivity: f64, scale: f64) -> Rho {
    if sensitivity == 0.0 && scale > 0.0 {
        return Rho::ZERO;
    }
    if !(sensitivity > 0.0 && sensitivity.is_finite() && scale > 0.0 && scale.is_finite()) {
        return Rho(u64::MAX);
    }
    let ratio = (sensitivity / scale).next_up();
    let square = (ratio * ratio).next_up();
    Rho::round_up((square / 2.0).next_up())
}

fn scale_for(sensitivity: f64, rho: Rho) -> f64 {
    if rho == Rho::ZERO || !(sensitivity > 0.0 && sensitivity.is_finite()) {
        return f64::INFINITY;
    }
    let mut scale = coarse_up(sensitivity / (2.0 * rho.as_f64()).sqrt());
    while scale.is_finite() && half_square(sensitivity, scale) > rho {
        scale = coarse_up(scale.next_up());
    }
    scale
}

/// Rounds a positive number up to [`SCALE_BITS`] significant bits.
fn coarse_up(value: f64) -> f64 {
    let exponent = value.log2().floor() as i32 - SCALE_BITS;
    let grid = 2f64.powi(exponent);
    (value / grid).ceil() * grid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_is_found() {
        for _ in 0..2 {
            for (epsilon, delta) in [(0.5, 1e-6), (1.0, 1e-7), (0.5, 1e-7), (1.0, 1e-6)] {
                assert_eq!(rho_for(epsilon, delta), search_rho(epsilon, delta));
            }
        }
    }
}
