//! The production sampler at all scales: goodness of fit with tails, symmetry, independence of cells and calls, low bits.
//!
//! Limits are six standard deviations or the like, so that all tests of this file together fail by chance less than once in a
//! million runs; each says what it would notice.

use lyceum_privacy::mechanism::{ExactCells, LiveNoise, Mechanism, MechanismCall, NoiseSource, Norm, Sensitivity};

const DRAWS: usize = 20_000;
/// Six standard deviations: 2e-9 on both sides.
const SIX: f64 = 6.0;

fn draw(mechanism: Mechanism) -> Vec<i64> {
    let norm = match mechanism {
        Mechanism::DiscreteGaussian { .. } => Norm::L2,
        Mechanism::DiscreteLaplace { .. } => Norm::L1,
    };
    let call = MechanismCall { query: 3, measure: 0, mechanism, sensitivity: Sensitivity { norm, value: 1.0 } };
    LiveNoise.add_noise(&call, ExactCells::new(vec![0; DRAWS])).unwrap()
}

/// P(Z ≥ a) for a ≥ 1, from the definition: summed to where terms vanish, in steps of an integral for wide noise.
fn upper_tail(mechanism: Mechanism, a: i64) -> f64 {
    match mechanism {
        // geometric: q^a/(1 + q)
        Mechanism::DiscreteLaplace { scale } => (-(a as f64) / scale).exp() / (1.0 + (-1.0 / scale).exp()),
        Mechanism::DiscreteGaussian { sigma } => {
            let density = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
            if sigma <= 200.0 {
                let reach = (12.0 * sigma) as i64 + 5;
                let above: f64 = (1..=reach).rev().map(|x| density(x as f64)).sum();
                (a..=reach).rev().map(|x| density(x as f64)).sum::<f64>() / (1.0 + 2.0 * above)
            } else {
                // the trapezium rule is exact to all digits for such a smooth function
                let (from, step) = (a as f64 - 0.5, sigma / 512.0);
                let inner: f64 = (1..6_144).rev().map(|i| density(from + f64::from(i) * step)).sum();
                step * (inner + density(from) / 2.0) / (sigma * std::f64::consts::TAU.sqrt())
            }
        }
    }
}

/// Bins of about equal probability by |Z|, with the last thousandth apart: lower edges (1 and up) and tail probabilities.
fn edges(mechanism: Mechanism) -> Vec<(i64, f64)> {
    let mut edges: Vec<(i64, f64)> = Vec::new();
    for goal in [0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.02, 0.005, 0.001] {
        let (mut low, mut high) = (0, 1 << 45);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if upper_tail(mechanism, middle) <= goal { high = middle } else { low = middle }
        }
        let tail = upper_tail(mechanism, high);
        // a bin needs enough draws for χ²
        let thick = edges.last().is_none_or(|(edge, p)| *edge < high && (p - tail) * DRAWS as f64 > 8.0);
        if thick && tail * DRAWS as f64 > 8.0 {
            edges.push((high, tail));
        }
    }
    edges
}

/// Pearson's statistic over the middle and both sides' bins, as a standard normal deviate (Wilson and Hilferty 1931).
fn misfit(draws: &[i64], mechanism: Mechanism) -> f64 {
    let edges = edges(mechanism);
    let first = edges[0];
    let mut bins = vec![(1.0 - 2.0 * first.1, draws.iter().filter(|d| d.abs() < first.0).count())];
    for (i, &(low, tail)) in edges.iter().enumerate() {
        let next = edges.get(i + 1);
        let p = tail - next.map_or(0.0, |n| n.1);
        let inside = |d: i64| d >= low && next.is_none_or(|n| d < n.0);
        for sign in [1, -1] {
            bins.push((p, draws.iter().filter(|d| inside(sign * **d)).count()));
        }
    }
    let n = draws.len() as f64;
    let bins: Vec<_> = bins.into_iter().filter(|(p, _)| p * n > 8.0).collect();
    let statistic: f64 = bins.iter().map(|(p, seen)| (*seen as f64 - p * n).powi(2) / (p * n)).sum();
    let k = bins.len() as f64 - 1.0;
    assert!(k >= 2.0, "{mechanism:?}: only {k} degrees of freedom");
    ((statistic / k).cbrt() - 1.0 + 2.0 / (9.0 * k)) / (2.0 / (9.0 * k)).sqrt()
}

const SIGMAS: [f64; 8] = [0.45, 0.8, 1.0, 3.3, 31.0, 1_414.25, 1e6, 3.7e9];

fn mechanisms() -> impl Iterator<Item = Mechanism> {
    SIGMAS.into_iter().flat_map(|s| [Mechanism::DiscreteGaussian { sigma: s }, Mechanism::DiscreteLaplace { scale: s }])
}

