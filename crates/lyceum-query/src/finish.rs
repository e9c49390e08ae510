//! Stage 8: post-processing of released groups. Runs *above* in a session whose only table is the released one, then
//! attaches an interval to every number that can be followed to its noise. Nothing here is private, nothing is charged.

mod derived;
mod table;

use crate::answer::{Answer, AnswerColumn, ColumnKind, Intervals, OtherRow};
use crate::barrier::{Aggregate, Barrier, Bias, CELL_COLUMN, RELEASED_TABLE, RequestedInterval};
use crate::bounded_aggregate::spec::BoundSpec;
use crate::failure::FinishError;
use crate::lineage;
use crate::price::{CONFIDENCE, NoisePlan};
use crate::release::ReleasedGroups;
use crate::session;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt32Array, new_null_array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{SchemaRef, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::collect;
use futures::FutureExt;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use table::Noisy;

/// Memory of one post-processing, in bytes.
const MEMORY: usize = 256 << 20;
/// Most cells of an answer whose intervals are redrawn: further columns have none. A redraw is some 400 evaluations.
const MAX_REDRAWN_CELLS: usize = 10_000;
/// Longest post-processing.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What happens to released groups. Static; the same for the first answer and for every repeat.
#[derive(Clone)]
pub struct Above {
    plan: LogicalPlan,
    schema: SchemaRef,
    measures: usize,
    aggregates: Vec<Aggregate>,
    intervals: Vec<RequestedInterval>,
    /// By measure: most that one unit adds to one group.
    most: Vec<i64>,
    notes: Vec<String>,
}

impl Above {
    pub(crate) fn new(plan: LogicalPlan, barrier: &Barrier, spec: &BoundSpec, noise: &NoisePlan) -> Self {
        let mut notes = barrier.warnings.clone();
        if barrier.bias == Bias::Unknown {
            notes.push(
                "numbers are of bounded contributions: units above their bounds are scaled down or sampled".to_owned(),
            );
        }
        if let Some(s) = &noise.selection {
            notes.push(format!(
                "groups with fewer than {} units, or fewer than {} after noise, are not shown",
                s.minimum_group_size, s.threshold
            ));
        }
        Self {
            plan,
            schema: barrier.released_schema(),
            measures: spec.measures.len(),
            aggregates: barrier.aggregates.clone(),
            intervals: barrier.intervals.clone(),
            most: spec.measures.iter().map(|m| m.high).collect(),
            notes,
        }
    }

    /// The output columns: name, kind, and the aggregate of a measure.
    pub(crate) fn columns(&self) -> Vec<(String, ColumnKind, Option<usize>)> {
        let traced = lineage::trace(&self.plan);
        let fields = self.plan.schema().fields().iter().enumerate();
        let fields = fields.filter(|(_, f)| f.name() != CELL_COLUMN);
        fields
            .map(|(i, f)| {
                let origin = traced.as_ref().and_then(|t| t.get(i)).map_or(Origin::Unknown, Origin::of);
                let (kind, aggregate) = match origin {
                    Origin::Key => (ColumnKind::Key, None),
                    Origin::Aggregate(a) => (ColumnKind::Measure, Some(a)),
                    Origin::Interval => (ColumnKind::Interval, None),
                    Origin::Expression(_) if f.data_type().is_numeric() => (ColumnKind::Derived, None),
                    Origin::Expression(_) | Origin::Unknown => (ColumnKind::NoInterval, None),
                };
                (f.name().clone(), kind, aggregate)
            })
            .collect()
    }
}

/// What an output column is made of.
enum Origin {
    /// Keys and constants.
    Key,
    /// One aggregate.
    Aggregate(usize),
    /// One end of a requested interval.
    Interval,
    /// Anything else of the same row.
    Expression(Expr),
    /// Not followed.
    Unknown,
}

impl Origin {
    fn of(expr: &Expr) -> Self {
        if let Expr::Column(c) = expr {
            if let Some(a) = lineage::index(&c.name, 'a') {
                return Self::Aggregate(a);
            }
            if lineage::index(&c.name, 'i').is_some() {
                return Self::Interval;
            }
        }
        let noisy = |n: &String| lineage::index(n, 'a').or_else(|| lineage::index(n, 'i')).is_some();
        if lineage::columns(expr).iter().any(noisy) { Self::Expression(expr.clone()) } else { Self::Key }
    }
}

/// Computes the answer from released groups. Deterministic: equal groups give equal answers, intervals included.
///
/// # Errors
/// [`FinishError`]; the released groups are not harmed and can be finished differently, for free.
pub async fn finish(above: Above, groups: &ReleasedGroups) -> Result<Answer, FinishError> {
    if groups.cells.len() != above.measures {
        return Err(FinishError::Stored);
    }
    let runtime = session::runtime(MEMORY, None).map_err(step("runtime"))?;
    let state = session::finish_session(runtime);
    let released = table::released(&above, groups)?;
    let work = AssertUnwindSafe(run(&state, above.plan.clone(), released)).catch_unwind();
    let batch = match tokio::time::timeout(TIMEOUT, work).await {
        Ok(Ok(batch)) => batch.map_err(step("run"))?,
        Ok(Err(_)) => return Err(FinishError::Above { step: "run" }),
        Err(_) => return Err(FinishError::Timeout { seconds: TIMEOUT.as_secs() }),
    };
    Finishing { state, above, groups, redrawn: Cell::new(0) }.answer(&batch)
}

/// Everything that attaching intervals needs.
struct Finishing<'a> {
    state: SessionState,
    above: Above,
    groups: &'a ReleasedGroups,
    /// Cells that intervals were redrawn for so far, of all columns.
    redrawn: Cell<usize>,
}

