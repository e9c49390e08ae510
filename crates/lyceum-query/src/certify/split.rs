//! Finds the barrier: the lowest aggregate over private rows. Everything above it is post-processing.

use super::{Context, tables, units};
use crate::error::{Reason, Refusal};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

/// The one aggregate that the query's private rows leave through. The same aggregate standing twice (a CTE used
/// twice) is one: it is released once.
pub(super) fn barrier(plan: &LogicalPlan, context: &Context<'_>) -> Result<Aggregate, Refusal> {
    let mut found = Vec::new();
    locate(plan, context, &mut found)?;
    let mut found = found.into_iter();
    let first = found.next().ok_or_else(|| raw_rows(context))?;
    if found.any(|other| *other != *first) {
        return Err(Refusal::new(
            Reason::SeveralBarriers,
            "this query needs more than one private aggregate",
            "Each aggregate over private rows is a release of its own with a price of its own; one per query is supported.",
        )
        .fix("ask one query per aggregate, or put them in one SELECT: SUM(CASE WHEN … THEN x ELSE 0 END)"));
    }
    Ok(first.clone())
}

fn locate<'a>(plan: &'a LogicalPlan, context: &Context<'_>, found: &mut Vec<&'a Aggregate>) -> Result<(), Refusal> {
    no_private_subquery(plan, context)?;
    if !tables::reads_private(plan) {
        if tables::of(plan).is_empty() {
            return Ok(());
        }
        return Err(mixed());
    }
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            if units::is_barrier(plan) {
                found.push(aggregate);
                return Ok(());
            }
            if units::holds_private(plan) {
                return Err(persons(aggregate, context));
            }
            locate(&aggregate.input, context, found)
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Join(_) => {
            for input in plan.inputs() {
                if tables::reads_private(input) && !has_barrier(input) {
                    return Err(without_aggregate(plan, context));
                }
                locate(input, context, found)?;
            }
            Ok(())
        }
        LogicalPlan::TableScan(_) => Err(raw_rows(context)),
        LogicalPlan::Repartition(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Values(_)
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

/// Below the barrier no rule joins them, above it there are no tables but the released one.
pub(super) fn mixed() -> Refusal {
    Refusal::new(
        Reason::MixedTables,
        "private and other tables stand in one query",
        "A query reads either private tables or public, mock, synthetic and anonymized ones.",
    )
    .fix("ask for the private statistics alone and join the answer with the other table yourself")
}

fn has_barrier(plan: &LogicalPlan) -> bool {
    let mut found = false;
    // The closure never fails.
    let _ = plan.apply_with_subqueries(|node| {
        found |= units::is_barrier(node);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

/// What stands where an aggregate should.
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
            "a window function over private rows is refused",
            "It puts one person's row beside other persons' rows.",
        )
        .fix("aggregate first: SELECT k, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) FROM … GROUP BY k")
        .at(context.words.find("OVER")),
        LogicalPlan::Aggregate(aggregate) if units::holds_private(plan) => persons(aggregate, context),
        LogicalPlan::Join(_) => join(context),
        LogicalPlan::Union(_) => Refusal::new(
            Reason::RowOrder,
            "UNION over private rows is refused",
            "Rows of one person in both parts would count twice beyond their bounds.",
        )
        .fix("aggregate each table in a query of its own")
        .at(context.words.find("UNION")),
        _ => match plan.inputs().as_slice() {
            [only] => without_aggregate(only, context),
            _ => raw_rows(context),
        },
    }
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

/// Private rows that are joined and not aggregated.
fn join(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Join,
        "this join could put one person's rows beside another person's",
        "Private rows can be joined on the privacy unit, below an aggregate; what is released can be joined above it.",
    )
    .fix("aggregate both sides first, or join on the privacy unit and aggregate the result")
    .at(context.words.find("JOIN"))
    .at(context.words.find("FROM"))
}

fn raw_rows(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::RawRows,
        "rows of a protected table don't leave",
        "Only aggregates with noise do: COUNT, SUM and AVG.",
    )
    .fix("SELECT COUNT(*) FROM …")
    .at(context.words.find("SELECT"))
}

/// Subqueries inside expressions may not read private rows, wherever they stand.
fn no_private_subquery(plan: &LogicalPlan, context: &Context<'_>) -> Result<(), Refusal> {
    let mut found = false;
    // The closures never fail.
    let _ = plan.apply_expressions(|expr| {
        use datafusion::common::tree_node::TreeNode;
        expr.apply(|e| {
            found |= match e {
                Expr::ScalarSubquery(s) => tables::reads_private(&s.subquery),
                Expr::Exists(e) => tables::reads_private(&e.subquery.subquery),
                Expr::InSubquery(i) => tables::reads_private(&i.subquery.subquery),
                Expr::SetComparison(s) => tables::reads_private(&s.subquery.subquery),
                _ => false,
            };
            Ok(TreeNodeRecursion::Continue)
        })
    });
    if found { Err(subquery(context)) } else { Ok(()) }
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
