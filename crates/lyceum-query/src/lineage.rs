//! Which released numbers an output column of *above* is made of.

use crate::barrier::RELEASED_TABLE;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Expressions larger than this are not followed.
const MAX_NODES: usize = 400;

/// Every output column as an expression of the released table's columns (unqualified), or `None` where rows can't be
/// followed one to one.
pub(crate) fn trace(plan: &LogicalPlan) -> Option<Vec<Expr>> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == RELEASED_TABLE => {
            let fields = scan.projected_schema.fields().iter();
            Some(fields.map(|f| Expr::Column(Column::new_unqualified(f.name()))).collect())
        }
        LogicalPlan::Projection(projection) => {
            let inner = trace(&projection.input)?;
            projection.expr.iter().map(|e| substitute(e, &projection.input, &inner)).collect()
        }
        LogicalPlan::Filter(filter) => trace(&filter.input),
        LogicalPlan::Sort(sort) => trace(&sort.input),
        LogicalPlan::Limit(limit) => trace(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => trace(&alias.input),
        _ => None,
    }
}

/// The names of the released columns that an expression reads.
pub(crate) fn columns(expr: &Expr) -> Vec<String> {
    let mut names: Vec<String> = expr.column_refs().into_iter().map(|c| c.name.clone()).collect();
    names.sort();
    names
}

/// The index `i` of a column named `<letter><i>`.
pub(crate) fn index(name: &str, letter: char) -> Option<usize> {
    name.strip_prefix(letter)?.parse().ok()
}

fn substitute(expr: &Expr, input: &LogicalPlan, inner: &[Expr]) -> Option<Expr> {
    let replaced = expr.clone().transform_up(|e| {
        Ok(match e {
            Expr::Column(column) => Transformed::yes(inner[input.schema().index_of_column(&column)?].clone()),
            Expr::Alias(alias) => Transformed::yes(*alias.expr),
            other => Transformed::no(other),
        })
    });
    let replaced = replaced.ok()?.data;
    let mut nodes = 0usize;
    let counted: Result<_> = replaced.apply(|_| {
        nodes += 1;
        Ok(if nodes > MAX_NODES { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    (counted.is_ok() && nodes <= MAX_NODES && !replaced.is_volatile()).then_some(replaced)
}
