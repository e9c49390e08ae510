//! Rule R3: private rows with public ones. Every row keeps its unit: the join is inner or preserves the private side,
//! and how often a private row can be repeated is bounded by the number of public rows.

use super::join::{Pair, missing};
use super::public::Public;
use super::row::described;
use super::{Facts, Node, Relation, column, internal, limited, public, rows};
use crate::certify::expression::{alike, typed};
use crate::certify::{Certificate, Context, narrow};
use crate::domain::Kind;
use crate::error::{Reason, Refusal};
use crate::faults::{self, Fault};
use datafusion::common::NullEquality;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Join, JoinConstraint, JoinType, LogicalPlan, Operator};
use std::sync::Arc;

/// A join of private rows (on the left, or else on the right) with public ones.
pub(super) fn join(join: &Join, private_left: bool, more: &[&Expr], context: &Context<'_>) -> Result<Node, Refusal> {
    let (private, public) = if private_left { (&join.left, &join.right) } else { (&join.right, &join.left) };
    // As if the private rows stood on the left.
    let kind = match (join.join_type, private_left) {
        (JoinType::Inner, _) => JoinType::Inner,
        (JoinType::Left, true) | (JoinType::Right, false) => JoinType::Left,
        (JoinType::LeftSemi, true) | (JoinType::RightSemi, false) => JoinType::LeftSemi,
        (JoinType::LeftAnti, true) | (JoinType::RightAnti, false) if !join.null_aware => JoinType::LeftAnti,
        (JoinType::LeftAnti, true) | (JoinType::LeftMark | JoinType::RightMark, _) => {
            return Err(crate::certify::split::subquery(context));
        }
        _ => return Err(phantoms(context)),
    };
    let private = rows(private, context)?;
    let public = public::rows(public, context)?;
    let name = context.name("c");
    let public = Public { relation: public.relation.settled(super::Outputs::new(&name))?, ..public };
    let (left, right): (&Relation, &Relation) =
        if private_left { (&private.relation, &public.relation) } else { (&public.relation, &private.relation) };
    let pair = Pair::new(left, right, context)?;
    let mut found = Matches::default();
    for (l, r) in &join.on {
        if join.null_equality == NullEquality::NullEqualsNull
            || !found.equal(l, r, private_left, &public, &pair, context)?
        {
            return Err(no_key(context));
        }
    }
    for condition in join.filter.iter().flat_map(split_conjunction).chain(more.iter().copied()) {
        let equal = match condition {
            Expr::BinaryExpr(b) if b.op == Operator::Eq => {
                found.equal(&b.left, &b.right, private_left, &public, &pair, context)?
            }
            _ => false,
        };
        if !equal {
            let total = typed(condition, &pair.relation, context)?.of_kind(Kind::Boolean, context)?;
            found.others.push(total.expr);
            found.plain.push(condition);
        }
    }
    if found.on.is_empty() {
        return Err(no_key(context));
    }
    combine(join, kind, private_left, private, public, found, context)
}

/// How rows find each other.
#[derive(Default)]
struct Matches<'a> {
    /// Private key, public key.
    on: Vec<(Expr, Expr)>,
    /// Public columns, by position, that are keys.
    keys: Vec<usize>,
    others: Vec<Expr>,
    plain: Vec<&'a Expr>,
}

impl Matches<'_> {
    /// Takes an equality of one private and one public value; whether it is one.
    fn equal(
        &mut self,
        l: &Expr,
        r: &Expr,
        private_left: bool,
        public: &Public,
        pair: &Pair<'_>,
        context: &Context<'_>,
    ) -> Result<bool, Refusal> {
        let (Some(first), Some(second)) = (pair.side(l), pair.side(r)) else { return Ok(false) };
        if first == second {
            return Ok(false);
        }
        let (private, key) = if first == private_left { (l, r) } else { (r, l) };
        let (private, value) =
            alike(typed(private, &pair.relation, context)?, typed(key, &pair.relation, context)?, context)?;
        // A key that was converted may be alike for public rows that differ.
        if let Ok(Facts::Value(plain)) = column(key, &public.relation, None, context)
            && plain.expr == value.expr
            && let Some(i) =
                public.relation.columns.iter().position(|f| matches!(f, Facts::Value(v) if v.expr == plain.expr))
        {
            self.keys.push(i);
        }
        self.on.push((private.expr, value.expr));
        Ok(true)
    }
}

fn combine(
    join: &Join,
    kind: JoinType,
    private_left: bool,
    private: Node,
    public: Public,
    found: Matches<'_>,
    context: &Context<'_>,
) -> Result<Node, Refusal> {
    let half = matches!(kind, JoinType::LeftSemi | JoinType::LeftAnti);
    let once = public.unique.as_ref().is_some_and(|u| u.iter().all(|i| found.keys.contains(i)));
    let matches = if half || once || faults::on(Fault::PublicRowsUncounted) { 1 } else { public.rows.max(1) };
    let max_rows_per_unit = limited(private.max_rows_per_unit.saturating_mul(matches), context)?;
    let may = kind == JoinType::Left;
    let theirs: Vec<Facts> = public.relation.columns.iter().map(|f| missing(f, &private.unit, may)).collect();
    let columns = match (half, private_left) {
        (true, _) => private.columns.clone(),
        (false, true) => private.columns.iter().cloned().chain(theirs).collect(),
        (false, false) => theirs.into_iter().chain(private.columns.iter().cloned()).collect(),
    };
    let plan = Join::try_new(
        Arc::new(private.plan.clone()),
        Arc::new(public.relation.plan.clone()),
        found.on,
        conjunction(found.others),
        kind,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    );
    let plan = plan.map(LogicalPlan::Join).map_err(|_| internal())?;
    let mut relation = Relation {
        plan,
        schema: join.schema.clone(),
        columns,
        certificate: Certificate { node: String::new(), facts: Vec::new(), inputs: Vec::new() },
    };
    if kind == JoinType::Inner {
        for condition in found.plain {
            narrow::apply(condition, &mut relation, context);
        }
    }
    let names: Vec<&str> = join.schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mut facts = vec![super::at_most(max_rows_per_unit, &private.unit_name)];
    if may {
        facts.extend(described(&relation.columns, &names));
    }
    relation.certificate = Certificate {
        node: format!("Look up ({})", join.join_type.to_string().to_lowercase()),
        facts,
        inputs: vec![private.certificate.clone(), public.relation.certificate],
    };
    Ok(Node { relation, unit_is_row: private.unit_is_row && max_rows_per_unit == 1, max_rows_per_unit, ..private })
}

/// Public rows that are kept without a private one would have no unit.
fn phantoms(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Join,
        "this outer join keeps public rows that belong to nobody",
        "Whether such a row is there tells whether anybody matched it, and no person's bound limits that.",
    )
    .fix("put the private table on the side that is kept, or use JOIN; list the values to be shown in WHERE x IN (…)")
    .at(context.words.find("LEFT"))
    .at(context.words.find("RIGHT"))
    .at(context.words.find("FULL"))
    .at(context.words.find("JOIN"))
}

fn no_key(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Join,
        "this join with a public table has no equal keys",
        "A private row is looked up by a value that both tables have.",
    )
    .fix("JOIN <public table> p ON p.key = <private table>.key")
    .at(context.words.find("JOIN"))
    .at(context.words.find("FROM"))
}
