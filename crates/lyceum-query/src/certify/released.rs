//! The plan above the barrier: the aggregate becomes a view of the released table with the same columns, intervals
//! become columns of it, and every row keeps its cell number as long as it can be followed. What would fail on a
//! value (division by zero, casts, roots) is made total: nothing may fail after the charge.

use super::tables::{self, reads_private};
use super::{public, split};
use crate::barrier::{Barrier, CELL_COLUMN, RELEASED_TABLE, RequestedInterval};
use crate::domain::Kind;
use crate::error::{Reason, Refusal};
use crate::functions::{Takes, Total, call, lookup};
use crate::parse::{INTERVAL_HIGH, INTERVAL_LOW, Words};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::logical_plan::builder::LogicalTableSource;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Filter, LogicalPlan, Operator, Projection, Sort, SubqueryAlias, TableScanBuilder,
    Window,
};
use std::sync::Arc;

/// Interval columns on their way from the released table to where they were asked for.
const INTERVAL_COLUMN: &str = "__i";

/// The intervals that SQL asked for, each once.
pub(super) fn requested_intervals(
    plan: &LogicalPlan,
    aggregate: &Aggregate,
    words: &Words,
) -> std::result::Result<Vec<RequestedInterval>, Refusal> {
    let mut found: Vec<RequestedInterval> = Vec::new();
    let mut refused: Option<Refusal> = None;
    // The closures never fail; a refusal is kept aside.
    let _ = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::ScalarFunction(f) = e
                    && let Some(upper) = marker(f)
                {
                    match interval(f, upper, node, aggregate) {
                        Some(interval) if found.contains(&interval) => {}
                        Some(interval) => found.push(interval),
                        None => refused = Some(no_interval(f.func.name(), words)),
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    refused.map_or(Ok(found), Err)
}

fn no_interval(name: &str, words: &Words) -> Refusal {
    Refusal::new(
        Reason::Interval,
        format!("{} needs an aggregate of the same SELECT", name.to_uppercase()),
        "An interval belongs to a released number; the confidence is a literal between 0 and 1.",
    )
    .fix("SELECT COUNT(*) AS n, DP_INTERVAL_LOW(n), DP_INTERVAL_HIGH(n, 0.9) FROM …")
    .at(words.find(name))
}

/// Whether a function is the marker of an interval, and of which end.
fn marker(function: &ScalarFunction) -> Option<bool> {
    match function.func.name() {
        INTERVAL_LOW => Some(false),
        INTERVAL_HIGH => Some(true),
        _ => None,
    }
}

fn interval(
    function: &ScalarFunction,
    upper: bool,
    node: &LogicalPlan,
    aggregate: &Aggregate,
) -> Option<RequestedInterval> {
    // Only filters and the like may be between the aggregate and where its interval is asked for.
    let mut input = node;
    loop {
        input = match input.inputs().as_slice() {
            [only] => only,
            _ => return None,
        };
        match input {
            LogicalPlan::Aggregate(a) if a == aggregate => break,
            LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {}
            _ => return None,
        }
    }
    let Some(Expr::Column(column)) = function.args.first().map(|e| e.clone().unalias_nested().data) else {
        return None;
    };
    let position = aggregate.schema.maybe_index_of_column(&column)?;
    let confidence = match function.args.get(1) {
        None => 0.95,
        Some(Expr::Literal(ScalarValue::Float64(Some(c)), _)) if *c > 0.0 && *c < 1.0 => *c,
        Some(_) => return None,
    };
    Some(RequestedInterval { aggregate: position.checked_sub(aggregate.group_expr.len())?, confidence, upper })
}

/// The plan over the released table.
pub(super) fn above(
    plan: &LogicalPlan,
    aggregate: &Aggregate,
    barrier: &Barrier,
    words: &Words,
) -> std::result::Result<LogicalPlan, Refusal> {
    let rebuild = Rebuild { aggregate, barrier };
    let rebuilt = rebuild.node(plan).and_then(|above| ordered(plan, above)).map_err(|_| {
        Refusal::new(
            Reason::Unsupported,
            "what is done with the result can't be planned",
            "The part of the query above the private aggregate could not be moved onto the released groups.",
        )
        .fix("ask for the aggregate alone and compute on the answer")
    })?;
    // Left in subqueries: they would be missed when the answer is computed, which is after the charge.
    if !tables::of(&rebuilt).is_empty() {
        return Err(split::mixed());
    }
    public::check(&rebuilt, words)?;
    Ok(rebuilt)
}

struct Rebuild<'a> {
    aggregate: &'a Aggregate,
    barrier: &'a Barrier,
}

impl Rebuild<'_> {
    fn node(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if let LogicalPlan::Aggregate(a) = plan
            && a == self.aggregate
        {
            return self.released();
        }
        if !reads_private(plan) {
            return Ok(plan.clone());
        }
        match plan {
            LogicalPlan::Projection(p) => {
                let input = self.node(&p.input)?;
                let mut expressions = self.expressions(&p.expr, &input)?;
                expressions.extend(cell(&input));
                Projection::try_new(expressions, Arc::new(input)).map(LogicalPlan::Projection)
            }
            LogicalPlan::Filter(f) => {
                let input = self.node(&f.input)?;
                let predicate = self.expression(&f.predicate, input.schema())?;
                Filter::try_new(predicate, Arc::new(input)).map(LogicalPlan::Filter)
            }
            LogicalPlan::Sort(s) => {
                let input = self.node(&s.input)?;
                let mut sorts = s.expr.clone();
                for sort in &mut sorts {
                    sort.expr = self.expression(&sort.expr, input.schema())?;
                }
                Ok(LogicalPlan::Sort(Sort { expr: sorts, input: Arc::new(input), fetch: s.fetch }))
            }
            LogicalPlan::Limit(l) => {
                let mut limit = l.clone();
                limit.input = Arc::new(self.node(&l.input)?);
                Ok(LogicalPlan::Limit(limit))
            }
            LogicalPlan::SubqueryAlias(a) => {
                let input = self.node(&a.input)?;
                SubqueryAlias::try_new(Arc::new(input), a.alias.clone()).map(LogicalPlan::SubqueryAlias)
            }
            LogicalPlan::Window(w) => {
                let input = self.node(&w.input)?;
                let windows = self.expressions(&w.window_expr, &input)?;
                Window::try_new(windows, Arc::new(input)).map(LogicalPlan::Window)
            }
            // Here rows can't be followed any more: the numbers of cells end.
            _ => {
                let inputs = plan
                    .inputs()
                    .into_iter()
                    .map(|input| ordered_exactly(input, self.node(input)?))
                    .collect::<Result<Vec<_>>>()?;
                let expressions = plan
                    .expressions()
                    .iter()
                    .map(|e| match inputs.as_slice() {
                        [only] => self.named(e, only.schema()),
                        _ => Ok(e.clone()),
                    })
                    .collect::<Result<Vec<_>>>()?;
                plan.with_new_exprs(expressions, inputs)
            }
        }
    }

    /// The released table with the aggregate's column names and types.
    fn released(&self) -> Result<LogicalPlan> {
        let source = Arc::new(LogicalTableSource::new(self.barrier.released_schema()));
        let scan = TableScanBuilder::new(RELEASED_TABLE, source).build()?;
        let stored = |name: String| Expr::Column(Column::new(Some(RELEASED_TABLE), name));
        let keys = (0..self.barrier.keys.len()).map(|i| format!("k{i}"));
        let aggregates = (0..self.barrier.aggregates.len()).map(|i| format!("a{i}"));
        let mut columns = Vec::new();
        for (name, (qualifier, field)) in keys.chain(aggregates).zip(self.aggregate.schema.iter()) {
            let given = scan.projected_schema.field_with_unqualified_name(&name)?.data_type();
            let mut column = stored(name.clone());
            if given != field.data_type() {
                column = Expr::TryCast(TryCast::new(Box::new(column), field.data_type().clone()));
            }
            columns.push(column.alias_qualified(qualifier.cloned(), field.name()));
        }
        for i in 0..self.barrier.intervals.len() {
            columns.push(stored(format!("i{i}")).alias(format!("{INTERVAL_COLUMN}{i}")));
        }
        columns.push(stored(CELL_COLUMN.to_owned()).alias(CELL_COLUMN));
        Projection::try_new(columns, Arc::new(LogicalPlan::TableScan(scan))).map(LogicalPlan::Projection)
    }

    fn expressions(&self, expressions: &[Expr], input: &LogicalPlan) -> Result<Vec<Expr>> {
        expressions.iter().map(|e| self.named(e, input.schema())).collect()
    }

    /// The expression, total, under the name it had.
    fn named(&self, expr: &Expr, schema: &DFSchema) -> Result<Expr> {
        let rewritten = self.expression(expr, schema)?;
        if rewritten == *expr || matches!(expr, Expr::Alias(_)) {
            return Ok(rewritten);
        }
        let name = expr.schema_name().to_string();
        Ok(rewritten.alias(name))
    }

    fn expression(&self, expr: &Expr, schema: &DFSchema) -> Result<Expr> {
        expr.clone().transform_up(|e| self.one(e, schema)).map(|t| t.data)
    }

    fn one(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        match &expr {
            Expr::ScalarFunction(f) => {
                if let Some(upper) = marker(f) {
                    return self.interval_column(f, upper).map(Transformed::yes);
                }
                if let Some((total, Takes::Float | Takes::TwoFloats)) = lookup(f.func.name())
                    && f.args.iter().all(|a| matches!(a.get_type(schema), Ok(DataType::Float64)))
                    && matches!(expr.get_type(schema), Ok(DataType::Float64))
                {
                    return Ok(Transformed::yes(call(total, Kind::Float, f.args.clone())));
                }
                Ok(Transformed::no(expr))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Divide | Operator::Modulo), right }) => {
                let integer = |e: &Expr| matches!(e.get_type(schema), Ok(DataType::Int64));
                if !integer(left) || !integer(right) {
                    return Ok(Transformed::no(expr));
                }
                let total = if *op == Operator::Divide { Total::Divide } else { Total::Modulo };
                Ok(Transformed::yes(call(total, Kind::Int, vec![(**left).clone(), (**right).clone()])))
            }
            Expr::Cast(Cast { expr: inner, field }) => {
                let from = inner.get_type(schema)?;
                let widens = from.is_integer() && matches!(field.data_type(), DataType::Float64 | DataType::Int64);
                if widens || matches!(inner.as_ref(), Expr::Literal(..)) {
                    return Ok(Transformed::no(expr));
                }
                let cast = TryCast::new(inner.clone(), field.data_type().clone());
                Ok(Transformed::yes(Expr::TryCast(cast)))
            }
            _ => Ok(Transformed::no(expr)),
        }
    }

    /// The column that a marker stands for.
    fn interval_column(&self, function: &ScalarFunction, upper: bool) -> Result<Expr> {
        let missing = || DataFusionError::Plan("an interval without its column".to_owned());
        let Some(Expr::Column(column)) = function.args.first().map(|e| e.clone().unalias_nested().data) else {
            return Err(missing());
        };
        let confidence = match function.args.get(1) {
            Some(Expr::Literal(ScalarValue::Float64(Some(c)), _)) => *c,
            _ => 0.95,
        };
        let aggregate = self
            .aggregate
            .schema
            .maybe_index_of_column(&column)
            .and_then(|i| i.checked_sub(self.aggregate.group_expr.len()))
            .ok_or_else(missing)?;
        let wanted = RequestedInterval { aggregate, confidence, upper };
        let i = self.barrier.intervals.iter().position(|r| *r == wanted).ok_or_else(missing)?;
        Ok(Expr::Column(Column::new_unqualified(format!("{INTERVAL_COLUMN}{i}"))))
    }
}

