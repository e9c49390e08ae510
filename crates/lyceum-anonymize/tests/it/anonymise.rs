//! Anonymised tables through the public edge: what is released is read back and measured by code of its own.

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType as ArrowType, Int32Type, UInt64Type};
use lyceum_anonymize::hierarchy::{Hierarchy, HierarchyError};
use lyceum_anonymize::lattice::{Objective, SearchError, search};
use lyceum_anonymize::model::{Requirements, SensitiveModel};
use lyceum_anonymize::partition::partition;
use lyceum_anonymize::ranges::{covers, label, lower, mid, range_type, upper};
use lyceum_anonymize::recode::{Print, Recoder, Recoding};
use lyceum_anonymize::risk::{RiskReport, Subject, assess, intersect, page};
use lyceum_anonymize::tuples::{Layout, TupleBuilder, Tuples};
use lyceum_schema::manifest::DataType;
use lyceum_schema::policy::{DateStep, HierarchySource};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const CITIES: &str = "Bonn;West;*\nKöln;West;*\nBerlin;East;*\nLeipzig;East;*";
const NAMES: [&str; 4] = ["Bonn", "Köln", "Berlin", "Leipzig"];

/// One row: person, age, city, diagnosis.
type Row = (u64, i32, usize, usize);

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("person", Arc::new(rows.iter().map(|r| r.0).collect::<UInt64Array>())),
        ("age", Arc::new(rows.iter().map(|r| r.1).collect::<Int32Array>())),
        ("city", Arc::new(rows.iter().map(|r| Some(NAMES[r.2])).collect::<StringArray>())),
        ("diagnosis", Arc::new(rows.iter().map(|r| Some(["a", "b", "c"][r.3])).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn layout() -> Layout {
    Layout { quasi: vec![1, 2], sensitive: vec![3], person: Some(0), ..Layout::default() }
}

fn tuples(rows: &[Row]) -> Tuples {
    let mut builder = TupleBuilder::new(layout());
    builder.push(&batch(rows)).unwrap();
    let ages = HierarchySource::Intervals(vec![5.0, 20.0]);
    let hierarchies = vec![
        Hierarchy::new(&ages, DataType::Int32, Some((0.0, 99.0)), builder.observed(0)).unwrap(),
        Hierarchy::new(&HierarchySource::Table(CITIES.into()), DataType::String, None, builder.observed(1)).unwrap(),
    ];
    builder.finish(hierarchies).unwrap()
}

fn requirements(k: u32, l: u32) -> Requirements {
    let sensitive = if l > 1 { vec![(0, SensitiveModel::DistinctDiversity(l))] } else { Vec::new() };
    Requirements { k, sensitive }
}

fn release(rows: &[Row], tuples: &Tuples, recoding: &Recoding) -> RecordBatch {
    Recoder::new(tuples, recoding, layout()).recode(&batch(rows)).unwrap()
}

/// Fewest distinct persons and distinct diagnoses of rows that look alike, from the released rows alone.
fn weakest(released: &RecordBatch) -> (usize, usize) {
    let mut classes: BTreeMap<(String, String), (BTreeSet<u64>, BTreeSet<String>)> = BTreeMap::new();
    let (age, city) = (label(released.column(1)).unwrap(), label(released.column(2)).unwrap());
    let (age, city) = (age.as_string::<i32>(), city.as_string::<i32>());
    for row in 0..released.num_rows() {
        let class = classes.entry((age.value(row).into(), city.value(row).into())).or_default();
        class.0.insert(released.column(0).as_primitive::<UInt64Type>().value(row));
        class.1.insert(released.column(3).as_string::<i32>().value(row).into());
    }
    let k = classes.values().map(|c| c.0.len()).min().unwrap_or(0);
    (k, classes.values().map(|c| c.1.len()).min().unwrap_or(0))
}

fn people() -> impl Strategy<Value = Vec<Row>> {
    let person = proptest::collection::vec((18..60i32, 0..4usize, 0..3usize), 1..4);
    proptest::collection::vec(person, 12..60).prop_map(|people| {
        let rows = people.into_iter().zip(1u64..);
        rows.flat_map(|(rows, id)| rows.into_iter().map(move |(age, city, d)| (id, age, city, d))).collect()
    })
}

/// The least loss of all nodes, by counting each node's classes as text.
fn exhaustive(rows: &[Row], k: usize, l: usize, limit: f64) -> Option<f64> {
    let age = |level: usize, age: i32| match level {
        0 => (format!("{age}"), 0.0),
        1 => (format!("{}", age / 5), 4.0 / 99.0),
        2 => (format!("{}", age / 20), 19.0 / 99.0),
        _ => ("*".into(), 1.0),
    };
    let city = |level: usize, city: usize| match level {
        0 => (NAMES[city].to_owned(), 0.0),
        1 => (format!("{}", city / 2), 1.0 / 3.0),
        _ => ("*".into(), 1.0),
    };
    let mut best: Option<f64> = None;
    for (a, c) in (0..4).flat_map(|a| (0..3).map(move |c| (a, c))) {
        let mut classes: BTreeMap<_, (BTreeSet<u64>, BTreeSet<usize>, usize, f64)> = BTreeMap::new();
        for row in rows {
            let ((age, x), (city, y)) = (age(a, row.1), city(c, row.2));
            let class = classes.entry((age, city)).or_default();
            class.0.insert(row.0);
            class.1.insert(row.3);
            class.2 += 1;
            class.3 += f64::midpoint(x, y);
        }
        let good = |class: &(BTreeSet<u64>, BTreeSet<usize>, usize, f64)| class.0.len() >= k && class.1.len() >= l;
        let out: usize = classes.values().filter(|c| !good(c)).map(|c| c.2).sum();
        if out as f64 <= (rows.len() as f64 * limit).floor() {
            let loss: f64 = classes.values().map(|c| if good(c) { c.3 } else { c.2 as f64 }).sum();
            let loss = loss / rows.len() as f64;
            best = Some(best.map_or(loss, |b| b.min(loss)));
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With persons of several rows and with l-diversity: the search finds what trying every node finds.
    #[test]
    fn the_lattice_search_is_optimal(rows in people(), k in 2u32..6, l in 1u32..4, limit in 0.0..0.3f64) {
        let tuples = tuples(&rows);
        let wanted = exhaustive(&rows, k as usize, l as usize, limit);
        match search(&tuples, &requirements(k, l), limit, Objective::Loss) {
            Ok(found) => {
                prop_assert!((found.score - wanted.unwrap()).abs() < 1e-9, "{} {:?}", found.score, wanted);
                let released = release(&rows, &tuples, &found.recoding);
                if released.num_rows() > 0 {
                    let (k_found, l_found) = weakest(&released);
                    prop_assert!(k_found >= k as usize && l_found >= l as usize);
                }
                let quality = found.recoding.quality(&tuples, k);
                prop_assert!((quality.loss - found.score).abs() < 1e-9);
                prop_assert_eq!(quality.rows - quality.suppressed_rows, released.num_rows() as u64);
            }
            Err(error) => {
                prop_assert_eq!(error, SearchError::Unreachable);
                prop_assert_eq!(wanted, None);
            }
        }
    }

    /// Every class of a partition has k distinct persons and l values, no row is lost, and every range covers its value.
    #[test]
    fn a_partition_keeps_all_rows_and_what_it_promises(rows in people(), k in 2u32..6, l in 1u32..4) {
        let tuples = tuples(&rows);
        for print in [Print::Ranges, Print::Labels] {
            let Ok(recoding) = partition(&tuples, &requirements(k, l), print) else { continue };
            let released = release(&rows, &tuples, &recoding);
            prop_assert_eq!(released.num_rows(), rows.len());
            let (k_found, l_found) = weakest(&released);
            prop_assert!(k_found >= k as usize && l_found >= l as usize, "{k_found} {l_found}");
            let raw = batch(&rows);
            for at in [1, 2] {
                let range = range_type(released.schema().field(at)).unwrap();
                let covered = covers(released.column(at), raw.column(at), &range).unwrap();
                prop_assert_eq!(covered.true_count(), rows.len());
            }
            let again = partition(&tuples, &requirements(k, l), print).unwrap();
            prop_assert_eq!(&release(&rows, &tuples, &again), &released);
        }
    }
}

#[test]
fn ranges_answer_lower_upper_mid_and_level() {
    let rows: Vec<Row> = (0..20u64).map(|i| (i, 20 + (i as i32 % 10), i as usize % 4, 0)).collect();
    let tuples = tuples(&rows);
    let found = search(&tuples, &requirements(10, 1), 0.0, Objective::Loss).unwrap();
    assert_eq!(found.node, [2, 1]);
    let released = release(&rows, &tuples, &found.recoding);
    let ages = released.column(1);
    assert_eq!(lower(ages).unwrap().as_primitive::<Int32Type>().value(0), 20);
    assert_eq!(upper(ages).unwrap().as_primitive::<Int32Type>().value(0), 39);
    assert_eq!(mid(ages).unwrap().as_primitive::<arrow::datatypes::Float64Type>().value(0), 29.5);
    assert_eq!(label(ages).unwrap().as_string::<i32>().value(0), "20-39");
    assert_eq!(lower(ages).unwrap().data_type(), &ArrowType::Int32);
    assert_eq!(lyceum_anonymize::ranges::level(ages).unwrap().value(0), 2);
    let city = released.column(2);
    assert_eq!(label(city).unwrap().as_string::<i32>().value(0), "West");
    assert!(mid(city).unwrap_err().to_string().starts_with("ranges of Utf8 have no middle"));
    let other: ArrayRef = Arc::new(StringArray::from(vec!["Paris"]));
    let range = range_type(released.schema().field(2)).unwrap();
    assert_eq!(covers(city, &other, &range).unwrap().true_count(), 0);
}

#[test]
fn a_hierarchy_is_refused_with_its_line_and_without_its_values() {
    let read = |text: &str, kind| Hierarchy::new(&HierarchySource::Table(text.into()), kind, None, &[]).err();
    assert_eq!(read("a;x;*\nb;*", DataType::String), Some(HierarchyError::Fields { line: 2, expected: 3, found: 2 }));
    assert_eq!(read("a;x;*\na;x;*", DataType::String), Some(HierarchyError::Twice { line: 2 }));
    assert_eq!(read("a;x;p;*\nb;x;q;*", DataType::String), Some(HierarchyError::Parent { line: 2, level: 1 }));
    assert_eq!(read("a;x\nb;y", DataType::String), Some(HierarchyError::Top { labels: 2 }));
    assert_eq!(read("a;x;*\nb;y;*", DataType::String), Some(HierarchyError::Redundant(0, 1)));
    assert_eq!(read("1;x;*\nb;x;*", DataType::Int32), Some(HierarchyError::Type { line: 2 }));
    assert_eq!(read("1;x;*\n2;y;*\n3;x;*", DataType::Int32), Some(HierarchyError::Interleaved));
    assert_eq!(read("", DataType::String), Some(HierarchyError::Empty));
    let dates = HierarchySource::Dates(vec![DateStep::Year, DateStep::Month]);
    assert_eq!(Hierarchy::new(&dates, DataType::Date, None, &[]).err(), Some(HierarchyError::Steps));
    assert!(matches!(Hierarchy::new(&dates, DataType::Int32, None, &[]).err(), Some(HierarchyError::Rule { .. })));
}

#[test]
fn the_report_counts_people_and_is_one_page_without_scripts() {
    // Ten alike, one alone.
    let mut rows: Vec<Row> = (0..10).map(|i| (i, 30, 0, i as usize % 3)).collect();
    rows.push((10, 55, 2, 0));
    let tuples = tuples(&rows);
    let requirements = requirements(2, 1);
    let found = search(&tuples, &requirements, 0.1, Objective::Loss).unwrap();
    let report = assess(
        &tuples,
        &found.recoding,
        Subject {
            release_sha256: "00".repeat(32),
            quasi_identifiers: vec!["age".into(), "<city>".into()],
            sensitive: vec!["diagnosis".into()],
            population: None,
            requirements: &requirements,
            workload: Vec::new(),
            intersections: vec![intersect("earlier".into(), &[(1, 0), (2, 0), (3, 1)], &[(1, 7), (2, 8), (9, 7)], 2)],
            seed: 1,
        },
    );
    assert_eq!((report.before.prosecutor_max, report.after.prosecutor_max), (1.0, 0.1));
    assert_eq!((report.guarantees.k, report.guarantees.sensitive[0].distinct_l), (10, 3));
    assert_eq!(report.quality.suppressed_rows, 1);
    let gone = report.suppression.iter().find(|g| g.group == "Berlin").unwrap();
    assert_eq!((gone.rows, gone.suppressed), (1, 1));
    assert_eq!((report.intersections[0].persons, report.intersections[0].k), (2, 1));
    let json = serde_json::to_string(&report).unwrap();
    let back: RiskReport = serde_json::from_str(&json).unwrap();
    assert_eq!((back.guarantees.k, &back.class_histogram, &back.limits), (10, &report.class_histogram, &report.limits));
    let html = page(&report);
    assert!(!html.contains("<script") && !html.contains("http") && html.contains("&lt;city&gt;"));
}

/// The report measures classes by itself; every model asked for holds in it, by both engines.
#[test]
fn entropy_and_closeness_hold_in_every_class() {
    let mixed = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let row =
        |i: u64| (i, 20 + (mixed(i) % 40) as i32, (mixed(i + 1_000) % 4) as usize, (mixed(i + 2_000) % 3) as usize);
    let rows: Vec<Row> = (0..400).map(row).collect();
    let tuples = tuples(&rows);
    for model in [SensitiveModel::EntropyDiversity(2.2), SensitiveModel::Closeness(0.2)] {
        let requirements = Requirements { k: 3, sensitive: vec![(0, model)] };
        let by_cuts = partition(&tuples, &requirements, Print::Ranges).unwrap();
        let by_levels = search(&tuples, &requirements, 0.1, Objective::Loss).unwrap().recoding;
        let free = partition(&tuples, &Requirements { k: 3, sensitive: Vec::new() }, Print::Ranges).unwrap();
        let worst = |recoding: &Recoding| {
            let report = assess(
                &tuples,
                recoding,
                Subject {
                    release_sha256: String::new(),
                    quasi_identifiers: vec!["age".into(), "city".into()],
                    sensitive: vec!["diagnosis".into()],
                    population: Some(1_000_000),
                    requirements: &requirements,
                    workload: Vec::new(),
                    intersections: Vec::new(),
                    seed: 1,
                },
            );
            let s = &report.guarantees.sensitive[0];
            match model {
                SensitiveModel::EntropyDiversity(l) => s.entropy_l >= l,
                SensitiveModel::Closeness(t) => s.t <= t,
                SensitiveModel::DistinctDiversity(l) => s.distinct_l >= l,
            }
        };
        assert!(worst(&by_cuts) && worst(&by_levels));
        // Without the model, classes of three people miss it.
        assert!(!worst(&free));
    }
}

/// NULL joins other values in `*` only, and dates and floats have levels by rule.
#[test]
fn nulls_dates_and_floats_have_levels() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("born", Arc::new(arrow::array::Date32Array::from(vec![Some(0), Some(10), Some(40), None, None]))),
        ("spent", Arc::new(arrow::array::Float64Array::from(vec![0.5, 7.25, 9.0, 3.0, 3.5]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let layout = Layout { quasi: vec![0, 1], ..Layout::default() };
    let mut builder = TupleBuilder::new(layout.clone());
    builder.push(&rows).unwrap();
    let months = HierarchySource::Dates(vec![DateStep::Month, DateStep::Year]);
    let hierarchies = vec![
        Hierarchy::new(&months, DataType::Date, None, builder.observed(0)).unwrap(),
        Hierarchy::new(&HierarchySource::Intervals(vec![10.0]), DataType::Float64, None, builder.observed(1)).unwrap(),
    ];
    let tuples = builder.finish(hierarchies).unwrap();
    let found = search(&tuples, &requirements(2, 1), 0.0, Objective::Loss).unwrap();
    let released = Recoder::new(&tuples, &found.recoding, layout).recode(&rows).unwrap();
    assert_eq!(found.node, [2, 1]);
    let born = released.column(0);
    assert_eq!(label(born).unwrap().as_string::<i32>().value(0), "1970");
    assert!(born.is_null(3) && released.schema().field(0).is_nullable());
    assert_eq!(upper(born).unwrap().as_primitive::<arrow::datatypes::Date32Type>().value(0), 364);
    assert_eq!(label(released.column(1)).unwrap().as_string::<i32>().value(4), "[0, 10)");
}

#[test]
fn two_known_events_single_people_out_where_one_does_not() {
    // Each city and age is shared by two persons, each pair of them belongs to one.
    let rows: Vec<Row> = vec![(1, 20, 0, 0), (1, 30, 0, 0), (2, 20, 0, 0), (2, 40, 0, 0), (3, 30, 0, 0), (3, 40, 0, 0)];
    let found = lyceum_anonymize::tuples::sequence_uniqueness(&tuples(&rows), 4, 1);
    let shares: Vec<(u32, u64, f64)> = found.iter().map(|s| (s.events, s.persons, s.unique)).collect();
    assert_eq!(shares, [(1, 3, 0.0), (2, 3, 1.0)]);
}
