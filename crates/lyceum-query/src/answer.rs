//! What a researcher gets: a table, an interval for every number that has one, and notes. Everything here is public.

use arrow::array::Float64Array;
use arrow::record_batch::RecordBatch;

/// The answer of one query.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The rows, as SQL asked for them.
    pub batch: RecordBatch,
    /// What each column of `batch` is, by position.
    pub columns: Vec<AnswerColumn>,
    /// Everything that groups not shown have together, if the query has undeclared keys and its columns can be
    /// followed to the released ones.
    pub other: Option<OtherRow>,
    /// Sentences for people: bias, warnings, why a column has no interval.
    pub notes: Vec<String>,
}

/// One column of an answer.
#[derive(Debug, Clone)]
pub struct AnswerColumn {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ColumnKind,
    /// Per row, what covers the exact bounded value. Nominal coverage is void after selection by HAVING or LIMIT.
    pub noise_interval: Option<Intervals>,
    /// Per row, for averages: what covers the value in the population that the rows are a sample of.
    pub estimate_interval: Option<Intervals>,
}

/// What a column of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// A group key, or an expression of keys and constants.
    Key,
    /// An aggregate, straight from the barrier.
    Measure,
    /// The end of an interval that SQL asked for.
    Interval,
    /// Computed from aggregates of the same row; the interval is closed or from redraws of the noise.
    Derived,
    /// Computed in a way that can't be followed: no interval.
    NoInterval,
    /// Straight from public tables: exact.
    Exact,
}

/// Two ends per row; NULL where the value is NULL.
#[derive(Debug, Clone)]
pub struct Intervals {
    /// Nominal coverage, in (0, 1).
    pub confidence: f64,
    /// Lower ends.
    pub low: Float64Array,
    /// Upper ends.
    pub high: Float64Array,
}

/// All groups that are not shown, as one row: a separately charged total minus what is shown.
#[derive(Debug, Clone)]
pub struct OtherRow {
    /// One value per column of the answer; keys are NULL.
    pub batch: RecordBatch,
    /// By column; the noise is that of the total and of every shown group.
    pub noise_interval: Vec<Option<(f64, f64)>>,
}
