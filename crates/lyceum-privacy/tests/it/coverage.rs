//! Nominal coverage, checked by simulation: intervals at 95 % contain what they promise in 94 to 96 % of trials.
//! Noise is rounded normal noise from a fixed stream, so the test is fast and always gives the same figures.

use lyceum_privacy::accuracy::{
    GaussianRedraw, NoisyRatio, estimate_interval, quantile_interval, ratio_interval, sum_interval,
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
