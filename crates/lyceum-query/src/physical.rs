//! The physical plan of *below*, made before the charge with statistics withheld, and checked: every operator and
//! every expression is on a list, so nothing that the optimizer puts in can fail or leak because of a row.

mod joins;
mod operators;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod plans;
pub(crate) mod rules;
mod unit_join;

use crate::bind::CatalogSource;
use crate::bounded_aggregate::exec::BoundedAggregateExec;
use crate::bounded_aggregate::node::BoundedAggregateNode;
use crate::bounded_aggregate::spec::BoundSpec;
use crate::catalog::UNIT_COLUMN;
use crate::failure::PriceError;
use crate::functions;
use crate::layout;
use crate::ordinals::by_ordinal;
use crate::session;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, internal_err, stats::Precision};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::provider_as_source;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, Operator};
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, StatisticsArgs};
use std::sync::Arc;
use unit_join::UnitJoinExec;

/// Plans *below* under the barrier and checks the result.
///
/// # Errors
/// [`PriceError::Operator`], [`PriceError::Expression`], [`PriceError::Planning`]: static, nothing was read.
pub(crate) async fn plan_below(
    state: &SessionState,
    below: LogicalPlan,
    spec: Arc<BoundSpec>,
) -> std::result::Result<Arc<dyn ExecutionPlan>, PriceError> {
    let step = |step: &'static str| {
        move |e: DataFusionError| {
            tracing::warn!(stage = "price", step, error = %e, "planning failed");
            PriceError::Planning { step }
        }
    };
    let below = match spec.by_ordinal().then(|| by_ordinal(&below)).transpose().map_err(step("ordinals"))?.flatten() {
        Some(by_ordinal) => by_ordinal,
        None => with_files(below).map_err(step("tables"))?,
    };
    let plan = BoundedAggregateNode::over(below, spec).map_err(step("barrier"))?;
    let plan = state.optimizer().optimize(plan, state, |_, _| {}).map_err(step("logical optimisation"))?;
    let plan = state.query_planner().create_physical_plan(&plan, state).await.map_err(step("physical planning"))?;
    check(&plan)?;
    Ok(plan)
}

/// Replaces every table of the catalogue by a scan of its files.
pub(crate) fn with_files(plan: LogicalPlan) -> Result<LogicalPlan> {
    let replaced = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let Some(source) = scan.source.downcast_ref::<CatalogSource>() else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let provider = layout::provider(source.table(), &session::data_url()?);
        scan.source = provider_as_source(provider.map_err(|e| DataFusionError::External(Box::new(e)))?);
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })?;
    Ok(replaced.data)
}

/// Checks a plan of *below*: the barrier on top, listed operators and expressions, nothing known about rows.
pub(crate) fn check(plan: &Arc<dyn ExecutionPlan>) -> std::result::Result<(), PriceError> {
    if !plan.is::<BoundedAggregateExec>() {
        return Err(PriceError::Operator { operator: plan.name().to_owned() });
    }
    for child in plan.children() {
        let partitions = child.output_partitioning();
        let required = plan.input_distribution_requirements();
        let satisfied = required
            .child_distribution(0)
            .is_some_and(|d| partitions.satisfaction(d, child.equivalence_properties(), false).is_satisfied());
        if !satisfied {
            return Err(PriceError::Planning { step: "partitioning by unit" });
        }
        check_below(child)?;
    }
    Ok(())
}

