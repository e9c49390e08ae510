//! The continuous Gaussian pair that dominates a vector of discrete Gaussians, and its δ in closed form.
//!
//! *Claim.* Let Z be a vector of independent discrete Gaussians of parameter σ, s an integer vector with at most m
//! entries that aren't 0 and ‖s‖₂² ≤ m, 0 < τ < σ and η = 2 Σ_{n≥1} exp(−2π²τ²n²) < 1. For every event S and
//! every ε′: if N(μ, 1) and N(0, 1) with μ² = m/(σ² − τ²) are (ε′, δ′)-indistinguishable, then
//! Pr\[Z + s ∈ S\] ≤ e^(ε′ + mκ) Pr\[Z ∈ S\] + (1 + η)^m δ′, with κ = ln((1 + η)²/(1 − η)) ≤ 3η/(1 − η).
//!
//! *Proof.* Write φ_v for the normal density of variance v², and take one cell with s ≠ 0. Let the kernel K take a
//! real g to the integer k with probability φ_τ(k − g)/θ(g), θ(g) = Σ_k φ_τ(k − g). It commutes with integer shifts.
//! By Poisson summation θ(g) ∈ [1 − η, 1 + η]. Draw G from N(x, σ² − τ²), x an integer, then W = K(G):
//! Pr\[W = k\] = ∫ φ_√(σ²−τ²)(g − x) φ_τ(k − g)/θ(g) dg lies in φ_σ(k − x)·\[1/(1 + η), 1/(1 − η)\], as the two
//! normal densities convolve to φ_σ. The discrete Gaussian at x gives k the probability φ_σ(k − x)/θ_σ(0), and
//! θ_σ(0) ∈ \[1, 1 + η\] since σ > τ. So Pr\[x + Z = k\] / Pr\[W = k\] ∈ \[(1 − η)/(1 + η), 1 + η\]. Do so in the at most
//! m cells with s ≠ 0; the other cells have the same value on both sides. W is post-processing of a Gaussian mechanism with
//! shift ‖s‖₂ ≤ √m and variance σ² − τ², hence Pr\[x + s + Z ∈ S\] ≤ (1 + η)^m Pr\[W_{x+s} ∈ S\] ≤
//! (1 + η)^m (e^ε′ Pr\[W_x ∈ S\] + δ′), and Pr\[W_x ∈ S\] ≤ ((1 + η)/(1 − η))^m Pr\[x + Z ∈ S\]. ∎
//!
//! In an adaptive composition the ratios of the conditional probabilities multiply over the transcript, so the
//! exponents of all uses add up, and the Gaussian pairs compose to μ² = Σμᵢ².

use crate::normal::ln_tail;

/// τ² is chosen so that η = 2e⁻³²/m: mκ is then below 1e-13, whatever m.
const SMOOTHING: f64 = 32.0;

/// A Gaussian pair N(μ, 1), N(0, 1), and what its proof adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Smoothed {
    /// μ², rounded up.
    mu_squared: f64,
    /// Added to ε.
    pub(super) epsilon: f64,
    /// δ is multiplied by one plus this.
    pub(super) factor: f64,
}

impl Smoothed {
    pub(super) const NOTHING: Self = Self { mu_squared: 0.0, epsilon: 0.0, factor: 0.0 };

    /// The pair for shifts with ‖s‖₂² ≤ `most` (an integer, at least 1); `None` when σ is too small for the proof.
    pub(super) fn new(most: f64, sigma: f64) -> Option<Self> {
        let two_pi_squared = 2.0 * std::f64::consts::PI.powi(2);
        let tau_squared = (most.ln() + SMOOTHING) / two_pi_squared;
        let left = (sigma * sigma - tau_squared).next_down();
        // The later terms of η are below the first by e⁻⁹⁶; 2.001 covers them and rounding.
        let eta = 2.001 * (-SMOOTHING).exp() / most;
        (left > 0.0 && tau_squared.is_finite()).then(|| Self {
            mu_squared: most / left * (1.0 + 1e-15),
            epsilon: most * 3.001 * eta,
            factor: most * 1.001 * eta,
        })
    }

