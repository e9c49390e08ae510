//! The private part of a query as a text that tells any two of them apart. How DataFusion prints plans doesn't:
//! quotes in texts are not escaped, and `a AND b IS NULL` stands for two different conditions. Equal texts are given
//! equal stored answers, so here every tree is written with its structure and every text with its quotes escaped.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::fmt::Write;

/// Writes a plan in normal form: a projection over filters over a scan.
pub(super) fn plan(plan: &LogicalPlan, text: &mut String) {
    // Writing to a string never fails.
    let _ = match plan {
        LogicalPlan::TableScan(scan) => writeln!(text, "scan {:?}", scan.table_name),
        LogicalPlan::Filter(filter) => writeln!(text, "filter {}", expression(&filter.predicate)),
        LogicalPlan::Projection(projection) => {
            let columns: Vec<String> = projection.expr.iter().map(expression).collect();
            writeln!(text, "project {columns:?}")
        }
        other => {
            let columns: Vec<String> = other.expressions().iter().map(expression).collect();
            writeln!(text, "{:?} {columns:?}", other.display().to_string())
        }
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

fn expression(expr: &Expr) -> String {
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
