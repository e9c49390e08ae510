//! Nominal coverage, checked by simulation: intervals at 95 % contain what they promise in 94 to 96 % of trials.
//! Noise is rounded normal noise from a fixed stream, so the test is fast and always gives the same figures.

use lyceum_privacy::accuracy::{
    Divisor, Estimate, GaussianRedraw, Noisy, NoisyMoments, NoisyRatio, estimate_interval, quantile_interval,
    ratio_interval, sum_interval, sum_of_noises_half_width,
};

const TRIALS: u32 = 20_000;

fn coverage(trials: u32, mut covered: impl FnMut(u32) -> bool) -> f64 {
    f64::from((0..trials).filter(|&t| covered(t)).count() as u32) / f64::from(trials)
}

#[test]
fn counts_and_sums() {
    let noise = GaussianRedraw::new(1);
    for (exact, sigma, unit) in [(21_310, 31.0, 1.0), (-123_456, 412.5, 1.0 / 1_048_576.0), (0, 15.5, 1.0)] {
        let share = coverage(TRIALS, |t| {
            let noisy = exact + (sigma * noise.normal(t, 0)).round() as i64;
            sum_interval(noisy, sigma, unit, 0.95).contains(exact as f64 * unit)
        });
        assert!((0.94..=0.96).contains(&share), "σ {sigma}: {share}");
    }
}

#[test]
fn averages_over_the_noise() {
    let noise = GaussianRedraw::new(2);
    for (mean, n, sigma_sum, sigma_count) in
        [(0.1828, 21_310.0, 15.5, 31.0), (0.02, 500.0, 15.5, 31.0), (0.9, 150.0, 10.0, 20.0)]
    {
        let share = coverage(TRIALS, |t| {
            let ratio = NoisyRatio {
                sum: (mean - 0.5) * n + sigma_sum * noise.normal(t, 0),
                sigma_sum,
                count: n + sigma_count * noise.normal(t, 1),
                sigma_count,
                centre: 0.5,
                low: 0.0,
                high: 1.0,
            };
            ratio_interval(&ratio, 0.95).contains(mean)
        });
        assert!((0.94..=0.96).contains(&share), "n {n}: {share}");
    }
}

#[test]
fn rates_over_noise_and_sampling() {
    let stream = GaussianRedraw::new(3);
    // Bernoulli terms attain the variance bound, so the interval is neither too wide nor too narrow for them.
    for (mean, n, sigma) in [(0.18, 2_000.0f64, 31.0), (0.5, 400.0, 10.0), (0.03, 5_000.0, 15.0)] {
        let share = coverage(TRIALS, |t| {
            let successes = (n * mean + (n * mean * (1.0 - mean)).sqrt() * stream.normal(t, 2)).round();
            let ratio = NoisyRatio {
                sum: successes - 0.5 * n + 0.5 * sigma * stream.normal(t, 0),
                sigma_sum: 0.5 * sigma,
                count: n + sigma * stream.normal(t, 1),
                sigma_count: sigma,
                centre: 0.5,
                low: 0.0,
                high: 1.0,
            };
            estimate_interval(&ratio, 1.0, 0.95).contains(mean)
        });
        assert!((0.94..=0.96).contains(&share), "μ {mean}: {share}");
    }
}

#[test]
fn redraws_of_a_difference_of_rates() {
    let noise = GaussianRedraw::new(4);
    let exact = [(1_800.0, 10_000.0), (1_100.0, 10_500.0)];
    let sigma = 30.0;
    let lift = |cells: [f64; 4]| cells[0] / cells[1] - cells[2] / cells[3];
    let share = coverage(2_000, |t| {
        let mut cells = [exact[0].0, exact[0].1, exact[1].0, exact[1].1];
        for (i, cell) in cells.iter_mut().enumerate() {
            *cell += sigma * noise.normal(t, i as u64);
        }
        let redraw = GaussianRedraw::new(1_000 + u64::from(t));
        let mut values: Vec<f64> =
            (0..400).map(|r| lift(std::array::from_fn(|i| cells[i] + sigma * redraw.normal(r, i as u64)))).collect();
        let interval = quantile_interval(&mut values, 0.95).unwrap();
        interval.contains(exact[0].0 / exact[0].1 - exact[1].0 / exact[1].1)
    });
    // 400 redraws and 2,000 trials: three standard errors of the trials are 1.5 points
    assert!((0.935..=0.965).contains(&share), "{share}");
}

#[test]
fn totals_of_released_cells() {
    let noise = GaussianRedraw::new(7);
    for (sigma, cells) in [(12.0, 4u64), (31.0, 20)] {
        let width = sum_of_noises_half_width(&vec![sigma; cells as usize], 0.95);
        let share = coverage(TRIALS, |t| {
            let error: f64 = (0..cells).map(|c| (sigma * noise.normal(t, c)).round()).sum();
            error.abs() <= width
        });
        assert!((0.94..=0.96).contains(&share), "σ {sigma} × {cells}: {share}");
    }
}

/// Moments of y = 0.2 + 0.5 x ± 0.15 over x evenly on [0, 1], about the centres (0.5, 0.5), with noise.
fn line(n: f64, sigma: f64, stream: &GaussianRedraw, trial: u32) -> NoisyMoments {
    // u is uniform on ±0.5; v = 0.5 u − 0.05 + e with e = ±0.15 independently
    let exact = [n, 0.0, -0.05 * n, n / 12.0, n / 24.0, n * (0.25 / 12.0 + 0.0025 + 0.0225)];
    // the bounds on |u|, |v| ≤ 0.5 and their products scale the noise
    let scales = [1.0, 0.5, 0.5, 0.25, 0.25, 0.25];
    let noisy = |i: usize| {
        let s = sigma * scales[i];
        Noisy { value: exact[i] + s * stream.normal(trial, i as u64), sigma: s }
    };
    NoisyMoments { count: noisy(0), u: noisy(1), v: noisy(2), uu: noisy(3), uv: noisy(4), vv: noisy(5) }
}

#[test]
fn second_moments_and_regression() {
    let stream = GaussianRedraw::new(8);
    type Statistic = (&'static str, f64, fn(&NoisyMoments) -> Option<Estimate>);
    let correlation = (1.0 / 24.0) / ((1.0 / 12.0) * (0.25 / 12.0 + 0.0225f64)).sqrt();
    let statistics: [Statistic; 6] = [
        ("variance", 1.0 / 12.0, |m| m.variance(Divisor::Population, 1.0, 0.95)),
        ("deviation", (1.0f64 / 12.0).sqrt(), |m| m.deviation(Divisor::Population, 1.0, 0.95)),
        ("covariance", 1.0 / 24.0, |m| m.covariance(Divisor::Population, (1.0, 1.0), 0.95)),
        ("correlation", correlation, |m| m.correlation(0.95)),
        ("slope", 0.5, |m| m.slope(0.95)),
        ("intercept", 0.2 - 0.5, |m| m.predicted(-0.5, 0.95)),
    ];
    for (n, sigma) in [(20_000.0, 60.0), (2_000.0, 60.0), (500.0, 20.0)] {
        for (name, exact, statistic) in statistics {
            let share = coverage(5_000, |t| {
                statistic(&line(n, sigma, &stream, t)).is_some_and(|e| e.interval.is_some_and(|i| i.contains(exact)))
            });
            assert!((0.94..=0.965).contains(&share), "{name} of {n} at σ {sigma}: {share}");
        }
    }
}
