//! Whose rows disappear: the share left out in each group of each quasi-identifier.

use crate::recode::{Recoding, SUPPRESSED};
use crate::tuples::Tuples;
use serde::{Deserialize, Serialize};

/// Groups shown per column, at most: those with most rows left out.
const MAX_GROUPS: usize = 20;

/// Rows left out of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubgroupSuppression {
    /// The quasi-identifier.
    pub column: String,
    /// The group, a node of its hierarchy as the hierarchy's author wrote it.
    pub group: String,
    /// Rows of the group.
    pub rows: u64,
    /// Rows of it left out.
    pub suppressed: u64,
}

/// Rows left out by group, at the finest level of each column with at most twenty groups or the lowest level above the
/// values. Columns whose groups have no name but a value that occurs are left to the levels above.
pub(super) fn suppression(tuples: &Tuples, recoding: &Recoding, names: &[String]) -> Vec<SubgroupSuppression> {
    let mut found = Vec::new();
    for (c, (hierarchy, name)) in tuples.hierarchies.iter().zip(names).enumerate() {
        let fits = |level: &usize| hierarchy.level(*level).nodes.len() <= MAX_GROUPS;
        let least = usize::from(!hierarchy.listed());
        let Some(at) = (least..hierarchy.levels()).find(fits) else { continue };
        let level = hierarchy.level(at);
        let mut counts = vec![(0u64, 0u64); level.nodes.len()];
        for (t, &code) in tuples.codes[c].iter().enumerate() {
            let count = &mut counts[level.node_of_leaf[code as usize] as usize];
            count.0 += u64::from(tuples.rows[t]);
            if recoding.class_of[t] == SUPPRESSED {
                count.1 += u64::from(tuples.rows[t]);
            }
        }
        let groups = counts.iter().zip(&level.nodes).filter(|((rows, _), _)| *rows > 0);
        found.extend(groups.map(|((rows, suppressed), node)| SubgroupSuppression {
            column: name.clone(),
            group: if at == 0 {
                hierarchy.text(node.first).unwrap_or_else(|| "NULL".into())
            } else {
                node.label.to_string()
            },
            rows: *rows,
            suppressed: *suppressed,
        }));
    }
    found
}
