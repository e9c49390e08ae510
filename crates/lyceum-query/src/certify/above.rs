//! The plan above the barriers: each aggregate becomes a view of a released table with the same columns, and every row
//! keeps the numbers of its cells, and the intervals that were asked for, as long as it can be followed. What would
//! fail on a value (division by zero, casts, roots) is made total: nothing may fail after the charge.

use super::tables::{self, reads_private};
use super::{CertifiedBarrier, public, split};
use crate::domain::Kind;
use crate::error::{Reason, Refusal};
use crate::functions::{Takes, Total, call, lookup};
use crate::lineage;
use crate::parse::{INTERVAL_HIGH, INTERVAL_LOW, Words};
use crate::released_table::{Origin, Part, ReleasedColumn, ReleasedTable, RequestedInterval, table_name};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, Cast, Exists, InSubquery, ScalarFunction, TryCast};
use datafusion::logical_expr::logical_plan::builder::LogicalTableSource;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Filter, Join, LogicalPlan, Operator, Projection, Sort, Subquery, SubqueryAlias,
    TableScanBuilder, Union, Window, lit,
};
use std::cell::RefCell;
use std::sync::Arc;

/// An aggregate of the query and where its groups come from.
pub(super) struct Release {
    pub(super) aggregate: Aggregate,
    /// Number of its keys.
    pub(super) keys: usize,
    /// Its grouping sets; a plain GROUP BY has one.
    pub(super) sets: Vec<SetOrigin>,
}

/// One grouping set of an aggregate.
pub(super) struct SetOrigin {
    pub(super) origin: Origin,
    /// Positions of its keys among the aggregate's.
    pub(super) kept: Vec<usize>,
    /// What stands in the column of grouping ids.
    pub(super) grouping_id: Option<ScalarValue>,
}

/// *Above* and the tables that it reads.
pub(super) struct Rebuilt {
    pub(super) plan: LogicalPlan,
    pub(super) released: Vec<ReleasedTable>,
}

/// Puts the query's aggregates aside and the released tables in their places.
pub(super) fn rebuild(
    plan: &LogicalPlan,
    releases: &[Release],
    barriers: &[CertifiedBarrier],
    words: &Words,
) -> std::result::Result<Rebuilt, Refusal> {
    // Intervals are found where they are asked for, far above the table that has to have them: the second walk
    // knows what the first one found.
    let mut wanted = Vec::new();
    loop {
        let rebuild = Rebuild {
            releases,
            barriers,
            words,
            released: RefCell::default(),
            firsts: RefCell::default(),
            wanted: RefCell::new(wanted.clone()),
            refusal: RefCell::default(),
        };
        let rebuilt = rebuild.node(plan).and_then(|above| finished(plan, above));
        if let Some(refusal) = rebuild.refusal.take() {
            return Err(refusal);
        }
        let plan = rebuilt.map_err(|_| unplanned())?;
        let found = rebuild.wanted.take();
        if found != wanted {
            wanted = found;
            continue;
        }
        // Left in subqueries: they would be missed when the answer is computed, which is after the charge.
        if !tables::of(&plan).is_empty() {
            return Err(split::mixed());
        }
        public::check(&plan, words)?;
        return Ok(Rebuilt { plan, released: rebuild.released.take() });
    }
}

fn unplanned() -> Refusal {
    Refusal::new(
        Reason::Unsupported,
        "what is done with the result can't be planned",
        "The part of the query above the private aggregate could not be moved onto the released groups.",
    )
    .fix("ask for the aggregate alone and compute on the answer")
}

/// Whether a function is the marker of an interval, and of which end.
fn marker(function: &ScalarFunction) -> Option<bool> {
    match function.func.name() {
        INTERVAL_LOW => Some(false),
        INTERVAL_HIGH => Some(true),
        _ => None,
    }
}

