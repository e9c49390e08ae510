//! GROUP BY and DISTINCT within units: the keys contain the unit, so that each group's rows are one unit's.

use super::reduce::{Primitive, Request, Rows, reduce};
use super::row::described;
use super::{Facts, Node, Relation, column, internal};
use crate::certify::expression::{Typed, unit as opaque};
use crate::certify::{Certificate, Context};
use crate::error::{Reason, Refusal};
use crate::faults::{self, Fault};
use datafusion::common::{Column, DFSchemaRef, TableReference};
use datafusion::functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, AggregateUDF, Expr, LogicalPlan, Projection};
use std::sync::Arc;

impl Primitive {
    /// DataFusion's function.
    pub(super) fn function(self) -> Arc<AggregateUDF> {
        match self {
            Self::Count | Self::CountDistinct => count_udaf(),
            Self::Sum => sum_udaf(),
            Self::Min => min_udaf(),
            Self::Max => max_udaf(),
            Self::And => bool_and_udaf(),
            Self::Or => bool_or_udaf(),
        }
    }
}

/// An aggregate whose keys contain the unit.
pub(super) fn within_units(aggregate: &Aggregate, input: Node, context: &Context<'_>) -> Result<Node, Refusal> {
    let at = context.words.find("GROUP");
    if aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
        return Err(Refusal::new(
            Reason::Unsupported,
            "GROUPING SETS, ROLLUP or CUBE within a person is not supported",
            "Every row below the released aggregate belongs to one person and one group.",
        )
        .fix("GROUP BY the finest level here; roll up in the outer aggregate")
        .at(at));
    }
    let mut groups = Groups::new(&input, context);
    let mut columns = aggregate.group_expr.iter().map(|e| groups.key(e)).collect::<Result<Vec<_>, _>>()?;
    if !groups.by_unit && !faults::on(Fault::GroupWithoutUnit) {
        return Err(without_unit("this GROUP BY", "GROUP BY", &input).at(at));
    }
    for expr in &aggregate.aggr_expr {
        columns.push(Facts::Value(groups.aggregate(expr)?));
    }
    groups.over(columns, aggregate.schema.clone(), "Group by")
}

/// `DISTINCT` is a GROUP BY of all columns.
pub(super) fn distinct(plan: &LogicalPlan, input: Node, context: &Context<'_>) -> Result<Node, Refusal> {
    let at = context.words.find("DISTINCT");
    let names = input.schema.columns();
    let mut groups = Groups::new(&input, context);
    let columns = names.into_iter().map(|c| groups.key(&Expr::Column(c))).collect::<Result<Vec<_>, _>>()?;
    if !groups.by_unit && !faults::on(Fault::GroupWithoutUnit) {
        return Err(without_unit("this DISTINCT", "SELECT DISTINCT", &input).at(at));
    }
    groups.over(columns, plan.schema().clone(), "Distinct")
}

/// The groups that are being put together.
struct Groups<'a> {
    input: &'a Node,
    context: &'a Context<'a>,
    /// The unit, then the other keys.
    keys: Vec<Expr>,
    /// Values the other keys can have, all together; `None`: not known.
    combinations: Option<u64>,
    by_unit: bool,
    aggregates: Vec<Expr>,
    /// What the groups' columns are called, so that groups can be joined with groups.
    name: TableReference,
}

impl<'a> Groups<'a> {
    fn new(input: &'a Node, context: &'a Context<'a>) -> Self {
        let keys = vec![input.unit.clone()];
        let name = context.name("g");
        Self { input, context, keys, combinations: Some(1), by_unit: false, aggregates: Vec::new(), name }
    }

    /// Adds a key; what is known of its column.
    fn key(&mut self, expr: &Expr) -> Result<Facts, Refusal> {
        match column(expr, self.input, Some(&self.input.unit), self.context)? {
            Facts::Unit => {
                self.by_unit = true;
                Ok(Facts::Unit)
            }
            Facts::Perhaps(_) => {
                let name = expr.schema_name().to_string();
                Err(opaque(self.context, &name)
                    .fix(format!("{name} IS NOT NULL AS found, or COALESCE over the units of all sides")))
            }
            Facts::Value(value) => {
                let size = value.domain.enumerate().map(|v| v.len() as u64);
                self.combinations = self.combinations.zip(size).map(|(n, m)| n.saturating_mul(m.max(1)));
                let i = self.keys.iter().position(|k| *k == value.expr).unwrap_or_else(|| {
                    self.keys.push(value.expr.clone());
                    self.keys.len() - 1
                });
                Ok(Facts::Value(Typed { expr: named(&self.name, 'k', i), size: 1, domain: value.domain }))
            }
        }
    }

