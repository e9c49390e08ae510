//! The exponential mechanism (McSherry and Talwar 2007): one of k candidates, likelier the higher its score.
//!
//! *Claim.* P(i) ∝ exp(ε sᵢ/2Δ), where one unit moves every score by at most Δ, has bounded range ε, and so is ε²/8-zCDP
//! (Cesar and Rogers, *Bounding, concentrating, and truncating*, 2021).
//!
//! *Sampling* is exact: scores, Δ and ε are integers (ε in units of 2⁻³²). A uniform candidate i is accepted with probability
//! exp(−ε(max s − sᵢ)/2Δ), else another is drawn; the coin is that of Canonne, Kamath and Steinke (2020), which compares
//! uniform integers only. At most k draws are expected, since the best candidate is always accepted.

use super::NoiseError;
use crate::budget::Rho;
use opendp::traits::samplers::sample_uniform_uint_below;

/// ε in integer multiples of 2⁻³².
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChoiceEpsilon(u64);

/// Binary digits after the point of a [`ChoiceEpsilon`].
const BITS: u32 = 32;

impl ChoiceEpsilon {
    /// The largest ε whose [`Self::rho`] is at most `rho`: √(8ρ), rounded down. At most 64.
    #[must_use]
    pub fn for_rho(rho: Rho) -> Self {
        // n²/2⁶⁷ · 10¹² ≤ ρ
        let square = (u128::from(rho.0.min(512_000_000_000_000)) << 67) / 1_000_000_000_000;
        Self(square.isqrt() as u64)
    }

    /// ε²/8, rounded up to the ledger's unit, in integers.
    #[must_use]
    pub fn rho(self) -> Rho {
        let square = u128::from(self.0) * u128::from(self.0);
        let price = (square * 1_000_000_000_000).div_ceil(1 << 67);
        Rho(u64::try_from(price).unwrap_or(u64::MAX))
    }

    /// As a plain number.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / f64::from(2).powi(BITS as i32)
    }
}

/// One use of the exponential mechanism. Static facts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChoiceCall {
    /// The query's or fit's id, as a number.
    pub query: u128,
    /// Which choice of it.
    pub measure: u32,
    /// ε.
    pub epsilon: ChoiceEpsilon,
    /// How far one unit can move any score: Δ ≥ 1, in the scores' unit.
    pub sensitivity: u64,
}

impl ChoiceCall {
    /// What this call costs.
    #[must_use]
    pub fn rho(&self) -> Rho {
        self.epsilon.rho()
    }

    /// What every source must refuse.
    ///
    /// # Errors
    /// [`NoiseError::Sensitivity`] for Δ = 0 or above 2⁶⁰, [`NoiseError::Candidates`] without candidates.
    pub fn check(&self, scores: &ExactScores) -> Result<(), NoiseError> {
        if !(1..=1 << 60).contains(&self.sensitivity) {
            return Err(NoiseError::Sensitivity);
        }
        if scores.0.is_empty() { Err(NoiseError::Candidates) } else { Ok(()) }
    }
}

/// Exact scores, one for each candidate: private data, as [`super::ExactCells`].
pub struct ExactScores(Vec<i64>);

impl ExactScores {
    /// Wraps exact integers.
    #[must_use]
    pub fn new(scores: Vec<i64>) -> Self {
        Self(scores)
    }

    pub(crate) fn into_values(self) -> Vec<i64> {
        self.0
    }
}

/// Where choices come from.
pub trait ChoiceSource: Send + Sync {
    /// One candidate's index, by the exponential mechanism.
    ///
    /// # Errors
    /// [`NoiseError`]; the scores are gone then, and the charge stays.
    fn choose(&self, call: &ChoiceCall, scores: ExactScores) -> Result<usize, NoiseError>;
}

impl<N: ChoiceSource + ?Sized> ChoiceSource for std::sync::Arc<N> {
    fn choose(&self, call: &ChoiceCall, scores: ExactScores) -> Result<usize, NoiseError> {
        (**self).choose(call, scores)
    }
}

/// Samples with opendp's uniform integers; to be called on a fresh thread.
pub(super) fn draw(call: &ChoiceCall, scores: &[i64]) -> Result<usize, NoiseError> {
    let best = scores.iter().max().copied().ok_or(NoiseError::Candidates)?;
    let denominator = u128::from(call.sensitivity) << (BITS + 1);
    loop {
        let candidate = below(scores.len() as u128)? as usize;
        let gap = scores.get(candidate).map_or(0, |s| best.abs_diff(*s));
        let numerator = u128::from(call.epsilon.0) * u128::from(gap);
        if coin(numerator, denominator)? {
            return Ok(candidate);
        }
    }
}

/// True with probability exp(−numerator/denominator).
fn coin(numerator: u128, denominator: u128) -> Result<bool, NoiseError> {
    for _ in 0..numerator / denominator {
        if !small_coin(denominator, denominator)? {
            return Ok(false);
        }
    }
    small_coin(numerator % denominator, denominator)
}

/// [`coin`] for numerator ≤ denominator: the series of exp(−x) as a race (Forsythe 1972; von Neumann 1951).
fn small_coin(numerator: u128, denominator: u128) -> Result<bool, NoiseError> {
    let mut k = 1;
    while below(denominator * k)? < numerator {
        k += 1;
    }
    Ok(k % 2 == 1)
}

fn below(upper: u128) -> Result<u128, NoiseError> {
    sample_uniform_uint_below::<u128, 16>(upper).map_err(|_| NoiseError::Sampler)
}
