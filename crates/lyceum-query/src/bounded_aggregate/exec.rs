//! The physical operator: requires input key-partitioned and ordered by unit, emits one batch per partition.

use super::pass::Pass;
use super::spec::BoundSpec;
use crate::faults::{self, Fault};
use arrow::compute::SortOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexRequirement, OrderingRequirements, Partitioning, PhysicalExpr,
    PhysicalSortRequirement,
};
use datafusion::physical_plan::distribution_requirements::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(crate) struct BoundedAggregateExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<BoundSpec>,
    unit: Arc<dyn PhysicalExpr>,
    properties: Arc<PlanProperties>,
}

impl BoundedAggregateExec {
    /// The operator over `input`, whose columns are those of *below*.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, spec: Arc<BoundSpec>) -> Self {
        let unit = Arc::new(Column::new(input.schema().field(0).name(), 0));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(spec.output_schema()),
            Partitioning::UnknownPartitioning(input.properties().output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, spec, unit, properties: Arc::new(properties) }
    }
}

impl DisplayAs for BoundedAggregateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundedAggregateExec: {:?}", self.spec)
    }
}

impl ExecutionPlan for BoundedAggregateExec {
    fn name(&self) -> &str {
        "BoundedAggregateExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::KeyPartitioned(vec![Arc::clone(&self.unit)])])
    }
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let ascending = SortOptions { descending: false, nulls_first: false };
        let requirement = PhysicalSortRequirement::new(Arc::clone(&self.unit), Some(ascending));
        vec![LexRequirement::new([requirement]).map(OrderingRequirements::new)]
    }
    // A repartition only to use more cores would cost a sort; the layout has enough files.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        f(&self.unit)
    }
    #[allow(deprecated)]
    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, Arc::clone(&self.spec)))),
            _ => internal_err!("BoundedAggregateExec has one input"),
        }
    }
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reservation = MemoryConsumer::new("BoundedAggregate").register(context.memory_pool());
        let mut input = self.input.execute(partition, context)?;
        let spec = Arc::clone(&self.spec);
        let work = async move {
            let mut pass = Pass::new(spec)?;
            while let Some(batch) = input.next().await {
                let batch = batch?;
                if faults::on(Fault::UnitSplit) {
                    (0..batch.num_rows()).try_for_each(|i| pass.push(&batch.slice(i, 1)))?;
                    continue;
                }
                pass.push(&batch)?;
                reservation.try_resize(pass.size())?;
            }
            pass.finish()
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), futures::stream::once(work))))
    }
}
