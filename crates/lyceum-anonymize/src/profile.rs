//! A profile of every column for the catalogue, bought from a stated ρ: missingness, range, quantiles, commonest values, each with an interval.
//!
//! One noisy histogram a column, over the manifest's list or over bins between its bounds; everything else is computed from it. The person
//! is the unit: of a person's rows in a table at most `rows_per_person` count, so each histogram moves by at most as much in
//! L2. ρ is split equally over the columns of the population, to the last unit. Columns without a public domain have no profile.

use crate::synthetic::meter::{Meter, split};
use crate::synthetic::{Collector, SyntheticError};
use lyceum_privacy::Rho;
use lyceum_privacy::accuracy::discrete_gaussian_half_width;
use lyceum_privacy::histogram::{ConsistentTree, TreeShape};
use lyceum_privacy::mechanism::{ChoiceSource, NoiseSource};
use lyceum_schema::manifest::{DataType, Value};
use lyceum_schema::name::{ColumnName, TableName};
use serde::Serialize;

/// Confidence of every interval, by itself.
pub const CONFIDENCE: f64 = 0.95;
/// Quantiles that are given; the first and last stand for the range.
pub const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
/// Most values of a list that are shown.
const TOP: usize = 10;

/// What to buy.
#[derive(Debug, Clone, Copy)]
pub struct ProfileOptions {
    /// What is spent, to the last unit.
    pub rho: Rho,
    /// The id under which noise is drawn.
    pub query: u128,
    /// Most rows of one person that count in a table, at least 1. In tables with one row per person 1 is taken.
    pub rows_per_person: u64,
}

/// One column of one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnProfile {
    /// The table.
    pub table: TableName,
    /// The column.
    pub column: ColumnName,
    /// Rows that counted.
    pub rows: Noisy,
    /// Share of them that are NULL; absent for columns that may not be.
    pub missing: Option<Noisy>,
    /// For numbers and times: where the [`QUANTILES`] lie. Dates in days, timestamps in microseconds since 1970.
    pub quantiles: Vec<Quantile>,
    /// For lists: the commonest values that can be told from none, most frequent first.
    pub top: Vec<TopValue>,
}

/// A noisy number and the interval that holds the exact one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noisy {
    /// The number.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantile {
    /// Which, of 0 to 1.
    pub q: f64,
    /// Where, to the width of a bin.
    pub at: Noisy,
}

/// One value of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopValue {
    /// The value, as text.
    pub value: String,
    /// Rows that have it.
    pub rows: Noisy,
}

impl Collector<'_> {
    /// Profiles of all modelled columns, by table and column.
    ///
    /// # Errors
    /// [`SyntheticError::Options`] for 0 rows per person, [`SyntheticError::Budget`] when ρ has fewer units than there are
    /// columns; [`SyntheticError::Noise`] from the source: the charge stays.
    pub fn profile<N: NoiseSource + ChoiceSource + ?Sized>(
        &self,
        options: &ProfileOptions,
        noise: &N,
    ) -> Result<Vec<ColumnProfile>, SyntheticError> {
        if options.rows_per_person == 0 {
            return Err(SyntheticError::Options);
        }
        let columns: usize = self.shapes.iter().map(|s| s.modelled.len()).sum();
        let mut parts = split(options.rho, &vec![1; columns]).into_iter();
        let mut meter = Meter::new(noise, options.query);
        meter.begin(options.rho);
        let mut profiles = Vec::with_capacity(columns);
        for (table, shape) in self.shapes.iter().enumerate() {
            let most = if shape.count.is_some() { options.rows_per_person } else { 1 };
            let names = self.manifest.tables().get(shape.index).map(|t| t.visible_columns().collect::<Vec<_>>());
            for (modelled, exact) in shape.modelled.iter().zip(self.histograms(table, most)) {
                let rho = parts.next().unwrap_or_default();
                let noisy = meter.counts(&[], exact, most, rho)?;
                let sigma = noisy.precisions.first().map_or(f64::INFINITY, |p| (1.0 / p).sqrt());
                let column = names.as_ref().and_then(|n| n.get(modelled.place)).ok_or(SyntheticError::Columns)?;
                let histogram = Histogram { counts: noisy.counts, sigma };
                profiles.push(ColumnProfile {
                    table: shape.name.clone(),
                    column: column.name().clone(),
                    rows: histogram.rows(),
                    missing: modelled.attribute.null().map(|null| histogram.share(null)),
                    quantiles: modelled
                        .attribute
                        .ordered(&histogram.counts)
                        .map(|(bins, edges)| quantiles(bins, &edges, sigma))
                        .unwrap_or_default(),
                    top: modelled.attribute.list().map(|l| histogram.top(l, column.data_type())).unwrap_or_default(),
                });
            }
        }
        Ok(profiles)
    }
}

