//! Operators and casts below the barrier; functions are in `operators/functions.rs`.

mod functions;

pub(super) use functions::function;

use super::Context;
use super::below::Relation as Node;
use super::expression::{Typed, kind_of, null, typed, types, unsupported};
use crate::domain::{Domain, Kind};
use crate::error::Refusal;
use crate::functions::{Regex, Total};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{BinaryExpr, Cast};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// `+ − * / %` on numbers, days between dates, and times ± intervals.
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
    if is_length(expr, node) {
        return Err(types("a length of time can't stand by itself on private rows".to_owned(), None)
            .fix("EXTRACT(epoch FROM a - b) for seconds, or a - b < INTERVAL '1 day'"));
    }
    let kind = kind_of(expr, node)?;
    let total = match binary.op {
        Operator::Plus => Total::Add,
        Operator::Minus => Total::Subtract,
        Operator::Multiply => Total::Multiply,
        Operator::Divide | Operator::IntegerDivide => Total::Divide,
        Operator::Modulo => Total::Modulo,
        other => return Err(unsupported(&format!("the operator {other}"))),
    };
    if total == Total::Subtract && kind == Kind::Int {
        let (left, right) = (typed(&binary.left, node, context)?, typed(&binary.right, node, context)?);
        // Whole days between two dates.
        if left.kind() == Kind::Date && right.kind() == Kind::Date {
            return Typed::call(total, kind, vec![left, right], context);
        }
    }
    if kind == Kind::Date && matches!(total, Total::Add | Total::Subtract) {
        let left = typed(uncast(&binary.left), node, context)?;
        let right = typed(uncast(&binary.right), node, context)?;
        match (left.kind(), right.kind()) {
            (Kind::Date, Kind::Int) => return Typed::call(total, kind, vec![left, right], context),
            (Kind::Int, Kind::Date) if total == Total::Add => {
                return Typed::call(total, kind, vec![right, left], context);
            }
            _ => {}
        }
    }
    if !matches!(kind, Kind::Int | Kind::Float) {
        return Err(types(format!("{} can't be computed with on private rows", kind.name()), None)
            .fix("EXTRACT(day FROM x), or x + INTERVAL '1 day'"));
    }
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

/// What planning converted to make sides alike.
fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => expr,
        other => other,
    }
}

/// Whether an expression is a length of time: not a kind of values, but it can be compared and counted in seconds.
fn is_length(expr: &Expr, node: &Node) -> bool {
    matches!(expr.get_type(node.schema.as_ref()), Ok(DataType::Duration(_) | DataType::Interval(_)))
}

/// The microseconds of a length of time: the difference of two timestamps, or a literal without months.
fn length(expr: &Expr, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let unknown = || {
        types("this length of time is not supported on private rows".to_owned(), None)
            .fix("a - b < INTERVAL '36 hours', with a and b timestamps")
    };
    match expr {
        Expr::Alias(alias) => length(&alias.expr, node, context),
        Expr::Cast(Cast { expr, .. }) if is_length(expr, node) => length(expr, node, context),
        Expr::Literal(value, _) => match interval(value, false) {
            Some([0, days, micros]) => {
                let micros = days.checked_mul(DAY).and_then(|d| d.checked_add(micros)).ok_or_else(unknown)?;
                Ok(Typed::literal(Kind::Int, ScalarValue::Int64(Some(micros))))
            }
            _ => Err(unknown()),
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
            let left = typed(left, node, context)?.of_kind(Kind::Timestamp, context)?;
            let right = typed(right, node, context)?.of_kind(Kind::Timestamp, context)?;
            Typed::call(Total::Subtract, Kind::Int, vec![left, right], context)
        }
        _ => Err(unknown()),
    }
}

/// A side of a comparison: a length of time as its microseconds.
pub(super) fn side(expr: &Expr, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    if is_length(expr, node) { length(expr, node, context) } else { typed(expr, node, context) }
}

