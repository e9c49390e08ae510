//! Numbers of rows, which DataFusion gives as unsigned integers, as integers like all others.

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// `total_signed(n)`: NULL where the number doesn't fit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Signed {
    signature: Signature,
}

/// A call as an expression.
pub(crate) fn signed(number: Expr) -> Expr {
    let function = Signed { signature: Signature::exact(vec![DataType::UInt64], Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![number]))
}

impl ScalarUDFImpl for Signed {
    fn name(&self) -> &str {
        "total_signed"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let fits = |n: u64| i64::try_from(n).ok();
        match args.args.as_slice() {
            [ColumnarValue::Array(array)] if array.data_type() == &DataType::UInt64 => {
                let numbers = array.as_primitive::<UInt64Type>();
                Ok(ColumnarValue::Array(Arc::new(numbers.iter().map(|n| n.and_then(fits)).collect::<Int64Array>())))
            }
            [ColumnarValue::Scalar(ScalarValue::UInt64(n))] => {
                Ok(ColumnarValue::Scalar(ScalarValue::Int64(n.and_then(fits))))
            }
            _ => internal_err!("total_signed takes one unsigned integer"),
        }
    }
}
