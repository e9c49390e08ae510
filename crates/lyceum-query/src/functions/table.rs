//! The allow-list of SQL functions below the barrier, by their name in the typed plan. `docs/SQL.md` prints it.

use super::Total;
use crate::domain::Kind;

/// What the arguments of an admitted SQL function must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One number, integer or float; the result is of the same kind.
    Number,
    /// One float (integers are converted); gives a float.
    Float,
    /// Two floats.
    TwoFloats,
    /// A number and, if given, a whole number of digits.
    NumberDigits,
    /// One or two floats (base, value).
    BaseAndFloat,
    /// Arguments of these kinds, the last ones optional; gives the kind.
    These {
        /// Kinds in order.
        kinds: &'static [Kind],
        /// How many there must be.
        least: usize,
        /// Positions that must be literals.
        literal: &'static [usize],
        /// The result.
        gives: Kind,
    },
    /// Two or more comparable numbers, dates or timestamps.
    Several,
    /// Any number of texts (other kinds are converted), NULL counting as no text.
    Texts,
    /// A literal separator and any number of texts; NULL is left out.
    Separated,
    /// A literal part and a date or timestamp.
    PartAndTime,
    /// A literal interval, a timestamp and, if given, a literal origin.
    Bins,
    /// A time, or an integer or float of so many microseconds each (negative: so many in a microsecond), or a text.
    Moment(i64),
    /// A text and, if given, a literal format; or a time.
    DateText,
    /// A time and a literal format.
    TimeFormat,
    /// A time or text; gives seconds.
    Seconds,
    /// A text and a literal pattern; further arguments are literals of the function's own.
    Pattern,
    /// The first argument as it is.
    Same,
}

/// One admitted function.
pub(crate) struct Entry {
    /// Name in the typed plan.
    pub(crate) name: &'static str,
    /// How it is written.
    pub(crate) form: &'static str,
    /// What makes it total.
    pub(crate) total: Total,
    /// Its arguments.
    pub(crate) takes: Takes,
    /// When it is NULL beside NULL arguments; empty: never. For `docs/SQL.md`.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the reference is made of it"))]
    pub(crate) undefined: &'static str,
}

const fn entry(name: &'static str, form: &'static str, total: Total, takes: Takes, undefined: &'static str) -> Entry {
    Entry { name, form, total, takes, undefined }
}

const fn these(kinds: &'static [Kind], gives: Kind) -> Takes {
    Takes::These { kinds, least: kinds.len(), literal: &[], gives }
}

use Kind::{Boolean, Date, Float, Int, Text};

const ONE_TEXT: Takes = these(&[Text], Text);
const TEXT_LENGTH: Takes = these(&[Text], Int);
const TWO_TEXTS: Takes = these(&[Text, Text], Boolean);
const TRIM: Takes = Takes::These { kinds: &[Text, Text], least: 1, literal: &[1], gives: Text };
const PAD: Takes = Takes::These { kinds: &[Text, Int, Text], least: 2, literal: &[], gives: Text };
const OVERFLOW: &str = "where the result is no finite number";
const TOO_LONG: &str = "where the result is longer than 4,096 bytes";

