//! Questions, prices and answers.

use super::Timestamp;
use crate::epoch::Epochs;
use crate::id::{ChargeId, QueryId};
use crate::name::{PopulationName, UserName};
use crate::state::QueryState;
use serde::{Deserialize, Serialize};

/// `POST /v1/workspaces/{w}/queries`. An `Idempotency-Key` header resumes the same charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// One SELECT, possibly WITH DIFFERENTIAL_PRIVACY OPTIONS(…), or EXPLAIN PRIVACY of one.
    pub sql: String,
    /// Certify and price only: nothing is read, nothing is charged.
    #[serde(default)]
    pub dry_run: bool,
    /// Charge again and draw new noise although the same question is answered.
    #[serde(default)]
    pub fresh: bool,
}

/// What a question came to, told apart by the field `result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum QueryResponse {
    /// Rows.
    Answer(Box<QueryAnswer>),
    /// A price and the reasons for it (dry run or EXPLAIN PRIVACY).
    Explanation(Box<Explanation>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    /// Whether noise was added and paid for.
    pub kind: AnswerKind,
    /// The query that was charged (for repeats: the original); absent for public answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryId>,
    /// The charge that paid for it; absent for public answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<ChargeId>,
    /// The columns, in order.
    pub columns: Vec<ColumnInfo>,
    /// The rows: one JSON value per column. 64-bit integers are numbers, dates and times ISO 8601 text.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Per row and column the interval of the privacy noise alone; `null` where there is none.
    pub noise_intervals: Vec<Vec<Option<Interval>>>,
    /// Per row and column the interval of noise and sampling together, for averages and rates.
    pub estimate_intervals: Vec<Vec<Option<Interval>>>,
    /// Everything in groups too small to show, when keys were undeclared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherRow>,
    /// Sentences: what was clipped, hidden, or may surprise.
    pub notes: Vec<String>,
    /// What it cost; absent for public answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What is left; absent for public answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<BudgetLeft>,
    /// Whether it was paid for before and is given again for free.
    pub repeated: bool,
    /// Proof that the answer is in the log; absent for public answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// Differentially private, charged.
    Private,
    /// Only public tables were read: exact and free.
    Public,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type in SQL words: `bigint`, `double`, `varchar`, `date`, `timestamp`, `boolean`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// `key`, `measure` (noisy, straight from the mechanism), `derived` (computed from those), `interval` (an end
    /// that SQL asked for), `no-interval` (computed in a way that can't be followed) or `exact` (public).
    pub role: String,
    /// Whether its numbers carry intervals.
    pub has_interval: bool,
    /// What the role means, in words.
    pub description: String,
}

/// A two-sided interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Nominal coverage, such as 0.95.
    pub confidence: f64,
}

/// All groups that are not shown, as one row with noise: one value per column of the answer, keys `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherRow {
    /// The values.
    pub values: Vec<serde_json::Value>,
    /// Their noise intervals.
    pub noise_intervals: Vec<Option<Interval>>,
}

/// What a question costs. ε does not add up; shares do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// ρ, in 1e-12.
    pub rho: u64,
    /// δ of key selections, in 1e-18.
    pub delta: u64,
    /// Share of the tightest account's cap, in [0, 1].
    pub share_of_budget: f64,
    /// ε if this were the only question ever asked.
    pub epsilon_alone: f64,
    /// How many more questions at this price the tightest account can pay, after this one was paid.
    pub more_like_this: u64,
    /// The epochs that are debited, each of them the whole price; empty in a population without epochs.
    #[serde(default, skip_serializing_if = "Epochs::is_empty")]
    pub epochs: Epochs,
}

/// What is left of the account that decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetLeft {
    /// The population.
    pub population: PopulationName,
    /// The deciding account in words.
    pub account: String,
    /// Share of its cap that is left, in [0, 1].
    pub share: f64,
    /// ε that the whole cap is worth.
    pub epsilon_cap: f64,
    /// δ of the population, as decimal text.
    pub delta: String,
}

/// Where an answer stands in the log, with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Index of the log entry.
    pub entry: u64,
    /// The proof in the `.tlog-proof` format: entry, inclusion path and signed checkpoint.
    pub text: String,
}

/// `dry_run` or EXPLAIN PRIVACY: what would happen. Nothing was spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Whether the question reads private rows.
    pub kind: AnswerKind,
    /// The price; absent for public questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What is left before paying; absent for public questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<BudgetLeft>,
    /// Whether an equal question is answered already, or the answer can be computed from earlier ones: asking is free.
    pub answered_before: bool,
    /// The columns with what can be said about their accuracy.
    pub columns: Vec<ExplainedColumn>,
    /// Why it is private: the certificate, from the output down to the scans; absent for public questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateNode>,
    /// Sentences: what will be clipped, hidden, or may surprise.
    pub notes: Vec<String>,
}

/// A column of an answer that is not paid for yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedColumn {
    /// Its name.
    pub name: String,
    /// Half-width of the 95 % noise interval, if it doesn't depend on the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_width: Option<f64>,
    /// The same in words: `± 61 in every group`, `± 3,700 / n in a group of n people`.
    pub accuracy: String,
}

/// One node of the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateNode {
    /// What it does.
    pub node: String,
    /// What is known there.
    pub facts: Vec<String>,
    /// Its inputs.
    pub inputs: Vec<CertificateNode>,
}

/// A line of `GET /v1/workspaces/{w}/queries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryHistoryEntry {
    /// The query.
    pub query: QueryId,
    /// The charge.
    pub charge: ChargeId,
    /// Who asked.
    pub user: UserName,
    /// The SQL text.
    pub sql: String,
    /// ρ, in 1e-12.
    pub rho: u64,
    /// δ of key selections, in 1e-18.
    pub delta: u64,
    /// How it ended.
    pub state: QueryState,
    /// When it was charged.
    pub time: Timestamp,
    /// Index of the log entry that ended it, or of the charge.
    pub entry: u64,
}

/// `GET /v1/workspaces/{w}/queries/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryOutcome {
    /// The query.
    #[serde(flatten)]
    pub entry: QueryHistoryEntry,
    /// Proof that its end (or its charge) is in the log.
    pub receipt: Receipt,
}
