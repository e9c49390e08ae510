//! Where the privacy unit is in a plan, read off its shape: which output columns are the unit, whether rows still
//! belong to one unit each, and hence which aggregates are barriers. Says nothing about domains, refuses nothing.

use super::tables;
use crate::bind::unit_name;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, JoinType, LogicalPlan};

/// Whether the rows of a plan are private: each belongs to one privacy unit, none has passed a barrier.
pub(super) fn holds_private(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => tables::source(scan).is_some_and(|s| tables::is_private(s.table())),
        LogicalPlan::Aggregate(aggregate) => holds_private(&aggregate.input) && groups_by_unit(aggregate),
        _ => plan.inputs().into_iter().any(holds_private),
    }
}

/// Whether an aggregate over private rows is computed within each unit: then its rows are private, too.
pub(super) fn groups_by_unit(aggregate: &Aggregate) -> bool {
    let units = columns(&aggregate.input);
    aggregate.group_expr.iter().any(|e| is_unit(e, aggregate.input.schema(), &units))
}

/// Whether a plan's aggregate is a barrier: private rows go in, and are not kept apart by unit.
pub(super) fn is_barrier(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Aggregate(a) if holds_private(&a.input) && !groups_by_unit(a))
}

/// By output column: whether it is the privacy unit.
pub(super) fn columns(plan: &LogicalPlan) -> Vec<bool> {
    let none = || vec![false; plan.schema().fields().len()];
    match plan {
        LogicalPlan::TableScan(scan) => {
            let unit =
                tables::source(scan).filter(|s| tables::is_private(s.table())).and_then(|s| unit_name(s.table()));
            plan.schema().fields().iter().map(|f| unit == Some(f.name().as_str())).collect()
        }
        LogicalPlan::Projection(p) => of_expressions(&p.expr, &p.input),
        LogicalPlan::Aggregate(a) => {
            let mut found = of_expressions(&a.group_expr, &a.input);
            found.resize(plan.schema().fields().len(), false);
            found
        }
        LogicalPlan::Window(w) => {
            let mut found = columns(&w.input);
            found.resize(plan.schema().fields().len(), false);
            found
        }
        LogicalPlan::Join(join) => {
            let (mut left, right) = (columns(&join.left), columns(&join.right));
            match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti => {}
                JoinType::RightSemi | JoinType::RightAnti => left = right,
                _ => left.extend(right),
            }
            left.resize(plan.schema().fields().len(), false);
            left
        }
        LogicalPlan::Union(union) => {
            let mut inputs = union.inputs.iter().map(|i| columns(i));
            let Some(first) = inputs.next() else { return none() };
            inputs.fold(first, |all, more| all.iter().zip(more).map(|(a, b)| *a && b).collect())
        }
        LogicalPlan::Distinct(Distinct::All(input)) => columns(input),
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().first().map_or_else(none, |input| columns(input))
        }
        _ => none(),
    }
}

fn of_expressions(expressions: &[Expr], input: &LogicalPlan) -> Vec<bool> {
    let units = columns(input);
    expressions.iter().map(|e| is_unit(e, input.schema(), &units)).collect()
}

/// The unit itself, under whatever name, or what a join by USING makes of both sides' units.
fn is_unit(expr: &Expr, schema: &DFSchema, units: &[bool]) -> bool {
    let column = |c: &Column| schema.maybe_index_of_column(c).and_then(|i| units.get(i)).copied().unwrap_or(false);
    match expr {
        Expr::Column(c) => column(c),
        Expr::Alias(a) => is_unit(&a.expr, schema, units),
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "coalesce" => {
            !args.is_empty() && args.iter().all(|a| is_unit(a, schema, units))
        }
        _ => false,
    }
}
