//! What WHERE says about columns: the domains of later expressions are narrowed by comparisons with literals.

use super::Context;
use super::below::{Facts, Relation, facts};
use super::expression::typed;
use crate::domain::{Domain, Interval, Kind, point};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use std::cmp::Ordering;

/// Narrows the node's columns by a predicate that holds on all rows left; sentences for the certificate.
pub(super) fn apply(predicate: &Expr, node: &mut Relation, context: &Context<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for condition in split_conjunction(predicate) {
        if let Some((column, domain)) = narrowed(condition, node, context)
            && let Some(i) = node.schema.maybe_index_of_column(&column)
            && let Some(Facts::Value(value)) = node.columns.get_mut(i)
        {
            said.push(format!("{} {}", column.name, domain.describe()));
            value.domain = domain;
        }
    }
    said
}

/// The column that a condition is about, and its domain where the condition holds.
fn narrowed(condition: &Expr, node: &Relation, context: &Context<'_>) -> Option<(Column, Domain)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if let Some(column) = plain_column(left) {
                compare(column, *op, right, node, context)
            } else {
                compare(plain_column(right)?, op.swap()?, left, node, context)
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let column = plain_column(expr)?;
            let (_, from) = compare(column, Operator::GtEq, low, node, context)?;
            let high = literal(high, from.kind, node, context)?;
            Some((column.clone(), limited(from, Operator::LtEq, &high)))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let column = plain_column(expr)?;
            let domain = domain_of(column, node, context)?;
            let values: Vec<ScalarValue> =
                list.iter().map(|e| literal(e, domain.kind, node, context)).collect::<Option<_>>()?;
            if *negated {
                return Some((column.clone(), without(domain, &values)));
            }
            Some((column.clone(), only(domain, values)))
        }
        Expr::Column(column) => Some((column.clone(), only(boolean(column, node, context)?, vec![truth(true)]))),
        Expr::Not(inner) => {
            let column = plain_column(inner)?;
            Some((column.clone(), only(boolean(column, node, context)?, vec![truth(false)])))
        }
        Expr::IsNotNull(inner) => {
            let column = plain_column(inner)?;
            Some((column.clone(), Domain { nullable: false, ..domain_of(column, node, context)? }))
        }
        Expr::Alias(alias) => narrowed(&alias.expr, node, context),
        _ => None,
    }
}

fn truth(value: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(value))
}

fn boolean(column: &Column, node: &Relation, context: &Context<'_>) -> Option<Domain> {
    domain_of(column, node, context).filter(|d| d.kind == Kind::Boolean)
}

/// A column, also under a cast that coercion put in.
fn plain_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Cast(cast) => plain_column(&cast.expr),
        _ => None,
    }
}

fn domain_of(column: &Column, node: &Relation, context: &Context<'_>) -> Option<Domain> {
    match facts(column, node, context).ok()? {
        Facts::Value(value) => Some(value.domain.clone()),
        Facts::Unit | Facts::Perhaps(_) => None,
    }
}

/// A literal that has exactly the column's kind. A cast to another kind compares something else than the column.
fn literal(expr: &Expr, kind: Kind, node: &Relation, context: &Context<'_>) -> Option<ScalarValue> {
    let value = typed(expr, node, context).ok()?;
    match value.expr {
        Expr::Literal(v, _) if value.domain.kind == kind && !v.is_null() => Some(v),
        _ => None,
    }
}

fn compare(
    column: &Column,
    op: Operator,
    other: &Expr,
    node: &Relation,
    context: &Context<'_>,
) -> Option<(Column, Domain)> {
    let domain = domain_of(column, node, context)?;
    let value = literal(other, domain.kind, node, context)?;
    let narrowed = match op {
        Operator::Eq => only(domain, vec![value]),
        Operator::NotEq => without(domain, &[value]),
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => limited(domain, op, &value),
        _ => return None,
    };
    Some((column.clone(), narrowed))
}

/// The domain where the value is one of a list.
fn only(domain: Domain, values: Vec<ScalarValue>) -> Domain {
    let mut listed: Vec<ScalarValue> = Vec::new();
    match &domain.values {
        Some(known) => listed.extend(known.iter().filter(|v| values.contains(v)).cloned()),
        None => {
            for v in values {
                let inside = point(&v).zip(domain.interval).is_none_or(|(p, i)| p.meet(i).is_some());
                if inside && !listed.contains(&v) {
                    listed.push(v);
                }
            }
        }
    }
    // No row is left; what is known stays true of none.
    if listed.is_empty() { Domain { nullable: false, ..domain } } else { Domain::listed(domain.kind, listed, false) }
}

fn without(mut domain: Domain, values: &[ScalarValue]) -> Domain {
    domain.nullable = false;
    let left = domain.values.as_ref().is_some_and(|known| known.iter().any(|v| !values.contains(v)));
    if left {
        domain.retain(|v| !values.contains(v));
    }
    domain
}

/// The domain where the value is on one side of another.
fn limited(mut domain: Domain, op: Operator, value: &ScalarValue) -> Domain {
    domain.nullable = false;
    let keep = |v: &ScalarValue| {
        v.partial_cmp(value).is_some_and(|o| match op {
            Operator::Lt => o == Ordering::Less,
            Operator::LtEq => o != Ordering::Greater,
            Operator::Gt => o == Ordering::Greater,
            _ => o != Ordering::Less,
        })
    };
    if domain.values.as_ref().is_some_and(|known| known.iter().any(keep)) {
        domain.retain(keep);
        return domain;
    }
    let side = match point(value) {
        Some(Interval::Int { low: v, .. }) => Some(match op {
            Operator::Lt => Interval::Int { low: i64::MIN, high: v.saturating_sub(1) },
            Operator::LtEq => Interval::Int { low: i64::MIN, high: v },
            Operator::Gt => Interval::Int { low: v.saturating_add(1), high: i64::MAX },
            _ => Interval::Int { low: v, high: i64::MAX },
        }),
        Some(Interval::Float { low: v, .. }) => Some(match op {
            Operator::Lt | Operator::LtEq => Interval::Float { low: f64::MIN, high: v },
            _ => Interval::Float { low: v, high: f64::MAX },
        }),
        None => None,
    };
    if let Some(side) = side {
        domain.interval = match domain.interval {
            Some(known) => known.meet(side).or(Some(known)),
            None => Some(side),
        };
    }
    domain
}