impl Finishing<'_> {
    fn answer(self, batch: &RecordBatch) -> Result<Answer, FinishError> {
        let cell = batch.schema().fields().iter().rposition(|f| f.name() == CELL_COLUMN);
        let rows = cell.and_then(|c| batch.column(c).as_primitive_opt::<UInt32Type>().cloned());
        let rows = rows.filter(|r| r.null_count() == 0);
        let traced = lineage::trace(&self.above.plan);
        let mut notes = self.above.notes.clone();
        let mut columns = Vec::new();
        let described = self.above.columns();
        let visible: Vec<usize> = (0..batch.num_columns()).filter(|&i| Some(i) != cell).collect();
        for (&position, (name, kind, _)) in visible.iter().zip(described) {
            let origin = traced.as_ref().and_then(|t| t.get(position)).map_or(Origin::Unknown, Origin::of);
            let mut column = AnswerColumn { name, kind, noise_interval: None, estimate_interval: None };
            match (&origin, &rows) {
                (Origin::Aggregate(a), Some(rows)) => {
                    column.noise_interval = Some(self.aggregate_intervals(*a, rows)?);
                    column.estimate_interval = self.estimate_intervals(*a, rows)?;
                }
                (Origin::Expression(expr), Some(rows)) if kind == ColumnKind::Derived => {
                    column.noise_interval = self.derived_intervals(expr, rows, batch.column(position));
                }
                _ => {}
            }
            let expected = matches!(kind, ColumnKind::Measure | ColumnKind::Derived);
            if expected && column.noise_interval.is_none() {
                column.kind = ColumnKind::NoInterval;
            }
            if column.kind == ColumnKind::NoInterval {
                notes.push(format!("column {} is computed in a way that has no interval", column.name));
            }
            columns.push(column);
        }
        let other = traced.and_then(|t| self.other_row(&t, &visible));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = batch.schema().project(&visible).map_err(|_| FinishError::Above { step: "columns" })?;
        let kept = visible.iter().map(|&i| Arc::clone(batch.column(i))).collect();
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), kept, &options)
            .map_err(|_| FinishError::Above { step: "columns" })?;
        Ok(Answer { batch, columns, other, notes })
    }

    fn row(&self, cell: u32) -> Result<Noisy<'_>, FinishError> {
        let cells = self.groups.cells.iter().map(|c| c.get(cell as usize).copied());
        let cells = cells.collect::<Option<Vec<_>>>().ok_or(FinishError::Above { step: "rows" })?;
        Ok(Noisy { cells, sigmas: &self.groups.sigmas })
    }

    fn aggregate_intervals(&self, aggregate: usize, rows: &UInt32Array) -> Result<Intervals, FinishError> {
        let ends = rows.values().iter().map(|&cell| {
            let row = self.row(cell)?;
            Ok(self.above.aggregates.get(aggregate).and_then(|a| row.noise_interval(a, CONFIDENCE)))
        });
        Ok(intervals(ends.collect::<Result<Vec<_>, FinishError>>()?))
    }

    fn estimate_intervals(&self, aggregate: usize, rows: &UInt32Array) -> Result<Option<Intervals>, FinishError> {
        let Some(average @ Aggregate::Average { count, .. }) = self.above.aggregates.get(aggregate) else {
            return Ok(None);
        };
        let most = self.above.most.get(*count).copied().unwrap_or(i64::MAX) as f64;
        let ends = rows.values().iter().map(|&cell| Ok(self.row(cell)?.estimate_interval(average, most, CONFIDENCE)));
        Ok(Some(intervals(ends.collect::<Result<Vec<_>, FinishError>>()?)))
    }

    fn derived_intervals(&self, expr: &Expr, rows: &UInt32Array, values: &ArrayRef) -> Option<Intervals> {
        if let Some(affine) = derived::Affine::of(expr, &self.above.aggregates, &self.above.schema) {
            let half_width = affine.half_width(&self.groups.sigmas, CONFIDENCE)?;
            let values = arrow::compute::cast(values, &arrow::datatypes::DataType::Float64).ok()?;
            let values = values.as_primitive::<arrow::datatypes::Float64Type>();
            return Some(intervals(values.iter().map(|v| v.map(|v| (v - half_width, v + half_width))).collect()));
        }
        let keys = self.groups.keys.iter().map(|k| take(k, rows, None).ok()).collect::<Option<Vec<_>>>()?;
        let rows: Vec<Noisy<'_>> = rows.values().iter().map(|&c| self.row(c).ok()).collect::<Option<_>>()?;
        self.redrawn.set(self.redrawn.get().saturating_add(rows.len()));
        if self.redrawn.get() > MAX_REDRAWN_CELLS {
            return None;
        }
        derived::redraw(&self.above, &rows, &keys, self.physical(expr)?.as_ref()).map(intervals)
    }

    fn physical(&self, expr: &Expr) -> Option<Arc<dyn datafusion::physical_expr::PhysicalExpr>> {
        let schema = DFSchema::try_from(self.above.schema.as_ref().clone()).ok()?;
        self.state.create_physical_expr(expr.clone(), &schema).ok()
    }

    /// The answer's columns evaluated on the `other` cells, keys NULL.
    fn other_row(&self, traced: &[Expr], visible: &[usize]) -> Option<OtherRow> {
        let other = self.groups.other.as_ref()?;
        let row = Noisy { cells: other.cells.clone(), sigmas: &other.sigmas };
        let keys: Vec<ArrayRef> = self.groups.keys.iter().map(|k| new_null_array(k.data_type(), 1)).collect();
        let table = table::table(&self.above, &keys, std::slice::from_ref(&row)).ok()?;
        let mut columns = Vec::new();
        let mut noise_interval = Vec::new();
        let fields = self.above.plan.schema().fields();
        let mut out = Vec::new();
        for &position in visible {
            let expr = traced.get(position)?;
            let value = self.physical(expr)?.evaluate(&table).ok()?.into_array(1).ok()?;
            let interval = match Origin::of(expr) {
                Origin::Aggregate(a) => self.above.aggregates.get(a).and_then(|a| row.noise_interval(a, CONFIDENCE)),
                Origin::Expression(expr) if value.data_type().is_numeric() => {
                    let physical = self.physical(&expr)?;
                    derived::redraw(&self.above, std::slice::from_ref(&row), &keys, physical.as_ref())
                        .and_then(|ends| ends.first().copied().flatten())
                }
                _ => None,
            };
            noise_interval.push(interval);
            let field = fields.get(position)?;
            out.push(arrow::datatypes::Field::new(field.name(), value.data_type().clone(), true));
            columns.push(value);
        }
        let batch = RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(out)), columns).ok()?;
        Some(OtherRow { batch, noise_interval })
    }
}

/// Runs *above* over the released table.
async fn run(state: &SessionState, plan: LogicalPlan, released: RecordBatch) -> Result<RecordBatch, DataFusionError> {
    let schema = Arc::clone(plan.schema().inner());
    let provider = Arc::new(MemTable::try_new(released.schema(), vec![vec![released]])?);
    let plan = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        if scan.table_name.table() == RELEASED_TABLE {
            scan.source = provider_as_source(Arc::clone(&provider) as _);
        }
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })?;
    let physical = state.create_physical_plan(&plan.data).await?;
    let batches = collect(Arc::clone(&physical), state.task_ctx()).await?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

fn intervals(ends: Vec<Option<(f64, f64)>>) -> Intervals {
    Intervals {
        confidence: CONFIDENCE,
        low: ends.iter().map(|e| e.map(|e| e.0)).collect::<Float64Array>(),
        high: ends.iter().map(|e| e.map(|e| e.1)).collect::<Float64Array>(),
    }
}

fn step(step: &'static str) -> impl Fn(DataFusionError) -> FinishError {
    // The text may quote released numbers, which are public, but it is the engine's and not for people.
    move |e| {
        tracing::warn!(stage = "finish", step, error = %e, "post-processing failed");
        FinishError::Above { step }
    }
}
