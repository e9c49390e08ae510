//! MEDIAN, percentiles, MIN and MAX from histograms on a declared grid: a tree of counts, of which every level gets noise
//! of its own (Hay, Rastogi, Miklau and Suciu 2010). Quantiles of one value share its histogram.

use super::{Measures, bounds_refusal, filtered, no_bounds, unsupported};
use crate::barrier::{Aggregate, Fold, Grid, Quantile};
use crate::certify::Context;
use crate::certify::below::Node;
use crate::certify::expression::{Typed, typed, types};
use crate::domain::{Interval, Kind};
use crate::error::Refusal;
use crate::functions::{Total, call};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, lit};

/// MIN is this quantile and MAX the opposite one: a true extreme is one person's value.
pub(super) const LOWEST: f64 = 0.005;
/// Children of a node.
const BRANCHING: u32 = 16;
/// Most leaves of a histogram, for few groups.
const MAX_LEAVES: u32 = 4_096;
/// Fewest leaves worth having.
const MIN_LEAVES: u32 = 64;
/// Most leaves where groups are found in the data: their number isn't known.
const MAX_LEAVES_UNDECLARED: u32 = 256;
/// Most numbers of one histogram over all groups.
const MAX_NODES: u64 = 500_000;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Which quantile a literal argument says; `rising`: counted from the smallest value.
pub(super) fn literal(
    argument: Option<&Expr>,
    rising: bool,
    shown: &str,
    context: &Context<'_>,
) -> Result<f64, Refusal> {
    let value = match argument {
        Some(Expr::Literal(value, _)) => match value.cast_to(&arrow::datatypes::DataType::Float64) {
            Ok(ScalarValue::Float64(Some(q))) if (0.0..=1.0).contains(&q) => Some(q),
            _ => None,
        },
        _ => None,
    };
    let Some(q) = value else {
        return Err(unsupported(&format!("{shown} of anything but a literal between 0 and 1"), context)
            .fix("PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY x)"));
    };
    Ok(if rising { q } else { 1.0 - q })
}

impl Measures {
    #[expect(clippy::too_many_arguments, reason = "what an aggregate consists of")]
    pub(super) fn quantile(
        &mut self,
        q: f64,
        shown: &str,
        argument: &Expr,
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        if matches!(bounds, Some((true, ..))) {
            return Err(bounds_refusal("a quantile needs bounds of each row's value", context)
                .fix(format!("{shown}(x, contribution_bounds_per_row => (0, 100))")));
        }
        let sql = typed(argument, node, context)?.kind();
        let value = typed(uncoerced(argument), node, context)?;
        let value = if value.kind() == Kind::Int { value } else { value.of_kind(sql, context)? };
        let kind = value.kind();
        let (value, range) = match kind {
            Kind::Int | Kind::Float => {
                let range = self.row_bounds(&value, bounds).ok_or_else(|| no_bounds(shown, argument, context))?;
                (value, range)
            }
            Kind::Date | Kind::Timestamp => {
                let unit = if kind == Kind::Date { DAY } else { 1e-6 };
                let Some(Interval::Int { low, high }) = value.domain.interval else {
                    return Err(no_bounds(shown, argument, context));
                };
                let epoch = Typed::literal(Kind::Text, ScalarValue::Utf8(Some("epoch".to_owned())));
                let seconds = Typed::call(Total::DatePart, Kind::Float, vec![epoch, value], context)?;
                (seconds, (low as f64 * unit, high as f64 * unit))
            }
            Kind::Boolean | Kind::Text => {
                return Err(types(format!("{shown} of {} is not supported", kind.name()), None)
                    .fix("COUNT(*) by the value, with ORDER BY above"));
            }
        };
        let leaves = self.leaves_allowed(context)?;
        let grid = grid(range, kind, leaves);
        let units = |v: f64| super::units(v, grid);
        let (low, high) = (units(range.0), units(range.1));
        let shape = Shape::of(high.saturating_sub(low).saturating_add(1));
        let fixed = call(
            Total::Fixed,
            Kind::Int,
            vec![value.expr, lit(i64::from(grid.exponent)), lit(low), lit(high), lit(low)],
        );
        let column = self.column(filtered(filter, fixed));
        let rows = self.rows(self.limits.rows_per_group);
        let leaf = self.measure(Fold::Leaves { value: column, nodes: shape.leaves() }, 0, rows);
        let mut levels = vec![leaf];
        for level in (0..shape.depth - 1).rev() {
            let nodes = shape.nodes(level);
            let fold = Fold::Level { leaves: leaf, by: shape.leaves() / nodes, nodes };
            levels.push(self.measure(fold, 0, rows));
        }
        levels.reverse();
        let discrete = kind == Kind::Int && grid.exponent == 0;
        if q == LOWEST || q == 1.0 - LOWEST {
            self.warnings
                .push(format!("{shown} is the {} % quantile: the extreme itself is one person's value", 100.0 * q));
        }
        self.facts.push(format!("{shown}: values ∈ [{}, {}] in steps of {}", range.0, range.1, grid.unit()));
        self.aggregates.push(Aggregate::Quantile(Quantile {
            levels,
            tops: shape.tops as usize,
            branching: BRANCHING as usize,
            q,
            first: low as f64 * grid.unit(),
            step: grid.unit(),
            range,
            kind: sql,
            discrete,
        }));
        Ok(())
    }

