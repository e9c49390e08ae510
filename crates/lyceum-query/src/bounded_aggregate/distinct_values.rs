//! Different values by group: each unit keeps at most so many values in at most L0 groups, chosen by keyed hashes; the
//! union over units is counted when all partitions are together. Values are only known by their hashes under the
//! charge's secret key: of n values two share one with a chance of n²/2⁶⁵, which takes one from the count.

use super::accumulate::{Accumulator, Rows};
use super::sample::Kept;
use super::slots::{Complete, NOWHERE};
use super::spec::BoundSpec;
use arrow::array::{Array, ArrayRef, ListBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use std::collections::HashSet;
use std::sync::Arc;

/// See the module.
pub(super) struct DistinctValues {
    spec: Arc<BoundSpec>,
    measure: usize,
    value: usize,
    /// By group.
    values: Vec<HashSet<u64>>,
    held: usize,
    /// Rows of open units: position and hash of the value.
    open: Vec<(u32, u64)>,
    positions: Vec<u32>,
    hashes: Vec<u64>,
}

impl DistinctValues {
    pub(super) fn new(spec: Arc<BoundSpec>, measure: usize, value: usize, groups: usize) -> Self {
        let values = vec![HashSet::new(); groups];
        Self { spec, measure, value, values, held: 0, open: Vec::new(), positions: Vec::new(), hashes: Vec::new() }
    }

    /// Adds what a unit keeps of one group.
    fn keep(&mut self, unit: u64, group: usize, most: usize) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        if self.hashes.len() > most {
            let sampling = &self.spec.sampling;
            self.hashes.select_nth_unstable_by_key(most, |&hash| (sampling.rank(unit, hash), hash));
            self.hashes.truncate(most);
        }
        if let Some(values) = self.values.get_mut(group) {
            let before = values.len();
            values.extend(&self.hashes);
            self.held += values.len() - before;
        }
    }
}

impl Accumulator for DistinctValues {
    fn grow(&mut self, groups: usize) {
        self.values.resize(groups, HashSet::new());
    }

    fn fold(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = rows.batch.column(rows.first_value + self.value);
        let encoded = RowConverter::new(vec![SortField::new(column.data_type().clone())])?
            .convert_columns(std::slice::from_ref(column))?;
        for (row, (&position, encoded)) in rows.slots.iter().zip(encoded.iter()).enumerate() {
            if position != NOWHERE && column.is_valid(row) {
                self.open.push((position, self.spec.sampling.group(encoded.as_ref())));
            }
        }
        Ok(())
    }

    fn flush(&mut self, complete: Complete<'_>, kept: &Kept) {
        let limit = self.spec.max_groups as usize;
        let most = self.spec.measures.get(self.measure).map_or(0, |m| usize::try_from(m.high).unwrap_or(0));
        let undeclared: Option<HashSet<u32>> =
            self.spec.listed.is_none().then(|| kept.fewest().iter().copied().collect());
        let mut done = 0;
        for (&unit, range) in complete.units.iter().zip(complete.ranges()) {
            let start = done;
            done += self.open[done..].iter().take_while(|(p, _)| (*p as usize) < range.end).count();
            self.open[start..done].sort_unstable();
            self.positions.clear();
            self.positions.extend(self.open[start..done].iter().map(|(p, _)| *p));
            self.positions.dedup();
            match &undeclared {
                Some(kept) => self.positions.retain(|p| kept.contains(p)),
                None if self.positions.len() > limit => {
                    let sampling = &self.spec.sampling;
                    self.positions.select_nth_unstable_by_key(limit, |&p| {
                        let group = u64::from(complete.groups[p as usize]);
                        (sampling.rank(unit, group), group)
                    });
                    self.positions.truncate(limit);
                }
                None => {}
            }
            for i in 0..self.positions.len() {
                let position = self.positions[i];
                let hashes = self.open[start..done].iter().filter(|(p, _)| *p == position).map(|(_, hash)| *hash);
                self.hashes.clear();
                self.hashes.extend(hashes);
                self.keep(unit, complete.groups[position as usize] as usize, most);
            }
        }
        self.open.drain(..done);
    }

    fn carry_over(&mut self, from: usize) {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        self.open.iter_mut().for_each(|(position, _)| *position = *position - from + 1);
    }

    fn emit(self: Box<Self>) -> Result<Vec<(usize, ArrayRef)>> {
        let item = Arc::new(Field::new_list_field(DataType::UInt64, false));
        let values = UInt64Builder::with_capacity(self.held);
        let mut lists = ListBuilder::with_capacity(values, self.values.len()).with_field(item);
        for values in self.values {
            lists.append_value(values.into_iter().map(Some));
        }
        Ok(vec![(self.measure, Arc::new(lists.finish()) as ArrayRef)])
    }

    fn size(&self) -> usize {
        // A set holds about two places of nine bytes for each value.
        18 * self.held + 48 * self.values.len() + 16 * self.open.capacity() + 12 * self.positions.capacity()
    }
}
