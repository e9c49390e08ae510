//! Rule R3: private rows are joined on the unit, within one population, so that every row is one unit's. What an outer
//! join doesn't find is NULL, but never the unit: that is the first of both sides'. Further conditions are total.

use super::row::described;
use super::{Facts, Node, Relation, column, internal, limited, lookup, rows, union};
use crate::catalog::CatalogTable;
use crate::certify::expression::{Typed, alike, typed};
use crate::certify::{Certificate, Context, narrow, split, tables, units};
use crate::domain::{Domain, Kind};
use crate::error::{Reason, Refusal};
use crate::faults::{self, Fault};
use datafusion::common::{DFSchema, NullEquality};
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, Operator};
use std::sync::Arc;

/// `FROM a, b WHERE a.unit = b.unit`: the condition of a join without one stands in WHERE.
pub(super) fn conditions_in_where(filter: &Filter, context: &Context<'_>) -> Result<Option<Node>, Refusal> {
    match filter.input.as_ref() {
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner && join.on.is_empty() && join.filter.is_none() => {
            self::join(join, &split_conjunction(&filter.predicate), context).map(Some)
        }
        _ => Ok(None),
    }
}

/// A join; `more` are conditions on its result, which is the same for an inner one.
pub(super) fn join(join: &Join, more: &[&Expr], context: &Context<'_>) -> Result<Node, Refusal> {
    match (tables::reads_private(&join.left), tables::reads_private(&join.right)) {
        (true, true) => {}
        (private_left, _) => return lookup::join(join, private_left, more, context),
    }
    if !units::holds_private(&join.left) || !units::holds_private(&join.right) {
        return Err(beside_released(context));
    }
    // Conditions of FROM a, b, c WHERE … that are about a and b alone belong to their join.
    let (left_more, more): (Vec<&Expr>, Vec<&Expr>) = more
        .iter()
        .copied()
        .partition(|c| is_bare(&join.left) && c.column_refs().iter().all(|c| join.left.schema().has_column(c)));
    let left = match join.left.as_ref() {
        LogicalPlan::Join(inner) if !left_more.is_empty() => self::join(inner, &left_more, context)?,
        other => rows(other, context)?,
    };
    let right = rows(&join.right, context)?;
    if left.population.id != right.population.id && !faults::on(Fault::JoinOfPopulations) {
        return Err(union::populations(context));
    }
    let pair = Pair { units: Some([&left.unit, &right.unit]), ..Pair::new(&left, &right, context)? };
    let mut conditions = Conditions::default();
    for (l, r) in &join.on {
        conditions.equal(l, r, join.null_equality, &pair)?;
    }
    for condition in join.filter.iter().flat_map(split_conjunction).chain(more) {
        conditions.add(condition, &pair)?;
    }
    if !conditions.by_unit && !faults::on(Fault::JoinWithoutUnit) {
        return Err(without_unit(join, &left, &right, &conditions.asked, context));
    }
    if join.null_aware
        && (!conditions.others.is_empty() || !join.filter.iter().flat_map(split_conjunction).all(|c| pair.is_units(c)))
    {
        return Err(not_in(context));
    }
    combine(join, left, right, conditions, context)
}

/// Whether it is a join that still looks for its conditions.
fn is_bare(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Join(j) if j.join_type == JoinType::Inner && j.on.is_empty() && j.filter.is_none())
}

/// Columns of both sides, for conditions.
pub(super) struct Pair<'a> {
    pub(super) relation: Relation,
    left: &'a DFSchema,
    /// The units of both sides, if both have one.
    units: Option<[&'a Expr; 2]>,
    context: &'a Context<'a>,
}

