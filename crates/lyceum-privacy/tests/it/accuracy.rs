//! Half-widths against brute force, and the algebra of ratio intervals.

use lyceum_privacy::accuracy::{
    Divisor, GaussianRedraw, Interval, Noisy, NoisyMoments, NoisyRatio, discrete_gaussian_half_width,
    discrete_laplace_half_width, estimate_interval, half_width, mechanism_interval, normal_equivalent_sigma,
    quantile_interval, ratio_interval, sum_interval, sum_of_noises_half_width,
};
use lyceum_privacy::mechanism::Mechanism;
use proptest::prelude::*;

/// The smallest w with P(|Z| ≤ w) ≥ confidence, by summing the weights.
fn brute_force(weight: impl Fn(i64) -> f64, reach: i64, confidence: f64) -> i64 {
    let total: f64 = (-reach..=reach).map(&weight).sum();
    (0..reach).find(|w| (-w..=*w).map(&weight).sum::<f64>() / total >= confidence).unwrap()
}

#[test]
fn half_widths_are_the_smallest_that_cover() {
    for scale in [0.1, 0.4, 1.0, 2.5, 31.0, 100.0] {
        for confidence in [0.5, 0.8, 0.95, 0.99, 0.999_9] {
            let reach = (60.0 * scale) as i64 + 10;
            let gaussian = brute_force(|x| (-(x as f64).powi(2) / (2.0 * scale * scale)).exp(), reach, confidence);
            assert_eq!(discrete_gaussian_half_width(scale, confidence), gaussian as f64, "σ {scale}, {confidence}");
            let laplace = brute_force(|x| (-(x.abs() as f64) / scale).exp(), reach, confidence);
            assert_eq!(discrete_laplace_half_width(scale, confidence), laplace as f64, "b {scale}, {confidence}");
        }
    }
    assert_eq!(discrete_gaussian_half_width(31.0, 0.95), 61.0);
}

#[test]
fn totals_of_noisy_cells_are_covered_by_the_root_of_the_sum_of_squares() {
    for (sigma, cells) in [(0.5f64, 8usize), (1.0, 5), (2.5, 3), (6.0, 12)] {
        // the exact distribution of the sum, by convolution
        let reach = (12.0 * sigma) as i64 + 4;
        let weight = |x: i64| (-(x as f64).powi(2) / (2.0 * sigma * sigma)).exp();
        let one: Vec<f64> = (-reach..=reach).map(weight).collect();
        let total: f64 = one.iter().sum();
        let mut sum = vec![1.0];
        for _ in 0..cells {
            let mut next = vec![0.0; sum.len() + one.len() - 1];
            for (i, p) in sum.iter().enumerate() {
                for (j, q) in one.iter().enumerate() {
                    next[i + j] += p * q / total;
                }
            }
            sum = next;
        }
        let middle = sum.len() / 2;
        let within = |w: usize| sum[middle - w..=middle + w].iter().sum::<f64>();
        let w = sum_of_noises_half_width(&vec![sigma; cells], 0.95) as usize;
        assert!(within(w) >= 0.95 - 1e-8, "σ {sigma} × {cells}: {}", within(w));
        assert!(sigma < 1.0 || within(w - 1) < 0.95, "σ {sigma} × {cells}: one less would do");
    }
    assert_eq!(sum_of_noises_half_width(&[], 0.95), 0.0);
    assert_eq!(sum_of_noises_half_width(&[31.0], 0.95), discrete_gaussian_half_width(31.0, 0.95));
    assert_eq!(sum_of_noises_half_width(&[31.0, 0.0], 0.95), f64::INFINITY);
}

/// Exact moments of the points (0, 1), (1, 3), (2, 2), (3, 6), centred at (1, 2).
fn four_points(sigma: f64) -> NoisyMoments {
    let noisy = |value| Noisy { value, sigma };
    NoisyMoments { count: noisy(4.0), u: noisy(2.0), v: noisy(4.0), uu: noisy(6.0), uv: noisy(9.0), vv: noisy(18.0) }
}

#[test]
fn exact_moments_give_the_textbook_statistics() {
    let m = four_points(0.0);
    let close = |e: Option<lyceum_privacy::accuracy::Estimate>, exact: f64| {
        let e = e.unwrap();
        let interval = e.interval.unwrap();
        assert!((e.value - exact).abs() < 1e-12 && interval.half_width() < 1e-6, "{e:?} {exact}");
    };
    close(m.variance(Divisor::Population, 3.0, 0.95), 1.25);
    close(m.variance(Divisor::Sample, 3.0, 0.95), 5.0 / 3.0);
    close(m.deviation(Divisor::Population, 3.0, 0.95), 1.25f64.sqrt());
    close(m.covariance(Divisor::Population, (3.0, 5.0), 0.95), 1.75);
    close(m.covariance(Divisor::Sample, (3.0, 5.0), 0.95), 7.0 / 3.0);
    close(m.correlation(0.95), 1.75 / (1.25f64 * 3.5).sqrt());
    close(m.slope(0.95), 1.4);
    // y = 0.9 + 1.4 x; at x = 0, which is u = −1, v = y − 2
    close(m.predicted(-1.0, 0.95), 0.9 - 2.0);
}

