//! The pass as it was first written, simple and slow: what the pass gives must equal it bit for bit.

use crate::barrier::Fold;
use crate::bounded_aggregate::spec::BoundSpec;
use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, FixedSizeListArray, Int64Array, UInt32Array, UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt64Type};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;

/// The slot of rows whose key is not declared. Ingest and certification make that impossible; such a row would be
/// counted nowhere rather than in a group that isn't its own.
const NOWHERE: u32 = 0;

/// The state of one partition's pass.
pub(crate) struct Pass {
    spec: Arc<BoundSpec>,
    groups: Box<dyn GroupValues>,
    rows: Option<RowConverter>,
    /// Keyed names of groups, for sampling; only for undeclared keys.
    group_names: Vec<u64>,
    /// Exact sums by measure, then group.
    sums: Vec<Vec<i128>>,
    /// Units kept, by group, then class; only for undeclared keys.
    units: Vec<u64>,
    /// The last slot of each group; valid if it is the current unit's and names the group back.
    slot_of: Vec<u32>,
    /// The group of each slot.
    pairs: Vec<u32>,
    /// The units met and not yet flushed, with their first slots.
    open: Vec<(u64, u32)>,
    /// By measure, then slot: what the unit adds to the group before bounding.
    cells: Vec<Vec<i128>>,
    index: Vec<usize>,
    slots: Vec<u32>,
    kept: Vec<u32>,
}

impl Pass {
    /// An empty pass. Declared groups are known from the start, in the order of their product.
    pub(crate) fn new(spec: Arc<BoundSpec>) -> Result<Self> {
        let schema = Arc::new(Schema::new(spec.key_fields().collect::<Vec<_>>()));
        let mut groups = new_group_values(schema, &GroupOrdering::None)?;
        let mut index = Vec::new();
        let (known, rows) = if let Some((columns, cells)) = &spec.listed {
            if !columns.is_empty() {
                groups.intern(columns, &mut index)?;
                if index.iter().enumerate().any(|(i, &g)| i != g) {
                    return internal_err!("declared keys are not distinct");
                }
            }
            (*cells, None)
        } else {
            let fields = spec.keys.iter().map(|k| SortField::new(k.data_type.clone())).collect();
            (0, Some(RowConverter::new(fields)?))
        };
        let measures = spec.measures.len();
        Ok(Self {
            groups,
            rows,
            group_names: Vec::new(),
            sums: vec![vec![0; known]; measures],
            units: Vec::new(),
            slot_of: vec![NOWHERE; known],
            pairs: vec![u32::MAX],
            open: Vec::new(),
            cells: vec![vec![0]; measures],
            index,
            slots: Vec::new(),
            kept: Vec::new(),
            spec,
        })
    }

