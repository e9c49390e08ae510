//! The pass against the pass as it was first written, on random batches: equal bit for bit.

use super::oracle;
use crate::barrier::{Barrier, Fold, Key, KeySelection, Measure};
use crate::bounded_aggregate::pass::Pass;
use crate::bounded_aggregate::spec::{BoundSpec, SamplingKey};
use arrow::array::AsArray;
use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use proptest::prelude::*;
use std::sync::Arc;

const TEXTS: [&str; 5] = ["", "a", "video", "affiliate", "affiliatf"];

/// A row: how far its unit is from the one before, keys, values.
type Row = (u64, (usize, Option<i64>, Option<i32>, Option<bool>), Option<i64>, Option<i64>);

fn row() -> impl Strategy<Value = Row> {
    let step = prop_oneof![6 => Just(0u64), 3 => 1u64..3, 1 => 1u64..1 << 30];
    let keys = (
        0..TEXTS.len() + 1,
        prop::option::weighted(0.9, -2i64..7),
        prop::option::weighted(0.9, 10i32..13),
        prop::option::weighted(0.9, any::<bool>()),
    );
    let small = prop::option::weighted(0.8, -200i64..400);
    let large = prop_oneof![
        8 => -5i64..5,
        1 => any::<i64>(),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)],
    ];
    (step, keys, small, prop::option::weighted(0.8, large))
}

fn barrier(selection: KeySelection, max_groups: u32, low: i64, high: i64) -> Barrier {
    let text = |t: &str| ScalarValue::Utf8(Some(t.to_owned()));
    let lists = [
        TEXTS.iter().map(|t| text(t)).collect(),
        (0..5).map(|v| ScalarValue::Int64(Some(v))).chain([ScalarValue::Int64(None)]).collect(),
        vec![ScalarValue::Date32(Some(12)), ScalarValue::Date32(Some(10)), ScalarValue::Date32(None)],
        vec![ScalarValue::Boolean(Some(true)), ScalarValue::Boolean(Some(false)), ScalarValue::Boolean(None)],
    ];
    let listed = selection == KeySelection::Public;
    let keys = lists.map(|values: Vec<ScalarValue>| Key {
        name: "k".into(),
        data_type: values[0].data_type(),
        values: listed.then_some(values),
    });
    let measure = |fold, low, high, scale_group| Measure { fold, low, high, scale_group };
    Barrier {
        keys: keys.into(),
        values: 2,
        measures: vec![
            measure(Fold::Rows, 0, 3, 0),
            measure(Fold::Sum { value: 0 }, low, high, 1),
            measure(Fold::NonNull { value: 0 }, 0, 2, 1),
            measure(Fold::Sum { value: 1 }, -1 << 40, 1 << 41, 2),
            measure(Fold::Units, 0, 1, 3),
        ],
        max_groups,
        selection,
        ..super::barrier(selection, max_groups)
    }
}

/// The rows as batches of these lengths.
fn batches(rows: &[Row], lengths: &[usize], ordinals: bool) -> Vec<RecordBatch> {
    let fields = [
        ("__unit", if ordinals { DataType::UInt32 } else { DataType::UInt64 }, false),
        ("k0", DataType::Utf8, true),
        ("k1", DataType::Int64, true),
        ("k2", DataType::Date32, true),
        ("k3", DataType::Boolean, true),
        ("v0", DataType::Int64, true),
        ("v1", DataType::Int64, true),
    ];
    let schema = Arc::new(Schema::new(fields.map(|(n, t, nullable)| Field::new(n, t, nullable)).to_vec()));
    let mut unit = 0u64;
    let units: Vec<u64> = rows.iter().map(|r| (unit, unit += r.0).0 + r.0).collect();
    let (mut start, mut lengths, mut all) = (0, lengths.iter().cycle(), Vec::new());
    while start < rows.len() {
        let end = (start + lengths.next().copied().unwrap_or(rows.len())).min(rows.len());
        let (part, ids) = (&rows[start..end], &units[start..end]);
        let units: ArrayRef = if ordinals {
            Arc::new(UInt32Array::from_iter_values(ids.iter().map(|&u| u as u32)))
        } else {
            Arc::new(UInt64Array::from_iter_values(ids.iter().copied()))
        };
        let columns: Vec<ArrayRef> = vec![
            units,
            Arc::new(part.iter().map(|r| TEXTS.get(r.1.0)).collect::<StringArray>()),
            Arc::new(part.iter().map(|r| r.1.1).collect::<Int64Array>()),
            Arc::new(part.iter().map(|r| r.1.2).collect::<Date32Array>()),
            Arc::new(part.iter().map(|r| r.1.3).collect::<BooleanArray>()),
            Arc::new(part.iter().map(|r| r.2).collect::<Int64Array>()),
            Arc::new(part.iter().map(|r| r.3).collect::<Int64Array>()),
        ];
        all.push(RecordBatch::try_new(Arc::clone(&schema), columns).unwrap());
        start = end;
    }
    all
}

fn by_oracle(spec: &Arc<BoundSpec>, batches: &[RecordBatch]) -> RecordBatch {
    let mut pass = oracle::Pass::new(Arc::clone(spec)).unwrap();
    batches.iter().for_each(|b| pass.push(b).unwrap());
    pass.finish().unwrap()
}