impl<'a> Pair<'a> {
    pub(super) fn new(left: &'a Relation, right: &Relation, context: &'a Context<'a>) -> Result<Self, Refusal> {
        let schema = left.schema.join(&right.schema).map_err(|_| internal())?;
        let relation = Relation {
            // Conditions are expressions over the columns of both plans; no plan is needed.
            plan: LogicalPlan::EmptyRelation(datafusion::logical_expr::EmptyRelation {
                produce_one_row: false,
                schema: Arc::new(DFSchema::empty()),
            }),
            schema: Arc::new(schema),
            columns: left.columns.iter().chain(&right.columns).cloned().collect(),
            certificate: Certificate { node: String::new(), facts: Vec::new(), inputs: Vec::new() },
        };
        Ok(Self { relation, left: left.schema.as_ref(), units: None, context })
    }

    /// Whether an expression reads columns of the left side only, or of the right side only.
    pub(super) fn side(&self, expr: &Expr) -> Option<bool> {
        let sides: Vec<bool> = expr.column_refs().iter().map(|c| self.left.has_column(c)).collect();
        let first = *sides.first()?;
        sides.iter().all(|s| *s == first).then_some(first)
    }

    /// Both sides of `unit = unit`, as far as each may be NULL.
    fn units(&self, l: &Expr, r: &Expr) -> Option<Vec<Expr>> {
        if self.side(l)? == self.side(r)? {
            return None;
        }
        let mut found = Vec::new();
        for expr in [l, r] {
            let unit = self.units.map(|[left, right]| if self.side(expr) == Some(true) { left } else { right });
            match column(expr, &self.relation, unit, self.context).ok()? {
                Facts::Unit => {}
                Facts::Perhaps(unit) => found.push(Expr::IsNotNull(Box::new(unit))),
                Facts::Value(_) => return None,
            }
        }
        Some(found)
    }

    fn is_units(&self, condition: &Expr) -> bool {
        matches!(condition, Expr::BinaryExpr(b) if b.op == Operator::Eq && self.units(&b.left, &b.right).is_some())
    }
}

/// What must hold for two rows to be joined.
#[derive(Default)]
struct Conditions<'a> {
    by_unit: bool,
    /// Total conditions besides the unit's.
    others: Vec<Expr>,
    /// Those that narrow what is left of an inner join.
    plain: Vec<&'a Expr>,
    /// As the query has them, for the refusal's rewrite.
    asked: Vec<String>,
}

impl<'a> Conditions<'a> {
    fn equal(&mut self, l: &'a Expr, r: &'a Expr, nulls: NullEquality, pair: &Pair<'_>) -> Result<(), Refusal> {
        if let Some(found) = pair.units(l, r) {
            self.by_unit = true;
            self.others.extend(found);
            return Ok(());
        }
        self.asked.push(format!("{l} = {r}"));
        let (left, right) =
            alike(typed(l, &pair.relation, pair.context)?, typed(r, &pair.relation, pair.context)?, pair.context)?;
        let op = match nulls {
            NullEquality::NullEqualsNothing => Operator::Eq,
            NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
        };
        self.others.push(Expr::BinaryExpr(BinaryExpr::new(Box::new(left.expr), op, Box::new(right.expr))));
        Ok(())
    }

    fn add(&mut self, condition: &'a Expr, pair: &Pair<'_>) -> Result<(), Refusal> {
        if let Expr::BinaryExpr(b) = condition
            && b.op == Operator::Eq
            && let Some(found) = pair.units(&b.left, &b.right)
        {
            self.by_unit = true;
            self.others.extend(found);
            return Ok(());
        }
        self.asked.push(condition.to_string());
        let total = typed(condition, &pair.relation, pair.context)?.of_kind(Kind::Boolean, pair.context)?;
        self.others.push(total.expr);
        self.plain.push(condition);
        Ok(())
    }
}

/// Which sides keep rows that find nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keeps {
    left: bool,
    right: bool,
}

