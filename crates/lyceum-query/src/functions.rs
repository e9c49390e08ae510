//! Total functions: everything that may be computed below the barrier. Each is immutable, never fails for any
//! value and never gives NaN or ±∞: where a result is undefined it is NULL, for that row alone.
//!
//! [`TABLE`] is the allow-list by SQL name; operators and casts have their own entries in [`Total`]. The rule for
//! each function's domain is in `functions/rules.rs`, the row-wise kernels in the other submodules.

mod calendar;
mod cast;
mod kernel;
mod like;
mod number;
mod rules;
mod signed;
mod text;
mod time;

pub(crate) use calendar::Part;
pub(crate) use rules::domain;
pub(crate) use signed::signed;

use crate::domain::Kind;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// A total function. Parameters that must be literals are among the arguments, so that plans print completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Total {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
    Abs,
    Sign,
    Round,
    Truncate,
    Floor,
    Ceil,
    Sqrt,
    Cbrt,
    Exp,
    Ln,
    Log10,
    Log2,
    Log,
    Power,
    Least,
    Greatest,
    Length,
    OctetLength,
    Lower,
    Upper,
    Reverse,
    Substring,
    Left,
    Right,
    Trim,
    TrimStart,
    TrimEnd,
    StartsWith,
    EndsWith,
    Contains,
    Position,
    Concat,
    Like,
    LikeAnyCase,
    DatePart,
    DateTrunc,
    AddInterval,
    /// To the function's own kind; the second argument is the range for narrower integers.
    Cast,
    /// `within(x, low, high)`: clamps to a declared interval.
    Within,
    /// `fixed(x, exponent, low, high, centre)`: grid units, clamped, minus the centre.
    Fixed,
}

impl Total {
    const fn name(self) -> &'static str {
        match self {
            Self::Add => "total_add",
            Self::Subtract => "total_subtract",
            Self::Multiply => "total_multiply",
            Self::Divide => "total_divide",
            Self::Modulo => "total_modulo",
            Self::Negate => "total_negate",
            Self::Abs => "total_abs",
            Self::Sign => "total_sign",
            Self::Round => "total_round",
            Self::Truncate => "total_trunc",
            Self::Floor => "total_floor",
            Self::Ceil => "total_ceil",
            Self::Sqrt => "total_sqrt",
            Self::Cbrt => "total_cbrt",
            Self::Exp => "total_exp",
            Self::Ln => "total_ln",
            Self::Log10 => "total_log10",
            Self::Log2 => "total_log2",
            Self::Log => "total_log",
            Self::Power => "total_power",
            Self::Least => "total_least",
            Self::Greatest => "total_greatest",
            Self::Length => "total_length",
            Self::OctetLength => "total_octet_length",
            Self::Lower => "total_lower",
            Self::Upper => "total_upper",
            Self::Reverse => "total_reverse",
            Self::Substring => "total_substr",
            Self::Left => "total_left",
            Self::Right => "total_right",
            Self::Trim => "total_trim",
            Self::TrimStart => "total_ltrim",
            Self::TrimEnd => "total_rtrim",
            Self::StartsWith => "total_starts_with",
            Self::EndsWith => "total_ends_with",
            Self::Contains => "total_contains",
            Self::Position => "total_strpos",
            Self::Concat => "total_concat",
            Self::Like => "total_like",
            Self::LikeAnyCase => "total_ilike",
            Self::DatePart => "total_date_part",
            Self::DateTrunc => "total_date_trunc",
            Self::AddInterval => "total_add_interval",
            Self::Cast => "total_cast",
            Self::Within => "total_within",
            Self::Fixed => "total_fixed",
        }
    }
}

/// What the arguments of an admitted SQL function must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One number, integer or float; the result is of the same kind.
    Number,
    /// One float (integers are converted); gives a float.
    Float,
    /// A float and, if given, a literal whole number of digits.
    FloatDigits,
    /// Two floats.
    TwoFloats,
    /// One or two floats (base, value).
    BaseAndFloat,
    /// Two or more comparable numbers, dates or timestamps.
    Several,
    /// One text.
    Text,
    /// A text and integers.
    TextInts,
    /// One text and, if given, a literal of characters.
    TextLiteral,
    /// Two texts.
    TwoTexts,
    /// Any number of texts (other kinds are converted).
    Texts,
    /// A literal part and a date or timestamp.
    PartAndTime,
}