fn check_below(plan: &Arc<dyn ExecutionPlan>) -> std::result::Result<(), PriceError> {
    if let Some(operator) = operators::refused(plan) {
        return Err(PriceError::Operator { operator });
    }
    if plan.children().is_empty() && !plan.is::<EmptyExec>() {
        let statistics = plan.statistics_from_inputs(&[], &StatisticsArgs::new());
        let withheld = statistics.is_ok_and(|s| s.num_rows == Precision::Absent);
        if !withheld {
            return Err(PriceError::Planning { step: "statistics are not withheld" });
        }
    }
    for (expr, input) in expressions(plan).map_err(|_| PriceError::Planning { step: "expressions" })? {
        let mut refused = None;
        let walked = expr.apply(|e| {
            refused = refused_expression(e, &input);
            Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        walked.map_err(|_| PriceError::Planning { step: "expressions" })?;
        if let Some(expression) = refused {
            return Err(PriceError::Expression { expression });
        }
    }
    plan.children().into_iter().try_for_each(check_below)
}

/// Whether a plan reads public tables only, and at least one: their files have no unit.
fn is_public(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let children = plan.children();
    if children.is_empty() {
        let columns = input_schema(plan);
        let has = |name: &str| columns.index_of(name).is_ok();
        return plan.is::<DataSourceExec>() && !has(UNIT_COLUMN) && !has(layout::ORDINAL_COLUMN);
    }
    children.into_iter().all(is_public)
}

/// Every expression of a node with the schema that it refers to.
fn expressions(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<(Arc<dyn PhysicalExpr>, SchemaRef)>> {
    let merge = plan.downcast_ref::<UnitJoinExec>().map_or_else(|| plan.downcast_ref(), UnitJoinExec::merge);
    let (on, filter) = if let Some(join) = merge.map(|join: &SortMergeJoinExec| join) {
        (join.on(), join.filter().as_ref())
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        (join.on(), join.filter())
    } else {
        let input = plan.children().first().map_or_else(|| input_schema(plan), |child| child.schema());
        let mut found = Vec::new();
        let _ = plan.apply_expressions(&mut |e| {
            found.push((Arc::clone(e), Arc::clone(&input)));
            Ok(TreeNodeRecursion::Continue)
        })?;
        return Ok(found);
    };
    let schemas: Vec<SchemaRef> = plan.children().into_iter().map(|c| c.schema()).collect();
    let [left, right] = schemas.as_slice() else { return internal_err!("a join has two inputs") };
    let keys = on.iter().flat_map(|(l, r)| [(Arc::clone(l), Arc::clone(left)), (Arc::clone(r), Arc::clone(right))]);
    Ok(keys.chain(filter.map(|f| (Arc::clone(f.expression()), Arc::clone(f.schema())))).collect())
}

/// The schema that a scan's expressions refer to.
fn input_schema(plan: &Arc<dyn ExecutionPlan>) -> SchemaRef {
    let scan = plan.downcast_ref::<DataSourceExec>();
    let files = scan.and_then(|s| s.data_source().downcast_ref::<FileScanConfig>());
    files.map_or_else(|| plan.schema(), |f| Arc::clone(f.file_source().table_schema().table_schema()))
}

/// What is wrong with an expression, not looking at its children; `None` if it is total.
fn refused_expression(expr: &Arc<dyn PhysicalExpr>, input: &SchemaRef) -> Option<String> {
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        return (!total_operator(*binary.op())).then(|| binary.op().to_string());
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        let from = cast.expr().data_type(input);
        let total = from.is_ok_and(|from| total_cast(&from, cast.cast_type()));
        return (!total).then(|| format!("CAST to {}", cast.cast_type()));
    }
    if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        return (!functions::is_total(function.name())).then(|| function.name().to_owned());
    }
    let total = expr.is::<Column>()
        || expr.is::<Literal>()
        || expr.is::<NotExpr>()
        || expr.is::<IsNullExpr>()
        || expr.is::<IsNotNullExpr>()
        || expr.is::<InListExpr>()
        || expr.is::<CaseExpr>()
        || expr.is::<LikeExpr>();
    (!total).then(|| "an unlisted expression".to_owned())
}

const fn total_operator(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::And
            | Operator::Or
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// Casts that never fail: to the same or a wider type of the same kind.
fn total_cast(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    from == to
        || matches!(from, Null)
        || matches!(
            (from, to),
            (Int8, Int16 | Int32 | Int64 | Float64)
                | (Int16, Int32 | Int64 | Float64)
                | (Int32, Int64 | Float64)
                | (Int64, Float64)
                | (Boolean, Int32 | Int64)
                | (Utf8 | Utf8View, Utf8 | Utf8View | LargeUtf8)
                | (Date32, Int32)
                | (Timestamp(..), Int64)
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::{Fold, Measure};
    use crate::bounded_aggregate::bound::Ball;
    use crate::bounded_aggregate::spec::SamplingKey;
    use arrow::datatypes::{Field, Schema};
    use datafusion::datasource::MemTable;
    use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, col, lit};

    /// Plans `SELECT __unit, <value> FROM t` under a barrier that sums the value.
    async fn plan(value: Expr) -> PriceError {
        let schema = Arc::new(Schema::new(vec![
            Field::new("__unit", DataType::UInt64, false),
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]));
        let table = MemTable::try_new(schema, vec![vec![]]).unwrap();
        let spec = BoundSpec {
            keys: vec![],
            measures: vec![Measure { fold: Fold::Sum { value: 0 }, low: 0, high: 9, scale_group: 0 }],
            fraction_bits: vec![0],
            balls: vec![Ball::new(9, 1).unwrap()],
            max_groups: 1,
            kept_groups: 1,
            weights: None,
            listed: Some((vec![], 1)),
            sampling: SamplingKey::fixed([0; 16]),
        };
        let below = LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None)
            .and_then(|b| b.project([col("__unit"), value]))
            .and_then(LogicalPlanBuilder::build)
            .unwrap();
        let state = session::data_session(1, session::runtime(1 << 20, None).unwrap());
        plan_below(&state, below, Arc::new(spec)).await.unwrap_err()
    }

    #[tokio::test]
    async fn what_can_fail_on_a_row_is_refused_before_the_charge() {
        for (value, found) in [
            (lit(1i64) / col("n"), "/"),
            (col("n") + lit(1i64), "+"),
            (cast(col("s"), DataType::Int64), "CAST to Int64"),
            (-col("n"), "an unlisted expression"),
        ] {
            assert_eq!(plan(value).await, PriceError::Expression { expression: found.to_owned() });
        }
    }

    #[tokio::test]
    async fn a_scan_that_tells_its_row_count_is_refused() {
        assert_eq!(plan(col("n")).await, PriceError::Planning { step: "statistics are not withheld" });
    }
}
