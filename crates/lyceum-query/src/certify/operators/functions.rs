//! Calls of functions below the barrier, by the allow-list of [`crate::functions`].

use super::super::Context;
use super::super::below::Relation as Node;
use super::super::expression::{Typed, kind_of, null, typed, types};
use super::{DAY, epoch, interval, is_length, length, pattern, uncast};
use crate::bind::{closest, query_time};
use crate::domain::{Domain, Kind};
use crate::error::{Reason, Refusal};
use crate::functions::{Format, NATIVE, Part, TABLE, Takes, Total, form, is_native, lookup, references};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable};

/// A call of a function on the allow-list.
pub(in super::super) fn function(
    expr: &Expr,
    function: &ScalarFunction,
    node: &Node,
    context: &Context<'_>,
) -> Result<Typed, Refusal> {
    let name = function.func.name();
    if let Some(value) = query_time(&function.func) {
        return Ok(Typed::literal(Kind::of(&value.data_type()).unwrap_or(Kind::Timestamp), value));
    }
    if is_native(name) {
        return native(expr, function, node, context);
    }
    if name == "pi" {
        return Ok(Typed::literal(Kind::Float, ScalarValue::Float64(Some(std::f64::consts::PI))));
    }
    if matches!(name, "arrow_cast" | "arrow_try_cast") {
        // Another way to write CAST, its type a literal that planning has read.
        let to = expr.get_type(node.schema.as_ref()).map_err(|_| unknown(name, context))?;
        let value = function.args.first().ok_or_else(|| unknown(name, context))?;
        return super::cast(value, &to, node, context);
    }
    let Some((total, takes)) = lookup(name) else { return Err(unknown(name, context)) };
    let gives = kind_of(expr, node)?;
    match (takes, function.args.as_slice()) {
        (Takes::PartAndTime, [part, of]) if is_length(of, node) => return seconds_of(part, of, node, context),
        (Takes::Bins, [stride, rest @ ..]) => return bins(stride, rest, node, context),
        _ => {}
    }
    // encode() reads the bytes of texts.
    let argument = |a| typed(if total == Total::Encode { uncast(a) } else { a }, node, context);
    let arguments: Vec<Typed> = function.args.iter().map(argument).collect::<Result<_, _>>()?;
    let count = arguments.len();
    let wrong = || {
        types(format!("{name} doesn't take these arguments"), context.words.find(name))
            .fix(form(name).unwrap_or("fewer or other arguments"))
    };
    let all = |kinds: &[Kind]| -> Result<Vec<Typed>, Refusal> {
        arguments.iter().cloned().zip(kinds).map(|(a, k)| a.of_kind(*k, context)).collect()
    };
    // A float may be rounded to what SQL calls an integer: it is rounded first.
    let whole = gives == Kind::Int && arguments.first().is_some_and(|a| a.kind() == Kind::Int);
    let number = if whole { Kind::Int } else { Kind::Float };
    let (arguments, natural) = match takes {
        Takes::Number if count == 1 => (all(&[number])?, number),
        Takes::NumberDigits if (1..=2).contains(&count) => (all(&[number, Kind::Int])?, number),
        Takes::Float if count == 1 => (all(&[Kind::Float])?, Kind::Float),
        Takes::TwoFloats if count == 2 => (all(&[Kind::Float, Kind::Float])?, Kind::Float),
        Takes::BaseAndFloat if (1..=2).contains(&count) => (all(&[Kind::Float, Kind::Float])?, Kind::Float),
        Takes::These { kinds, least, literal, gives } if (least..=kinds.len()).contains(&count) => {
            if let Some(i) = literal.iter().find(|i| arguments.get(**i).is_some_and(|a| a.value().is_none())) {
                return Err(types(
                    format!("argument {} of {name} must be a literal on private rows", i + 1),
                    context.words.find(name),
                )
                .fix(form(name).unwrap_or_default()));
            }
            (all(kinds)?, gives)
        }
        Takes::Several if count >= 1 && gives != Kind::Boolean => (all(&vec![gives; count])?, gives),
        Takes::Texts if count >= 1 => (texts(arguments, context)?, Kind::Text),
        Takes::Separated if count >= 2 && arguments.first().is_some_and(|a| a.value().is_some()) => {
            (all(&vec![Kind::Text; count])?, Kind::Text)
        }
        Takes::PartAndTime if count == 2 => return time(total, gives, arguments, context),
        Takes::Pattern if count >= 2 => return patterned(total, gives, arguments, context),
        Takes::Moment(unit) if (1..=2).contains(&count) => return moment(name, unit, arguments, context),
        Takes::DateText if (1..=2).contains(&count) => return read(Kind::Date, arguments, context),
        Takes::TimeFormat if count == 2 => return write(arguments, context),
        Takes::Seconds if count == 1 => return seconds(arguments, context),
        Takes::Same => return arguments.into_iter().next().ok_or_else(wrong)?.of_kind(gives, context),
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
    let [part, time] =
        <[Typed; 2]>::try_from(arguments).map_err(|_| types("a part and a time are needed".to_owned(), None))?;
    let known = match part.value() {
        Some(ScalarValue::Utf8(Some(text))) => Part::parse(text),
        _ => None,
    };
    let truncates = total == Total::DateTrunc;
    let Some(known) = known.filter(|p| !truncates || p.is_length()) else {
        return Err(Refusal::new(
            Reason::Function,
            "this part of a date is not supported on private rows",
            "The parts are year, quarter, month, week, day, hour, minute, second, millisecond and microsecond; EXTRACT also knows dow, isodow, doy, isoyear and epoch.",
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

/// `EXTRACT(epoch FROM a - b)`.
fn seconds_of(part: &Expr, of: &Expr, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let part = typed(part, node, context)?;
    let epoch = matches!(part.value(), Some(ScalarValue::Utf8(Some(p))) if Part::parse(p) == Some(Part::Epoch));
    if !epoch {
        return Err(types("of a length of time only the seconds can be extracted".to_owned(), None)
            .fix("EXTRACT(epoch FROM a - b) / 3600"));
    }
    Typed::call(Total::DatePart, Kind::Float, vec![part, length(of, node, context)?], context)
}

/// `date_bin(INTERVAL '…', x [, origin])`.
fn bins(stride: &Expr, rest: &[Expr], node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let wrong = || {
        types("date_bin doesn't take these arguments".to_owned(), context.words.find("date_bin"))
            .fix("date_bin(INTERVAL '6 hours', x)")
    };
    let parts = match stride {
        Expr::Literal(value, _) => interval(value, false),
        _ => None,
    };
    let (months, micros) = match parts {
        Some([months, 0, 0]) if months > 0 => (months, 0),
        Some([0, days, micros]) => {
            (0, days.checked_mul(DAY).and_then(|d| d.checked_add(micros)).filter(|m| *m > 0).ok_or_else(wrong)?)
        }
        _ => return Err(wrong()),
    };
    let (value, origin) = match rest {
        [value] => (value, epoch()),
        [value, origin] => (value, typed(origin, node, context)?),
        _ => return Err(wrong()),
    };
    if origin.value().is_none() {
        return Err(wrong());
    }
    let whole = |n| Typed::literal(Kind::Int, ScalarValue::Int64(Some(n)));
    let value = typed(value, node, context)?.of_kind(Kind::Timestamp, context)?;
    let origin = origin.of_kind(Kind::Timestamp, context)?;
    Typed::call(Total::DateBin, Kind::Timestamp, vec![value, whole(months), whole(micros), origin], context)
}

/// The regular expressions' functions: `(x, 'pattern' [, 'text'] [, 'flags'])`.
fn patterned(total: Total, gives: Kind, arguments: Vec<Typed>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let mut arguments = arguments.into_iter();
    let wrong = || types("a regular expression's function doesn't take these arguments".to_owned(), None);
    let literal = |argument: Typed| match argument.value() {
        Some(ScalarValue::Utf8(Some(text))) => Ok(text.clone()),
        _ => Err(types("a regular expression, its flags and its replacement must be literals".to_owned(), None)
            .fix("regexp_replace(x, 'a+', 'b', 'g')")),
    };
    let (value, pattern) = (arguments.next().ok_or_else(wrong)?, arguments.next().ok_or_else(wrong)?);
    let value = value.of_kind(Kind::Text, context)?;
    let replaces = total == Total::RegexReplace;
    let replacement = if replaces { Some(literal(arguments.next().ok_or_else(wrong)?)?) } else { None };
    let flags = match arguments.next() {
        Some(flags) if replaces || total == Total::RegexLike => literal(flags)?,
        Some(_) => return Err(wrong()),
        None => String::new(),
    };
    if arguments.next().is_some() {
        return Err(wrong());
    }
    let all = replaces && flags.contains('g');
    let pattern = self::pattern(&pattern, &if all { flags.replace('g', "") } else { flags }, context)?;
    let (total, natural) = match total {
        Total::RegexReplace if all => (Total::RegexReplaceAll, Kind::Text),
        Total::RegexReplace => (total, Kind::Text),
        Total::RegexLike => (total, Kind::Boolean),
        _ => (total, Kind::Int),
    };
    let by = replacement.map(|by| Typed::literal(Kind::Text, ScalarValue::Utf8(Some(references(&by).0))));
    let arguments = [value, pattern].into_iter().chain(by).collect();
    Typed::call(total, natural, arguments, context)?.of_kind(gives, context)
}

/// `to_timestamp(x)` and its relatives: a time, a number of seconds (or of another unit), or a text.
fn moment(name: &str, unit: i64, mut arguments: Vec<Typed>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let kind = arguments.first().map(Typed::kind);
    if arguments.len() == 2 || kind == Some(Kind::Text) {
        return read(Kind::Timestamp, arguments, context);
    }
    let value = arguments.pop().ok_or_else(|| types(format!("{name} needs an argument"), None))?;
    let unit_literal = Typed::literal(Kind::Int, ScalarValue::Int64(Some(unit)));
    match value.kind() {
        Kind::Int => Typed::call(Total::FromEpoch, Kind::Timestamp, vec![value, unit_literal], context),
        Kind::Float if name == "to_timestamp" => {
            Typed::call(Total::FromEpoch, Kind::Timestamp, vec![value, unit_literal], context)
        }
        Kind::Float => {
            let whole = value.of_kind(Kind::Int, context)?;
            Typed::call(Total::FromEpoch, Kind::Timestamp, vec![whole, unit_literal], context)
        }
        Kind::Date | Kind::Timestamp => {
            let value = value.of_kind(Kind::Timestamp, context)?;
            let cut = match name {
                "to_timestamp_seconds" => "second",
                "to_timestamp_millis" => "millisecond",
                _ => return Ok(value),
            };
            let part = Typed::literal(Kind::Text, ScalarValue::Utf8(Some(cut.to_owned())));
            Typed::call(Total::DateTrunc, Kind::Timestamp, vec![part, value], context)
        }
        Kind::Boolean | Kind::Text => {
            Err(types(format!("{name} takes a time, a number or a text"), context.words.find(name)))
        }
    }
}

/// A date or timestamp read from a text, in ISO 8601 or a literal format; times are converted.
fn read(gives: Kind, arguments: Vec<Typed>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let mut arguments = arguments.into_iter();
    let Some(value) = arguments.next() else { return null(gives) };
    let Some(format) = arguments.next() else {
        if !matches!(value.kind(), Kind::Text | Kind::Date | Kind::Timestamp) {
            return Err(types("a date is made of a text or a time".to_owned(), None).fix("to_timestamp_seconds(x)"));
        }
        return value.of_kind(gives, context);
    };
    let readable =
        matches!(format.value(), Some(ScalarValue::Utf8(Some(f))) if Format::new(f).is_some_and(|f| f.names_a_day()));
    if !readable {
        return Err(bad_format().fix("to_date(x, '%d.%m.%Y'): year, month and day, and %H, %M and %S if you like"));
    }
    let value = value.of_kind(Kind::Text, context)?;
    Typed::call(Total::Parse, gives, vec![value, format], context)
}

fn write(arguments: Vec<Typed>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let [value, format] =
        <[Typed; 2]>::try_from(arguments).map_err(|_| types("a time and a format are needed".to_owned(), None))?;
    let known = matches!(format.value(), Some(ScalarValue::Utf8(Some(f))) if Format::new(f).is_some());
    if !known {
        return Err(bad_format().fix("to_char(x, '%Y-%m')"));
    }
    let kind = if value.kind() == Kind::Date { Kind::Date } else { Kind::Timestamp };
    Typed::call(Total::Format, Kind::Text, vec![value.of_kind(kind, context)?, format], context)
}

fn bad_format() -> Refusal {
    Refusal::new(
        Reason::Function,
        "this format of dates is not supported on private rows",
        "A format is a literal of at most 64 bytes with %Y %y %m %d %j %H %I %M %S %p %B %b %A %a %u %w %V %G %F %T %R.",
    )
}

fn seconds(arguments: Vec<Typed>, context: &Context<'_>) -> Result<Typed, Refusal> {
    let Some(value) = arguments.into_iter().next() else { return null(Kind::Int) };
    match value.kind() {
        Kind::Int => Ok(value),
        Kind::Float | Kind::Boolean => value.of_kind(Kind::Int, context),
        Kind::Text | Kind::Date | Kind::Timestamp => {
            let time = value.of_kind(Kind::Timestamp, context)?;
            Typed::call(Total::ToUnixTime, Kind::Int, vec![time], context)
        }
    }
}

/// coalesce, nvl, nvl2 and nullif: total as they are, on total arguments of one kind.
fn native(expr: &Expr, function: &ScalarFunction, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let kind = kind_of(expr, node)?;
    if function.func.name() == "nvl2" {
        return chosen(kind, function, node, context);
    }
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

/// `nvl2(x, y, z)`: CASE WHEN x IS NOT NULL THEN y ELSE z END.
fn chosen(kind: Kind, function: &ScalarFunction, node: &Node, context: &Context<'_>) -> Result<Typed, Refusal> {
    let [test, then, otherwise] = function.args.as_slice() else {
        return Err(types("nvl2 takes three arguments".to_owned(), context.words.find("nvl2")));
    };
    let test = typed(test, node, context)?;
    let then = typed(then, node, context)?.of_kind(kind, context)?;
    let otherwise = typed(otherwise, node, context)?.of_kind(kind, context)?;
    let size = 2 + test.size + then.size + otherwise.size;
    let branch = (Box::new(Expr::IsNotNull(Box::new(test.expr))), Box::new(then.expr));
    let expr = Expr::Case(Case::new(None, vec![branch], Some(Box::new(otherwise.expr))));
    Typed { expr, domain: then.domain.union(otherwise.domain), size }.checked(context)
}

fn unknown(name: &str, context: &Context<'_>) -> Refusal {
    let names = || TABLE.iter().map(|e| e.name).chain(NATIVE.iter().map(|(n, _)| *n));
    let refusal = Refusal::new(
        Reason::Function,
        format!("the function {name} is not admitted on private rows"),
        "Only functions that give a value or NULL for every row may stand under an aggregate; docs/SQL.md lists them.",
    )
    .at(context.words.find(name));
    match closest(name, names()) {
        Some(near) => refusal.fix(near),
        None => refusal.fix(format!("use {name} on the result instead, above the aggregate")),
    }
}
