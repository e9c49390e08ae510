//! One cell of ours: a query on a data set through the whole line of stages, several times.
//!
//! Timed: prepare, charge, execute (until noise is asked for), release (until it is drawn), finish. Not timed: the wait
//! for the priced time, which is no work.

use crate::data::DataSet;
use crate::process;
use crate::queries::Query;
use crate::world::{self, Pays, TimedNoise};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use lyceum_query::catalog::Catalog;
use lyceum_query::charge::charge;
use lyceum_query::engine::{Engine, PreparedQuery};
use lyceum_query::finish::finish;
use lyceum_schema::time::Micros;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

/// What `now()` means: it stands in no query of these.
const NOW: Micros = Micros(1_790_000_000_000_000);

/// A cell: one engine on one query and data set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Which engine.
    pub(crate) engine: String,
    /// Which query.
    pub(crate) query: String,
    /// `ok`, `refused`, `failed` or `timeout`.
    pub(crate) status: String,
    /// Why, if not `ok`.
    #[serde(default)]
    pub(crate) reason: String,
    /// Seconds of each timed run.
    pub(crate) walls: Vec<f64>,
    /// Seconds of CPU per run.
    #[serde(default)]
    pub(crate) cpu: Option<f64>,
    /// Peak resident memory of the process tree, in bytes.
    #[serde(default)]
    pub(crate) peak_bytes: Option<u64>,
    /// Seconds of each stage, medians (ours only).
    #[serde(default)]
    pub(crate) stages: Vec<(String, f64)>,
    /// σ that the mechanism was priced with, in the answer's unit (ours only).
    #[serde(default)]
    pub(crate) sigma: Option<f64>,
    /// The answers: rows of keys and a value.
    pub(crate) outputs: Vec<Vec<Row>>,
}

/// Keys as texts, and the number; `None` where there is none.
pub(crate) type Row = (Vec<String>, Option<f64>);

/// Runs a cell: one run to warm up, then `runs` timed ones, then as many as it takes to have `trials` answers.
pub(crate) async fn run(
    set: &DataSet,
    query: &Query,
    partitions: usize,
    runs: usize,
    trials: usize,
) -> Result<Cell, Box<dyn Error>> {
    let noise = Arc::new(TimedNoise::default());
    let (engine, catalog) = (world::engine(set, partitions, noise.clone())?, world::catalog(set, query)?);
    let mut cell = Cell { engine: "lyceum".into(), query: query.id.into(), status: "ok".into(), ..Cell::default() };
    let first = match once(&engine, &noise, &catalog, query.sql).await {
        Ok(first) => first,
        Err(reason) => {
            let refused = reason.starts_with("refused");
            cell.status = if refused { "refused" } else { "failed" }.into();
            cell.reason = reason;
            return Ok(cell);
        }
    };
    cell.sigma = first.sigma;
    cell.outputs.push(first.rows);
    process::reset_peak();
    let before = process::cpu_seconds();
    let mut stages = Vec::new();
    for _ in 0..runs {
        let timed = once(&engine, &noise, &catalog, query.sql).await?;
        cell.walls.push(timed.stages.iter().map(|s| s.1).sum());
        cell.outputs.push(timed.rows);
        stages.push(timed.stages);
    }
    cell.cpu = before.zip(process::cpu_seconds()).map(|(a, b)| (b - a) / runs.max(1) as f64);
    cell.peak_bytes = process::peak_bytes();
    cell.stages = medians(&stages);
    while cell.outputs.len() < trials {
        cell.outputs.push(once(&engine, &noise, &catalog, query.sql).await?.rows);
    }
    Ok(cell)
}

struct Once {
    stages: Vec<(&'static str, f64)>,
    sigma: Option<f64>,
    rows: Vec<Row>,
}

/// One query, from its text to its rows.
async fn once(engine: &Engine, noise: &TimedNoise, catalog: &Catalog, sql: &str) -> Result<Once, String> {
    let mut clock = Clock { last: Instant::now(), stages: Vec::new() };
    let prepared = engine.prepare(sql, catalog, NOW).await;
    let prepared = prepared.map_err(|e| format!("refused: {} {e}", e.code()))?;
    let PreparedQuery::Private(priced) = prepared.query else { return Err("the query is public".into()) };
    clock.stage("prepare");
    let sigma = priced.explain().mechanisms.first().map(|m| m.sigma);
    clock.skip();
    let charged = charge(*priced, &Pays::default()).await.map_err(|_| "the charge was refused")?;
    clock.stage("charge");
    let (groups, above, _) = engine.answer(charged).await.map_err(|e| e.to_string())?;
    let (first, last) = noise.take().ok_or("no noise was drawn")?;
    clock.stages.push(("execute", (first - clock.last).as_secs_f64()));
    clock.stages.push(("release", (last - first).as_secs_f64()));
    clock.skip();
    let answer = finish(above, &groups).await.map_err(|e| e.to_string())?;
    clock.stage("finish");
    Ok(Once { stages: clock.stages, sigma, rows: rows(&answer.batch)? })
}

struct Clock {
    last: Instant,
    stages: Vec<(&'static str, f64)>,
}

impl Clock {
    fn stage(&mut self, name: &'static str) {
        self.stages.push((name, self.last.elapsed().as_secs_f64()));
        self.last = Instant::now();
    }

    fn skip(&mut self) {
        self.last = Instant::now();
    }
}

/// The last column as numbers, the others as texts.
fn rows(batch: &RecordBatch) -> Result<Vec<Row>, String> {
    let keys = batch.num_columns() - 1;
    let values = cast(batch.column(keys), &DataType::Float64).map_err(|e| e.to_string())?;
    let values = values.as_primitive::<Float64Type>();
    let row = |i: usize| {
        let keys = batch.columns()[..keys].iter().map(|c| array_value_to_string(c, i).map_err(|e| e.to_string()));
        Ok((keys.collect::<Result<_, String>>()?, values.is_valid(i).then(|| values.value(i))))
    };
    (0..batch.num_rows()).map(row).collect()
}

fn medians(runs: &[Vec<(&'static str, f64)>]) -> Vec<(String, f64)> {
    let Some(first) = runs.first() else { return Vec::new() };
    let stage = |i: usize| runs.iter().filter_map(|r| r.get(i)).map(|s| s.1).collect::<Vec<f64>>();
    first.iter().enumerate().map(|(i, (name, _))| ((*name).to_owned(), median(stage(i)).unwrap_or(0.0))).collect()
}

/// The middle of some numbers.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
