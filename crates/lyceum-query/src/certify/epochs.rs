//! Which epochs a query can touch, from its text and the manifest alone, and that it touches no others.
//!
//! In a population with epochs a unit is a person in one day, week or month, and is charged only where it can matter.
//! The plan below a barrier is walked from the barrier down to its scans with the conditions that every row left must
//! meet. What they say of a scan's epoch column is rounded out to whole epochs, and a filter on just these is put above
//! the scan: whether the reading of a condition is right decides which rows are counted, never who is protected.
//!
//! ```text
//! Filter: cast_date(ts) BETWEEN 2026-03-10 AND 2026-05-02      Filter: …
//!   Scan t0                                               →      Filter: ts BETWEEN 2026-03-01T00:00 AND 2026-05-31T23:59:59.999999
//!                                                                  Scan t0      epochs 2026-03 … 2026-05
//! ```

mod range;

use super::{CertifiedBarrier, tables};
use crate::catalog::CatalogTable;
use crate::error::{Reason, Refusal};
use crate::parse::Words;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Between, Expr, Filter, Join, JoinType, LogicalPlan, TableScan};
use lyceum_schema::epoch::{EpochSpan, Epochs, MAX_EPOCHS};
use lyceum_schema::manifest::DataType;
use range::Range;
use std::sync::Arc;

/// Puts a filter on whole epochs above every scan that needs one, and says which epochs each source is read in.
pub(super) fn confine(barrier: &mut CertifiedBarrier, words: &Words) -> Result<(), Refusal> {
    if barrier.tables.iter().all(|t| t.table.epoch().is_none()) {
        return Ok(());
    }
    let mut walk = Walk { words, touched: Vec::new() };
    barrier.below = walk.down(&barrier.below, &[], None)?;
    for source in &mut barrier.barrier.sources {
        for (table, span) in &walk.touched {
            if table.release == source.release && table.sql_name == source.table {
                source.epochs = source.epochs.union(&(*span).into()).ok_or_else(internal)?;
            }
        }
    }
    Ok(())
}

/// Every epoch is a debit of every account, so a query may touch only so many.
pub(super) fn few(barriers: &[CertifiedBarrier], words: &Words) -> Result<(), Refusal> {
    let mut all = Epochs::NONE;
    for source in barriers.iter().flat_map(|b| &b.barrier.sources) {
        all = all.union(&source.epochs).ok_or_else(internal)?;
    }
    if all.count() <= MAX_EPOCHS {
        return Ok(());
    }
    let tables = barriers.iter().flat_map(|b| &b.tables);
    let column = tables.filter_map(|t| t.table.epoch()).map(|e| e.column().to_string()).next().unwrap_or_default();
    Err(Refusal::new(
        Reason::TooLarge,
        format!("this query can touch {all}"),
        format!("Each is charged for itself; one query may touch at most {MAX_EPOCHS}."),
    )
    .fix(format!("WHERE {column} >= … AND {column} < …"))
    .at(words.find("FROM")))
}

struct Walk<'a> {
    words: &'a Words,
    touched: Vec<(Arc<CatalogTable>, EpochSpan)>,
}