struct Rebuild<'a> {
    releases: &'a [Release],
    barriers: &'a [CertifiedBarrier],
    words: &'a Words,
    /// One for each place where an aggregate stands, in the order of the walk.
    released: RefCell<Vec<ReleasedTable>>,
    /// By table: the table of its aggregate's first grouping set, under whose name intervals are carried.
    firsts: RefCell<Vec<usize>>,
    /// By table: the intervals asked for.
    wanted: RefCell<Vec<Vec<RequestedInterval>>>,
    refusal: RefCell<Option<Refusal>>,
}

impl Rebuild<'_> {
    fn refuse(&self, refusal: Refusal) -> DataFusionError {
        self.refusal.borrow_mut().get_or_insert(refusal);
        DataFusionError::Plan("refused".to_owned())
    }

    fn node(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if let LogicalPlan::Aggregate(a) = plan
            && let Some(release) = self.releases.iter().find(|r| r.aggregate == *a)
        {
            return self.released(release);
        }
        if !reads_private(plan) {
            return Ok(plan.clone());
        }
        match plan {
            LogicalPlan::Projection(p) => {
                let input = self.node(&p.input)?;
                let mut expressions = p.expr.iter().map(|e| self.named(e, &input)).collect::<Result<Vec<_>>>()?;
                expressions.extend(carried(&input));
                Projection::try_new(expressions, Arc::new(input)).map(LogicalPlan::Projection)
            }
            LogicalPlan::Filter(f) => {
                let input = self.node(&f.input)?;
                let predicate = self.expression(&f.predicate, &input)?;
                Filter::try_new(predicate, Arc::new(input)).map(LogicalPlan::Filter)
            }
            LogicalPlan::Sort(s) => {
                let input = self.node(&s.input)?;
                let mut sorts = s.expr.clone();
                for sort in &mut sorts {
                    sort.expr = self.expression(&sort.expr, &input)?;
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
                let windows = w.window_expr.iter().map(|e| self.named(e, &input)).collect::<Result<Vec<_>>>()?;
                Window::try_new(windows, Arc::new(input)).map(LogicalPlan::Window)
            }
            LogicalPlan::Join(j) => self.join(j),
            LogicalPlan::Union(u) => {
                let inputs = u.inputs.iter().map(|i| finished(i, self.node(i)?)).collect::<Result<Vec<_>>>()?;
                self.union(inputs, &u.schema)
            }
            // Here rows can't be followed any more: what they carried ends.
            _ => {
                let inputs = plan
                    .inputs()
                    .into_iter()
                    .map(|input| uncarried(input, self.node(input)?))
                    .collect::<Result<Vec<_>>>()?;
                let expressions = plan
                    .expressions()
                    .iter()
                    .map(|e| match inputs.as_slice() {
                        [only] => self.named(e, only),
                        _ => Ok(e.clone()),
                    })
                    .collect::<Result<Vec<_>>>()?;
                plan.with_new_exprs(expressions, inputs)
            }
        }
    }

    fn join(&self, j: &Join) -> Result<LogicalPlan> {
        let (left, right) = (self.node(&j.left)?, self.node(&j.right)?);
        let on = j.on.iter().map(|(l, r)| Ok((self.expression(l, &left)?, self.expression(r, &right)?)));
        let on = on.collect::<Result<Vec<_>>>()?;
        let both = Arc::new(left.schema().join(right.schema())?);
        let filter = j.filter.as_ref().map(|f| self.total(f, &both)).transpose()?;
        let (left, right) = (Arc::new(left), Arc::new(right));
        Join::try_new(left, right, on, filter, j.join_type, j.join_constraint, j.null_equality, j.null_aware)
            .map(LogicalPlan::Join)
    }

    /// A union whose inputs carry the same, under the names of `schema`.
    fn union(&self, inputs: Vec<LogicalPlan>, schema: &DFSchema) -> Result<LogicalPlan> {
        let own = schema.fields().len();
        let mut names: Vec<(String, DataType)> = Vec::new();
        for field in inputs.iter().flat_map(|i| i.schema().fields().iter().skip(own)) {
            if !names.iter().any(|(n, _)| n == field.name()) {
                names.push((field.name().clone(), field.data_type().clone()));
            }
        }
        let aligned = inputs.into_iter().map(|input| {
            let columns = input.schema().columns();
            let more = names.iter().map(|(name, data_type)| {
                let known = columns.iter().skip(own).find(|c| c.name == *name);
                let column = match known {
                    Some(column) => Expr::Column(column.clone()),
                    None => Expr::Literal(ScalarValue::try_from(data_type)?, None),
                };
                Ok(column.alias(name))
            });
            let more = more.collect::<Result<Vec<_>>>()?;
            // By position, as a union reads its inputs.
            let first = columns.iter().take(own).enumerate();
            let first = first.map(|(i, c)| Expr::Column(c.clone()).alias(format!("__u{i}")));
            let columns = first.chain(more).collect();
            Projection::try_new(columns, Arc::new(input)).map(|p| Arc::new(LogicalPlan::Projection(p)))
        });
        let union = LogicalPlan::Union(Union::try_new(aligned.collect::<Result<Vec<_>>>()?)?);
        let named = schema.iter().enumerate().map(|(i, (qualifier, field))| {
            Expr::Column(Column::new_unqualified(format!("__u{i}"))).alias_qualified(qualifier.cloned(), field.name())
        });
        let columns = named.chain(carried(&union)).collect();
        Projection::try_new(columns, Arc::new(union)).map(LogicalPlan::Projection)
    }

    /// The groups of an aggregate with its column names and types.
    fn released(&self, release: &Release) -> Result<LogicalPlan> {
        let first = self.released.borrow().len();
        let sets = release.sets.iter().map(|set| self.set(release, set, first)).collect::<Result<Vec<_>>>()?;
        match <[LogicalPlan; 1]>::try_from(sets) {
            Ok([only]) => Ok(only),
            Err(several) => self.union(several, &release.aggregate.schema),
        }
    }

    /// One grouping set: the keys that it leaves out are NULL. `first` is the table of the aggregate's first set.
    fn set(&self, release: &Release, set: &SetOrigin, first: usize) -> Result<LogicalPlan> {
        let missing = || DataFusionError::Plan("a release without a barrier".to_owned());
        let barrier = &self.barriers.get(set.origin.barrier()).ok_or_else(missing)?.barrier;
        let types =
            |kept: &[usize]| kept.iter().filter_map(|&k| Some(barrier.keys.get(k)?.data_type.clone())).collect();
        let keys: Vec<DataType> = match &set.origin {
            Origin::Barrier(_) => barrier.keys.iter().map(|k| k.data_type.clone()).collect(),
            Origin::RollUp { kept, .. } => types(kept),
        };
        let table = self.released.borrow().len();
        let mut wanted = self.wanted.borrow_mut();
        if wanted.len() <= table {
            wanted.resize(table + 1, Vec::new());
        }
        let intervals = wanted.get(table).cloned().unwrap_or_default();
        let origin = set.origin.clone();
        let released = ReleasedTable { origin, keys, aggregates: barrier.aggregates.clone(), intervals };
        let source = Arc::new(LogicalTableSource::new(released.schema(table)));
        let scan = TableScanBuilder::new(table_name(table), source).build()?;
        let stored = |part| Expr::Column(Column::new(Some(table_name(table)), ReleasedColumn { table, part }.name()));
        let mut columns = Vec::new();
        for (i, (qualifier, field)) in release.aggregate.schema.iter().enumerate() {
            let id = usize::from(set.grouping_id.is_some());
            let part = match set.kept.iter().position(|&k| k == i) {
                Some(k) => Some(Part::Key(k)),
                None => i.checked_sub(release.keys + id).map(Part::Aggregate),
            };
            let column = match (part, &set.grouping_id) {
                (Some(part), _) => {
                    let name = ReleasedColumn { table, part }.name();
                    let given = scan.projected_schema.field_with_unqualified_name(&name)?.data_type();
                    if given == field.data_type() {
                        stored(part)
                    } else {
                        Expr::TryCast(TryCast::new(Box::new(stored(part)), field.data_type().clone()))
                    }
                }
                (None, Some(id)) if i == release.keys => lit(id.clone()),
                (None, _) => Expr::Literal(ScalarValue::try_from(field.data_type())?, None),
            };
            columns.push(column.alias_qualified(qualifier.cloned(), field.name()));
        }
        for i in 0..released.intervals.len() {
            // All sets of an aggregate carry an interval under one name.
            let name = ReleasedColumn { table: first, part: Part::Interval(i) }.name();
            columns.push(stored(Part::Interval(i)).alias(name));
        }
        columns.push(stored(Part::Cell).alias(ReleasedColumn { table, part: Part::Cell }.name()));
        self.released.borrow_mut().push(released);
        self.firsts.borrow_mut().push(first);
        Projection::try_new(columns, Arc::new(LogicalPlan::TableScan(scan))).map(LogicalPlan::Projection)
    }

    /// The expression, total, under the name it had.
    fn named(&self, expr: &Expr, input: &LogicalPlan) -> Result<Expr> {
        let rewritten = self.expression(expr, input)?;
        if rewritten == *expr || matches!(expr, Expr::Alias(_)) {
            return Ok(rewritten);
        }
        let name = expr.schema_name().to_string();
        Ok(rewritten.alias(name))
    }

    /// The expression over the columns of `input`, total, intervals put in.
    fn expression(&self, expr: &Expr, input: &LogicalPlan) -> Result<Expr> {
        let intervals = expr.clone().transform_up(|e| match &e {
            Expr::ScalarFunction(f) if marker(f).is_some() => self.interval(f, input).map(Transformed::yes),
            _ => Ok(Transformed::no(e)),
        })?;
        self.total(&intervals.data, input.schema())
    }

    fn total(&self, expr: &Expr, schema: &DFSchema) -> Result<Expr> {
        expr.clone().transform_up(|e| self.one(e, schema)).map(|t| t.data)
    }

    fn one(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        match &expr {
            Expr::ScalarFunction(f) => {
                if marker(f).is_some() {
                    return Err(self.no_interval(f));
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
            Expr::ScalarSubquery(s) => {
                if !one_row(&s.subquery) {
                    return Err(self.refuse(several_rows(self.words)));
                }
                Ok(Transformed::yes(Expr::ScalarSubquery(self.subquery(s)?)))
            }
            Expr::Exists(e) => {
                let subquery = self.subquery(&e.subquery)?;
                Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated: e.negated })))
            }
            Expr::InSubquery(i) => {
                let subquery = self.subquery(&i.subquery)?;
                Ok(Transformed::yes(Expr::InSubquery(InSubquery::new(i.expr.clone(), subquery, i.negated))))
            }
            _ => Ok(Transformed::no(expr)),
        }
    }

    fn subquery(&self, s: &Subquery) -> Result<Subquery> {
        let plan = uncarried(&s.subquery, self.node(&s.subquery)?)?;
        Ok(s.with_plan(Arc::new(plan)))
    }

    /// The column that an interval's marker stands for. Where the table doesn't have it yet, it will in the next walk.
    fn interval(&self, function: &ScalarFunction, input: &LogicalPlan) -> Result<Expr> {
        let refused = || self.no_interval(function);
        let upper = marker(function).ok_or_else(refused)?;
        let Some(Expr::Column(column)) = function.args.first().map(|e| e.clone().unalias_nested().data) else {
            return Err(refused());
        };
        let confidence = match function.args.get(1) {
            None => 0.95,
            Some(Expr::Literal(ScalarValue::Float64(Some(c)), _)) if *c > 0.0 && *c < 1.0 => *c,
            Some(_) => return Err(refused()),
        };
        let position = input.schema().maybe_index_of_column(&column).ok_or_else(refused)?;
        // The same aggregate of one table, or of each grouping set of one.
        let mut name = None;
        for branch in lineage::trace(input).ok_or_else(refused)? {
            let Some(Some(Expr::Column(origin))) = branch.columns.get(position) else { return Err(refused()) };
            let Some(ReleasedColumn { table, part: Part::Aggregate(aggregate) }) = ReleasedColumn::parse(&origin.name)
            else {
                return Err(refused());
            };
            let wanted = RequestedInterval { aggregate, confidence, upper };
            let mut all = self.wanted.borrow_mut();
            let of_table = all.get_mut(table).ok_or_else(refused)?;
            let i = of_table.iter().position(|w| *w == wanted).unwrap_or_else(|| {
                of_table.push(wanted);
                of_table.len() - 1
            });
            let first = self.firsts.borrow().get(table).copied().ok_or_else(refused)?;
            let here = ReleasedColumn { table: first, part: Part::Interval(i) }.name();
            if *name.get_or_insert_with(|| here.clone()) != here {
                return Err(refused());
            }
        }
        let name = name.ok_or_else(refused)?;
        let carried = input.schema().iter().find(|(_, f)| *f.name() == name);
        Ok(match carried {
            Some((qualifier, field)) => Expr::Column(Column::from((qualifier, field))),
            None => Expr::Literal(ScalarValue::Float64(None), None),
        })
    }

    fn no_interval(&self, function: &ScalarFunction) -> DataFusionError {
        let name = function.func.name();
        self.refuse(
            Refusal::new(
                Reason::Interval,
                format!("{} needs an aggregate or the column of one", name.to_uppercase()),
                "An interval belongs to a released number; the confidence is a literal between 0 and 1.",
            )
            .fix("SELECT COUNT(*) AS n, DP_INTERVAL_LOW(n), DP_INTERVAL_HIGH(n, 0.9) FROM …")
            .at(self.words.find(name)),
        )
    }
}

