//! The operator against a naive reference, over random rows in random partitions, planned by DataFusion.

mod equal;
mod oracle;

use super::exec::BoundedAggregateExec;
use super::node::BoundedAggregateNode;
use super::spec::{BoundSpec, SamplingKey};
use crate::barrier::{Barrier, Bias, Fold, Key, KeySelection, Measure};
use crate::catalog::Population;
use crate::exact::ExactGroups;
use crate::session;
use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use datafusion::common::ScalarValue;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use lyceum_privacy::Delta;
use lyceum_privacy::accuracy::GaussianRedraw;
use lyceum_schema::id::PopulationId;
use lyceum_schema::name::PopulationName;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const COLOURS: [&str; 3] = ["red", "green", "blue"];
type Row = (u64, &'static str, Option<i32>, Option<i64>);
type GroupKey = (String, Option<i32>);
type Groups = BTreeMap<GroupKey, (Vec<i128>, u64)>;

/// Rows of `units` units, up to 12 each, shuffled.
fn rows(units: u64, seed: u64) -> Vec<Row> {
    let r = GaussianRedraw::new(seed);
    let mut rows = Vec::new();
    for unit in 0..units {
        for i in 0..(r.uniform(0, unit) * 13.0) as u64 {
            let draw = |part: u32| r.uniform(part, unit * 100 + i);
            let shop = (draw(2) < 0.9).then_some((draw(3) * 5.0) as i32);
            let value = (draw(4) < 0.8).then_some((draw(5) * 400.0) as i64 - 200);
            rows.push((unit * 7919 % 1_000_003, COLOURS[(draw(1) * 3.0) as usize], shop, value));
        }
    }
    rows.sort_by_key(|row| (row.0.wrapping_mul(seed | 1) % 97, row.3));
    rows
}

fn barrier(selection: KeySelection, max_groups: u32) -> Barrier {
    let list = |values: Vec<ScalarValue>| matches!(selection, KeySelection::Public).then_some(values);
    let colours = COLOURS.iter().map(|c| ScalarValue::Utf8(Some((*c).to_owned()))).collect();
    let shops = (0..5).map(|i| ScalarValue::Int32(Some(i))).chain([ScalarValue::Int32(None)]).collect();
    Barrier {
        sources: vec![],
        population: Population {
            id: PopulationId::generate(),
            name: PopulationName::new("people").unwrap(),
            declared_size: 1000,
            delta_conversion: 1e-6,
            delta_selection: Delta::ZERO,
            epsilon: 10.0,
        },
        unit_is_row: false,
        keys: vec![
            Key { name: "colour".into(), data_type: DataType::Utf8, values: list(colours) },
            Key { name: "shop".into(), data_type: DataType::Int32, values: list(shops) },
        ],
        values: 1,
        measures: vec![
            Measure { fold: Fold::Rows, low: 0, high: 2, scale_group: 0 },
            Measure { fold: Fold::Sum { value: 0 }, low: -150, high: 300, scale_group: 1 },
            Measure { fold: Fold::NonNull { value: 0 }, low: 0, high: 2, scale_group: 1 },
            Measure { fold: Fold::Units, low: 0, high: 1, scale_group: 2 },
        ],
        aggregates: vec![],
        max_groups,
        // More than L0, and fewer than some units have.
        kept_groups: max_groups + 2,
        selection,
        epsilon: None,
        bias: Bias::Unknown,
        warnings: vec![],
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("__unit", DataType::UInt64, false),
        Field::new("colour", DataType::Utf8, true),
        Field::new("shop", DataType::Int32, true),
        Field::new("v0", DataType::Int64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.0))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))),
        Arc::new(rows.iter().map(|r| r.2).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| r.3).collect::<Int64Array>()),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// Plans and runs the operator over rows that lie in `pieces` partitions, in their order.
