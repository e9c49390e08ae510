//! UNION ALL within one population: rows add, domains unite.

use super::flow::Flow;
use super::row::described;
use super::{Facts, Node, Relation, internal, limited, rows};
use crate::certify::expression::Typed;
use crate::certify::{Certificate, Context};
use crate::domain::Kind;
use crate::error::{Reason, Refusal};
use crate::faults::{self, Fault};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Union};
use std::sync::Arc;

/// What the unit is called on its way through a union.
const UNIT: &str = "u";

/// All rows of all inputs.
pub(super) fn all(union: &Union, context: &Context<'_>) -> Result<Node, Refusal> {
    let inputs = union.inputs.iter().map(|i| rows(i, context)).collect::<Result<Vec<_>, _>>()?;
    let mut inputs = inputs.into_iter();
    let first = inputs.next().ok_or_else(internal)?;
    let inputs: Vec<Node> = std::iter::once(first).chain(inputs).collect();
    let first = inputs.first().ok_or_else(internal)?;
    let mixed = inputs.iter().any(|n| n.population.id != first.population.id);
    if mixed && !faults::on(Fault::UnionOfPopulations) {
        return Err(populations(context));
    }
    let name = context.name("u");
    let mut selected: Vec<Vec<Expr>> = inputs.iter().map(|n| vec![n.unit.clone().alias(UNIT)]).collect();
    let mut columns = Vec::new();
    for i in 0..first.columns.len() {
        let facts: Vec<&Facts> = inputs.iter().filter_map(|n| n.columns.get(i)).collect();
        let values: Vec<Typed> = facts.iter().filter_map(|f| value(f)).collect();
        if facts.len() != inputs.len() || (values.len() != inputs.len() && !values.is_empty()) {
            return Err(mixed_columns(context, i));
        }
        if values.is_empty() {
            if facts.iter().all(|f| matches!(f, Facts::Unit)) {
                columns.push(Facts::Unit);
                continue;
            }
            return Err(mixed_columns(context, i));
        }
        let kind = common(&values);
        let values = values.into_iter().map(|v| v.of_kind(kind, context)).collect::<Result<Vec<_>, _>>()?;
        let Some(domain) = values.iter().map(|v| v.domain.clone()).reduce(crate::domain::Domain::union) else {
            return Err(internal());
        };
        for (list, value) in selected.iter_mut().zip(values) {
            list.push(value.expr.alias(format!("c{i}")));
        }
        let expr = Expr::Column(Column::new(Some(name.clone()), format!("c{i}")));
        columns.push(Facts::Value(Typed { expr, domain, size: 1 }));
    }
    let max_rows_per_unit = limited(inputs.iter().fold(0u64, |n, i| n.saturating_add(i.max_rows_per_unit)), context)?;
    let parts = inputs.iter().zip(selected).map(|(node, list)| {
        Projection::try_new(list, Arc::new(node.plan.clone())).map(|p| Arc::new(LogicalPlan::Projection(p)))
    });
    let plan = parts.collect::<Result<Vec<_>, _>>().and_then(Union::try_new).map_err(|_| internal())?;
    let shown = plan
        .schema
        .columns()
        .into_iter()
        .map(|c| Expr::Column(c.clone()).alias_qualified(Some(name.clone()), c.name))
        .collect();
    let plan = Projection::try_new(shown, Arc::new(LogicalPlan::Union(plan))).map_err(|_| internal())?;
    let mut tables = Vec::new();
    for node in &inputs {
        super::join::together(&mut tables, &node.tables);
    }
    let names: Vec<&str> = union.schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mut facts = vec![super::at_most(max_rows_per_unit, &first.unit_name)];
    facts.extend(described(&columns, &names));
    let certificate = Certificate {
        node: "Union all".to_owned(),
        facts,
        inputs: inputs.iter().map(|n| n.certificate.clone()).collect(),
    };
    Ok(Node {
        relation: Relation { plan: LogicalPlan::Projection(plan), schema: union.schema.clone(), columns, certificate },
        unit: Expr::Column(Column::new(Some(name), UNIT)),
        unit_name: first.unit_name.clone(),
        // A row that stands in several inputs is one unit with several rows.
        unit_is_row: false,
        tables,
        population: first.population.clone(),
        max_rows_per_unit,
        flow: inputs.iter().map(|n| n.flow).fold(Flow::scan(0), Flow::union),
    })
}

fn value(facts: &Facts) -> Option<Typed> {
    match facts {
        Facts::Value(value) => Some(value.clone()),
        Facts::Unit | Facts::Perhaps(_) => None,
    }
}

/// The kind that all values fit in; a NULL fits in any.
fn common(values: &[Typed]) -> Kind {
    let known = values.iter().filter(|v| !v.value().is_some_and(datafusion::common::ScalarValue::is_null));
    known
        .map(Typed::kind)
        .reduce(|a, b| match (a, b) {
            (a, b) if a == b => a,
            (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Kind::Float,
            (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date) => Kind::Timestamp,
            _ => Kind::Text,
        })
        .unwrap_or(Kind::Boolean)
}

pub(super) fn populations(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Join,
        "these tables are about different populations",
        "Their ids are not comparable: nobody can tell whether two rows belong to one person.",
    )
    .fix("ask about each population in a query of its own")
    .at(context.words.find("JOIN"))
    .at(context.words.find("UNION"))
    .at(context.words.find("FROM"))
}

fn mixed_columns(context: &Context<'_>, i: usize) -> Refusal {
    Refusal::new(
        Reason::Unit,
        format!("column {} is the privacy unit in one part of a UNION and not in another", i + 1),
        "The unit stays the unit: in all parts, or in none.",
    )
    .fix("the same columns in the same order in all parts")
    .at(context.words.find("UNION"))
}