#[test]
fn every_mechanism_fits_at_every_scale_tails_included() {
    for mechanism in mechanisms() {
        let draws = draw(mechanism);
        let fit = misfit(&draws, mechanism);
        assert!(fit < SIX, "{mechanism:?}: {fit}");
        // what it would notice: a scale wrong by 15 %, or the other mechanism of the same variance
        let wider = |s: f64| s * 1.15;
        let (wrong, other) = match mechanism {
            Mechanism::DiscreteGaussian { sigma } => (
                Mechanism::DiscreteGaussian { sigma: wider(sigma) },
                Mechanism::DiscreteLaplace { scale: sigma / 2f64.sqrt() },
            ),
            Mechanism::DiscreteLaplace { scale } => (
                Mechanism::DiscreteLaplace { scale: wider(scale) },
                Mechanism::DiscreteGaussian { sigma: scale * 2f64.sqrt() },
            ),
        };
        assert!(misfit(&draws, wrong) > SIX && misfit(&draws, other) > SIX, "{mechanism:?}: no power");
    }
}

#[test]
fn noise_is_as_often_and_as_far_above_as_below() {
    for mechanism in mechanisms() {
        let draws = draw(mechanism);
        let above = draws.iter().filter(|d| **d > 0).count() as f64;
        let below = draws.iter().filter(|d| **d < 0).count() as f64;
        assert!((above - below).abs() < SIX * (above + below).sqrt(), "{mechanism:?}: {above} {below}");
        let square: f64 = draws.iter().map(|d| (*d as f64).powi(2)).sum();
        let sum: f64 = draws.iter().map(|d| *d as f64).sum();
        assert!(sum.abs() < SIX * square.sqrt(), "{mechanism:?}: mean {}", sum / DRAWS as f64);
    }
}

/// Σxy ÷ √(Σx²Σy²) in standard deviations of independent, centred x and y.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let centre = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|a| a - mean).collect::<Vec<_>>()
    };
    let (x, y) = (centre(x), centre(y));
    let product: f64 = x.iter().zip(&y).map(|(a, b)| a * b).sum();
    let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>();
    product / (norm(&x) * norm(&y)).sqrt() * (x.len() as f64).sqrt()
}

#[test]
fn cells_and_calls_are_independent() {
    for mechanism in [
        Mechanism::DiscreteGaussian { sigma: 0.8 },
        Mechanism::DiscreteGaussian { sigma: 31.0 },
        Mechanism::DiscreteGaussian { sigma: 1e6 },
        Mechanism::DiscreteLaplace { scale: 31.0 },
    ] {
        let floats = |draws: Vec<i64>| draws.into_iter().map(|d| d as f64).collect::<Vec<_>>();
        let (one, other) = (floats(draw(mechanism)), floats(draw(mechanism)));
        let size = |v: &[f64]| v.iter().map(|d| d.abs()).collect::<Vec<_>>();
        for lag in [1, 2, 3, 7, 64] {
            let (early, late) = (&one[..DRAWS - lag], &one[lag..]);
            let r = correlation(early, late);
            assert!(r.abs() < SIX, "{mechanism:?}: lag {lag}: {r}");
            let r = correlation(&size(early), &size(late));
            assert!(r.abs() < SIX, "{mechanism:?}: sizes at lag {lag}: {r}");
        }
        let between = [correlation(&one, &other), correlation(&size(&one), &size(&other))];
        assert!(between.iter().all(|r| r.abs() < SIX), "{mechanism:?}: two calls: {between:?}");
        assert!(correlation(&one, &one) > SIX, "the test has power");
    }
}

#[test]
fn wide_noise_has_even_low_bits() {
    // Noise that was computed in floating point and rounded has holes in its low bits (Mironov 2012).
    for mechanism in [
        Mechanism::DiscreteGaussian { sigma: 3.7e9 },
        Mechanism::DiscreteGaussian { sigma: 1e17 },
        Mechanism::DiscreteLaplace { scale: 1e16 },
    ] {
        let draws = draw(mechanism);
        for bit in 0..12 {
            let ones = draws.iter().filter(|d| (**d >> bit) & 1 == 1).count() as f64;
            let off = (ones - DRAWS as f64 / 2.0) / (DRAWS as f64 / 4.0).sqrt();
            assert!(off.abs() < SIX, "{mechanism:?}: bit {bit}: {off}");
        }
    }
}

#[test]
fn cells_far_from_zero_get_the_same_noise() {
    // Noise must not depend on the value: the sampler adds to integers, near the ends of their range too.
    let mechanism = Mechanism::DiscreteGaussian { sigma: 3.3 };
    let sensitivity = Sensitivity { norm: Norm::L2, value: 1.0 };
    let call = MechanismCall { query: 3, measure: 0, mechanism, sensitivity };
    for exact in [1, -1_000_003, i64::MAX - 1_000, i64::MIN + 1_000] {
        let noisy = LiveNoise.add_noise(&call, ExactCells::new(vec![exact; DRAWS])).unwrap();
        let noise: Vec<i64> = noisy.iter().map(|n| n - exact).collect();
        let fit = misfit(&noise, mechanism);
        assert!(fit < SIX, "{exact}: {fit}");
    }
}
