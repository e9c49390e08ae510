//! Inner joins on the unit alone, where one side has few rows per unit: a merge of two streams that lie sorted by unit,
//! run by run. DataFusion's merge join compares rows of any types one by one and may spill; here keys are one integer
//! column each, and the rows of one unit on the right side fit memory whatever they are, because the layout limits them.
//!
//! The operator stands for the merge join that it replaces: inputs, order, partitions and schema are that one's.

use crate::layout::UnitBytes;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{concat_batches, take_arrays};
use arrow::datatypes::{DataType, SchemaRef, UInt64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, internal_err};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::distribution_requirements::InputDistributionRequirements;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::SortMergeJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Most bytes that one unit's rows on the right side may have.
const MAX_UNIT_BYTES: u64 = 32 << 20;
/// Pairs of rows up to which a batch is filled.
const BATCH_ROWS: usize = 1 << 15;

/// Puts the operator in the place of merge joins that it can do. Comes after rows are moved and sorted.
#[derive(Debug)]
pub(crate) struct JoinByUnit;

impl PhysicalOptimizerRule for JoinByUnit {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let by_unit = node.downcast_ref::<SortMergeJoinExec>().and_then(UnitJoinExec::of);
            Ok(by_unit.map_or_else(|| Transformed::no(node), |join| Transformed::yes(Arc::new(join) as _)))
        })
        .data()
    }
    fn name(&self) -> &str {
        "join_by_unit"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct UnitJoinExec {
    /// The join that it stands for.
    merge: Arc<dyn ExecutionPlan>,
    /// Positions of the units.
    units: (usize, usize),
}

impl UnitJoinExec {
    /// In place of a merge join; `None` where that one is needed.
    fn of(merge: &SortMergeJoinExec) -> Option<Self> {
        let [(left, right)] = merge.on() else { return None };
        if merge.join_type() != JoinType::Inner || merge.filter().is_some() || !few_rows(merge.right()) {
            return None;
        }
        let units = (position(left, &merge.left().schema())?, position(right, &merge.right().schema())?);
        Some(Self { merge: Arc::new(merge.clone()), units })
    }

    /// The join that it stands for.
    pub(super) fn merge(&self) -> Option<&SortMergeJoinExec> {
        self.merge.downcast_ref::<SortMergeJoinExec>()
    }
}

/// The position of a key that is a column of 64-bit ids without NULLs.
fn position(key: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Option<usize> {
    let at = key.downcast_ref::<Column>()?.index();
    let field = schema.fields().get(at)?;
    (*field.data_type() == DataType::UInt64 && !field.is_nullable()).then_some(at)
}

/// Whether the plan gives rows of one scan whose units have few.
fn few_rows(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let files = scan.data_source().downcast_ref::<FileScanConfig>();
        return files.is_some_and(|f| {
            let mut files = f.file_groups.iter().flat_map(|g| g.files());
            files.all(|f| f.extension::<UnitBytes>().is_some_and(|bytes| bytes.0 <= MAX_UNIT_BYTES))
        });
    }
    let as_wide = plan.downcast_ref::<ProjectionExec>().is_none_or(|projection| {
        // A text that is put together may be longer than those that are stored.
        let mut computed = projection.expr().iter().filter(|p| !p.expr.is::<Column>());
        computed.all(|p| p.expr.data_type(&projection.input().schema()).is_ok_and(|t| t.primitive_width().is_some()))
    });
    let passes = plan.is::<FilterExec>() || plan.is::<ProjectionExec>() || plan.is::<CooperativeExec>();
    passes && as_wide && plan.children().into_iter().all(few_rows)
}

impl DisplayAs for UnitJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitJoinExec: on=[({}, {})]", self.units.0, self.units.1)
    }
}

impl ExecutionPlan for UnitJoinExec {
    fn name(&self) -> &str {
        "UnitJoinExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        self.merge.properties()
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.merge.children()
    }
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.merge.input_distribution_requirements()
    }
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.merge.required_input_ordering()
    }
    fn maintains_input_order(&self) -> Vec<bool> {
        self.merge.maintains_input_order()
    }
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.merge.apply_expressions(f)
    }
    #[allow(deprecated)]
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let merge = Arc::clone(&self.merge).with_new_children(children)?;
        // Other children may have more rows per unit.
        let by_unit = merge.downcast_ref::<SortMergeJoinExec>().and_then(Self::of);
        Ok(by_unit.map_or(merge, |join| Arc::new(join)))
    }
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let children = self.children();
        let [left, right] = children.as_slice() else { return internal_err!("a join has two inputs") };
        let reservation = MemoryConsumer::new("UnitJoin").register(context.memory_pool());
        let join = Join {
            schema: self.schema(),
            left: Side::new(left.execute(partition, Arc::clone(&context))?, self.units.0)?,
            right: Side::new(right.execute(partition, context)?, self.units.1)?,
            right_ended: false,
            pairs: Pairs::default(),
            reservation,
        };
        let batches =
            futures::stream::try_unfold(
                join,
                |mut join| async move { Ok(join.next().await?.map(|batch| (batch, join))) },
            );
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// One input: a batch, and how far in it the join is.
struct Side {
    input: SendableRecordBatchStream,
    unit: usize,
    batch: RecordBatch,
    units: UInt64Array,
    at: usize,
}