impl Walk<'_> {
    /// The plan with its filters. `conditions` hold, over the plan's columns, on every row that matters; `within`: only
    /// units of these epochs matter.
    fn down(
        &mut self,
        plan: &LogicalPlan,
        conditions: &[Expr],
        within: Option<EpochSpan>,
    ) -> Result<LogicalPlan, Refusal> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan, conditions, within),
            LogicalPlan::Filter(filter) => {
                let own = split_conjunction(&filter.predicate).into_iter().cloned();
                let all: Vec<Expr> = conditions.iter().cloned().chain(own).collect();
                self.rebuilt(plan, &[&all], within)
            }
            LogicalPlan::Projection(p) => {
                let inner = substituted(conditions, &p.schema, |i| p.expr.get(i).cloned());
                self.rebuilt(plan, &[&inner], within)
            }
            LogicalPlan::Union(union) => {
                let inner: Vec<Vec<Expr>> = union
                    .inputs
                    .iter()
                    .map(|input| {
                        let at = |i| input.schema().columns().get(i).cloned().map(Expr::Column);
                        substituted(conditions, &union.schema, at)
                    })
                    .collect();
                self.rebuilt(plan, &inner.iter().map(Vec::as_slice).collect::<Vec<_>>(), within)
            }
            LogicalPlan::Join(join) => self.join(plan, join, conditions, within),
            // Rows are seen together here: a condition on the result says nothing about one of them. Units pass whole.
            LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Distinct(_) => {
                self.rebuilt(plan, &[&[]], within)
            }
            // Not in normal form: nothing is concluded.
            LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
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
            | LogicalPlan::RecursiveQuery(_) => {
                let none = vec![&[][..]; plan.inputs().len()];
                self.rebuilt(plan, &none, None)
            }
        }
    }

    /// The same node over its inputs, each under its own conditions.
    fn rebuilt(
        &mut self,
        plan: &LogicalPlan,
        conditions: &[&[Expr]],
        within: Option<EpochSpan>,
    ) -> Result<LogicalPlan, Refusal> {
        let inputs = plan.inputs();
        let inputs = inputs.iter().zip(conditions).map(|(input, c)| self.down(input, c, within));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        plan.with_new_exprs(plan.expressions(), inputs).map_err(|_| internal())
    }

    /// Private rows are joined on the unit, and the epoch is part of it: a side that must find something on the other
    /// is needed in the other's epochs only.
    fn join(
        &mut self,
        plan: &LogicalPlan,
        join: &Join,
        above: &[Expr],
        within: Option<EpochSpan>,
    ) -> Result<LogicalPlan, Refusal> {
        let own: Vec<Expr> = join.filter.iter().flat_map(split_conjunction).cloned().collect();
        let both: Vec<Expr> = above.iter().chain(&own).cloned().collect();
        // Conditions of each side, and whether its rows matter only with the other's.
        let (left, right, needs) = match join.join_type {
            JoinType::Inner => (both.as_slice(), both.as_slice(), (true, true)),
            JoinType::LeftSemi => (both.as_slice(), own.as_slice(), (true, true)),
            JoinType::RightSemi => (own.as_slice(), both.as_slice(), (true, true)),
            JoinType::Left | JoinType::LeftAnti => (above, own.as_slice(), (false, true)),
            JoinType::Right | JoinType::RightAnti => (own.as_slice(), above, (true, false)),
            JoinType::Full | JoinType::LeftMark | JoinType::RightMark => (&[][..], &[][..], (false, false)),
        };
        let before = self.touched.len();
        let mut first = self.down(&join.left, left, within)?;
        let of_left = self.hull(before)?;
        let middle = self.touched.len();
        let second = self.down(&join.right, right, if needs.1 { self.meet(within, of_left)? } else { within })?;
        let of_right = self.hull(middle)?;
        if needs.0 && of_left.zip(of_right).is_some_and(|(l, r)| r.first() > l.first() || r.last() < l.last()) {
            let of_right_only = self.touched.split_off(middle);
            self.touched.truncate(before);
            first = self.down(&join.left, left, self.meet(within, of_right)?)?;
            self.touched.extend(of_right_only);
        }
        plan.with_new_exprs(plan.expressions(), vec![first, second]).map_err(|_| internal())
    }

    /// From the first to the last epoch touched since.
    fn hull(&self, since: usize) -> Result<Option<EpochSpan>, Refusal> {
        let spans = self.touched.iter().skip(since).map(|(_, span)| *span);
        let (first, last) = (spans.clone().map(EpochSpan::first).min(), spans.map(EpochSpan::last).max());
        first.zip(last).map(|(first, last)| EpochSpan::new(first, last).ok_or_else(internal)).transpose()
    }

    /// What both contain. `None` says nothing.
    fn meet(&self, a: Option<EpochSpan>, b: Option<EpochSpan>) -> Result<Option<EpochSpan>, Refusal> {
        let (Some(a), Some(b)) = (a, b) else { return Ok(a.or(b)) };
        if a.first().every() != b.first().every() {
            return Err(internal());
        }
        EpochSpan::new(a.first().max(b.first()), a.last().min(b.last())).map(Some).ok_or_else(|| self.nothing_left())
    }

    fn scan(
        &mut self,
        scan: &TableScan,
        conditions: &[Expr],
        within: Option<EpochSpan>,
    ) -> Result<LogicalPlan, Refusal> {
        let plan = LogicalPlan::TableScan(scan.clone());
        let table = tables::source(scan).ok_or_else(internal)?.table().clone();
        let Some(epoch) = table.table.epoch() else { return Ok(plan) };
        let column = Column::new(Some(scan.table_name.clone()), epoch.column().as_str());
        let days = table.table.column(epoch.column()).is_some_and(|c| c.data_type() == DataType::Date);
        let declared = epoch.span();
        let asked = conditions
            .iter()
            .filter_map(|c| range::of(c, &column, days))
            .fold(Range::of_epochs(declared, days), Range::meet);
        let span = asked.epochs(declared.first().every(), days).ok_or_else(|| self.nothing_left())?;
        let span = self.meet(Some(span), within)?.ok_or_else(internal)?;
        self.touched.push((table, span));
        if span == declared {
            return Ok(plan);
        }
        let Range { low, high } = Range::of_epochs(span, days);
        let end = |n: i64| -> Result<Box<Expr>, Refusal> {
            let value = if days {
                ScalarValue::Date32(Some(i32::try_from(n).map_err(|_| internal())?))
            } else {
                ScalarValue::TimestampMicrosecond(Some(n), None)
            };
            Ok(Box::new(Expr::Literal(value, None)))
        };
        let inside = Expr::Between(Between::new(Box::new(Expr::Column(column)), false, end(low)?, end(high)?));
        Filter::try_new(inside, Arc::new(plan)).map(LogicalPlan::Filter).map_err(|_| internal())
    }

    fn nothing_left(&self) -> Refusal {
        Refusal::new(
            Reason::Unsupported,
            "no epoch is left for this query to read",
            "Its conditions on time exclude every day, week or month that the manifest declares.",
        )
        .fix("a WHERE on time within the bounds that the catalogue shows")
        .at(self.words.find("WHERE"))
    }
}

/// Conditions over a node's columns as conditions over its input; those that can't be followed are left out.
fn substituted(conditions: &[Expr], schema: &DFSchema, meaning: impl Fn(usize) -> Option<Expr>) -> Vec<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let follow = |condition: &Expr| {
        let mut lost = false;
        let followed = condition.clone().transform_down(|e| {
            let Expr::Column(column) = &e else { return Ok(Transformed::no(e)) };
            match schema.maybe_index_of_column(column).and_then(&meaning) {
                // What is put in speaks of the input already.
                Some(inner) => {
                    Ok(Transformed::new(inner.unalias(), true, datafusion::common::tree_node::TreeNodeRecursion::Jump))
                }
                None => {
                    lost = true;
                    Ok(Transformed::no(e))
                }
            }
        });
        followed.ok().map(|t| t.data).filter(|_| !lost)
    };
    conditions.iter().filter_map(follow).collect()
}

fn internal() -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        "the epochs of this query can't be followed",
        "No rule of certification admits it.",
    )
}
