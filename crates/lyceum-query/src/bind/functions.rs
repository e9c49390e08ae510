//! Functions that names can mean: DataFusion's own, `now()` fixed per query, and markers for what certification
//! turns into parts of the barrier (contribution bounds, intervals). A marker is never executed.

use crate::parse::{BOUNDABLE, BOUNDED_PREFIX, INTERVAL_HIGH, INTERVAL_LOW};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::expr::{AggregateFunctionParams, schema_name_from_exprs};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, WindowUDF,
};
use lyceum_schema::time::Micros;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Scalar functions of one query: the fixed ones and the time of the query.
pub(super) struct Functions {
    time: HashMap<&'static str, Arc<ScalarUDF>>,
}

impl Functions {
    pub(super) fn new(now: Micros) -> Self {
        let day = i32::try_from(now.0.div_euclid(86_400_000_000)).unwrap_or(0);
        let instant = ScalarValue::TimestampMicrosecond(Some(now.0), None);
        let date = ScalarValue::Date32(Some(day));
        let names = [("now", &instant), ("current_timestamp", &instant), ("current_date", &date), ("today", &date)];
        let time = names.map(|(name, value)| {
            (name, Arc::new(ScalarUDF::from(QueryTime { name, value: value.clone(), signature: nullary() })))
        });
        Self { time: HashMap::from(time) }
    }

    pub(super) fn scalar(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.time.get(name).or_else(|| scalars().get(name)).cloned()
    }
}

fn nullary() -> Signature {
    Signature::nullary(Volatility::Immutable)
}

fn scalars() -> &'static HashMap<String, Arc<ScalarUDF>> {
    static MAP: OnceLock<HashMap<String, Arc<ScalarUDF>>> = OnceLock::new();
    MAP.get_or_init(|| {
        let mut map = HashMap::new();
        for udf in SessionStateDefaults::default_scalar_functions() {
            for name in std::iter::once(udf.name()).chain(udf.aliases().iter().map(String::as_str)) {
                map.insert(name.to_owned(), udf.clone());
            }
        }
        map.insert("width_bucket".to_owned(), Arc::new(crate::functions::width_bucket()));
        for function in crate::functions::ranges::functions() {
            map.insert(function.name().to_owned(), Arc::new(function));
        }
        for name in [INTERVAL_LOW, INTERVAL_HIGH] {
            let marker = Interval { name, signature: Signature::variadic_any(Volatility::Immutable) };
            map.insert(name.to_owned(), Arc::new(ScalarUDF::from(marker)));
        }
        map
    })
}

fn aggregates() -> &'static HashMap<String, Arc<AggregateUDF>> {
    static MAP: OnceLock<HashMap<String, Arc<AggregateUDF>>> = OnceLock::new();
    MAP.get_or_init(|| {
        let mut map = HashMap::new();
        for udf in SessionStateDefaults::default_aggregate_functions() {
            for name in std::iter::once(udf.name()).chain(udf.aliases().iter().map(String::as_str)) {
                map.insert(name.to_owned(), udf.clone());
            }
        }
        for base in BOUNDABLE {
            let marker = Bounded {
                base,
                name: format!("{BOUNDED_PREFIX}{base}"),
                signature: Signature::user_defined(Volatility::Immutable),
            };
            map.insert(marker.name.clone(), Arc::new(AggregateUDF::from(marker)));
        }
        map
    })
}

fn windows() -> &'static HashMap<String, Arc<WindowUDF>> {
    static MAP: OnceLock<HashMap<String, Arc<WindowUDF>>> = OnceLock::new();
    MAP.get_or_init(|| {
        SessionStateDefaults::default_window_functions().into_iter().map(|w| (w.name().to_owned(), w)).collect()
    })
}

pub(super) fn planners() -> &'static [Arc<dyn ExprPlanner>] {
    static LIST: OnceLock<Vec<Arc<dyn ExprPlanner>>> = OnceLock::new();
    LIST.get_or_init(SessionStateDefaults::default_expr_planners)
}

/// The aggregate of this name.
pub(crate) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    aggregates().get(name).cloned()
}

pub(super) fn window(name: &str) -> Option<Arc<WindowUDF>> {
    windows().get(name).cloned()
}

pub(super) fn scalar_names() -> Vec<String> {
    scalars().keys().cloned().collect()
}

pub(super) fn aggregate_names() -> Vec<String> {
    aggregates().keys().filter(|n| !n.starts_with(BOUNDED_PREFIX)).cloned().collect()
}

pub(super) fn window_names() -> Vec<String> {
    windows().keys().cloned().collect()
}

/// `now()` and its relatives: one value for the whole query.
#[derive(Debug, PartialEq, Eq, Hash)]
struct QueryTime {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for QueryTime {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }
    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// The value of a function that means the time of the query.
pub(crate) fn query_time(udf: &ScalarUDF) -> Option<ScalarValue> {
    udf.inner().downcast_ref::<QueryTime>().map(|t| t.value.clone())
}

/// The marker of `DP_INTERVAL_LOW/HIGH(aggregate [, confidence])`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Interval {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Interval {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if (1..=2).contains(&arguments.len()) {
            Ok(DataType::Float64)
        } else {
            plan_err!("{} takes an aggregate and, if you like, a confidence", self.name)
        }
    }
    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("an interval is part of a release")
    }
}

/// The marker of an aggregate with contribution bounds: the argument, then the bounds as text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    base: &'static str,
    name: String,
    signature: Signature,
}

/// The bounds a marker carries: whether per group (else per row), low, high.
pub(crate) fn bounds_of(arguments: &[Expr]) -> Option<(bool, f64, f64)> {
    let [_, Expr::Literal(ScalarValue::Utf8(Some(text)), _)] = arguments else { return None };
    let mut parts = text.split(':');
    let per_group = match parts.next()? {
        "group" => true,
        "row" => false,
        _ => return None,
    };
    Some((per_group, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl AggregateUDFImpl for Bounded {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        let argument = schema_name_from_exprs(params.args.get(..1).unwrap_or_default())?;
        let distinct = if params.distinct { "DISTINCT " } else { "" };
        let filter = match &params.filter {
            Some(filter) => format!(" FILTER (WHERE {})", filter.schema_name()),
            None => String::new(),
        };
        Ok(match bounds_of(&params.args) {
            Some((per_group, low, high)) => format!(
                "{}({distinct}{argument}, contribution_bounds_per_{} => ({low}, {high})){filter}",
                self.base,
                if per_group { "group" } else { "row" }
            ),
            None => format!("{}({distinct}{argument}){filter}", self.base),
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [value, bounds] = types else {
            return plan_err!("{} with contribution bounds takes one argument", self.base);
        };
        let value = match (self.base, value) {
            ("count", any) => any.clone(),
            (_, DataType::Boolean | DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..)) => {
                return plan_err!("the type {value} can't be summed, signature sum(number)");
            }
            ("sum", t) if t.is_integer() => DataType::Int64,
            _ => DataType::Float64,
        };
        Ok(vec![value, bounds.clone()])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match self.base {
            "count" => DataType::Int64,
            "sum" => types.first().cloned().unwrap_or(DataType::Float64),
            _ => DataType::Float64,
        })
    }

    fn is_nullable(&self) -> bool {
        self.base != "count"
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("contribution bounds belong to the barrier")
    }
}