async fn run(rows: &[Row], spec: &Arc<BoundSpec>, pieces: usize, target: usize) -> (ExactGroups, usize) {
    let per_piece = rows.len().div_ceil(pieces).max(1);
    let partitions: Vec<_> = rows.chunks(per_piece).map(|c| c.chunks(53).map(batch).collect::<Vec<_>>()).collect();
    let table = MemTable::try_new(batch(&[]).schema(), partitions).unwrap();
    let below = LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None).unwrap().build().unwrap();
    let state = session::data_session(target, session::runtime(64 << 20, None).unwrap());
    let plan = BoundedAggregateNode::over(below, Arc::clone(spec)).unwrap();
    let plan = state.optimizer().optimize(plan, &state, |_, _| {}).unwrap();
    let plan = state.query_planner().create_physical_plan(&plan, &state).await.unwrap();
    let sorts = count(&plan, &|p| p.is::<SortExec>());
    assert!(plan.is::<BoundedAggregateExec>());
    let batches: Vec<_> = collect_partitioned(plan, state.task_ctx()).await.unwrap().into_iter().flatten().collect();
    (ExactGroups::merge(spec, &batches).unwrap(), sorts)
}

fn count(plan: &Arc<dyn ExecutionPlan>, is: &dyn Fn(&Arc<dyn ExecutionPlan>) -> bool) -> usize {
    usize::from(is(plan)) + plan.children().into_iter().map(|c| count(c, is)).sum::<usize>()
}

fn as_map(groups: &ExactGroups) -> Groups {
    let colours = groups.keys[0].as_string::<i32>();
    let shops = groups.keys[1].as_primitive::<Int32Type>();
    let row = |g: usize| groups.sums.iter().map(|s| s[g]).collect::<Vec<_>>();
    let shop = |g: usize| shops.iter().nth(g).unwrap();
    (0..groups.groups)
        .map(|g| {
            let classes = groups.units.len() / groups.groups;
            let units = groups.units[g * classes..(g + 1) * classes].iter().sum();
            ((colours.value(g).to_owned(), shop(g)), (row(g), units))
        })
        .collect()
}

/// Unit → group → what its rows fold to.
fn folded(rows: &[Row]) -> HashMap<u64, BTreeMap<GroupKey, [i128; 4]>> {
    let mut units: HashMap<u64, BTreeMap<_, [i128; 4]>> = HashMap::new();
    for (unit, colour, shop, value) in rows {
        let cells = units.entry(*unit).or_default().entry(((*colour).to_owned(), *shop)).or_default();
        cells[0] += 1;
        cells[1] += i128::from(value.unwrap_or(0));
        cells[2] += i128::from(value.is_some());
        cells[3] = 1;
    }
    units
}

/// The L2 ball, written down plainly for small numbers, in units that are `fraction` bits finer than the grid.
fn bounded(cells: &BTreeMap<GroupKey, [i128; 4]>, barrier: &Barrier, fraction: &[u32], groups: &mut Groups) {
    let cut = |m: usize| {
        let c = i128::from(barrier.measures[m].low.abs().max(barrier.measures[m].high)) << fraction[m];
        let v: Vec<i128> = cells.values().map(|v| v[m] << fraction[m]).collect();
        let norm = |level: i128| v.iter().map(|v| v.abs().min(level).pow(2)).sum::<i128>();
        let highest = v.iter().map(|v| v.abs()).max().unwrap_or(0);
        let fits = |level: i128| norm(level) <= c * c * i128::from(barrier.max_groups);
        let level = (0..40).rev().map(|bit| 1i128 << bit).fold(0, |l, step| if fits(l + step) { l + step } else { l });
        let level = level.min(highest);
        (v, level)
    };
    for m in 0..4 {
        let group = barrier.measures[m].scale_group;
        let together: Vec<_> = (0..4).filter(|&o| barrier.measures[o].scale_group == group).map(cut).collect();
        for (i, (key, v)) in cells.keys().zip(cut(m).0).enumerate() {
            let kept = together.iter().map(|(of, level)| match of[i].abs() {
                0 => v.abs(),
                of => v.abs() * of.min(*level) / of,
            });
            groups.get_mut(key).unwrap().0[m] += v.signum() * kept.min().unwrap();
        }
    }
}

