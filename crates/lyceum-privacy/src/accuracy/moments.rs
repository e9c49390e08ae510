//! Variance, covariance, correlation and regression from noisy moments, with intervals over the noise.
//!
//! A barrier releases N, Σu, Σv, Σu², Σuv and Σv² with independent noise, u and v being the arguments less a declared
//! centre. What is wanted is a ratio A/B of smooth functions of them (B = 1 for variances). Near the noisy values A and
//! B are linear, hence jointly normal with covariances from their gradients (the delta method), and the θ with
//! (A − θB)² ≤ z² Var(A − θB) are a confidence set, as in Fieller's theorem: an interval if B is more than z of its
//! standard deviations from 0. Correlations and slopes whose denominator is mostly noise so get wide or no intervals
//! instead of wrong ones.
//!
//! These closed forms are what single aggregates use: they are exact to first order, repeatable, and can be evaluated on
//! guesses before paying. Expressions above the barrier that combine several aggregates use redraws.

mod dual;

use super::Interval;
use crate::normal::two_sided_quantile;
use dual::Dual;

/// A noisy number and the σ of its noise (0: exact).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noisy {
    /// The released value.
    pub value: f64,
    /// σ, in the same unit.
    pub sigma: f64,
}

/// The moments of two arguments (of one: leave those of v at zero), in the unit of the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisyMoments {
    /// Number of terms.
    pub count: Noisy,
    /// Σu, u = x − centre.
    pub u: Noisy,
    /// Σv, v = y − centre.
    pub v: Noisy,
    /// Σu².
    pub uu: Noisy,
    /// Σuv.
    pub uv: Noisy,
    /// Σv².
    pub vv: Noisy,
}

/// What sums of squares are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divisor {
    /// N: VAR_POP, COVAR_POP.
    Population,
    /// N − 1: VAR_SAMP, COVAR_SAMP.
    Sample,
}

/// A statistic and its noise interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The statistic, limited to what is possible.
    pub value: f64,
    /// Covers the statistic of the exact bounded values; `None` when noise leaves every value possible.
    pub interval: Option<Interval>,
}

impl NoisyMoments {
    /// Variance of u. `width`: of the declared range of u, which limits it. `None` below two terms.
    #[must_use]
    pub fn variance(&self, divisor: Divisor, width: f64, confidence: f64) -> Option<Estimate> {
        let most = width * width / 4.0;
        self.ratio(self.spread(divisor)?.0, Dual::one(), limits(0.0, most, divisor), confidence)
    }

    /// Standard deviation of u: the root of its variance and of the ends of its interval.
    #[must_use]
    pub fn deviation(&self, divisor: Divisor, width: f64, confidence: f64) -> Option<Estimate> {
        let variance = self.variance(divisor, width, confidence)?;
        let interval = variance.interval.map(|i| Interval { low: i.low.sqrt(), high: i.high.sqrt() });
        Some(Estimate { value: variance.value.sqrt(), interval })
    }

    /// Covariance of u and v. `widths`: of their declared ranges.
    #[must_use]
    pub fn covariance(&self, divisor: Divisor, widths: (f64, f64), confidence: f64) -> Option<Estimate> {
        let most = widths.0 * widths.1 / 4.0;
        self.ratio(self.spread(divisor)?.1, Dual::one(), limits(-most, most, divisor), confidence)
    }

    /// Pearson's correlation of u and v; `None` when a noisy variance is not positive.
    #[must_use]
    pub fn correlation(&self, confidence: f64) -> Option<Estimate> {
        let (uu, uv, vv) = self.spread(Divisor::Population)?;
        let product = uu * vv;
        if !(uu.value > 0.0 && vv.value > 0.0) {
            return None;
        }
        self.ratio(uv, product.sqrt(), Interval { low: -1.0, high: 1.0 }, confidence)
    }

