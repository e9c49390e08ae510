//! What is known about a total function's result from what is known about its arguments.

use super::like::Pattern;
use super::{Format, Part, Total, evaluate};
use crate::domain::{Domain, Interval, Kind, MAX_TEXT_BYTES, MAX_VALUES, point};
use arrow::array::Array;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use std::collections::HashSet;
use std::f64::consts::{FRAC_PI_2, PI};

/// The domain of `total(arguments)`. A literal argument has a domain of one value.
pub(crate) fn domain(total: Total, gives: Kind, arguments: &[Domain]) -> Domain {
    if let Some(listed) = by_enumeration(total, gives, arguments) {
        return listed;
    }
    let nullable = arguments.iter().any(|a| a.nullable);
    let whole = Domain { nullable: true, ..Domain::unknown(gives) };
    let Some(x) = arguments.first() else { return whole };
    let y = arguments.get(1);
    let bytes = |i: usize| arguments.get(i).map_or(0, |d: &Domain| u64::from(d.max_bytes.unwrap_or(MAX_TEXT_BYTES)));
    match total {
        Total::Add | Total::Subtract | Total::Multiply | Total::Divide | Total::Modulo => {
            let Some((a, b)) = x.interval.zip(y.and_then(|y| y.interval)) else { return whole };
            let (interval, undefined) = arithmetic(total, a, b);
            days(Domain { interval, nullable: nullable || undefined, ..whole })
        }
        Total::Power | Total::Log | Total::Tan | Total::Cot | Total::Lcm | Total::ShiftLeft => whole,
        Total::BitAnd | Total::BitOr | Total::BitXor => {
            bits(total, x, y, nullable).unwrap_or(Domain { nullable, ..whole })
        }
        Total::ShiftRight => shifted(x, y, nullable).unwrap_or(whole),
        Total::Gcd => gcd(x, y, nullable).unwrap_or(whole),
        Total::Factorial => {
            Domain { nullable: nullable || !within(x, 0, 20), ..Domain::int(1, 2_432_902_008_176_640_000, true) }
        }
        Total::WidthBucket => width_bucket(arguments, nullable).unwrap_or(whole),
        Total::Sin | Total::Cos => floats(-1.0, 1.0, nullable),
        Total::Asin | Total::Acos => {
            let inside = matches!(x.interval, Some(Interval::Float { low, high }) if -1.0 <= low && high <= 1.0);
            floats(-FRAC_PI_2, if total == Total::Acos { PI } else { FRAC_PI_2 }, nullable || !inside)
        }
        Total::Atan => floats(-FRAC_PI_2, FRAC_PI_2, nullable),
        Total::Atan2 => floats(-PI, PI, nullable),
        Total::Tanh => floats(-1.0, 1.0, nullable),
        Total::Cosh => match x.interval {
            Some(Interval::Float { low, high }) => {
                widened(floats(1.0, low.abs().max(high.abs()).cosh(), nullable)).unwrap_or(whole)
            }
            _ => whole,
        },
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
        // Correctly rounded, or whole numbers: never fall.
        Total::Floor | Total::Ceil | Total::Sqrt => monotone(total, gives, arguments, nullable).unwrap_or(whole),
        Total::DateTrunc
        | Total::AddInterval
        | Total::DateBin
        | Total::FromEpoch
        | Total::ToUnixTime
        | Total::Degrees
        | Total::Radians => monotone(total, gives, arguments, nullable).unwrap_or(whole),
        // A different number of digits for each row is no function of one number.
        Total::Round | Total::Truncate => match y {
            Some(y) if y.values.as_ref().is_none_or(|v| v.len() != 1) => whole,
            _ => monotone(total, gives, arguments, nullable).unwrap_or(whole),
        },
        // As good as monotone: the mathematical function is, its computed values may be off by a few units.
        Total::Cbrt
        | Total::Exp
        | Total::Ln
        | Total::Log10
        | Total::Log2
        | Total::Sinh
        | Total::Asinh
        | Total::Acosh
        | Total::Atanh => monotone(total, gives, arguments, nullable).and_then(widened).unwrap_or(whole),
        Total::Decimal => {
            match (arguments.get(2).and_then(|d| d.interval), monotone(total, gives, arguments, nullable)) {
                (_, Some(inside)) => inside,
                (Some(Interval::Float { high, .. }), None) => floats(-high, high, true),
                _ => whole,
            }
        }
        Total::IsZero | Total::IsNan => Domain::boolean(nullable),
        Total::Least | Total::Greatest => {
            // What nothing is known of is anything: a clamp of it has bounds all the same.
            let any = Interval::all(gives);
            let interval = arguments.iter().map(|a| a.interval.or(any)).reduce(|a, b| a?.hull(b?)).flatten();
            let interval = interval.map(|i| cut(total, i, arguments)).filter(|i| Some(*i) != any);
            let max_bytes = arguments.iter().map(|a| a.max_bytes).reduce(|a, b| Some(a?.max(b?))).flatten();
            Domain { interval, max_bytes, nullable: arguments.iter().all(|a| a.nullable), ..whole }
        }
        Total::Length | Total::OctetLength => count(bytes(0), nullable),
        Total::BitLength => count(bytes(0) * 8, nullable),
        Total::Position => count(bytes(0) + 1, nullable),
        Total::RegexPosition => count(bytes(0) + 1, nullable),
        // An empty match at every character and behind the last.
        Total::RegexCount => count(bytes(0) + 1, nullable),
        Total::FindInSet => count(bytes(1) + 1, nullable),
        Total::Levenshtein => count(bytes(0).max(bytes(1)), nullable),
        Total::Ascii => count(u64::from(u32::from(char::MAX)), nullable),
        // A character may become up to three, and a two-byte one three-byte ones.
        Total::Lower | Total::Upper | Total::Initcap => text(bytes(0) * 3, nullable),
        Total::Reverse | Total::Left | Total::Right | Total::Trim | Total::TrimStart | Total::TrimEnd => {
            text(bytes(0), nullable)
        }
        Total::Substring => text(bytes(0), nullable || negative_length(arguments)),
        Total::SubstringIndex => text(bytes(0), nullable),
        Total::SplitPart => {
            let zero = arguments.get(2).is_none_or(|d| possible(d, 0));
            text(bytes(0), nullable || zero)
        }
        Total::StartsWith | Total::EndsWith | Total::Contains | Total::RegexLike => Domain::boolean(nullable),
        Total::Like | Total::LikeAnyCase => {
            // A pattern that is computed may end in its escape character.
            let only = |i: usize| match arguments.get(i)?.values.as_deref()? {
                [value] => value.try_as_str().flatten(),
                _ => None,
            };
            let escape = only(2).and_then(|e| e.chars().next());
            let known = only(1).is_some_and(|p| Pattern::new(p, escape, false).is_some());
            Domain::boolean(nullable || !known)
        }
        Total::Concat => text((0..arguments.len()).map(bytes).sum(), nullable),
        Total::ConcatWith => {
            let parts = (1..arguments.len()).map(bytes).sum::<u64>();
            text(parts + bytes(0) * (arguments.len().saturating_sub(2) as u64), x.nullable)
        }
        Total::Chr => {
            text(4, nullable || !(within(x, 0, 0xD7FF) || within(x, 0xE000, i64::from(u32::from(char::MAX)))))
        }
        Total::ToHex => text(16, nullable),
        Total::Encode => text(bytes(0) * 2 + 4, nullable),
        Total::Repeat => text(bytes(0).saturating_mul(most(y)), nullable),
        Total::PadStart | Total::PadEnd => text(most(y).saturating_mul(4).max(bytes(0)), nullable),
        // Every byte may be a match.
        Total::Replace => text(bytes(0) * bytes(2).max(1), nullable),
        Total::Translate => text(bytes(0) * 4, nullable),
        // A negative length repeats what stands before.
        Total::Overlay => {
            let early = arguments.get(2).is_none_or(|d| !within(d, 1, i64::MAX));
            text(bytes(0) * 2 + bytes(1), nullable || early)
        }
        Total::RegexReplace | Total::RegexReplaceAll => {
            let groups = arguments.get(2).and_then(|d| d.values.as_ref()?.first()?.try_as_str().flatten());
            let groups = groups.map_or(bytes(2), |by| by.matches('$').count() as u64);
            let once = bytes(2).saturating_add(groups.saturating_mul(bytes(0)));
            let times = if total == Total::RegexReplaceAll { bytes(0) + 1 } else { 1 };
            text(bytes(0).saturating_add(once.saturating_mul(times)), nullable)
        }
        Total::DatePart => date_part(gives, arguments, nullable).unwrap_or(whole),
        Total::MakeDate => make_date(x).unwrap_or(whole),
        Total::Format => {
            let format = y.and_then(|y| y.values.as_ref()?.first()?.try_as_str().flatten()).and_then(Format::new);
            text(format.map_or(u64::MAX, |f| f.longest() as u64), true)
        }
        Total::Parse => whole,
        Total::Cast => cast(gives, x, arguments, nullable),
        Total::Within | Total::Fixed => {
            let ends =
                if total == Total::Within { (y, arguments.get(2)) } else { (arguments.get(2), arguments.get(3)) };
            let interval = match (ends.0.and_then(|d| d.interval), ends.1.and_then(|d| d.interval)) {
                (Some(a), Some(b)) => a.hull(b),
                _ => None,
            };
            match (total, interval, arguments.get(4).and_then(|d| d.interval)) {
                (Total::Fixed, Some(interval), Some(centre)) => {
                    let (interval, undefined) = arithmetic(Total::Subtract, interval, centre);
                    Domain { interval, nullable: nullable || undefined, ..whole }
                }
                _ => Domain { interval, nullable, ..whole },
            }
        }
    }
}

