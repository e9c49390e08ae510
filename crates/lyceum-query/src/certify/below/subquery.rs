//! EXISTS and IN become joins, by DataFusion's own rule: what it can turn into one is judged as that join, the rest is
//! refused where it stands.

use super::internal;
use crate::certify::Context;
use crate::error::Refusal;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::{OptimizerContext, OptimizerRule};

/// The plan with predicates on subqueries as joins.
pub(super) fn to_joins(plan: &LogicalPlan, _: &Context<'_>) -> Result<LogicalPlan, Refusal> {
    let rule = DecorrelatePredicateSubquery::new();
    let config = OptimizerContext::new();
    let rewritten = plan.clone().transform_down(|node| match node {
        LogicalPlan::Filter(_) => rule.rewrite(node, &config),
        other => Ok(Transformed::no(other)),
    });
    rewritten.map(|t| t.data).map_err(|_| internal())
}
