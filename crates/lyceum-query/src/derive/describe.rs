//! Describes a barrier for reuse: its family, and keys, conditions and measures in normal form.

use super::descriptor::{Descriptor, Fixed, FoldText, KeyText, Listed, MeasureText, Parts, Summed};
use crate::above;
use crate::barrier::{Aggregate, Bias, Fold, KeySelection};
use crate::certify::{CertifiedBarrier, canonical};
use crate::noise::{NoisePlan, sigma};
use arrow::datatypes::DataType;
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use sha2::{Digest, Sha256};

/// A barrier of a priced query, as reuse sees it.
pub(crate) struct Asked {
    /// Equal families read the same rows of the same releases under the same policies, but for `conditions`.
    pub(super) family: [u8; 32],
    /// What its answer would be described by.
    pub(super) descriptor: Descriptor,
    /// ε that is asked for.
    pub(super) epsilon: f64,
    /// The conditions of the descriptor, in its order.
    pub(super) conditions: Vec<Expr>,
    /// The columns that they read.
    pub(super) rows: DFSchemaRef,
    /// What SQL asked for.
    pub(super) aggregates: Vec<Aggregate>,
}

/// Describes a barrier. `None`: in a way that reuse doesn't know; such an answer serves equal questions only.
pub(crate) fn describe(certified: &CertifiedBarrier, noise: &NoisePlan, epsilon: f64) -> Option<Asked> {
    let barrier = &certified.barrier;
    let LogicalPlan::Projection(projection) = &certified.below else { return None };
    let (unit, rest) = projection.expr.split_first()?;
    let (keys, values) = rest.split_at_checked(barrier.keys.len())?;
    let rows = projection.input.schema();
    // The outermost WHERE only: what is further below is part of the family.
    let (input, conditions) = match projection.input.as_ref() {
        LogicalPlan::Filter(filter) => {
            (filter.input.as_ref(), split_conjunction(&filter.predicate).into_iter().cloned().collect())
        }
        other => (other, Vec::new()),
    };
    let keys = keys.iter().zip(&barrier.keys).map(|(expr, key)| {
        let values = match &key.values {
            Some(values) => Some(values.iter().map(Listed::of).collect::<Option<Vec<_>>>()?),
            None => None,
        };
        Some(KeyText { expression: text(expr), values })
    });
    let summed = barrier.measures.iter().map(|m| {
        let (fold, value) = match m.fold {
            Fold::Rows => (FoldText::Rows, None),
            Fold::Units => (FoldText::Units, None),
            Fold::NonNull { value } => (FoldText::NonNull, Some((present(values.get(value)?, rows), None))),
            Fold::Sum { value } => (FoldText::Sum, Some(fixed(values.get(value)?, rows))),
            Fold::Distinct { value } => (FoldText::Distinct, Some((text(values.get(value)?), None))),
            Fold::Leaves { value, nodes } => {
                (FoldText::Leaves, Some((format!("{nodes} of {}", text(values.get(value)?)), None)))
            }
            Fold::Level { leaves, by, nodes } => {
                let Fold::Leaves { value, nodes: all } = barrier.measures.get(leaves)?.fold else { return None };
                let of = format!("{nodes} by {by} of {all} of {}", text(values.get(value)?));
                (FoldText::Level, Some((of, None)))
            }
        };
        let (value, fixed) = value.map_or((None, None), |(text, fixed)| (Some(text), fixed));
        Some(Summed { fold, value, fixed, low: m.low, high: m.high })
    });
    let summed = summed.collect::<Option<Vec<_>>>()?;
    let measures = summed.iter().zip(&barrier.measures).enumerate().map(|(i, (what, measure))| {
        // Where no unit exceeds its bounds none is scaled, alone or together.
        let others = barrier.measures.iter().zip(&summed).enumerate();
        let others =
            others.filter(|(j, (o, _))| *j != i && o.scale_group == measure.scale_group && barrier.bias != Bias::None);
        let together = others.map(|(_, (_, s))| s.clone()).collect();
        let sigma = sigma(noise.measures.get(i)?) * noise.unit(i);
        Some(MeasureText { what: what.clone(), together, sigma })
    });
    let descriptor = Descriptor::new(Parts {
        keys: keys.collect::<Option<_>>()?,
        conditions: conditions.iter().map(text).collect(),
        measures: measures.collect::<Option<_>>()?,
        max_groups: barrier.max_groups,
        minimum_group_size: match barrier.selection {
            KeySelection::Public => None,
            KeySelection::Private { minimum_group_size } => Some(minimum_group_size),
        },
        epsilon,
        notes: above::notes(barrier, noise),
    });
    Some(Asked {
        family: family(certified, unit, input),
        descriptor,
        epsilon,
        conditions,
        rows: rows.clone(),
        aggregates: barrier.aggregates.clone(),
    })
}

