//! The ledger's currency: saturation, rounding directions, and the filter's test.

use lyceum_privacy::{Budget, Delta, Rho};
use proptest::prelude::*;

#[test]
fn nonsense_is_the_most_expensive_price_and_the_smallest_cap() {
    for bad in [f64::NAN, -1.0, -1e-300, f64::INFINITY] {
        if bad != -1e-300 {
            assert_eq!(Rho::round_up(bad), Rho(u64::MAX), "{bad}");
        }
        if bad != f64::INFINITY {
            assert_eq!(Rho::round_down(bad), Rho::ZERO, "{bad}");
        }
    }
    assert_eq!(Rho::round_up(1e-13), Rho(1), "the smallest price is one unit");
    assert_eq!(Rho::round_down(0.99e-12), Rho::ZERO);
    assert_eq!(Delta::round_down(1.0), Delta(1_000_000_000_000_000_000));
}

#[test]
fn the_filter_checks_both_parts_and_never_wraps() {
    let cap = Budget { rho: Rho(10), delta: Delta(5) };
    assert!(cap.fits(cap));
    assert!(!Budget { rho: Rho(11), delta: Delta(0) }.fits(cap));
    assert!(!Budget { rho: Rho(0), delta: Delta(6) }.fits(cap));
    assert_eq!(Budget { rho: Rho(u64::MAX), delta: Delta(0) }.checked_add(cap), None);
    assert_eq!(Budget { rho: Rho(12), delta: Delta(1) }.left_of(cap), Budget { rho: Rho(0), delta: Delta(4) });
}

proptest! {
    #[test]
    fn prices_round_up_and_caps_round_down(value in 0.0..1e6f64) {
        let (up, down) = (Rho::round_up(value), Rho::round_down(value));
        prop_assert!(down <= up && up.0 - down.0 <= 1);
        prop_assert!(up.as_f64() >= value * (1.0 - 1e-15) && down.as_f64() <= value * (1.0 + 1e-15));
    }
}
