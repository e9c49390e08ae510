//! Arithmetic, casts and functions below the barrier, by the allow-list of [`crate::functions`].

use super::Context;
use super::below::Relation as Node;
use super::expression::{Typed, kind_of, null, typed, types, unsupported};
use crate::bind::{closest, query_time};
use crate::domain::{Domain, Kind};
use crate::error::{Reason, Refusal};
use crate::functions::{NATIVE, Part, TABLE, Takes, Total, lookup};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::{Expr, Operator};

/// `+ − * / %` on numbers, and times ± intervals.
pub(super) fn arithmetic(
    expr: &Expr,
    binary: &BinaryExpr,
    node: &Node,
    context: &Context<'_>,
) -> Result<Typed, Refusal> {
    if let (Operator::Plus | Operator::Minus, Expr::Literal(value, _)) = (binary.op, binary.right.as_ref())
        && let Some(parts) = interval(value, binary.op == Operator::Minus)
    {
        return add_interval(&binary.left, parts, expr, node, context);
    }
    if let (Operator::Plus, Expr::Literal(value, _)) = (binary.op, binary.left.as_ref())
        && let Some(parts) = interval(value, false)
    {
        return add_interval(&binary.right, parts, expr, node, context);
    }
    let kind = kind_of(expr, node)?;
    if !matches!(kind, Kind::Int | Kind::Float) {
        return Err(types(format!("{} can't be computed with on private rows", kind.name()), None)
            .fix("EXTRACT(day FROM x), or x + INTERVAL '1 day'"));
    }
    let total = match binary.op {
        Operator::Plus => Total::Add,
        Operator::Minus => Total::Subtract,
        Operator::Multiply => Total::Multiply,
        Operator::Divide => Total::Divide,
        Operator::Modulo => Total::Modulo,
        other => return Err(unsupported(&format!("the operator {other}"))),
    };
    let left = typed(&binary.left, node, context)?.of_kind(kind, context)?;
    let right = typed(&binary.right, node, context)?.of_kind(kind, context)?;
    Typed::call(total, kind, vec![left, right], context)
}

/// Months, days, microseconds of a literal interval.
fn interval(value: &ScalarValue, negative: bool) -> Option<[i64; 3]> {
    let parts = match value {
        ScalarValue::IntervalMonthDayNano(Some(v)) => [i64::from(v.months), i64::from(v.days), v.nanoseconds / 1_000],
        ScalarValue::IntervalDayTime(Some(v)) => [0, i64::from(v.days), i64::from(v.milliseconds) * 1_000],
        ScalarValue::IntervalYearMonth(Some(v)) => [i64::from(*v), 0, 0],
        _ => return None,
    };
    Some(if negative { parts.map(|p| -p) } else { parts })
}

fn add_interval(
    time: &Expr,
    parts: [i64; 3],
    whole: &Expr,
    node: &Node,
    context: &Context<'_>,
) -> Result<Typed, Refusal> {
    let kind = kind_of(whole, node)?;
    if !matches!(kind, Kind::Date | Kind::Timestamp) {
        return Err(types("an interval can only be added to a date or timestamp".to_owned(), None));
    }
    let time = typed(time, node, context)?.of_kind(kind, context)?;
    let parts = parts.map(|p| Typed::literal(Kind::Int, ScalarValue::Int64(Some(p))));
    Typed::call(Total::AddInterval, kind, std::iter::once(time).chain(parts).collect(), context)
}