    /// Adds a batch whose columns are those of *below*.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = self.spec.keys.len();
        let Some(units) = batch.column(0).as_primitive_opt::<UInt64Type>().filter(|u| u.null_count() == 0) else {
            return internal_err!("the unit column is not UInt64 or has NULLs");
        };
        self.find_groups(batch, keys)?;
        self.find_slots(units)?;
        for m in 0..self.cells.len() {
            let fold = self.spec.measures[m].fold;
            self.cells[m].resize(self.pairs.len(), 0);
            fold_rows(fold, batch, keys + 1, &self.slots, &mut self.cells[m])?;
        }
        let complete = self.open.len().saturating_sub(1);
        self.flush(complete);
        self.carry_over(complete);
        Ok(())
    }

    /// Flushes the last unit and gives one row per group.
    pub(crate) fn finish(mut self) -> Result<RecordBatch> {
        self.flush(self.open.len());
        let sums = self.sums.into_iter().map(|s| {
            Decimal128Array::from_iter_values(s).with_precision_and_scale(38, 0).map(|a| Arc::new(a) as ArrayRef)
        });
        let sums = sums.collect::<std::result::Result<Vec<_>, _>>()?;
        let columns = if let Some((_, cells)) = &self.spec.listed {
            let cells = u32::try_from(*cells).map_err(|e| DataFusionError::External(Box::new(e)))?;
            let group: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..cells));
            std::iter::once(group).chain(sums).collect()
        } else {
            let mut columns = self.groups.emit(EmitTo::All)?;
            columns.extend(sums);
            let item = Arc::new(Field::new_list_field(DataType::UInt64, false));
            let units = Arc::new(UInt64Array::from(self.units));
            columns.push(Arc::new(FixedSizeListArray::try_new(item, self.spec.classes() as i32, units, None)?));
            columns
        };
        Ok(RecordBatch::try_new(self.spec.output_schema(), columns)?)
    }

    /// Fills `index` with the group of every row, and makes room for new groups.
    fn find_groups(&mut self, batch: &RecordBatch, keys: usize) -> Result<()> {
        if keys == 0 {
            self.index.clear();
            self.index.resize(batch.num_rows(), 0);
            return Ok(());
        }
        let columns = &batch.columns()[1..=keys];
        self.groups.intern(columns, &mut self.index)?;
        let Some(rows) = &self.rows else { return Ok(()) };
        let known = self.group_names.len();
        let all = self.groups.len();
        if all == known {
            return Ok(());
        }
        // Groups are numbered as they are met, so each new one's first row is met in order.
        let mut first = Vec::with_capacity(all - known);
        for (row, &group) in self.index.iter().enumerate() {
            if group == known + first.len() {
                first.push(row as u32);
            }
        }
        let first = UInt32Array::from(first);
        let new = columns.iter().map(|c| take(c, &first, None)).collect::<std::result::Result<Vec<_>, _>>()?;
        let encoded = rows.convert_columns(&new)?;
        self.group_names.extend(encoded.iter().map(|row| self.spec.sampling.group(row.as_ref())));
        if self.group_names.len() != all {
            return internal_err!("groups are not numbered as they are met");
        }
        self.slot_of.resize(all, NOWHERE);
        self.units.resize(all * self.spec.classes(), 0);
        for sums in &mut self.sums {
            sums.resize(all, 0);
        }
        Ok(())
    }

    /// Fills `slots` with the slot of every row.
    fn find_slots(&mut self, units: &UInt64Array) -> Result<()> {
        self.slots.clear();
        let groups = self.slot_of.len();
        let mut current = self.open.last().copied();
        for (&unit, &group) in units.values().iter().zip(&self.index) {
            let start = match current {
                Some((open, start)) if open == unit => start,
                Some((open, _)) if open > unit => return internal_err!("rows are not ordered by unit"),
                _ => {
                    let start = self.pairs.len() as u32;
                    self.open.push((unit, start));
                    current = Some((unit, start));
                    start
                }
            };
            if group >= groups {
                self.slots.push(NOWHERE);
                continue;
            }
            let slot = self.slot_of[group];
            let known = slot >= start && self.pairs.get(slot as usize) == Some(&(group as u32));
            let slot = if known {
                slot
            } else {
                let new = self.pairs.len() as u32;
                self.pairs.push(group as u32);
                self.slot_of[group] = new;
                new
            };
            self.slots.push(slot);
        }
        Ok(())
    }

    /// Bounds the first `complete` open units and adds them to the groups.
    fn flush(&mut self, complete: usize) {
        for i in 0..complete {
            let (unit, start) = self.open[i];
            let end = self.open.get(i + 1).map_or(self.pairs.len(), |next| next.1 as usize);
            self.kept.clear();
            self.kept.extend(start..end as u32);
            if self.spec.listed.is_none() {
                self.keep(unit);
            }
            self.add();
        }
    }

    /// Undeclared keys: the unit's at most M groups, counted by class.
    fn keep(&mut self, unit: u64) {
        let (names, pairs, sampling) = (&self.group_names, &self.pairs, &self.spec.sampling);
        self.kept.sort_by_key(|&slot| {
            let name = names[pairs[slot as usize] as usize];
            (sampling.rank(unit, name), name)
        });
        self.kept.truncate(self.spec.kept_groups as usize);
        let weights = self.spec.weights.as_ref().unwrap();
        for &slot in &self.kept {
            self.units
                [self.pairs[slot as usize] as usize * weights.classes() + weights.class_of(self.kept.len() as u32)] +=
                1;
        }
    }

    /// The whole vector of each measure into its L2 ball: the level by bisection.
    fn add(&mut self) {
        let spec = Arc::clone(&self.spec);
        let finer = spec.balls.iter().zip(&spec.fraction_bits);
        let vectors: Vec<Vec<i64>> = finer
            .zip(&self.cells)
            // A cell sums fewer than 2⁴⁰ 64-bit values, so the shift has room.
            .map(|((ball, &f), cells)| self.kept.iter().map(|&p| ball.saturate(cells[p as usize] << f)).collect())
            .collect();
        let level = |m: usize| {
            let inside = |level: u64| {
                let squares = vectors[m].iter().map(|v| u128::from(v.unsigned_abs().min(level)).pow(2));
                squares.fold(0u128, u128::saturating_add) <= spec.balls[m].radius_squared()
            };
            let (mut low, mut high) = (0, 1u64 << 62);
            if inside(high) {
                return high;
            }
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if inside(middle) { low = middle } else { high = middle }
            }
            low
        };
        let levels: Vec<u64> = (0..vectors.len()).map(level).collect();
        for (m, measure) in spec.measures.iter().enumerate() {
            for (i, &slot) in self.kept.iter().enumerate() {
                let together = (0..vectors.len()).filter(|&o| spec.measures[o].scale_group == measure.scale_group);
                let cut = |o: usize| {
                    let of = u128::from(vectors[o][i].unsigned_abs()).max(1);
                    u128::from(vectors[m][i].unsigned_abs()) * of.min(u128::from(levels[o])) / of
                };
                let v = together.map(cut).min().unwrap() as i128;
                self.sums[m][self.pairs[slot as usize] as usize] += v * i128::from(vectors[m][i].signum());
            }
        }
    }

    /// Moves the unit after the first `complete` ones to the front, and forgets the rest.
    fn carry_over(&mut self, complete: usize) {
        let Some(&(unit, start)) = self.open.get(complete) else { return };
        let start = start as usize;
        self.pairs.drain(1..start);
        for cells in &mut self.cells {
            cells.drain(1..start);
            cells[NOWHERE as usize] = 0;
        }
        for (slot, &group) in self.pairs.iter().enumerate().skip(1) {
            self.slot_of[group as usize] = slot as u32;
        }
        self.open.clear();
        self.open.push((unit, 1));
    }
}