fn floats(low: f64, high: f64, nullable: bool) -> Domain {
    Domain { interval: Some(Interval::Float { low, high }), nullable, ..Domain::unknown(Kind::Float) }
}

/// Whole numbers from 0.
fn count(most: u64, nullable: bool) -> Domain {
    Domain::int(0, i64::try_from(most).unwrap_or(i64::MAX), nullable)
}

/// Whether every value is between two numbers.
fn within(x: &Domain, low: i64, high: i64) -> bool {
    matches!(x.interval, Some(Interval::Int { low: l, high: h }) if low <= l && h <= high)
}

fn possible(x: &Domain, n: i64) -> bool {
    !matches!(x.interval, Some(Interval::Int { low, high }) if n < low || high < n)
}

/// The largest count that an argument can be.
fn most(x: Option<&Domain>) -> u64 {
    match x.and_then(|x| x.interval) {
        Some(Interval::Int { high, .. }) => u64::try_from(high).unwrap_or(0),
        _ => u64::MAX,
    }
}

/// Days are counted in 32 bits; other dates are NULL.
fn days(domain: Domain) -> Domain {
    let range = Interval::Int { low: i32::MIN.into(), high: i32::MAX.into() };
    match domain.interval {
        Some(interval) if domain.kind == Kind::Date => match interval.meet(range) {
            Some(left) => Domain { interval: Some(left), nullable: domain.nullable || left != interval, ..domain },
            None => Domain::unknown(Kind::Date),
        },
        _ => domain,
    }
}