/// CAST and TRY_CAST mean the same here: NULL where the target has no such value.
pub(super) fn cast(expr: &Expr, to: &DataType, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    if let Some(kind) = Kind::of(to)
        && matches!(expr, Expr::Literal(v, _) if v.is_null())
    {
        return null(kind);
    }
    // What is cast is judged first: a cast of the unit is about the unit, not about types.
    let value = typed(expr, node, context)?;
    let Some(kind) = Kind::of(to) else {
        return Err(types(format!("a cast to {to} is not supported on private rows"), context.words.find("CAST"))
            .fix("CAST(x AS DOUBLE), CAST(x AS BIGINT), CAST(x AS VARCHAR) or CAST(x AS DATE)"));
    };
    let value = value.of_kind(kind, context)?;
    let range = match to {
        DataType::Int8 => Some((i64::from(i8::MIN), i64::from(i8::MAX))),
        DataType::Int16 => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        DataType::Int32 => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        DataType::UInt8 => Some((0, i64::from(u8::MAX))),
        DataType::UInt16 => Some((0, i64::from(u16::MAX))),
        DataType::UInt32 => Some((0, i64::from(u32::MAX))),
        DataType::UInt64 => Some((0, i64::MAX)),
        _ => None,
    };
    match range {
        None => Ok(value),
        Some((low, high)) => {
            let fits = matches!(value.domain.interval, Some(crate::domain::Interval::Int { low: l, high: h }) if low <= l && h <= high);
            if fits {
                return Ok(value);
            }
            let end = |n| Typed::literal(Kind::Int, ScalarValue::Int64(Some(n)));
            Typed::call(Total::Cast, Kind::Int, vec![value, end(low), end(high)], context)
        }
    }
}

/// A call of a function on the allow-list.
pub(super) fn function(
    expr: &Expr,
    function: &ScalarFunction,
    node: &Node,
    context: &Context<'_>,
) -> Result<Typed, Refusal> {
    let name = function.func.name();
    if let Some(value) = query_time(&function.func) {
        return Ok(Typed::literal(Kind::of(&value.data_type()).unwrap_or(Kind::Timestamp), value));
    }
    if NATIVE.contains(&name) {
        return native(expr, function, node, context);
    }
    let Some((total, takes)) = lookup(name) else { return Err(unknown(name, context)) };
    let gives = kind_of(expr, node)?;
    let arguments: Vec<Typed> = function.args.iter().map(|a| typed(a, node, context)).collect::<Result<_, _>>()?;
    let count = arguments.len();
    let wrong = || types(format!("{name} doesn't take these arguments"), context.words.find(name));
    let all = |kinds: &[Kind]| -> Result<Vec<Typed>, Refusal> {
        arguments.iter().cloned().zip(kinds).map(|(a, k)| a.of_kind(*k, context)).collect()
    };
    let (arguments, natural) = match takes {
        Takes::Number if count == 1 => {
            let kind = if gives == Kind::Int { Kind::Int } else { Kind::Float };
            (all(&[kind])?, kind)
        }
        Takes::Float if count == 1 => (all(&[Kind::Float])?, Kind::Float),
        Takes::FloatDigits if count == 1 => (all(&[Kind::Float])?, Kind::Float),
        Takes::FloatDigits if count == 2 => (all(&[Kind::Float, Kind::Int])?, Kind::Float),
        Takes::TwoFloats if count == 2 => (all(&[Kind::Float, Kind::Float])?, Kind::Float),
        Takes::BaseAndFloat if count <= 2 => (all(&[Kind::Float, Kind::Float])?, Kind::Float),
        Takes::Several if count >= 1 && !matches!(gives, Kind::Text | Kind::Boolean) => {
            (all(&vec![gives; count])?, gives)
        }
        Takes::Text if count == 1 => {
            let natural = if matches!(total, Total::Length | Total::OctetLength) { Kind::Int } else { Kind::Text };
            (all(&[Kind::Text])?, natural)
        }
        Takes::TextInts if (2..=3).contains(&count) => (all(&[Kind::Text, Kind::Int, Kind::Int])?, Kind::Text),
        Takes::TextLiteral if count == 1 => (all(&[Kind::Text])?, Kind::Text),
        Takes::TextLiteral if count == 2 && arguments.get(1).is_some_and(|a| a.value().is_some()) => {
            (all(&[Kind::Text, Kind::Text])?, Kind::Text)
        }
        Takes::TwoTexts if count == 2 => {
            let natural = if total == Total::Position { Kind::Int } else { Kind::Boolean };
            (all(&[Kind::Text, Kind::Text])?, natural)
        }
        Takes::Texts if count >= 1 => (texts(arguments, context)?, Kind::Text),
        Takes::PartAndTime if count == 2 => return time(total, gives, arguments, context),
        _ => return Err(wrong()),
    };
    Typed::call(total, natural, arguments, context)?.of_kind(gives, context)
}

