//! Attaches intervals to an answer: follows every row to its released groups, and every number to its noise.

use super::derived::{Affine, Beside, redraw};
use super::numbers::{Noisy, Numbers};
use super::table;
use crate::above::{Above, Described, Origin};
use crate::answer::{Answer, AnswerColumn, ColumnKind, Intervals, OtherRow};
use crate::barrier::Aggregate;
use crate::failure::FinishError;
use crate::lineage::{self, Branch};
use crate::noise::CONFIDENCE;
use crate::release::NoisyGroups;
use crate::released_table::{Part, ReleasedColumn};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt32Array, new_null_array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use lyceum_privacy::accuracy::GaussianRedraw;
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

/// Most cells of an answer whose intervals are redrawn: further columns have none. A redraw is some 400 evaluations.
const MAX_REDRAWN_CELLS: usize = 10_000;

/// Two ends per row.
type Ends = Vec<Option<(f64, f64)>>;

/// Everything that attaching intervals needs.
pub(super) struct Finishing<'a> {
    state: &'a SessionState,
    above: &'a Above,
    numbers: &'a [Numbers<'a>],
    groups: &'a [NoisyGroups],
    branches: Vec<Branch>,
    seed: u64,
    /// Cells that intervals were redrawn for so far, of all columns.
    redrawn: Cell<usize>,
}

/// The rows of an answer that came about in one way.
struct Rows {
    /// Positions in the answer.
    positions: Vec<usize>,
    /// By table of the branch: the cell of each row.
    cells: Vec<Vec<u32>>,
}

