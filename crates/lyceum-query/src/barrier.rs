//! The barrier: the contract between certification (which writes it), pricing (which reads it), the physical
//! operator (which enforces it) and release (which adds the noise). Static facts only. A query has one or several.
//!
//! *Below* the barrier is a plan whose output columns are, by position: `__unit` (UInt64, not null), then one
//! column per [`Key`], then one column per value: `Int64` on a fixed-point grid, or any type where different values are
//! counted (NULL: the row doesn't take part).
//! Per unit the rows fold into one vector (one cell per key tuple) per [`Measure`]; the vector is bounded; the
//! bounded integers are added to the groups. *Above* reads them as a [`crate::released_table::ReleasedTable`].

use crate::domain::Kind;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
pub use lyceum_privacy::accuracy::Divisor;
use lyceum_schema::id::ReleaseId;
use lyceum_schema::name::{OrganisationName, TableName};

/// Everything the stages after certification need to know about a private aggregate.
#[derive(Debug, Clone)]
pub struct Barrier {
    /// The releases whose rows are read, each once.
    pub sources: Vec<Source>,
    /// The population of the unit. One per barrier.
    pub population: crate::catalog::Population,
    /// Whether each row is one unit (then a unit has one group and nothing is ever clipped).
    pub unit_is_row: bool,
    /// The group keys, in output order; empty: one group.
    pub keys: Vec<Key>,
    /// How many fixed-point value columns *below* has.
    pub values: usize,
    /// What is accumulated as exact integers.
    pub measures: Vec<Measure>,
    /// What SQL asked for, computed from noisy measures.
    pub aggregates: Vec<Aggregate>,
    /// L0: groups that one unit contributes to in full. 1 when `unit_is_row` or there are no keys.
    pub max_groups: u32,
    /// M: groups of one unit that are looked at where keys are undeclared, at least L0. The whole vector over them is
    /// bounded like one over declared keys, so that they cost no noise; more of them make τ a little higher.
    pub kept_groups: u32,
    /// How groups come to be shown.
    pub selection: KeySelection,
    /// ε asked for in OPTIONS, as if asked alone; `None`: the policy's default.
    pub epsilon: Option<f64>,
    /// Bias that bounding causes, as far as static facts tell.
    pub bias: Bias,
    /// Sentences for people: what will be clipped, hidden, or may surprise.
    pub warnings: Vec<String>,
}

/// One release that the barrier reads.
#[derive(Debug, Clone)]
pub struct Source {
    /// The release.
    pub release: ReleaseId,
    /// Its owner, who is charged.
    pub owner: OrganisationName,
    /// Its name in SQL.
    pub table: TableName,
    /// Its policy.
    pub policy: std::sync::Arc<lyceum_schema::policy::Policy>,
    /// About how many rows it has, as declared.
    pub expected_rows: u64,
    /// The epochs that the query can touch of it; none where the unit is a person for all time.
    pub epochs: lyceum_schema::epoch::Epochs,
}

/// One group key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Name for people.
    pub name: String,
    /// Arrow type of the column.
    pub data_type: DataType,
    /// All possible values (NULL included if possible), in showing order; `None`: undeclared.
    pub values: Option<Vec<ScalarValue>>,
}

/// How groups come to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySelection {
    /// Every key has a list: every cell of the product is released, empty ones with noise.
    Public,
    /// Some key has no list: at most M keys per unit, shown if raw units ≥ k and noisy units, or their weights, ≥ τ.
    Private {
        /// k.
        minimum_group_size: u32,
    },
}

/// An exact integer accumulated per group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// What the rows of one unit in one group fold to.
    pub fold: Fold,
    /// Smallest value one unit may add to one group, in grid units (≤ 0).
    pub low: i64,
    /// Largest value one unit may add to one group, in grid units (≥ 0).
    pub high: i64,
    /// Measures with the same number are scaled by their common smallest factor (an average's two parts).
    pub scale_group: usize,
}

