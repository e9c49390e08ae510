//! Windows within units: PARTITION BY contains the unit, so that a window sees one unit's rows. Where the order of rows
//! matters, all columns of the row are appended to ORDER BY: rows that are still alike are alike in everything, and the
//! result depends on which rows there are alone.

use super::reduce::{Primitive, Request, Rows, reduce};
use super::row::described;
use super::{Facts, Node, Relation, column, internal};
use crate::certify::expression::{Typed, typed, unit as opaque};
use crate::certify::{Certificate, Context};
use crate::domain::{Domain, Interval, Kind};
use crate::error::{Reason, Refusal};
use crate::faults::{self, Fault};
use crate::functions::signed;
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Projection, Window, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition, lit,
};
use std::sync::Arc;

/// Most rows of one unit that a window may see: they are held in memory at once.
pub(super) const MAX_WINDOW_ROWS: u64 = 1_000_000;

/// Window functions whose partitions contain the unit.
pub(super) fn within_units(window: &Window, input: Node, context: &Context<'_>) -> Result<Node, Refusal> {
    if input.max_rows_per_unit > MAX_WINDOW_ROWS {
        return Err(Refusal::new(
            Reason::TooLarge,
            format!("a window over {} rows of one person", input.max_rows_per_unit),
            format!("They are held in memory at once; at most {MAX_WINDOW_ROWS} can be."),
        )
        .fix("aggregate per person first, or join after the window")
        .at(context.words.find("OVER")));
    }
    let mut calls = Calls { name: context.name("w"), list: Vec::new() };
    let mut columns = input.columns.clone();
    for expr in &window.window_expr {
        let mut inner = expr;
        while let Expr::Alias(alias) = inner {
            inner = &alias.expr;
        }
        let Expr::WindowFunction(function) = inner else { return Err(internal()) };
        columns.push(Facts::Value(Over::new(function, &input, context)?.value(&mut calls)?));
    }
    let names: Vec<&str> = window.schema.fields().iter().map(|f| f.name().as_str()).skip(input.columns.len()).collect();
    let mut facts = vec![input.bound(), "rows that tie are ordered by all their columns".to_owned()];
    facts.extend(described(columns.get(input.columns.len()..).unwrap_or_default(), &names));
    let certificate =
        Certificate { node: format!("Window by {}", input.unit_name), facts, inputs: vec![input.certificate.clone()] };
    let plan = calls.over(input.plan.clone())?;
    let relation = Relation { plan, schema: window.schema.clone(), columns, certificate };
    Ok(Node { relation, ..input })
}

/// The window functions that DataFusion computes.
struct Calls {
    name: TableReference,
    list: Vec<Expr>,
}

impl Calls {
    /// The column that shows a call: equal ones share one.
    fn add(&mut self, call: Expr) -> Expr {
        let i = self.list.iter().position(|c| *c == call).unwrap_or_else(|| {
            self.list.push(call);
            self.list.len() - 1
        });
        Expr::Column(Column::new(Some(self.name.clone()), format!("w{i}")))
    }

    /// The plan with the calls as columns beside its own.
    fn over(self, input: LogicalPlan) -> Result<LogicalPlan, Refusal> {
        let kept = input.schema().columns().into_iter().map(Expr::Column);
        let shown = self.list.iter().enumerate().map(|(i, call)| {
            Expr::Column(Column::new_unqualified(call.schema_name().to_string()))
                .alias_qualified(Some(self.name.clone()), format!("w{i}"))
        });
        let columns = kept.chain(shown).collect();
        // Calls with different orders become several steps.
        let plan = LogicalPlanBuilder::window_plan(input, self.list.clone()).map_err(|_| internal())?;
        Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection).map_err(|_| internal())
    }
}

/// One OVER clause, its parts total.
struct Over<'a> {
    function: &'a WindowFunction,
    input: &'a Node,
    context: &'a Context<'a>,
    partition: Vec<Expr>,
    order: Vec<Sort>,
}

impl<'a> Over<'a> {
    fn new(function: &'a WindowFunction, input: &'a Node, context: &'a Context<'a>) -> Result<Self, Refusal> {
        let params = &function.params;
        let mut partition = vec![input.unit.clone()];
        let mut by_unit = false;
        for key in &params.partition_by {
            match column(key, input, Some(&input.unit), context)? {
                Facts::Unit => by_unit = true,
                Facts::Perhaps(_) => {
                    return Err(opaque(context, &key.schema_name().to_string())
                        .fix("PARTITION BY COALESCE over the units of all sides"));
                }
                Facts::Value(value) if value.value().is_some() || partition.contains(&value.expr) => {}
                Facts::Value(value) => partition.push(value.expr),
            }
        }
        if !by_unit && !faults::on(Fault::WindowWithoutUnit) {
            return Err(Refusal::new(
                Reason::RowOrder,
                "a window function over private rows needs PARTITION BY the privacy unit",
                "Otherwise it puts one person's row beside other persons' rows.",
            )
            .fix(format!("OVER (PARTITION BY {}, … ORDER BY …)", input.unit_name))
            .at(context.words.find("OVER")));
        }
        let mut order = Vec::new();
        for sort in &params.order_by {
            match column(&sort.expr, input, Some(&input.unit), context)? {
                // All rows of a partition are alike in it.
                Facts::Unit => {}
                Facts::Perhaps(_) => return Err(opaque(context, &sort.expr.schema_name().to_string())),
                Facts::Value(value) if value.value().is_some() => {}
                Facts::Value(value) => order.push(Sort { expr: value.expr, ..sort.clone() }),
            }
        }
        Ok(Self { function, input, context, partition, order })
    }

