//! The distributional audit: its bounds against tables, what it finds, and that it stays silent where nothing is wrong.

use lyceum_privacy::accounting::{Spent, tight_epsilon};
use lyceum_privacy::accuracy::GaussianRedraw;
use lyceum_privacy::mechanism::{ExactCells, LiveNoise, Mechanism, MechanismCall, NoiseSource, Norm, Sensitivity};
use lyceum_privacy::testing::audit::{Audit, clopper_pearson, likelihood_score};

const AUDIT: Audit = Audit { confidence: 0.9995 };
const DELTA: f64 = 0.01;

#[test]
fn proportions_have_the_bounds_of_the_tables() {
    for (hits, trials, low, high) in [
        (0, 10, 0.0, 0.308_497),
        (1, 10, 0.002_529, 0.445_016),
        (5, 10, 0.187_086, 0.812_914),
        (10, 10, 0.691_503, 1.0),
        (50, 1000, 0.037_335, 0.065_390),
    ] {
        let (l, h) = clopper_pearson(hits, trials, 0.025);
        assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6, "{hits}/{trials}: {l} {h}");
    }
    let (l, h) = clopper_pearson(3, 100_000, 0.000_25);
    assert!((l / 1.178_860e-6 - 1.0).abs() < 1e-5 && (h / 1.479_268e-4 - 1.0).abs() < 1e-5, "{l} {h}");
    assert_eq!(clopper_pearson(0, 0, 0.025), (0.0, 1.0));
}

/// What a count with this σ is claimed to lose at [`DELTA`].
fn claim(sigma: f64) -> f64 {
    let mechanism = Mechanism::DiscreteGaussian { sigma };
    tight_epsilon(&[Spent { mechanism, sensitivity: 1.0, count: 1 }], DELTA)
}

/// Scores of a noisy count on two inputs that differ by one unit; rounding a normal draw is post-processing.
fn counts(sigma: f64, n: u64, run: u32) -> [Vec<f64>; 2] {
    let stream = GaussianRedraw::new(9);
    [0u64, 1].map(|exact| {
        let draw = |i: u64| (exact as f64 + sigma * stream.normal(run, 2 * i + exact)).round();
        (0..n).map(draw).collect()
    })
}

/// The share of audits that find more than was claimed, when the noise is `factor` times what it should be.
fn alarms(factor: f64, runs: u32) -> f64 {
    let claimed = claim(3.0);
    let found = (0..runs).filter(|&run| {
        let [one, other] = counts(3.0 * factor, 20_000, run);
        AUDIT.epsilon(&one, &other, DELTA).bound > claimed
    });
    found.count() as f64 / f64::from(runs)
}

#[test]
fn half_the_noise_is_found_and_the_right_noise_is_not() {
    assert_eq!(alarms(1.0, 60), 0.0);
    assert_eq!(alarms(0.5, 20), 1.0);
    let weaker = [alarms(0.7, 40), alarms(0.9, 40)];
    assert!(weaker[0] >= 0.3 && weaker[1] <= 0.1, "{weaker:?}");
}

#[test]
fn the_bound_is_below_the_truth_and_near_it() {
    let [one, other] = counts(1.0, 100_000, 1);
    let truth = claim(1.0);
    for (a, b) in [(&one, &other), (&other, &one)] {
        let found = AUDIT.epsilon(a, b, DELTA);
        assert!(found.bound < truth && found.bound > 0.7 * truth, "{found:?} of {truth}");
    }
    assert_eq!(AUDIT.epsilon(&one, &one, 0.0).bound, 0.0, "equals can't be told apart");
}

#[test]
fn production_noise_keeps_its_claim_and_half_of_it_would_not() {
    let released = |sigma: f64, exact: [i64; 2]| -> Vec<f64> {
        let mechanism = Mechanism::DiscreteGaussian { sigma };
        let call =
            MechanismCall { query: 1, measure: 0, mechanism, sensitivity: Sensitivity { norm: Norm::L2, value: 1.0 } };
        let cells = exact.repeat(20_000);
        let noisy = LiveNoise.add_noise(&call, ExactCells::new(cells)).unwrap();
        noisy.chunks(2).map(|o| likelihood_score(o, &[7, 3], &[7, 2])).collect()
    };
    let audit = |sigma: f64| AUDIT.epsilon(&released(sigma, [7, 3]), &released(sigma, [7, 2]), DELTA).bound;
    let (right, half) = (audit(3.0), audit(1.5));
    assert!(right <= claim(3.0) && half > claim(3.0), "{right} {half} {}", claim(3.0));
}

#[test]
fn a_group_that_only_one_input_shows_is_a_delta() {
    // one input shows a key in 1 of 50 outputs, the other never: no ε explains it
    let one: Vec<f64> = (0..20_000).map(|i| if i % 50 == 0 { 5.0 } else { f64::NEG_INFINITY }).collect();
    let other = vec![f64::NEG_INFINITY; 20_000];
    let found = AUDIT.delta(&one, &other, 1.0);
    assert!(found.bound > 0.013 && found.bound < 0.02, "{found:?}");
    assert!(AUDIT.epsilon(&other, &one, 0.001).bound > 2.0);
    assert_eq!(AUDIT.epsilon(&one, &other, 0.03).bound, 0.0);
}

#[test]
fn too_few_outputs_prove_nothing() {
    assert_eq!(AUDIT.epsilon(&[], &[], DELTA).bound, 0.0);
    assert_eq!(AUDIT.epsilon(&[0.0; 3], &[1.0; 3], DELTA).bound, 0.0);
}
