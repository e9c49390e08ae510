//! Profiles: what one person can change, that ρ is spent to the last unit, that intervals hold the exact numbers.

use crate::mock::manifest;
use crate::synthetic::{Blind, Person, TABLES, batches, people};
use lyceum_anonymize::profile::{ColumnProfile, ProfileOptions};
use lyceum_anonymize::synthetic::{Collector, SyntheticError};
use lyceum_privacy::Rho;
use lyceum_privacy::mechanism::{ChoiceSource, NoiseSource};
use lyceum_privacy::testing::{RecordingNoise, SeededNoise, ZeroNoise};
use lyceum_schema::manifest::Manifest;

fn profile<N: NoiseSource + ChoiceSource>(
    manifest: &Manifest,
    people: &[Person],
    options: &ProfileOptions,
    noise: &N,
) -> Result<Vec<ColumnProfile>, SyntheticError> {
    let mut collector = Collector::new(manifest, &"p".parse().unwrap()).unwrap();
    for (table, batch) in ["people", "events"].iter().zip(batches(manifest, people)) {
        collector.push(&table.parse().unwrap(), &batch).unwrap();
    }
    collector.profile(options, noise)
}

fn options(rho: f64) -> ProfileOptions {
    ProfileOptions { rho: Rho::round_up(rho), query: 4, rows_per_person: 3 }
}

fn of<'p>(profiles: &'p [ColumnProfile], column: &str) -> &'p ColumnProfile {
    profiles.iter().find(|p| p.column.as_str() == column).unwrap()
}

#[test]
fn without_noise_a_profile_is_exact() {
    let manifest = manifest(TABLES);
    let people = people(2_000);
    let profiles = profile(&manifest, &people, &options(1.0), &ZeroNoise).unwrap();
    let names: Vec<_> = profiles.iter().map(|p| format!("{}.{}", p.table, p.column)).collect();
    assert_eq!(names, ["people.segment", "people.region", "people.age", "events.kind"], "free text has no profile");
    let segment = of(&profiles, "segment");
    let top: Vec<_> = segment.top.iter().map(|t| (t.value.as_str(), t.rows.value)).collect();
    assert_eq!(top, [("casual", 800.0), ("new", 600.0), ("loyal", 400.0), ("vip", 200.0)]);
    assert_eq!((segment.missing, segment.rows.value), (None, 2_000.0));
    let age = of(&profiles, "age");
    assert_eq!(age.missing.unwrap().value, 0.0);
    let median = age.quantiles.iter().find(|q| q.q == 0.5).unwrap();
    let mut ages: Vec<i32> = people.iter().map(|p| p.age).collect();
    ages.sort_unstable();
    assert!((median.at.value - f64::from(ages[1_000])).abs() <= 1.0, "{median:?} {}", ages[1_000]);
    let kept: usize = people.iter().map(|p| p.events.len().min(3)).sum();
    assert_eq!(of(&profiles, "kind").rows.value, kept as f64, "three rows a person count");
}

#[test]
fn intervals_hold_the_exact_numbers() {
    let manifest = manifest(TABLES);
    let people = people(1_000);
    let exact = profile(&manifest, &people, &options(1.0), &ZeroNoise).unwrap();
    let (mut held, mut all) = (0, 0);
    for seed in 0..200 {
        let noisy = profile(&manifest, &people, &options(0.002), &SeededNoise { seed }).unwrap();
        for (noisy, exact) in noisy.iter().zip(&exact) {
            let missing = noisy.missing.zip(exact.missing);
            let pairs = [(noisy.rows, exact.rows)].into_iter().chain(missing);
            for (noisy, exact) in pairs {
                all += 1;
                held += usize::from(noisy.low <= exact.value && exact.value <= noisy.high);
            }
        }
    }
    let share = held as f64 / all as f64;
    assert!(share > 0.93, "{held} of {all} at 95 %");
}

#[test]
fn one_person_moves_a_profile_by_at_most_its_price() {
    let manifest = manifest(TABLES);
    let mut with = people(60);
    with[7].events = vec![1; 20];
    let mut without = with.clone();
    without.remove(7);
    let record = |people: &[Person]| {
        let noise = RecordingNoise::new(Blind);
        profile(&manifest, people, &options(0.01), &noise).unwrap();
        noise.take()
    };
    let (one, other) = (record(&with), record(&without));
    let mut paid = Rho::ZERO;
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a.call, b.call);
        paid = paid.checked_add(a.call.rho()).unwrap();
        let square: i64 = a.exact.iter().zip(&b.exact).map(|(x, y)| (x - y) * (x - y)).sum();
        assert!(square > 0 && (square as f64).sqrt() <= a.call.sensitivity.value);
    }
    assert!(paid <= options(0.01).rho && paid.as_f64() > 0.009_99, "{paid:?}");
}

#[test]
fn what_cannot_be_bought_is_refused() {
    let manifest = manifest(TABLES);
    let few = ProfileOptions { rho: Rho(3), ..options(1.0) };
    assert_eq!(profile(&manifest, &people(5), &few, &ZeroNoise), Err(SyntheticError::Budget), "four columns");
    let none = ProfileOptions { rows_per_person: 0, ..options(1.0) };
    assert_eq!(profile(&manifest, &people(5), &none, &ZeroNoise), Err(SyntheticError::Options));
}