fn reference_public(rows: &[Row], barrier: &Barrier, fraction: &[u32]) -> Groups {
    let mut groups: Groups = Groups::new();
    for colour in COLOURS {
        for shop in (0..5).map(Some).chain([None]) {
            groups.insert((colour.to_owned(), shop), (vec![0; 4], 0));
        }
    }
    for cells in folded(rows).values() {
        bounded(cells, barrier, fraction, &mut groups);
    }
    groups
}

fn reference_private(rows: &[Row], barrier: &Barrier, fraction: &[u32], sampling: &SamplingKey) -> Groups {
    let mut groups = Groups::new();
    let fields = vec![SortField::new(DataType::Utf8), SortField::new(DataType::Int32)];
    let encode = RowConverter::new(fields).unwrap();
    for (unit, cells) in folded(rows) {
        let mut ranked: Vec<_> = cells
            .into_iter()
            .map(|(key, v)| {
                let columns: [ArrayRef; 2] =
                    [Arc::new(StringArray::from(vec![key.0.clone()])), Arc::new(Int32Array::from(vec![key.1]))];
                let name = sampling.group(encode.convert_columns(&columns).unwrap().row(0).as_ref());
                (sampling.rank(unit, name), key, v)
            })
            .collect();
        ranked.sort();
        ranked.truncate(barrier.kept_groups as usize);
        let kept: BTreeMap<GroupKey, [i128; 4]> = ranked.into_iter().map(|(_, key, v)| (key, v)).collect();
        for key in kept.keys() {
            groups.entry(key.clone()).or_insert_with(|| (vec![0; 4], 0)).1 += 1;
        }
        bounded(&kept, barrier, fraction, &mut groups);
    }
    groups
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declared_keys_equal_the_reference_on_any_layout() {
    let barrier = barrier(KeySelection::Public, 2);
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([7; 16])).unwrap());
    let rows = rows(400, 11);
    let expected = reference_public(&rows, &barrier, &spec.fraction_bits);
    for (pieces, target) in [(1, 1), (1, 4), (3, 1), (4, 4)] {
        let (groups, sorts) = run(&rows, &spec, pieces, target).await;
        assert!(sorts >= 1, "unsorted input needs a sort");
        assert_eq!(as_map(&groups), expected, "{pieces} pieces, {target} partitions");
    }
    let mut shuffled = rows.clone();
    shuffled.reverse();
    assert_eq!(as_map(&run(&shuffled, &spec, 5, 3).await.0), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undeclared_keys_equal_the_reference_on_any_layout() {
    let barrier = barrier(KeySelection::Private { minimum_group_size: 5 }, 2);
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([9; 16])).unwrap());
    let rows = rows(400, 23);
    let expected = reference_private(&rows, &barrier, &spec.fraction_bits, &spec.sampling);
    for (pieces, target) in [(1, 1), (2, 4), (4, 4)] {
        let (groups, _) = run(&rows, &spec, pieces, target).await;
        assert_eq!(as_map(&groups), expected, "{pieces} pieces, {target} partitions");
    }
}

#[tokio::test]
async fn a_unit_moves_the_groups_by_at_most_the_radius() {
    for selection in [KeySelection::Public, KeySelection::Private { minimum_group_size: 2 }] {
        let barrier = barrier(selection, 3);
        let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([1; 16])).unwrap());
        let rows = rows(60, 5);
        let with = as_map(&run(&rows, &spec, 2, 2).await.0);
        let mut units: Vec<u64> = rows.iter().map(|r| r.0).collect();
        units.dedup();
        for unit in units.into_iter().step_by(9) {
            let without: Vec<Row> = rows.iter().filter(|r| r.0 != unit).copied().collect();
            let without = as_map(&run(&without, &spec, 2, 2).await.0);
            for (m, ball) in spec.balls.iter().enumerate() {
                let moved = with.iter().map(|(key, v)| {
                    let before = without.get(key).map_or(0, |w| w.0[m]);
                    (v.0[m] - before).unsigned_abs().pow(2)
                });
                assert!(moved.sum::<u128>() <= ball.radius_squared(), "unit {unit}, measure {m}");
            }
            let touched = with.iter().filter(|(key, v)| without.get(*key).map_or(0, |w| w.1) != v.1).count();
            assert!(touched <= 5, "M");
        }
    }
}

