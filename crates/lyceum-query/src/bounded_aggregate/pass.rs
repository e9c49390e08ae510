//! The streaming pass over one partition: rows ordered by unit in, one row per group out.
//!
//! A batch is worked on column by column. First every row gets its group ([`super::groups`]), and rows are cut into runs
//! of one unit each ([`super::runs`]). Units that need no bounding are added at once ([`super::light`]). The rows of the
//! others get slots, one per (unit, group) pair ([`super::slots`]); then each accumulator ([`super::accumulate`]) adds its
//! columns into the slots; then all units but the last, which may go on in the next batch, are bounded and added to the
//! groups.

use super::accumulate::{Accumulator, Rows, kinds};
use super::groups::Groups;
use super::runs::{Run, Runs};
use super::sample::Kept;
use super::slots::Slots;
use super::spec::BoundSpec;
use crate::faults::{self, Fault};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, internal_err};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state of one partition's pass.
pub(crate) struct Pass {
    spec: Arc<BoundSpec>,
    groups: Groups,
    runs: Runs,
    slots: Slots,
    kept: Kept,
    accumulators: Vec<Box<dyn Accumulator>>,
}

impl Pass {
    /// An empty pass. Declared groups are known from the start, in the order of their product.
    ///
    /// # Errors
    /// When the spec is inconsistent, which its construction excludes.
    pub(crate) fn new(spec: Arc<BoundSpec>) -> Result<Self> {
        let groups = Groups::new(&spec)?;
        Ok(Self {
            slots: Slots::new(groups.len()),
            kept: Kept::default(),
            runs: Runs::default(),
            accumulators: kinds(&spec, groups.len()),
            groups,
            spec,
        })
    }

    /// Adds a batch whose columns are those of *below*. The unit is its 64-bit id or, where ids are not hashed, its
    /// 32-bit ordinal.
    ///
    /// # Errors
    /// When rows are not ordered by unit or columns have other types, which the plan excludes.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = self.spec.keys.len();
        let known = self.groups.len();
        self.groups.find(&batch.columns()[1..=keys], batch.num_rows(), &self.spec)?;
        if self.groups.len() > known {
            let groups = self.groups.len();
            self.slots.grow(groups);
            self.kept.grow(groups, &self.spec);
            self.accumulators.iter_mut().for_each(|a| a.grow(groups));
        }
        let units = batch.column(0);
        if let (Some(ids), 0) = (units.as_primitive_opt::<UInt64Type>(), units.null_count()) {
            self.assign(ids.values(), batch)?;
        } else if let (Some(ordinals), 0, true) =
            (units.as_primitive_opt::<UInt32Type>(), units.null_count(), self.spec.by_ordinal())
        {
            self.assign(ordinals.values(), batch)?;
        } else {
            return internal_err!("the unit column has another type or NULLs");
        }
        let rows = rows(&self.groups, &self.runs.all, &self.slots, batch, keys);
        self.accumulators.iter_mut().try_for_each(|a| a.fold(&rows))?;
        let split = usize::from(!faults::on(Fault::UnitSplit));
        self.flush(self.slots.open().saturating_sub(split));
        Ok(())
    }

    /// Cuts the rows into runs, adds those units that need no bounding, and gives slots to the rows of the others.
    fn assign<U: Copy + Ord + Into<u64>>(&mut self, units: &[U], batch: &RecordBatch) -> Result<()> {
        self.runs.cut(units)?;
        let first = units.first().map(|&u| u.into());
        if first < self.slots.current() && first.is_some() {
            return internal_err!("rows are not ordered by unit");
        }
        if let [only] = self.accumulators.as_mut_slice() {
            // The first unit may have begun and the last one may go on in another batch.
            let goes_on = first.is_some() && first == self.slots.current();
            let whole = usize::from(goes_on)..self.runs.all.len().saturating_sub(1);
            if whole.start < whole.end {
                let rows = rows(&self.groups, &[], &self.slots, batch, self.spec.keys.len());
                only.take(&rows, &mut self.runs.all, whole)?;
            }
        }
        self.slots.assign(units, &self.runs.all, self.groups.rows())
    }

    /// Flushes the last unit and gives one row per group.
    ///
    /// # Errors
    /// When Arrow can't hold the result.
    pub(crate) fn finish(mut self) -> Result<RecordBatch> {
        self.flush(self.slots.open());
        let schema = self.spec.output_schema();
        let mut columns = self.groups.emit()?;
        let mut measures = BTreeMap::new();
        for accumulator in self.accumulators {
            measures.extend(accumulator.emit()?);
        }
        columns.extend(measures.into_values());
        if self.spec.listed.is_none() {
            columns.push(self.kept.emit(self.spec.classes())?);
        }
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    /// About how many bytes the pass holds.
    pub(crate) fn size(&self) -> usize {
        let accumulators: usize = self.accumulators.iter().map(|a| a.size()).sum();
        self.groups.size() + self.runs.size() + self.slots.size() + self.kept.size() + accumulators
    }

    /// Bounds the first `complete` open units, adds them to the groups, and forgets them.
    fn flush(&mut self, complete: usize) {
        let units = self.slots.complete(complete);
        if self.spec.listed.is_none() {
            self.kept.select(units, self.groups.names(), &self.spec);
        }
        for accumulator in &mut self.accumulators {
            accumulator.flush(units, &self.kept);
        }
        let from = self.slots.carry_over(complete);
        self.accumulators.iter_mut().for_each(|a| a.carry_over(from));
    }
}

/// A batch as accumulators see it; the slots are those of `runs`.
fn rows<'a>(groups: &'a Groups, runs: &'a [Run], slots: &'a Slots, batch: &'a RecordBatch, keys: usize) -> Rows<'a> {
    Rows { batch, first_value: keys + 1, groups: groups.rows(), runs, slots: slots.rows(), len: slots.len() }
}
