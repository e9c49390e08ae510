//! Noise as it is drawn in production: opendp's exact rational samplers, in a fresh thread per call so that the
//! generator's state comes from the operating system for this release and dies with it (see the ADR on randomness).

use super::{ExactCells, Mechanism, MechanismCall, NoiseError, NoiseSource};
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
        // A new thread has no generator yet: its first draw seeds one from the operating system. A thread of a pool
        // would carry state over from other releases, through forks and machine snapshots.
        std::thread::Builder::new()
            .name("noise".into())
            .spawn(move || draw(&call, &exact.into_values()))
            .map_err(|_| NoiseError::Thread)?
            .join()
            .map_err(|_| NoiseError::Thread)?
    }
}

/// Builds opendp's measurement, compares its privacy map with our price, and samples.
fn draw(call: &MechanismCall, exact: &Vec<i64>) -> Result<Vec<i64>, NoiseError> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    let sensitivity = call.sensitivity.value;
    let (rho, noisy) = match call.mechanism {
        Mechanism::DiscreteGaussian { sigma } => {
            let metric = L2Distance::<f64>::default();
            let m = make_gaussian::<_, _, ZeroConcentratedDivergence>(domain, metric, sigma, None)
                .map_err(|_| NoiseError::Sampler)?;
            let rho = m.map(&sensitivity).map_err(|_| NoiseError::PrivacyMap)?;
            (rho, m.invoke(exact))
        }
        Mechanism::DiscreteLaplace { scale } => {
            let metric = L1Distance::<f64>::default();
            let m =
                make_laplace::<_, _, MaxDivergence>(domain, metric, scale, None).map_err(|_| NoiseError::Sampler)?;
            let epsilon = m.map(&sensitivity).map_err(|_| NoiseError::PrivacyMap)?;
            (epsilon * epsilon / 2.0, m.invoke(exact))
        }
    };
    // The float can't hold every multiple of 1e-12, so the comparison leaves one unit of the ledger.
    if rho > call.rho().as_f64() + 1e-12 {
        return Err(NoiseError::PrivacyMap);
    }
    noisy.map_err(|_| NoiseError::Sampler)
}
