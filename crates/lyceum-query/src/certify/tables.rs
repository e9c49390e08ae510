//! Which tables a plan reads.

use crate::bind::CatalogSource;
use crate::catalog::CatalogTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use lyceum_schema::state::ReleaseKind;
use std::sync::Arc;

/// Whether rows of the table are private: they belong to somebody and leave as statistics only.
pub(crate) fn is_private(table: &CatalogTable) -> bool {
    table.kind == ReleaseKind::Protected && table.population.is_some()
}

/// The catalogue's table behind a scan.
pub(crate) fn source(scan: &TableScan) -> Option<&CatalogSource> {
    scan.source.downcast_ref::<CatalogSource>()
}

/// All tables of a plan, subqueries included, each once.
pub(crate) fn of(plan: &LogicalPlan) -> Vec<Arc<CatalogTable>> {
    let mut tables: Vec<Arc<CatalogTable>> = Vec::new();
    // The closure never fails.
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(source) = source(scan)
            && !tables.iter().any(|t| Arc::ptr_eq(t, source.table()))
        {
            tables.push(source.table().clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    tables
}

/// Whether a plan reads private rows.
pub(crate) fn reads_private(plan: &LogicalPlan) -> bool {
    of(plan).iter().any(|t| is_private(t))
}
