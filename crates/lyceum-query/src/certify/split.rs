//! Finds the barriers: the aggregates over private rows that don't keep them apart by unit. Everything above them is
//! post-processing.

use super::{Context, tables, units};
use crate::error::{Reason, Refusal};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use std::sync::Arc;

/// Most aggregates that leave private rows in one query.
const MAX_BARRIERS: usize = 16;

/// The aggregates that the query's private rows leave through. The same aggregate standing twice (a CTE used twice)
/// is one: it is released once.
pub(super) fn barriers(plan: &LogicalPlan, context: &Context<'_>) -> Result<Vec<Aggregate>, Refusal> {
    let mut found = Vec::new();
    locate(plan, context, &mut found)?;
    if found.is_empty() {
        return Err(raw_rows(context));
    }
    if found.len() > MAX_BARRIERS {
        return Err(Refusal::new(
            Reason::SeveralBarriers,
            format!("this query needs {} private aggregates", found.len()),
            format!("Each aggregate over private rows is a release of its own; one query may have {MAX_BARRIERS}."),
        )
        .fix("put aggregates of the same rows into one SELECT: SUM(CASE WHEN … THEN x ELSE 0 END)"));
    }
    Ok(found)
}

/// Walks what is above the barriers. Nothing of it may hold private rows.
fn locate(plan: &LogicalPlan, context: &Context<'_>, found: &mut Vec<Aggregate>) -> Result<(), Refusal> {
    if units::holds_private(plan) {
        return Err(without_aggregate(plan, context));
    }
    if let LogicalPlan::Aggregate(aggregate) = plan
        && units::is_barrier(plan)
    {
        if !found.contains(aggregate) {
            found.push(aggregate.clone());
        }
        return Ok(());
    }
    for subquery in subqueries(plan) {
        if units::holds_private(&subquery) {
            return Err(self::subquery(context));
        }
        locate(&subquery, context, found)?;
    }
    match plan {
        LogicalPlan::Aggregate(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::EmptyRelation(_) => plan.inputs().into_iter().try_for_each(|i| locate(i, context, found)),
        // A table that isn't private.
        LogicalPlan::TableScan(_) => Err(mixed()),
        LogicalPlan::Repartition(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => Err(Refusal::new(
            Reason::Unsupported,
            "this step is not supported over private rows",
            "No rule of certification admits it.",
        )),
    }
}

/// Below the barrier only public tables are joined with private rows; above it there are no tables but the released ones.
pub(super) fn mixed() -> Refusal {
    Refusal::new(
        Reason::MixedTables,
        "private and other tables stand in one query",
        "Public tables can be joined with private rows, before they are aggregated; no table can be joined with what is released, and mock, synthetic and anonymized ones with neither.",
    )
    .fix("join a public table inside the aggregate's FROM, or join the answer with the other table yourself")
}

/// Private rows without an aggregate that keeps no unit apart.
fn without_aggregate(plan: &LogicalPlan, context: &Context<'_>) -> Refusal {
    match plan {
        LogicalPlan::Distinct(_) => Refusal::new(
            Reason::RowOrder,
            "DISTINCT over private rows is refused",
            "Which values occur is a fact about persons.",
        )
        .fix("SELECT x, COUNT(*) FROM … GROUP BY x")
        .at(context.words.find("DISTINCT")),
        LogicalPlan::Window(_) => Refusal::new(
            Reason::RowOrder,
            "the result of a window function over private rows doesn't leave",
            "It has a value for each person's row.",
        )
        .fix("aggregate first: SELECT k, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) FROM … GROUP BY k")
        .at(context.words.find("OVER")),
        LogicalPlan::Aggregate(aggregate) => persons(aggregate, context),
        LogicalPlan::Join(join) if is_released(&join.left) || is_released(&join.right) => {
            Refusal::new(
                Reason::RawRows,
                "private rows are joined with the result of an aggregate",
                "What was released is known only after it was paid for; the rows that it would be put beside are still private.",
            )
            .fix("ask two queries: the first answer can be written into the second as a condition or CASE")
            .at(context.words.find("JOIN"))
        }
        _ => match plan.inputs().as_slice() {
            [only] => without_aggregate(only, context),
            _ => raw_rows(context),
        },
    }
}

/// Whether what a plan gives has passed a barrier.
fn is_released(plan: &LogicalPlan) -> bool {
    tables::reads_private(plan) && !units::holds_private(plan)
}

/// Aggregates per person stay below: they are facts about single persons.
fn persons(aggregate: &Aggregate, context: &Context<'_>) -> Refusal {
    let units = units::columns(&aggregate.input);
    let name = aggregate.input.schema().fields().iter().zip(units).find(|(_, unit)| *unit);
    let name = name.map_or_else(|| "<privacy unit>".to_owned(), |(field, _)| field.name().clone());
    Refusal::new(
        Reason::Unit,
        format!("GROUP BY {name} would show single persons"),
        "Aggregates per person can be aggregated again, over many persons; they don't leave themselves.",
    )
    .fix(format!("SELECT n, COUNT(*) FROM (SELECT {name}, COUNT(*) AS n FROM … GROUP BY {name}) q GROUP BY n"))
    .at(context.words.find(&name))
}

fn raw_rows(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::RawRows,
        "rows of a protected table don't leave",
        "Only aggregates with noise do: COUNT, SUM, AVG, MEDIAN, STDDEV and others.",
    )
    .fix("SELECT COUNT(*) FROM …")
    .at(context.words.find("SELECT"))
}

/// The plans of the subqueries in a node's expressions.
fn subqueries(plan: &LogicalPlan) -> Vec<Arc<LogicalPlan>> {
    let mut found = Vec::new();
    // The closures never fail.
    let _ = plan.apply_expressions(|expr| {
        expr.apply(|e| {
            match e {
                Expr::ScalarSubquery(s) => found.push(Arc::clone(&s.subquery)),
                Expr::Exists(e) => found.push(Arc::clone(&e.subquery.subquery)),
                Expr::InSubquery(i) => found.push(Arc::clone(&i.subquery.subquery)),
                Expr::SetComparison(s) => found.push(Arc::clone(&s.subquery.subquery)),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found
}

pub(super) fn subquery(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Subquery,
        "a subquery inside an expression is refused",
        "It would carry facts about some persons into the rows of others.",
    )
    .fix("put the subquery into FROM, or ask two queries")
    .at(context.words.find("EXISTS"))
    .at(context.words.find("IN"))
}
