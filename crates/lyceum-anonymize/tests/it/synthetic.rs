//! Synthetic rows: what one person can change, what is spent, how near rows come, that joins keep their meaning.

use crate::mock::manifest;
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{Int32Type, UInt64Type};
use lyceum_anonymize::synthetic::quality::{Comparison, Quality, Side};
use lyceum_anonymize::synthetic::{Collector, Generator, Synthesis, SyntheticError, SyntheticOptions};
use lyceum_anonymize::validate::accepted_schema;
use lyceum_privacy::Rho;
use lyceum_privacy::mechanism::{ChoiceSource, NoiseSource};
use lyceum_privacy::testing::{RecordingNoise, SeededNoise, ZeroNoise};
use lyceum_schema::manifest::Manifest;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// People with three attributes that hang together, and their events.
pub(crate) const TABLES: &str = r#"
[[table]]
name = "people"
privacy_unit = { column = "id" }
population = "p"
max_rows_per_unit = 1
expected_rows = 2000

[[table.column]]
name = "id"
type = "string"
role = "privacy_unit"

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["new", "casual", "loyal", "vip"]

[[table.column]]
name = "region"
type = "string"
role = "dimension"
values = ["n", "e", "s", "w", "x", "y"]

[[table.column]]
name = "age"
type = "int32"
nullable = true
role = "quasi_identifier"
bounds = [20, 59]

[[table]]
name = "events"
privacy_unit = { column = "id" }
population = "p"
max_rows_per_unit = 20
expected_rows = 6000

[[table.column]]
name = "id"
type = "string"
role = "privacy_unit"

[[table.column]]
name = "kind"
type = "string"
role = "dimension"
values = ["view", "click", "buy"]

[[table.column]]
name = "note"
type = "string"
nullable = true
role = "dimension"
max_bytes = 20
"#;

const SEGMENTS: [&str; 4] = ["new", "casual", "loyal", "vip"];
const REGIONS: [&str; 6] = ["n", "e", "s", "w", "x", "y"];
const KINDS: [&str; 3] = ["view", "click", "buy"];

/// One person: attributes, and the kinds of the events.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) segment: usize,
    pub(crate) region: usize,
    pub(crate) age: i32,
    pub(crate) events: Vec<usize>,
}

/// Segment decides age and what is done; region is independent. VIPs are few and buy.
pub(crate) fn people(n: usize) -> Vec<Person> {
    let person = |i: usize| {
        let segment = [0, 0, 0, 1, 1, 1, 1, 2, 2, 3][i % 10];
        let events = (0..(i * 7 % 5) + segment).map(|e| if segment == 3 { 2 } else { (e + i) % 2 });
        Person {
            segment,
            region: i * 13 % 6,
            age: 20 + 10 * segment as i32 + (i * 3 % 10) as i32,
            events: events.collect(),
        }
    };
    (0..n).map(person).collect()
}

pub(crate) fn batches(manifest: &Manifest, people: &[Person]) -> [RecordBatch; 2] {
    let ids = |i: usize| 10 + 7 * i as u64;
    let owners = || people.iter().enumerate().flat_map(|(i, p)| p.events.iter().map(move |e| (ids(i), *e)));
    let persons: Vec<ArrayRef> = vec![
        Arc::new((0..people.len()).map(ids).collect::<UInt64Array>()),
        Arc::new(people.iter().map(|p| Some(SEGMENTS[p.segment])).collect::<StringArray>()),
        Arc::new(people.iter().map(|p| Some(REGIONS[p.region])).collect::<StringArray>()),
        Arc::new(people.iter().map(|p| Some(p.age)).collect::<Int32Array>()),
    ];
    let events: Vec<ArrayRef> = vec![
        Arc::new(owners().map(|(id, _)| id).collect::<UInt64Array>()),
        Arc::new(owners().map(|(_, e)| Some(KINDS[e])).collect::<StringArray>()),
        Arc::new(owners().map(|_| Some("free text")).collect::<StringArray>()),
    ];
    let of = |table: usize, columns| RecordBatch::try_new(accepted_schema(&manifest.tables()[table]), columns).unwrap();
    [of(0, persons), of(1, events)]
}

fn options(generator: Generator, rho: f64) -> SyntheticOptions {
    SyntheticOptions { generator, ..SyntheticOptions::new(Rho::round_up(rho), 9) }
}

fn fit<'m, N: NoiseSource + ChoiceSource>(
    manifest: &'m Manifest,
    people: &[Person],
    options: &SyntheticOptions,
    noise: &N,
) -> Synthesis<'m> {
    let mut collector = Collector::new(manifest, &"p".parse().unwrap()).unwrap();
    for (table, batch) in ["people", "events"].iter().zip(batches(manifest, people)) {
        collector.push(&table.parse().unwrap(), &batch).unwrap();
    }
    collector.fit(options, noise).unwrap()
}

fn rows(synthesis: &Synthesis<'_>, table: &str, batch_rows: usize) -> RecordBatch {
    let batches = synthesis.batches(&table.parse().unwrap(), batch_rows).unwrap();
    let schema = batches.schema();
    let all = batches.map(Result::unwrap).collect::<Vec<_>>();
    arrow::compute::concat_batches(&schema, &all).unwrap()
}

