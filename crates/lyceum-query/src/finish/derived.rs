//! Intervals of expressions over aggregates of one row: closed form where the expression is affine in independent
//! noisy integers, else the expression is recomputed on redraws of the noise around the released integers.

use super::Above;
use super::table::{Noisy, table};
use crate::barrier::Aggregate;
use crate::lineage;
use crate::price::CONFIDENCE;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use datafusion::physical_expr::PhysicalExpr;
use lyceum_privacy::accuracy::{self, GaussianRedraw};
use std::collections::BTreeMap;

/// Redraws per row.
const REDRAWS: u32 = 400;
/// Above this many redrawn rows a column has no interval.
const MAX_REDRAWN_ROWS: usize = 4_000_000;

/// constant + Σ coefficient × measure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    constant: f64,
    coefficients: BTreeMap<usize, f64>,
}

impl Affine {
    /// The expression as an affine function of measures, if it is one.
    pub(super) fn of(expr: &Expr, aggregates: &[Aggregate], schema: &SchemaRef) -> Option<Self> {
        let schema = DFSchema::try_from(schema.as_ref().clone()).ok()?;
        Self::read(expr, aggregates, &schema)
    }

    /// Half-width of the interval, given σ by measure.
    pub(super) fn half_width(&self, sigmas: &[f64], confidence: f64) -> Option<f64> {
        if let [(measure, coefficient)] = *self.coefficients.iter().collect::<Vec<_>>() {
            let width = accuracy::discrete_gaussian_half_width(*sigmas.get(*measure)?, confidence);
            return Some(width * coefficient.abs());
        }
        let variances = self.coefficients.iter().map(|(m, c)| Some((c * sigmas.get(*m)?).powi(2)));
        let sigma = variances.sum::<Option<f64>>()?.sqrt();
        // A sum of several is as good as normal: the quantile of a fine grid is the normal one, rounded up.
        const FINE: f64 = (1u32 << 20) as f64;
        Some(sigma * accuracy::discrete_gaussian_half_width(FINE, confidence) / FINE)
    }

    fn read(expr: &Expr, aggregates: &[Aggregate], schema: &DFSchema) -> Option<Self> {
        let of = |e: &Expr| Self::read(e, aggregates, schema);
        match expr {
            Expr::Column(c) => match aggregates.get(lineage::index(&c.name, 'a')?)? {
                Aggregate::Count { measure } => Some(Self::measure(*measure, 1.0)),
                Aggregate::Sum { measure, grid, .. } => Some(Self::measure(*measure, grid.unit())),
                Aggregate::Average { .. } => None,
            },
            Expr::Literal(value, _) => Some(Self { constant: number(value)?, coefficients: BTreeMap::new() }),
            Expr::Alias(alias) => of(&alias.expr),
            Expr::Negative(e) => Some(of(e)?.times(-1.0)),
            Expr::Cast(_) if expr.get_type(schema).ok()? == DataType::Float64 => {
                let Expr::Cast(cast) = expr else { return None };
                of(&cast.expr)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (left, right) = (of(left)?, of(right)?);
                match op {
                    Operator::Plus => Some(left.plus(&right)),
                    Operator::Minus => Some(left.plus(&right.times(-1.0))),
                    Operator::Multiply if right.coefficients.is_empty() => Some(left.times(right.constant)),
                    Operator::Multiply if left.coefficients.is_empty() => Some(right.times(left.constant)),
                    Operator::Divide
                        if right.coefficients.is_empty() && expr.get_type(schema).ok()? == DataType::Float64 =>
                    {
                        Some(left.times(1.0 / right.constant))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
        .filter(|a| a.constant.is_finite() && a.coefficients.values().all(|c| c.is_finite()))
    }

    fn measure(measure: usize, coefficient: f64) -> Self {
        Self { constant: 0.0, coefficients: BTreeMap::from([(measure, coefficient)]) }
    }

    fn times(mut self, factor: f64) -> Self {
        self.constant *= factor;
        self.coefficients.values_mut().for_each(|c| *c *= factor);
        self
    }

    fn plus(mut self, other: &Self) -> Self {
        self.constant += other.constant;
        for (measure, coefficient) in &other.coefficients {
            *self.coefficients.entry(*measure).or_default() += coefficient;
        }
        self
    }
}

fn number(value: &ScalarValue) -> Option<f64> {
    if !value.data_type().is_numeric() {
        return None;
    }
    match value.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(v) => v,
        _ => None,
    }
}

/// Per row the central interval of the expression over redraws of the noise; `None` if there are too many rows.
/// A row without an interval (mostly NULL) is `None` inside.
pub(super) fn redraw(
    above: &Above,
    rows: &[Noisy<'_>],
    keys: &[ArrayRef],
    expr: &dyn PhysicalExpr,
) -> Option<Vec<Option<(f64, f64)>>> {
    if rows.len().saturating_mul(REDRAWS as usize) > MAX_REDRAWN_ROWS {
        return None;
    }
    let stream = GaussianRedraw::new(seed(rows));
    let mut values = vec![Vec::with_capacity(REDRAWS as usize); rows.len()];
    for replicate in 0..REDRAWS {
        let drawn: Vec<Noisy<'_>> =
            rows.iter().enumerate().map(|(i, row)| around(row, &stream, replicate, i)).collect();
        let batch = table(above, keys, &drawn).ok()?;
        let result = expr.evaluate(&batch).ok().and_then(|v| v.into_array(rows.len()).ok());
        let result = result.and_then(|v| cast(&v, &DataType::Float64).ok());
        let result = result.as_ref().map(|v| v.as_primitive::<Float64Type>());
        for (i, values) in values.iter_mut().enumerate() {
            // An error (a division by zero) or NULL may have been anything.
            values.push(result.filter(|v| v.is_valid(i)).map_or(f64::NAN, |v| v.value(i)));
        }
    }
    let ends = |v: &mut Vec<f64>| accuracy::quantile_interval(v, CONFIDENCE).map(|i| (i.low, i.high));
    Some(values.iter_mut().map(ends).collect())
}

/// The exact integers that the released ones may stand for.
fn around<'a>(row: &Noisy<'a>, stream: &GaussianRedraw, replicate: u32, index: usize) -> Noisy<'a> {
    let measures = row.cells.len() as u64;
    let cells = row.cells.iter().zip(row.sigmas).enumerate().map(|(m, (v, sigma))| {
        let z = stream.normal(replicate, index as u64 * measures + m as u64);
        v.saturating_add((sigma * z).round() as i64)
    });
    Noisy { cells: cells.collect(), sigmas: row.sigmas }
}

/// Public and repeatable: the same released integers have the same intervals.
fn seed(rows: &[Noisy<'_>]) -> u64 {
    let cells = rows.iter().flat_map(|r| &r.cells);
    cells.fold(0xcbf2_9ce4_8422_2325, |h, v| (h ^ v.cast_unsigned()).wrapping_mul(0x0100_0000_01b3).rotate_left(23))
}