#[tokio::test]
async fn no_keys_are_one_group_and_no_rows_are_zero() {
    let mut barrier = barrier(KeySelection::Public, 1);
    barrier.keys.clear();
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([1; 16])).unwrap());
    let mut pass = super::pass::Pass::new(Arc::clone(&spec)).unwrap();
    let one_column = |units: Vec<u64>, values: Vec<i64>| {
        let schema =
            Schema::new(vec![Field::new("__unit", DataType::UInt64, false), Field::new("v0", DataType::Int64, true)]);
        let columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(units)), Arc::new(Int64Array::from(values))];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    };
    // Unit 2 goes on in the next batch: 3 rows, of which 2 count.
    pass.push(&one_column(vec![1, 2], vec![10, i64::MAX])).unwrap();
    pass.push(&one_column(vec![2, 2], vec![i64::MAX, i64::MAX])).unwrap();
    let groups = ExactGroups::merge(&spec, &[pass.finish().unwrap()]).unwrap();
    let on_grid = |m: usize| groups.sums[m][0] >> spec.fraction_bits[m];
    assert_eq!(groups.sums[0], vec![3 << spec.fraction_bits[0]]);
    assert_eq!(groups.sums[3], vec![2 << spec.fraction_bits[3]]);
    assert!(on_grid(1) <= 310 && on_grid(1) >= 10);

    let empty = super::pass::Pass::new(Arc::clone(&spec)).unwrap().finish().unwrap();
    assert_eq!(ExactGroups::merge(&spec, &[empty]).unwrap().sums, vec![vec![0]; 4]);

    let mut disordered = super::pass::Pass::new(spec).unwrap();
    assert!(disordered.push(&one_column(vec![2, 1], vec![0, 0])).is_err());
}

/// A count of 1 can't be cut in whole numbers: without fractions such a unit would be lost from all its groups.
#[tokio::test]
async fn a_unit_in_many_groups_keeps_its_share_of_each() {
    let barrier = barrier(KeySelection::Public, 2);
    let spec = Arc::new(BoundSpec::new(&barrier, SamplingKey::fixed([3; 16])).unwrap());
    // One row of one unit in each of eight groups; the vector (1, …, 1) of length √8 goes into the ball of radius √2.
    let rows: Vec<Row> = (0..8).map(|i| (7, COLOURS[i % 2], Some((i / 2) as i32), Some(1))).collect();
    let groups = run(&rows, &spec, 1, 1).await.0;
    let units: i128 = groups.sums[3].iter().sum();
    let kept = units as f64 / f64::from(1u32 << spec.fraction_bits[3]);
    assert!((kept - 4.0).abs() < 0.01, "8 cells of 1 cut to 1/2 are 4, not {kept}");
}

#[test]
fn wide_bounds_and_large_products_are_refused() {
    let mut wide = barrier(KeySelection::Public, 3);
    wide.measures[1].high = i64::MAX;
    assert_eq!(BoundSpec::new(&wide, SamplingKey::fixed([0; 16])).unwrap_err().code(), "E2404");
    let mut large = barrier(KeySelection::Public, 3);
    large.keys[1].values = Some((0..40_000).map(|i| ScalarValue::Int32(Some(i))).collect());
    assert_eq!(BoundSpec::new(&large, SamplingKey::fixed([0; 16])).unwrap_err().code(), "E2403");
}
