//! How stages 4 to 8 say no. Before the charge: [`PriceError`], static and detailed. After it:
//! [`ExecutionFailed`], one constant text whatever happened. On public data: [`FinishError`].

use crate::departure::Departure;
use lyceum_schema::id::{ChargeId, QueryId};

/// Why a certified query has no price. Depends on the query, the policies and declared figures only.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PriceError {
    /// ε asked for is above what a policy allows for one query, or not a positive number.
    #[error(
        "epsilon = {asked} is not allowed: one query on {table} may cost more than 0 and at most {allowed}; \
             lower epsilon in OPTIONS"
    )]
    Epsilon {
        /// What was asked.
        asked: f64,
        /// What the tightest policy allows.
        allowed: f64,
        /// The release with that policy.
        table: String,
    },
    /// A population's δ is too large for its declared size.
    #[error(
        "population {population} has delta = {delta}, more than 1/(10 × {size} declared units); \
             its owner must declare a smaller delta"
    )]
    Delta {
        /// The population.
        population: String,
        /// δ for conversion and selections together.
        delta: f64,
        /// Declared units.
        size: u64,
    },
    /// The product of the declared keys is too large.
    #[error(
        "GROUP BY has {cells} declared cells, at most {limit} are released at once; \
             group by fewer columns or shorter lists"
    )]
    TooManyCells {
        /// The product of the lists.
        cells: u128,
        /// The limit.
        limit: u64,
    },
    /// A contribution bound is so wide that exact integers could overflow.
    #[error(
        "the contribution bounds of aggregate {measure} are too wide for exact integers; \
             set contribution_bounds_per_group to a narrower range"
    )]
    BoundsTooWide {
        /// Index of the measure.
        measure: usize,
    },
    /// The price is so small that noise would drown everything, or so large that there'd be none.
    #[error("epsilon = {epsilon} leaves no usable noise scale for aggregate {measure}")]
    Scale {
        /// ε asked for.
        epsilon: f64,
        /// Index of the measure.
        measure: usize,
    },
    /// δ of one selection is too small for any threshold.
    #[error(
        "no threshold exists for undeclared keys at delta = {delta}; raise selection_delta_share or declare the keys"
    )]
    Threshold {
        /// δ of this query's selection.
        delta: f64,
    },
    /// The physical plan has an operator that may not run below the barrier.
    #[error("the plan would run {operator} on private rows, which is not allowed; simplify the query")]
    Operator {
        /// The operator's name.
        operator: String,
    },
    /// The physical plan has an expression that may not run below the barrier.
    #[error("the plan would evaluate {expression} on private rows, which is not allowed; simplify the expression")]
    Expression {
        /// The kind of expression or function.
        expression: String,
    },
    /// Planning failed although certification passed: a fault of this program, static all the same.
    #[error("the certified query could not be planned ({step})")]
    Planning {
        /// Which step.
        step: &'static str,
    },
    /// The part above the barriers can't be planned.
    #[error(
        "the part of the query above its aggregates can't be planned: {reason}; nothing was charged; \
             write it in simpler steps, or compute it from the answer"
    )]
    Above {
        /// What the planner says of the query's text.
        reason: String,
    },
    /// The operating system gave no randomness for sampling groups.
    #[error("no randomness from the operating system")]
    Randomness,
}

impl PriceError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Epsilon { .. } => "E2401",
            Self::Delta { .. } => "E2402",
            Self::TooManyCells { .. } => "E2403",
            Self::BoundsTooWide { .. } => "E2404",
            Self::Scale { .. } => "E2405",
            Self::Threshold { .. } => "E2406",
            Self::Operator { .. } => "E2407",
            Self::Expression { .. } => "E2408",
            Self::Planning { .. } => "E2409",
            Self::Randomness => "E2410",
            Self::Above { .. } => "E2411",
        }
    }
}

/// A charged query without an answer. The text is the same whatever happened; what happened is in nobody's answer.
/// Await [`ExecutionFailed::leave`] before telling anyone.
#[derive(Debug, thiserror::Error)]
#[error("the query was charged and failed; the reason is in the operator's log")]
pub struct ExecutionFailed {
    /// The query.
    pub query: QueryId,
    /// The charge, which stays.
    pub charge: ChargeId,
    pub(crate) departure: Departure,
}

impl ExecutionFailed {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "E2600"
    }

    /// Waits for the priced time.
    pub async fn leave(&self) {
        self.departure.wait().await;
    }
}

/// Why post-processing, or a query over public tables, gave no answer. No private row is involved, but engine texts
/// are kept to the operator all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    /// The plan above the barrier failed on the released numbers (a division by zero, a cast).
    #[error(
        "the part of the query after aggregation failed on the released numbers ({step}); the released groups are \
             stored, ask again with a different expression: the repeat is free"
    )]
    Above {
        /// Which step.
        step: &'static str,
    },
    /// It ran too long.
    #[error("the query took longer than {seconds} s")]
    Timeout {
        /// The limit in seconds.
        seconds: u64,
    },
    /// The result has too many rows.
    #[error("the result has more than {limit} rows; add a LIMIT")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
    /// Stored bytes are not a released answer of this query.
    #[error("the stored answer is damaged or belongs to another query")]
    Stored,
    /// A query over public tables failed.
    #[error("the query failed on the table's rows ({step})")]
    Public {
        /// Which step.
        step: &'static str,
    },
}

impl FinishError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Above { .. } => "E2801",
            Self::Timeout { .. } => "E2802",
            Self::TooManyRows { .. } => "E2803",
            Self::Stored => "E2804",
            Self::Public { .. } => "E2805",
        }
    }
}
