//! EXISTS, IN and correlated scalar subqueries become joins, by DataFusion's own rules: what they can turn into one is
//! judged as that join, the rest is refused where it stands. A scalar subquery that is not correlated is about several
//! persons at once and stays one.

use super::internal;
use crate::error::Refusal;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion::optimizer::{OptimizerContext, OptimizerRule};

/// The plan with subqueries of expressions as joins.
pub(super) fn to_joins(plan: &LogicalPlan) -> Result<LogicalPlan, Refusal> {
    let (predicates, scalars) = (DecorrelatePredicateSubquery::new(), ScalarSubqueryToJoin::new());
    let config = OptimizerContext::new();
    let rewritten = plan.clone().transform_down(|node| match node {
        LogicalPlan::Filter(_) | LogicalPlan::Projection(_) if correlated(&node) => scalars.rewrite(node, &config),
        LogicalPlan::Filter(_) => predicates.rewrite(node, &config),
        other => Ok(Transformed::no(other)),
    });
    rewritten.map(|t| t.data).map_err(|_| internal())
}

/// Whether a node has scalar subqueries and all of them are correlated.
fn correlated(node: &LogicalPlan) -> bool {
    let (mut some, mut all) = (false, true);
    // The closures never fail.
    let _ = node.apply_expressions(|expr| {
        expr.apply(|e| {
            if let Expr::ScalarSubquery(subquery) = e {
                some = true;
                all &= !subquery.outer_ref_columns.is_empty();
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    some && all
}
