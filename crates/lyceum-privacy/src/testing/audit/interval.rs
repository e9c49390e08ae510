//! Exact bounds for a proportion, from the incomplete beta function.

/// Clopper and Pearson's bounds (1934) for the probability behind `hits` of `trials`: each is wrong with probability at most `risk`.
#[must_use]
pub fn clopper_pearson(hits: usize, trials: usize, risk: f64) -> (f64, f64) {
    let (k, n) = (hits as f64, trials as f64);
    // P(X ≥ k) = I_p(k, n − k + 1) and P(X ≤ k) = 1 − I_p(k + 1, n − k) for X binomial
    let low = if hits == 0 { 0.0 } else { bisect(|p| incomplete_beta(k, n - k + 1.0, p) <= risk).0 };
    let high = if hits >= trials { 1.0 } else { bisect(|p| incomplete_beta(n - k, k + 1.0, 1.0 - p) > risk).1 };
    (low, high)
}

/// The last p with, and the first without a property that ends somewhere between 0 and 1.
fn bisect(holds: impl Fn(f64) -> bool) -> (f64, f64) {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if holds(middle) { low = middle } else { high = middle }
    }
    (low, high)
}

/// I_x(a, b) for a, b > 0, by its continued fraction (Lentz's method).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p() - a.ln();
    let tiny = 1e-300;
    let away = |v: f64| if v.abs() < tiny { tiny } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..100_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() < 1e-15 * fraction.abs() {
            break;
        }
    }
    (ln_front.exp() * fraction).clamp(0.0, 1.0)
}

/// ln Γ(x) for x ≥ 1 by Stirling's series, shifted up to where it holds to 1e-14.
fn ln_gamma(x: f64) -> f64 {
    let (mut shifted, mut product) = (x, 0.0);
    while shifted < 12.0 {
        product += shifted.ln();
        shifted += 1.0;
    }
    let inverse = 1.0 / shifted;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * std::f64::consts::TAU.ln() + series - product
}
