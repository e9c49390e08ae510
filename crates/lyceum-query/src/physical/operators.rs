//! Operators that may run on private rows, with the functions and kinds of joins that may stand in them.

use super::is_public;
use super::unit_join::UnitJoinExec;
use datafusion::common::JoinType;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use std::sync::Arc;

/// Aggregates, which for every row give a value or NULL. Sums are of integers that certification bounded.
const AGGREGATES: &[&str] = &["count", "sum", "min", "max", "bool_and", "bool_or"];

/// Window functions that don't fail on any row.
const WINDOWS: &[&str] = &[
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
];

/// What is wrong with an operator; `None` if it may run.
pub(super) fn refused(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let plain = plan.is::<DataSourceExec>()
        || plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<SortExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<EmptyExec>()
        || plan.is::<UnionExec>()
        || plan.is::<InterleaveExec>();
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        aggregate.aggr_expr().iter().find_map(|f| refused_aggregate(f))
    } else if let Some(window) = plan.downcast_ref::<WindowAggExec>() {
        window.window_expr().iter().find_map(refused_window)
    } else if let Some(window) = plan.downcast_ref::<BoundedWindowAggExec>() {
        window.window_expr().iter().find_map(refused_window)
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let kind =
            matches!(join.join_type(), JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti);
        let held = is_public(join.left()) && *join.partition_mode() == PartitionMode::CollectLeft;
        let still = join.dynamic_expressions_produced().is_empty();
        (!kind || !held || !still).then(|| "a join that holds private rows in memory".to_owned())
    } else if plain || plan.is::<SortMergeJoinExec>() || plan.is::<UnitJoinExec>() {
        None
    } else {
        Some(plan.name().to_owned())
    }
}

fn refused_aggregate(function: &AggregateFunctionExpr) -> Option<String> {
    let name = function.fun().name();
    let known = AGGREGATES.contains(&name) && function.order_bys().is_empty();
    (!known).then(|| format!("the aggregate {name}"))
}

fn refused_window(window: &Arc<dyn WindowExpr>) -> Option<String> {
    let any = window.as_any();
    if let Some(plain) = any.downcast_ref::<PlainAggregateWindowExpr>() {
        return refused_aggregate(plain.get_aggregate_expr());
    }
    if let Some(sliding) = any.downcast_ref::<SlidingAggregateWindowExpr>() {
        return refused_aggregate(sliding.get_aggregate_expr());
    }
    let name = any.downcast_ref::<StandardWindowExpr>().map(|w| {
        let function = w.get_standard_func_expr();
        let function = function.as_any().downcast_ref::<datafusion::physical_plan::windows::WindowUDFExpr>();
        function.map_or_else(|| "?".to_owned(), |f| f.fun().name().to_owned())
    });
    match name {
        Some(name) if WINDOWS.contains(&name.as_str()) => None,
        Some(name) => Some(format!("the window function {name}")),
        None => Some("a window function".to_owned()),
    }
}