fn combine(
    join: &Join,
    left: Node,
    right: Node,
    conditions: Conditions<'_>,
    context: &Context<'_>,
) -> Result<Node, Refusal> {
    let keeps = match join.join_type {
        JoinType::Inner => Keeps { left: false, right: false },
        JoinType::Left => Keeps { left: true, right: false },
        JoinType::Right => Keeps { left: false, right: true },
        JoinType::Full => Keeps { left: true, right: true },
        JoinType::LeftSemi | JoinType::LeftAnti => return half(join, left, right, conditions, context),
        JoinType::RightSemi | JoinType::RightAnti => return half(join, right, left, conditions, context),
        JoinType::LeftMark | JoinType::RightMark => return Err(split::subquery(context)),
    };
    let (l, r) = (left.max_rows_per_unit, right.max_rows_per_unit);
    let product = l.saturating_mul(r);
    // Rows that find nothing are kept besides those that find something.
    let most = match (keeps.left, keeps.right) {
        (true, true) if !conditions.others.is_empty() => product.max(l.saturating_add(r)),
        _ => product,
    };
    let max_rows_per_unit = limited(most, context)?;
    // Where a side may be missing, its columns are NULL, not what their expressions make of NULLs.
    let left = if keeps.right { left.settled(context)? } else { left };
    let right = if keeps.left { right.settled(context)? } else { right };
    let conditions =
        if keeps.left || keeps.right { again(join, &left, &right, conditions, context)? } else { conditions };
    let unit = match (keeps.left, keeps.right) {
        (_, false) => left.unit.clone(),
        (false, true) => right.unit.clone(),
        (true, true) if faults::on(Fault::NullUnitKept) => left.unit.clone(),
        (true, true) => datafusion::functions::core::expr_fn::coalesce(vec![left.unit.clone(), right.unit.clone()]),
    };
    let columns: Vec<Facts> = left
        .columns
        .iter()
        .map(|f| missing(f, &left.unit, keeps.right))
        .chain(right.columns.iter().map(|f| missing(f, &right.unit, keeps.left)))
        .collect();
    let plan = merged(&left, &right, conditions.others, join.join_type)?;
    let mut all = left.tables.clone();
    together(&mut all, &right.tables);
    let mut relation = Relation {
        plan,
        schema: join.schema.clone(),
        columns,
        certificate: Certificate { node: String::new(), facts: Vec::new(), inputs: Vec::new() },
    };
    if join.join_type == JoinType::Inner {
        for condition in &conditions.plain {
            narrow::apply(condition, &mut relation, context);
        }
    }
    let names: Vec<&str> = join.schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mut facts = vec![super::at_most(max_rows_per_unit, &left.unit_name)];
    if keeps.left || keeps.right {
        facts.extend(described(&relation.columns, &names));
    }
    let kind = join.join_type.to_string().to_lowercase();
    relation.certificate = Certificate {
        node: format!("Join ({kind}) on {}", left.unit_name),
        facts,
        inputs: vec![left.certificate.clone(), right.certificate.clone()],
    };
    Ok(Node {
        relation,
        unit,
        unit_name: left.unit_name.clone(),
        unit_is_row: false,
        tables: all,
        population: left.population.clone(),
        max_rows_per_unit,
        flow: left.flow.join(right.flow, left.population.declared_size, (l, r)),
    })
}

/// The conditions over columns that have been settled.
fn again<'a>(
    join: &'a Join,
    left: &Node,
    right: &Node,
    before: Conditions<'a>,
    context: &Context<'_>,
) -> Result<Conditions<'a>, Refusal> {
    let pair = Pair { units: Some([&left.unit, &right.unit]), ..Pair::new(left, right, context)? };
    let mut conditions = Conditions { by_unit: before.by_unit, ..Conditions::default() };
    for (l, r) in &join.on {
        conditions.equal(l, r, join.null_equality, &pair)?;
    }
    for condition in join.filter.iter().flat_map(split_conjunction) {
        conditions.add(condition, &pair)?;
    }
    Ok(conditions)
}

/// A column of a side that may be missing.
pub(super) fn missing(facts: &Facts, unit: &Expr, may: bool) -> Facts {
    match facts {
        Facts::Unit if may => Facts::Perhaps(unit.clone()),
        Facts::Value(value) if may => {
            Facts::Value(Typed { domain: Domain { nullable: true, ..value.domain.clone() }, ..value.clone() })
        }
        other => other.clone(),
    }
}

