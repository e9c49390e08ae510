//! Noise sources for tests, behind the cargo feature `testing`: they hold exact values or draw predictable noise, so
//! no shipped build may contain them. Dependents enable the feature under `[dev-dependencies]` only.

pub mod audit;

use crate::accounting;
use crate::accuracy::GaussianRedraw;
use crate::budget::Rho;
use crate::mechanism::{
    ChoiceCall, ChoiceSource, ExactCells, ExactScores, Mechanism, MechanismCall, NoiseError, NoiseSource,
};
use std::sync::{Mutex, PoisonError};

/// One recorded call.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What was asked.
    pub call: MechanismCall,
    /// The exact cells, in key order.
    pub exact: Vec<i64>,
    /// What the wrapped source made of them; empty when it failed.
    pub noisy: Vec<i64>,
}

/// Passes calls on to another source and keeps what went through: for record-and-replay tests, which compare the
/// exact vectors of neighbouring inputs with the declared sensitivity.
#[derive(Debug, Default)]
pub struct RecordingNoise<N> {
    inner: N,
    records: Mutex<Vec<Recorded>>,
    choices: Mutex<Vec<RecordedChoice>>,
}

/// One recorded choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedChoice {
    /// What was asked.
    pub call: ChoiceCall,
    /// The exact scores.
    pub scores: Vec<i64>,
    /// What the wrapped source chose; `None` when it failed.
    pub chosen: Option<usize>,
}

impl<N> RecordingNoise<N> {
    /// Records around `inner`.
    pub fn new(inner: N) -> Self {
        Self { inner, records: Mutex::default(), choices: Mutex::default() }
    }

    /// Everything recorded since the last time, in order of the calls.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every choice recorded since the last time, in order.
    pub fn take_choices(&self) -> Vec<RecordedChoice> {
        std::mem::take(&mut *self.choices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<N: ChoiceSource> ChoiceSource for RecordingNoise<N> {
    fn choose(&self, call: &ChoiceCall, scores: ExactScores) -> Result<usize, NoiseError> {
        let scores = scores.into_values();
        let chosen = self.inner.choose(call, ExactScores::new(scores.clone()));
        let record = RecordedChoice { call: *call, scores, chosen: chosen.ok() };
        self.choices.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        chosen
    }
}

impl<N: NoiseSource> NoiseSource for RecordingNoise<N> {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        let exact = exact.into_values();
        let noisy = self.inner.add_noise(call, ExactCells::new(exact.clone()));
        let record = Recorded { call: *call, exact, noisy: noisy.clone().unwrap_or_default() };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        noisy
    }
}

/// ρ between two recordings of the same query on neighbouring data: Σ‖Δ‖₂²/2σ² over Gaussian and Σ(‖Δ‖₁/b)²/2 over
/// Laplace calls, rounded up. A correct barrier keeps it at most the price. Query ids are ignored, since each run has
/// its own. `None` when the calls or the numbers of cells differ, which would be a leak by itself for listed keys;
/// for undeclared keys align the cells first.
#[must_use]
pub fn recorded_rho(one: &[Recorded], other: &[Recorded]) -> Option<Rho> {
    if one.len() != other.len() {
        return None;
    }
    one.iter().zip(other).try_fold(Rho::ZERO, |sum, (a, b)| {
        let same = MechanismCall { query: b.call.query, ..a.call } == b.call && a.exact.len() == b.exact.len();
        let distance = a.exact.iter().zip(&b.exact).map(|(x, y)| (i128::from(*x) - i128::from(*y)) as f64);
        let rho = match a.call.mechanism {
            Mechanism::DiscreteGaussian { sigma } => {
                accounting::gaussian_rho(distance.map(|d| d * d).sum::<f64>().sqrt(), sigma)
            }
            Mechanism::DiscreteLaplace { scale } => accounting::laplace_rho(distance.map(f64::abs).sum(), scale),
        };
        if same { sum.checked_add(rho) } else { None }
    })
}

/// Adds nothing: answers are exact. Checks the call as every source does.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZeroNoise;

impl NoiseSource for ZeroNoise {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        call.check()?;
        Ok(exact.into_values())
    }
}

/// Chooses the best score, the first of equals.
impl ChoiceSource for ZeroNoise {
    fn choose(&self, call: &ChoiceCall, scores: ExactScores) -> Result<usize, NoiseError> {
        call.check(&scores)?;
        best(scores.into_values().into_iter().map(|s| s as f64))
    }
}

fn best(scores: impl Iterator<Item = f64>) -> Result<usize, NoiseError> {
    let best = scores.enumerate().reduce(|a, b| if b.1 > a.1 { b } else { a });
    best.map(|(index, _)| index).ok_or(NoiseError::Candidates)
}

/// Noise that is a function of (seed, query, measure, cell): rounded continuous Gaussian or Laplace noise of the right
/// scale. Fast, repeatable and not private.
#[derive(Debug, Clone, Copy)]
pub struct SeededNoise {
    /// The seed.
    pub seed: u64,
}

impl NoiseSource for SeededNoise {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        call.check()?;
        let folded = (call.query >> 64) as u64 ^ call.query as u64;
        let stream = GaussianRedraw::new(self.seed ^ folded.rotate_left(17));
        let noise = |cell: usize| match call.mechanism {
            Mechanism::DiscreteGaussian { sigma } => sigma * stream.normal(call.measure, cell as u64),
            Mechanism::DiscreteLaplace { scale } => {
                let u = stream.uniform(call.measure, cell as u64) - 0.5;
                -scale * u.signum() * (1.0 - 2.0 * u.abs()).ln()
            }
        };
        let cells = exact.into_values().into_iter().enumerate();
        Ok(cells.map(|(cell, v)| v.saturating_add(noise(cell).round() as i64)).collect())
    }
}

/// The exponential mechanism as the highest of scores with Gumbel noise, in floats.
impl ChoiceSource for SeededNoise {
    fn choose(&self, call: &ChoiceCall, scores: ExactScores) -> Result<usize, NoiseError> {
        call.check(&scores)?;
        let folded = (call.query >> 64) as u64 ^ call.query as u64;
        let stream = GaussianRedraw::new(self.seed ^ folded.rotate_left(29));
        let rate = call.epsilon.as_f64() / (2.0 * call.sensitivity as f64);
        let gumbel = |cell: usize| -(-stream.uniform(call.measure, cell as u64).ln()).ln();
        best(scores.into_values().into_iter().enumerate().map(|(cell, s)| rate * s as f64 + gumbel(cell)))
    }
}
