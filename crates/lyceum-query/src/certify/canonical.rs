//! The private part of a query as a text that tells any two of them apart. How DataFusion prints plans doesn't:
//! quotes in texts are not escaped, and `a AND b IS NULL` stands for two different conditions. Equal texts are given
//! equal stored answers, so here every tree is written with its structure and every text with its quotes escaped.

use super::tables;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::fmt::Write;

/// Writes a plan in normal form. Tables are named by release and version, and by the place where they stand.
pub(crate) fn plan(plan: &LogicalPlan, text: &mut String) {
    let list = |expressions: &[Expr]| format!("{:?}", expressions.iter().map(expression).collect::<Vec<_>>());
    // Writing to a string never fails.
    let _ = match plan {
        LogicalPlan::TableScan(scan) => {
            let table = tables::source(scan).map(|s| s.table());
            let table = table.map(|t| format!("{} {} {:?}", t.release, t.version, t.table.name().as_str()));
            writeln!(text, "scan {:?} {table:?}", scan.table_name)
        }
        LogicalPlan::Filter(filter) => writeln!(text, "filter {}", expression(&filter.predicate)),
        LogicalPlan::Projection(projection) => writeln!(text, "project {}", list(&projection.expr)),
        LogicalPlan::Aggregate(aggregate) => {
            writeln!(text, "group {} {}", list(&aggregate.group_expr), list(&aggregate.aggr_expr))
        }
        LogicalPlan::Window(window) => writeln!(text, "window {}", list(&window.window_expr)),
        LogicalPlan::Join(join) => {
            let on: Vec<(String, String)> = join.on.iter().map(|(l, r)| (expression(l), expression(r))).collect();
            let filter = join.filter.as_ref().map(expression);
            writeln!(text, "join {:?} {on:?} {filter:?} {:?} {}", join.join_type, join.null_equality, join.null_aware)
        }
        LogicalPlan::Union(_) => writeln!(text, "union"),
        other => writeln!(text, "{:?} {}", other.display().to_string(), list(&other.expressions())),
    };
    let inputs = plan.inputs();
    let _ = writeln!(text, "inputs {}", inputs.len());
    for input in inputs {
        self::plan(input, text);
    }
}

/// Values of a key, texts escaped.
pub(super) fn values(values: Option<&[ScalarValue]>) -> String {
    format!("{:?}", values.map(|v| v.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>()))
}

/// An expression in normal form.
pub(crate) fn expression(expr: &Expr) -> String {
    let escaped = expr.clone().transform_up(|e| {
        Ok(match e {
            Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) => {
                Transformed::yes(Expr::Literal(ScalarValue::Utf8(Some(format!("{text:?}"))), metadata))
            }
            other => Transformed::no(other),
        })
    });
    // The closure never fails.
    escaped.map_or_else(|_| format!("{expr:?}"), |e| format!("{:?}", e.data))
}
