//! Aggregates as exact integers per unit and group: which values, on which grid, within which bounds. COUNT, SUM and AVG
//! are here, statistics of second moments in [`moments`], quantiles in [`quantiles`].

mod moments;
mod quantiles;

use super::Context;
use super::below::{Facts, Node, facts};
use super::expression::{Typed, null, typed};
use crate::barrier::{Aggregate, Divisor, Fold, Grid, Measure, Statistic};
use crate::bind::bounds_of;
use crate::domain::{Domain, Interval, Kind};
use crate::error::{Reason, Refusal};
use crate::faults::{self, Fault};
use crate::functions::{Total, call};
use crate::parse::BOUNDED_PREFIX;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, Case};
use datafusion::logical_expr::{Expr, lit};

/// Numbers beyond this are no bounds: they come from a one-sided condition or from none.
const LARGEST: f64 = 9.007_199_254_740_992e15;
/// Σ over all units of the largest contributions stays below 2 to this power.
const SUM_BITS: i32 = 61;
/// Steps that a float's range is divided into, as a power of two: wanted, and least.
const GRID_BITS: i32 = 30;
const LEAST_GRID_BITS: i32 = 16;

/// The aggregates that there are.
#[derive(Debug, Clone, Copy)]
enum Kinds {
    Count,
    Sum,
    Average,
    /// Rows in which two values are not NULL.
    Pairs,
    Moments(Statistic),
    /// MEDIAN, MIN, MAX: which quantile they are.
    Quantile(f64),
    /// A quantile that is an argument.
    Percentile,
}

impl Kinds {
    const NAMES: &str = "COUNT, COUNT(DISTINCT x), SUM, AVG, MEDIAN, PERCENTILE_CONT, \
        APPROX_PERCENTILE_CONT, MIN, MAX, VAR_SAMP, VAR_POP, STDDEV_SAMP, STDDEV_POP, \
        COVAR_SAMP, COVAR_POP, CORR, REGR_SLOPE, REGR_INTERCEPT and REGR_COUNT";

    /// By the name that planning gives it.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "avg" => Self::Average,
            "regr_count" => Self::Pairs,
            "var" => Self::Moments(Statistic::Variance(Divisor::Sample)),
            "var_pop" => Self::Moments(Statistic::Variance(Divisor::Population)),
            "stddev" => Self::Moments(Statistic::Deviation(Divisor::Sample)),
            "stddev_pop" => Self::Moments(Statistic::Deviation(Divisor::Population)),
            "covar_samp" => Self::Moments(Statistic::Covariance(Divisor::Sample)),
            "covar_pop" => Self::Moments(Statistic::Covariance(Divisor::Population)),
            "corr" => Self::Moments(Statistic::Correlation),
            "regr_slope" => Self::Moments(Statistic::Slope),
            "median" | "approx_median" => Self::Quantile(0.5),
            "min" => Self::Quantile(quantiles::LOWEST),
            "max" => Self::Quantile(1.0 - quantiles::LOWEST),
            "percentile_cont" | "quantile_cont" | "approx_percentile_cont" => Self::Percentile,
            "regr_intercept" => Self::Moments(Statistic::Intercept),
            _ => return None,
        })
    }

    /// How many arguments it may have.
    const fn arguments(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Count
            | Self::Sum
            | Self::Average
            | Self::Quantile(_)
            | Self::Moments(Statistic::Variance(_) | Statistic::Deviation(_)) => 1..=1,
            Self::Pairs | Self::Moments(_) => 2..=2,
            // A third one tells DataFusion's sketch how large to be.
            Self::Percentile => 2..=3,
        }
    }
}

/// The static limits that measures are made under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows of one unit that count in one group, if the query doesn't say.
    pub(super) rows_per_group: u64,
    /// Rows that one unit can have at all.
    pub(super) max_rows_per_unit: u64,
    /// About how many units there are at most.
    pub(super) units: u64,
    /// How many groups there are, if all are declared.
    pub(super) groups: Option<u64>,
}