/// How rows become a unit's value in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// Number of rows.
    Rows,
    /// Number of rows whose value column is not NULL.
    NonNull {
        /// Index among the value columns.
        value: usize,
    },
    /// Sum of the value column, NULLs left out, in i128 before bounding.
    Sum {
        /// Index among the value columns.
        value: usize,
    },
    /// 1 if the unit has any row in the group: COUNT(DISTINCT unit).
    Units,
    /// The leaves of a histogram: how often each of `nodes` values of the column occurs; the column counts from 0.
    Leaves {
        /// Index among the value columns.
        value: usize,
        /// How many leaves there are.
        nodes: u32,
    },
    /// A coarser level of the histogram: each node is the sum of `by` leaves that follow each other.
    Level {
        /// The measure of the leaves.
        leaves: usize,
        /// Leaves per node.
        by: u32,
        /// How many nodes there are.
        nodes: u32,
    },
    /// The different values of the column in the group: the union of those that each unit keeps, at most as many as
    /// the measure's `high`.
    Distinct {
        /// Index among the value columns.
        value: usize,
    },
}

impl Fold {
    /// How many integers each group has.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Leaves { nodes, .. } | Self::Level { nodes, .. } => nodes as usize,
            Self::Rows | Self::NonNull { .. } | Self::Sum { .. } | Self::Units | Self::Distinct { .. } => 1,
        }
    }

    /// Whether the integer of all groups together is the sum of theirs, one number that means something.
    #[must_use]
    pub const fn has_total(self) -> bool {
        match self {
            Self::Rows | Self::NonNull { .. } | Self::Sum { .. } | Self::Units => true,
            Self::Leaves { .. } | Self::Level { .. } | Self::Distinct { .. } => false,
        }
    }
}

/// What SQL asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregate {
    /// COUNT(*), COUNT(x), COUNT(DISTINCT unit): Int64.
    Count {
        /// The measure.
        measure: usize,
    },
    /// SUM(x): Int64 when `integer`, else Float64.
    Sum {
        /// The measure.
        measure: usize,
        /// The grid of the measure.
        grid: Grid,
        /// Whether SQL's type is an integer.
        integer: bool,
    },
    /// AVG(x): Float64; centre + Σ(x − centre) / n, limited to `[low, high]`; NULL if the noisy n is below 1.
    Average {
        /// The measure of centred sums.
        sum: usize,
        /// The measure of counts.
        count: usize,
        /// The grid of the sum.
        grid: Grid,
        /// The centre that was subtracted from each row, in grid units.
        centre: i64,
        /// Smallest possible value.
        low: f64,
        /// Largest possible value.
        high: f64,
    },
    /// A statistic of the second moments of one value or two: Float64; NULL where it isn't defined.
    Moments(Moments),
    /// COUNT(DISTINCT x): Int64; NULL in the `other` row.
    Distinct {
        /// The measure.
        measure: usize,
    },
    /// A quantile of the values, to within a leaf of their histogram; NULL if the noisy number of them is below 1.
    Quantile(Quantile),
}

/// A quantile from a histogram's levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    /// The measures of the levels, from the top to the leaves.
    pub levels: Vec<usize>,
    /// Nodes at the top.
    pub tops: usize,
    /// Children of each node above the leaves.
    pub branching: usize,
    /// Which quantile, in [0, 1].
    pub q: f64,
    /// The value of the first leaf.
    pub first: f64,
    /// The step from leaf to leaf.
    pub step: f64,
    /// Smallest and largest possible value.
    pub range: (f64, f64),
    /// What SQL gets; dates and timestamps are computed in seconds.
    pub kind: Kind,
    /// Whether each leaf is one value, else the values nearest to it.
    pub discrete: bool,
}

/// Noisy moments and the statistic of them. Values are taken less their centres.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Which statistic.
    pub statistic: Statistic,
    /// The measure of counts: rows where no value is NULL.
    pub count: usize,
    /// The value; of two the independent one.
    pub x: Moment,
    /// The dependent value, and the measure of Σxy.
    pub y: Option<(Moment, usize)>,
}

/// The sums of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The measure of Σx.
    pub sum: usize,
    /// The measure of Σx², where it is needed.
    pub squares: Option<usize>,
    /// The grid of Σx; that of products is the product of grids.
    pub grid: Grid,
    /// The centre that was subtracted from each row, in grid units.
    pub centre: i64,
    /// Width of the range of values.
    pub width: f64,
}

