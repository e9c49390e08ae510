//! Rule R1: declared columns only, clamped to their declared intervals, finite. Every scan has a name of its own, so that
//! a table can stand in a query several times.

use super::flow::Flow;
use super::{Facts, Node, Relation, at_most, internal};
use crate::bind::{CatalogSource, unit_name};
use crate::catalog::{CatalogTable, UNIT_COLUMN};
use crate::certify::expression::Typed;
use crate::certify::{Certificate, Context, tables};
use crate::domain::{Domain, Interval, Kind};
use crate::error::Refusal;
use crate::faults::{self, Fault};
use crate::functions::{Total, call};
use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan, TableScanBuilder, lit};
use lyceum_schema::manifest::PrivacyUnit;
use std::sync::Arc;

/// A scan of a private table.
pub(super) fn private(scan: &TableScan, context: &Context<'_>) -> Result<Node, Refusal> {
    let table = tables::source(scan).ok_or_else(internal)?.table().clone();
    let population = table.population.clone().filter(|_| tables::is_private(&table)).ok_or_else(internal)?;
    let name = context.name("t");
    let unit = Expr::Column(Column::new(Some(name.clone()), UNIT_COLUMN));
    let unit_is_row = *table.table.unit() == PrivacyUnit::Row;
    let known = match table.table.unit() {
        PrivacyUnit::Column(c) => c.to_string(),
        PrivacyUnit::ForeignKey { via, table, .. } => format!("unit of {table} by {via}"),
        PrivacyUnit::Row | PrivacyUnit::None => "row".to_owned(),
    };
    let max_rows_per_unit = if unit_is_row { 1 } else { table.table.max_rows_per_unit() };
    let mut facts = Vec::new();
    if faults::on(Fault::RowsInCertificate) {
        facts.push(format!("{} rows", table.files.iter().map(|f| f.rows).sum::<u64>()));
    }
    let certificate = Certificate {
        node: format!("Scan {}", table.sql_name),
        facts: [
            facts,
            vec![
                format!("unit: {known}"),
                format!("population: {}", population.name),
                format!("owner: {}", table.owner),
                at_most(max_rows_per_unit, "unit"),
            ],
        ]
        .concat(),
        inputs: Vec::new(),
    };
    let expected = table.table.expected_rows();
    Ok(Node {
        relation: Relation {
            plan: stored(&table, &name)?,
            schema: scan.projected_schema.clone(),
            columns: columns(&table, &name)?,
            certificate,
        },
        unit,
        unit_name: known,
        unit_is_row,
        tables: vec![table],
        population,
        max_rows_per_unit,
        flow: Flow::scan(expected),
    })
}

/// A scan of the table as it is stored.
pub(super) fn stored(table: &Arc<CatalogTable>, name: &TableReference) -> Result<LogicalPlan, Refusal> {
    let source = Arc::new(CatalogSource::stored(table.clone()));
    TableScanBuilder::new(name.clone(), source).build().map(LogicalPlan::TableScan).map_err(|_| internal())
}

/// The unit, where researchers see it, and the visible columns.
pub(super) fn columns(table: &CatalogTable, name: &TableReference) -> Result<Vec<Facts>, Refusal> {
    let unit = unit_name(table).map(|_| Ok(Facts::Unit));
    let visible = table.table.visible_columns().map(|c| {
        let domain = Domain::declared(c).ok_or_else(internal)?;
        let stored = Expr::Column(Column::new(Some(name.clone()), c.name().as_str()));
        let expr = clamped(widened(stored, c.data_type()), &domain);
        Ok(Facts::Value(Typed { expr, domain, size: 3 }))
    });
    unit.into_iter().chain(visible).collect()
}

/// 32-bit integers become 64-bit ones.
fn widened(column: Expr, declared: lyceum_schema::manifest::DataType) -> Expr {
    match declared {
        lyceum_schema::manifest::DataType::Int32 => Expr::Cast(Cast::new(Box::new(column), DataType::Int64)),
        _ => column,
    }
}

fn clamped(column: Expr, domain: &Domain) -> Expr {
    let ends = match (domain.kind, domain.interval) {
        (Kind::Int, Some(Interval::Int { low, high })) => Some((lit(low), lit(high))),
        (Kind::Timestamp, Some(Interval::Int { low, high })) => {
            let end = |n| Expr::Literal(ScalarValue::TimestampMicrosecond(Some(n), None), None);
            Some((end(low), end(high)))
        }
        (Kind::Date, Some(Interval::Int { low, high })) => {
            let end = |n: i64| i32::try_from(n).ok().map(|d| Expr::Literal(ScalarValue::Date32(Some(d)), None));
            end(low).zip(end(high))
        }
        (Kind::Float, Some(Interval::Float { low, high })) => Some((lit(low), lit(high))),
        _ => None,
    };
    match (ends, domain.kind) {
        (Some((low, high)), kind) => call(Total::Within, kind, vec![column, low, high]),
        // Nothing is declared but that NaN and ±∞ don't count.
        (None, Kind::Float) => call(Total::Cast, Kind::Float, vec![column]),
        (None, _) => column,
    }
}
