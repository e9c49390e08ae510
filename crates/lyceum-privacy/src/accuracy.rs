//! How wrong an answer may be: intervals from noisy values and static facts only, so they cost nothing.
//!
//! A `noise_interval` covers the exact bounded value with the stated confidence over the noise. An
//! `estimate_interval` covers what the rows are a sample of, over noise and sampling together.

mod moments;
mod ratio;
mod redraw;

use crate::mechanism::Mechanism;
use crate::normal::{ln_discrete_tail, two_sided_quantile};
pub use moments::{Divisor, Estimate, Noisy, NoisyMoments};
pub use ratio::{NoisyRatio, estimate_interval, ratio_interval};
pub use redraw::{GaussianRedraw, quantile_interval};

/// A closed interval, in the unit of the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end, at least `low`.
    pub high: f64,
}

impl Interval {
    /// Half its width: the number after "±".
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether `value` lies inside or on an end.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Above this σ, half-widths come from the normal distribution with continuity correction: its error in coverage is
/// below 1/(24σ²), here 1e-5.
const SUM_UP_TO_SIGMA: f64 = 64.0;

/// The smallest integer w with P(|Z| ≤ w) ≥ confidence for discrete Gaussian noise, in grid units: summed exactly up
/// to σ = 64, by the normal distribution above. Infinite for confidences ≥ 1 and scales that are none.
#[must_use]
pub fn discrete_gaussian_half_width(sigma: f64, confidence: f64) -> f64 {
    let z = two_sided_quantile(confidence);
    if !(sigma > 0.0 && sigma.is_finite() && z.is_finite()) {
        return f64::INFINITY;
    }
    let guess = (z * sigma - 0.5).ceil().max(0.0);
    if sigma > SUM_UP_TO_SIGMA || confidence <= 0.0 {
        return guess;
    }
    let target = ((1.0 - confidence) / 2.0).ln();
    let covers = |w: i64| ln_discrete_tail(w + 1, sigma) <= target;
    let mut w = guess as i64;
    while !covers(w) {
        w += 1;
    }
    while w > 0 && covers(w - 1) {
        w -= 1;
    }
    w as f64
}

/// Half-width of a sum of independent discrete Gaussian noises, in grid units: what a total over released cells has.
///
/// Two discrete Gaussians sum to the discrete Gaussian of the summed variances up to a factor of
/// 1 ± 4 exp(−2π²/(1/σ₁² + 1/σ₂²)): 1e-16 for two of σ = 2, 2e-4 for two of σ = 1. Below that the sum is
/// narrower than that. Infinite for scales that are none, 0 for no noise.
#[must_use]
pub fn sum_of_noises_half_width(sigmas: &[f64], confidence: f64) -> f64 {
    if sigmas.is_empty() {
        return 0.0;
    }
    let noise = |s: &f64| *s > 0.0 && s.is_finite();
    let variance = sigmas.iter().map(|s| if noise(s) { s * s } else { f64::INFINITY }).sum::<f64>();
    discrete_gaussian_half_width(variance.sqrt(), confidence)
}

/// The smallest integer w with P(|Z| ≤ w) ≥ confidence for discrete Laplace noise, in grid units.
#[must_use]
pub fn discrete_laplace_half_width(scale: f64, confidence: f64) -> f64 {
    if !(scale > 0.0 && scale.is_finite() && confidence < 1.0) {
        return f64::INFINITY;
    }
    // P(|Z| > w) = 2 q^(w+1) / (1 + q)
    let q = (-1.0 / scale).exp();
    let steps = -((1.0 - confidence.max(0.0)) * (1.0 + q) / 2.0).ln() * scale;
    (steps.ceil() - 1.0).max(0.0)
}

/// Half-width of a mechanism's noise in grid units: what "±" says before anything is paid.
#[must_use]
pub fn half_width(mechanism: &Mechanism, confidence: f64) -> f64 {
    match *mechanism {
        Mechanism::DiscreteGaussian { sigma } => discrete_gaussian_half_width(sigma, confidence),
        Mechanism::DiscreteLaplace { scale } => discrete_laplace_half_width(scale, confidence),
    }
}

/// The σ of normal noise with the same half-width at this confidence: what [`NoisyRatio`] takes for any mechanism.
#[must_use]
pub fn normal_equivalent_sigma(mechanism: &Mechanism, confidence: f64) -> f64 {
    match *mechanism {
        Mechanism::DiscreteGaussian { sigma } => sigma,
        Mechanism::DiscreteLaplace { scale } => {
            (discrete_laplace_half_width(scale, confidence) + 0.5) / two_sided_quantile(confidence)
        }
    }
}

/// The noise interval of a count or sum with discrete Gaussian noise, in the unit of the answer.
/// `noisy` and `sigma` are in grid units; `grid_unit` is the value of one.
#[must_use]
pub fn sum_interval(noisy: i64, sigma: f64, grid_unit: f64, confidence: f64) -> Interval {
    mechanism_interval(noisy, &Mechanism::DiscreteGaussian { sigma }, grid_unit, confidence)
}

/// [`sum_interval`] for any mechanism.
#[must_use]
pub fn mechanism_interval(noisy: i64, mechanism: &Mechanism, grid_unit: f64, confidence: f64) -> Interval {
    let width = half_width(mechanism, confidence);
    Interval { low: (noisy as f64 - width) * grid_unit, high: (noisy as f64 + width) * grid_unit }
}
