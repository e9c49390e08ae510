//! Certification from the scans upwards, one rule per file. Every node is rebuilt in normal form: its plan has
//! columns of the engine's own naming, and each column of the query is a total expression over them. So a projection
//! or an alias costs nothing, names given by the researcher vanish, and equal questions give equal plans.
//!
//! What all rules keep true: every row of a node belongs to one privacy unit, which is never NULL; what one unit's rows
//! are depends on that unit's stored rows (and public tables) alone; one unit has at most `max_rows_per_unit` rows.

mod aggregate;
mod flow;
mod join;
mod lookup;
mod public;
mod reduce;
mod row;
mod scan;
mod subquery;
mod union;
mod window;

use super::expression::{Typed, typed};
use super::{Certificate, Context};
use crate::catalog::{CatalogTable, Population};
use crate::error::{Reason, Refusal};
use datafusion::common::{Column, DFSchemaRef, TableReference};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Projection};
use flow::Flow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Most rows that one unit may have after joins: with more, one unit could fill any machine.
pub(super) const MAX_ROWS_PER_UNIT: u64 = 100_000_000;

/// Rows and what is known of their columns.
pub(super) struct Relation {
    /// The node in normal form.
    pub(super) plan: LogicalPlan,
    /// The columns of the node as the query names them.
    pub(super) schema: DFSchemaRef,
    /// By position in `schema`.
    pub(super) columns: Vec<Facts>,
    /// The tree for people.
    pub(super) certificate: Certificate,
}

/// Rows that belong to privacy units.
pub(super) struct Node {
    pub(super) relation: Relation,
    /// The privacy unit, over the plan; never NULL.
    pub(super) unit: Expr,
    /// What the unit is called.
    pub(super) unit_name: String,
    /// Whether each row is a unit.
    pub(super) unit_is_row: bool,
    /// The private tables read, each once.
    pub(super) tables: Vec<Arc<CatalogTable>>,
    /// The units' population.
    pub(super) population: Population,
    /// Most rows of one unit.
    pub(super) max_rows_per_unit: u64,
    /// How many rows are to be expected.
    pub(super) flow: Flow,
}

impl Deref for Node {
    type Target = Relation;
    fn deref(&self) -> &Relation {
        &self.relation
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut Relation {
        &mut self.relation
    }
}

/// What is known of one column.
#[derive(Clone)]
pub(super) enum Facts {
    /// It is the privacy unit: opaque.
    Unit,
    /// It is the privacy unit, or NULL where an outer join found nothing on its side. Only whether it is NULL may be
    /// asked: that is a fact about the unit's own rows.
    Perhaps(Expr),
    /// A value of a known domain.
    Value(Typed),
}

/// Certifies what a barrier aggregates, and everything under it.
pub(super) fn node(plan: &LogicalPlan, context: &Context<'_>) -> Result<Node, Refusal> {
    // Names are counted from here, so that a plan's text doesn't depend on what else the query does.
    context.names.set(0);
    let plan = subquery::to_joins(plan)?;
    rows(&plan, context)
}

/// Certifies a node and everything under it.
fn rows(plan: &LogicalPlan, context: &Context<'_>) -> Result<Node, Refusal> {
    match plan {
        LogicalPlan::TableScan(scan) => scan::private(scan, context),
        LogicalPlan::Projection(projection) => {
            let input = rows(&projection.input, context)?;
            let unit = input.unit.clone();
            input.try_map(|relation| row::project(projection, relation, Some(&unit), context))
        }
        LogicalPlan::Filter(filter) => {
            if let Some(joined) = join::conditions_in_where(filter, context)? {
                return Ok(joined);
            }
            let input = rows(&filter.input, context)?;
            input.try_map(|relation| row::filter(&filter.predicate, relation, context))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let mut input = rows(&alias.input, context)?;
            input.schema = alias.schema.clone();
            Ok(input)
        }
        LogicalPlan::Join(join) => join::join(join, &[], context),
        LogicalPlan::Aggregate(aggregate) => {
            aggregate::within_units(aggregate, rows(&aggregate.input, context)?, context)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => aggregate::distinct(plan, rows(input, context)?, context),
        LogicalPlan::Distinct(Distinct::On(_)) => Err(order("DISTINCT ON", context)),
        LogicalPlan::Window(window) => window::within_units(window, rows(&window.input, context)?, context),
        LogicalPlan::Union(union) => union::all(union, context),
        LogicalPlan::Sort(_) => Err(order("ORDER BY", context)),
        LogicalPlan::Limit(_) => Err(order("LIMIT", context)),
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
            "this step is not supported on private rows",
            "No rule of certification admits it below the aggregate.",
        )),
    }
}

impl Node {
    /// The same units with other rows or columns.
    fn try_map(self, f: impl FnOnce(Relation) -> Result<Relation, Refusal>) -> Result<Self, Refusal> {
        Ok(Self { relation: f(self.relation)?, ..self })
    }

    /// How the certificate says that `rows` is the most a unit has.
    fn bound(&self) -> String {
        at_most(self.max_rows_per_unit, &self.unit_name)
    }

    /// Puts a projection on top in which every column has a name of its own: for rows that are combined with others,
    /// where a column is NULL rather than what its expression gives for NULLs.
    fn settled(self, context: &Context<'_>) -> Result<Self, Refusal> {
        let name = context.name("c");
        let mut outputs = Outputs::new(&name);
        let unit = outputs.unit(&self.unit);
        let relation = self.relation.settled(outputs)?;
        Ok(Self { relation, unit, ..self })
    }
}

