//! Aggregates over rows of one unit, as plain aggregates and as windows: each is made from a few primitive ones that
//! can neither fail nor depend on the order of rows. Sums are of 64-bit integers whose largest total is known to fit:
//! floats are put on a grid as fine as that allows.

use super::{Facts, Relation, facts};
use crate::bind::bounds_of;
use crate::certify::Context;
use crate::certify::expression::{Typed, null, typed, types};
use crate::domain::{Domain, Interval, Kind};
use crate::error::{Reason, Refusal};
use crate::functions::Total;
use crate::parse::BOUNDED_PREFIX;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

/// Numbers beyond this are no bounds: they come from a one-sided condition or from none.
const LARGEST: f64 = 9.007_199_254_740_992e15;
/// A sum of all rows stays below 2 to this power.
const SUM_BITS: i32 = 62;
/// Steps that a float's range is divided into, as a power of two: as many as a double can tell apart.
const GRID_BITS: i32 = 52;

/// What DataFusion computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    /// Of values that are not NULL.
    Count,
    /// Of different values that are not NULL.
    CountDistinct,
    /// Of 64-bit integers that can't overflow.
    Sum,
    Min,
    Max,
    And,
    Or,
}

/// An aggregate as SQL has it.
pub(super) struct Request<'a> {
    /// As in the typed plan.
    pub(super) name: &'a str,
    pub(super) arguments: &'a [Expr],
    pub(super) filter: Option<&'a Expr>,
    pub(super) distinct: bool,
}

/// Over how many rows it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) most: u64,
    /// Whether there is always one.
    pub(super) some: bool,
}

/// Gives the column that a primitive aggregate of an expression has.
pub(super) type Take<'a> = dyn FnMut(Primitive, Expr) -> Result<Expr, Refusal> + 'a;

/// The value of an aggregate, from primitive ones.
pub(super) fn reduce(
    request: &Request<'_>,
    rows: Rows,
    input: &Relation,
    context: &Context<'_>,
    take: &mut Take<'_>,
) -> Result<Typed, Refusal> {
    let name = request.name.to_lowercase();
    let base = name.strip_prefix(BOUNDED_PREFIX).unwrap_or(&name);
    let shown = base.to_uppercase();
    let at = context.words.find(base);
    let bounds = if name.starts_with(BOUNDED_PREFIX) { bounds_of(request.arguments) } else { None };
    // The second argument of a marker is its bounds.
    let (Some(argument), true) =
        (request.arguments.first(), request.arguments.len() <= 1 + usize::from(bounds.is_some()))
    else {
        return Err(unsupported(&format!("{shown} of several values")).at(at));
    };
    let condition = match request.filter {
        Some(f) => Some(typed(f, input, context)?.of_kind(Kind::Boolean, context)?.expr),
        None => None,
    };
    let rows = Rows { some: rows.some && condition.is_none(), ..rows };
    if base == "count" {
        if bounds.is_some() {
            return Err(per_group().at(at));
        }
        let (value, nullable) = counted(argument, request.distinct, input, context)?;
        let least = i64::from(rows.some && !nullable);
        let primitive = if request.distinct { Primitive::CountDistinct } else { Primitive::Count };
        let expr = take(primitive, held(condition, value, Kind::Int)?)?;
        return Ok(Typed { expr, domain: Domain::int(least, whole(rows.most), false), size: 1 });
    }
    let value = typed(argument, input, context)?;
    let empty = value.domain.nullable || !rows.some;
    if request.distinct && !matches!(base, "min" | "max") {
        return Err(unsupported(&format!("{shown}(DISTINCT …)")).at(at));
    }
    match base {
        "min" | "max" => {
            let primitive = if base == "min" { Primitive::Min } else { Primitive::Max };
            let domain = Domain { nullable: empty, ..value.domain.clone() };
            let kind = value.kind();
            let expr = take(primitive, held(condition, value.expr, kind)?)?;
            Typed { expr, domain, size: 1 }.checked(context)
        }
        "bool_and" | "bool_or" => {
            let primitive = if base == "bool_and" { Primitive::And } else { Primitive::Or };
            let value = value.of_kind(Kind::Boolean, context)?;
            let expr = take(primitive, held(condition, value.expr, Kind::Boolean)?)?;
            Ok(Typed { expr, domain: Domain::boolean(empty), size: 1 })
        }
        "sum" | "avg" => {
            let value = within(number(value)?, bounds, context)?;
            let total = sum(&value, rows, &shown, argument, condition.clone(), context, take)?;
            if base == "sum" {
                return Ok(total);
            }
            let kind = value.kind();
            let ends = value.domain.interval.map(Interval::ends).ok_or_else(|| no_bounds(&shown, argument))?;
            let count = take(Primitive::Count, held(condition, value.expr, kind)?)?;
            let count = Typed { expr: count, domain: Domain::int(1, whole(rows.most), false), size: 1 };
            let operands = vec![total.of_kind(Kind::Float, context)?, count.of_kind(Kind::Float, context)?];
            let ratio = Typed::call(Total::Divide, Kind::Float, operands, context)?;
            let end = |n| Typed::literal(Kind::Float, ScalarValue::Float64(Some(n)));
            let mut average = Typed::call(Total::Within, Kind::Float, vec![ratio, end(ends.0), end(ends.1)], context)?;
            average.domain.nullable = empty;
            Ok(average)
        }
        _ => Err(unsupported(&format!("{shown} within a person")).at(at)),
    }
}