    /// How many leaves each group may have.
    fn leaves_allowed(&self, context: &Context<'_>) -> Result<u32, Refusal> {
        let Some(groups) = self.limits.groups else { return Ok(MAX_LEAVES_UNDECLARED) };
        // With the levels above them leaves are 16/15 of their number.
        let leaves = MAX_NODES / groups.max(1) * 15 / 16;
        match u32::try_from(leaves).unwrap_or(u32::MAX) {
            n if n < MIN_LEAVES => Err(Refusal::new(
                crate::error::Reason::TooManyGroups,
                format!("a quantile in each of {groups} groups"),
                format!("A histogram of at least {MIN_LEAVES} steps is released for every group, {MAX_NODES} numbers in all."),
            )
            .fix("group by fewer columns")
            .at(context.words.find("GROUP"))),
            n => Ok(n.min(MAX_LEAVES)),
        }
    }
}

/// MEDIAN and its like take floats: planning turns integers into them, which are better counted one by one.
fn uncoerced(argument: &Expr) -> &Expr {
    match argument {
        Expr::Cast(cast) if *cast.field.data_type() == arrow::datatypes::DataType::Float64 => &cast.expr,
        other => other,
    }
}

/// Whole numbers where they are few enough, else a power of two.
fn grid((low, high): (f64, f64), kind: Kind, leaves: u32) -> Grid {
    // One leaf more than steps, and up to one for rounding at each end.
    let steps = f64::from(leaves - 2);
    let exponent = ((high - low) / steps).log2().ceil();
    let exponent = if exponent.is_finite() { exponent as i32 } else { 0 };
    Grid { exponent: if kind == Kind::Int { exponent.max(0) } else { exponent.max(-1_000) } }
}

/// A row of trees.
struct Shape {
    tops: u32,
    depth: u32,
}

impl Shape {
    /// Few leaves are counted one by one: their noise adds up to less than that of further levels.
    fn of(leaves: i64) -> Self {
        let leaves = u32::try_from(leaves.max(1)).unwrap_or(MAX_LEAVES);
        let depth = match leaves {
            0..=32 => 1,
            33..=512 => 2,
            _ => 3,
        };
        Self { tops: leaves.div_ceil(BRANCHING.pow(depth - 1)), depth }
    }

    const fn nodes(&self, level: u32) -> u32 {
        self.tops * BRANCHING.pow(level)
    }

    const fn leaves(&self) -> u32 {
        self.nodes(self.depth - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_fit_their_leaves() {
        for (range, kind, leaves) in [
            ((0.0, 100.0), Kind::Int, 4_096),
            ((0.0, 1e6), Kind::Int, 4_096),
            ((0.0, 5.0), Kind::Float, 4_096),
            ((-3.0, 0.3), Kind::Float, 64),
            ((-1e15, 1e15), Kind::Float, 256),
            ((7.0, 7.0), Kind::Float, 256),
        ] {
            let grid = grid(range, kind, leaves);
            let steps = super::super::units(range.1, grid) - super::super::units(range.0, grid) + 1;
            assert!(steps <= i64::from(leaves), "{range:?}: {steps}");
            let shape = Shape::of(steps);
            assert!(i64::from(shape.leaves()) >= steps && shape.leaves() < 2 * leaves.max(16));
        }
    }
}
