//! Selection by weight: its sensitivity and threshold against brute force, and what it gains over the plain count.

use lyceum_privacy::Delta;
use lyceum_privacy::selection::{FRACTION_BITS, Weights, passing_probability, shown_probability, threshold};
use proptest::prelude::*;

const ONE: f64 = (1u32 << FRACTION_BITS) as f64;

/// P(Z ≥ a) of the discrete Gaussian for a = 0, 1, …, summed term by term from the far end.
fn tails(sigma: f64) -> Vec<f64> {
    let weight = |x: i64| (-(x as f64).powi(2) / (2.0 * sigma * sigma)).exp();
    let reach = (12.0 * sigma) as i64 + 40;
    let mut sums: Vec<f64> = (0..=reach)
        .rev()
        .scan(0.0, |sum, x| {
            *sum += weight(x);
            Some(*sum)
        })
        .collect();
    sums.reverse();
    let total = 2.0 * sums[0] - 1.0;
    sums.iter_mut().for_each(|s| *s /= total);
    sums
}

#[test]
fn weights_keep_every_unit_in_the_same_ball() {
    for (max_groups, kept) in [1, 2, 3, 5, 16, 17, 20, 100, 1_000, 65_536, u32::MAX]
        .into_iter()
        .flat_map(|l0: u32| [l0.div_ceil(3), l0, l0.saturating_mul(8)].map(|kept| (l0, kept)))
    {
        let weights = Weights::new(max_groups, kept);
        assert!(weights.classes() <= 52, "{max_groups}: {}", weights.classes());
        let squared = weights.l2_sensitivity().powi(2);
        assert!(
            squared >= f64::from(max_groups) * ONE * ONE
                && squared <= f64::from(max_groups) * ONE * ONE * (1.0 + 1e-15)
        );
        for m in (1..=kept.min(2_000)).chain([kept]) {
            let w = u128::from(weights.weight(weights.class_of(m)));
            assert!(u128::from(m) * w * w <= u128::from(max_groups) << 32, "L0 {max_groups}, m {m}");
            assert!(w >= 65_536 || m > max_groups, "no unit is lighter than in a plain count of L0 groups");
            // classes are at most a quarter above m up to 64, and less than twice m from there
            let least = if m <= 64 { 1.25 } else { 2.0 } * f64::from(m) * ((w + 1) as f64).powi(2);
            assert!(least >= f64::from(max_groups) * ONE * ONE, "L0 {max_groups}, m {m}");
        }
    }
    assert_eq!(Weights::new(0, 0), Weights::new(1, 1));
    let three = Weights::new(3, 3);
    assert_eq!([1, 2, 3].map(|m| three.weight(three.class_of(m))), [113_511, 80_264, 65_536]);
}

#[test]
fn the_threshold_hides_what_one_unit_brings_over_k() {
    // Narrow noise in units of 2⁻¹⁶, so that sums are short and the heaviest class binds; and wide, where the most groups do.
    for (sigma, delta) in [(40.0, 1e-9), (3_000.0, 1e-6), (0.7 * ONE, 1e-9), (6.0 * ONE, 1e-5)] {
        let tail = tails(sigma);
        for (max_groups, kept) in [(1u32, 1), (3, 3), (20, 20), (1, 8), (5, 40)] {
            let weights = Weights::new(max_groups, kept);
            let tau = weights.threshold(sigma, Delta::round_down(delta));
            // One unit in m groups shows each of them with P(w + Z ≥ τ): the worst m.
            let worst = |tau: i64| {
                let shown = |m: u32| {
                    tail.get((tau - weights.weight(weights.class_of(m)) as i64) as usize).copied().unwrap_or(0.0)
                };
                (1..=kept).map(|m| f64::from(m) * shown(m)).fold(0.0, f64::max)
            };
            assert!(worst(tau) <= delta, "σ {sigma} L0 {max_groups}: {}", worst(tau));
            // rounding of m up to a class costs a little above 16 groups
            assert!(worst(tau - 2) > delta || kept > 16, "σ {sigma} L0 {max_groups}: τ − 2 would have done");
        }
    }
}

#[test]
fn without_delta_or_noise_nothing_is_shown() {
    let weights = Weights::new(3, 3);
    assert_eq!(weights.threshold(100.0, Delta::ZERO), i64::MAX);
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e16] {
        assert_eq!(weights.threshold(sigma, Delta(1_000_000)), i64::MAX);
    }
    assert_eq!(passing_probability(5, 6, f64::NAN), 0.0);
}