/// Ends a little further out, if they are finite then.
fn widened(domain: Domain) -> Option<Domain> {
    let Some(Interval::Float { low, high }) = domain.interval else { return None };
    let off = |v: f64| v.abs() * 1e-14 + f64::MIN_POSITIVE;
    let (low, high) = (low - off(low), high + off(high));
    (low.is_finite() && high.is_finite()).then_some(Domain { interval: Some(Interval::Float { low, high }), ..domain })
}

/// Bits of numbers that are not negative stay within the larger one's bits.
fn bits(total: Total, x: &Domain, y: Option<&Domain>, nullable: bool) -> Option<Domain> {
    let (Interval::Int { low: a, high: b }, Interval::Int { low: c, high: d }) = (x.interval?, y?.interval?) else {
        return None;
    };
    let all = |n: i64| i64::MAX.checked_shr(n.leading_zeros().saturating_sub(1)).unwrap_or(0);
    match total {
        Total::BitAnd if a >= 0 && c >= 0 => Some(Domain::int(0, b.min(d), nullable)),
        Total::BitAnd if a >= 0 => Some(Domain::int(0, b, nullable)),
        Total::BitAnd if c >= 0 => Some(Domain::int(0, d, nullable)),
        Total::BitOr | Total::BitXor if a >= 0 && c >= 0 => Some(Domain::int(0, all(b.max(d)), nullable)),
        _ => None,
    }
}