/// Whether a plan has one row, or none, whatever was released.
fn one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(a) => a.group_expr.is_empty(),
        LogicalPlan::Limit(l) => matches!(l.fetch.as_deref(), Some(Expr::Literal(ScalarValue::Int64(Some(0 | 1)), _))),
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().into_iter().all(one_row)
        }
        LogicalPlan::EmptyRelation(_) => true,
        _ => false,
    }
}

fn several_rows(words: &Words) -> Refusal {
    Refusal::new(
        Reason::Subquery,
        "a subquery that stands for a value may have several rows",
        "That would be found out only after the answer was paid for.",
    )
    .fix("(SELECT COUNT(*) FROM …), or (SELECT … LIMIT 1)")
    .at(words.find("SELECT"))
}

/// What a plan's rows carry beside the query's own columns.
fn carried(plan: &LogicalPlan) -> Vec<Expr> {
    let carried = plan.schema().iter().filter(|(_, f)| ReleasedColumn::parse(f.name()).is_some_and(|c| c.is_carried()));
    carried.map(|(q, f)| Expr::Column(Column::from((q, f)))).collect()
}

/// The original's columns and then what is carried; nothing else.
fn finished(original: &LogicalPlan, rebuilt: LogicalPlan) -> Result<LogicalPlan> {
    let own = original.schema().fields().len();
    let carried = carried(&rebuilt);
    let fields = rebuilt.schema().fields();
    let last = fields.iter().skip(own).all(|f| ReleasedColumn::parse(f.name()).is_some_and(|c| c.is_carried()));
    if fields.len() == own + carried.len() && last {
        return Ok(rebuilt);
    }
    let columns = original.schema().columns().into_iter().map(Expr::Column).chain(carried).collect();
    Projection::try_new(columns, Arc::new(rebuilt)).map(LogicalPlan::Projection)
}

/// Exactly the original's columns.
fn uncarried(original: &LogicalPlan, rebuilt: LogicalPlan) -> Result<LogicalPlan> {
    if original.schema().fields().len() == rebuilt.schema().fields().len() {
        return Ok(rebuilt);
    }
    let columns = original.schema().columns().into_iter().map(Expr::Column).collect();
    Projection::try_new(columns, Arc::new(rebuilt)).map(LogicalPlan::Projection)
}