impl<'a> Finishing<'a> {
    pub(super) fn new(
        state: &'a SessionState,
        above: &'a Above,
        numbers: &'a [Numbers<'a>],
        groups: &'a [NoisyGroups],
    ) -> Self {
        let (branches, seed) = (above.branches(), Numbers::seed(numbers));
        Self { state, above, numbers, groups, branches, seed, redrawn: Cell::new(0) }
    }

    pub(super) fn answer(&self, batch: &RecordBatch) -> Result<Answer, FinishError> {
        let rows = self.rows(batch);
        let mut notes = self.above.notes.clone();
        let mut columns = Vec::new();
        let own = self.above.own_columns();
        for (position, Described { name, kind, .. }) in self.above.columns(&self.branches).into_iter().enumerate() {
            let mut column = AnswerColumn { name, kind, noise_interval: None, estimate_interval: None };
            if matches!(kind, ColumnKind::Measure | ColumnKind::Derived) {
                let (noise, estimate) = self.column(position, batch, &rows);
                column.noise_interval = noise.map(intervals);
                column.estimate_interval = estimate.map(intervals);
                if column.noise_interval.is_none() {
                    column.kind = ColumnKind::NoInterval;
                }
            }
            if column.kind == ColumnKind::NoInterval {
                notes.push(format!("column {} is computed in a way that has no interval", column.name));
            }
            columns.push(column);
        }
        let other = self.other_row(own);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let visible: Vec<usize> = (0..own).collect();
        let schema = batch.schema().project(&visible).map_err(|_| FinishError::Above { step: "columns" })?;
        let kept = batch.columns().iter().take(own).cloned().collect();
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), kept, &options)
            .map_err(|_| FinishError::Above { step: "columns" })?;
        Ok(Answer { batch, columns, other, notes })
    }

    /// By branch: the rows that came about in that way, told by which cells they carry.
    fn rows(&self, batch: &RecordBatch) -> Vec<Rows> {
        let schema = batch.schema();
        let cell = |table: usize| {
            let name = ReleasedColumn { table, part: Part::Cell }.name();
            let position = schema.fields().iter().position(|f| *f.name() == name)?;
            batch.column(position).as_primitive_opt::<UInt32Type>().cloned()
        };
        let carried: Vec<Option<UInt32Array>> = (0..self.numbers.len()).map(cell).collect();
        let empty = |b: &Branch| Rows { positions: Vec::new(), cells: vec![Vec::new(); b.tables.len()] };
        let mut rows: Vec<Rows> = self.branches.iter().map(empty).collect();
        for row in 0..batch.num_rows() {
            let present = |c: &Option<UInt32Array>| c.as_ref().is_some_and(|c| c.is_valid(row));
            let tables: Vec<usize> = (0..carried.len()).filter(|&t| carried.get(t).is_some_and(present)).collect();
            let Some(branch) = self.branches.iter().position(|b| b.tables == tables) else { continue };
            let Some(rows) = rows.get_mut(branch) else { continue };
            rows.positions.push(row);
            for (cells, table) in rows.cells.iter_mut().zip(&tables) {
                cells.extend(carried.get(*table).and_then(Option::as_ref).map(|c| c.value(row)));
            }
        }
        rows
    }

    /// Noise and estimate intervals of a column, if any of its rows has one.
    fn column(&self, position: usize, batch: &RecordBatch, rows: &[Rows]) -> (Option<Ends>, Option<Ends>) {
        let mut noise: Ends = vec![None; batch.num_rows()];
        let mut estimate = noise.clone();
        let (mut any_noise, mut any_estimate) = (batch.num_rows() == 0, false);
        for (branch, rows) in self.branches.iter().zip(rows) {
            let Some(expr) = branch.columns.get(position).and_then(Option::as_ref) else { continue };
            let (here, sampled) = match Origin::of(Some(expr)) {
                Origin::Aggregate { table, aggregate } => {
                    let Some(t) = branch.tables.iter().position(|&t| t == table) else { continue };
                    self.aggregate(table, aggregate, rows.cells.get(t).map_or(&[], Vec::as_slice))
                }
                Origin::Expression => (self.derived(expr, branch, rows, batch.column(position)), None),
                Origin::Key | Origin::Interval | Origin::Unknown => continue,
            };
            any_noise |= put(here, &rows.positions, &mut noise);
            any_estimate |= put(sampled, &rows.positions, &mut estimate);
        }
        (any_noise.then_some(noise), any_estimate.then_some(estimate))
    }

    fn aggregate(&self, table: usize, aggregate: usize, cells: &[u32]) -> (Option<Ends>, Option<Ends>) {
        let Some(numbers) = self.numbers.get(table) else { return (None, None) };
        let Some(aggregate) = numbers.table.aggregates.get(aggregate) else { return (None, None) };
        let noise = cells.iter().map(|&c| numbers.row(c)?.noise_interval(aggregate, CONFIDENCE)).collect();
        let estimate = if let Aggregate::Average { count, .. } = aggregate {
            let most = numbers.most.get(*count).copied().unwrap_or(f64::INFINITY);
            Some(cells.iter().map(|&c| numbers.row(c)?.estimate_interval(aggregate, most, CONFIDENCE)).collect())
        } else {
            None
        };
        (Some(noise), estimate)
    }

    fn derived(&self, expr: &Expr, branch: &Branch, rows: &Rows, values: &ArrayRef) -> Option<Ends> {
        let mut named: Vec<usize> = lineage::columns(expr).iter().map(|c| c.table).collect();
        named.sort_unstable();
        named.dedup();
        if let [only] = named.as_slice()
            && let Some(numbers) = self.numbers.get(*only)
            && let Some(affine) = Affine::of(expr, &numbers.table.aggregates, &numbers.table.schema(*only))
        {
            let half_width = affine.half_width(&numbers.sigmas, CONFIDENCE)?;
            let values = arrow::compute::cast(values, &DataType::Float64).ok()?;
            let values = values.as_primitive::<Float64Type>();
            let at = |&row: &usize| values.is_valid(row).then(|| values.value(row));
            return Some(rows.positions.iter().map(|p| at(p).map(|v| (v - half_width, v + half_width))).collect());
        }
        self.redrawn.set(self.redrawn.get().saturating_add(rows.positions.len()));
        if self.redrawn.get() > MAX_REDRAWN_CELLS {
            return None;
        }
        let tables = branch.tables.iter().zip(&rows.cells);
        let tables = tables.map(|(&t, cells)| Some((t, self.numbers.get(t)?, cells.clone())));
        let beside = Beside::new(tables.collect::<Option<_>>()?, rows.positions.len());
        beside.redraw(self.seed, self.physical(expr, beside.schema())?.as_ref())
    }

    fn physical(&self, expr: &Expr, schema: &SchemaRef) -> Option<Arc<dyn PhysicalExpr>> {
        let schema = DFSchema::try_from(schema.as_ref().clone()).ok()?;
        self.state.create_physical_expr(expr.clone(), &schema).ok()
    }

    /// The answer's columns evaluated on the `other` cells, keys NULL: where every row is a group of one release.
    fn other_row(&self, own: usize) -> Option<OtherRow> {
        let ([branch], [numbers], [groups]) = (self.branches.as_slice(), self.numbers, self.groups) else {
            return None;
        };
        let other = groups.other.as_ref()?;
        let cells = other.cells.iter().map(|c| Cow::Owned(c.iter().copied().collect())).collect();
        let row = Noisy { cells, sigmas: &other.sigmas };
        let keys: Vec<ArrayRef> = numbers.keys.iter().map(|k| new_null_array(k.data_type(), 1)).collect();
        let schema = numbers.table.schema(0);
        let of = |row: &Noisy<'_>| {
            let columns = table::columns(numbers, &keys, std::slice::from_ref(row), vec![0]);
            table::batch(Arc::clone(&schema), columns, 1)
        };
        let exact = of(&row)?;
        let stream = GaussianRedraw::new(self.seed);
        let (mut columns, mut noise_interval, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for (position, field) in self.above.plan.schema().fields().iter().take(own).enumerate() {
            let expr = branch.columns.get(position)?.as_ref()?;
            let physical = self.physical(expr, &schema)?;
            let value = physical.evaluate(&exact).ok()?.into_array(1).ok()?;
            let interval = match Origin::of(Some(expr)) {
                Origin::Aggregate { aggregate, .. } => {
                    numbers.table.aggregates.get(aggregate).and_then(|a| row.noise_interval(a, CONFIDENCE))
                }
                Origin::Expression if value.data_type().is_numeric() => {
                    let drawn = |replicate| of(&numbers.redrawn_other(&row, &stream, replicate));
                    redraw(1, physical.as_ref(), drawn).and_then(|ends| ends.first().copied().flatten())
                }
                _ => None,
            };
            noise_interval.push(interval);
            out.push(Field::new(field.name(), value.data_type().clone(), true));
            columns.push(value);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(out)), columns).ok()?;
        Some(OtherRow { batch, noise_interval })
    }
}

/// Writes the ends of some rows; whether there are any.
fn put(ends: Option<Ends>, positions: &[usize], all: &mut Ends) -> bool {
    let Some(ends) = ends else { return false };
    for (position, ends) in positions.iter().zip(ends) {
        if let Some(place) = all.get_mut(*position) {
            *place = ends;
        }
    }
    !positions.is_empty()
}

fn intervals(ends: Ends) -> Intervals {
    Intervals {
        confidence: CONFIDENCE,
        low: ends.iter().map(|e| e.map(|e| e.0)).collect::<Float64Array>(),
        high: ends.iter().map(|e| e.map(|e| e.1)).collect::<Float64Array>(),
    }
}