#[test]
fn the_heaviest_units_beside_one_do_not_help_a_key_over_the_threshold() {
    let weights = Weights::new(4, 4);
    // nine units in this group only, and one that is in four groups: exactly k = 10
    let group = [9, 0, 0, 1];
    assert_eq!(weights.statistic(&group, 10), Some(65_536), "as if it had one light unit");
    assert_eq!(weights.statistic(&[9, 0, 0, 0], 10), None, "below k never");
    assert_eq!(weights.statistic(&[9, 0, 0, 2], 10), Some(2 * 65_536));
    assert_eq!(weights.statistic(&[0, 0, 0, 25], 10), Some(16 * 65_536), "plain counts less k − 1");
    assert_eq!(weights.statistic(&[3, 0, 0, 0], 0), Some(3 * 2 * 65_536));
    assert_eq!(weights.statistic(&[u64::MAX; 4], 2), Some(i64::MAX));
}

#[test]
fn more_keys_pass_at_the_same_price() {
    // Long-tailed keys: key i has about 3000/i units; half of the units are in one group, a third in two, the rest in L0.
    let (max_groups, k, delta) = (5, 10, Delta::round_down(1e-10));
    let weights = Weights::new(max_groups, max_groups);
    for sigma in [5.0, 31.0] {
        let plain = threshold(k, sigma, max_groups, delta);
        let tau = weights.threshold(sigma * ONE, delta);
        // the price of caution is the same: τ in both is k (or 1 after k − 1 are left out) and the same tail, up to whole units
        assert!((tau as f64 / ONE - (plain - i64::from(k) + 1) as f64).abs() <= 1.5, "{tau} {plain}");
        let (mut before, mut after) = (0.0, 0.0);
        for key in 1..=400u64 {
            let units = 3_000 / key;
            let group = [units / 2, units / 3, 0, 0, units - units / 2 - units / 3];
            before += shown_probability(units, k, plain, sigma);
            if let Some(statistic) = weights.statistic(&group, k) {
                after += passing_probability(statistic, tau, sigma * ONE);
            }
        }
        // 69 and 98 at σ = 5, 14 and 24 at σ = 31
        assert!(after > 1.35 * before, "σ {sigma}: {before} keys before, {after} now");
    }
}

#[test]
fn people_in_many_groups_are_heard_in_all_of_them() {
    // 2,000 people, each in 40 of 400 keys: a sample of five groups leaves about 25 people per key, weights add to 71.
    let (max_groups, k, delta, sigma) = (5, 1, Delta::round_down(1e-8), 9.0);
    let sampled = shown_probability(2_000 * 5 / 400, k, threshold(k, sigma, max_groups, delta), sigma);
    let weights = Weights::new(max_groups, 40);
    let class = weights.class_of(40);
    let mut units = vec![0; weights.classes()];
    units[class] = 2_000 * 40 / 400;
    let statistic = weights.statistic(&units, k).unwrap();
    assert!((69.0..72.0).contains(&(statistic as f64 / ONE)), "{statistic}");
    let ours = passing_probability(statistic, weights.threshold(sigma * ONE, delta), sigma * ONE);
    assert!(sampled < 0.01 && ours > 0.9, "{sampled} {ours}");
}

proptest! {
    #[test]
    fn one_unit_moves_a_statistic_by_at_most_its_weight(
        max_groups in 1u32..40, counts in proptest::collection::vec(0u64..6, 22), class in 0usize..22, k in 1u32..12,
    ) {
        let weights = Weights::new(max_groups, max_groups);
        let class = class % weights.classes();
        let without = counts[..weights.classes()].to_vec();
        let mut with = without.clone();
        with[class] += 1;
        if let Some(after) = weights.statistic(&with, k) {
            let moved = after - weights.statistic(&without, k).unwrap_or(0);
            prop_assert!(moved >= 0 && moved as u64 <= weights.weight(class));
        } else {
            prop_assert_eq!(weights.statistic(&without, k), None);
        }
    }

    #[test]
    fn weights_never_show_less_than_the_plain_count(
        max_groups in 1u32..40, counts in proptest::collection::vec(0u64..30, 22), k in 1u32..30, sigma in 4.0..60.0f64,
    ) {
        let (weights, delta) = (Weights::new(max_groups, max_groups), Delta::round_down(1e-10));
        let group = &counts[..weights.classes()];
        let units: u64 = group.iter().sum();
        let plain = shown_probability(units, k, threshold(k, sigma, max_groups, delta), sigma);
        let statistic = weights.statistic(group, k);
        let ours = statistic.map_or(0.0, |s| passing_probability(s, weights.threshold(sigma * ONE, delta), sigma * ONE));
        // a whole unit's grid rounds τ up and lends half a step to ≥; the finer grid has neither
        let half_a_step = shown_probability(units, k, threshold(k, sigma, max_groups, delta) + 1, sigma);
        prop_assert!(ours >= half_a_step * (1.0 - 1e-6), "{} {} {}", ours, plain, half_a_step);
    }
}
