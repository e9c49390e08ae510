//! The limits that a query over several releases is under: of each figure the tightest that their policies have.

use crate::catalog::CatalogTable;
use lyceum_schema::policy::DpPolicy;
use std::sync::Arc;

/// Of each limit the tightest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tightest {
    /// Most ε that one query may cost.
    pub(super) epsilon_per_query: f64,
    /// L0: most groups that one unit may be counted in.
    pub(super) groups: u32,
    /// Most rows of one unit that count in one group.
    pub(super) rows_per_group: u32,
    /// k: fewer units are never shown in a group without a public list.
    pub(super) minimum_group_size: u32,
}

impl Tightest {
    /// Over the releases that are read; `None` if there are none.
    pub(super) fn of(tables: &[Arc<CatalogTable>]) -> Option<Self> {
        let one = |p: &DpPolicy| Self {
            epsilon_per_query: p.max_epsilon_per_query,
            groups: p.max_groups_contributed,
            rows_per_group: p.max_rows_per_group,
            minimum_group_size: p.minimum_group_size,
        };
        // Public tables have no say: nobody's rows are in them.
        let private = tables.iter().filter(|t| super::tables::is_private(t));
        private.filter_map(|t| t.policy.privacy().map(one)).reduce(|a, b| Self {
            epsilon_per_query: a.epsilon_per_query.min(b.epsilon_per_query),
            groups: a.groups.min(b.groups),
            rows_per_group: a.rows_per_group.min(b.rows_per_group),
            minimum_group_size: a.minimum_group_size.max(b.minimum_group_size),
        })
    }
}
