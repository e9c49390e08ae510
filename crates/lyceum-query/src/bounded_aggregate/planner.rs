//! Turns the logical node into the physical operator, for DataFusion's default planner.

use super::exec::BoundedAggregateExec;
use super::node::BoundedAggregateNode;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use std::sync::Arc;

/// The default planner, knowing the barrier.
#[derive(Debug)]
pub(crate) struct BarrierPlanner;

#[async_trait]
impl QueryPlanner for BarrierPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Barriers)])
            .create_physical_plan(plan, session)
            .await
    }
}

#[derive(Debug)]
struct Barriers;

#[async_trait]
impl ExtensionPlanner for Barriers {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<BoundedAggregateNode>(), inputs) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(BoundedAggregateExec::new(Arc::clone(input), Arc::clone(&node.spec)))))
    }
}