/// Adds one measure of every row to its slot. `first_value` is the position of the first fixed-point column.
fn fold_rows(fold: Fold, batch: &RecordBatch, first_value: usize, slots: &[u32], cells: &mut [i128]) -> Result<()> {
    match fold {
        Fold::Leaves { .. } | Fold::Level { .. } | Fold::Distinct { .. } => panic!("not a kind of sum"),
        Fold::Rows => slots.iter().for_each(|&s| cells[s as usize] += 1),
        Fold::Units => slots.iter().for_each(|&s| cells[s as usize] = 1),
        Fold::NonNull { value } => {
            let column = batch.column(first_value + value);
            for (row, &slot) in slots.iter().enumerate() {
                cells[slot as usize] += i128::from(column.is_valid(row));
            }
        }
        Fold::Sum { value } => {
            let Some(column) = batch.column(first_value + value).as_primitive_opt::<Int64Type>() else {
                return internal_err!("a value column is not Int64");
            };
            add_column(column, slots, cells);
        }
    }
    Ok(())
}

fn add_column(column: &Int64Array, slots: &[u32], cells: &mut [i128]) {
    if column.null_count() == 0 {
        for (&v, &slot) in column.values().iter().zip(slots) {
            cells[slot as usize] += i128::from(v);
        }
    } else {
        for (v, &slot) in column.iter().zip(slots) {
            cells[slot as usize] += i128::from(v.unwrap_or(0));
        }
    }
}
