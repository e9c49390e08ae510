//! The logical node: *below* in, groups out. Filters and limits are not pushed through it.

use super::spec::BoundSpec;
use datafusion::common::{DFSchemaRef, Result, ToDFSchema, internal_err};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(crate) struct BoundedAggregateNode {
    pub(crate) input: LogicalPlan,
    pub(crate) spec: Arc<BoundSpec>,
    schema: DFSchemaRef,
}

impl BoundedAggregateNode {
    /// Puts the barrier over *below*.
    ///
    /// # Errors
    /// When the output schema has duplicate names, which its construction excludes.
    pub(crate) fn over(input: LogicalPlan, spec: Arc<BoundSpec>) -> Result<LogicalPlan> {
        let schema = spec.output_schema().to_dfschema_ref()?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(Self { input, spec, schema }) }))
    }
}

impl UserDefinedLogicalNodeCore for BoundedAggregateNode {
    fn name(&self) -> &str {
        "BoundedAggregate"
    }
    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }
    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }
    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }
    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundedAggregate: {:?}", self.spec)
    }
    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Self { input, spec: Arc::clone(&self.spec), schema: Arc::clone(&self.schema) }),
            _ => internal_err!("BoundedAggregate has one input"),
        }
    }
    // Columns are read by position, so all of them stay.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

impl PartialEq for BoundedAggregateNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.spec, &other.spec) && self.input == other.input
    }
}
impl Eq for BoundedAggregateNode {}
impl Hash for BoundedAggregateNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.spec).hash(state);
        self.input.hash(state);
    }
}
impl PartialOrd for BoundedAggregateNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if Arc::ptr_eq(&self.spec, &other.spec) { self.input.partial_cmp(&other.input) } else { None }
    }
}
