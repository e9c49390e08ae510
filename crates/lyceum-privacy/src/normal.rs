//! Tails of the normal and the discrete Gaussian distribution, in log space, for thresholds and intervals.

use std::f64::consts::PI;

/// Above this σ, discrete tails are bounded by integrals (relative error below 1/σ) instead of summed.
const SUM_UP_TO_SIGMA: f64 = 2048.0;

/// ln P(N > x) of a standard normal N.
pub(crate) fn ln_tail(x: f64) -> f64 {
    if x < 0.0 {
        return (-ln_tail(-x).exp()).ln_1p();
    }
    let ln_density = -0.5 * x * x - 0.5 * (2.0 * PI).ln();
    if x < 2.5 {
        // Φ(x) − 1/2 = φ(x) Σ x^(2n+1) / (1·3·5…(2n+1))
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > 1e-18 {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        return (0.5 - ln_density.exp() * sum).ln();
    }
    // Laplace's continued fraction of Mills' ratio, from its far end.
    let fraction = (1..=150).rev().fold(x, |tail, n| x + f64::from(n) / tail);
    ln_density - fraction.ln()
}

/// The z with P(|N| ≤ z) = confidence; 0 for confidences ≤ 0, infinite for 1 and above (and NaN).
pub(crate) fn two_sided_quantile(confidence: f64) -> f64 {
    if confidence <= 0.0 {
        return 0.0;
    }
    if confidence.is_nan() || confidence >= 1.0 {
        return f64::INFINITY;
    }
    let target = ((1.0 - confidence) / 2.0).ln();
    // ln Q is concave and falls, so Newton's steps from 0 overshoot once and then come down to the root.
    let mut z = 0.0;
    for _ in 0..60 {
        let here = ln_tail(z);
        let ln_density = -0.5 * z * z - 0.5 * (2.0 * PI).ln();
        let step = (here - target) * (here - ln_density).exp();
        z += step;
        if step.abs() < 1e-14 * z {
            break;
        }
    }
    z
}

/// ln P(Z ≥ a) of the discrete Gaussian with parameter σ > 0; for a ≥ 1 never below the truth by more than rounding.
pub(crate) fn ln_discrete_tail(a: i64, sigma: f64) -> f64 {
    if a <= 0 {
        return (-ln_discrete_tail(1 - a, sigma).exp()).ln_1p();
    }
    let two_variances = 2.0 * sigma * sigma;
    let first = a as f64;
    let ln_first = -first * first / two_variances;
    let ln_mass = ln_total(sigma);
    if sigma > SUM_UP_TO_SIGMA {
        // Σ_{x ≥ a} f(x) ≤ f(a) + ∫_a f
        let ln_integral = ln_tail(first / sigma);
        return ln_integral + (ln_first - ln_mass - ln_integral).exp().ln_1p();
    }
    // Each term relative to the first, so that nothing underflows however far out a is.
    let (mut sum, mut j) = (1.0, 1.0);
    loop {
        let term = (-(2.0 * first + j) * j / two_variances).exp();
        sum += term;
        if term < 1e-18 * sum {
            return ln_first + f64::ln(sum) - ln_mass;
        }
        j += 1.0;
    }
}

/// ln Σ_x exp(−x²/2σ²). By Poisson summation the sum is at least σ√2π, and from σ = 2 on equal to 34 digits.
pub(crate) fn ln_total(sigma: f64) -> f64 {
    if sigma >= 2.0 {
        return (sigma * (2.0 * PI).sqrt()).ln();
    }
    let two_variances = 2.0 * sigma * sigma;
    let (mut sum, mut x) = (1.0, 1.0);
    loop {
        let term = 2.0 * (-f64::powi(x, 2) / two_variances).exp();
        sum += term;
        if term < 1e-18 {
            return f64::ln(sum);
        }
        x += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_tail_matches_tables() {
        for (x, q) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (1.959_963_984_540_054, 0.025),
            (2.499_999, 0.006_209_682_847_7),
            (2.500_001, 0.006_209_647_792_7),
            (6.0, 9.865_876_450_376_98e-10),
            (10.0, 7.619_853_024_160_527e-24),
        ] {
            assert!((ln_tail(x).exp() / q - 1.0).abs() < 1e-8, "{x}: {}", ln_tail(x).exp());
        }
        assert!((ln_tail(-1.0).exp() - 0.841_344_746_068_542_9).abs() < 1e-14);
        assert!((ln_tail(2.5 - 1e-12) - ln_tail(2.5 + 1e-12)).abs() < 1e-10, "the two branches meet");
        assert!(ln_tail(1e3) < -499_999.0 && ln_tail(1e3).is_finite());
    }

    #[test]
    fn two_sided_quantiles() {
        for (c, z) in [(0.5, 0.674_489_750_196_081_7), (0.95, 1.959_963_984_540_054), (0.99, 2.575_829_303_548_900_4)] {
            assert!((two_sided_quantile(c) - z).abs() < 1e-9);
        }
        assert_eq!(two_sided_quantile(0.0), 0.0);
        for c in [1e-9, 0.1, 0.99, 1.0 - 1e-6, 1.0 - 1e-12] {
            let back = 1.0 - 2.0 * ln_tail(two_sided_quantile(c)).exp();
            assert!((back - c).abs() < 1e-14 + 1e-9 * (1.0 - c), "{c}: {back}");
        }
        assert!(two_sided_quantile(1.0).is_infinite() && two_sided_quantile(f64::NAN).is_infinite());
    }

    #[test]
    fn discrete_tail_matches_direct_summation() {
        for sigma in [0.3, 0.7, 1.0, 2.0, 5.5, 31.0] {
            let density = |x: i64| (-(x as f64).powi(2) / (2.0 * sigma * sigma)).exp();
            let reach = (sigma * 40.0) as i64 + 40;
            let total: f64 = (-reach..=reach).map(density).sum();
            for a in [-7, -1, 0, 1, 2, 3, 10, 40] {
                let direct: f64 = (a..=reach).rev().map(density).sum::<f64>() / total;
                let ours = ln_discrete_tail(a, sigma).exp();
                assert!((ours - direct).abs() <= 1e-12 * direct + 1e-300, "σ {sigma}, a {a}: {ours} {direct}");
            }
        }
    }

    #[test]
    fn the_integral_bound_is_above_the_sum_and_close() {
        let sigma = SUM_UP_TO_SIGMA;
        for a in [1, 1_000, 4_000, 14_000] {
            let (sum, bound) = (ln_discrete_tail(a, sigma), ln_discrete_tail(a, sigma.next_up()));
            assert!(bound >= sum - 1e-12 && bound - sum < 10.0 / sigma, "{a}: {sum} {bound}");
        }
    }
}
