//! Certification from the scan upwards. Every node is rebuilt in normal form: the plan has the stored columns of
//! the scan, and each column of the query is a total expression over them. So a projection or an alias costs nothing,
//! names given by the researcher vanish, and equal questions give equal plans.

use super::expression::{Typed, typed};
use super::{Certificate, Context, narrow, split, tables};
use crate::bind::{CatalogSource, unit_name};
use crate::catalog::{CatalogTable, Population, UNIT_COLUMN};
use crate::domain::{Domain, Interval, Kind};
use crate::error::{Reason, Refusal};
use crate::functions::{Total, call};
use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchemaRef, ScalarValue, TableReference};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, TableScan, TableScanBuilder, lit};
use lyceum_schema::manifest::PrivacyUnit;
use std::sync::Arc;

/// What is known of one node.
pub(super) struct Node {
    /// The node in normal form.
    pub(super) plan: LogicalPlan,
    /// The columns of the node as the query names them.
    pub(super) schema: DFSchemaRef,
    /// By position in `schema`.
    pub(super) columns: Vec<Facts>,
    /// The privacy unit, over `plan`.
    pub(super) unit: Expr,
    /// What the unit is called.
    pub(super) unit_name: String,
    /// Whether each row is a unit.
    pub(super) unit_is_row: bool,
    /// The tables read.
    pub(super) tables: Vec<Arc<CatalogTable>>,
    /// The units' population.
    pub(super) population: Population,
    /// Most rows of one unit.
    pub(super) max_rows_per_unit: u64,
    /// The tree for people.
    pub(super) certificate: Certificate,
}

/// What is known of one column.
#[derive(Clone)]
pub(super) enum Facts {
    /// It is the privacy unit: opaque.
    Unit,
    /// A value of a known domain.
    Value(Typed),
}

/// Certifies a node and everything under it.
pub(super) fn node(plan: &LogicalPlan, context: &Context<'_>) -> Result<Node, Refusal> {
    match plan {
        LogicalPlan::TableScan(scan) => self::scan(scan),
        LogicalPlan::Projection(projection) => {
            let input = node(&projection.input, context)?;
            let columns = projection.expr.iter().map(|e| column(e, &input, context)).collect::<Result<Vec<_>, _>>()?;
            let facts = columns.iter().zip(projection.schema.fields()).filter_map(|(c, f)| match c {
                Facts::Unit => None,
                Facts::Value(v) => Some(format!("{} {}", f.name(), v.domain.describe())),
            });
            let names: Vec<&str> = projection.schema.fields().iter().map(|f| f.name().as_str()).collect();
            let certificate = Certificate {
                node: format!("Project {}", names.join(", ")),
                facts: facts.collect(),
                inputs: vec![input.certificate],
            };
            Ok(Node { schema: projection.schema.clone(), columns, certificate, ..input })
        }
        LogicalPlan::Filter(filter) => {
            let mut input = node(&filter.input, context)?;
            let predicate = typed(&filter.predicate, &input, context)?.of_kind(Kind::Boolean, context)?;
            let narrowed = narrow::apply(&filter.predicate, &mut input, context);
            let rebuilt = Filter::try_new(predicate.expr, Arc::new(input.plan)).map_err(|_| internal())?;
            let facts = if narrowed.is_empty() { vec!["who is left is private".to_owned()] } else { narrowed };
            let certificate = Certificate { node: "Filter".to_owned(), facts, inputs: vec![input.certificate] };
            Ok(Node { plan: LogicalPlan::Filter(rebuilt), certificate, ..input })
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = node(&alias.input, context)?;
            Ok(Node { schema: alias.schema.clone(), ..input })
        }
        LogicalPlan::Join(_) => Err(split::join(context)),
        LogicalPlan::Sort(_) => Err(order("ORDER BY", context)),
        LogicalPlan::Limit(_) => Err(order("LIMIT", context)),
        LogicalPlan::Window(_) => Err(order("OVER", context)),
        LogicalPlan::Distinct(_) => Err(order("DISTINCT", context)),
        LogicalPlan::Union(_) => Err(order("UNION", context)),
        LogicalPlan::Aggregate(_)
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
        | LogicalPlan::RecursiveQuery(_) => Err(Refusal::new(
            Reason::Unsupported,
            "this step is not supported on private rows",
            "No rule of certification admits it below the aggregate.",
        )),
    }
}

