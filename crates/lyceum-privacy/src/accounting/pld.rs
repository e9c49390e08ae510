//! Tight (ε, δ) of a list of mechanisms by privacy loss distributions. It **reports**; what decides whether a query
//! may run is the sum of ρ ([`Budget::fits`]): composition of loss distributions is proved for mechanisms fixed in
//! advance, while a researcher chooses scales after seeing answers.
//!
//! # Which pairs dominate
//! A pair (P, Q) dominates a mechanism if, for neighbouring inputs and all γ ≥ 0, the mechanism's
//! sup over events of Pr\[S\] − γ Pr′\[S\] is at most that of (P, Q). Products of dominating pairs dominate adaptive
//! compositions (Zhu, Dong and Wang 2022, theorem 10). Neighbours shift a vector of integers by an integer vector s.
//!
//! - **Discrete Laplace**, ‖s‖₁ ≤ R: as s is integer, ‖s‖₁ ≤ m = ⌊R⌋, so the mechanism is m/b-differentially private,
//!   and randomised response with that parameter dominates (Kairouz, Oh and Viswanath 2015). For m = 1 the two are equal.
//! - **Discrete Gaussian, ‖s‖₂² ≤ m = ⌊R²⌋ ≤ 3**: the entries of s are 0 or ±1, at most m of them not 0. Cells with
//!   entry 0 have the same noise on both sides, so m shifts by one, composed, dominate. Exact; used for σ < 32.
//! - **Discrete Gaussian, any m**: the continuous Gaussian pair of the same σ does *not* dominate (for one cell and a
//!   shift by one both have equal Rényi divergence at α = 2, so their profiles cross unless equal, and they differ).
//!   That of a slightly smaller variance σ² − τ² does, up to a factor proved in [`smoothed`].
//!
//! All Gaussian pairs together are one Gaussian pair with μ² = Σμᵢ² (Dong, Roth and Su 2022), in closed form; what is
//! left is a distribution on a lattice, composed by direct convolution ([`lattice`]). Every rounding goes against the
//! spender: tails count as infinite loss, atoms between lattice points are split by a step that only
//! gives the adversary more, relative errors of floating point are carried along and multiplied in.
//!
//! [`Budget::fits`]: crate::budget::Budget::fits

mod lattice;
mod smoothed;

use super::{epsilon, gaussian_rho, laplace_rho, profile};
use crate::budget::Rho;
use crate::mechanism::{MIN_SCALE, Mechanism};
use lattice::Lattice;
use smoothed::{Smoothed, gaussian_delta};

/// A mechanism that was used, and how often: what an account keeps of its charges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// The noise.
    pub mechanism: Mechanism,
    /// The bound on one unit that the price relied on, in the mechanism's norm and unit; ≥ 0.
    pub sensitivity: f64,
    /// Uses.
    pub count: u64,
}

impl Spent {
    /// ρ of all uses, as the ledger adds it. Saturates.
    #[must_use]
    pub fn rho(&self) -> Rho {
        let one = match self.mechanism {
            Mechanism::DiscreteGaussian { sigma } => gaussian_rho(self.sensitivity, sigma),
            Mechanism::DiscreteLaplace { scale } => laplace_rho(self.sensitivity, scale),
        };
        Rho(one.0.saturating_mul(self.count))
    }
}

/// Below this σ, shifts of at most three cells by one are composed exactly.
const EXACT_BELOW_SIGMA: f64 = 32.0;
/// Most different distributions that are convolved; with more, only the zCDP conversion is given.
const MAX_DISTRIBUTIONS: usize = 64;
/// Part of δ that cut tails may take in all.
const TAIL_SHARE: f64 = 1e-6;
/// Steps of bisection: the answer is above the computed bound by less than 2⁻⁴⁰ of the zCDP one.
const STEPS: u32 = 40;

/// The smallest ε (rounded up) that these bounds prove at δ for all uses together: the lower of the zCDP conversion
/// ([`epsilon`] of Σρ) and the one by privacy loss distributions. Infinite when neither gives one.
#[must_use]
pub fn tight_epsilon(spent: &[Spent], delta: f64) -> f64 {
    let coarse = epsilon(total_rho(spent), delta);
    if coarse == 0.0 || !coarse.is_finite() {
        return coarse;
    }
    match Composition::of(spent, delta * TAIL_SHARE) {
        Some(composition) => composition.epsilon(delta, coarse),
        None => coarse,
    }
}

/// The smallest δ (rounded up) that these bounds prove at ε ≥ 0 for all uses together; 1 when they prove nothing.
#[must_use]
pub fn tight_delta(spent: &[Spent], epsilon: f64) -> f64 {
    if epsilon.is_nan() || epsilon < 0.0 {
        return 1.0;
    }
    let rho = total_rho(spent);
    if rho == Rho::ZERO {
        return 0.0;
    }
    let coarse = profile(rho).and_then(|p| p.delta(epsilon).ok()).filter(|d| (0.0..=1.0).contains(d)).unwrap_or(1.0);
    let fine = Composition::of(spent, coarse.max(1e-290) * TAIL_SHARE).map_or(1.0, |c| c.delta(epsilon));
    coarse.min(fine)
}