struct Histogram {
    counts: Vec<f64>,
    sigma: f64,
}

impl Histogram {
    /// A sum of so many cells, as noisy counts are: not below 0.
    fn noisy(&self, value: f64, cells: usize) -> Noisy {
        let width = discrete_gaussian_half_width(self.sigma * (cells as f64).sqrt(), CONFIDENCE);
        Noisy { value: value.max(0.0), low: (value - width).max(0.0), high: (value + width).max(0.0) }
    }

    fn rows(&self) -> Noisy {
        self.noisy(self.counts.iter().sum(), self.counts.len())
    }

    /// The share of one cell. Its interval is Fieller's (1954): the shares p for which count − p · rows can be noise, whose variance is
    /// σ²((1 − p)² + (n − 1)p²).
    fn share(&self, cell: usize) -> Noisy {
        let (count, rows) = (self.counts.get(cell).copied().unwrap_or(0.0), self.counts.iter().sum::<f64>());
        let width = discrete_gaussian_half_width(self.sigma, CONFIDENCE);
        let cells = self.counts.len() as f64;
        let possible = |p: f64| {
            let scale = ((1.0 - p).powi(2) + (cells - 1.0) * p * p).sqrt();
            (count - p * rows).abs() <= width * scale
        };
        let steps = || (0..=1_000).map(|i| f64::from(i) / 1_000.0).filter(|p| possible(*p));
        let value = if rows >= 1.0 { (count / rows).clamp(0.0, 1.0) } else { 0.0 };
        // The grid is a thousandth wide, so an end may be a step further out.
        let low = steps().next().map_or(value, |p| (p - 0.001).max(0.0));
        let high = steps().next_back().map_or(value, |p| (p + 0.001).min(1.0));
        Noisy { value, low: low.min(value), high: high.max(value) }
    }

    fn top(&self, values: &[Value], data_type: DataType) -> Vec<TopValue> {
        let mut top: Vec<(f64, &Value)> = self.counts.iter().copied().zip(values).collect();
        top.sort_by(|a, b| b.0.total_cmp(&a.0));
        let shown = top.into_iter().take(TOP).map(|(count, value)| (self.noisy(count, 1), value));
        let told = shown.filter(|(rows, _)| rows.low > 0.0);
        told.map(|(rows, value)| TopValue { value: text(value, data_type), rows }).collect()
    }
}

/// Where quantiles lie, from noisy bins and their edges.
fn quantiles(bins: Vec<f64>, edges: &[f64], sigma: f64) -> Vec<Quantile> {
    let tree = TreeShape::new(bins.len(), 1, &[sigma]).and_then(|shape| ConsistentTree::new(shape, &[bins]));
    let Some(tree) = tree else { return Vec::new() };
    let edge = |leaf: usize| edges.get(leaf).or(edges.last()).copied().unwrap_or(0.0);
    let place = |leaf: f64| {
        let (below, within) = (leaf.floor().max(0.0) as usize, leaf.fract());
        edge(below) * (1.0 - within) + edge(below + 1) * within
    };
    let quantile = |q: f64| {
        let interval = tree.quantile_interval(q, CONFIDENCE);
        let at = Noisy { value: place(tree.quantile(q)?), low: place(interval.low), high: place(interval.high) };
        Some(Quantile { q, at: Noisy { low: at.low.min(at.value), high: at.high.max(at.value), ..at } })
    };
    QUANTILES.iter().filter_map(|q| quantile(*q)).collect()
}

fn text(value: &Value, data_type: DataType) -> String {
    match value {
        Value::Boolean(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(f) => f.to_string(),
        Value::String(s) => s.clone(),
        Value::Date(days) if data_type == DataType::Date => {
            let span = jiff::Span::new().try_days(*days);
            let date = span.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
            date.map_or_else(|_| days.to_string(), |d| d.to_string())
        }
        Value::Date(days) => days.to_string(),
        Value::Timestamp(micros) => {
            jiff::Timestamp::from_microsecond(*micros).map_or_else(|_| micros.to_string(), |t| t.to_string())
        }
    }
}
