//! Conversions between σ, ρ and (ε, δ): agreement with the literature, monotonicity, and who pays for rounding.

use lyceum_privacy::accounting::{
    Share, epsilon, gaussian_rho, gaussian_sigma, laplace_rho, laplace_scale, pure_epsilon, rho_for, split_delta,
    split_rho,
};
use lyceum_privacy::{Delta, Rho};
use proptest::prelude::*;

#[test]
fn a_typical_query_takes_two_percent_of_a_budget() {
    let cap = rho_for(2.0, 1e-9);
    let query = Rho::round_up(0.00104);
    let share = query.0 as f64 / cap.0 as f64;
    assert!((0.018..0.020).contains(&share), "share {share}");
    let alone = epsilon(query, 1e-9);
    assert!((0.24..0.27).contains(&alone), "ε {alone}");
    // …which is why shares are shown and not differences of ε: 52 such queries cost 2 in all, not 13.
    assert!(epsilon(Rho(query.0 * 52), 1e-9) <= 2.0);
}

#[test]
fn the_conversion_is_at_least_as_tight_as_the_textbook_one() {
    for rho in [1e-6f64, 1e-3, 0.05, 0.5, 3.0] {
        for delta in [1e-12f64, 1e-9, 1e-6, 1e-3] {
            // Bun and Steinke 2016, proposition 1.3
            let textbook = rho + 2.0 * (rho * (1.0 / delta).ln()).sqrt();
            let ours = epsilon(Rho::round_down(rho), delta);
            assert!(ours <= textbook, "ρ {rho} δ {delta}: {ours} {textbook}");
            // 0 is right where δ alone covers the distance: the total variation is at most √(ρ/2) (Pinsker).
            assert!(ours > 0.0 || delta >= 0.5 * (rho / 2.0).sqrt(), "ρ {rho} δ {delta}");
        }
    }
}

#[test]
fn arguments_without_meaning_fail_closed() {
    assert_eq!(epsilon(Rho::ZERO, 0.0), 0.0);
    for delta in [0.0, -1e-9, 1.5, f64::NAN] {
        assert_eq!(epsilon(Rho(1), delta), f64::INFINITY, "{delta}");
        assert_eq!(rho_for(1.0, delta), Rho::ZERO, "{delta}");
    }
    for e in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(rho_for(e, 1e-9), Rho::ZERO, "{e}");
    }
    for (s, sigma) in [(1.0, 0.0), (1.0, -1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (f64::NAN, 1.0), (-1.0, 1.0)] {
        assert_eq!(gaussian_rho(s, sigma), Rho(u64::MAX), "{s} {sigma}");
        assert_eq!(laplace_rho(s, sigma), Rho(u64::MAX), "{s} {sigma}");
    }
    assert_eq!(gaussian_sigma(1.0, Rho::ZERO), f64::INFINITY);
    assert_eq!(gaussian_rho(0.0, 1.0), Rho::ZERO);
    assert_eq!(split_delta(f64::NAN), (0.0, Delta::ZERO));
}

#[test]
fn sigma_is_what_the_formula_says() {
    // Δ = 1, ρ = 0.00052: σ = √(1/0.00104) ≈ 31.0
    let sigma = gaussian_sigma(1.0, Rho::round_down(0.000_52));
    assert!((sigma - (1.0f64 / 0.001_04).sqrt()).abs() < 1e-4, "{sigma}");
    assert!((laplace_scale(1.0, Rho::round_down(0.5)) - 1.0).abs() < 1e-4);
    assert!((pure_epsilon(Rho::round_down(0.5)) - 1.0).abs() < 1e-9);
}

