//! Noise as it is drawn in production: opendp's exact rational samplers, in a fresh thread per call so that the
//! generator's state comes from the operating system for this release and dies with it (see the ADR on randomness).

use super::exponential;
use super::{ChoiceCall, ChoiceSource, ExactCells, ExactScores, Mechanism, MechanismCall, NoiseError, NoiseSource};
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::{make_gaussian, make_laplace};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance};

/// Draws real noise. Holds nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct LiveNoise;

impl NoiseSource for LiveNoise {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        call.check()?;
        let call = *call;
        fresh_thread(move || draw(&call, &exact.into_values()))
    }
}

impl ChoiceSource for LiveNoise {
    fn choose(&self, call: &ChoiceCall, scores: ExactScores) -> Result<usize, NoiseError> {
        call.check(&scores)?;
        let call = *call;
        fresh_thread(move || exponential::draw(&call, &scores.into_values()))
    }
}

/// A new thread has no generator yet: its first draw seeds one from the operating system. A thread of a pool
/// would carry state over from other releases, through forks and machine snapshots.
fn fresh_thread<T: Send + 'static>(
    sample: impl FnOnce() -> Result<T, NoiseError> + Send + 'static,
) -> Result<T, NoiseError> {
    let thread = std::thread::Builder::new().name("noise".into()).spawn(sample);
    thread.map_err(|_| NoiseError::Thread)?.join().map_err(|_| NoiseError::Thread)?
}

/// Builds opendp's measurement and samples.
fn draw(call: &MechanismCall, exact: &Vec<i64>) -> Result<Vec<i64>, NoiseError> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    let sensitivity = call.sensitivity.value;
    match call.mechanism {
        Mechanism::DiscreteGaussian { sigma } => {
            let metric = L2Distance::<f64>::default();
            let measurement = make_gaussian::<_, _, ZeroConcentratedDivergence>(domain, metric, sigma, None)
                .map_err(|_| NoiseError::Sampler)?;
            agree(call, measurement.map(&sensitivity).map_err(|_| NoiseError::PrivacyMap)?)?;
            measurement.invoke(exact).map_err(|_| NoiseError::Sampler)
        }
        Mechanism::DiscreteLaplace { scale } => {
            let metric = L1Distance::<f64>::default();
            let measurement =
                make_laplace::<_, _, MaxDivergence>(domain, metric, scale, None).map_err(|_| NoiseError::Sampler)?;
            let epsilon = measurement.map(&sensitivity).map_err(|_| NoiseError::PrivacyMap)?;
            agree(call, epsilon * epsilon / 2.0)?;
            measurement.invoke(exact).map_err(|_| NoiseError::Sampler)
        }
    }
}

/// Before anything is drawn: opendp's privacy map and our price must tell the same story. Our price is rounded up to
/// the ledger's unit; what the comparison forgives is only the last bit of its conversion to a float.
fn agree(call: &MechanismCall, rho: f64) -> Result<(), NoiseError> {
    let charged = call.rho().as_f64().next_up();
    if rho <= charged { Ok(()) } else { Err(NoiseError::PrivacyMap) }
}