    /// Together with `count` uses of another.
    pub(super) fn and(self, other: Self, count: u64) -> Self {
        let n = count as f64 * (1.0 + 1e-15);
        let factor = (n * other.factor).exp_m1();
        Self {
            mu_squared: (self.mu_squared + n * other.mu_squared) * (1.0 + 1e-15),
            epsilon: (self.epsilon + n * other.epsilon) * (1.0 + 1e-15),
            factor: (self.factor + factor + self.factor * factor) * (1.0 + 1e-15),
        }
    }

    pub(super) fn mu(&self) -> f64 {
        self.mu_squared.sqrt() * (1.0 + 1e-15)
    }
}

/// δ(ε) = Q(ε/μ − μ/2) − e^ε Q(ε/μ + μ/2) of N(μ, 1) against N(0, 1) (Balle and Wang 2018), for any real ε, rounded
/// up by more than the error of the two log tails. For μ = 0 that of a pair of equals: (1 − e^ε)₊.
pub(super) fn gaussian_delta(epsilon: f64, mu: f64) -> f64 {
    if mu == 0.0 {
        return (-epsilon.exp_m1()).max(0.0);
    }
    let x = epsilon / mu - mu / 2.0;
    let first = ln_tail(x);
    let second = epsilon + ln_tail(x + mu);
    // `ln_tail` is off by less than 1e-13 up to x = 2.5 and by less than 1e-15 (1 + x²) above; an error of one unit in
    // the last place of x moves ln Q(x) by about x² of them.
    let slack = 4e-13 + 4e-15 * (x * x + (x + mu).powi(2));
    (first.exp() * (slack - (second - first).min(0.0).exp_m1())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::ln_discrete_tail;

    #[test]
    fn the_closed_form_is_just_above_sixty_digit_arithmetic() {
        for (mu, epsilon, exact) in [
            (1.0, 1.0, 0.126_936_737_506_643_95),
            (1.0, 5.0, 5.793_721_691_919_494e-7),
            (0.03125, 0.1, 6.085_117_776_513_038e-6),
            (0.25, 1.5, 8.213_810_113_163_384e-11),
            (4.0, 20.0, 7.289_775_286_878_226e-4),
            (0.001, 0.004, 7.159_562_434_938_247e-9),
            (2.0, -3.0, 0.959_364_445_840_963_1),
            (0.000_01, 0.000_03, 3.821_600_494_013_368e-9),
            (0.5, 0.0, 0.197_412_651_365_847_45),
        ] {
            let ours = gaussian_delta(epsilon, mu);
            assert!(ours >= exact * (1.0 - 1e-15) && ours <= exact * (1.0 + 1e-6), "{mu} {epsilon}: {ours} {exact}");
        }
        assert_eq!(gaussian_delta(0.5, 0.0), 0.0);
        assert!((gaussian_delta(-1.0, 0.0) - 0.632_120_558_828_557_7).abs() < 1e-15);
    }

    #[test]
    fn the_unsmoothed_pair_does_not_dominate_the_discrete_gaussian() {
        // the event Z ≥ a is the best one for ε from (2a − 1)/2σ² to (2a + 1)/2σ²; take the middle
        let discrete = |a: i64, sigma: f64| {
            let epsilon = a as f64 / (sigma * sigma);
            let delta = ln_discrete_tail(a, sigma).exp() - (epsilon + ln_discrete_tail(a + 1, sigma)).exp();
            (epsilon, delta)
        };
        let mut worse = 0;
        for a in 0..12 {
            let (epsilon, delta) = discrete(a, 2.0);
            worse += u32::from(delta > gaussian_delta(epsilon, 0.5));
            let smoothed = Smoothed::new(1.0, 2.0).unwrap();
            assert!(delta <= gaussian_delta(epsilon, smoothed.mu()), "a {a}");
        }
        assert!(worse > 0, "a reason for the smoothing");
    }

    #[test]
    fn noise_too_narrow_for_the_proof_has_no_pair() {
        assert!(Smoothed::new(1.0, 1.2).is_none() && Smoothed::new(1.0, 1.3).is_some());
        assert!(Smoothed::new(1e18, 1.9).is_none() && Smoothed::new(1e18, 2.0).is_some());
        let far = Smoothed::NOTHING.and(Smoothed::new(1e18, 1e10).unwrap(), 1_000_000);
        assert!(far.epsilon < 1e-6 && far.factor < 1e-6);
    }
}
