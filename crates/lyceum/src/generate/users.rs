//! The people of the generated data: who they are follows from (seed, number) alone, so that no table of people
//! has to be kept to generate their events.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

/// What a generated person is like.
pub(crate) struct Person {
    /// Expected impressions a day.
    pub(crate) rate: f64,
    /// Index of the segment: new, casual, loyal, vip.
    pub(crate) segment: usize,
    /// Index of the country.
    pub(crate) country: usize,
    /// Index of the age band.
    pub(crate) age_band: usize,
    /// Whether the coin of the experiment fell on treatment.
    pub(crate) treated: bool,
    /// Index of the device most used.
    pub(crate) device: usize,
    /// Four favourite campaigns.
    pub(crate) favourites: [usize; 4],
    /// Chance that an impression is clicked.
    pub(crate) click_rate: f64,
}

/// Sizes of the value lists that people are drawn from.
pub(crate) struct Lists {
    pub(crate) countries: usize,
    pub(crate) age_bands: usize,
    pub(crate) devices: usize,
    pub(crate) campaigns: usize,
}

/// A random stream of its own for (seed, purpose, number): streams don't depend on each other.
pub(crate) fn stream(seed: u64, purpose: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    rng.set_stream(number);
    rng
}

/// An index below `n`, Zipf-distributed with the given exponent: 0 is the most frequent.
pub(crate) fn zipf(rng: &mut impl Rng, n: usize, exponent: f64) -> usize {
    match Zipf::new(n as f64, exponent) {
        Ok(z) => (z.sample(rng) as usize).clamp(1, n.max(1)) - 1,
        Err(_) => 0,
    }
}

impl Person {
    /// Person `number` of the population that `seed` names. Activity is Pareto with shape 1.5, cut at 400 times
    /// the smallest: most people see a few advertisements, some see hundreds.
    pub(crate) fn new(seed: u64, number: u64, mean_per_day: f64, lists: &Lists) -> Self {
        let mut rng = stream(seed, 1, number);
        let weight = (1.0 - rng.random::<f64>()).powf(-1.0 / 1.5).min(400.0);
        let segment = match rng.random::<f64>() {
            u if u < 0.45 => 0,
            u if u < 0.80 => 1,
            u if u < 0.95 => 2,
            _ => 3,
        };
        Self {
            rate: weight * mean_per_day / 2.9,
            segment,
            country: zipf(&mut rng, lists.countries, 1.0),
            age_band: zipf(&mut rng, lists.age_bands, 0.3),
            treated: rng.random::<f64>() < 0.5,
            device: zipf(&mut rng, lists.devices, 1.1),
            favourites: std::array::from_fn(|_| zipf(&mut rng, lists.campaigns, 1.1)),
            click_rate: 0.01 + 0.03 * rng.random::<f64>() * (1.0 + segment as f64 / 3.0),
        }
    }
}