/// The allow-list. [`NATIVE`] functions are total as DataFusion has them and stay.
pub(crate) const TABLE: &[Entry] = &[
    entry("abs", "abs(x)", Total::Abs, Takes::Number, "for the smallest integer"),
    entry("signum", "signum(x)", Total::Sign, Takes::Float, ""),
    entry("round", "round(x [, digits])", Total::Round, Takes::NumberDigits, OVERFLOW),
    entry("trunc", "trunc(x [, digits])", Total::Truncate, Takes::NumberDigits, OVERFLOW),
    entry("floor", "floor(x)", Total::Floor, Takes::Float, ""),
    entry("ceil", "ceil(x)", Total::Ceil, Takes::Float, ""),
    entry("sqrt", "sqrt(x)", Total::Sqrt, Takes::Float, "for x < 0"),
    entry("cbrt", "cbrt(x)", Total::Cbrt, Takes::Float, ""),
    entry("exp", "exp(x)", Total::Exp, Takes::Float, OVERFLOW),
    entry("ln", "ln(x)", Total::Ln, Takes::Float, "for x ≤ 0"),
    entry("log10", "log10(x)", Total::Log10, Takes::Float, "for x ≤ 0"),
    entry("log2", "log2(x)", Total::Log2, Takes::Float, "for x ≤ 0"),
    entry("log", "log([base,] x)", Total::Log, Takes::BaseAndFloat, "for x ≤ 0, base ≤ 0 and base = 1"),
    entry("power", "power(x, y)", Total::Power, Takes::TwoFloats, OVERFLOW),
    entry("sin", "sin(x)", Total::Sin, Takes::Float, ""),
    entry("cos", "cos(x)", Total::Cos, Takes::Float, ""),
    entry("tan", "tan(x)", Total::Tan, Takes::Float, OVERFLOW),
    entry("cot", "cot(x)", Total::Cot, Takes::Float, "for x = 0"),
    entry("asin", "asin(x)", Total::Asin, Takes::Float, "outside [−1, 1]"),
    entry("acos", "acos(x)", Total::Acos, Takes::Float, "outside [−1, 1]"),
    entry("atan", "atan(x)", Total::Atan, Takes::Float, ""),
    entry("atan2", "atan2(y, x)", Total::Atan2, Takes::TwoFloats, ""),
    entry("sinh", "sinh(x)", Total::Sinh, Takes::Float, OVERFLOW),
    entry("cosh", "cosh(x)", Total::Cosh, Takes::Float, OVERFLOW),
    entry("tanh", "tanh(x)", Total::Tanh, Takes::Float, ""),
    entry("asinh", "asinh(x)", Total::Asinh, Takes::Float, OVERFLOW),
    entry("acosh", "acosh(x)", Total::Acosh, Takes::Float, "for x < 1"),
    entry("atanh", "atanh(x)", Total::Atanh, Takes::Float, "outside (−1, 1)"),
    entry("degrees", "degrees(x)", Total::Degrees, Takes::Float, OVERFLOW),
    entry("radians", "radians(x)", Total::Radians, Takes::Float, ""),
    entry("gcd", "gcd(x, y)", Total::Gcd, these(&[Int, Int], Int), "where the result is no 64-bit integer"),
    entry("lcm", "lcm(x, y)", Total::Lcm, these(&[Int, Int], Int), "where the result is no 64-bit integer"),
    entry("factorial", "factorial(n)", Total::Factorial, these(&[Int], Int), "for n < 0 and n > 20"),
    entry("iszero", "iszero(x)", Total::IsZero, these(&[Float], Boolean), ""),
    entry("isnan", "isnan(x)", Total::IsNan, these(&[Float], Boolean), ""),
    entry(
        "width_bucket",
        "width_bucket(x, low, high, n)",
        Total::WidthBucket,
        these(&[Float, Float, Float, Int], Int),
        "for n < 1 and low = high",
    ),
    entry("least", "least(x, y, …)", Total::Least, Takes::Several, ""),
    entry("greatest", "greatest(x, y, …)", Total::Greatest, Takes::Several, ""),
    entry("character_length", "character_length(x)", Total::Length, TEXT_LENGTH, ""),
    entry("octet_length", "octet_length(x)", Total::OctetLength, TEXT_LENGTH, ""),
    entry("bit_length", "bit_length(x)", Total::BitLength, TEXT_LENGTH, ""),
    entry("lower", "lower(x)", Total::Lower, ONE_TEXT, TOO_LONG),
    entry("upper", "upper(x)", Total::Upper, ONE_TEXT, TOO_LONG),
    entry("initcap", "initcap(x)", Total::Initcap, ONE_TEXT, TOO_LONG),
    entry("reverse", "reverse(x)", Total::Reverse, ONE_TEXT, ""),
    entry(
        "substr",
        "substr(x, from [, length])",
        Total::Substring,
        Takes::These { kinds: &[Text, Int, Int], least: 2, literal: &[], gives: Text },
        "for length < 0",
    ),
    entry("left", "left(x, n)", Total::Left, these(&[Text, Int], Text), ""),
    entry("right", "right(x, n)", Total::Right, these(&[Text, Int], Text), ""),
    entry("btrim", "btrim(x [, 'characters'])", Total::Trim, TRIM, ""),
    entry("ltrim", "ltrim(x [, 'characters'])", Total::TrimStart, TRIM, ""),
    entry("rtrim", "rtrim(x [, 'characters'])", Total::TrimEnd, TRIM, ""),
    entry("starts_with", "starts_with(x, y)", Total::StartsWith, TWO_TEXTS, ""),
    entry("ends_with", "ends_with(x, y)", Total::EndsWith, TWO_TEXTS, ""),
    entry("contains", "contains(x, y)", Total::Contains, TWO_TEXTS, ""),
    entry("strpos", "strpos(x, y)", Total::Position, these(&[Text, Text], Int), ""),
    entry("concat", "concat(x, y, …)", Total::Concat, Takes::Texts, TOO_LONG),
    entry("concat_ws", "concat_ws('separator', x, y, …)", Total::ConcatWith, Takes::Separated, TOO_LONG),
    entry("ascii", "ascii(x)", Total::Ascii, TEXT_LENGTH, ""),
    entry("chr", "chr(n)", Total::Chr, these(&[Int], Text), "where n is no character's number"),
    entry("to_hex", "to_hex(n)", Total::ToHex, these(&[Int], Text), ""),
    entry(
        "encode",
        "encode(x, 'hex' or 'base64')",
        Total::Encode,
        Takes::These { kinds: &[Text, Text], least: 2, literal: &[1], gives: Text },
        TOO_LONG,
    ),
    entry("repeat", "repeat(x, n)", Total::Repeat, these(&[Text, Int], Text), TOO_LONG),
    entry("lpad", "lpad(x, n [, y])", Total::PadStart, PAD, TOO_LONG),
    entry("rpad", "rpad(x, n [, y])", Total::PadEnd, PAD, TOO_LONG),
    entry("replace", "replace(x, from, to)", Total::Replace, these(&[Text, Text, Text], Text), TOO_LONG),
    entry(
        "translate",
        "translate(x, 'from', 'to')",
        Total::Translate,
        Takes::These { kinds: &[Text, Text, Text], least: 3, literal: &[1, 2], gives: Text },
        TOO_LONG,
    ),
    entry(
        "overlay",
        "overlay(x PLACING y FROM n [FOR length])",
        Total::Overlay,
        Takes::These { kinds: &[Text, Text, Int, Int], least: 3, literal: &[], gives: Text },
        "for n < 1 and where the result is longer than 4,096 bytes",
    ),
    entry("split_part", "split_part(x, by, n)", Total::SplitPart, these(&[Text, Text, Int], Text), "for n = 0"),
    entry("substr_index", "substr_index(x, by, n)", Total::SubstringIndex, these(&[Text, Text, Int], Text), ""),
    entry("find_in_set", "find_in_set(x, list)", Total::FindInSet, these(&[Text, Text], Int), ""),
    entry("levenshtein", "levenshtein(x, y)", Total::Levenshtein, these(&[Text, Text], Int), ""),
    entry("regexp_like", "regexp_like(x, 'pattern' [, 'flags'])", Total::RegexLike, Takes::Pattern, ""),
    entry("regexp_count", "regexp_count(x, 'pattern')", Total::RegexCount, Takes::Pattern, ""),
    entry("regexp_instr", "regexp_instr(x, 'pattern')", Total::RegexPosition, Takes::Pattern, ""),
    entry(
        "regexp_replace",
        "regexp_replace(x, 'pattern', 'text' [, 'flags'])",
        Total::RegexReplace,
        Takes::Pattern,
        TOO_LONG,
    ),
    entry(
        "date_part",
        "EXTRACT(part FROM x), date_part('part', x)",
        Total::DatePart,
        Takes::PartAndTime,
        "for days beyond the range of timestamps",
    ),
    entry(
        "date_trunc",
        "date_trunc('part', x)",
        Total::DateTrunc,
        Takes::PartAndTime,
        "where the beginning is out of range",
    ),
    entry(
        "date_bin",
        "date_bin(INTERVAL '…', x [, origin])",
        Total::DateBin,
        Takes::Bins,
        "where the beginning is out of range",
    ),
    entry(
        "make_date",
        "make_date(year, month, day)",
        Total::MakeDate,
        these(&[Int, Int, Int], Date),
        "where there is no such day",
    ),
    entry("from_unixtime", "from_unixtime(seconds)", Total::FromEpoch, Takes::Moment(1_000_000), "out of range"),
    entry("to_timestamp", "to_timestamp(x)", Total::FromEpoch, Takes::Moment(1_000_000), "where x is no time"),
    entry(
        "to_timestamp_seconds",
        "to_timestamp_seconds(x)",
        Total::FromEpoch,
        Takes::Moment(1_000_000),
        "where x is no time",
    ),
    entry(
        "to_timestamp_millis",
        "to_timestamp_millis(x)",
        Total::FromEpoch,
        Takes::Moment(1_000),
        "where x is no time",
    ),
    entry("to_timestamp_micros", "to_timestamp_micros(x)", Total::FromEpoch, Takes::Moment(1), "where x is no time"),
    entry("to_timestamp_nanos", "to_timestamp_nanos(x)", Total::FromEpoch, Takes::Moment(-1_000), "where x is no time"),
    entry("to_date", "to_date(x [, 'format'])", Total::Parse, Takes::DateText, "where x is no date of this format"),
    entry("to_char", "to_char(x, 'format')", Total::Format, Takes::TimeFormat, "for years other than 0–9999"),
    entry("to_unixtime", "to_unixtime(x)", Total::ToUnixTime, Takes::Seconds, "where x is no time"),
    entry("to_local_time", "to_local_time(x)", Total::Cast, Takes::Same, ""),
    entry("nanvl", "nanvl(x, y)", Total::Cast, Takes::Same, ""),
];

/// DataFusion's own functions that are total on total arguments, and how they are written.
pub(crate) const NATIVE: &[(&str, &str)] = &[
    ("coalesce", "coalesce(x, y, …)"),
    ("nvl", "nvl(x, y), ifnull(x, y)"),
    ("nvl2", "nvl2(x, y, z)"),
    ("nullif", "nullif(x, y)"),
];

/// How an admitted SQL function is written.
pub(crate) fn form(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|e| e.name == name).map(|e| e.form)
}

/// Looks up an admitted SQL function.
pub(crate) fn lookup(name: &str) -> Option<(Total, Takes)> {
    TABLE.iter().find(|e| e.name == name).map(|e| (e.total, e.takes))
}

/// Whether DataFusion's own function stays.
pub(crate) fn is_native(name: &str) -> bool {
    NATIVE.iter().any(|(n, _)| *n == name)
}