impl Side {
    fn new(input: SendableRecordBatchStream, unit: usize) -> Result<Self> {
        let batch = RecordBatch::new_empty(input.schema());
        let units = units(&batch, unit)?;
        Ok(Self { input, unit, batch, units, at: 0 })
    }

    /// The unit of the next row of the batch.
    fn unit(&self) -> Option<u64> {
        self.units.values().get(self.at).copied()
    }

    /// Where the rows of a unit end in the batch, from the next row on.
    fn end_of(&self, unit: u64) -> usize {
        let rows = self.units.values().iter().skip(self.at);
        self.at + rows.take_while(|u| **u == unit).count()
    }

    /// Passes by all rows of the batch with smaller units.
    fn skip_to(&mut self, unit: u64) {
        let rows = self.units.values().iter().skip(self.at);
        self.at += rows.take_while(|u| **u < unit).count();
    }

    /// Gets the next batch with rows, behind the rows from the next one on. False at the end.
    async fn more(&mut self) -> Result<bool> {
        while let Some(next) = self.input.next().await {
            let next = next?;
            if next.num_rows() == 0 {
                continue;
            }
            let rest = self.batch.num_rows() - self.at;
            self.batch = match rest {
                0 => next,
                _ => concat_batches(&next.schema(), [&self.batch.slice(self.at, rest), &next])?,
            };
            self.units = units(&self.batch, self.unit)?;
            self.at = 0;
            return Ok(true);
        }
        Ok(false)
    }
}

fn units(batch: &RecordBatch, column: usize) -> Result<UInt64Array> {
    match batch.column(column).as_primitive_opt::<UInt64Type>() {
        Some(units) if units.nulls().is_none() => Ok(units.clone()),
        _ => internal_err!("a unit column has another type or NULLs"),
    }
}

/// Rows that belong together, by their places in the two batches.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
    /// Whether a row of the left side may stand more than once.
    repeated: bool,
}

/// Why no more pairs are found for now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// There are enough for a batch.
    Full,
    /// More rows of the left side are needed.
    Left,
    /// More rows of the right side are needed.
    Right,
    /// There are no more.
    Both,
}

/// The state of one partition's join.
struct Join {
    schema: SchemaRef,
    left: Side,
    right: Side,
    /// Whether the right side has no more batches.
    right_ended: bool,
    pairs: Pairs,
    reservation: MemoryReservation,
}