fn quality(manifest: &Manifest, people: &[Person], synthesis: &Synthesis<'_>) -> Quality {
    let mut comparison = Comparison::new(&manifest.tables()[0]);
    comparison.push(Side::Private, &batches(manifest, people)[0]).unwrap();
    comparison.push(Side::Synthetic, &rows(synthesis, "people", 512)).unwrap();
    comparison.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whoever leaves moves all counts together by no more than was paid for, and no score by more than was declared. The noise source
    /// answers alike on both sides, so that both fits ask the same questions until their answers differ: with an answer that doesn't depend
    /// on the data they never do.
    #[test]
    fn one_person_moves_every_measurement_by_at_most_its_price(
        who in 0usize..300, events in 0usize..21, kind in 0usize..3, aim in any::<bool>(), rho in 1u64..1_000_000_000_000
    ) {
        let manifest = manifest(TABLES);
        let mut with = people(300);
        with[who].events = vec![kind; events];
        let mut without = with.clone();
        without.remove(who);
        let generator = if aim { Generator::Aim } else { Generator::Mst };
        let options = SyntheticOptions { rows_per_person: 3, ..options(generator, Rho(rho + 1_000_000).as_f64()) };
        let record = |people: &[Person]| {
            let noise = RecordingNoise::new(Blind);
            let spent = fit(&manifest, people, &options, &noise).report().spent;
            (noise.take(), noise.take_choices(), spent)
        };
        let (one, other) = (record(&with), record(&without));
        prop_assert_eq!(one.2, options.rho, "spent to the last unit");
        prop_assert_eq!(one.0.len(), other.0.len());
        let mut paid = Rho::ZERO;
        let mut moved = 0.0;
        for (a, b) in one.0.iter().zip(&other.0) {
            prop_assert_eq!(a.call, b.call);
            paid = paid.checked_add(a.call.rho()).unwrap();
            let square: i64 = a.exact.iter().zip(&b.exact).map(|(x, y)| (x - y) * (x - y)).sum();
            prop_assert!((square as f64).sqrt() <= a.call.sensitivity.value, "{square} > {:?}²", a.call.sensitivity);
            moved += square as f64;
        }
        prop_assert!(moved > 0.0, "the person is in the counts");
        prop_assert_eq!(one.1.len(), other.1.len());
        for (a, b) in one.1.iter().zip(&other.1) {
            prop_assert_eq!(a.call, b.call);
            paid = paid.checked_add(a.call.rho()).unwrap();
            let most = a.scores.iter().zip(&b.scores).map(|(x, y)| x.abs_diff(*y)).max().unwrap_or(0);
            prop_assert!(most <= a.call.sensitivity, "{most} > {}", a.call.sensitivity);
        }
        prop_assert!(paid <= options.rho, "the mechanisms' own prices add up to no more than was charged");
    }
}

/// Answers that don't depend on the data: counts are 40 everywhere, the first candidate is chosen.
#[derive(Default)]
pub(crate) struct Blind;

impl NoiseSource for Blind {
    fn add_noise(
        &self,
        call: &lyceum_privacy::mechanism::MechanismCall,
        exact: lyceum_privacy::mechanism::ExactCells,
    ) -> Result<Vec<i64>, lyceum_privacy::mechanism::NoiseError> {
        call.check()?;
        Ok(vec![40; exact.len()])
    }
}

impl ChoiceSource for Blind {
    fn choose(
        &self,
        call: &lyceum_privacy::mechanism::ChoiceCall,
        scores: lyceum_privacy::mechanism::ExactScores,
    ) -> Result<usize, lyceum_privacy::mechanism::NoiseError> {
        call.check(&scores).map(|()| 0)
    }
}

#[test]
fn synthetic_rows_beat_independent_columns() {
    let manifest = manifest(TABLES);
    let people = people(4_000);
    let noise = SeededNoise { seed: 3 };
    // What independent columns would give at best: the same columns, each moved on by another number of rows.
    let moved = |i: usize, by: usize| &people[(i + by) % people.len()];
    let shuffled = |i: usize| Person { region: moved(i, 11).region, age: moved(i, 517).age, ..moved(i, 0).clone() };
    let shuffled: Vec<Person> = (0..people.len()).map(shuffled).collect();
    let mut comparison = Comparison::new(&manifest.tables()[0]);
    comparison.push(Side::Private, &batches(&manifest, &people)[0]).unwrap();
    comparison.push(Side::Synthetic, &batches(&manifest, &shuffled)[0]).unwrap();
    let independent = comparison.finish();
    for generator in [Generator::Mst, Generator::Aim] {
        let quality = quality(&manifest, &people, &fit(&manifest, &people, &options(generator, 0.2), &noise));
        let of = |a: &str, b: &str| quality.pairs.iter().find(|p| p.0.as_str() == a && p.1.as_str() == b).unwrap().2;
        assert!(quality.mean_two_way < independent.mean_two_way / 4.0, "{generator:?} {quality:?} {independent:?}");
        assert!(of("segment", "age") < 0.15, "{generator:?} {quality:?}");
        assert!(quality.mean_one_way < 0.05, "{generator:?} {quality:?}");
    }
}