    fn value(&self, calls: &mut Calls) -> Result<Typed, Refusal> {
        let params = &self.function.params;
        let name = self.function.fun.name().to_lowercase();
        let rows = i64::try_from(self.input.max_rows_per_unit).unwrap_or(i64::MAX);
        let numbered =
            |call: Expr, high: i64| Ok(Typed { expr: signed(call), domain: Domain::int(1, high, false), size: 2 });
        let ratio = |call: Expr| {
            let interval = Some(Interval::Float { low: 0.0, high: 1.0 });
            Ok(Typed {
                expr: call,
                domain: Domain { interval, nullable: false, ..Domain::unknown(Kind::Float) },
                size: 1,
            })
        };
        match (name.as_str(), params.args.len()) {
            ("row_number", 0) => numbered(calls.add(self.call(Vec::new(), self.ordered(), self.whole())), rows),
            // Ties have the same rank: they stay ties.
            ("rank" | "dense_rank", 0) => {
                numbered(calls.add(self.call(Vec::new(), self.order.clone(), self.whole())), rows)
            }
            ("percent_rank" | "cume_dist", 0) => {
                ratio(calls.add(self.call(Vec::new(), self.order.clone(), self.whole())))
            }
            ("ntile", 1) => {
                let n = self.literal(0, 1, MAX_WINDOW_ROWS)?;
                numbered(calls.add(self.call(vec![lit(n)], self.ordered(), self.whole())), n)
            }
            ("lag" | "lead", 1..=3) => self.shifted(calls),
            ("first_value" | "last_value", 1) | ("nth_value", 2) => self.picked(&name, calls),
            _ => self.aggregate(&name, calls),
        }
    }

    /// A value of another row, or the default.
    fn shifted(&self, calls: &mut Calls) -> Result<Typed, Refusal> {
        let args = &self.function.params.args;
        let value = self.argument(0)?;
        let mut domain = value.domain.clone();
        let mut arguments = vec![value.expr.clone()];
        if args.len() > 1 {
            arguments.push(lit(self.literal(1, 0, MAX_WINDOW_ROWS)?));
        }
        if args.len() > 2 {
            let default = self.argument(2)?.of_kind(value.kind(), self.context)?;
            if default.value().is_none() {
                return Err(self.unsupported("a default that is not a literal"));
            }
            domain = domain.union(default.domain.clone());
            arguments.push(default.expr);
        } else {
            domain.nullable = true;
        }
        let expr = calls.add(self.call(arguments, self.ordered(), self.whole()));
        Typed { expr, domain, size: 1 }.checked(self.context)
    }

    /// The value of the first, last or nth row of the frame.
    fn picked(&self, name: &str, calls: &mut Calls) -> Result<Typed, Refusal> {
        let frame = &self.function.params.window_frame;
        let from_start = frame.start_bound.is_unbounded();
        // In a frame by RANGE, rows that tie would all see the same row: which one, order must say.
        let frame = match frame.units {
            WindowFrameUnits::Rows => self.rows(frame)?,
            WindowFrameUnits::Range if from_start && (name == "first_value" || frame.end_bound.is_unbounded()) => {
                self.whole()
            }
            WindowFrameUnits::Range | WindowFrameUnits::Groups => {
                return Err(self
                    .unsupported("this frame")
                    .fix("ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, or … AND CURRENT ROW"));
            }
        };
        let value = self.argument(0)?;
        let mut arguments = vec![value.expr.clone()];
        if name == "nth_value" {
            arguments.push(lit(self.literal(1, 1, MAX_WINDOW_ROWS)?));
        }
        let domain = Domain { nullable: true, ..value.domain };
        let expr = calls.add(self.call(arguments, self.ordered(), frame));
        Typed { expr, domain, size: 1 }.checked(self.context)
    }