/// What the barrier accumulates.
pub(super) struct Measures {
    /// Fixed-point value columns, over the node's plan.
    pub(super) values: Vec<Expr>,
    pub(super) measures: Vec<Measure>,
    pub(super) aggregates: Vec<Aggregate>,
    /// What people read of each aggregate's bounds.
    pub(super) facts: Vec<String>,
    /// What may surprise.
    pub(super) warnings: Vec<String>,
    /// Whether a value, or a unit's total, could be outside of what it is clamped to.
    pub(super) clamped: bool,
    /// The fewest rows of a unit that some measure counts in full in one group.
    pub(super) rows_in_full: u64,
    limits: Limits,
    /// Expressions (with their filter) whose NULLs a value column shows.
    presences: Vec<(Expr, Option<Expr>, usize)>,
}

impl Measures {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            values: Vec::new(),
            measures: Vec::new(),
            aggregates: Vec::new(),
            facts: Vec::new(),
            warnings: Vec::new(),
            clamped: false,
            rows_in_full: u64::MAX,
            limits,
            presences: Vec::new(),
        }
    }

    /// Adds one aggregate of the query.
    pub(super) fn add(&mut self, expr: &Expr, node: &Node, context: &Context<'_>) -> Result<(), Refusal> {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias_nested().data else {
            return Err(unsupported("this aggregate", context));
        };
        let name = func.name().to_lowercase();
        let base = name.strip_prefix(BOUNDED_PREFIX).unwrap_or(&name);
        let shown = base.to_uppercase();
        let Some(kind) = Kinds::of(base) else {
            return Err(Refusal::new(
                Reason::Aggregate,
                format!("{shown} of private rows is not supported"),
                format!("Over private rows there are {}.", Kinds::NAMES),
            )
            .fix("COUNT(*), SUM(x), AVG(x), MEDIAN(x), STDDEV(x), CORR(y, x)")
            .at(context.words.find(&name)));
        };
        let order = match (kind, params.order_by.as_slice()) {
            (_, []) => None,
            // WITHIN GROUP (ORDER BY x): x is the first argument, too.
            (Kinds::Percentile, [one]) if params.args.first() == Some(&one.expr) => Some(one.asc),
            _ => return Err(unsupported("ORDER BY inside an aggregate", context)),
        };
        if params.null_treatment.is_some() {
            return Err(unsupported("IGNORE NULLS inside an aggregate", context));
        }
        let filter = match &params.filter {
            Some(f) => Some(typed(f, node, context)?.of_kind(Kind::Boolean, context)?.expr),
            None => None,
        };
        let bounds = if name.starts_with(BOUNDED_PREFIX) { bounds_of(&params.args) } else { None };
        // The last argument of a marker is its bounds.
        let arguments = params.args.get(..params.args.len() - usize::from(bounds.is_some())).unwrap_or_default();
        if !kind.arguments().contains(&arguments.len()) {
            return Err(unsupported("an aggregate of so many values", context));
        }
        let Some(argument) = arguments.first() else { return Err(unsupported("an aggregate of nothing", context)) };
        if params.distinct {
            return self.distinct(&shown, argument, filter, bounds, node, context);
        }
        match kind {
            Kinds::Count => self.count(argument, filter, bounds, node, context),
            Kinds::Sum => self.sum(argument, filter, bounds, node, context),
            Kinds::Average => self.average(argument, filter, bounds, node, context),
            Kinds::Pairs => self.pairs(arguments, filter, node, context),
            Kinds::Quantile(q) => self.quantile(q, &shown, argument, filter, bounds, node, context),
            Kinds::Percentile => {
                let q = quantiles::literal(arguments.get(1), order != Some(false), &shown, context)?;
                self.quantile(q, &shown, argument, filter, bounds, node, context)
            }
            Kinds::Moments(statistic) => self.moments(statistic, &shown, arguments, filter, bounds, node, context),
        }
    }

    fn distinct(
        &mut self,
        shown: &str,
        argument: &Expr,
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        let at = context.words.find("DISTINCT");
        if shown != "COUNT" {
            return Err(Refusal::new(
                Reason::Aggregate,
                format!("{shown}(DISTINCT …) is not supported"),
                "Which values occur once and which more often depends on several persons at once.",
            )
            .fix(format!("{shown}(x), or COUNT(DISTINCT x)"))
            .at(at));
        }
        if !is_unit(argument, node, context) {
            return self.distinct_values(argument, filter, bounds, node, context);
        }
        let more = filter.is_some() || bounds.is_some();
        if more {
            return Err(unsupported("FILTER or bounds with COUNT(DISTINCT …)", context)
                .fix("put the condition into WHERE")
                .at(at));
        }
        let measure = self.measure(Fold::Units, 0, 1);
        self.facts.push(format!("COUNT(DISTINCT {}): 1 per group", node.unit_name));
        self.aggregates.push(Aggregate::Count { measure });
        Ok(())
    }

    /// COUNT(DISTINCT x): at most as many values of a unit in a group as it may have rows there.
    fn distinct_values(
        &mut self,
        argument: &Expr,
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        let value = typed(argument, node, context)?;
        let most = self.rows_asked(bounds, "DISTINCT x", context)?;
        let known = value.domain.values.as_ref().map_or(u64::MAX, |v| v.len() as u64);
        let high = self.rows(most.min(known));
        let null = null(value.kind())?;
        let column = match filter {
            None => value.expr.clone(),
            Some(filter) => Expr::Case(Case::new(
                None,
                vec![(Box::new(filter), Box::new(value.expr.clone()))],
                Some(Box::new(null.expr)),
            )),
        };
        let column = self.column(column);
        let measure = self.measure(Fold::Distinct { value: column }, 0, high);
        self.facts.push(format!("COUNT(DISTINCT …): at most {high} values of one {} per group", node.unit_name));
        self.aggregates.push(Aggregate::Distinct { measure });
        Ok(())
    }

    /// Rows of a unit that count in one group: what the policy allows, or the fewer that the query asks for.
    fn rows_asked(
        &self,
        bounds: Option<(bool, f64, f64)>,
        counted: &str,
        context: &Context<'_>,
    ) -> Result<u64, Refusal> {
        let fix = |rows| format!("COUNT({counted}, contribution_bounds_per_group => (0, {rows}))");
        let rows = match bounds {
            None => self.limits.rows_per_group,
            Some((true, low, high)) if low <= 0.0 && high >= 1.0 => {
                (high.min(LARGEST) as u64).min(self.limits.max_rows_per_unit)
            }
            Some(_) => {
                return Err(
                    bounds_refusal("the bounds of a count are (0, n) per group, n at least 1", context).fix(fix(5))
                );
            }
        };
        if rows > self.limits.rows_per_group {
            return Err(Refusal::new(
                Reason::Bounds,
                format!("{rows} rows are more than one person may be counted with in a group"),
                format!(
                    "The release's policy allows at most {}; a query can only ask for less.",
                    self.limits.rows_per_group
                ),
            )
            .fix(fix(self.limits.rows_per_group))
            .at(context.words.find("contribution_bounds_per_group")));
        }
        Ok(rows)
    }

    fn count(
        &mut self,
        argument: &Expr,
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        let rows = self.rows_asked(bounds, "*", context)?;
        let high = self.rows(rows);
        let fold = if is_unit(argument, node, context) {
            self.presence(&lit(1_i64), false, filter)
        } else if let Some(unit) = perhaps_unit(argument, node, context) {
            self.presence(&unit, true, filter)
        } else {
            let value = typed(argument, node, context)?;
            self.presence(&value.expr, value.domain.nullable, filter)
        };
        let measure = self.measure(fold, 0, high);
        self.facts.push(format!("COUNT: at most {high} per group"));
        self.aggregates.push(Aggregate::Count { measure });
        Ok(())
    }

    fn sum(
        &mut self,
        argument: &Expr,
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        let value = number(argument, node, context)?;
        let integer = value.kind() == Kind::Int;
        let rows = self.rows(self.limits.rows_per_group);
        let row = self.row_bounds(&value, bounds);
        let group = match bounds {
            Some((true, low, high)) => {
                self.clamped = true;
                (low.min(0.0), high.max(0.0))
            }
            _ => {
                let (low, high) = row.ok_or_else(|| no_bounds("SUM", argument, context))?;
                ((low * rows as f64).min(0.0), (high * rows as f64).max(0.0))
            }
        };
        if group == (0.0, 0.0) {
            return Err(bounds_refusal("the sum is 0 whoever takes part", context));
        }
        let size = row.map_or_else(|| magnitude(group), magnitude);
        let grid = if integer { Grid { exponent: 0 } } else { self.grid(size, magnitude(group), context)? };
        self.check_overflow(magnitude(group), grid, context)?;
        // Without bounds on the row only the total of a unit is bounded.
        let (row_low, row_high) = row.map_or((i64::MIN, i64::MAX), |(l, h)| (units(l, grid), units(h, grid)));
        let (low, high) = match bounds {
            Some((true, ..)) => (-ceil_units(-group.0, grid), ceil_units(group.1, grid)),
            _ => (row_low.saturating_mul(rows).min(0), row_high.saturating_mul(rows).max(0)),
        };
        let column = self.value(&value, grid, (row_low, row_high), 0, filter);
        let measure = self.measure(Fold::Sum { value: column }, low, high);
        self.facts.push(format!("SUM: a {}'s total per group ∈ [{}, {}]", node.unit_name, group.0, group.1));
        self.aggregates.push(Aggregate::Sum { measure, grid, integer });
        Ok(())
    }

    fn average(
        &mut self,
        argument: &Expr,
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        if matches!(bounds, Some((true, ..))) {
            return Err(bounds_refusal("an average needs bounds of each row's value", context)
                .fix("AVG(x, contribution_bounds_per_row => (0, 100))"));
        }
        let value = number(argument, node, context)?.of_kind(Kind::Float, context)?;
        let rows = self.rows(self.limits.rows_per_group);
        let (low, high) = self.row_bounds(&value, bounds).ok_or_else(|| no_bounds("AVG", argument, context))?;
        if low == high {
            return Err(bounds_refusal("the average is the same whoever takes part", context));
        }
        let size = magnitude((low, high));
        let grid = self.grid(size, size * rows as f64, context)?;
        self.check_overflow(size * rows as f64, grid, context)?;
        let centre = units(low / 2.0 + high / 2.0, grid);
        let ends = (units(low, grid), units(high, grid));
        let column = self.value(&value, grid, ends, centre, filter.clone());
        let sum = self.measure(
            Fold::Sum { value: column },
            ends.0.saturating_sub(centre).saturating_mul(rows).min(0),
            ends.1.saturating_sub(centre).saturating_mul(rows).max(0),
        );
        let fold = self.presence(&value.expr, value.domain.nullable, filter);
        let count = self.measure(fold, 0, rows);
        self.scale_together(sum, count);
        self.facts.push(format!(
            "AVG: values ∈ [{low}, {high}], at most {rows} row{} per group",
            if rows == 1 { "" } else { "s" }
        ));
        self.aggregates.push(Aggregate::Average { sum, count, grid, centre, low, high });
        Ok(())
    }

    /// Rows of one unit that count in one group.
    fn rows(&mut self, rows: u64) -> i64 {
        self.rows_in_full = self.rows_in_full.min(rows);
        i64::try_from(rows).unwrap_or(i64::MAX).max(1)
    }

    /// The interval of each row's value: asked for, or known.
    fn row_bounds(&mut self, value: &Typed, bounds: Option<(bool, f64, f64)>) -> Option<(f64, f64)> {
        let known = known_bounds(&value.domain);
        match (bounds, known) {
            (Some((false, low, high)), known) => {
                let (low, high) = if value.kind() == Kind::Int { (low.ceil(), high.floor()) } else { (low, high) };
                let inside = known.is_some_and(|(l, h)| low <= l && h <= high);
                self.clamped |= !inside;
                if inside { known } else { Some((low, high)) }
            }
            (_, known) => known,
        }
    }

    /// A power-of-two grid for values of this size, coarser if sums would not fit.
    fn grid(&self, size: f64, total: f64, context: &Context<'_>) -> Result<Grid, Refusal> {
        let wanted = exponent(size) - GRID_BITS;
        let least = exponent(total) + exponent(self.limits.units as f64) - SUM_BITS;
        let grid = Grid { exponent: wanted.max(least) };
        if exponent(size) - grid.exponent < LEAST_GRID_BITS { Err(overflow(context)) } else { Ok(grid) }
    }

    fn check_overflow(&self, total: f64, grid: Grid, context: &Context<'_>) -> Result<(), Refusal> {
        let bits = exponent(total) - grid.exponent + exponent(self.limits.units as f64);
        if bits > SUM_BITS { Err(overflow(context)) } else { Ok(()) }
    }

    /// A value column in grid units, NULL where the filter doesn't hold.
    fn value(&mut self, value: &Typed, grid: Grid, ends: (i64, i64), centre: i64, filter: Option<Expr>) -> usize {
        let fixed = call(
            Total::Fixed,
            Kind::Int,
            vec![value.expr.clone(), lit(i64::from(grid.exponent)), lit(ends.0), lit(ends.1), lit(centre)],
        );
        let column = self.column(filtered(filter.clone(), fixed));
        if !self.presences.iter().any(|(e, f, _)| *e == value.expr && *f == filter) {
            self.presences.push((value.expr.clone(), filter, column));
        }
        column
    }

    /// How rows are counted in which an expression is not NULL and the filter holds.
    fn presence(&mut self, expr: &Expr, nullable: bool, filter: Option<Expr>) -> Fold {
        if (!nullable || faults::on(Fault::CountSharedOverNulls)) && filter.is_none() {
            return Fold::Rows;
        }
        if let Some((.., value)) = self
            .presences
            .iter()
            .find(|(e, f, _)| e == expr && (*f == filter || faults::on(Fault::CountSharedOverFilters)))
        {
            return Fold::NonNull { value: *value };
        }
        let one = lit(1_i64);
        let present = if nullable { filtered(Some(Expr::IsNotNull(Box::new(expr.clone()))), one) } else { one };
        let value = self.column(filtered(filter.clone(), present));
        self.presences.push((expr.clone(), filter, value));
        Fold::NonNull { value }
    }

    fn column(&mut self, expr: Expr) -> usize {
        if let Some(i) = self.values.iter().position(|v| *v == expr) {
            return i;
        }
        self.values.push(expr);
        self.values.len() - 1
    }

    /// The measure, one of those there already if it is the same: it is released once.
    fn measure(&mut self, fold: Fold, low: i64, high: i64) -> usize {
        if let Some(i) = self.measures.iter().position(|m| (m.fold, m.low, m.high) == (fold, low, high)) {
            return i;
        }
        let scale_group = self.measures.len();
        self.measures.push(Measure { fold, low, high, scale_group });
        scale_group
    }

    fn scale_together(&mut self, a: usize, b: usize) {
        let group = |i: usize| self.measures.get(i).map_or(i, |m| m.scale_group);
        let (from, to) = (group(a).max(group(b)), group(a).min(group(b)));
        for m in &mut self.measures {
            if m.scale_group == from {
                m.scale_group = to;
            }
        }
    }
}

