//! The report by privacy loss distributions: never below the truth (brute force), never above the zCDP conversion.

use lyceum_privacy::Rho;
use lyceum_privacy::accounting::{Spent, epsilon, tight_delta, tight_epsilon};
use lyceum_privacy::mechanism::Mechanism;
use proptest::prelude::*;

fn gaussian(sensitivity: f64, sigma: f64, count: u64) -> Spent {
    Spent { mechanism: Mechanism::DiscreteGaussian { sigma }, sensitivity, count }
}

fn laplace(sensitivity: f64, scale: f64, count: u64) -> Spent {
    Spent { mechanism: Mechanism::DiscreteLaplace { scale }, sensitivity, count }
}

/// Losses and their probabilities between discrete Gaussian vectors that differ by `shift`: the loss is
/// (2Σsᵢzᵢ + ‖s‖²)/2σ², so the distribution of the integer Σsᵢzᵢ, by convolution over all zᵢ up to ±12 σ, is all that is needed.
fn exact_losses(shift: &[i64], sigma: f64) -> Vec<(f64, f64)> {
    let reach = (12.0 * sigma) as i64 + 12;
    let weight = |z: i64| (-(z as f64).powi(2) / (2.0 * sigma * sigma)).exp();
    let total: f64 = (-reach..=reach).map(weight).sum();
    let mut sums = vec![1.0];
    for &s in shift {
        let mut next = vec![0.0; sums.len() + (2 * reach * s) as usize];
        for (i, p) in sums.iter().enumerate() {
            for z in -reach..=reach {
                next[i + ((z + reach) * s) as usize] += p * weight(z) / total;
            }
        }
        sums = next;
    }
    let middle = (sums.len() / 2) as f64;
    let square: i64 = shift.iter().map(|s| s * s).sum();
    let loss = |i: usize| (2.0 * (i as f64 - middle) + square as f64) / (2.0 * sigma * sigma);
    sums.iter().enumerate().map(|(i, p)| (loss(i), *p)).collect()
}

/// δ(ε) = E[(1 − e^(ε − L))₊].
fn delta_of(losses: &[(f64, f64)], epsilon: f64) -> f64 {
    losses.iter().map(|(loss, p)| p * -(epsilon - loss).min(0.0).exp_m1()).sum()
}

fn exact_delta(shift: &[i64], sigma: f64, epsilon: f64) -> f64 {
    delta_of(&exact_losses(shift, sigma), epsilon)
}

#[test]
fn compositions_of_different_kinds_are_never_below_the_truth() {
    let spent = [gaussian(1.0, 2.5, 2), gaussian(2.0, 9.0, 1), gaussian(1.0, 34.0, 1), laplace(1.0, 3.0, 1)];
    let (once, e) = (exact_losses(&[1], 2.5), (1.0f64 / 3.0).exp());
    let parts = |four: &[i64]| {
        [
            once.clone(),
            once.clone(),
            exact_losses(four, 9.0),
            vec![(1.0 / 3.0, e / (1.0 + e)), (-1.0 / 3.0, 1.0 / (1.0 + e))],
        ]
    };
    // The wide count last: too many atoms for a product, so its δ is averaged over the others' losses on a fine grid.
    let wide = exact_losses(&[1], 34.0);
    for four in [&[2][..], &[1, 1, 1, 1]] {
        let mut losses = vec![(0.0, 1.0)];
        for part in parts(four) {
            let mut next = std::collections::BTreeMap::new();
            for (a, p) in &losses {
                for (b, q) in part.iter().filter(|(_, q)| *q > 1e-16) {
                    // rounded down to a grid: below the truth, which is the safe side of this comparison
                    *next.entry(((a + b) * 2e3).floor() as i64).or_insert(0.0) += p * q;
                }
            }
            losses = next.into_iter().map(|(l, p)| (l as f64 / 2e3, p)).collect();
        }
        for epsilon in [0.5, 1.5, 2.5, 3.5] {
            let exact: f64 = losses.iter().map(|(loss, p)| p * delta_of(&wide, epsilon - loss)).sum();
            let ours = tight_delta(&spent, epsilon);
            assert!(ours >= exact && ours < exact * 1.5, "{four:?} ε {epsilon}: {ours} {exact}");
        }
    }
}

