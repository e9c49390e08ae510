//! Projection and filter: one row at a time, of any relation.

use super::{Facts, Relation, column, internal};
use crate::certify::expression::typed;
use crate::certify::{Certificate, Context, narrow};
use crate::domain::Kind;
use crate::error::Refusal;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Projection};
use std::sync::Arc;

/// SELECT: nothing happens to the plan.
pub(super) fn project(
    projection: &Projection,
    input: Relation,
    unit: Option<&Expr>,
    context: &Context<'_>,
) -> Result<Relation, Refusal> {
    let columns = projection.expr.iter().map(|e| column(e, &input, unit, context)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<&str> = projection.schema.fields().iter().map(|f| f.name().as_str()).collect();
    let certificate = Certificate {
        node: format!("Project {}", names.join(", ")),
        facts: described(&columns, &names),
        inputs: vec![input.certificate],
    };
    Ok(Relation { schema: projection.schema.clone(), columns, certificate, ..input })
}

/// What the certificate says of columns that are values.
pub(super) fn described(columns: &[Facts], names: &[&str]) -> Vec<String> {
    let told = columns.iter().zip(names).filter_map(|(c, name)| match c {
        Facts::Unit => None,
        Facts::Perhaps(_) => Some(format!("{name} is the unit, or NULL: only that may be asked")),
        Facts::Value(v) => Some(format!("{name} {}", v.domain.describe())),
    });
    told.collect()
}

/// WHERE: the domains of what is left are narrowed.
pub(super) fn filter(predicate: &Expr, mut input: Relation, context: &Context<'_>) -> Result<Relation, Refusal> {
    let condition = typed(predicate, &input, context)?.of_kind(Kind::Boolean, context)?;
    let narrowed = narrow::apply(predicate, &mut input, context);
    let rebuilt = Filter::try_new(condition.expr, Arc::new(input.plan)).map_err(|_| internal())?;
    let facts = if narrowed.is_empty() { vec!["who is left is private".to_owned()] } else { narrowed };
    let certificate = Certificate { node: "Filter".to_owned(), facts, inputs: vec![input.certificate] };
    Ok(Relation { plan: LogicalPlan::Filter(rebuilt), certificate, ..input })
}
