//! Comparisons of text with numbers, before coercion hides them: `city = 5` would silently compare NULLs or texts.

use crate::error::{Reason, Refusal};
use crate::parse::Words;
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan};

/// The first comparison of a text with a number.
pub(super) fn refused(plan: &LogicalPlan, words: &Words) -> Option<Refusal> {
    let mut found = None;
    // The closures never fail.
    let _ = plan.apply_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if found.is_none() && mixed(e, &schema) {
                    found = Some(refusal(e, words));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found
}

fn mixed(expr: &Expr, schema: &DFSchema) -> bool {
    // Only privacy units have 64 bits without a sign: certification says what is wrong with comparing those.
    let differ = |a: &Expr, b: &Expr| match (a.get_type(schema), b.get_type(schema)) {
        (Ok(DataType::UInt64), _) | (_, Ok(DataType::UInt64)) => false,
        (Ok(a), Ok(b)) => (a.is_string() && b.is_numeric()) || (a.is_numeric() && b.is_string()),
        _ => false,
    };
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => op.supports_propagation() && differ(left, right),
        Expr::Between(Between { expr, low, high, .. }) => differ(expr, low) || differ(expr, high),
        Expr::InList(InList { expr, list, .. }) => list.iter().any(|item| differ(expr, item)),
        _ => false,
    }
}

fn refusal(expr: &Expr, words: &Words) -> Refusal {
    let column = expr.column_refs().iter().map(|c| c.name.clone()).min();
    Refusal::new(
        Reason::Types,
        "a text is compared with a number",
        "Which texts are numbers differs from row to row, so the comparison must say how it is meant.",
    )
    .fix("x = '5' to compare texts, or TRY_CAST(x AS BIGINT) = 5 to compare numbers")
    .at(column.and_then(|c| words.find(&c)))
}