/// `& | # << >>` on integers.
pub(super) fn bits(binary: &BinaryExpr, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let total = match binary.op {
        Operator::BitwiseAnd => Total::BitAnd,
        Operator::BitwiseOr => Total::BitOr,
        Operator::BitwiseXor => Total::BitXor,
        Operator::BitwiseShiftLeft => Total::ShiftLeft,
        Operator::BitwiseShiftRight => Total::ShiftRight,
        other => return Err(unsupported(&format!("the operator {other}"))),
    };
    let left = typed(&binary.left, node, context)?.of_kind(Kind::Int, context)?;
    let right = typed(&binary.right, node, context)?.of_kind(Kind::Int, context)?;
    Typed::call(total, Kind::Int, vec![left, right], context)
}

/// `x ~ 'pattern'` and its relatives.
pub(super) fn matches(binary: &BinaryExpr, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let value = typed(&binary.left, node, context)?.of_kind(Kind::Text, context)?;
    let pattern = typed(&binary.right, node, context)?;
    let any_case = matches!(binary.op, Operator::RegexIMatch | Operator::RegexNotIMatch);
    let pattern = self::pattern(&pattern, if any_case { "i" } else { "" }, context)?;
    let matched = Typed::call(Total::RegexLike, Kind::Boolean, vec![value, pattern], context)?;
    if matches!(binary.op, Operator::RegexMatch | Operator::RegexIMatch) {
        return Ok(matched);
    }
    let domain = Domain::boolean(matched.domain.nullable);
    Typed { expr: Expr::Not(Box::new(matched.expr)), domain, size: matched.size + 1 }.checked(context)
}

/// A literal pattern that compiles, with its flags in front.
fn pattern(pattern: &Typed, flags: &str, context: &Context<'_>) -> Result<Typed, Refusal> {
    let Some(ScalarValue::Utf8(Some(text))) = pattern.value() else {
        return Err(unsupported("a regular expression that is not a literal").fix("x ~ '^abc', or starts_with(x, y)"));
    };
    let refused = |why: String| {
        Refusal::new(crate::error::Reason::Unsupported, "this regular expression can't be used on private rows", why)
            .fix("x LIKE 'abc%', or a shorter pattern")
            .at(context.words.find(text))
    };
    if text.len() > crate::functions::MAX_REGEX_BYTES {
        return Err(refused(format!("It is longer than {} bytes.", crate::functions::MAX_REGEX_BYTES)));
    }
    let with_flags = crate::functions::with_flags(text, flags)
        .ok_or_else(|| refused("The flags are i, m, s, x and U; regexp_replace also knows g.".to_owned()))?;
    Regex::new(&with_flags).map_err(refused)?;
    Ok(Typed::literal(Kind::Text, ScalarValue::Utf8(Some(with_flags))))
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
    if kind == Kind::Int && value.kind() == Kind::Timestamp {
        // Microseconds since 1970: what a timestamp is stored as.
        return Typed::call(Total::Subtract, Kind::Int, vec![value, epoch()], context);
    }
    if let DataType::Timestamp(unit, None) = to
        && value.kind() == Kind::Int
    {
        let unit = match unit {
            TimeUnit::Second => 1_000_000,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1,
            TimeUnit::Nanosecond => -1_000,
        };
        let unit = Typed::literal(Kind::Int, ScalarValue::Int64(Some(unit)));
        return Typed::call(Total::FromEpoch, kind, vec![value, unit], context);
    }
    // What comparing a number of rows with an integer is coerced to.
    if value.kind() == Kind::Int && matches!(to, DataType::Decimal128(20 | 21, 0)) {
        return Ok(value);
    }
    if let DataType::Decimal32(digits, scale)
    | DataType::Decimal64(digits, scale)
    | DataType::Decimal128(digits, scale)
    | DataType::Decimal256(digits, scale) = to
    {
        let limit = 10f64.powi(i32::from(*digits) - i32::from(*scale));
        let scale = Typed::literal(Kind::Int, ScalarValue::Int64(Some(i64::from(*scale))));
        let limit = Typed::literal(Kind::Float, ScalarValue::Float64(Some(limit)));
        let value = value.of_kind(Kind::Float, context)?;
        return Typed::call(Total::Decimal, Kind::Float, vec![value, scale, limit], context)?.of_kind(kind, context);
    }
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

/// 1970-01-01, midnight.
fn epoch() -> Typed {
    Typed::literal(Kind::Timestamp, ScalarValue::TimestampMicrosecond(Some(0), None))
}
