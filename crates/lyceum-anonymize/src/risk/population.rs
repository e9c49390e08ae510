//! How many people are unique in the population, estimated from class sizes in the data.
//!
//! Pitman's sampling model with its two parameters from moments (Hoshino, Journal of Official Statistics 17, 2001; one
//! of the estimators that Dankar et al., BMC Medical Informatics and Decision Making 2012, choose between). With n
//! persons in u classes, s₁ of them of one person and s₂ of two, the model's means of s₁/s₂ and u give two linear
//! equations in α and θ; the mean number of unique persons among N then is
//! N · Γ(θ+α+N−1) Γ(θ+1) / (Γ(θ+α) Γ(θ+N)). Where no valid parameters solve them there is no estimate.

use serde::{Deserialize, Serialize};

/// Estimated uniqueness in the population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationUniqueness {
    /// The estimator: `pitman`.
    pub estimator: String,
    /// People in the data / people in the population.
    pub sampling_fraction: f64,
    /// Estimated share of the population that is unique in it, in [0, 1].
    pub unique: f64,
}

/// The estimate; `None` if the population isn't larger than the data or the model doesn't fit.
#[allow(clippy::cast_precision_loss)]
pub(super) fn estimate(classes: &[u32], persons: u64, population: u64) -> Option<PopulationUniqueness> {
    if population <= persons || persons < 2 {
        return None;
    }
    let of_size = |size: u32| classes.iter().filter(|&&c| c == size).count() as f64;
    let (n, u) = (persons as f64, classes.iter().filter(|&&c| c > 0).count() as f64);
    let (one, two) = (of_size(1), of_size(2));
    let found = |unique: f64| PopulationUniqueness {
        estimator: "pitman".into(),
        sampling_fraction: n / population as f64,
        unique: unique.clamp(0.0, 1.0),
    };
    if one == 0.0 {
        return Some(found(0.0));
    }
    if two == 0.0 {
        return None;
    }
    let c = one * (n - 1.0) / two;
    let half = (one - n) / 2.0;
    let alpha = ((n - 1.0) * one + half * (c - 2.0 * (n - 2.0))) / (n * u - one + half * (2.0 + c));
    let theta = (c - 2.0 * (n - 2.0) - alpha * (2.0 + c)) / 2.0;
    if !(0.0..1.0).contains(&alpha) || theta <= -alpha {
        return None;
    }
    let size = population as f64;
    let log =
        ln_gamma(theta + alpha + size - 1.0) + ln_gamma(theta + 1.0) - ln_gamma(theta + alpha) - ln_gamma(theta + size);
    Some(found(log.exp()))
}

/// ln Γ(x) for x > 0: Stirling's series above 10, reached by the recurrence. Error below 1e-12.
fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut x = x;
    while x < 10.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / x;
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn ln_gamma_is_the_logarithm_of_factorials() {
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-12);
    }

    /// People arrive one after the other and share a class or open one, as Pitman's model says (the Chinese restaurant
    /// process): the first of them are a random sample of all.
    #[test]
    fn uniques_of_a_population_are_estimated_from_its_first_tenth() {
        let (alpha, theta) = (0.5, 50.0);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut classes: Vec<u32> = Vec::new();
        let mut sample = Vec::new();
        let mut of_person: Vec<usize> = Vec::new();
        for n in 0..20_000 {
            if n == 2_000 {
                sample.clone_from(&classes);
            }
            let opens = (theta + alpha * classes.len() as f64) / (theta + f64::from(n));
            if rng.random::<f64>() < opens {
                of_person.push(classes.len());
                classes.push(1);
                continue;
            }
            // A class of size c is joined with weight c − α.
            loop {
                let class = of_person[rng.random_range(0..of_person.len())];
                if rng.random::<f64>() < 1.0 - alpha / f64::from(classes[class]) {
                    of_person.push(class);
                    classes[class] += 1;
                    break;
                }
            }
        }
        let truth = classes.iter().filter(|&&c| c == 1).count() as f64 / 20_000.0;
        let found = estimate(&sample, 2_000, 20_000).unwrap().unique;
        assert!((found / truth - 1.0).abs() < 0.2, "{found} {truth}");
    }
}
