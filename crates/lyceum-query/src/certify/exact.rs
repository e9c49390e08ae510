//! The same text on rows that are read as they are: contribution bounds limit nothing there, and an interval around an
//! exact number has no width. So the markers of both are taken out before such a plan is checked, names unchanged.
//!
//! ```text
//! SUM(x, contribution_bounds_per_group => (0, 9))  →  SUM(x)
//! DP_INTERVAL_LOW(n, 0.9)                          →  CAST(n AS DOUBLE)
//! ```

use crate::bind::plain_aggregate;
use crate::parse::{BOUNDED_PREFIX, INTERVAL_HIGH, INTERVAL_LOW};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::{AggregateFunction, Cast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The plan without markers of contribution bounds and intervals.
pub(super) fn without_markers(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(exact)?.update_data(|e| name.restore(e)))
        })?;
        if node.transformed { node.map_data(LogicalPlan::recompute_schema) } else { Ok(node) }
    })?;
    Ok(rewritten.data)
}

fn exact(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::AggregateFunction(f) if f.func.name().starts_with(BOUNDED_PREFIX) => {
            let base = f.func.name().trim_start_matches(BOUNDED_PREFIX);
            let Some(func) = plain_aggregate(base) else { return Ok(Transformed::no(Expr::AggregateFunction(f))) };
            let mut params = f.params;
            params.args.truncate(1);
            Ok(Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params })))
        }
        Expr::ScalarFunction(mut f) if [INTERVAL_LOW, INTERVAL_HIGH].contains(&f.func.name()) && !f.args.is_empty() => {
            let number = f.args.swap_remove(0);
            Ok(Transformed::yes(Expr::Cast(Cast::new(Box::new(number), DataType::Float64))))
        }
        other => Ok(Transformed::no(other)),
    }
}