/// The cell column of a plan, if it still has one.
fn cell(plan: &LogicalPlan) -> Option<Expr> {
    plan.schema().iter().find(|(_, f)| f.name() == CELL_COLUMN).map(|(q, f)| Expr::Column(Column::from((q, f))))
}

/// The original's columns and then the cell's, if there is one; nothing else.
fn ordered(original: &LogicalPlan, rebuilt: LogicalPlan) -> Result<LogicalPlan> {
    let wanted = original.schema().fields().len();
    let fields = rebuilt.schema().fields();
    let cell = cell(&rebuilt);
    let last = fields.last().is_some_and(|f| f.name() == CELL_COLUMN);
    if fields.len() == wanted + usize::from(cell.is_some()) && (cell.is_none() || last) {
        return Ok(rebuilt);
    }
    let columns = original.schema().columns().into_iter().map(Expr::Column).chain(cell).collect();
    Projection::try_new(columns, Arc::new(rebuilt)).map(LogicalPlan::Projection)
}

/// Exactly the original's columns.
fn ordered_exactly(original: &LogicalPlan, rebuilt: LogicalPlan) -> Result<LogicalPlan> {
    if original.schema().fields().len() == rebuilt.schema().fields().len() {
        return Ok(rebuilt);
    }
    let columns = original.schema().columns().into_iter().map(Expr::Column).collect();
    Projection::try_new(columns, Arc::new(rebuilt)).map(LogicalPlan::Projection)
}
