//! VAR, STDDEV, COVAR, CORR and REGR as sums of centred values and of their products, bounded together: a unit that is
//! scaled down is scaled down in all of them by one factor, so that statistics of what is left are statistics of rows.

use super::{Measures, SUM_BITS, exponent, filtered, magnitude, no_bounds, number, overflow, unsupported};
use crate::barrier::{Aggregate, Fold, Grid, Moment, Moments, Statistic};
use crate::certify::Context;
use crate::certify::below::Node;
use crate::certify::expression::{Typed, typed};
use crate::domain::Kind;
use crate::error::Refusal;
use crate::functions::{Total, call};
use datafusion::logical_expr::{Expr, Operator, lit};

/// Steps that a value's half range is divided into, as a power of two: wanted, and least.
const BITS: i32 = 20;
const LEAST_BITS: i32 = 8;

/// A value on its grid, less its centre.
struct Centred {
    fixed: Expr,
    grid: Grid,
    centre: i64,
    low: i64,
    high: i64,
    width: f64,
}

impl Centred {
    fn most(&self) -> i64 {
        self.low.saturating_abs().max(self.high.saturating_abs())
    }
}

impl Measures {
    /// REGR_COUNT(y, x): rows in which neither is NULL.
    pub(super) fn pairs(
        &mut self,
        arguments: &[Expr],
        filter: Option<Expr>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        let values = arguments.iter().map(|a| typed(a, node, context)).collect::<Result<Vec<_>, _>>()?;
        let rows = self.rows(self.limits.rows_per_group);
        let fold = self.presence(&lit(1_i64), false, present(filter, &values));
        let measure = self.measure(fold, 0, rows);
        self.facts.push(format!("REGR_COUNT: at most {rows} per group"));
        self.aggregates.push(Aggregate::Count { measure });
        Ok(())
    }

    /// Arguments in SQL's order: of two values the dependent one first.
    #[expect(clippy::too_many_arguments, reason = "what an aggregate consists of")]
    pub(super) fn moments(
        &mut self,
        statistic: Statistic,
        shown: &str,
        arguments: &[Expr],
        filter: Option<Expr>,
        bounds: Option<(bool, f64, f64)>,
        node: &Node,
        context: &Context<'_>,
    ) -> Result<(), Refusal> {
        if matches!(bounds, Some((true, ..))) {
            return Err(unsupported(&format!("{shown} with bounds per group"), context)
                .fix(format!("{shown}(x, contribution_bounds_per_row => (0, 100))")));
        }
        let rows = self.rows(self.limits.rows_per_group);
        let mut values = Vec::new();
        let mut ranges = Vec::new();
        for argument in arguments {
            let value = number(argument, node, context)?.of_kind(Kind::Float, context)?;
            let range = self.row_bounds(&value, bounds).ok_or_else(|| no_bounds(shown, argument, context))?;
            if range.0 >= range.1 {
                return Err(unsupported(&format!("{shown} of a value that is always the same"), context));
            }
            values.push(value);
            ranges.push(range);
        }
        let filter = present(filter, &values);
        // Σ of products over all units fits SUM_BITS bits.
        let terms = exponent(self.limits.units as f64) + exponent(rows as f64);
        let bits = ((SUM_BITS - terms) / 2).min(BITS);
        if bits < LEAST_BITS {
            return Err(overflow(context));
        }
        let mut centred = values.iter().zip(ranges).map(|(v, range)| centre(v, range, bits)).collect::<Vec<_>>();
        let count = self.presence(&lit(1_i64), false, filter.clone());
        let count = self.measure(count, 0, rows);
        let mut together = vec![count];
        let (Some(last), rest) = (centred.pop(), centred.pop()) else {
            return Err(unsupported("an aggregate of nothing", context));
        };
        // REGR_SLOPE(y, x): the last is the independent one.
        let (squares_x, squares_y) = match statistic {
            Statistic::Variance(_) | Statistic::Deviation(_) | Statistic::Slope | Statistic::Intercept => (true, false),
            Statistic::Covariance(_) => (false, false),
            Statistic::Correlation => (true, true),
        };
        let x = self.moment(&last, squares_x, rows, filter.as_ref(), &mut together);
        let y = rest.map(|y| {
            let moment = self.moment(&y, squares_y, rows, filter.as_ref(), &mut together);
            let most = y.most().saturating_mul(last.most()).saturating_mul(rows);
            let product = self.product(&y, &last, (most.saturating_neg(), most), filter.as_ref());
            together.push(product);
            (moment, product)
        });
        for measure in together.iter().skip(1) {
            self.scale_together(count, *measure);
        }
        let facts = std::iter::once(&x).chain(y.as_ref().map(|(y, _)| y));
        let widths: Vec<String> = facts.map(|m| format!("a range of {}", m.width)).collect();
        self.facts.push(format!("{shown}: values in {}, at most {rows} rows per group", widths.join(" and ")));
        self.aggregates.push(Aggregate::Moments(Moments { statistic, count, x, y }));
        Ok(())
    }

    /// Σv, and Σv² where it is needed.
    fn moment(
        &mut self,
        value: &Centred,
        squares: bool,
        rows: i64,
        filter: Option<&Expr>,
        together: &mut Vec<usize>,
    ) -> Moment {
        let column = self.column(filtered(filter.cloned(), value.fixed.clone()));
        let (low, high) = (value.low.saturating_mul(rows).min(0), value.high.saturating_mul(rows).max(0));
        let sum = self.measure(Fold::Sum { value: column }, low, high);
        together.push(sum);
        let squares = squares.then(|| {
            let most = value.most().saturating_mul(value.most()).saturating_mul(rows);
            let measure = self.product(value, value, (0, most), filter);
            together.push(measure);
            measure
        });
        Moment { sum, squares, grid: value.grid, centre: value.centre, width: value.width }
    }

    fn product(&mut self, a: &Centred, b: &Centred, (low, high): (i64, i64), filter: Option<&Expr>) -> usize {
        let product = call(Total::Multiply, Kind::Int, vec![a.fixed.clone(), b.fixed.clone()]);
        let column = self.column(filtered(filter.cloned(), product));
        self.measure(Fold::Sum { value: column }, low, high)
    }
}

fn centre(value: &Typed, (low, high): (f64, f64), bits: i32) -> Centred {
    let half = magnitude((0.0, (high - low) / 2.0));
    let grid = Grid { exponent: exponent(half) - bits };
    let units = |v: f64| super::units(v, grid);
    let (centre, ends) = (units(low / 2.0 + high / 2.0), (units(low), units(high)));
    let arguments = vec![value.expr.clone(), lit(i64::from(grid.exponent)), lit(ends.0), lit(ends.1), lit(centre)];
    Centred {
        fixed: call(Total::Fixed, Kind::Int, arguments),
        grid,
        centre,
        low: ends.0.saturating_sub(centre),
        high: ends.1.saturating_sub(centre),
        width: high - low,
    }
}

/// The filter, and that no value is NULL.
fn present(filter: Option<Expr>, values: &[Typed]) -> Option<Expr> {
    let given = values.iter().filter(|v| v.domain.nullable).map(|v| Expr::IsNotNull(Box::new(v.expr.clone())));
    filter.into_iter().chain(given).reduce(|a, b| {
        Expr::BinaryExpr(datafusion::logical_expr::BinaryExpr::new(Box::new(a), Operator::And, Box::new(b)))
    })
}