/// concat() reads NULL as no text.
fn texts(arguments: Vec<Typed>, context: &Context<'_>) -> Result<Vec<Typed>, Refusal> {
    arguments
        .into_iter()
        .map(|a| {
            let a = a.of_kind(Kind::Text, context)?;
            if !a.domain.nullable {
                return Ok(a);
            }
            if a.value().is_some() {
                return Ok(Typed::literal(Kind::Text, ScalarValue::Utf8(Some(String::new()))));
            }
            let empty = datafusion::logical_expr::lit("");
            let expr = datafusion::functions::core::expr_fn::coalesce(vec![a.expr, empty]);
            let max_bytes = a.domain.max_bytes;
            let domain = Domain { max_bytes, nullable: false, ..Domain::unknown(Kind::Text) };
            Ok(Typed { expr, domain, size: a.size + 2 })
        })
        .collect()
}

fn time(total: Total, gives: Kind, arguments: Vec<Typed>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let mut arguments = arguments.into_iter();
    let (Some(part), Some(time)) = (arguments.next(), arguments.next()) else {
        return Err(types("a part and a time are needed".to_owned(), None));
    };
    let known = match part.value() {
        Some(ScalarValue::Utf8(Some(text))) => Part::parse(text),
        _ => None,
    };
    let truncates = total == Total::DateTrunc;
    let possible = known.filter(|p| !truncates || !matches!(p, Part::DayOfWeek | Part::DayOfYear | Part::Epoch));
    let Some(known) = possible else {
        return Err(Refusal::new(
            Reason::Function,
            "this part of a date is not supported on private rows",
            "The parts are year, quarter, month, week, day, hour, minute and second; EXTRACT also knows dow, doy and epoch.",
        )
        .fix("EXTRACT(month FROM x), or date_trunc('month', x)"));
    };
    let kind = if time.kind() == Kind::Date { Kind::Date } else { Kind::Timestamp };
    let time = time.of_kind(kind, context)?;
    let natural = match (truncates, known) {
        (true, _) => kind,
        (false, Part::Epoch) => Kind::Float,
        (false, _) => Kind::Int,
    };
    Typed::call(total, natural, vec![part, time], context)?.of_kind(gives, context)
}

/// coalesce, nvl and nullif: total as they are, on total arguments of one kind.
fn native(expr: &Expr, function: &ScalarFunction, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let kind = kind_of(expr, node)?;
    let arguments: Vec<Typed> =
        function.args.iter().map(|a| typed(a, node, context)?.of_kind(kind, context)).collect::<Result<_, _>>()?;
    let size = 1 + arguments.iter().map(|a| a.size).sum::<usize>();
    let domains = arguments.iter().map(|a| a.domain.clone());
    let domain = if function.func.name() == "nullif" {
        let mut domain = arguments.first().map_or_else(|| Domain::unknown(kind), |a| a.domain.clone());
        domain.nullable = true;
        domain
    } else {
        let nullable = arguments.iter().all(|a| a.domain.nullable);
        let mut domain = domains.reduce(Domain::union).unwrap_or_else(|| Domain::unknown(kind));
        domain.nullable = nullable;
        domain
    };
    let arguments = arguments.into_iter().map(|a| a.expr).collect();
    let expr = Expr::ScalarFunction(ScalarFunction::new_udf(function.func.clone(), arguments));
    Typed { expr, domain, size }.checked(context)
}

fn unknown(name: &str, context: &Context<'_>) -> Refusal {
    let names = || TABLE.iter().map(|(n, ..)| *n).chain(NATIVE.iter().copied());
    let refusal = Refusal::new(
        Reason::Function,
        format!("the function {name} is not admitted on private rows"),
        format!(
            "Only functions that give a value or NULL for every row may stand under an aggregate: {}.",
            names().collect::<Vec<_>>().join(", ")
        ),
    )
    .at(context.words.find(name));
    match closest(name, names()) {
        Some(near) => refusal.fix(near),
        None => refusal.fix(format!("use {name} on the result instead, above the aggregate")),
    }
}