/// The allow-list of SQL functions below the barrier: name in the typed plan, total function, arguments.
/// `coalesce`, `nvl` and `nullif` are total as DataFusion has them and stay.
pub(crate) const TABLE: &[(&str, Total, Takes)] = &[
    ("abs", Total::Abs, Takes::Number),
    ("signum", Total::Sign, Takes::Float),
    ("round", Total::Round, Takes::FloatDigits),
    ("trunc", Total::Truncate, Takes::FloatDigits),
    ("floor", Total::Floor, Takes::Float),
    ("ceil", Total::Ceil, Takes::Float),
    ("sqrt", Total::Sqrt, Takes::Float),
    ("cbrt", Total::Cbrt, Takes::Float),
    ("exp", Total::Exp, Takes::Float),
    ("ln", Total::Ln, Takes::Float),
    ("log10", Total::Log10, Takes::Float),
    ("log2", Total::Log2, Takes::Float),
    ("log", Total::Log, Takes::BaseAndFloat),
    ("power", Total::Power, Takes::TwoFloats),
    ("least", Total::Least, Takes::Several),
    ("greatest", Total::Greatest, Takes::Several),
    ("character_length", Total::Length, Takes::Text),
    ("octet_length", Total::OctetLength, Takes::Text),
    ("lower", Total::Lower, Takes::Text),
    ("upper", Total::Upper, Takes::Text),
    ("reverse", Total::Reverse, Takes::Text),
    ("substr", Total::Substring, Takes::TextInts),
    ("left", Total::Left, Takes::TextInts),
    ("right", Total::Right, Takes::TextInts),
    ("btrim", Total::Trim, Takes::TextLiteral),
    ("ltrim", Total::TrimStart, Takes::TextLiteral),
    ("rtrim", Total::TrimEnd, Takes::TextLiteral),
    ("starts_with", Total::StartsWith, Takes::TwoTexts),
    ("ends_with", Total::EndsWith, Takes::TwoTexts),
    ("contains", Total::Contains, Takes::TwoTexts),
    ("strpos", Total::Position, Takes::TwoTexts),
    ("concat", Total::Concat, Takes::Texts),
    ("date_part", Total::DatePart, Takes::PartAndTime),
    ("date_trunc", Total::DateTrunc, Takes::PartAndTime),
];

/// DataFusion's own functions that are total on total arguments.
pub(crate) const NATIVE: &[&str] = &["coalesce", "nvl", "nullif"];

/// Whether a function of this name may stand in a plan below the barrier: for the check of finished plans.
#[must_use]
pub(crate) fn is_total(name: &str) -> bool {
    name.starts_with("total_") || NATIVE.contains(&name)
}

/// Looks up an admitted SQL function.
pub(crate) fn lookup(name: &str) -> Option<(Total, Takes)> {
    TABLE.iter().find(|(n, ..)| *n == name).map(|(_, total, takes)| (*total, *takes))
}

/// A call as an expression. `gives` is the kind of the result.
pub(crate) fn call(total: Total, gives: Kind, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::from(TotalFunction::new(total, gives))),
        arguments,
    ))
}

/// Evaluates a call on columns, for value lists at plan time.
pub(crate) fn evaluate(total: Total, gives: Kind, arguments: &[ColumnarValue], rows: usize) -> Result<ColumnarValue> {
    kernel::evaluate(total, gives, arguments, rows)
}

/// The function as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TotalFunction {
    total: Total,
    gives: Kind,
    signature: Signature,
}

impl TotalFunction {
    fn new(total: Total, gives: Kind) -> Self {
        Self { total, gives, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TotalFunction {
    fn name(&self) -> &str {
        match (self.total, self.gives) {
            (Total::Cast, Kind::Boolean) => "total_cast_boolean",
            (Total::Cast, Kind::Int) => "total_cast_int",
            (Total::Cast, Kind::Float) => "total_cast_float",
            (Total::Cast, Kind::Text) => "total_cast_text",
            (Total::Cast, Kind::Date) => "total_cast_date",
            (Total::Cast, Kind::Timestamp) => "total_cast_timestamp",
            (total, _) => total.name(),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.arrow())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        kernel::evaluate(self.total, self.gives, &args.args, args.number_rows)
    }
}