    /// Slope of the least-squares line of v on u: REGR_SLOPE(v, u). `None` when the noisy variance of u is not positive.
    #[must_use]
    pub fn slope(&self, confidence: f64) -> Option<Estimate> {
        let (uu, uv, _) = self.spread(Divisor::Population)?;
        if uu.value <= 0.0 {
            return None;
        }
        self.ratio(uv, uu, EVERYTHING, confidence)
    }

    /// Intercept of that line at u = 0, for arguments less their centres: for y at x = 0 call it with
    /// `at` = −(centre of x) and add the centre of y.
    #[must_use]
    pub fn predicted(&self, at: f64, confidence: f64) -> Option<Estimate> {
        let (uu, uv, _) = self.spread(Divisor::Population)?;
        if uu.value <= 0.0 {
            return None;
        }
        let count = Dual::variable(0, self.count.value);
        let mean = |index, noisy: Noisy| Dual::variable(index, noisy.value) / count;
        let (u, v) = (mean(1, self.u), mean(2, self.v));
        self.ratio(v * uu + (Dual::constant(at) - u) * uv, uu, EVERYTHING, confidence)
    }

    /// Central second moments (uu, uv, vv); `None` when there are too few terms for them.
    fn spread(&self, divisor: Divisor) -> Option<(Dual, Dual, Dual)> {
        let least = match divisor {
            Divisor::Population => 1.0,
            Divisor::Sample => 2.0,
        };
        if self.count.value.is_nan() || self.count.value < least {
            return None;
        }
        let count = Dual::variable(0, self.count.value);
        let by = match divisor {
            Divisor::Population => count,
            Divisor::Sample => count - Dual::one(),
        };
        let (u, v) = (Dual::variable(1, self.u.value), Dual::variable(2, self.v.value));
        let central = |index, noisy: Noisy, a, b| (Dual::variable(index, noisy.value) - a * b / count) / by;
        Some((central(3, self.uu, u, u), central(4, self.uv, u, v), central(5, self.vv, v, v)))
    }

    /// Value and interval of a/b.
    fn ratio(&self, a: Dual, b: Dual, limits: Interval, confidence: f64) -> Option<Estimate> {
        let within = |x: f64| x.clamp(limits.low, limits.high);
        let value = a.value / b.value;
        if !value.is_finite() {
            return None;
        }
        let whole = (limits.low.is_finite() && limits.high.is_finite()).then_some(limits);
        let z = two_sided_quantile(confidence);
        let count_known = self.count.value > z * self.count.sigma;
        let interval = if count_known { self.fieller(&a, &b, z) } else { None };
        let interval = interval.map(|i| Interval { low: within(i.low), high: within(i.high) }).or(whole);
        Some(Estimate { value: within(value), interval })
    }

    /// The θ with (A − θB)² ≤ z²(Var A − 2θ Cov(A, B) + θ² Var B), if they are an interval.
    fn fieller(&self, a: &Dual, b: &Dual, z: f64) -> Option<Interval> {
        let sigmas = [self.count, self.u, self.v, self.uu, self.uv, self.vv].map(|m| m.sigma);
        let square = z * z;
        let lead = b.value * b.value - square * b.covariance(b, &sigmas);
        let half = a.value * b.value - square * a.covariance(b, &sigmas);
        let rest = a.value * a.value - square * a.covariance(a, &sigmas);
        let discriminant = half * half - lead * rest;
        if !(lead > 0.0 && discriminant.is_finite()) {
            return None;
        }
        let root = discriminant.max(0.0).sqrt();
        Some(Interval { low: (half - root) / lead, high: (half + root) / lead })
    }
}

const EVERYTHING: Interval = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };

/// Limits of a moment over N terms, for the other divisor at the least two terms.
fn limits(low: f64, high: f64, divisor: Divisor) -> Interval {
    match divisor {
        Divisor::Population => Interval { low, high },
        Divisor::Sample => Interval { low: 2.0 * low, high: 2.0 * high },
    }
}
