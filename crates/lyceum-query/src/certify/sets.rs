//! GROUPING SETS, ROLLUP and CUBE: which sets of keys an aggregate has, and which of them are totals over another
//! one's released cells. Such totals cost nothing and add up; the others are releases of their own.

use super::Context;
use crate::error::{Reason, Refusal};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet};

/// Most sets of one aggregate.
const MAX_SETS: usize = 32;

/// The keys of an aggregate and the sets of them that it groups by.
pub(super) struct Sets {
    /// Every key once, in output order.
    pub(super) keys: Vec<Expr>,
    /// What it groups by; a plain GROUP BY has one set, of all keys.
    pub(super) sets: Vec<Set>,
}

/// One set of keys.
pub(super) struct Set {
    /// Positions among the keys, rising.
    pub(super) kept: Vec<usize>,
    /// The value of the column from which `GROUPING()` is computed; `None` in a plain GROUP BY.
    pub(super) grouping_id: Option<ScalarValue>,
}

/// The sets of an aggregate.
pub(super) fn of(aggregate: &Aggregate, context: &Context<'_>) -> Result<Sets, Refusal> {
    let internal = || {
        Refusal::new(
            Reason::Unsupported,
            "these grouping sets can't be followed",
            "No rule of certification admits it.",
        )
    };
    let keys: Vec<Expr> =
        grouping_set_to_exprlist(&aggregate.group_expr).map_err(|_| internal())?.into_iter().cloned().collect();
    let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() else {
        let kept = (0..keys.len()).collect();
        return Ok(Sets { keys, sets: vec![Set { kept, grouping_id: None }] });
    };
    let count = match sets {
        GroupingSet::Rollup(list) => list.len() + 1,
        GroupingSet::Cube(list) => {
            1usize.checked_shl(u32::try_from(list.len()).unwrap_or(u32::MAX)).unwrap_or(usize::MAX)
        }
        GroupingSet::GroupingSets(lists) => lists.len(),
    };
    if count > MAX_SETS {
        return Err(Refusal::new(
            Reason::TooManyGroups,
            format!("this GROUP BY has {count} grouping sets"),
            format!("Each may be a release of its own; at most {MAX_SETS} can be."),
        )
        .fix("GROUPING SETS with the sets you need")
        .at(context.words.find("GROUP")));
    }
    let lists: Vec<Vec<usize>> = match sets {
        GroupingSet::Rollup(list) => (0..=list.len()).rev().map(|n| (0..n).collect()).collect(),
        GroupingSet::Cube(list) => {
            let member = |bits: usize| (0..list.len()).filter(move |i| bits >> (list.len() - 1 - i) & 1 == 1);
            (0..count).rev().map(|bits| member(bits).collect()).collect()
        }
        GroupingSet::GroupingSets(lists) => {
            let position = |e: &Expr| keys.iter().position(|k| k == e).ok_or_else(internal);
            lists.iter().map(|list| list.iter().map(position).collect()).collect::<Result<_, _>>()?
        }
    };
    let id_type = aggregate.schema.field(keys.len()).data_type().clone();
    let mut built: Vec<Set> = Vec::new();
    for mut kept in lists {
        kept.sort_unstable();
        kept.dedup();
        let ordinal = built.iter().filter(|s| s.kept == kept).count() as u64;
        let id = grouping_id(&kept, keys.len(), ordinal, &id_type).ok_or_else(internal)?;
        built.push(Set { kept, grouping_id: Some(id) });
    }
    Ok(Sets { keys, sets: built })
}

/// As DataFusion packs it: a bit per key that is left out, the last key lowest; above them which of several equal
/// sets it is.
fn grouping_id(kept: &[usize], keys: usize, ordinal: u64, id_type: &DataType) -> Option<ScalarValue> {
    let bit = |i: usize| if kept.contains(&i) { 0u64 } else { 1 };
    let left_out = (0..keys).fold(0u64, |id, i| id << 1 | bit(i));
    let id = ordinal.checked_shl(u32::try_from(keys).ok()?).unwrap_or(0) | left_out;
    ScalarValue::UInt64(Some(id)).cast_to(id_type).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_left_out_key_sets_its_bit() {
        let id = |kept: &[usize], ordinal| grouping_id(kept, 3, ordinal, &DataType::UInt8);
        assert_eq!(id(&[0, 1, 2], 0), Some(ScalarValue::UInt8(Some(0))));
        assert_eq!(id(&[0], 0), Some(ScalarValue::UInt8(Some(0b011))));
        assert_eq!(id(&[], 1), Some(ScalarValue::UInt8(Some(0b1111))));
    }
}
