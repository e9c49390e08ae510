//! What is known about a total function's result from what is known about its arguments.

use super::{Part, Total, evaluate};
use crate::domain::{Domain, Interval, Kind, MAX_TEXT_BYTES, MAX_VALUES, point};
use arrow::array::Array;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use std::collections::HashSet;

/// The domain of `total(arguments)`. A literal argument has a domain of one value.
pub(crate) fn domain(total: Total, gives: Kind, arguments: &[Domain]) -> Domain {
    if let Some(listed) = by_enumeration(total, gives, arguments) {
        return listed;
    }
    let nullable = arguments.iter().any(|a| a.nullable);
    let whole = Domain { nullable: true, ..Domain::unknown(gives) };
    let Some(x) = arguments.first() else { return whole };
    let y = arguments.get(1);
    match total {
        Total::Add | Total::Subtract | Total::Multiply | Total::Divide | Total::Modulo => {
            let Some((a, b)) = x.interval.zip(y.and_then(|y| y.interval)) else { return whole };
            let (interval, undefined) = arithmetic(total, a, b);
            Domain { interval, nullable: nullable || undefined, ..whole }
        }
        Total::Power | Total::Log => whole,
        Total::Negate | Total::Abs | Total::Sign => {
            let Some(interval) = x.interval else { return whole };
            let (interval, undefined) = unary(total, interval);
            Domain { interval, nullable: nullable || undefined, ..whole }
        }
        // Jan 30 at noon and Jan 31 at ten are a month later Feb 28 at noon and at ten.
        Total::AddInterval
            if x.kind == Kind::Timestamp
                && arguments.get(1).and_then(|d| d.interval) != Some(Interval::Int { low: 0, high: 0 }) =>
        {
            whole
        }
        Total::Round
        | Total::Truncate
        | Total::Floor
        | Total::Ceil
        | Total::Sqrt
        | Total::Cbrt
        | Total::Exp
        | Total::Ln
        | Total::Log10
        | Total::Log2
        | Total::DateTrunc
        | Total::AddInterval => monotone(total, gives, arguments, nullable).unwrap_or(whole),
        Total::Least | Total::Greatest => {
            let interval = arguments.iter().map(|a| a.interval).reduce(|a, b| a?.hull(b?)).flatten();
            Domain { interval, nullable: arguments.iter().all(|a| a.nullable), ..whole }
        }
        Total::Length | Total::OctetLength | Total::Position => {
            let longest = i64::from(x.max_bytes.unwrap_or(MAX_TEXT_BYTES));
            Domain::int(0, if total == Total::Position { longest + 1 } else { longest }, nullable)
        }
        // A character may become up to three, and a two-byte one three-byte ones.
        Total::Lower | Total::Upper => text(x.max_bytes.map(|n| n.saturating_mul(3)), nullable),
        Total::Reverse | Total::Left | Total::Right | Total::Trim | Total::TrimStart | Total::TrimEnd => {
            text(x.max_bytes, nullable)
        }
        Total::Substring => text(x.max_bytes, nullable || negative_length(arguments)),
        Total::StartsWith | Total::EndsWith | Total::Contains | Total::Like | Total::LikeAnyCase => {
            Domain::boolean(nullable)
        }
        Total::Concat => {
            let sum = arguments.iter().try_fold(0u32, |sum, a| sum.checked_add(a.max_bytes?));
            text(sum, nullable)
        }
        Total::DatePart => date_part(gives, arguments, nullable).unwrap_or(whole),
        Total::Cast => cast(gives, x, arguments, nullable),
        Total::Within | Total::Fixed => {
            let ends =
                if total == Total::Within { (y, arguments.get(2)) } else { (arguments.get(2), arguments.get(3)) };
            let interval = match (ends.0.and_then(|d| d.interval), ends.1.and_then(|d| d.interval)) {
                (Some(a), Some(b)) => a.hull(b),
                _ => None,
            };
            Domain { interval, nullable, ..whole }
        }
    }
}

