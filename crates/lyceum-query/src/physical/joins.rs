//! Which join runs: rows that have units are merged by unit, as they lie in the files; a public table is held in memory
//! and private rows pass by it. DataFusion chooses by statistics, which are withheld, and may hold private rows.

use super::is_public;
use arrow::compute::SortOptions;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::{JoinFilter, JoinOn};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};
use std::sync::Arc;

/// Comes after DataFusion's own choice and before rows are moved and sorted.
#[derive(Debug)]
pub(crate) struct ChooseJoins;

impl PhysicalOptimizerRule for ChooseJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(choose).data()
    }
    fn name(&self) -> &str {
        "choose_joins"
    }
    fn schema_check(&self) -> bool {
        true
    }
}

/// The parts of a join that are the same however it runs.
struct Parts {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    on: JoinOn,
    filter: Option<JoinFilter>,
    join_type: JoinType,
    nulls: NullEquality,
}

fn choose(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let parts = if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        Parts {
            left: Arc::clone(join.left()),
            right: Arc::clone(join.right()),
            on: join.on().to_vec(),
            filter: join.filter().clone(),
            join_type: join.join_type(),
            nulls: join.null_equality(),
        }
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>()
        && !join.contains_projection()
    {
        Parts {
            left: Arc::clone(join.left()),
            right: Arc::clone(join.right()),
            on: join.on().to_vec(),
            filter: join.filter().cloned(),
            join_type: *join.join_type(),
            nulls: join.null_equality(),
        }
    } else {
        return Ok(Transformed::no(plan));
    };
    let Parts { left, right, on, filter, join_type, nulls } = parts;
    if is_public(&right) && !is_public(&left) {
        let mode = PartitionMode::CollectLeft;
        let join = HashJoinExec::try_new(left, right, on, filter, &join_type, None, mode, nulls, false)?;
        return Ok(Transformed::yes(join.swap_inputs(mode)?));
    }
    let options = vec![SortOptions { descending: false, nulls_first: false }; on.len()];
    let join = SortMergeJoinExec::try_new(left, right, on, filter, join_type, options, nulls)?;
    Ok(Transformed::yes(Arc::new(join)))
}
