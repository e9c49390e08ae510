//! Intervals of expressions over aggregates of one row: closed form where the expression is affine in the independent
//! noisy integers of one table, else the expression is recomputed on redraws of the noise around the released integers.

use super::numbers::{Noisy, Numbers};
use super::table;
use crate::barrier::Aggregate;
use crate::noise::CONFIDENCE;
use crate::released_table::{Part, ReleasedColumn};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use datafusion::physical_expr::PhysicalExpr;
use lyceum_privacy::accuracy::{self, GaussianRedraw};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Redraws per row.
const REDRAWS: u32 = 400;
/// Most redraws of numbers for one column; with more it has no interval.
const MAX_REDRAWN: u64 = 20_000_000;

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
            Expr::Column(c) => {
                let Part::Aggregate(aggregate) = ReleasedColumn::parse(&c.name)?.part else { return None };
                match aggregates.get(aggregate)? {
                    Aggregate::Count { measure } => Some(Self::measure(*measure, 1.0)),
                    Aggregate::Sum { measure, grid, .. } => Some(Self::measure(*measure, grid.unit())),
                    Aggregate::Distinct { measure } => Some(Self::measure(*measure, 1.0)),
                    Aggregate::Average { .. } | Aggregate::Moments(_) | Aggregate::Quantile(_) => None,
                }
            }
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

/// The tables whose rows stand side by side, with the cell of each in every row.
pub(super) struct Beside<'a> {
    tables: Vec<(&'a Numbers<'a>, Vec<u32>)>,
    schema: SchemaRef,
    rows: usize,
}

impl<'a> Beside<'a> {
    /// `tables`: number of each, its numbers, and by row its cell.
    pub(super) fn new(tables: Vec<(usize, &'a Numbers<'a>, Vec<u32>)>, rows: usize) -> Self {
        let schemas = tables.iter().map(|(number, numbers, _)| numbers.table.schema(*number));
        let fields: Vec<_> = schemas.flat_map(|s| s.fields().iter().cloned().collect::<Vec<_>>()).collect();
        let tables = tables.into_iter().map(|(_, numbers, cells)| (numbers, cells)).collect();
        Self { tables, schema: Arc::new(Schema::new(fields)), rows }
    }

    /// What an expression of these rows may name.
    pub(super) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Per row the central interval of the expression over redraws of the noise; `None` if there are too many.
    /// A row without an interval (mostly NULL) is `None` inside.
    pub(super) fn redraw(&self, seed: u64, expr: &dyn PhysicalExpr) -> Option<Vec<Option<(f64, f64)>>> {
        let widths: u64 = self.tables.iter().map(|(numbers, _)| numbers.width()).sum();
        if (self.rows as u64).saturating_mul(widths).saturating_mul(REDRAWS.into()) > MAX_REDRAWN {
            return None;
        }
        let keys = self.tables.iter().map(|(numbers, cells)| table::keys_of(numbers, cells));
        let keys: Vec<Vec<ArrayRef>> = keys.collect::<Option<_>>()?;
        let stream = GaussianRedraw::new(seed);
        redraw(self.rows, expr, |replicate| {
            let mut columns = Vec::new();
            for ((numbers, cells), keys) in self.tables.iter().zip(&keys) {
                let drawn = cells.iter().map(|&c| numbers.redrawn(c, &stream, replicate));
                let drawn: Vec<Noisy<'_>> = drawn.collect::<Option<_>>()?;
                columns.extend(table::columns(numbers, keys, &drawn, cells.clone()));
            }
            table::batch(Arc::clone(&self.schema), columns, self.rows)
        })
    }
}

/// Per row the central interval of an expression over redrawn batches.
pub(super) fn redraw(
    rows: usize,
    expr: &dyn PhysicalExpr,
    batch: impl Fn(u32) -> Option<arrow::record_batch::RecordBatch>,
) -> Option<Vec<Option<(f64, f64)>>> {
    let mut values = vec![Vec::with_capacity(REDRAWS as usize); rows];
    for replicate in 0..REDRAWS {
        let batch = batch(replicate)?;
        let result = expr.evaluate(&batch).ok().and_then(|v| v.into_array(rows).ok());
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
