//! Drafts: printing a manifest and reading it again gives the same manifest; bounds come off a fixed ladder.

use crate::manifest::SHOP;
use lyceum_schema::manifest::{Draft, Manifest, round_bounds};
use proptest::prelude::*;

#[test]
fn a_printed_manifest_reads_back_the_same() {
    let m = Manifest::parse("shop.toml", SHOP).unwrap();
    let printed = Draft::from(&m).render();
    assert_eq!(Manifest::parse("printed.toml", &printed).unwrap(), m);
}

#[test]
fn awkward_text_survives_printing() {
    let mut draft = Draft::from(&Manifest::parse("shop.toml", SHOP).unwrap());
    draft.title = "quotes \" ' \\ and\nlines \u{7f} \u{1F980}".into();
    draft.tables[0].columns[0].source_name = "a = \"b\" # c".into();
    let m = Manifest::parse("printed.toml", &draft.render()).unwrap();
    assert_eq!(m.title(), draft.title);
    assert_eq!(m.tables()[0].columns()[0].source_name(), "a = \"b\" # c");
}

#[test]
fn bounds_stand_on_the_ladder() {
    assert_eq!(round_bounds(0.0, 499.0), (0.0, 500.0));
    assert_eq!(round_bounds(29.99, 3345.93), (20.0, 5_000.0));
    assert_eq!(round_bounds(-8_019.0, 102_127.0), (-10_000.0, 200_000.0));
    assert_eq!(round_bounds(0.2, 0.3), (0.0, 1.0));
    assert_eq!(round_bounds(-0.2, -0.1), (-1.0, 0.0));
    assert_eq!(round_bounds(f64::NAN, f64::INFINITY), (-1e18, 1e18));
}

proptest! {
    #[test]
    fn bounds_only_widen(a in -1e17f64..1e17, b in -1e17f64..1e17) {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let (l, h) = round_bounds(low, high);
        prop_assert!(l <= low && high <= h);
    }
}
