//! Reads a table's unit ordinals in place of its unit ids, where the plan only tells units apart.
//!
//! ```text
//! Projection: t.__unit AS __unit, k0, v0        Projection: t.__ordinal AS __unit, k0, v0
//!   Filter: …                               →     Filter: …
//!     TableScan: t                                  TableScan: t, its files by ordinal
//! ```
//! Ordinals depend on who else is in the table, so the rewrite needs one table that is read once (ids of two tables
//! are compared, ordinals can't be) and a unit that is only passed on or grouped by. Everything else keeps ids.

use crate::bind::CatalogSource;
use crate::catalog::UNIT_COLUMN;
use crate::layout::{ORDINAL_COLUMN, Units, provider_of};
use crate::session;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError, Result};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use lyceum_schema::manifest::PrivacyUnit;

/// The plan over the files by ordinal; `None` where ids are needed.
///
/// # Errors
/// When DataFusion can't rebuild the plan, which doesn't depend on rows.
pub(crate) fn by_ordinal(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    if !only_tells_units_apart(plan)? {
        return Ok(None);
    }
    let rewritten = plan.clone().transform_up(|node| {
        if let LogicalPlan::TableScan(scan) = &node {
            let Some(source) = scan.source.downcast_ref::<CatalogSource>() else { return Ok(Transformed::no(node)) };
            let provider = provider_of(source.table(), &session::data_url()?, Units::Ordinals);
            let provider = provider.map_err(|e| DataFusionError::External(Box::new(e)))?;
            let scan = LogicalPlanBuilder::scan(scan.table_name.clone(), provider_as_source(provider), None)?;
            return Ok(Transformed::yes(scan.build()?));
        }
        let Some(input) = node.inputs().first().map(|i| (*i.schema()).clone()) else {
            return Ok(Transformed::no(node));
        };
        let renamed = node.map_expressions(|e| e.transform(|e| Ok(renamed(e, &input))))?;
        Ok(Transformed::yes(renamed.data.recompute_schema()?))
    })?;
    Ok(Some(rewritten.data))
}

/// A column named `__unit` that the input has as `__ordinal` now.
fn renamed(expr: Expr, input: &DFSchema) -> Transformed<Expr> {
    match &expr {
        Expr::Column(column) if column.name == UNIT_COLUMN && input.maybe_index_of_column(column).is_none() => {
            Transformed::yes(Expr::Column(Column::new(column.relation.clone(), ORDINAL_COLUMN)))
        }
        _ => Transformed::no(expr),
    }
}

/// Whether one private table is read once, and its unit stands nowhere but alone: as a column that is passed on, or as
/// a key of GROUP BY.
fn only_tells_units_apart(plan: &LogicalPlan) -> Result<bool> {
    let (mut scans, mut allowed) = (0, true);
    plan.apply_with_subqueries(|node| {
        allowed &= match node {
            LogicalPlan::TableScan(scan) => {
                scans += 1;
                let source = scan.source.downcast_ref::<CatalogSource>();
                source.is_some_and(|s| *s.table().table.unit() != PrivacyUnit::None)
                    && scan.filters.is_empty()
                    && scan.projection.is_none()
            }
            LogicalPlan::Projection(p) => p.expr.iter().all(|e| passes_on(e) || !mentions_unit(e)),
            LogicalPlan::Filter(f) => !mentions_unit(&f.predicate),
            LogicalPlan::Aggregate(a) => {
                a.group_expr.iter().all(|e| passes_on(e) || !mentions_unit(e)) && !a.aggr_expr.iter().any(mentions_unit)
            }
            LogicalPlan::SubqueryAlias(_) => true,
            LogicalPlan::Join(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Repartition(_)
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
            | LogicalPlan::RecursiveQuery(_) => false,
        };
        Ok(if allowed { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(allowed && scans == 1)
}

/// The unit itself, whatever it is called.
fn passes_on(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == UNIT_COLUMN,
        Expr::Alias(alias) => passes_on(&alias.expr),
        _ => false,
    }
}

fn mentions_unit(expr: &Expr) -> bool {
    expr.column_refs().iter().any(|c| c.name == UNIT_COLUMN)
}