/// Evaluates the function on every combination of its arguments' values, if there are lists and not too many.
fn by_enumeration(total: Total, gives: Kind, arguments: &[Domain]) -> Option<Domain> {
    let lists: Vec<Vec<ScalarValue>> = arguments
        .iter()
        .map(|a| {
            let mut values = a.values.clone()?;
            if a.nullable || values.is_empty() {
                values.push(ScalarValue::try_from(&a.kind.arrow()).ok()?);
            }
            Some(values)
        })
        .collect::<Option<_>>()?;
    let rows = lists.iter().try_fold(1usize, |n, l| n.checked_mul(l.len()).filter(|n| *n <= MAX_VALUES))?;
    let mut repeat = 1;
    let mut columns = Vec::new();
    for list in lists.iter().rev() {
        // A list of one value is a literal and has to stay one for functions that compile it.
        columns.push(if let [only] = list.as_slice() {
            ColumnarValue::Scalar(only.clone())
        } else {
            let values = (0..rows).filter_map(|i| list.get(i / repeat % list.len()).cloned());
            ColumnarValue::Array(ScalarValue::iter_to_array(values).ok()?)
        });
        repeat *= list.len();
    }
    columns.reverse();
    let results = match evaluate(total, gives, &columns, rows).ok()? {
        ColumnarValue::Array(array) => array,
        ColumnarValue::Scalar(value) => value.to_array().ok()?,
    };
    let (mut values, mut seen) = (Vec::new(), HashSet::new());
    for i in 0..results.len() {
        let value = ScalarValue::try_from_array(&results, i).ok()?;
        if !value.is_null() && seen.insert(value.clone()) {
            values.push(value);
        }
    }
    Some(Domain::listed(gives, values, results.null_count() > 0))
}

