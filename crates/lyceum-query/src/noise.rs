//! Which mechanisms the releases of a query will call. Written by pricing, read by release and by what tells people
//! how accurate an answer is.

use lyceum_privacy::Delta;
use lyceum_privacy::mechanism::{Mechanism, MechanismCall};
use lyceum_privacy::selection::Weights;

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
    /// What is compared with τ.
    pub(crate) statistic: Statistic,
    /// By measure its total, if there is such a thing; in the measure's own units.
    pub(crate) totals: Vec<Option<MechanismCall>>,
    /// k.
    pub(crate) minimum_group_size: u32,
    /// L0.
    pub(crate) max_groups: u32,
    /// M: groups that a unit may count in.
    pub(crate) kept_groups: u32,
    /// τ, in units of 2 to the power of minus [`Self::fraction`].
    pub(crate) threshold: i64,
    /// Binary digits after the point of τ and what is compared with it.
    pub(crate) fraction: u32,
    /// δ of this selection.
    pub(crate) delta: Delta,
}

/// The number by which a group is shown or not.
#[derive(Debug, Clone)]
pub(crate) enum Statistic {
    /// The weights of its units, with noise of their own.
    Weights(Weights, MechanismCall),
    /// A measure that counts its units: the noisy number that is released anyway.
    Counted(usize),
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
    /// The call whose noise decides.
    pub(crate) fn call<'a>(&'a self, measures: &'a [MechanismCall]) -> Option<&'a MechanismCall> {
        match &self.statistic {
            Statistic::Weights(_, call) => Some(call),
            Statistic::Counted(measure) => measures.get(*measure),
        }
    }

    /// What a group of so many units is compared with τ by, if each of them keeps so many groups.
    pub(crate) fn of_units(&self, units: u64, groups: u32) -> Option<i64> {
        let k = self.minimum_group_size.max(1);
        match &self.statistic {
            Statistic::Weights(weights, _) => {
                let class = weights.class_of(groups);
                let mut by_class = vec![0; weights.classes()];
                *by_class.get_mut(class)? = units;
                weights.statistic(&by_class, k)
            }
            Statistic::Counted(_) => {
                // Whose vector of ones is longer than √L0 counts for less than one.
                let each = (f64::from(self.max_groups) / f64::from(groups.max(1))).sqrt().min(1.0);
                (units >= u64::from(k)).then_some((units as f64 * each * f64::from(self.fraction).exp2()) as i64)
            }
        }
    }

    /// τ in people.
    pub(crate) fn threshold_in_units(&self) -> f64 {
        self.threshold as f64 * (-f64::from(self.fraction)).exp2()
    }
}

/// σ of a call; every call of this engine is Gaussian.
pub(crate) const fn sigma(call: &MechanismCall) -> f64 {
    match call.mechanism {
        Mechanism::DiscreteGaussian { sigma } => sigma,
        Mechanism::DiscreteLaplace { scale } => scale,
    }
}
