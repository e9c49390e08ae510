//! How long texts can grow above the barrier and on public rows. No memory pool sees what an expression allocates,
//! and a text that is joined to itself thirty times over fills any memory.

use crate::error::{Reason, Refusal};
use crate::parse::Words;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};

/// Most columns or literals that one text may be put together from, through all steps of a query.
const MAX_GROWTH: u64 = 64;
/// What an aggregate that joins the texts of rows counts for: once is fine, twice is not.
const AGGREGATE_GROWTH: u64 = 16;
/// Longest literal text, bytes.
const MAX_LITERAL_BYTES: usize = 4_096;

/// Refuses plans whose texts could grow without measure.
pub(super) fn check(plan: &LogicalPlan, words: &Words) -> Result<(), Refusal> {
    if node(plan) <= MAX_GROWTH {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::TooLarge,
        "a text is put together from too many parts",
        format!("A text may have {MAX_GROWTH} parts in all, and a literal {MAX_LITERAL_BYTES} bytes."),
    )
    .fix("join texts in the client")
    .at(words.find("concat")))
}

/// From how many parts a column of the node may be put together.
fn node(plan: &LogicalPlan) -> u64 {
    let below = plan.inputs().into_iter().map(node).max().unwrap_or(1);
    let mut here = 1;
    // The closure never fails.
    let _ = plan.apply_expressions(|e| {
        here = here.max(expression(e));
        Ok(TreeNodeRecursion::Continue)
    });
    below.saturating_mul(here)
}

fn expression(expr: &Expr) -> u64 {
    use datafusion::common::tree_node::TreeNode;
    let (mut sum, mut most) = (0u64, 1u64);
    // The closure never fails.
    let _ = expr.apply_children(|child| {
        let parts = expression(child);
        sum = sum.saturating_add(parts);
        most = most.max(parts);
        Ok(TreeNodeRecursion::Continue)
    });
    match expr {
        Expr::Literal(value, _) if value.try_as_str().flatten().is_some_and(|t| t.len() > MAX_LITERAL_BYTES) => {
            u64::MAX
        }
        Expr::ScalarFunction(f) if matches!(f.func.name(), "concat" | "concat_ws" | "overlay") => sum.max(1),
        Expr::BinaryExpr(b) if b.op == Operator::StringConcat => sum.max(1),
        Expr::AggregateFunction(f) if matches!(f.func.name(), "string_agg" | "array_agg") => {
            most.saturating_mul(AGGREGATE_GROWTH)
        }
        Expr::ScalarSubquery(s) => node(&s.subquery),
        _ => most,
    }
}