/// All vectors of positive integers with the largest sum of squares up to `most`, in falling order, that can't be
/// lengthened: every shift within the bound is one of these or part of one.
fn shifts(most: i64, largest: i64) -> Vec<Vec<i64>> {
    let mut found = vec![];
    for first in (1..=largest).filter(|f| f * f <= most) {
        for rest in shifts(most - first * first, first) {
            found.push([vec![first], rest].concat());
        }
    }
    if found.is_empty() { vec![vec![]] } else { found }
}

#[test]
fn no_integer_shift_within_the_bound_loses_more() {
    assert_eq!(shifts(4, 9), [vec![1, 1, 1, 1], vec![2]]);
    for (sigma, squares) in [(0.6, 1..=3), (1.5, 1..=5), (4.0, 1..=9), (9.0, 4..=5), (33.0, 1..=1)] {
        for most in squares {
            let spent = [gaussian((most as f64).sqrt(), sigma, 1)];
            for shift in shifts(most, most) {
                for step in 0..24 {
                    let epsilon = f64::from(step) * 0.15 * (most as f64).sqrt() / sigma;
                    let (exact, ours) = (exact_delta(&shift, sigma, epsilon), tight_delta(&spent, epsilon));
                    assert!(ours >= exact * (1.0 - 1e-9), "σ {sigma} {shift:?} ε {epsilon}: {ours} {exact}");
                }
            }
        }
    }
}

#[test]
fn a_count_is_accounted_exactly() {
    for (sigma, epsilon) in [(1.0, 0.7), (3.0, 1.0), (31.0, 0.15)] {
        let (exact, ours) = (exact_delta(&[1], sigma, epsilon), tight_delta(&[gaussian(1.0, sigma, 1)], epsilon));
        assert!(ours >= exact && ours <= exact * (1.0 + 1e-6), "σ {sigma}: {ours} {exact}");
        // five uses are five cells
        let five = (exact_delta(&[1; 5], sigma, epsilon), tight_delta(&[gaussian(1.0, sigma, 5)], epsilon));
        assert!(five.1 >= five.0 && five.1 <= five.0 * (1.0 + 1e-6), "σ {sigma}: {five:?}");
    }
}

#[test]
fn wide_noise_costs_hardly_more_than_exactly() {
    let spent = [gaussian(1.0, 40.0, 1)];
    for epsilon in [0.0, 0.02, 0.05, 0.1, 0.15] {
        let (exact, ours) = (exact_delta(&[1], 40.0, epsilon), tight_delta(&spent, epsilon));
        assert!(ours >= exact && ours <= exact * 1.03, "ε {epsilon}: {ours} {exact}");
    }
}

#[test]
fn laplace_noise_is_randomised_response() {
    // n uses of ε₀: loss ε₀(2B − n), B binomial (Kairouz, Oh and Viswanath 2015)
    let (each, n, epsilon) = (0.25f64, 20u64, 2.0);
    let p = each.exp() / (1.0 + each.exp());
    let mut choose = 1.0;
    let mut exact = 0.0;
    for k in 0..=n {
        let loss = each * (2.0 * k as f64 - n as f64);
        exact += choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32) * -(epsilon - loss).min(0.0).exp_m1();
        choose *= (n - k) as f64 / (k + 1) as f64;
    }
    let ours = tight_delta(&[laplace(1.0, 4.0, n)], epsilon);
    assert!(ours >= exact && ours <= exact * (1.0 + 1e-6), "{ours} {exact}");
    // a single use is pure
    assert!(tight_epsilon(&[laplace(3.0, 6.0, 1)], 1e-12) <= 0.5 + 1e-9);
    assert!(tight_delta(&[laplace(3.0, 6.0, 1)], 0.5 + 1e-9) < 1e-15);
}

