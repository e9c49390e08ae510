//! Histograms: how often each leaf occurs, with every unit's rows scaled down together where they are too many.
//!
//! Let c_g be a unit's rows in group g. Each of its rows counts with one weight w, so on every level of the histogram
//! what it adds to group g has at most the L2 norm w·c_g. With w² · Σ c_g² ≤ R² the unit is inside of the ball of each
//! level: w is 1 or ⌊√(R² / Σ c_g²)⌋, in fractions of a row. Of undeclared keys the unit keeps its groups, and each
//! row of a group with more than C rows counts with ⌊C / c_g⌋.

use super::accumulate::{Accumulator, Rows};
use super::sample::Kept;
use super::slots::{Complete, NOWHERE};
use super::spec::BoundSpec;
use arrow::array::{ArrayRef, AsArray, FixedSizeListArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, internal_err};
use std::sync::Arc;

/// See the module.
pub(super) struct Leaves {
    spec: Arc<BoundSpec>,
    measure: usize,
    value: usize,
    nodes: u32,
    /// By group, then leaf, in fractions of a row.
    sums: Vec<i64>,
    /// Rows of open units: position and leaf.
    open: Vec<(u32, u32)>,
    /// By position of the unit being worked on: its rows.
    counts: Vec<u64>,
    /// By position: whether it is kept; empty where all are.
    kept: Vec<bool>,
}

impl Leaves {
    pub(super) fn new(spec: Arc<BoundSpec>, measure: usize, value: usize, nodes: u32, groups: usize) -> Self {
        let sums = vec![0; groups * nodes as usize];
        Self { spec, measure, value, nodes, sums, open: Vec::new(), counts: Vec::new(), kept: Vec::new() }
    }

    /// The weight of each of a unit's rows, given how many it has by position.
    fn weight(&self) -> u64 {
        let known = self.spec.balls.get(self.measure).zip(self.spec.fraction_bits.get(self.measure));
        let Some((ball, &fraction)) = known else { return 0 };
        // Rows of a unit are far fewer than 2³², and so are its groups: the norm fits.
        let norm = self.counts.iter().fold(0u128, |n, &c| n.saturating_add(u128::from(c) * u128::from(c)));
        if norm <= ball.radius_squared() >> (2 * fraction) {
            1 << fraction
        } else {
            u64::try_from((ball.radius_squared() / norm.max(1)).isqrt()).unwrap_or(0)
        }
    }
}

impl Accumulator for Leaves {
    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups * self.nodes as usize, 0);
    }

    fn fold(&mut self, rows: &Rows<'_>) -> Result<()> {
        let Some(column) = rows.batch.column(rows.first_value + self.value).as_primitive_opt::<Int64Type>() else {
            return internal_err!("a column of leaves is not Int64");
        };
        for (&position, leaf) in rows.slots.iter().zip(column) {
            if let (false, Some(leaf)) = (position == NOWHERE, leaf.and_then(|l| u32::try_from(l).ok()))
                && leaf < self.nodes
            {
                self.open.push((position, leaf));
            }
        }
        Ok(())
    }

    fn flush(&mut self, complete: Complete<'_>, kept: &Kept) {
        if self.spec.listed.is_none() {
            self.kept.clear();
            self.kept.resize(complete.groups.len(), false);
            for &position in kept.positions() {
                self.kept[position as usize] = true;
            }
        }
        let mut done = 0;
        for range in complete.ranges() {
            let rows = self.open[done..].iter().take_while(|(p, _)| (*p as usize) < range.end).count();
            self.counts.clear();
            self.counts.resize(range.len(), 0);
            let (open, kept) = (&self.open[done..done + rows], &self.kept);
            let counts = |position: u32| kept.is_empty() || kept[position as usize];
            for &(position, _) in open.iter().filter(|(p, _)| counts(*p)) {
                self.counts[position as usize - range.start] += 1;
            }
            let weight = self.weight().cast_signed();
            for &(position, leaf) in open.iter().filter(|(p, _)| counts(*p)) {
                let cell = complete.groups[position as usize] as usize * self.nodes as usize + leaf as usize;
                // Certification limits the rows of all units: with the fraction's bits they fit.
                self.sums[cell] += weight;
            }
            done += rows;
        }
        self.open.drain(..done);
    }

    fn carry_over(&mut self, from: usize) {
        let from = u32::try_from(from).unwrap_or(u32::MAX);
        self.open.iter_mut().for_each(|(position, _)| *position = *position - from + 1);
    }

    fn emit(self: Box<Self>) -> Result<Vec<(usize, ArrayRef)>> {
        let item = Arc::new(Field::new_list_field(DataType::Int64, false));
        let width = i32::try_from(self.nodes).unwrap_or(i32::MAX);
        let list = FixedSizeListArray::try_new(item, width, Arc::new(Int64Array::from(self.sums)), None)?;
        Ok(vec![(self.measure, Arc::new(list) as ArrayRef)])
    }

    fn size(&self) -> usize {
        8 * (self.sums.capacity() + self.open.capacity() + self.counts.capacity()) + self.kept.capacity()
    }
}