#[test]
fn without_noise_a_tree_is_exact() {
    let manifest = manifest(TABLES);
    let people = people(3_000);
    let quality = quality(&manifest, &people, &fit(&manifest, &people, &options(Generator::Mst, 1.0), &ZeroNoise));
    assert!(quality.mean_one_way < 0.01 && quality.mean_two_way < 0.03, "{quality:?}");
}

#[test]
fn joins_with_the_person_keep_their_meaning() {
    let manifest = manifest(TABLES);
    let people = people(4_000);
    let synthesis = fit(&manifest, &people, &options(Generator::Aim, 2.0), &SeededNoise { seed: 5 });
    let (persons, events) = (rows(&synthesis, "people", 700), rows(&synthesis, "events", 700));
    assert_eq!(synthesis.rows(&"events".parse().unwrap()), Some(events.num_rows() as u64));
    let segments = persons["segment"].as_string::<i32>();
    let of: BTreeMap<u64, &str> = persons["__unit"]
        .as_primitive::<UInt64Type>()
        .values()
        .iter()
        .copied()
        .zip(segments.iter().flatten())
        .collect();
    let units = events["__unit"].as_primitive::<UInt64Type>();
    assert!(units.values().is_sorted());
    let mut buys: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (unit, kind) in units.values().iter().zip(events["kind"].as_string::<i32>().iter().flatten()) {
        let Some(segment) = of.get(unit) else { continue };
        let (bought, all) = buys.entry(segment).or_default();
        *bought += f64::from(u8::from(kind == "buy"));
        *all += 1.0;
    }
    let rate = |segment: &str| buys[segment].0 / buys[segment].1;
    assert!(rate("vip") > 0.7 && rate("new") < 0.2, "only VIPs buy: {buys:?}");
    let counts = units.values().iter().fold(BTreeMap::new(), |mut counts, u| {
        *counts.entry(u).or_insert(0u64) += 1;
        counts
    });
    assert!(counts.values().all(|n| *n <= 20), "no more rows than a unit may have");
    let unmodelled: Vec<String> = synthesis.report().unmodelled.iter().map(|(t, c)| format!("{t}.{c}")).collect();
    assert_eq!(unmodelled, ["events.note"]);
    assert!(events["note"].as_string::<i32>().iter().flatten().all(|n| n.starts_with("note-")));
}

#[test]
fn one_noise_gives_one_dataset_whatever_the_batches() {
    let manifest = manifest(TABLES);
    let people = people(500);
    let make = |seed, batch_rows| {
        let synthesis = fit(&manifest, &people, &options(Generator::Mst, 0.5), &SeededNoise { seed });
        (rows(&synthesis, "people", batch_rows), rows(&synthesis, "events", batch_rows))
    };
    assert_eq!(make(1, 64), make(1, 1_000));
    assert_ne!(make(1, 64), make(2, 64));
}

#[test]
fn nobody_asked_for_nulls() {
    let manifest = manifest(TABLES);
    let people = people(3_000);
    let synthesis = fit(&manifest, &people, &options(Generator::Mst, 0.5), &SeededNoise { seed: 8 });
    let persons = rows(&synthesis, "people", 512);
    assert_eq!(persons["segment"].null_count(), 0);
    let ages = persons["age"].as_primitive::<Int32Type>();
    assert!(ages.null_count() < 30, "age may be NULL, but hardly ever was: {}", ages.null_count());
    let values: BTreeSet<_> = ages.iter().flatten().collect();
    assert!(values.iter().all(|a| (20..=59).contains(a)));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let manifest = manifest(TABLES);
    let people = people(50);
    let absent = Collector::new(&manifest, &"q".parse().unwrap()).map(|_| ());
    assert_eq!(absent.unwrap_err().code(), "E1770");
    let mut collector = Collector::new(&manifest, &"p".parse().unwrap()).unwrap();
    let [persons, events] = batches(&manifest, &people);
    let name = "people".parse().unwrap();
    assert_eq!(collector.push(&name, &events), Err(SyntheticError::Columns));
    collector.push(&name, &persons).unwrap();
    assert_eq!(collector.push(&name, &persons), Err(SyntheticError::Order), "units fall");
    let none = SyntheticOptions { rho: Rho(3), ..options(Generator::Mst, 1.0) };
    assert_eq!(collector.fit(&none, &ZeroNoise).map(|_| ()), Err(SyntheticError::Budget));
}

#[test]
fn nobody_at_all_is_fitted_too() {
    let manifest = manifest(TABLES);
    for generator in [Generator::Mst, Generator::Aim] {
        let synthesis = fit(&manifest, &[], &options(generator, 0.01), &SeededNoise { seed: 1 });
        assert!(synthesis.rows(&"people".parse().unwrap()).is_some());
    }
}