/// The expression where the condition holds, NULL elsewhere. Both are total.
fn filtered(condition: Option<Expr>, then: Expr) -> Expr {
    let Some(condition) = condition else { return then };
    let otherwise = Expr::Literal(ScalarValue::Int64(None), None);
    Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(then))], Some(Box::new(otherwise))))
}

fn is_unit(expr: &Expr, node: &Node, context: &Context<'_>) -> bool {
    match expr {
        Expr::Column(c) => matches!(facts(c, node, context), Ok(Facts::Unit)),
        Expr::Alias(a) => is_unit(&a.expr, node, context),
        _ => false,
    }
}

/// The unit of a side of an outer join: rows count where it was found.
fn perhaps_unit(expr: &Expr, node: &Node, context: &Context<'_>) -> Option<Expr> {
    match expr {
        Expr::Column(c) => match facts(c, node, context) {
            Ok(Facts::Perhaps(unit)) => Some(unit.clone()),
            _ => None,
        },
        Expr::Alias(a) => perhaps_unit(&a.expr, node, context),
        _ => None,
    }
}

fn number(argument: &Expr, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let value = typed(argument, node, context)?;
    match value.kind() {
        Kind::Int | Kind::Float => Ok(value),
        Kind::Boolean if value.value().is_some_and(ScalarValue::is_null) => null(Kind::Float),
        other => Err(super::expression::types(format!("{} can't be summed", other.name()), None)
            .fix("SUM(CASE WHEN x THEN 1 ELSE 0 END)")),
    }
}

