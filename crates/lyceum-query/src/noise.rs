//! Which mechanisms the releases of a query will call. Written by pricing, read by release and by what tells people
//! how accurate an answer is.

use lyceum_privacy::Delta;
use lyceum_privacy::mechanism::{Mechanism, MechanismCall};

/// Confidence of predictions and of every interval that doesn't say otherwise.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The calls of one release, in order.
#[derive(Debug, Clone)]
pub(crate) struct NoisePlan {
    /// One per measure, in units of its grid divided by 2 to the power of its fraction bits.
    pub(crate) measures: Vec<MechanismCall>,
    /// By measure: binary digits that exact and noisy values have beyond the measure's grid.
    pub(crate) fraction_bits: Vec<u32>,
    /// For undeclared keys.
    pub(crate) selection: Option<SelectionPlan>,
}

/// How undeclared keys are selected.
#[derive(Debug, Clone)]
pub(crate) struct SelectionPlan {
    /// The mechanism of the unit counts, or which measure already is one.
    pub(crate) units: Result<MechanismCall, usize>,
    /// By measure its total, if there is such a thing.
    pub(crate) totals: Vec<Option<MechanismCall>>,
    /// k.
    pub(crate) minimum_group_size: u32,
    /// τ.
    pub(crate) threshold: i64,
    /// δ of this selection.
    pub(crate) delta: Delta,
}

impl NoisePlan {
    /// Binary digits of a measure beyond its grid.
    pub(crate) fn fraction(&self, measure: usize) -> u32 {
        self.fraction_bits.get(measure).copied().unwrap_or(0)
    }

    /// By measure: σ in grid units.
    pub(crate) fn sigmas(&self) -> Vec<f64> {
        self.measures.iter().enumerate().map(|(m, call)| sigma(call) * self.unit(m)).collect()
    }

    /// What one unit of a measure's exact and noisy values is worth on the measure's grid.
    pub(crate) fn unit(&self, measure: usize) -> f64 {
        (-f64::from(self.fraction(measure))).exp2()
    }
}

impl SelectionPlan {
    /// σ of the unit counts.
    pub(crate) fn units_sigma(&self, measures: &[MechanismCall]) -> f64 {
        let call = match &self.units {
            Ok(call) => Some(call),
            Err(measure) => measures.get(*measure),
        };
        call.map_or(f64::INFINITY, sigma)
    }
}

/// σ of a call; every call of this engine is Gaussian.
pub(crate) const fn sigma(call: &MechanismCall) -> f64 {
    match call.mechanism {
        Mechanism::DiscreteGaussian { sigma } => sigma,
        Mechanism::DiscreteLaplace { scale } => scale,
    }
}
