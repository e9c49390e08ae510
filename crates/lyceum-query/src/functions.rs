//! Total functions: everything that may be computed below the barrier. Each is immutable, never fails for any
//! value and never gives NaN or ±∞: where a result is undefined it is NULL, for that row alone.
//!
//! [`TABLE`] is the allow-list by SQL name; operators and casts have their own entries in [`Total`]. The rule for
//! each function's domain is in `functions/rules.rs`, the row-wise kernels in the other submodules; the loops that
//! run over every row of most queries are in `functions/columns.rs`.

mod build;
mod calendar;
mod cast;
mod columns;
mod format;
mod kernel;
mod like;
mod number;
pub(crate) mod ranges;
mod regex;
mod rules;
mod signed;
mod table;
mod text;
mod time;
mod total;

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod properties;

pub(crate) use calendar::Part;
pub(crate) use format::Format;
pub(crate) use regex::{MAX_PATTERN_BYTES as MAX_REGEX_BYTES, Regex, references, with_flags};
pub(crate) use rules::domain;
pub(crate) use signed::signed;
pub(crate) use table::{NATIVE, TABLE, Takes, form, is_native, lookup};
pub(crate) use total::Total;

use crate::domain::Kind;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// Whether a function of this name may stand in a plan below the barrier: for the check of finished plans.
#[must_use]
pub(crate) fn is_total(name: &str) -> bool {
    name.starts_with("total_") || is_native(name)
}

/// A call as an expression. `gives` is the kind of the result.
pub(crate) fn call(total: Total, gives: Kind, arguments: Vec<Expr>) -> Expr {
    let pattern = match arguments.get(1) {
        Some(Expr::Literal(ScalarValue::Utf8(Some(pattern)), _)) if total.has_pattern() => Regex::new(pattern).ok(),
        _ => None,
    };
    let function = TotalFunction {
        total,
        gives,
        signature: Signature::variadic_any(Volatility::Immutable),
        pattern: pattern.map(Arc::new),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), arguments))
}

/// Evaluates a call on columns, for value lists at plan time.
pub(crate) fn evaluate(total: Total, gives: Kind, arguments: &[ColumnarValue], rows: usize) -> Result<ColumnarValue> {
    kernel::evaluate(total, gives, arguments, rows, None)
}

/// The function as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TotalFunction {
    total: Total,
    gives: Kind,
    signature: Signature,
    /// The literal pattern of a regular expression, compiled once for the query.
    pattern: Option<Arc<Regex>>,
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
            (Total::Parse, Kind::Timestamp) => "total_parse_timestamp",
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
        kernel::evaluate(self.total, self.gives, &args.args, args.number_rows, self.pattern.as_deref())
    }
}

/// `width_bucket`, which DataFusion doesn't have, for planning and for use above the barrier.
pub(crate) fn width_bucket() -> ScalarUDF {
    ScalarUDF::from(WidthBucket {
        signature: Signature::exact(
            vec![DataType::Float64, DataType::Float64, DataType::Float64, DataType::Int64],
            Volatility::Immutable,
        ),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WidthBucket {
    signature: Signature,
}

impl ScalarUDFImpl for WidthBucket {
    fn name(&self) -> &str {
        "width_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        kernel::evaluate(Total::WidthBucket, Kind::Int, &args.args, args.number_rows, None)
    }
}
