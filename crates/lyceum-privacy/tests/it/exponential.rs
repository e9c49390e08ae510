//! The exponential mechanism: its distribution, its price, what it refuses.

use lyceum_privacy::Rho;
use lyceum_privacy::mechanism::{ChoiceCall, ChoiceEpsilon, ChoiceSource, ExactScores, LiveNoise, NoiseError};
use proptest::prelude::*;

fn call(rho: Rho, sensitivity: u64) -> ChoiceCall {
    ChoiceCall { query: 1, measure: 0, epsilon: ChoiceEpsilon::for_rho(rho), sensitivity }
}

proptest! {
    #[test]
    fn the_largest_affordable_epsilon_is_taken(rho in 1u64..500_000_000_000_000) {
        let epsilon = ChoiceEpsilon::for_rho(Rho(rho));
        prop_assert!(epsilon.rho() <= Rho(rho));
        prop_assert!(epsilon.rho().0 + rho / 1_000_000 + 2 >= rho, "hardly anything is lost");
        let exact = epsilon.as_f64().powi(2) / 8.0;
        prop_assert!((epsilon.rho().as_f64() - exact).abs() <= 2e-12 + 1e-12 * exact);
    }
}

/// Three candidates with score gaps 0, Δ and 2Δ at ε = 2: weights 1, e⁻¹ and e⁻². A thousand draws a time keep the thread
/// per call affordable; the bound is five standard deviations.
#[test]
fn live_choices_follow_the_exponential_law() {
    let call = call(Rho(500_000_000_000), 7);
    assert!((call.epsilon.as_f64() - 2.0).abs() < 1e-9);
    let n = 4_000;
    let mut hits = [0f64; 3];
    for _ in 0..n {
        hits[LiveNoise.choose(&call, ExactScores::new(vec![-14, 0, -7])).unwrap()] += 1.0;
    }
    let total = 1.0 + (-1f64).exp() + (-2f64).exp();
    for (hit, weight) in hits.iter().zip([(-2f64).exp(), 1.0, (-1f64).exp()]) {
        let p = weight / total;
        let deviation = (f64::from(n) * p * (1.0 - p)).sqrt();
        assert!((hit - f64::from(n) * p).abs() < 5.0 * deviation, "{hits:?}");
    }
}

#[test]
fn huge_gaps_are_chosen_never_and_refusals_have_codes() {
    let one = call(Rho(1_000_000_000_000), 1);
    for _ in 0..20 {
        assert_eq!(LiveNoise.choose(&one, ExactScores::new(vec![i64::MIN, i64::MAX])), Ok(1));
    }
    assert_eq!(LiveNoise.choose(&one, ExactScores::new(vec![])), Err(NoiseError::Candidates));
    assert_eq!(LiveNoise.choose(&call(Rho(1), 0), ExactScores::new(vec![1])), Err(NoiseError::Sensitivity));
    assert_eq!(NoiseError::Candidates.code(), "E5107");
}