/// An operator on intervals, and whether its result may be undefined.
fn arithmetic(total: Total, a: Interval, b: Interval) -> (Option<Interval>, bool) {
    match (a, b) {
        (Interval::Int { low: a, high: b }, Interval::Int { low: c, high: d }) => {
            let (a, b, c, d) = (i128::from(a), i128::from(b), i128::from(c), i128::from(d));
            let zero = c <= 0 && d >= 0;
            let corners = match total {
                Total::Add => [a + c, a + d, b + c, b + d],
                Total::Subtract => [a - c, a - d, b - c, b - d],
                Total::Multiply => [a * c, a * d, b * c, b * d],
                Total::Divide if zero => {
                    let most = a.abs().max(b.abs());
                    [-most, most, 0, 0]
                }
                Total::Divide => [a / c, a / d, b / c, b / d],
                _ => {
                    let most = a.abs().max(b.abs()).min(c.abs().max(d.abs()) - 1).max(0);
                    [if a < 0 { -most } else { 0 }, if b > 0 { most } else { 0 }, 0, 0]
                }
            };
            let (low, high) = corners.iter().fold((i128::MAX, i128::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            let overflow = low < i128::from(i64::MIN) || high > i128::from(i64::MAX);
            let clip = |v: i128| v.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
            let undefined = overflow || (zero && matches!(total, Total::Divide | Total::Modulo));
            // MIN % -1 is undefined although 0 would be in range.
            let undefined = undefined || (total == Total::Modulo && a == i64::MIN.into() && c <= -1);
            (Some(Interval::Int { low: clip(low), high: clip(high) }), undefined)
        }
        (Interval::Float { low: a, high: b }, Interval::Float { low: c, high: d }) => {
            let zero = c <= 0.0 && d >= 0.0;
            let corners = match total {
                Total::Add => [a + c, a + d, b + c, b + d],
                Total::Subtract => [a - c, a - d, b - c, b - d],
                Total::Multiply => [a * c, a * d, b * c, b * d],
                Total::Divide if !zero => [a / c, a / d, b / c, b / d],
                _ => return (None, true),
            };
            if corners.iter().all(|v| v.is_finite()) {
                let low = corners.iter().copied().fold(f64::INFINITY, f64::min);
                let high = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                (Some(Interval::Float { low, high }), false)
            } else {
                (None, true)
            }
        }
        _ => (None, true),
    }
}

fn unary(total: Total, x: Interval) -> (Option<Interval>, bool) {
    match (total, x) {
        (Total::Sign, Interval::Int { .. }) => (Some(Interval::Int { low: -1, high: 1 }), false),
        (Total::Sign, Interval::Float { .. }) => (Some(Interval::Float { low: -1.0, high: 1.0 }), false),
        (Total::Negate, Interval::Int { low, high }) => {
            let flip = |v: i64| v.checked_neg().unwrap_or(i64::MAX);
            (Some(Interval::Int { low: flip(high), high: flip(low) }), low == i64::MIN)
        }
        (Total::Negate, Interval::Float { low, high }) => (Some(Interval::Float { low: -high, high: -low }), false),
        (_, Interval::Int { low, high }) => {
            let size = |v: i64| v.checked_abs().unwrap_or(i64::MAX);
            let least = if low <= 0 && high >= 0 { 0 } else { size(low).min(size(high)) };
            (Some(Interval::Int { low: least, high: size(low).max(size(high)) }), low == i64::MIN)
        }
        (_, Interval::Float { low, high }) => {
            let least = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
            (Some(Interval::Float { low: least, high: low.abs().max(high.abs()) }), false)
        }
    }
}

/// A function that never falls: its ends are the function of the ends. `None` where those are undefined.
fn monotone(total: Total, gives: Kind, arguments: &[Domain], nullable: bool) -> Option<Domain> {
    let at = |low: bool| -> Option<Interval> {
        let values: Vec<ColumnarValue> = arguments
            .iter()
            .map(|d| {
                let value = match (&d.values, d.interval) {
                    (Some(v), _) if v.len() == 1 => v.first().cloned()?,
                    (_, Some(Interval::Int { low: a, high: b })) => {
                        let n = if low { a } else { b };
                        match d.kind {
                            Kind::Date => ScalarValue::Date32(Some(i32::try_from(n).ok()?)),
                            Kind::Timestamp => ScalarValue::TimestampMicrosecond(Some(n), None),
                            _ => ScalarValue::Int64(Some(n)),
                        }
                    }
                    (_, Some(Interval::Float { low: a, high: b })) => {
                        ScalarValue::Float64(Some(if low { a } else { b }))
                    }
                    _ => return None,
                };
                Some(ColumnarValue::Scalar(value))
            })
            .collect::<Option<_>>()?;
        match evaluate(total, gives, &values, 1).ok()? {
            ColumnarValue::Scalar(value) => point(&value),
            ColumnarValue::Array(_) => None,
        }
    };
    let interval = at(true)?.hull(at(false)?)?;
    Some(Domain { interval: Some(interval), nullable, ..Domain::unknown(gives) })
}

fn text(max_bytes: Option<u32>, nullable: bool) -> Domain {
    match max_bytes {
        Some(n) if n <= MAX_TEXT_BYTES => Domain::text(n, nullable),
        // Longer results are NULL.
        _ => Domain::text(MAX_TEXT_BYTES, true),
    }
}

fn negative_length(arguments: &[Domain]) -> bool {
    match arguments.get(2) {
        None => false,
        Some(d) => !matches!(d.interval, Some(Interval::Int { low, .. }) if low >= 0),
    }
}

fn date_part(gives: Kind, arguments: &[Domain], nullable: bool) -> Option<Domain> {
    let [part, time] = arguments else { return None };
    let part = Part::parse(part.values.as_ref()?.first()?.try_as_str().flatten()?)?;
    if gives == Kind::Float {
        return None;
    }
    let unit = if time.kind == Kind::Date { super::calendar::DAY } else { 1 };
    // Days some 292,000 years from now have no microseconds, hence no parts.
    let fits = match time.interval {
        Some(Interval::Int { low, high }) => low.checked_mul(unit).is_some() && high.checked_mul(unit).is_some(),
        _ => time.kind != Kind::Date,
    };
    let nullable = nullable || !fits;
    if let Some((low, high)) = part.range() {
        return Some(Domain::int(low, high, nullable));
    }
    let Interval::Int { low, high } = time.interval? else { return None };
    Some(Domain::int(part.of(low.saturating_mul(unit))?, part.of(high.saturating_mul(unit))?, nullable))
}

fn cast(gives: Kind, x: &Domain, arguments: &[Domain], nullable: bool) -> Domain {
    let unknown = Domain::unknown(gives);
    match (x.kind, gives) {
        (Kind::Boolean, Kind::Int) => Domain::int(0, 1, nullable),
        (Kind::Boolean, Kind::Float) => {
            Domain { interval: Some(Interval::Float { low: 0.0, high: 1.0 }), nullable, ..unknown }
        }
        (Kind::Int | Kind::Float | Kind::Boolean, Kind::Boolean) => Domain::boolean(nullable),
        (Kind::Text, Kind::Boolean) => Domain::boolean(true),
        (Kind::Text, Kind::Text) => x.clone(),
        (_, Kind::Text) => Domain::text(
            match x.kind {
                Kind::Boolean => 5,
                Kind::Int => 20,
                Kind::Float => 32,
                Kind::Date => 10,
                Kind::Timestamp | Kind::Text => 26,
            },
            nullable || matches!(x.kind, Kind::Date | Kind::Timestamp),
        ),
        (Kind::Int | Kind::Float | Kind::Date | Kind::Timestamp, _) => {
            // A narrower target makes NULL of what is outside.
            let limits = match (arguments.get(1).and_then(|d| d.interval), arguments.get(2).and_then(|d| d.interval)) {
                (Some(a), Some(b)) => a.hull(b),
                _ => None,
            };
            let only = std::slice::from_ref(x);
            match (monotone(Total::Cast, gives, only, nullable), limits) {
                (Some(d), None) => d,
                (Some(d), Some(limits)) => {
                    let left = d.interval.and_then(|i| i.meet(limits));
                    Domain { nullable: nullable || left != d.interval, interval: left.or(Some(limits)), ..d }
                }
                (None, limits) => Domain { interval: limits, ..unknown },
            }
        }
        (Kind::Text | Kind::Boolean, _) => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(low: i64, high: i64) -> Domain {
        Domain::int(low, high, false)
    }

    fn interval(total: Total, a: Domain, b: Domain) -> (Option<Interval>, bool) {
        let d = domain(total, Kind::Int, &[a, b]);
        (d.interval, d.nullable)
    }

    #[test]
    fn integer_arithmetic() {
        let int = |low, high| Some(Interval::Int { low, high });
        assert_eq!(interval(Total::Add, ints(1, 5), ints(-2, 2)), (int(-1, 7), false));
        assert_eq!(interval(Total::Multiply, ints(-3, 5), ints(-2, 2)), (int(-10, 10), false));
        assert_eq!(interval(Total::Divide, ints(10, 20), ints(2, 5)), (int(2, 10), false));
        assert_eq!(interval(Total::Divide, ints(-10, 20), ints(0, 5)), (int(-20, 20), true));
        assert_eq!(interval(Total::Modulo, ints(0, 2000), ints(1, 7)), (int(0, 6), false));
        assert_eq!(interval(Total::Add, ints(0, i64::MAX), ints(0, 1)), (int(0, i64::MAX), true));
    }

    #[test]
    fn lists_are_computed_value_by_value() {
        let list =
            |v: &[i64]| Domain::listed(Kind::Int, v.iter().map(|v| ScalarValue::Int64(Some(*v))).collect(), false);
        let d = domain(Total::Modulo, Kind::Int, &[list(&[10, 15, 20]), list(&[10])]);
        assert_eq!(d.values, list(&[0, 5]).values);
        assert!(!d.nullable);
        let d = domain(Total::Divide, Kind::Int, &[list(&[10]), list(&[0, 5])]);
        assert_eq!(d.values, list(&[2]).values);
        assert!(d.nullable, "10 / 0 is NULL");
    }

    #[test]
    fn roots_and_logarithms_know_where_they_are_defined() {
        let float = |low, high| Domain {
            interval: Some(Interval::Float { low, high }),
            nullable: false,
            ..Domain::unknown(Kind::Float)
        };
        assert_eq!(domain(Total::Sqrt, Kind::Float, &[float(4.0, 9.0)]), float(2.0, 3.0));
        assert_eq!(domain(Total::Sqrt, Kind::Float, &[float(-1.0, 9.0)]), Domain::unknown(Kind::Float));
        assert_eq!(domain(Total::Ln, Kind::Float, &[float(0.0, 9.0)]), Domain::unknown(Kind::Float));
    }

    #[test]
    fn casts() {
        let float = Domain {
            interval: Some(Interval::Float { low: -1.5, high: 300.7 }),
            nullable: false,
            ..Domain::unknown(Kind::Float)
        };
        assert_eq!(domain(Total::Cast, Kind::Int, &[float]), ints(-1, 300));
        assert!(domain(Total::Cast, Kind::Int, &[Domain::text(5, false)]).nullable);
    }
}
