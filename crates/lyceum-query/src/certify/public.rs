//! Queries over public tables, and what stands above the barrier: nothing private, still an allow-list. Functions
//! that would tell about the machine, or use memory beyond the pool's sight, don't exist anywhere.

use super::{exact, growth, tables};
use crate::bind::{CatalogSource, unit_name};
use crate::catalog::UNIT_COLUMN;
use crate::error::{Reason, Refusal};
use crate::parse::{BOUNDED_PREFIX, INTERVAL_HIGH, INTERVAL_LOW, Words};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, TableScan, TableScanBuilder};
use std::sync::Arc;

/// Functions that are refused wherever they stand.
const FORBIDDEN: &[&str] = &[
    "arrow_cast",
    "arrow_field",
    "arrow_metadata",
    "arrow_try_cast",
    "arrow_typeof",
    "factorial",
    "file_row_index",
    "input_file_name",
    "levenshtein",
    "lpad",
    "random",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    "regexp_replace",
    "repeat",
    "replace",
    "rpad",
    "string_to_array",
    "to_hex",
    "translate",
    "uuid",
    "version",
    "with_metadata",
];

/// A plan over public tables, admitted, its scans as the tables are stored.
pub(super) fn admit(plan: LogicalPlan, words: &Words) -> Result<LogicalPlan, Refusal> {
    let plan = exact::without_markers(plan).map_err(|_| unplannable())?;
    check(&plan, words)?;
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(scan) => stored(scan),
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
    .map_err(|_| unplannable())
}

fn unplannable() -> Refusal {
    Refusal::new(Reason::Unsupported, "this query can't be planned", "Its tables could not be resolved.")
}

/// Checks every node and expression of a plan that reads nothing private.
pub(super) fn check(plan: &LogicalPlan, words: &Words) -> Result<(), Refusal> {
    growth::check(plan, words)?;
    let mut refused: Option<Refusal> = None;
    // The closures never fail; a refusal is kept aside.
    let _ = plan.apply_with_subqueries(|node| {
        if let Some(what) = node_refused(node) {
            refused.get_or_insert(unsupported(what));
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Some(refusal) = expression_refused(e, words) {
                    refused.get_or_insert(refusal);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    refused.map_or(Ok(()), Err)
}

fn node_refused(node: &LogicalPlan) -> Option<&'static str> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_) => None,
        LogicalPlan::Repartition(_) => Some("repartitioning"),
        LogicalPlan::Statement(_) => Some("a statement"),
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_) => {
            Some("EXPLAIN or DESCRIBE")
        }
        LogicalPlan::Extension(_) => Some("an extension"),
        LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) => Some("changing data"),
        LogicalPlan::Unnest(_) => Some("UNNEST"),
        LogicalPlan::RecursiveQuery(_) => Some("WITH RECURSIVE"),
    }
}

fn expression_refused(expr: &Expr, words: &Words) -> Option<Refusal> {
    match expr {
        Expr::ScalarFunction(f) => function_refused(f.func.name(), words),
        Expr::AggregateFunction(f) if f.func.name().starts_with(BOUNDED_PREFIX) => Some(
            Refusal::new(
                Reason::Bounds,
                "contribution bounds where nothing is private",
                "They limit what one person adds to a private aggregate.",
            )
            .fix("leave the bounds out")
            .at(words.find("contribution_bounds_per_group"))
            .at(words.find("contribution_bounds_per_row")),
        ),
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::BinaryExpr(_)
        | Expr::Like(_)
        | Expr::SimilarTo(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::AggregateFunction(_)
        | Expr::WindowFunction(_)
        | Expr::InList(_)
        | Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::ScalarSubquery(_)
        | Expr::GroupingSet(_)
        | Expr::OuterReferenceColumn(..) => None,
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => Some(unsupported("a variable or placeholder")),
        Expr::Unnest(_) => Some(unsupported("UNNEST")),
        Expr::HigherOrderFunction(_) | Expr::Lambda(_) | Expr::LambdaVariable(_) => Some(unsupported("a lambda")),
        #[expect(deprecated)]
        Expr::Wildcard { .. } => Some(unsupported("*")),
    }
}

fn function_refused(name: &str, words: &Words) -> Option<Refusal> {
    if name == INTERVAL_LOW || name == INTERVAL_HIGH {
        return Some(
            Refusal::new(
                Reason::Interval,
                "there is no noise and so no interval here",
                "Only released numbers of private tables have noise intervals.",
            )
            .at(words.find(name)),
        );
    }
    FORBIDDEN.contains(&name).then(|| {
        Refusal::new(
            Reason::Function,
            format!("the function {name} is refused"),
            "It isn't on the list of admitted functions.",
        )
        .at(words.find(name))
    })
}

fn unsupported(what: &str) -> Refusal {
    Refusal::new(Reason::Unsupported, format!("{what} is not supported"), "No rule of certification admits it.")
}

/// A scan as the table is stored, its columns as researchers name them.
fn stored(scan: TableScan) -> datafusion::common::Result<Transformed<LogicalPlan>> {
    let Some(table) = tables::source(&scan).map(|s| s.table().clone()) else {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    };
    let name = scan.table_name.clone();
    let unit = unit_name(&table).map(str::to_owned);
    let source = Arc::new(CatalogSource::stored(table));
    let stored = TableScanBuilder::new(name.clone(), source).build()?;
    let columns = scan.projected_schema.fields().iter().map(|f| {
        let column = |n: &str| Expr::Column(Column::new(Some(name.clone()), n));
        if unit.as_ref() == Some(f.name()) {
            column(UNIT_COLUMN).alias_qualified(Some(name.clone()), f.name())
        } else {
            column(f.name())
        }
    });
    let projection = Projection::try_new(columns.collect(), Arc::new(LogicalPlan::TableScan(stored)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}