fn by_pass(spec: &Arc<BoundSpec>, batches: &[RecordBatch]) -> RecordBatch {
    let mut pass = Pass::new(Arc::clone(spec)).unwrap();
    batches.iter().for_each(|b| pass.push(b).unwrap());
    pass.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn declared_keys(
        rows in prop::collection::vec(row(), 1..300),
        lengths in prop::collection::vec(1usize..90, 1..5),
        max_groups in 1u32..6,
        high in prop_oneof![Just(0i64), 1i64..500, Just(1i64 << 45)],
    ) {
        let barrier = barrier(KeySelection::Public, max_groups, -150, high);
        let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([5; 16])).unwrap());
        let expected = by_oracle(&spec, &batches(&rows, &[1000], false));
        prop_assert_eq!(&by_pass(&spec, &batches(&rows, &lengths, false)), &expected);
        if rows.iter().map(|r| r.0).sum::<u64>() < u64::from(u32::MAX) {
            prop_assert_eq!(&by_pass(&spec, &batches(&rows, &lengths, true)), &expected, "by ordinal");
        }
    }

    #[test]
    fn declared_keys_of_sums_alone(
        rows in prop::collection::vec(row(), 1..300),
        lengths in prop::collection::vec(1usize..90, 1..5),
        max_groups in 1u32..6,
        (high, rows_per_group) in (prop_oneof![Just(0i64), 1i64..500, Just(1i64 << 45)], 1i64..6),
        measures in prop::sample::subsequence(vec![0usize, 1, 2, 3], 1..4),
        small in any::<bool>(),
    ) {
        // Without COUNT(DISTINCT unit) rows of units that need no bounding are added at once.
        let mut barrier = barrier(KeySelection::Public, max_groups, -150, high);
        barrier.measures[0].high = rows_per_group;
        barrier.measures = measures.iter().map(|&m| barrier.measures[m].clone()).collect();
        let small = |v: Option<i64>| if small { v.map(|v| v % 50) } else { v };
        let rows: Vec<Row> = rows.into_iter().map(|r| (r.0, r.1, small(r.2), small(r.3))).collect();
        let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([5; 16])).unwrap());
        let expected = by_oracle(&spec, &batches(&rows, &[1000], false));
        prop_assert_eq!(&by_pass(&spec, &batches(&rows, &lengths, false)), &expected);
        prop_assert_eq!(&by_pass(&spec, &batches(&rows, &[1000], false)), &expected, "in one batch");
    }

    #[test]
    fn undeclared_keys(
        rows in prop::collection::vec(row(), 1..300),
        lengths in prop::collection::vec(1usize..90, 1..5),
        max_groups in 1u32..6,
    ) {
        let barrier = barrier(KeySelection::Private { minimum_group_size: 2 }, max_groups, -150, 300);
        let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([5; 16])).unwrap());
        // Both number groups as they are met.
        let expected = by_oracle(&spec, &batches(&rows, &lengths, false));
        prop_assert_eq!(&by_pass(&spec, &batches(&rows, &lengths, false)), &expected);
    }
}

#[test]
fn samples_are_never_by_ordinal() {
    let barrier = barrier(KeySelection::Private { minimum_group_size: 2 }, 1, -1, 1);
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([5; 16])).unwrap());
    let row = (1, (1, Some(1), None, None), None, None);
    assert!(Pass::new(spec).unwrap().push(&batches(&[row], &[1], true)[0]).is_err());
}

/// One unit with 500,000 rows, each as extreme as can be, in one group and over all of them.
#[test]
fn a_whale_moves_the_groups_by_at_most_its_radius() {
    let barrier = barrier(KeySelection::Public, 3, -150, 300);
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([5; 16])).unwrap());
    let others: Vec<Row> = (0..2000)
        .map(|i| (u64::from(i % 4 == 0), (i % 5, Some(i as i64 % 5), Some(12), Some(true)), Some(i as i64 % 90), None))
        .collect();
    let without = by_pass(&spec, &batches(&others, &[700], true));
    for spread in [false, true] {
        let whale = (0..500_000).map(|i| {
            let keys =
                (if spread { i % 5 } else { 3 }, Some(if spread { i as i64 % 5 } else { 1 }), Some(10), Some(false));
            (u64::from(i == 0), keys, Some(400), Some(i64::MAX))
        });
        let rows: Vec<Row> = others.iter().copied().chain(whale).collect();
        let with = by_pass(&spec, &batches(&rows, &[32_768], true));
        for (m, ball) in spec.balls.iter().enumerate() {
            let sums = |b: &RecordBatch| b.column(m + 1).as_primitive::<Decimal128Type>().values().to_vec();
            let moved: u128 = sums(&with).iter().zip(&sums(&without)).map(|(a, b)| (a - b).unsigned_abs().pow(2)).sum();
            assert!(moved <= ball.radius_squared(), "measure {m}");
            // An average's count shrinks with its sum, which is further outside here.
            assert!(m == 2 || moved > ball.radius_squared() / 4, "measure {m} uses what it may");
        }
    }
}