fn total_rho(spent: &[Spent]) -> Rho {
    Rho(spent.iter().fold(0, |sum, s| sum.saturating_add(s.rho().0)))
}

/// What dominates one use.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dominating {
    /// No integer vector but 0 is within the bound.
    Nothing,
    /// A lattice distribution, so many times.
    Lattice(Kind, u64),
    /// A Gaussian pair and the factors that its proof costs.
    Smoothed(Smoothed),
}

/// Which lattice distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Randomised response with this ε.
    Response(f64),
    /// A discrete Gaussian with this σ, shifted by one.
    Unit(f64),
}

/// The dominating pair of a mechanism; `None` where this module has no proof or the numbers make no sense.
fn dominating(mechanism: Mechanism, sensitivity: f64) -> Option<Dominating> {
    // Rounded up twice: never below the integer that the exact square or bound would round down to.
    let whole = |x: f64| x.next_up().next_up().floor();
    if !(sensitivity >= 0.0 && sensitivity.is_finite()) {
        return None;
    }
    match mechanism {
        Mechanism::DiscreteLaplace { scale } if scale.is_finite() && scale >= MIN_SCALE => {
            let most = whole(sensitivity);
            let epsilon = (most / scale).next_up();
            Some(if most < 1.0 { Dominating::Nothing } else { Dominating::Lattice(Kind::Response(epsilon), 1) })
        }
        Mechanism::DiscreteGaussian { sigma } if sigma.is_finite() && sigma >= MIN_SCALE => {
            let most = whole(sensitivity * sensitivity);
            Some(if most < 1.0 {
                Dominating::Nothing
            } else if most <= 3.0 && sigma < EXACT_BELOW_SIGMA {
                Dominating::Lattice(Kind::Unit(sigma), most as u64)
            } else {
                Dominating::Smoothed(Smoothed::new(most, sigma)?)
            })
        }
        Mechanism::DiscreteLaplace { .. } | Mechanism::DiscreteGaussian { .. } => None,
    }
}

/// All uses together: a lattice distribution times a Gaussian pair.
struct Composition {
    lattice: Lattice,
    gaussian: Smoothed,
}

impl Composition {
    /// `None` when a mechanism has no dominating pair here, or too many different ones would have to be convolved.
    fn of(spent: &[Spent], tails: f64) -> Option<Self> {
        let mut gaussian = Smoothed::NOTHING;
        let mut kinds: Vec<(Kind, u64)> = Vec::new();
        for s in spent.iter().filter(|s| s.count > 0) {
            match dominating(s.mechanism, s.sensitivity)? {
                Dominating::Nothing => {}
                Dominating::Smoothed(one) => gaussian = gaussian.and(one, s.count),
                Dominating::Lattice(kind, times) => {
                    let uses = times.checked_mul(s.count)?;
                    match kinds.iter_mut().find(|(k, _)| *k == kind) {
                        Some((_, count)) => *count = count.checked_add(uses)?,
                        None => kinds.push((kind, uses)),
                    }
                }
            }
        }
        if kinds.len() > MAX_DISTRIBUTIONS {
            return None;
        }
        // A power by squaring cuts at most twice as often as it has uses, joining the powers once each.
        let cuts = kinds.iter().fold(1.0, |n, (_, count)| n + 2.0 * *count as f64 + 1.0);
        let cut = tails / cuts;
        let lattice = kinds.into_iter().fold(Lattice::nothing(), |all, (kind, count)| {
            let one = match kind {
                Kind::Response(epsilon) => Lattice::response(epsilon),
                Kind::Unit(sigma) => Lattice::unit_shift(sigma, cut),
            };
            all.compose(&one.power(count, cut), cut)
        });
        Some(Self { lattice, gaussian })
    }

    /// δ at ε, rounded up: E over the lattice's loss L of the Gaussian pair's δ at ε − L.
    fn delta(&self, epsilon: f64) -> f64 {
        let epsilon = epsilon - self.gaussian.epsilon - self.lattice.position_error();
        let mu = self.gaussian.mu();
        let delta = self.lattice.expect(|loss| gaussian_delta(epsilon - loss, mu));
        (delta * (1.0 + self.gaussian.factor)).next_up().min(1.0)
    }

    /// The smallest ε ≤ `most` with δ(ε) ≤ δ, from above; `most` when even that is too small.
    fn epsilon(&self, delta: f64, most: f64) -> f64 {
        if self.delta(0.0) <= delta {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, most);
        if self.delta(high) > delta {
            return most;
        }
        for _ in 0..STEPS {
            let middle = low + (high - low) / 2.0;
            if self.delta(middle) <= delta { high = middle } else { low = middle }
        }
        high
    }
}