impl Relation {
    /// See [`Node::settled`].
    fn settled(mut self, mut outputs: Outputs<'_>) -> Result<Self, Refusal> {
        for column in &mut self.columns {
            match column {
                Facts::Unit => {}
                Facts::Perhaps(unit) => *unit = outputs.unit(unit),
                Facts::Value(value) => {
                    value.expr = outputs.add(value.expr.clone());
                    value.size = 1;
                }
            }
        }
        self.plan = outputs.over(self.plan)?;
        Ok(self)
    }
}

/// The columns of a projection that gives every expression a qualified name.
struct Outputs<'a> {
    name: &'a TableReference,
    expressions: Vec<Expr>,
}

impl<'a> Outputs<'a> {
    const fn new(name: &'a TableReference) -> Self {
        Self { name, expressions: Vec::new() }
    }

    /// The column that shows an expression: equal ones share one.
    fn add(&mut self, expr: Expr) -> Expr {
        let i = self.expressions.iter().position(|e| *e == expr).unwrap_or_else(|| {
            self.expressions.push(expr);
            self.expressions.len() - 1
        });
        Expr::Column(Column::new(Some(self.name.clone()), format!("c{i}")))
    }

    /// A unit, its parts each as a column.
    fn unit(&mut self, unit: &Expr) -> Expr {
        match unit {
            Expr::ScalarFunction(f) => {
                let parts = f.args.iter().map(|a| self.unit(a)).collect();
                Expr::ScalarFunction(ScalarFunction::new_udf(f.func.clone(), parts))
            }
            other => self.add(other.clone()),
        }
    }

    fn over(self, plan: LogicalPlan) -> Result<LogicalPlan, Refusal> {
        let name = self.name;
        let named = self.expressions.into_iter().enumerate();
        let named = named.map(|(i, e)| e.alias_qualified(Some(name.clone()), format!("c{i}"))).collect();
        Projection::try_new(named, Arc::new(plan)).map(LogicalPlan::Projection).map_err(|_| internal())
    }
}

/// An expression as a column: the unit passes through, unchanged only. COALESCE over units is the unit if it covers all
/// that `unit` is made of.
fn column(expr: &Expr, input: &Relation, unit: Option<&Expr>, context: &Context<'_>) -> Result<Facts, Refusal> {
    match expr {
        Expr::Alias(alias) => column(&alias.expr, input, unit, context),
        Expr::Column(c) => facts(c, input, context).cloned(),
        Expr::ScalarFunction(f) if f.func.name() == "coalesce" => match coalesced(&f.args, input, unit, context) {
            Some(facts) => Ok(facts),
            None => typed(expr, input, context).map(Facts::Value),
        },
        other => typed(other, input, context).map(Facts::Value),
    }
}

/// What COALESCE makes of units, if all its arguments are that.
fn coalesced(arguments: &[Expr], input: &Relation, unit: Option<&Expr>, context: &Context<'_>) -> Option<Facts> {
    let arguments: Vec<Facts> =
        arguments.iter().map(|a| column(a, input, unit, context).ok()).collect::<Option<_>>()?;
    let mut parts = Vec::new();
    for argument in arguments {
        match argument {
            Facts::Unit => return Some(Facts::Unit),
            Facts::Perhaps(part) => parts.push(part),
            Facts::Value(_) => return None,
        }
    }
    let mut known = Vec::new();
    parts.iter().for_each(|p| leaves(p, &mut known));
    let mut needed = Vec::new();
    leaves(unit?, &mut needed);
    if needed.iter().all(|n| known.contains(n)) {
        return Some(Facts::Unit);
    }
    Some(Facts::Perhaps(datafusion::functions::core::expr_fn::coalesce(parts)))
}

/// The columns that a unit is the first non-NULL of.
fn leaves<'a>(unit: &'a Expr, found: &mut Vec<&'a Expr>) {
    match unit {
        Expr::ScalarFunction(f) => f.args.iter().for_each(|a| leaves(a, found)),
        other => found.push(other),
    }
}

/// What is known of a column of a node.
pub(super) fn facts<'a>(column: &Column, node: &'a Relation, context: &Context<'_>) -> Result<&'a Facts, Refusal> {
    node.schema
        .maybe_index_of_column(column)
        .and_then(|i| node.columns.get(i))
        .ok_or_else(|| Refusal::new(Reason::UnknownName, "a column can't be followed", "It isn't part of its input."))
        .map_err(|r| r.at(context.words.find(&column.name)))
}

fn at_most(rows: u64, unit_name: &str) -> String {
    let s = if rows == 1 { "" } else { "s" };
    format!("at most {rows} row{s} per {unit_name}")
}

/// A bound on rows, refused if one unit could have too many.
fn limited(rows: u64, context: &Context<'_>) -> Result<u64, Refusal> {
    if rows <= MAX_ROWS_PER_UNIT {
        return Ok(rows);
    }
    Err(Refusal::new(
        Reason::TooLarge,
        format!("one person could have {rows} rows here"),
        format!("Rows of one person multiply through joins; at most {MAX_ROWS_PER_UNIT} are computed with."),
    )
    .fix("aggregate per person before joining: JOIN (SELECT user_id, COUNT(*) AS n FROM … GROUP BY user_id) q")
    .at(context.words.find("JOIN"))
    .at(context.words.find("FROM")))
}

fn order(word: &str, context: &Context<'_>) -> Refusal {
    let first = word.split(' ').next().unwrap_or(word);
    Refusal::new(
        Reason::RowOrder,
        format!("{word} on private rows is refused"),
        "Which rows it keeps depends on several persons at once.",
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