/// SHA-256 over what must be equal: whose rows, of which releases and versions, under which policies, made into what.
fn family(certified: &CertifiedBarrier, unit: &Expr, input: &LogicalPlan) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part("lyceum family 1");
    part(&text(unit));
    part(&certified.barrier.unit_is_row.to_string());
    let mut plan = String::new();
    canonical::plan(input, &mut plan);
    part(&plan);
    for table in &certified.tables {
        part(&format!("{} {} {}", table.release, table.version, table.table.name()));
        part(table.policy.canonical());
    }
    hash.finalize().into()
}

/// An expression in normal form, whatever it is called.
pub(super) fn text(expr: &Expr) -> String {
    canonical::expression(&expr.clone().unalias_nested().data)
}

/// The condition and value of `CASE WHEN condition THEN value END`.
fn when(expr: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(otherwise) }) = expr else { return None };
    let ([(condition, value)], Expr::Literal(ScalarValue::Int64(None), _)) =
        (when_then_expr.as_slice(), otherwise.as_ref())
    else {
        return None;
    };
    Some((condition, value))
}

/// The arguments of a call of `total_fixed`.
fn fixed_call(expr: &Expr) -> Option<(&Expr, Fixed)> {
    let Expr::ScalarFunction(function) = expr else { return None };
    let (true, [value, exponent, low, high, centre]) = (function.name() == "total_fixed", function.args.as_slice())
    else {
        return None;
    };
    let number = |e: &Expr| match e {
        Expr::Literal(ScalarValue::Int64(Some(n)), _) => Some(*n),
        _ => None,
    };
    let exponent = i32::try_from(number(exponent)?).ok()?;
    Some((value, Fixed { exponent, low: number(low)?, high: number(high)?, centre: number(centre)? }))
}

/// An integer that only was turned into a float for an average is that integer.
fn uncast<'a>(expr: &'a Expr, rows: &DFSchemaRef) -> &'a Expr {
    match expr {
        Expr::ScalarFunction(function) if function.name() == "total_cast_float" => match function.args.as_slice() {
            [integer] if integer.get_type(rows.as_ref()).is_ok_and(|t| t == DataType::Int64) => integer,
            _ => expr,
        },
        _ => expr,
    }
}

/// A value column: what is summed, under its filter, and how it is put on its grid.
fn fixed(column: &Expr, rows: &DFSchemaRef) -> (String, Option<Fixed>) {
    let column = column.clone().unalias_nested().data;
    let (filter, value) = when(&column).map_or((None, &column), |(c, v)| (Some(c), v));
    match fixed_call(value) {
        Some((value, fixed)) => (format!("{:?} of {}", filter.map(text), text(uncast(value, rows))), Some(fixed)),
        None => (text(&column), None),
    }
}

/// In which rows a value column is not NULL. Columns that differ only in what they hold say the same of that:
/// `fixed(x, …)` is NULL exactly where x is.
fn present(column: &Expr, rows: &DFSchemaRef) -> String {
    let column = column.clone().unalias_nested().data;
    let (mut conditions, mut value) = (Vec::new(), &column);
    while let Some((condition, then)) = when(value) {
        match condition {
            Expr::IsNotNull(x) => conditions.push(format!("not null {}", text(uncast(x, rows)))),
            other => conditions.push(text(other)),
        }
        value = then;
    }
    match (fixed_call(value), value) {
        (Some((x, _)), _) => conditions.push(format!("not null {}", text(uncast(x, rows)))),
        (None, Expr::Literal(literal, _)) if !literal.is_null() => {}
        (None, other) => conditions.push(format!("not null {}", text(other))),
    }
    format!("{conditions:?}")
}
