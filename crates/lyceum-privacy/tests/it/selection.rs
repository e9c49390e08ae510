//! Thresholds against brute force: the boundary is where a mistake would be a leak.

use lyceum_privacy::Delta;
use lyceum_privacy::selection::{shown_probability, threshold};
use proptest::prelude::*;

/// P(Z ≥ a) for the discrete Gaussian, summed term by term over ±40 σ.
fn tail(a: i64, sigma: f64) -> f64 {
    let weight = |x: i64| (-(x as f64).powi(2) / (2.0 * sigma * sigma)).exp();
    let reach = (40.0 * sigma) as i64 + 40;
    let total: f64 = (-reach..=reach).map(weight).sum();
    // smallest terms first, so that nothing is lost
    (a..=reach).rev().map(weight).sum::<f64>() / total
}

#[test]
fn the_threshold_is_the_smallest_that_keeps_the_promise() {
    for sigma in [0.5, 1.0, 3.0, 31.0] {
        for (k, l0) in [(1, 1), (10, 3), (50, 20)] {
            for delta in [1e-12, 5e-10, 1e-6, 1e-3] {
                let tau = threshold(k, sigma, l0, Delta::round_down(delta));
                let allowed = delta / f64::from(l0);
                // A group with exactly k units here and k − 1 next door is shown here only, when k + Z ≥ τ.
                let shown = tail(tau - i64::from(k), sigma);
                assert!(shown <= allowed, "σ {sigma} k {k} L0 {l0} δ {delta}: {shown} > {allowed}");
                let one_less = tail(tau - 1 - i64::from(k), sigma);
                assert!(one_less > allowed || tau == i64::from(k) + 1, "τ − 1 would have done");
                assert!((shown_probability(u64::from(k), k, tau, sigma) / shown - 1.0).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn comparisons_are_inclusive_on_both_sides() {
    // σ tiny: Z = 0 all but surely. With τ = 12 a group of 12 is shown, one of 11 is not.
    assert!(shown_probability(12, 10, 12, 0.01) > 0.999_999);
    assert!(shown_probability(11, 10, 12, 0.01) < 1e-6);
    // below k never, whatever τ
    assert_eq!(shown_probability(9, 10, -1_000, 5.0), 0.0);
    assert!(shown_probability(10, 10, -1_000, 5.0) > 0.999_999);
    // τ itself is a coin toss plus half the middle atom
    let p = shown_probability(100, 10, 100, 5.0);
    assert!((p - (0.5 + tail(0, 5.0) - 0.5)).abs() < 1e-12 && p > 0.5);
}

#[test]
fn without_delta_or_noise_nothing_is_shown() {
    assert_eq!(threshold(10, 5.0, 1, Delta::ZERO), i64::MAX);
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e16] {
        assert_eq!(threshold(10, sigma, 1, Delta(1_000_000_000)), i64::MAX, "{sigma}");
    }
    assert_eq!(shown_probability(1_000_000, 10, i64::MAX, 5.0), 0.0);
}

#[test]
fn nothing_counts_as_a_group_of_zero() {
    let delta = Delta::round_down(1e-9);
    assert_eq!(threshold(0, 3.0, 0, delta), threshold(1, 3.0, 1, delta));
    assert_eq!(shown_probability(0, 0, -100, 3.0), 0.0);
}

#[test]
fn the_smallest_delta_and_the_widest_noise_have_a_threshold() {
    let tau = threshold(10, 31.0, 1000, Delta(1));
    assert!((10 + 270..10 + 320).contains(&tau), "{tau}: about 9.4 σ above k for δ/L0 = 1e-21");
    let wide = threshold(10, 1e9, 1, Delta::round_down(1e-10));
    assert!((6.3e9..6.5e9).contains(&(wide as f64)), "{wide}: 6.36 σ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_caution_never_lowers_the_threshold(
        k in 1u32..200, sigma in 0.2..400.0f64, l0 in 1u32..100, delta in 1u64..1_000_000_000_000,
    ) {
        let tau = threshold(k, sigma, l0, Delta(delta));
        prop_assert!(tau > i64::from(k));
        prop_assert!(threshold(k, sigma * 1.5, l0, Delta(delta)) >= tau);
        prop_assert!(threshold(k, sigma, l0 + 1, Delta(delta)) >= tau);
        prop_assert!(threshold(k, sigma, l0, Delta(delta / 2 + 1)) >= threshold(k, sigma, l0, Delta(delta + 1)));
        prop_assert_eq!(threshold(k + 1, sigma, l0, Delta(delta)), tau + 1);
        let p = |m: u64| shown_probability(m, k, tau, sigma);
        prop_assert!(p(u64::from(k)) <= p(u64::from(k) + 1) + 1e-15 && p(tau as u64) >= 0.5);
    }
}
