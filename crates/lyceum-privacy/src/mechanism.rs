//! Mechanisms: the one place where exact integers become noisy ones. [`NoiseSource`] is the port, [`LiveNoise`] the
//! only implementation that a shipped build has. Sources that tests use are in `testing`, behind a cargo feature.

mod exponential;
mod live;

use crate::accounting;
use crate::budget::Rho;
pub use exponential::{ChoiceCall, ChoiceEpsilon, ChoiceSource, ExactScores};
pub use live::LiveNoise;

/// A distribution on the integers, centred at 0 (Canonne, Kamath and Steinke, 2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mechanism {
    /// P(Z = z) ∝ exp(−z²/2σ²). Pays ρ = Δ₂²/2σ².
    DiscreteGaussian {
        /// σ in grid units, positive and finite.
        sigma: f64,
    },
    /// P(Z = z) ∝ exp(−|z|/b). Pays ε = Δ₁/b, hence ρ = ε²/2.
    DiscreteLaplace {
        /// b in grid units, positive and finite.
        scale: f64,
    },
}

/// How the distance between two neighbouring vectors is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Sum of absolute differences.
    L1,
    /// Root of the sum of squared differences.
    L2,
}

/// How far one privacy unit can move the whole vector of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sensitivity {
    /// The norm.
    pub norm: Norm,
    /// The largest distance, in grid units, rounded up; finite and ≥ 0.
    pub value: f64,
}

/// One use of a mechanism: which query, which measure, which noise, and the bound it relies on. Static facts only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MechanismCall {
    /// The query's id, as a number.
    pub query: u128,
    /// The measure's index within the query's barrier.
    pub measure: u32,
    /// The noise.
    pub mechanism: Mechanism,
    /// The bound that the barrier enforces on every unit.
    pub sensitivity: Sensitivity,
}

impl MechanismCall {
    /// What this call costs: ρ, rounded up.
    #[must_use]
    pub fn rho(&self) -> Rho {
        match self.mechanism {
            Mechanism::DiscreteGaussian { sigma } => accounting::gaussian_rho(self.sensitivity.value, sigma),
            Mechanism::DiscreteLaplace { scale } => accounting::laplace_rho(self.sensitivity.value, scale),
        }
    }

    /// Checks what every source must refuse: a scale without noise, a bound that isn't a number, the wrong norm.
    ///
    /// # Errors
    /// [`NoiseError::Scale`], [`NoiseError::Sensitivity`] or [`NoiseError::Norm`].
    pub fn check(&self) -> Result<(), NoiseError> {
        let (scale, norm) = match self.mechanism {
            Mechanism::DiscreteGaussian { sigma } => (sigma, Norm::L2),
            Mechanism::DiscreteLaplace { scale } => (scale, Norm::L1),
        };
        if !(scale.is_finite() && scale >= MIN_SCALE) {
            return Err(NoiseError::Scale);
        }
        if !(self.sensitivity.value.is_finite() && self.sensitivity.value >= 0.0) {
            return Err(NoiseError::Sensitivity);
        }
        if self.sensitivity.norm != norm {
            return Err(NoiseError::Norm);
        }
        Ok(())
    }
}

/// The smallest scale that is taken for noise. Below it a draw is 0 with all but certainty.
pub const MIN_SCALE: f64 = 1e-3;

/// Exact aggregates, one per released cell in key order: private data. It can be made and given to a
/// [`NoiseSource`], and nothing else: no `Debug`, no `Clone`, no way to read it outside this crate.
///
/// ```compile_fail
/// let cells = lyceum_privacy::mechanism::ExactCells::new(vec![1]);
/// println!("{cells:?}");
/// ```
/// ```compile_fail
/// let cells = lyceum_privacy::mechanism::ExactCells::new(vec![1]);
/// let copy = cells.clone();
/// ```
pub struct ExactCells(Vec<i64>);

impl ExactCells {
    /// Wraps exact integers, in grid units.
    #[must_use]
    pub fn new(cells: Vec<i64>) -> Self {
        Self(cells)
    }

    /// How many cells there are: public wherever it is used (listed keys, or keys that passed selection).
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_values(self) -> Vec<i64> {
        self.0
    }
}

/// Where noise comes from. Implementations add independent noise to each cell, keep the order, and saturate at the
/// ends of `i64` (post-processing, so it costs no privacy).
pub trait NoiseSource: Send + Sync {
    /// Adds the call's noise to every cell; as many values come back as went in.
    ///
    /// # Errors
    /// [`NoiseError`]; the exact cells are gone then, and the charge stays.
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError>;
}

impl<N: NoiseSource + ?Sized> NoiseSource for std::sync::Arc<N> {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        (**self).add_noise(call, exact)
    }
}

/// Why no noise was added. Carries no values; all of them are faults of the program or the machine, not of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// σ or b is not a finite number of at least [`MIN_SCALE`].
    #[error("the noise scale is not a positive finite number")]
    Scale,
    /// The sensitivity is not a finite number of at least 0.
    #[error("the sensitivity is not a finite number")]
    Sensitivity,
    /// Gaussian noise needs an L2 bound, Laplace noise an L1 bound.
    #[error("the sensitivity is in the wrong norm for the mechanism")]
    Norm,
    /// A choice among no candidates.
    #[error("there is nothing to choose from")]
    Candidates,
    /// The sampler's own privacy map asks for more than this crate would charge.
    #[error("the sampler claims a higher privacy loss than the one charged")]
    PrivacyMap,
    /// The sampler refused or the operating system gave no randomness.
    #[error("the noise sampler failed")]
    Sampler,
    /// No thread could be started, or the sampler's thread ended early.
    #[error("the noise thread failed")]
    Thread,
}

impl NoiseError {
    /// A stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scale => "E5101",
            Self::Sensitivity => "E5102",
            Self::Norm => "E5103",
            Self::PrivacyMap => "E5104",
            Self::Sampler => "E5105",
            Self::Thread => "E5106",
            Self::Candidates => "E5107",
        }
    }
}