    fn aggregate(&mut self, expr: &Expr) -> Result<Typed, Refusal> {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias_nested().data else {
            return Err(internal());
        };
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return Err(Refusal::new(
                Reason::Aggregate,
                "ORDER BY or IGNORE NULLS inside an aggregate is not supported",
                "What an aggregate within a person gives depends on the person's rows, not on their order.",
            )
            .fix("a window: FIRST_VALUE(x) OVER (PARTITION BY <privacy unit> ORDER BY t)"));
        }
        let request = Request {
            name: func.name(),
            arguments: &params.args,
            filter: params.filter.as_deref(),
            distinct: params.distinct,
        };
        let (aggregates, name) = (&mut self.aggregates, &self.name);
        let mut take = |primitive: Primitive, argument: Expr| {
            let distinct = primitive == Primitive::CountDistinct;
            let function = primitive.function();
            let call = Expr::AggregateFunction(AggregateFunction::new_udf(
                function,
                vec![argument],
                distinct,
                None,
                Vec::new(),
                None,
            ));
            let i = aggregates.iter().position(|a| *a == call).unwrap_or_else(|| {
                aggregates.push(call);
                aggregates.len() - 1
            });
            Ok(named(name, 'a', i))
        };
        let rows = Rows { most: self.input.max_rows_per_unit, some: true };
        reduce(&request, rows, self.input, self.context, &mut take)
    }

    /// The node over the groups.
    fn over(self, columns: Vec<Facts>, schema: DFSchemaRef, what: &str) -> Result<Node, Refusal> {
        let Self { input, keys, combinations, aggregates, name, .. } = self;
        let all = |list: Vec<Expr>, letter: char| -> Vec<Expr> {
            list.into_iter().enumerate().map(|(i, e)| e.alias(format!("{letter}{i}"))).collect()
        };
        let plan = Aggregate::try_new(Arc::new(input.plan.clone()), all(keys, 'k'), all(aggregates, 'a'))
            .map_err(|_| internal())?;
        let named_apart = |c: Column| Expr::Column(c.clone()).alias_qualified(Some(name.clone()), c.name);
        let shown = plan.schema.columns().into_iter().map(named_apart).collect();
        let plan = Projection::try_new(shown, Arc::new(LogicalPlan::Aggregate(plan))).map_err(|_| internal())?;
        let max_rows_per_unit = combinations.map_or(input.max_rows_per_unit, |n| n.min(input.max_rows_per_unit)).max(1);
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let mut facts = vec![super::at_most(max_rows_per_unit, &input.unit_name)];
        facts.extend(described(&columns, &names));
        let certificate = Certificate {
            node: format!("{what} {}", names.join(", ")),
            facts,
            inputs: vec![input.certificate.clone()],
        };
        Ok(Node {
            relation: Relation { plan: LogicalPlan::Projection(plan), schema, columns, certificate },
            unit: named(&name, 'k', 0),
            unit_name: input.unit_name.clone(),
            unit_is_row: input.unit_is_row,
            tables: input.tables.clone(),
            population: input.population.clone(),
            max_rows_per_unit,
            flow: input.flow,
        })
    }
}

fn named(name: &TableReference, letter: char, i: usize) -> Expr {
    Expr::Column(Column::new(Some(name.clone()), format!("{letter}{i}")))
}

/// Groups of several persons' rows, below the released aggregate.
fn without_unit(what: &str, clause: &str, input: &Node) -> Refusal {
    Refusal::new(
        Reason::RowOrder,
        format!("{what} under an aggregate mixes the rows of several persons"),
        "Below the released aggregate, groups must belong to one person each: the keys need the privacy unit.",
    )
    .fix(format!("{clause} {}, …", input.unit_name))
}