/// What COUNT looks at, and whether it can be NULL.
fn counted(argument: &Expr, distinct: bool, input: &Relation, context: &Context<'_>) -> Result<(Expr, bool), Refusal> {
    let mut inner = argument;
    while let Expr::Alias(alias) = inner {
        inner = &alias.expr;
    }
    if let Expr::Column(c) = inner
        && !distinct
    {
        match facts(c, input, context)? {
            Facts::Unit => return Ok((lit(1_i64), false)),
            Facts::Perhaps(unit) => {
                let found = Expr::IsNotNull(Box::new(unit.clone()));
                return Ok((held(Some(found), lit(1_i64), Kind::Int)?, true));
            }
            Facts::Value(_) => {}
        }
    }
    let value = typed(argument, input, context)?;
    if value.value().is_some_and(|v| !v.is_null()) {
        return Ok((lit(1_i64), false));
    }
    Ok((value.expr, value.domain.nullable))
}

/// The expression where the condition holds, NULL elsewhere. Both are total.
fn held(condition: Option<Expr>, value: Expr, kind: Kind) -> Result<Expr, Refusal> {
    let Some(condition) = condition else { return Ok(value) };
    let nothing = null(kind)?.expr;
    // A literal has the type of its own kind, whatever stands beside it.
    let nothing = match &value {
        Expr::Literal(v, _) => ScalarValue::try_from(&v.data_type()).map_or(nothing, |n| Expr::Literal(n, None)),
        _ => nothing,
    };
    Ok(Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(value))], Some(Box::new(nothing)))))
}

fn number(value: Typed) -> Result<Typed, Refusal> {
    match value.kind() {
        Kind::Int | Kind::Float => Ok(value),
        Kind::Boolean if value.value().is_some_and(ScalarValue::is_null) => null(Kind::Float),
        other => {
            Err(types(format!("{} can't be summed", other.name()), None).fix("SUM(CASE WHEN x THEN 1 ELSE 0 END)"))
        }
    }
}

/// The value within bounds per row, if the query gives some.
fn within(value: Typed, bounds: Option<(bool, f64, f64)>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let Some((per_group, low, high)) = bounds else { return Ok(value) };
    if per_group {
        return Err(self::per_group());
    }
    let kind = value.kind();
    let ends = match kind {
        Kind::Int => [low.ceil(), high.floor()].map(|n| ScalarValue::Int64(Some(n as i64))),
        _ => [low, high].map(|n| ScalarValue::Float64(Some(n))),
    };
    let [low, high] = ends.map(|n| Typed::literal(kind, n));
    Typed::call(Total::Within, kind, vec![value, low, high], context)
}

