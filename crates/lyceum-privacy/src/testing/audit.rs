//! Distributional audit: from many outputs on two neighbouring inputs, a lower bound on the ε (at some δ) or the δ (at
//! some ε) of whatever produced them, valid with a stated confidence whatever the distributions.
//!
//! The first half of the samples picks an event "score ≥ t" or "score ≤ t" and which input makes it likelier; the second half
//! estimates the event's two probabilities by Clopper–Pearson bounds (1934), so picking costs no confidence. If the
//! mechanism is (ε, δ)-differentially private, the bound exceeds ε with probability at most 1 − confidence.
//!
//! *Power.* It sees what happens in about one of a few hundred outputs, not a δ of 10⁻⁹. A count with 20,000 outputs a
//! side, audited against its own claim at δ = 0.01 and confidence 0.9995 (a false alarm in 2,000 audits): noise of half the claimed σ is found
//! in practically every audit, of 0.7 σ in half of them, of 0.9 σ hardly ever. Tests pin these figures.

mod interval;

pub use interval::clopper_pearson;

/// An audit at a confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Audit {
    /// Probability that a bound is right, at least; 0.9995 is a false alarm in 2,000 audits.
    pub confidence: f64,
}

/// What an audit found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The lower bound: on ε or on δ, as asked; at least 0.
    pub bound: f64,
    /// The event it was measured on.
    pub event: Event,
    /// How often it happened in the second halves, on the first and on the second input.
    pub hits: (usize, usize),
    /// Outputs in the second halves.
    pub trials: (usize, usize),
}

/// A set of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Its end.
    pub threshold: f64,
    /// Scores of at least the threshold; else of at most.
    pub above: bool,
    /// Whether the first input makes it likelier.
    pub first: bool,
}

impl Event {
    fn holds(&self, score: f64) -> bool {
        if self.above { score >= self.threshold } else { score <= self.threshold }
    }

    fn count(&self, scores: &[f64]) -> usize {
        scores.iter().filter(|s| self.holds(**s)).count()
    }
}

/// Most thresholds that are tried per side.
const THRESHOLDS: usize = 256;

impl Audit {
    /// A lower bound on the ε for which the two inputs can be (ε, δ)-indistinguishable. `one` and `other` are scores of
    /// independent outputs; for outputs that don't exist (a group that wasn't shown) any fixed score, such as −∞, does.
    #[must_use]
    pub fn epsilon(&self, one: &[f64], other: &[f64], delta: f64) -> Finding {
        self.run(one, other, |likely, rare| ((likely - delta) / rare).max(1.0).ln())
    }

    /// A lower bound on the δ for which the two inputs can be (ε, δ)-indistinguishable.
    #[must_use]
    pub fn delta(&self, one: &[f64], other: &[f64], epsilon: f64) -> Finding {
        self.run(one, other, |likely, rare| (likely - epsilon.exp() * rare).max(0.0))
    }

    /// `bound` of (lower bound of the likelier probability, upper bound of the other).
    fn run(&self, one: &[f64], other: &[f64], bound: impl Fn(f64, f64) -> f64) -> Finding {
        let (pick_one, test_one) = one.split_at(one.len() / 2);
        let (pick_other, test_other) = other.split_at(other.len() / 2);
        let z = crate::normal::two_sided_quantile(self.confidence);
        let mut best = (0.0, Event { threshold: f64::INFINITY, above: true, first: true });
        for event in candidates(pick_one, pick_other) {
            let rate = |scores: &[f64]| (event.count(scores) as f64, scores.len() as f64);
            let (likely, rare) =
                if event.first { (rate(pick_one), rate(pick_other)) } else { (rate(pick_other), rate(pick_one)) };
            let guess = bound(wilson(likely, -z), wilson(rare, z));
            if guess > best.0 {
                best = (guess, event);
            }
        }
        let event = best.1;
        let (hits, trials) = ((event.count(test_one), event.count(test_other)), (test_one.len(), test_other.len()));
        let (likely, rare) = if event.first {
            ((hits.0, trials.0), (hits.1, trials.1))
        } else {
            ((hits.1, trials.1), (hits.0, trials.0))
        };
        // Half of the risk on each side of the ratio.
        let risk = (1.0 - self.confidence) / 2.0;
        let (low, high) = (clopper_pearson(likely.0, likely.1, risk).0, clopper_pearson(rare.0, rare.1, risk).1);
        Finding { bound: bound(low, high), event, hits, trials }
    }
}

/// The score of an output that tells two inputs apart best under Gaussian noise: the log-likelihood ratio, up to a
/// positive factor. `one` and `other` are the exact vectors.
#[must_use]
pub fn likelihood_score(output: &[i64], one: &[i64], other: &[i64]) -> f64 {
    let cells = output.iter().zip(one).zip(other);
    cells.map(|((&x, &a), &b)| (a as f64 - b as f64) * (x as f64 - (a as f64 + b as f64) / 2.0)).sum()
}

/// Both sides of quantiles of all scores, for each input as the likelier one.
fn candidates(one: &[f64], other: &[f64]) -> Vec<Event> {
    let mut scores = [one, other].concat();
    scores.sort_unstable_by(f64::total_cmp);
    scores.dedup();
    let step = scores.len().div_ceil(THRESHOLDS).max(1);
    let flags = [(true, true), (true, false), (false, true), (false, false)];
    let thresholds = scores.into_iter().step_by(step);
    thresholds.flat_map(|threshold| flags.map(|(above, first)| Event { threshold, above, first })).collect()
}

/// An end of Wilson's interval, for picking only.
fn wilson((hits, trials): (f64, f64), z: f64) -> f64 {
    if trials == 0.0 {
        return if z < 0.0 { 0.0 } else { 1.0 };
    }
    let (p, square) = (hits / trials, z * z / trials);
    (p + square / 2.0 + z * (p * (1.0 - p) / trials + square / (4.0 * trials)).sqrt()) / (1.0 + square)
}
