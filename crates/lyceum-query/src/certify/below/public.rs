//! What public tables may give to private rows: the same total expressions, no unit. How many rows there are is public,
//! so it bounds how often a private row can be repeated.

use super::{Relation, internal, row, scan};
use crate::catalog::CatalogTable;
use crate::certify::split::mixed;
use crate::certify::{Certificate, Context, tables};
use crate::error::{Reason, Refusal};
use datafusion::common::Column;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, TableScan};
use std::sync::Arc;

/// Rows that belong to nobody.
pub(super) struct Public {
    pub(super) relation: Relation,
    /// How many there are at most.
    pub(super) rows: u64,
    /// Columns, by position, that no two rows have alike.
    pub(super) unique: Option<Vec<usize>>,
}

/// Admits a part of a query that reads public tables only.
pub(super) fn rows(plan: &LogicalPlan, context: &Context<'_>) -> Result<Public, Refusal> {
    match plan {
        LogicalPlan::TableScan(scan) => self::scan(scan, context),
        LogicalPlan::Projection(projection) => {
            let input = rows(&projection.input, context)?;
            // A unique column that is passed on stays unique.
            let place = |i: &usize| {
                let of = |e| plain(e).and_then(|c| input.relation.schema.maybe_index_of_column(c));
                projection.expr.iter().position(|e| of(e) == Some(*i))
            };
            let unique = input.unique.as_ref().and_then(|u| u.iter().map(place).collect());
            let relation = row::project(projection, input.relation, None, context)?;
            Ok(Public { relation, unique, ..input })
        }
        LogicalPlan::Filter(filter) => {
            let input = rows(&filter.input, context)?;
            let relation = row::filter(&filter.predicate, input.relation, context)?;
            Ok(Public { relation, ..input })
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let mut input = rows(&alias.input, context)?;
            input.relation.schema = alias.schema.clone();
            Ok(input)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let input = rows(input, context)?;
            grouped(input, plan, "Distinct", context)
        }
        LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.is_empty() => {
            let keys: Option<Vec<&Column>> = aggregate.group_expr.iter().map(plain).collect();
            let mut input = rows(&aggregate.input, context)?;
            let positions: Option<Vec<usize>> =
                keys.and_then(|k| k.into_iter().map(|c| input.relation.schema.maybe_index_of_column(c)).collect());
            let Some(positions) = positions else { return Err(unsupported(context)) };
            let columns = &input.relation.columns;
            input.relation.columns = positions.iter().filter_map(|i| columns.get(*i).cloned()).collect();
            grouped(input, plan, "Group by", context)
        }
        LogicalPlan::Aggregate(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => Err(unsupported(context)),
    }
}

fn plain(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Alias(alias) => plain(&alias.expr),
        Expr::Column(column) => Some(column),
        _ => None,
    }
}

fn scan(scan: &TableScan, context: &Context<'_>) -> Result<Public, Refusal> {
    let table = tables::source(scan).ok_or_else(internal)?.table().clone();
    if !is_nobodys(&table) {
        return Err(mixed());
    }
    let name = context.name("t");
    let rows = table.files.iter().fold(0u64, |n, f| n.saturating_add(f.rows));
    let certificate = Certificate {
        node: format!("Scan {}", table.sql_name),
        facts: vec!["public: nobody's rows".to_owned(), format!("owner: {}", table.owner), format!("{rows} rows")],
        inputs: Vec::new(),
    };
    let relation = Relation {
        plan: scan::stored(&table, &name)?,
        schema: scan.projected_schema.clone(),
        columns: scan::columns(&table, &name)?,
        certificate,
    };
    Ok(Public { relation, rows, unique: None })
}

/// Whether a table's rows are about nobody. Mock, synthetic and anonymized rows are about somebody, if only by likeness,
/// and how many there are would be a bound that comes from data.
fn is_nobodys(table: &CatalogTable) -> bool {
    table.population.is_none() && table.own_schema.is_none()
}

/// Each combination of the columns once.
fn grouped(input: Public, plan: &LogicalPlan, what: &str, context: &Context<'_>) -> Result<Public, Refusal> {
    let count = input.relation.columns.len();
    let name = context.name("c");
    let relation = input.relation.settled(super::Outputs::new(&name))?;
    let keys = relation.plan.schema().columns().into_iter().map(Expr::Column).collect();
    let grouped = Aggregate::try_new(Arc::new(relation.plan), keys, Vec::new()).map_err(|_| internal())?;
    let certificate = Certificate { node: what.to_owned(), facts: Vec::new(), inputs: vec![relation.certificate] };
    Ok(Public {
        relation: Relation {
            plan: LogicalPlan::Aggregate(grouped),
            schema: plan.schema().clone(),
            columns: relation.columns,
            certificate,
        },
        rows: input.rows,
        unique: Some((0..count).collect()),
    })
}

fn unsupported(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        "this part over public tables is not supported beside private rows",
        "Private rows can be joined with public tables, their columns, conditions on them, and SELECT DISTINCT of them.",
    )
    .fix("join with the public tables one after the other")
    .at(context.words.find("JOIN"))
}