#[test]
fn a_bound_below_one_moves_no_integer() {
    assert!(tight_delta(&[gaussian(0.9, 1.0, 7), laplace(0.5, 1.0, 3)], 0.0) < 1e-300);
    assert_eq!(tight_epsilon(&[gaussian(0.0, 1.0, 1)], 1e-9), 0.0);
    assert_eq!(tight_epsilon(&[], 1e-9), 0.0);
}

#[test]
fn mixtures_lie_between_their_parts_and_the_zcdp_conversion() {
    let parts = [gaussian(1.0, 31.0, 40), gaussian(200.0, 5_000.0, 40), laplace(1.0, 12.0, 3), gaussian(2.0, 60.0, 10)];
    for delta in [1e-12, 1e-9, 1e-6] {
        let all = tight_epsilon(&parts, delta);
        for part in parts {
            assert!(tight_epsilon(&[part], delta) < all);
        }
        let rho: u64 = parts.iter().map(|p| p.rho().0).sum();
        assert!(all < 0.97 * epsilon(Rho(rho), delta), "δ {delta}: {all} {}", epsilon(Rho(rho), delta));
        let back = tight_delta(&parts, all);
        // the two cut their tails at different places
        assert!((back / delta - 1.0).abs() < 1e-3, "{back}");
    }
}

#[test]
fn many_uses_and_fine_lattices_stay_fast_and_tight() {
    let many = [gaussian(1.0, 31.0, 20_000)];
    let (ours, coarse) = (tight_epsilon(&many, 1e-9), epsilon(many[0].rho(), 1e-9));
    // the Gaussian pair with μ = √20000/31: ε(1e-9) ≈ 37.2 against 38.4
    assert!(ours < 0.975 * coarse, "{ours} {coarse}");
    let wider = tight_epsilon(&[gaussian(1.0, 32.0, 20_000)], 1e-9);
    assert!(wider < ours && wider > ours * 0.94, "the two ways meet at σ = 32: {wider} {ours}");
}

#[test]
fn without_a_proof_the_zcdp_conversion_stands() {
    // σ² below the smoothing that the proof needs
    let narrow = [gaussian(10.0, 1.2, 1)];
    assert_eq!(tight_epsilon(&narrow, 1e-9), epsilon(narrow[0].rho(), 1e-9));
    let different: Vec<_> = (0..65).map(|i| laplace(1.0, 50.0 + f64::from(i), 1)).collect();
    assert_eq!(tight_epsilon(&different, 1e-9), epsilon(Rho(different.iter().map(|s| s.rho().0).sum()), 1e-9));
    assert!(tight_epsilon(&different[..64], 1e-9) < tight_epsilon(&different, 1e-9));
    for broken in [gaussian(1.0, 0.0, 1), gaussian(f64::NAN, 1.0, 1), laplace(1.0, f64::INFINITY, 1)] {
        let (e, d) = (tight_epsilon(&[broken], 1e-9), tight_delta(&[broken], 1.0));
        assert!(e > 1e6 && d == 1.0, "{broken:?}: {e} {d}");
    }
    assert_eq!(tight_epsilon(&narrow, 0.0), f64::INFINITY);
    assert_eq!(tight_delta(&narrow, f64::NAN), 1.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn never_looser_than_zcdp_and_more_uses_never_cost_less(
        sensitivity in 0.5..400.0f64, ratio in 0.2..60.0f64, count in 1u64..300, scale in 0.5..90.0f64, log_delta in -14.0..-3.0f64,
    ) {
        let delta = 10f64.powf(log_delta);
        let sigma = (sensitivity * ratio).max(0.01);
        let spent = |n: u64| [gaussian(sensitivity, sigma, n), laplace(1.0, scale, 2)];
        let here = tight_epsilon(&spent(count), delta);
        let rho = spent(count).iter().fold(0u64, |sum, s| sum.saturating_add(s.rho().0));
        prop_assert!(here <= epsilon(Rho(rho), delta));
        prop_assert!(tight_epsilon(&spent(count * 2), delta) >= here * (1.0 - 1e-9));
        prop_assert!(tight_epsilon(&spent(count), delta / 10.0) >= here * (1.0 - 1e-9));
    }
}
