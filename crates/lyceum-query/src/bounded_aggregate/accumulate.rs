//! What a pass does with slots: the trait that every kind of accumulator implements.
//!
//! The pass gives every row a slot and knows when a unit is complete; an accumulator folds rows into slots, bounds what
//! a complete unit contributes, and adds it to the groups. Calls are per batch, so loops over rows stay free of dispatch.
//! A new kind is a file with this trait and a line in [`kinds`].

use super::distinct_values::DistinctValues;
use super::leaves::Leaves;
use super::runs::Run;
use super::sample::Kept;
use super::slots::Complete;
use super::spec::BoundSpec;
use super::sums_in_ball::SumsInBall;
use super::sums_of_kept::SumsOfKept;
use crate::barrier::Fold;
use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use std::ops::Range;
use std::sync::Arc;

/// One kind of accumulator over one partition.
///
/// Nothing here may fail, overflow or allocate beyond rows of a batch and groups because of a value. All arithmetic is
/// exact, so that neither the order of a unit's rows nor partitions matter.
pub(super) trait Accumulator: Send {
    /// Makes room for `groups` groups, without forgetting any.
    fn grow(&mut self, groups: usize);

    /// Adds units that need no bounding to the groups at once and takes them out of `runs`. Those in `whole` are all there
    /// of their unit. Only asked where it is the only accumulator.
    ///
    /// # Errors
    /// When a column is of another type than the plan says.
    fn take(&mut self, _rows: &Rows<'_>, _runs: &mut Vec<Run>, _whole: Range<usize>) -> Result<()> {
        Ok(())
    }

    /// Folds the rows of a batch into their slots.
    ///
    /// # Errors
    /// When a column is of another type than the plan says.
    fn fold(&mut self, rows: &Rows<'_>) -> Result<()>;

    /// Bounds the units that are complete and adds them to the groups.
    fn flush(&mut self, complete: Complete<'_>, kept: &Kept);

    /// Moves the slots from position `from` on to position 1 and forgets the others.
    fn carry_over(&mut self, from: usize);

    /// What it has by group, as columns with their measures.
    ///
    /// # Errors
    /// When Arrow can't hold the columns.
    fn emit(self: Box<Self>) -> Result<Vec<(usize, ArrayRef)>>;

    /// About how many bytes it holds.
    fn size(&self) -> usize;
}

/// The rows of a batch.
pub(super) struct Rows<'a> {
    /// Columns as *below* has them.
    pub(super) batch: &'a RecordBatch,
    /// Position of the first fixed-point column.
    pub(super) first_value: usize,
    /// The group of each row, larger than any group where it has none.
    pub(super) groups: &'a [u32],
    /// The rows to be folded, in order.
    pub(super) runs: &'a [Run],
    /// The slot of each row of these runs; the first one means nowhere.
    pub(super) slots: &'a [u32],
    /// How many slots there are.
    pub(super) len: usize,
}

/// The accumulators of a query; together they give its measures. Those of numbers come first and leave zeros in the
/// places of the others.
pub(super) fn kinds(spec: &Arc<BoundSpec>, groups: usize) -> Vec<Box<dyn Accumulator>> {
    let mut kinds: Vec<Box<dyn Accumulator>> = if spec.listed.is_some() {
        vec![Box::new(SumsInBall::new(Arc::clone(spec), groups))]
    } else {
        vec![Box::new(SumsOfKept::new(Arc::clone(spec), groups))]
    };
    for (measure, m) in spec.measures.iter().enumerate() {
        match m.fold {
            Fold::Leaves { value, nodes } => {
                kinds.push(Box::new(Leaves::new(Arc::clone(spec), measure, value, nodes, groups)));
            }
            Fold::Distinct { value } => {
                kinds.push(Box::new(DistinctValues::new(Arc::clone(spec), measure, value, groups)));
            }
            Fold::Rows | Fold::NonNull { .. } | Fold::Sum { .. } | Fold::Units | Fold::Level { .. } => {}
        }
    }
    kinds
}