fn shifted(x: &Domain, by: Option<&Domain>, nullable: bool) -> Option<Domain> {
    let Interval::Int { low, high } = x.interval? else { return None };
    // Towards 0, or towards -1.
    Some(Domain::int(low.min(0), high.max(-1), nullable || !within(by?, 0, 63)))
}

fn gcd(x: &Domain, y: Option<&Domain>, nullable: bool) -> Option<Domain> {
    let size = |d: &Domain| match d.interval {
        Some(Interval::Int { low, high }) => Some(low.checked_abs()?.max(high.checked_abs()?)),
        _ => None,
    };
    // It divides both; of zero and a number it is the number.
    Some(Domain::int(0, size(x)?.max(size(y?)?), nullable))
}

/// A literal number of buckets between literal ends is a public list.
fn width_bucket(arguments: &[Domain], nullable: bool) -> Option<Domain> {
    let [_, low, high, n] = arguments else { return None };
    let Interval::Int { low: fewest, high: most } = n.interval? else { return None };
    let apart = low.interval?.meet(high.interval?).is_none();
    let defined = apart && fewest >= 1 && most < i64::MAX;
    Some(Domain::int(0, most.max(0).saturating_add(1), nullable || !defined))
}

fn make_date(year: &Domain) -> Option<Domain> {
    let Interval::Int { low, high } = year.interval? else { return None };
    let (low, high) = (low.max(-262_143), high.min(262_142));
    let interval = Interval::Int { low: super::format::date(low, 1, 1)?, high: super::format::date(high, 12, 31)? };
    (low <= high).then_some(Domain { interval: Some(interval), nullable: true, ..Domain::unknown(Kind::Date) })
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

/// The least of several is no larger than any of them that is never NULL, the greatest no smaller.
fn cut(total: Total, whole: Interval, arguments: &[Domain]) -> Interval {
    let sure = arguments.iter().filter(|a| !a.nullable).filter_map(|a| a.interval);
    sure.fold(whole, |whole, bound| match (total, whole, bound) {
        (Total::Least, Interval::Int { low, high }, Interval::Int { high: most, .. }) => {
            Interval::Int { low, high: high.min(most) }
        }
        (Total::Greatest, Interval::Int { low, high }, Interval::Int { low: least, .. }) => {
            Interval::Int { low: low.max(least), high }
        }
        (Total::Least, Interval::Float { low, high }, Interval::Float { high: most, .. }) => {
            Interval::Float { low, high: high.min(most) }
        }
        (Total::Greatest, Interval::Float { low, high }, Interval::Float { low: least, .. }) => {
            Interval::Float { low: low.max(least), high }
        }
        _ => whole,
    })
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

fn text(most: u64, nullable: bool) -> Domain {
    match u32::try_from(most) {
        Ok(n) if n <= MAX_TEXT_BYTES => Domain::text(n, nullable),
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
