//! Intervals of averages: centre + (noisy centred sum) ÷ (noisy count), by Fieller's theorem (1954).
//!
//! Write θ for the unknown average minus the centre, S for the noisy sum, N for the noisy count. S − θN has mean 0
//! and variance σ_S² + θ²σ_N², so the θ with (S − θN)² ≤ z²(σ_S² + θ²σ_N²) are a confidence set: a quadratic
//! inequality, whose solution is an interval when N is more than z σ_N away from 0.

use super::Interval;
use crate::normal::two_sided_quantile;

/// An average's two noisy parts, in the unit of the answer, and the range it must lie in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisyRatio {
    /// Noisy Σ(x − centre).
    pub sum: f64,
    /// σ of the noise on `sum`.
    pub sigma_sum: f64,
    /// Noisy number of terms.
    pub count: f64,
    /// σ of the noise on `count`.
    pub sigma_count: f64,
    /// What was subtracted from each term.
    pub centre: f64,
    /// Smallest possible average.
    pub low: f64,
    /// Largest possible average.
    pub high: f64,
}

impl NoisyRatio {
    /// The average: centre + sum ÷ count, limited to `[low, high]`; `None` when the noisy count is below 1.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count >= 1.0).then(|| (self.centre + self.sum / self.count).clamp(self.low, self.high))
    }
}

/// The noise interval of an average: covers the exact average of the bounded values. `[low, high]` when the count
/// can't be told from 0 at this confidence.
#[must_use]
pub fn ratio_interval(ratio: &NoisyRatio, confidence: f64) -> Interval {
    solve(ratio, 0.0, confidence)
}

/// Noise and sampling together: covers the mean of the distribution that the privacy units were drawn from.
///
/// The variance of one term is bounded by (high − μ)(μ − low) (Bhatia and Davis 2000), so that of Σ(x − μ) by
/// n·d·(high − μ)(μ − low), with the noisy count for n; it joins the right-hand side above and leaves it quadratic in
/// μ. Without noise this is Wilson's interval (1927). `design_effect` d is 1 when every unit adds one term, else the
/// most terms that one unit adds (terms of one unit may all be equal).
#[must_use]
pub fn estimate_interval(ratio: &NoisyRatio, design_effect: f64, confidence: f64) -> Interval {
    solve(ratio, design_effect.max(1.0), confidence)
}

/// Solves (S − θN)² ≤ z²(σ_S² + θ²σ_N² + N·d·(h − θ)(θ − l)) with l, h relative to the centre.
fn solve(r: &NoisyRatio, design_effect: f64, confidence: f64) -> Interval {
    let whole = Interval { low: r.low, high: r.high };
    let z = two_sided_quantile(confidence);
    if !(z.is_finite() && r.count > z * r.sigma_count && r.sum.is_finite() && r.count.is_finite()) {
        return whole;
    }
    let (low, high) = (r.low - r.centre, r.high - r.centre);
    let sampling = z * z * design_effect * r.count;
    let a = r.count * r.count - (z * r.sigma_count).powi(2) + sampling;
    let half_b = r.sum * r.count + sampling * (low + high) / 2.0;
    let c = r.sum * r.sum - (z * r.sigma_sum).powi(2) + sampling * low * high;
    let discriminant = half_b * half_b - a * c;
    if !(a > 0.0 && discriminant.is_finite()) {
        return whole;
    }
    let root = discriminant.max(0.0).sqrt();
    let end = |x: f64| (r.centre + x / a).clamp(r.low, r.high);
    Interval { low: end(half_b - root), high: end(half_b + root) }
}