impl Quantile {
    /// The value at a position counted in leaves.
    #[must_use]
    pub fn value_at(&self, position: f64) -> Option<f64> {
        let value = if self.discrete {
            self.first + position.floor() * self.step
        } else {
            // A leaf holds what is nearer to it than half a step.
            self.first + (position - 0.5) * self.step
        };
        value.is_finite().then(|| value.clamp(self.range.0, self.range.1))
    }

    /// The values between two positions.
    #[must_use]
    pub fn interval(&self, low: f64, high: f64) -> (f64, f64) {
        let (low, high) = if self.discrete { (low, high - 1.0) } else { (low - 0.5, high - 0.5) };
        let value = |p: f64| (self.first + p * self.step).clamp(self.range.0, self.range.1);
        (value(low), value(high.max(low)))
    }
}

/// A statistic of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// VAR_POP, VAR_SAMP.
    Variance(Divisor),
    /// STDDEV_POP, STDDEV_SAMP.
    Deviation(Divisor),
    /// COVAR_POP, COVAR_SAMP.
    Covariance(Divisor),
    /// CORR.
    Correlation,
    /// REGR_SLOPE(y, x).
    Slope,
    /// REGR_INTERCEPT(y, x).
    Intercept,
}

impl Aggregate {
    /// The Arrow type of its column in a released table, and whether it may be NULL.
    #[must_use]
    pub const fn data_type(&self) -> (DataType, bool) {
        match self {
            Self::Count { .. } => (DataType::Int64, false),
            Self::Sum { integer: true, .. } => (DataType::Int64, true),
            Self::Sum { integer: false, .. } | Self::Average { .. } | Self::Moments(_) => (DataType::Float64, true),
            Self::Distinct { .. } => (DataType::Int64, true),
            Self::Quantile(quantile) => (quantile.kind.arrow(), true),
        }
    }

    /// The measures it is computed from.
    #[must_use]
    pub fn measures(&self) -> Vec<usize> {
        match self {
            Self::Count { measure } | Self::Sum { measure, .. } | Self::Distinct { measure } => vec![*measure],
            Self::Quantile(quantile) => quantile.levels.clone(),
            Self::Average { sum, count, .. } => vec![*sum, *count],
            Self::Moments(m) => {
                let of = |v: &Moment| std::iter::once(v.sum).chain(v.squares);
                let y = m.y.iter().flat_map(|(y, product)| of(y).chain([*product]));
                std::iter::once(m.count).chain(of(&m.x)).chain(y.collect::<Vec<_>>()).collect()
            }
        }
    }
}

/// A fixed-point grid: value = integer × 2^exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// The power of two. 0 for integers, −20 keeps about six decimals.
    pub exponent: i32,
}

impl Barrier {
    /// Whether totals over its groups are sums of their numbers: each row counts once however groups are merged, and
    /// every group is released. Not so for people, who may be in several groups.
    #[must_use]
    pub fn rolls_up(&self) -> bool {
        let adds_up = |fold: Fold| match fold {
            Fold::Units => self.max_groups <= 1,
            Fold::Distinct { .. } => false,
            Fold::Rows | Fold::NonNull { .. } | Fold::Sum { .. } | Fold::Leaves { .. } | Fold::Level { .. } => true,
        };
        let counted_once = |m: usize| self.measures.get(m).is_some_and(|m| adds_up(m.fold));
        self.selection == KeySelection::Public && self.aggregates.iter().flat_map(Aggregate::measures).all(counted_once)
    }
}

impl Grid {
    /// One grid unit.
    #[must_use]
    pub fn unit(self) -> f64 {
        2f64.powi(self.exponent)
    }
}

/// What bounding does to the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bias {
    /// Proved: no unit can exceed its bounds.
    None,
    /// Counts and sums over all groups together are low by at most this share, in (0, 1), if every unit were as far
    /// beyond its bounds as it can be.
    AtMost(f64),
    /// Possible, amount unknown before anything is paid for.
    Unknown,
}

impl Bias {
    /// In words.
    #[must_use]
    pub fn described(self) -> String {
        match self {
            Self::None => "none (proved): no unit can exceed its bounds".to_owned(),
            Self::AtMost(share) => format!(
                "all groups together are low by at most {:.1} %: what a unit has beyond its bounds is cut off",
                (1000.0 * share).ceil() / 10.0
            ),
            Self::Unknown => "unknown: what units have beyond their bounds is cut off".to_owned(),
        }
    }
}
