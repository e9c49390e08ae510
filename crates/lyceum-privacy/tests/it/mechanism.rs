//! Live noise: it is what it says (goodness of fit), it costs what we charge, and nonsense never reaches the sampler.

use lyceum_privacy::Rho;
use lyceum_privacy::accounting::{gaussian_sigma, laplace_scale};
use lyceum_privacy::mechanism::{
    ExactCells, LiveNoise, Mechanism, MechanismCall, NoiseError, NoiseSource, Norm, Sensitivity,
};
use lyceum_privacy::testing::{RecordingNoise, SeededNoise, ZeroNoise, recorded_rho};
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance};
use std::sync::Arc;
use std::time::Instant;

fn gaussian(sigma: f64, value: f64) -> MechanismCall {
    let mechanism = Mechanism::DiscreteGaussian { sigma };
    MechanismCall { query: 7, measure: 0, mechanism, sensitivity: Sensitivity { norm: Norm::L2, value } }
}

fn laplace(scale: f64, value: f64) -> MechanismCall {
    let mechanism = Mechanism::DiscreteLaplace { scale };
    MechanismCall { query: 7, measure: 0, mechanism, sensitivity: Sensitivity { norm: Norm::L1, value } }
}

/// Pearson's statistic of `draws` against probabilities of the bins −reach…reach, tails pooled into the end bins.
fn chi_square(draws: &[i64], reach: i64, weight: impl Fn(i64) -> f64) -> f64 {
    let far = 200 * reach;
    let total: f64 = (-far..=far).map(&weight).sum();
    let below: f64 = (-far..=-reach).map(&weight).sum();
    (-reach..=reach)
        .map(|bin| {
            let p = if bin.abs() == reach { below } else { weight(bin) } / total;
            let seen = draws.iter().filter(|&&d| d.clamp(-reach, reach) == bin).count() as f64;
            let expected = p * draws.len() as f64;
            assert!(expected > 5.0, "bin {bin} is too thin for the test");
            (seen - expected).powi(2) / expected
        })
        .sum()
}

// 8 degrees of freedom: P(χ² > 45.1) = 3.5e-7, so the two tests together fail by chance less than once in a million
// runs. With 4,000 draws a scale that is off by a sixth fails all but surely.
const CHI_SQUARE_8: f64 = 45.1;
const DRAWS: usize = 4_000;

#[test]
fn gaussian_noise_is_discrete_gaussian() {
    let draws = LiveNoise.add_noise(&gaussian(2.0, 1.0), ExactCells::new(vec![0; DRAWS])).unwrap();
    let weight = |sigma: f64| move |x: i64| (-(x as f64).powi(2) / (2.0 * sigma * sigma)).exp();
    let fit = chi_square(&draws, 4, weight(2.0));
    assert!(fit < CHI_SQUARE_8, "χ² = {fit}");
    assert!(chi_square(&draws, 4, weight(1.6)) > CHI_SQUARE_8, "the test has power");
}

#[test]
fn laplace_noise_is_discrete_laplace() {
    let draws = LiveNoise.add_noise(&laplace(2.0, 1.0), ExactCells::new(vec![0; DRAWS])).unwrap();
    let weight = |scale: f64| move |x: i64| (-(x.abs() as f64) / scale).exp();
    let fit = chi_square(&draws, 4, weight(2.0));
    assert!(fit < CHI_SQUARE_8, "χ² = {fit}");
    assert!(chi_square(&draws, 4, weight(1.5)) > CHI_SQUARE_8, "the test has power");
}

#[test]
fn noise_is_added_to_each_cell_in_order_and_saturates() {
    let exact = vec![1_000_000, -2_000_000, 3_000_000];
    let noisy = LiveNoise.add_noise(&gaussian(5.0, 1.0), ExactCells::new(exact.clone())).unwrap();
    assert!(noisy.iter().zip(&exact).all(|(n, e)| (n - e).abs() < 100), "within 20 σ of its own cell");
    let ends = LiveNoise.add_noise(&gaussian(1e6, 1.0), ExactCells::new(vec![i64::MAX; 64])).unwrap();
    assert!(ends.iter().all(|&n| n > i64::MAX - 100_000_000), "no wrapping");
    assert!(ends.contains(&i64::MAX), "half of the draws are cut off at the end");
    assert!(LiveNoise.add_noise(&gaussian(5.0, 1.0), ExactCells::new(vec![])).unwrap().is_empty());
}