impl Join {
    /// The next batch of pairs; `None` at the end.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let ended = self.pair()?;
            if !self.pairs.left.is_empty() {
                return self.joined().map(Some);
            }
            match ended {
                Ended::Full => {}
                Ended::Left => {
                    if !self.left.more().await? {
                        return Ok(None);
                    }
                }
                Ended::Right => {
                    self.right_ended = !self.right.more().await?;
                    self.reservation.try_resize(self.right.batch.get_array_memory_size())?;
                }
                Ended::Both => return Ok(None),
            }
        }
    }

    /// Finds pairs in the batches that are there.
    fn pair(&mut self) -> Result<Ended> {
        let (left, right, pairs) = (&mut self.left, &mut self.right, &mut self.pairs);
        while pairs.left.len() < BATCH_ROWS {
            let Some(unit) = left.unit() else { return Ok(Ended::Left) };
            right.skip_to(unit);
            let Some(there) = right.unit() else {
                return Ok(if self.right_ended { Ended::Both } else { Ended::Right });
            };
            if there > unit {
                left.skip_to(there);
                continue;
            }
            let end = right.end_of(unit);
            if end == right.units.len() && !self.right_ended {
                return Ok(Ended::Right);
            }
            let (Ok(from), Ok(to)) = (u32::try_from(right.at), u32::try_from(end)) else {
                return internal_err!("a batch is too large");
            };
            // Rows of the right side stay: the unit may go on in the next batch of the left side.
            if to - from == 1 {
                let end = left.end_of(unit);
                pairs.left.extend(left.at as u32..end as u32);
                pairs.right.resize(pairs.left.len(), from);
                left.at = end;
            } else {
                pairs.repeated = true;
                pairs.right.extend(from..to);
                pairs.left.resize(pairs.right.len(), left.at as u32);
                left.at += 1;
            }
        }
        Ok(Ended::Full)
    }

    /// The rows of the pairs, which are forgotten.
    fn joined(&mut self) -> Result<RecordBatch> {
        let Pairs { left, right, repeated } = std::mem::take(&mut self.pairs);
        let rows = left.len();
        let ends = left.first().zip(left.last());
        let whole = ends.filter(|(first, last)| !repeated && (**last - **first) as usize + 1 == rows);
        let mut columns: Vec<ArrayRef> = match whole {
            // Every row of the left side has one of the right side: nothing has to be copied.
            Some((&first, _)) => self.left.batch.slice(first as usize, rows).columns().to_vec(),
            None => take_arrays(self.left.batch.columns(), &UInt32Array::from(left), None)?,
        };
        columns.extend(take_arrays(self.right.batch.columns(), &UInt32Array::from(right), None)?);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use arrow::compute::SortOptions;
    use arrow::datatypes::{Field, Schema};
    use arrow::row::{RowConverter, SortField};
    use datafusion::common::NullEquality;
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::physical_plan::collect;
    use proptest::prelude::*;

    /// Rows of these units, numbered, in batches of these lengths.
    fn input(name: &str, units: &[u64], lengths: &[usize]) -> Arc<dyn ExecutionPlan> {
        let schema = Arc::new(Schema::new(vec![
            Field::new(format!("{name}_text"), DataType::Utf8, true),
            Field::new(name, DataType::UInt64, false),
            Field::new(format!("{name}_row"), DataType::Int64, false),
        ]));
        let (mut from, mut batches) = (0, Vec::new());
        for length in lengths.iter().cycle() {
            let to = (from + length).min(units.len());
            let texts = (from..to).map(|row| (row % 3 > 0).then(|| format!("{name}{row}")));
            let columns: Vec<ArrayRef> = vec![
                Arc::new(texts.collect::<StringArray>()),
                Arc::new(UInt64Array::from(units[from..to].to_vec())),
                Arc::new(Int64Array::from_iter_values(from as i64..to as i64)),
            ];
            batches.push(RecordBatch::try_new(Arc::clone(&schema), columns).unwrap());
            from = to;
            if from == units.len() {
                break;
            }
        }
        MemorySourceConfig::try_new_exec(&[batches], schema, None).unwrap()
    }

    /// What a plan gives: how many rows, each as bytes, sorted, and whether they came by rising unit.
    async fn rows(plan: Arc<dyn ExecutionPlan>) -> (Vec<Vec<u8>>, bool) {
        let batches = collect(Arc::clone(&plan), Arc::new(TaskContext::default())).await.unwrap();
        let all = concat_batches(&plan.schema(), &batches).unwrap();
        let fields = plan.schema().fields().iter().map(|f| SortField::new(f.data_type().clone())).collect();
        let encoded = RowConverter::new(fields).unwrap().convert_columns(all.columns()).unwrap();
        let mut encoded: Vec<Vec<u8>> = encoded.iter().map(|r| r.as_ref().to_vec()).collect();
        encoded.sort();
        let rising = all.column(1).as_primitive::<UInt64Type>().values().is_sorted();
        (encoded, rising)
    }

    fn merge(left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> SortMergeJoinExec {
        let key = |name: &str| Arc::new(Column::new(name, 1)) as Arc<dyn PhysicalExpr>;
        let on = vec![(key("l"), key("r"))];
        let nulls = NullEquality::NullEqualsNothing;
        SortMergeJoinExec::try_new(left, right, on, None, JoinType::Inner, vec![SortOptions::default()], nulls).unwrap()
    }

    fn units() -> impl Strategy<Value = Vec<u64>> {
        let steps = prop::collection::vec(prop_oneof![3 => Just(0u64), 3 => Just(1), 1 => 2u64..6], 0..80);
        steps.prop_map(|steps| steps.iter().scan(0, |unit, step| (*unit += step, Some(*unit)).1).collect())
    }

    proptest! {
        #[test]
        fn the_same_rows_as_a_merge_join(
            left in units(), right in units(), once in any::<bool>(),
            lengths in prop::collection::vec(1usize..40, 2..5),
        ) {
            let mut right = right;
            if once {
                right.dedup();
            }
            let merge = merge(input("l", &left, &lengths), input("r", &right, &lengths[1..]));
            let by_unit = UnitJoinExec { merge: Arc::new(merge.clone()), units: (1, 1) };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (expected, _) = runtime.block_on(rows(Arc::new(merge)));
            let (found, rising) = runtime.block_on(rows(Arc::new(by_unit)));
            prop_assert!(rising);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn not_where_a_unit_may_have_more_rows_than_fit() {
        let merge = merge(input("l", &[1], &[1]), input("r", &[1], &[1]));
        assert!(UnitJoinExec::of(&merge).is_none(), "nothing is known of rows in memory");
    }
}
