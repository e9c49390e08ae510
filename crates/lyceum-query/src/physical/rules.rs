//! DataFusion's optimizer rules that may look at *below*: those that are needed, no more. A rule that isn't here can't put
//! in what certification didn't see.

use super::joins::ChooseJoins;
use super::unit_join::JoinByUnit;
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::optimize_unions::OptimizeUnions;
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use std::sync::Arc;

/// Rules on the logical plan. Equalities besides the unit's are not made keys of joins: rows lie sorted by unit, and
/// merging by more keys would sort them again.
pub(crate) fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(OptimizeUnions::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(PropagateEmptyRelation::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(CommonSubexprEliminate::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

/// Rules on the physical plan: DataFusion's, but none that answers from statistics, and with our choice of joins and
/// our own join on the unit.
pub(crate) fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        match rule.name() {
            "aggregate_statistics" => {}
            "join_selection" => {
                rules.push(rule);
                rules.push(Arc::new(ChooseJoins) as _);
            }
            "SanityCheckPlan" => {
                rules.push(Arc::new(JoinByUnit) as _);
                rules.push(rule);
            }
            _ => rules.push(rule),
        }
    }
    rules
}