fn merged(left: &Node, right: &Node, others: Vec<Expr>, join_type: JoinType) -> Result<LogicalPlan, Refusal> {
    Join::try_new(
        Arc::new(left.plan.clone()),
        Arc::new(right.plan.clone()),
        vec![(left.unit.clone(), right.unit.clone())],
        conjunction(others),
        join_type,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )
    .map(LogicalPlan::Join)
    .map_err(|_| internal())
}

/// Rows of one side for which there is, or isn't, a row of the same unit on the other.
fn half(
    join: &Join,
    kept: Node,
    other: Node,
    conditions: Conditions<'_>,
    context: &Context<'_>,
) -> Result<Node, Refusal> {
    limited(kept.max_rows_per_unit.saturating_mul(other.max_rows_per_unit), context)?;
    let exists = matches!(join.join_type, JoinType::LeftSemi | JoinType::RightSemi);
    let plan = merged(&kept, &other, conditions.others, if exists { JoinType::LeftSemi } else { JoinType::LeftAnti })?;
    let certificate = Certificate {
        node: format!("Keep rows {} on {}", if exists { "that have one" } else { "that have none" }, kept.unit_name),
        facts: vec![kept.bound()],
        inputs: vec![kept.certificate.clone(), other.certificate.clone()],
    };
    let mut all = kept.tables.clone();
    together(&mut all, &other.tables);
    let relation = Relation { plan, schema: join.schema.clone(), columns: kept.columns.clone(), certificate };
    let flow = kept.flow.beside(other.flow);
    Ok(Node { relation, tables: all, flow, ..kept })
}

/// Adds tables that aren't there yet.
pub(super) fn together(all: &mut Vec<Arc<CatalogTable>>, more: &[Arc<CatalogTable>]) {
    for table in more {
        if !all.iter().any(|t| Arc::ptr_eq(t, table)) {
            all.push(table.clone());
        }
    }
}

/// The refusal with the condition that is missing.
fn without_unit(join: &Join, left: &Node, right: &Node, asked: &[String], context: &Context<'_>) -> Refusal {
    let refusal = Refusal::new(
        Reason::Join,
        "this join could put one person's rows beside another person's",
        "Joins between protected tables must match the privacy unit, so that every row belongs to one person.",
    )
    .at(context.words.find("JOIN"))
    .at(context.words.find("FROM"));
    if left.unit_is_row || right.unit_is_row {
        return refusal
            .fix("ask about one table at a time: a row that is its own unit has no others to be joined with");
    }
    let name = |node: &Node| {
        let i = node.columns.iter().position(|f| matches!(f, Facts::Unit))?;
        node.schema.columns().into_iter().nth(i)
    };
    match (name(left), name(right)) {
        (Some(l), Some(r)) => {
            let relation = r.relation.as_ref().map_or_else(|| "…".to_owned(), |t| t.table().to_owned());
            let units = format!("{} = {}", l.flat_name(), r.flat_name());
            let conditions: Vec<String> = std::iter::once(units).chain(asked.iter().cloned()).collect();
            let kind = match join.join_type {
                JoinType::Left => "LEFT JOIN",
                JoinType::Right => "RIGHT JOIN",
                JoinType::Full => "FULL JOIN",
                _ => "JOIN",
            };
            refusal.fix(format!("{kind} {relation} ON {}", conditions.join(" AND ")))
        }
        _ => refusal.fix(format!("select {} in both parts and join ON a.{0} = b.{0}", left.unit_name)),
    }
}

/// Released numbers beside private rows.
fn beside_released(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Join,
        "released numbers stand beside private rows in a join",
        "What is released about many persons can't be computed with, row by row, before it is released.",
    )
    .fix("ask two queries, or join the answers above both aggregates")
    .at(context.words.find("JOIN"))
}

fn not_in(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Subquery,
        "NOT IN (SELECT …) of a value is refused",
        "One NULL in the subquery would empty the result.",
    )
    .fix("NOT EXISTS (SELECT 1 FROM … WHERE same privacy unit AND same value)")
    .at(context.words.find("IN"))
}