/// The sum of a number with bounds: exact for integers, of values on a grid for floats.
fn sum(
    value: &Typed,
    rows: Rows,
    shown: &str,
    argument: &Expr,
    condition: Option<Expr>,
    context: &Context<'_>,
    take: &mut Take<'_>,
) -> Result<Typed, Refusal> {
    let ends = value.domain.interval.filter(|i| {
        let (low, high) = i.ends();
        low.abs() < LARGEST && high.abs() < LARGEST
    });
    let ends = if value.value().is_some_and(ScalarValue::is_null) {
        Interval::Int { low: 0, high: 0 }
    } else {
        ends.ok_or_else(|| no_bounds(shown, argument))?
    };
    let empty = value.domain.nullable || !rows.some;
    let most = i128::from(rows.most.max(1));
    let total = |low: i64, high: i64| -> Result<Domain, Refusal> {
        let (low, high) = (i128::from(low), i128::from(high));
        let ends = ((low * most).min(low), (high * most).max(high));
        match (i64::try_from(ends.0), i64::try_from(ends.1)) {
            (Ok(low), Ok(high)) => Ok(Domain::int(low, high, empty)),
            _ => Err(too_wide()),
        }
    };
    match ends {
        Interval::Int { low, high } => {
            let domain = total(low, high)?;
            let value = value.clone().of_kind(Kind::Int, context)?;
            let expr = take(Primitive::Sum, held(condition, value.expr, Kind::Int)?)?;
            Ok(Typed { expr, domain, size: 1 })
        }
        Interval::Float { low, high } => {
            let bits = GRID_BITS
                .min(SUM_BITS - i32::try_from(rows.most.max(1).next_power_of_two().ilog2()).unwrap_or(SUM_BITS));
            let size = low.abs().max(high.abs());
            let power = if size > 0.0 { size.log2().ceil().max(-900.0) as i32 } else { 0 };
            let exponent = power - bits;
            let unit = f64::from(exponent).exp2();
            let (first, last) = ((low / unit).floor() as i64, (high / unit).ceil() as i64);
            let domain = total(first, last)?;
            let int = |n: i64| Typed::literal(Kind::Int, ScalarValue::Int64(Some(n)));
            let parts = vec![value.clone(), int(i64::from(exponent)), int(first), int(last), int(0)];
            let units = Typed::call(Total::Fixed, Kind::Int, parts, context)?;
            let expr = take(Primitive::Sum, held(condition, units.expr, Kind::Int)?)?;
            let units = Typed { expr, domain, size: 1 }.of_kind(Kind::Float, context)?;
            let unit = Typed::literal(Kind::Float, ScalarValue::Float64(Some(unit)));
            let mut product = Typed::call(Total::Multiply, Kind::Float, vec![units, unit], context)?;
            product.domain.nullable = empty;
            Ok(product)
        }
    }
}

fn whole(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn unsupported(what: &str) -> Refusal {
    Refusal::new(
        Reason::Aggregate,
        format!("{what} is not supported"),
        "Over the rows of one person there are COUNT, COUNT(DISTINCT x), SUM, AVG, MIN, MAX, BOOL_AND and BOOL_OR.",
    )
    .fix("COUNT(*), SUM(x), AVG(x), MIN(x), MAX(x)")
}

fn per_group() -> Refusal {
    Refusal::new(
        Reason::Bounds,
        "contribution bounds per group inside a person",
        "They limit what one person adds to what is released; inside a person, rows have bounds.",
    )
    .fix("SUM(x, contribution_bounds_per_row => (0, 100)), or bounds on the outer aggregate")
}

fn no_bounds(shown: &str, argument: &Expr) -> Refusal {
    let column = argument.column_refs().iter().map(|c| c.name.clone()).min().unwrap_or_else(|| "x".to_owned());
    Refusal::new(
        Reason::Bounds,
        format!("{shown} of a value without bounds"),
        "Sums are exact on a grid that is sized by the largest value, and nothing public says how large this one can be.",
    )
    .fix(format!(
        "{shown}({column}, contribution_bounds_per_row => (0, 100))   or WHERE {column} BETWEEN 0 AND 100"
    ))
}

fn too_wide() -> Refusal {
    Refusal::new(
        Reason::Bounds,
        "the bounds are too wide for exact sums",
        "The largest sum that the rows of one person could have must fit 64-bit integers.",
    )
    .fix("SUM(x / 1000), or contribution_bounds_per_row => (0, 100)")
}