#[test]
fn moments_that_are_mostly_noise_claim_nothing() {
    let m = four_points(100.0);
    let variance = m.variance(Divisor::Population, 3.0, 0.95).unwrap().interval;
    assert_eq!(variance, Some(Interval { low: 0.0, high: 2.25 }));
    assert_eq!(m.correlation(0.95).unwrap().interval, Some(Interval { low: -1.0, high: 1.0 }));
    assert_eq!(m.slope(0.95).unwrap().interval, None);
    let none = NoisyMoments { count: Noisy { value: 0.5, sigma: 1.0 }, ..m };
    assert!(none.variance(Divisor::Population, 3.0, 0.95).is_none() && none.correlation(0.95).is_none());
    let one = NoisyMoments { count: Noisy { value: 1.5, sigma: 1.0 }, ..m };
    assert!(one.variance(Divisor::Sample, 3.0, 0.95).is_none());
    let negative = NoisyMoments { uu: Noisy { value: -3.0, sigma: 1.0 }, ..m };
    assert!(negative.slope(0.95).is_none() && negative.correlation(0.95).is_none());
    assert_eq!(negative.variance(Divisor::Population, 3.0, 0.95).unwrap().value, 0.0);
}

#[test]
fn huge_noise_has_normal_half_widths() {
    for sigma in [1e4, 1e7, 1e12] {
        let excess = discrete_gaussian_half_width(sigma, 0.95) - 1.959_963_984_540_054 * sigma;
        assert!(excess.abs() <= 0.5 + 1e-9 * sigma, "{sigma}: {excess}");
    }
}

#[test]
fn meaningless_arguments_give_no_false_precision() {
    for w in [
        discrete_gaussian_half_width(f64::NAN, 0.95),
        discrete_gaussian_half_width(31.0, 1.0),
        discrete_gaussian_half_width(31.0, f64::NAN),
        discrete_laplace_half_width(-1.0, 0.95),
        discrete_laplace_half_width(1.0, f64::NAN),
    ] {
        assert_eq!(w, f64::INFINITY);
    }
    assert_eq!(discrete_gaussian_half_width(31.0, 0.0), 0.0);
}

#[test]
fn sums_are_scaled_by_the_grid() {
    assert_eq!(sum_interval(1_000, 31.0, 0.25, 0.95), Interval { low: 234.75, high: 265.25 });
    let laplace = Mechanism::DiscreteLaplace { scale: 10.0 };
    let interval = mechanism_interval(-5, &laplace, 1.0, 0.95);
    assert_eq!(interval.half_width(), half_width(&laplace, 0.95));
    assert!(interval.contains(-5.0) && !interval.contains(40.0));
}

fn visits() -> NoisyRatio {
    NoisyRatio {
        sum: (0.1828 - 0.5) * 21_310.0,
        sigma_sum: 15.5,
        count: 21_310.0,
        sigma_count: 31.0,
        centre: 0.5,
        low: 0.0,
        high: 1.0,
    }
}

#[test]
fn a_rate_has_the_half_widths_of_the_sketches() {
    let ratio = visits();
    let noise = ratio_interval(&ratio, 0.95);
    let both = estimate_interval(&ratio, 1.0, 0.95);
    assert!((noise.half_width() - 0.0017).abs() < 0.0002, "{noise:?}");
    assert!((both.half_width() - 0.0055).abs() < 0.0002, "{both:?}");
    assert!(both.low < noise.low && noise.high < both.high);
    assert!((ratio.value().unwrap() - 0.1828).abs() < 1e-12 && noise.contains(0.1828));
    let clustered = estimate_interval(&ratio, 4.0, 0.95);
    assert!((clustered.half_width() / both.half_width() - 2.0).abs() < 0.1, "{clustered:?}");
}