/// An expression as a column: the unit passes through, unchanged only.
fn column(expr: &Expr, input: &Node, context: &Context<'_>) -> Result<Facts, Refusal> {
    match expr {
        Expr::Alias(alias) => column(&alias.expr, input, context),
        Expr::Column(c) => facts(c, input, context).cloned(),
        other => typed(other, input, context).map(Facts::Value),
    }
}

/// What is known of a column of a node.
pub(super) fn facts<'a>(column: &Column, node: &'a Node, context: &Context<'_>) -> Result<&'a Facts, Refusal> {
    node.schema
        .maybe_index_of_column(column)
        .and_then(|i| node.columns.get(i))
        .ok_or_else(|| Refusal::new(Reason::UnknownName, "a column can't be followed", "It isn't part of its input."))
        .map_err(|r| r.at(context.words.find(&column.name)))
}

fn order(word: &str, context: &Context<'_>) -> Refusal {
    let first = word.split(' ').next().unwrap_or(word);
    let what = if word == "OVER" { "a window function" } else { word };
    Refusal::new(
        Reason::RowOrder,
        format!("{what} on private rows is refused"),
        "Which rows it keeps or joins depends on several persons at once.",
    )
    .fix("aggregate first; ORDER BY, LIMIT and window functions are free on the result")
    .at(context.words.find(first))
}

fn internal() -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        "this query can't be rebuilt in normal form",
        "No rule of certification admits it.",
    )
}

/// Rule R1: declared columns only, clamped to their declared intervals, finite.
fn scan(scan: &TableScan) -> Result<Node, Refusal> {
    let source = tables::source(scan).ok_or_else(internal)?;
    let table = source.table().clone();
    let population = table.population.clone().filter(|_| tables::is_private(&table)).ok_or_else(internal)?;
    let name = TableReference::partial(table.release.to_string(), table.table.name().as_str());
    let stored = Arc::new(CatalogSource::stored(table.clone()));
    let plan = TableScanBuilder::new(name.clone(), stored).build().map_err(|_| internal())?;
    let named = |n: &str| Expr::Column(Column::new(Some(name.clone()), n));
    let unit = unit_name(&table).map(|_| Facts::Unit);
    let visible = table.table.visible_columns().map(|c| {
        let domain = Domain::declared(c).ok_or_else(internal)?;
        let stored = named(c.name().as_str());
        let expr = clamped(widened(stored, c.data_type()), &domain);
        Ok(Facts::Value(Typed { expr, domain, size: 3 }))
    });
    let columns = unit.into_iter().map(Ok).chain(visible).collect::<Result<Vec<_>, Refusal>>()?;
    let unit_is_row = *table.table.unit() == PrivacyUnit::Row;
    let unit_name = match table.table.unit() {
        PrivacyUnit::Column(c) => c.to_string(),
        PrivacyUnit::ForeignKey { via, table, .. } => format!("unit of {table} by {via}"),
        PrivacyUnit::Row | PrivacyUnit::None => "row".to_owned(),
    };
    let max_rows_per_unit = if unit_is_row { 1 } else { table.table.max_rows_per_unit() };
    let certificate = Certificate {
        node: format!("Scan {}", table.sql_name),
        facts: vec![
            format!("unit: {unit_name}"),
            format!("population: {}", population.name),
            format!("owner: {}", table.owner),
            format!("at most {max_rows_per_unit} rows per unit"),
        ],
        inputs: Vec::new(),
    };
    Ok(Node {
        plan: LogicalPlan::TableScan(plan),
        schema: scan.projected_schema.clone(),
        columns,
        unit: named(UNIT_COLUMN),
        unit_name,
        unit_is_row,
        tables: vec![table],
        population,
        max_rows_per_unit,
        certificate,
    })
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