fn known_bounds(domain: &Domain) -> Option<(f64, f64)> {
    domain.interval.map(Interval::ends).filter(|(l, h)| l.abs() < LARGEST && h.abs() < LARGEST)
}

fn magnitude((low, high): (f64, f64)) -> f64 {
    low.abs().max(high.abs())
}

/// The least e with value ≤ 2^e; 0 for 0, beyond every limit for ∞.
fn exponent(value: f64) -> i32 {
    if value > 0.0 { value.log2().ceil().min(10_000.0) as i32 } else { 0 }
}

fn units(value: f64, grid: Grid) -> i64 {
    (value / grid.unit()).round_ties_even() as i64
}

fn ceil_units(value: f64, grid: Grid) -> i64 {
    (value / grid.unit()).ceil() as i64
}

fn unsupported(what: &str, context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Aggregate,
        format!("{what} is not supported over private rows"),
        format!("Over private rows there are {}.", Kinds::NAMES),
    )
    .at(context.words.find("SELECT"))
}

fn bounds_refusal(what: &str, context: &Context<'_>) -> Refusal {
    Refusal::new(Reason::Bounds, what, "Noise is sized by the most that one person can change.")
        .at(context.words.find("contribution_bounds_per_group"))
        .at(context.words.find("contribution_bounds_per_row"))
        .at(context.words.find("SUM"))
        .at(context.words.find("AVG"))
}

fn no_bounds(aggregate: &str, argument: &Expr, context: &Context<'_>) -> Refusal {
    let column = argument.column_refs().iter().map(|c| c.name.clone()).min().unwrap_or_else(|| "x".to_owned());
    let per = if aggregate == "AVG" { "row" } else { "group" };
    Refusal::new(
        Reason::Bounds,
        format!("{aggregate} of a value without bounds"),
        "Noise is sized by the most that one person can change, and nothing public says how large this value can be.",
    )
    .fix(format!(
        "{aggregate}({column}, contribution_bounds_per_{per} => (0, 100))   or WHERE {column} BETWEEN 0 AND 100"
    ))
    .at(context.words.find(aggregate))
}

fn overflow(context: &Context<'_>) -> Refusal {
    Refusal::new(
        Reason::Bounds,
        "the bounds are too wide for exact sums",
        "The largest sum that all units together could have must fit 64-bit integers.",
    )
    .fix("smaller contribution bounds, or SUM(x / 1000)")
    .at(context.words.find("SUM"))
    .at(context.words.find("AVG"))
}
