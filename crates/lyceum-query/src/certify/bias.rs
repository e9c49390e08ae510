//! What bounding can do to a barrier's numbers, from static facts: nothing (proved), or no more than a share.
//!
//! A unit has at most N rows. Where each counts with at most r, its vector over all groups is no longer than N·r, and the
//! ball's radius is √L0·C with C = r times the rows that count in one group. If N·r ≤ R nothing is ever cut. Otherwise
//! cells of one sign are cut so that at least R/(N·r) of their sum is kept: scaling would keep that, and no vector in the
//! ball keeps more than the one that is taken (see `bounded_aggregate/bound.rs`).

use crate::barrier::{Barrier, Bias, Fold, KeySelection, Measure};

/// What is known of the units of a barrier.
pub(super) struct Units {
    /// Most rows of one.
    pub(super) rows: u64,
    /// The fewest rows of one that some measure counts in full in one group.
    pub(super) rows_in_full: u64,
    /// Most groups that one can be in.
    pub(super) groups: u64,
    /// Whether values or totals of one can be outside of what they are clamped to.
    pub(super) clamped: bool,
}

/// The bias of all measures together.
pub(super) fn bias(barrier: &Barrier, units: &Units) -> Bias {
    if units.clamped {
        return Bias::Unknown;
    }
    if barrier.unit_is_row {
        return Bias::None;
    }
    let left_out = barrier.selection != KeySelection::Public && units.groups > u64::from(barrier.kept_groups);
    let kept =
        barrier.measures.iter().map(|m| kept(m, barrier, units)).try_fold(1.0, |least: f64, m| Some(least.min(m?)));
    match kept {
        Some(kept) if kept >= 1.0 && !left_out => Bias::None,
        Some(kept) if !left_out && barrier.measures.iter().all(|m| m.low == 0 && m.fold.has_total()) => {
            Bias::AtMost(1.0 - kept)
        }
        _ => Bias::Unknown,
    }
}

/// The least share that is kept of a unit's vector; `None` where that is no matter of lengths.
fn kept(measure: &Measure, barrier: &Barrier, units: &Units) -> Option<f64> {
    let groups = u64::from(barrier.max_groups);
    match measure.fold {
        // A vector of ones.
        Fold::Units => Some(root_share(groups, units.groups.min(units.rows))),
        Fold::Rows | Fold::NonNull { .. } | Fold::Sum { .. } | Fold::Leaves { .. } | Fold::Level { .. } => {
            let radius = u128::from(units.rows_in_full).pow(2).saturating_mul(groups.into());
            let longest = u128::from(units.rows).pow(2);
            Some(if longest <= radius { 1.0 } else { (radius as f64 / longest as f64).sqrt() })
        }
        // Values beyond the bounds are left out whole.
        Fold::Distinct { .. } => {
            (units.groups <= groups && units.rows <= u64::try_from(measure.high).unwrap_or(0)).then_some(1.0)
        }
    }
}

fn root_share(part: u64, whole: u64) -> f64 {
    if whole <= part { 1.0 } else { (part as f64 / whole as f64).sqrt() }
}