#[test]
fn a_split_equalises_relative_errors() {
    let shares = [Share { sensitivity: 1.0, scale: 100.0 }, Share { sensitivity: 200.0, scale: 5_000.0 }];
    let total = Rho::round_down(0.001);
    let parts = split_rho(total, &shares);
    let error = |j: usize| gaussian_sigma(shares[j].sensitivity, parts[j]) / shares[j].scale;
    assert!((error(0) / error(1) - 1.0).abs() < 1e-4);
    // Any other split makes the worse of the two worse.
    let best = error(0).max(error(1));
    for moved in [1_000_000, 10_000_000] {
        for (plus, minus) in [(0, 1), (1, 0)] {
            let mut other = parts.clone();
            other[plus].0 += moved;
            other[minus].0 -= moved;
            let worst = (0..2).map(|j| gaussian_sigma(shares[j].sensitivity, other[j]) / shares[j].scale);
            assert!(worst.fold(0.0, f64::max) > best);
        }
    }
    assert_eq!(split_rho(total, &[]), vec![]);
    let idle = [Share { sensitivity: 0.0, scale: 1.0 }, Share { sensitivity: 2.0, scale: 1.0 }];
    assert_eq!(split_rho(total, &idle), vec![Rho::ZERO, total]);
    let broken = [Share { sensitivity: 1.0, scale: 0.0 }, Share { sensitivity: 2.0, scale: 1.0 }];
    assert_eq!(split_rho(total, &broken), vec![Rho::ZERO; 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sigma_never_costs_more_than_it_was_given(
        sensitivity in (-20.0..40.0f64).prop_map(f64::exp2), rho in 1u64..10_000_000_000_000,
    ) {
        let sigma = gaussian_sigma(sensitivity, Rho(rho));
        prop_assert!(sigma.is_finite());
        prop_assert!(gaussian_rho(sensitivity, sigma) <= Rho(rho));
        // and wastes less than one part in 10^5 or a ledger unit
        prop_assert!(gaussian_rho(sensitivity, sigma * (1.0 - 4e-6)).0 as f64 > rho as f64 * (1.0 - 1e-5) - 2.0);
    }

    #[test]
    fn a_price_is_never_below_the_exact_fraction(s in 1u32..1_000_000, sigma in 1u32..1_000_000) {
        // integers, so that the exact value is a fraction of u128: s² · 10^12 / (2σ²), rounded up
        let (n, d) = (u128::from(s).pow(2) * 1_000_000_000_000, 2 * u128::from(sigma).pow(2));
        let exact = n.div_ceil(d);
        let ours = u128::from(gaussian_rho(f64::from(s), f64::from(sigma)).0);
        if exact < u128::from(u64::MAX) {
            prop_assert!(ours >= exact);
            prop_assert!(ours <= exact + 1 + exact / 1_000_000_000_000_000);
        }
    }

    #[test]
    fn a_delta_is_never_spent_twice(delta in (-40.0..0.0f64).prop_map(f64::exp2)) {
        let (conversion, selection) = split_delta(delta);
        prop_assert!(conversion + selection.as_f64() <= delta);
        prop_assert!(conversion + selection.as_f64() >= delta * (1.0 - 1e-15) - 1e-18 * 2.0);
    }

    #[test]
    fn a_split_spends_at_most_the_total(
        total in 0u64..=u64::MAX, raw in proptest::collection::vec((0.0..1e9f64, 1e-6..1e9f64), 1..8),
    ) {
        let shares: Vec<_> = raw.iter().map(|&(sensitivity, scale)| Share { sensitivity, scale }).collect();
        let sum: u128 = split_rho(Rho(total), &shares).iter().map(|r| u128::from(r.0)).sum();
        prop_assert!(sum <= u128::from(total));
    }
}

proptest! {
    // each case inverts opendp's profile, which takes tens of milliseconds unoptimised
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn caps_convert_back_below_what_was_promised(e in 0.01..20.0f64, log_delta in -18.0..-2.0f64) {
        let delta = 10f64.powf(log_delta);
        let rho = rho_for(e, delta);
        prop_assert!(rho > Rho::ZERO);
        prop_assert!(epsilon(rho, delta) <= e);
        let more = Rho(rho.0 + rho.0 / 1_000_000 + 2);
        prop_assert!(epsilon(more, delta) > e, "and hardly more would still fit");
    }

    #[test]
    fn epsilon_grows_with_rho_and_shrinks_with_delta(rho in 10_000_000_000u64..5_000_000_000_000, log_delta in -15.0..-2.0f64) {
        let delta = 10f64.powf(log_delta);
        let here = epsilon(Rho(rho), delta);
        prop_assert!(epsilon(Rho(rho + rho / 100 + 1), delta) > here);
        prop_assert!(epsilon(Rho(rho), delta * 2.0) < here);
    }
}