#[test]
fn scales_without_noise_are_refused_by_every_source() {
    let sources: [Arc<dyn NoiseSource>; 3] =
        [Arc::new(LiveNoise), Arc::new(ZeroNoise), Arc::new(SeededNoise { seed: 1 })];
    for source in sources {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-4] {
            let cells = || ExactCells::new(vec![1]);
            assert_eq!(source.add_noise(&gaussian(bad, 1.0), cells()), Err(NoiseError::Scale));
            assert_eq!(source.add_noise(&laplace(bad, 1.0), cells()), Err(NoiseError::Scale));
        }
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let got = source.add_noise(&gaussian(1.0, bad), ExactCells::new(vec![1]));
            assert_eq!(got, Err(NoiseError::Sensitivity));
        }
        let mut wrong = laplace(1.0, 1.0);
        wrong.sensitivity.norm = Norm::L2;
        assert_eq!(source.add_noise(&wrong, ExactCells::new(vec![1])), Err(NoiseError::Norm));
    }
}

#[test]
fn opendp_never_claims_more_than_we_charge() {
    let domain = || VectorDomain::new(AtomDomain::<i64>::default());
    for rho in [1, 977, 1_040_000_000, 123_456_789_012, 4_000_000_000_000] {
        for sensitivity in [1.0, 3f64.sqrt().next_up(), 200.0, 1e6 * 7f64.sqrt(), 3e11] {
            let sigma = gaussian_sigma(sensitivity, Rho(rho));
            let m = opendp::measurements::make_gaussian::<_, _, ZeroConcentratedDivergence>(
                domain(),
                L2Distance::<f64>::default(),
                sigma,
                None,
            )
            .unwrap();
            let call = gaussian(sigma, sensitivity);
            assert!(m.map(&sensitivity).unwrap() <= call.rho().as_f64().next_up());
            assert!(call.rho() <= Rho(rho));

            let scale = laplace_scale(sensitivity, Rho(rho));
            let m = opendp::measurements::make_laplace::<_, _, MaxDivergence>(
                domain(),
                L1Distance::<f64>::default(),
                scale,
                None,
            )
            .unwrap();
            let call = laplace(scale, sensitivity);
            let epsilon = m.map(&sensitivity).unwrap();
            assert!(epsilon * epsilon / 2.0 <= call.rho().as_f64().next_up());
            assert!(call.rho() <= Rho(rho));
        }
    }
}

#[test]
fn a_thousand_cells_are_noised_quickly() {
    for sigma in [31.0, gaussian_sigma(1.0, Rho(520_000_000)), gaussian_sigma(3e8, Rho(520_000_000))] {
        let start = Instant::now();
        LiveNoise.add_noise(&gaussian(sigma, 1.0), ExactCells::new(vec![0; 1_000])).unwrap();
        let per_cell = start.elapsed().as_micros() as f64 / 1_000.0;
        assert!(per_cell < 5_000.0, "σ {sigma}: {per_cell} µs per cell");
    }
}

#[test]
fn a_recorder_keeps_calls_exact_values_and_answers() {
    let recorder = RecordingNoise::new(SeededNoise { seed: 3 });
    let call = gaussian(31.0, 1.0);
    let first = recorder.add_noise(&call, ExactCells::new(vec![10, 20])).unwrap();
    let again = recorder.add_noise(&call, ExactCells::new(vec![10, 20])).unwrap();
    assert_eq!(first, again, "seeded noise depends on the address only");
    assert!(recorder.add_noise(&gaussian(0.0, 1.0), ExactCells::new(vec![5])).is_err());
    let records = recorder.take();
    assert_eq!(records.len(), 3);
    assert_eq!((&records[0].call, &records[0].exact, &records[0].noisy), (&call, &vec![10, 20], &first));
    assert_eq!((records[2].exact.as_slice(), records[2].noisy.len()), ([5].as_slice(), 0));
    assert!(recorder.take().is_empty());
    assert_eq!(ZeroNoise.add_noise(&call, ExactCells::new(vec![4, -4])).unwrap(), vec![4, -4]);
}

#[test]
fn recordings_of_neighbours_are_compared_with_the_price() {
    let record = |query: u128, gaussian_cells: &[i64], laplace_cells: &[i64]| {
        let recorder = RecordingNoise::new(ZeroNoise);
        let calls = [(gaussian(10.0, 5.0), gaussian_cells), (laplace(10.0, 2.0), laplace_cells)];
        for (call, cells) in calls {
            recorder.add_noise(&MechanismCall { query, ..call }, ExactCells::new(cells.to_vec())).unwrap();
        }
        recorder.take()
    };
    let (one, other) = (record(1, &[100, 7, 50], &[3, 4]), record(2, &[103, 7, 46], &[4, 3]));
    // (3² + 4²)/(2·10²) = 0.125 and (2/10)²/2 = 0.02: exactly the price, as both bounds are attained
    let loss = recorded_rho(&one, &other).unwrap();
    assert!((loss.as_f64() - 0.145).abs() < 1e-11);
    assert_eq!(loss.0, one.iter().map(|r| r.call.rho().0).sum::<u64>());
    assert_eq!(recorded_rho(&one, &one), Some(Rho::ZERO));
    assert_eq!(recorded_rho(&one, &one[..1]), None);
    assert_eq!(recorded_rho(&one, &record(1, &[100, 7], &[3, 4])), None);
}