    /// A total or running aggregate.
    fn aggregate(&self, name: &str, calls: &mut Calls) -> Result<Typed, Refusal> {
        let params = &self.function.params;
        let frame = &params.window_frame;
        let free = |b: &WindowFrameBound| b.is_unbounded() || *b == WindowFrameBound::CurrentRow;
        let everything = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
        let (frame, order) = match frame.units {
            _ if everything => (self.whole(), Vec::new()),
            WindowFrameUnits::Rows => (self.rows(frame)?, self.ordered()),
            // Without an order all rows tie.
            WindowFrameUnits::Range if free(&frame.start_bound) && free(&frame.end_bound) && self.order.is_empty() => {
                (self.whole(), Vec::new())
            }
            WindowFrameUnits::Range if free(&frame.start_bound) && free(&frame.end_bound) => {
                (frame.clone(), self.order.clone())
            }
            WindowFrameUnits::Range | WindowFrameUnits::Groups => {
                return Err(self
                    .unsupported("a frame by RANGE or GROUPS with an offset")
                    .fix("ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"));
            }
        };
        if params.distinct || params.null_treatment.is_some() {
            return Err(self.unsupported("DISTINCT or IGNORE NULLS in a window aggregate"));
        }
        let request = Request {
            name: self.function.fun.name(),
            arguments: &params.args,
            filter: params.filter.as_deref(),
            distinct: false,
        };
        let some = !matches!(&frame.start_bound, WindowFrameBound::Following(n) if !n.is_null())
            && !matches!(&frame.end_bound, WindowFrameBound::Preceding(n) if !n.is_null());
        let rows = Rows { most: self.input.max_rows_per_unit, some };
        let shrinks = !frame.start_bound.is_unbounded();
        let mut take = |primitive: Primitive, argument: Expr| {
            if shrinks && matches!(primitive, Primitive::And | Primitive::Or) {
                return Err(self.unsupported(&format!("{} over a frame that moves", name.to_uppercase())));
            }
            let mut function =
                WindowFunction::new(WindowFunctionDefinition::AggregateUDF(primitive.function()), vec![argument]);
            function.params.partition_by.clone_from(&self.partition);
            function.params.order_by.clone_from(&order);
            function.params.window_frame = frame.clone();
            Ok(calls.add(Expr::WindowFunction(Box::new(function))))
        };
        reduce(&request, rows, self.input, self.context, &mut take)
    }

    /// A call of the function itself.
    fn call(&self, arguments: Vec<Expr>, order: Vec<Sort>, frame: WindowFrame) -> Expr {
        let mut function = WindowFunction::new(self.function.fun.clone(), arguments);
        function.params.partition_by.clone_from(&self.partition);
        function.params.order_by = order;
        function.params.window_frame = frame;
        function.params.null_treatment = self.function.params.null_treatment;
        Expr::WindowFunction(Box::new(function))
    }

    /// ORDER BY with all columns of the row appended.
    fn ordered(&self) -> Vec<Sort> {
        let mut order = self.order.clone();
        for facts in &self.input.columns {
            let expr = match facts {
                Facts::Unit => continue,
                Facts::Perhaps(unit) => Expr::IsNull(Box::new(unit.clone())),
                Facts::Value(value) if value.value().is_some() => continue,
                Facts::Value(value) => value.expr.clone(),
            };
            if !order.iter().any(|s| s.expr == expr) && !self.partition.contains(&expr) {
                order.push(Sort { expr, asc: true, nulls_first: false });
            }
        }
        order
    }

    /// The whole partition.
    fn whole(&self) -> WindowFrame {
        WindowFrame::new(None)
    }

    /// A frame by rows, whose ends are literals.
    fn rows(&self, frame: &WindowFrame) -> Result<WindowFrame, Refusal> {
        let known = |b: &WindowFrameBound| match b {
            WindowFrameBound::CurrentRow => true,
            WindowFrameBound::Preceding(n) | WindowFrameBound::Following(n) => {
                matches!(n, ScalarValue::UInt64(n) if n.is_none_or(|n| n <= MAX_WINDOW_ROWS))
            }
        };
        if known(&frame.start_bound) && known(&frame.end_bound) {
            Ok(frame.clone())
        } else {
            Err(self.unsupported("this frame").fix("ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"))
        }
    }

    fn argument(&self, i: usize) -> Result<Typed, Refusal> {
        let argument = self.function.params.args.get(i).ok_or_else(internal)?;
        if self.function.params.filter.is_some() || self.function.params.distinct {
            return Err(self.unsupported("FILTER or DISTINCT with this window function"));
        }
        typed(argument, self.input, self.context)
    }

    /// A literal whole number between two ends.
    fn literal(&self, i: usize, low: i64, high: u64) -> Result<i64, Refusal> {
        let value = self.argument(i)?.of_kind(Kind::Int, self.context)?;
        let high = i64::try_from(high).unwrap_or(i64::MAX);
        match value.value() {
            Some(ScalarValue::Int64(Some(n))) if (low..=high).contains(n) => Ok(*n),
            _ => Err(self.unsupported("a number of rows that is not a literal, or a negative or very large one")),
        }
    }

    fn unsupported(&self, what: &str) -> Refusal {
        Refusal::new(
            Reason::RowOrder,
            format!("{what} is not supported in windows over private rows"),
            "Within a person there are ROW_NUMBER, RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NTILE, LAG, LEAD, FIRST_VALUE, LAST_VALUE, NTH_VALUE, and COUNT, SUM, AVG, MIN, MAX, BOOL_AND, BOOL_OR.",
        )
        .at(self.context.words.find("OVER"))
    }
}