#[test]
fn a_count_that_may_be_zero_says_nothing_about_the_average() {
    for count in [60.0, 0.0, -500.0, f64::NAN] {
        let ratio = NoisyRatio { count, ..visits() };
        assert_eq!(ratio_interval(&ratio, 0.95), Interval { low: 0.0, high: 1.0 });
        assert_eq!(estimate_interval(&ratio, 1.0, 0.95), Interval { low: 0.0, high: 1.0 });
    }
    assert_eq!(NoisyRatio { count: 0.9, ..visits() }.value(), None);
}

#[test]
fn without_noise_the_estimate_is_wilson() {
    let ratio =
        NoisyRatio { sum: 20.0, sigma_sum: 0.0, count: 100.0, sigma_count: 0.0, centre: 0.0, low: 0.0, high: 1.0 };
    let got = estimate_interval(&ratio, 1.0, 0.95);
    // Wilson's score interval for 20 of 100
    assert!((got.low - 0.133_367).abs() < 1e-5 && (got.high - 0.288_830).abs() < 1e-5, "{got:?}");
    assert_eq!(ratio_interval(&ratio, 0.95), Interval { low: 0.2, high: 0.2 });
}

#[test]
fn laplace_noise_widens_to_a_normal_of_the_same_reach() {
    let sigma = normal_equivalent_sigma(&Mechanism::DiscreteLaplace { scale: 100.0 }, 0.95);
    assert!((sigma - 299.6 / 1.96).abs() < 1.0, "{sigma}: b ln 20 at 95 %");
    assert_eq!(normal_equivalent_sigma(&Mechanism::DiscreteGaussian { sigma: 31.0 }, 0.95), 31.0);
}

#[test]
fn redraws_are_standard_normal_and_repeatable() {
    let stream = GaussianRedraw::new(42);
    let draws: Vec<f64> = (0..400).flat_map(|r| (0..100).map(move |c| stream.normal(r, c))).collect();
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 0.025 && (variance - 1.0).abs() < 0.035, "{mean} {variance}");
    let within = draws.iter().filter(|d| d.abs() <= 1.959_964).count() as f64 / n;
    assert!((within - 0.95).abs() < 0.006, "{within}");
    // neighbouring addresses are unrelated
    let products: f64 = draws.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n;
    assert!(products.abs() < 0.025, "{products}");
    assert_eq!(GaussianRedraw::new(42).normal(3, 5), stream.normal(3, 5));
    assert_ne!(GaussianRedraw::new(43).normal(3, 5), stream.normal(3, 5));
    assert_ne!(stream.normal(5, 3), stream.normal(3, 5));
}

#[test]
fn quantiles_of_redraws() {
    let mut redraws: Vec<f64> = (1..=400).rev().map(f64::from).collect();
    // 5 % outside: ten on each side, ends one redraw further out
    assert_eq!(quantile_interval(&mut redraws, 0.95), Some(Interval { low: 10.0, high: 391.0 }));
    redraws[3] = f64::NAN;
    redraws[7] = -f64::NAN;
    let with_nulls = quantile_interval(&mut redraws, 0.95).unwrap();
    assert!(with_nulls.low <= 10.0 && with_nulls.high >= 391.0, "{with_nulls:?}");
    assert_eq!(quantile_interval(&mut vec![f64::NAN; 400], 0.95), None);
    assert_eq!(quantile_interval(&mut [1.0; 10], 0.95), None, "too few to have a tail");
    assert_eq!(quantile_interval(&mut [], 0.95), None);
    assert_eq!(quantile_interval(&mut [1.0; 400], 1.0), None);
}

proptest! {
    #[test]
    fn wider_for_more_noise_and_more_confidence(sigma in 0.1..1e6f64, confidence in 0.05..0.99f64) {
        let here = discrete_gaussian_half_width(sigma, confidence);
        prop_assert!(discrete_gaussian_half_width(sigma * 1.3, confidence) >= here);
        prop_assert!(discrete_gaussian_half_width(sigma, confidence + 0.009) >= here);
    }

    #[test]
    fn ratio_intervals_stay_in_range_and_contain_the_answer(
        mean in 0.0..1.0f64, count in 1.0..1e6f64, sigma in 0.1..300.0f64, centre in 0.0..1.0f64, d in 1.0..9.0f64,
    ) {
        let sum = (mean - centre) * count;
        let r = NoisyRatio { sum, sigma_sum: sigma, count, sigma_count: sigma, centre, low: 0.0, high: 1.0 };
        let (noise, both) = (ratio_interval(&r, 0.95), estimate_interval(&r, d, 0.95));
        let value = r.value().unwrap();
        for i in [noise, both] {
            prop_assert!(0.0 <= i.low && i.low <= i.high && i.high <= 1.0);
            prop_assert!(i.low <= value + 1e-9 && value <= i.high + 1e-9, "{:?} {}", i, value);
        }
    }
}
