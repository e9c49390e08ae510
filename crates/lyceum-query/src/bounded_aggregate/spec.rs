//! What the operator enforces: keys, measures, L0, how keys are selected, and the secret that samples groups.

use super::bound::Ball;
use crate::barrier::{Barrier, Fold, Key, KeySelection, Measure};
use crate::failure::PriceError;
use crate::faults::{self, Fault};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use lyceum_privacy::selection::Weights;
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Column with the position of a group in the product of the declared lists.
pub(crate) const GROUP_COLUMN: &str = "__group";
/// Column with the numbers of units kept in a group, by class of weight.
pub(crate) const UNITS_COLUMN: &str = "__units";
/// Most cells of declared keys that are released at once.
pub(crate) const MAX_CELLS: u64 = 100_000;

/// Bits that the largest contribution to one group has at least, where contributions may be cut.
const FINE_BITS: u32 = 16;

/// Everything that the operator needs; made once per prepared query.
pub(crate) struct BoundSpec {
    pub(crate) keys: Vec<Key>,
    pub(crate) measures: Vec<Measure>,
    pub(crate) balls: Vec<Ball>,
    /// By measure: binary digits that bounded values have beyond the measure's grid, so that cutting a count of 1
    /// leaves a fraction of it and not nothing. Balls, exact sums and noise are in these finer units.
    pub(crate) fraction_bits: Vec<u32>,
    /// L0: R = √L0·C.
    pub(crate) max_groups: u32,
    /// M: groups that a unit keeps where keys are undeclared.
    pub(crate) kept_groups: u32,
    /// How units count where keys are undeclared.
    pub(crate) weights: Option<Weights>,
    /// The declared product as columns and its length, when every key has a list.
    pub(crate) listed: Option<(Vec<ArrayRef>, usize)>,
    pub(crate) sampling: SamplingKey,
}

impl BoundSpec {
    /// Checks that everything fits exact integers and that the declared product is not too large.
    pub(crate) fn new(barrier: &Barrier, sampling: SamplingKey) -> Result<Self, PriceError> {
        let mut balls = Vec::with_capacity(barrier.measures.len());
        let mut fraction_bits = Vec::with_capacity(barrier.measures.len());
        // A unit of one row is never cut.
        let cuts = !barrier.unit_is_row;
        for (measure, m) in barrier.measures.iter().enumerate() {
            if m.low > 0 || m.high < 0 {
                return Err(PriceError::Planning { step: "contribution bounds exclude zero" });
            }
            let cell = m.low.unsigned_abs().max(m.high.unsigned_abs());
            // Values are kept or not, never a part of one.
            let cuts = cuts && !matches!(m.fold, Fold::Distinct { .. });
            let fraction = if cuts { FINE_BITS.saturating_sub(u64::BITS - cell.leading_zeros()) } else { 0 };
            let ball = Ball::new(cell << fraction, barrier.max_groups);
            balls.push(ball.ok_or(PriceError::BoundsTooWide { measure })?);
            fraction_bits.push(fraction);
        }
        let listed = match barrier.selection {
            KeySelection::Public => Some(listed_cells(&barrier.keys)?),
            KeySelection::Private { .. } => None,
        };
        let max_groups = barrier.max_groups.max(1);
        let kept_groups = barrier.kept_groups.max(max_groups);
        Ok(Self {
            keys: barrier.keys.clone(),
            measures: barrier.measures.clone(),
            balls,
            fraction_bits,
            max_groups,
            kept_groups,
            weights: listed.is_none().then(|| Weights::new(max_groups, kept_groups)),
            listed,
            sampling,
        })
    }

    /// What leaves each partition: `__group` (or the keys and `__units`), and a column per measure: one
    /// 128-bit integer, or a list where a measure has several numbers or values.
    pub(crate) fn output_schema(&self) -> SchemaRef {
        let list = |item| Arc::new(Field::new_list_field(item, false));
        let measures = self.measures.iter().enumerate().map(|(i, m)| {
            let data_type = match m.fold {
                Fold::Leaves { nodes, .. } => {
                    DataType::FixedSizeList(list(DataType::Int64), i32::try_from(nodes).unwrap_or(i32::MAX))
                }
                Fold::Distinct { .. } => DataType::List(list(DataType::UInt64)),
                Fold::Rows | Fold::NonNull { .. } | Fold::Sum { .. } | Fold::Units | Fold::Level { .. } => {
                    DataType::Decimal128(38, 0)
                }
            };
            Field::new(format!("m{i}"), data_type, false)
        });
        let fields: Vec<Field> = if self.listed.is_some() {
            std::iter::once(Field::new(GROUP_COLUMN, DataType::UInt32, false)).chain(measures).collect()
        } else {
            let classes = i32::try_from(self.classes()).unwrap_or(i32::MAX);
            let units = DataType::FixedSizeList(list(DataType::UInt64), classes);
            self.key_fields().chain(measures).chain([Field::new(UNITS_COLUMN, units, false)]).collect()
        };
        Arc::new(Schema::new(fields))
    }

    /// Numbers of units that each group has; 0 for declared keys.
    pub(crate) fn classes(&self) -> usize {
        self.weights.as_ref().map_or(0, Weights::classes)
    }

    /// Whether some measure counts in at most L0 groups of a unit.
    pub(crate) fn keeps_fewest(&self) -> bool {
        self.measures.iter().any(|m| matches!(m.fold, Fold::Distinct { .. }))
    }

    /// Whether units only need to be told apart: then their ordinals in a table do instead of their ids. Not where
    /// groups or values are sampled, because what a person's sample is must not depend on who else is there.
    pub(crate) fn by_ordinal(&self) -> bool {
        self.listed.is_some() && !self.keeps_fewest()
    }

    /// The keys as nullable fields `k0…`.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = Field> {
        self.keys.iter().enumerate().map(|(i, k)| Field::new(format!("k{i}"), k.data_type.clone(), true))
    }
}

impl fmt::Debug for BoundSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys={} measures={} max_groups={}", self.keys.len(), self.measures.len(), self.max_groups)
    }
}

/// 128 secret bits, fresh per prepared query (hence per charge), that decide which groups a unit keeps.
pub(crate) struct SamplingKey([u8; 16]);

impl SamplingKey {
    /// From the operating system.
    pub(crate) fn fresh() -> Result<Self, PriceError> {
        if let Some(key) = faults::sampling() {
            return Ok(Self(key));
        }
        if faults::on(Fault::SamplingKeyConstant) {
            return Ok(Self([7; 16]));
        }
        let mut key = [0u8; 16];
        getrandom::fill(&mut key).map_err(|_| PriceError::Randomness)?;
        Ok(Self(key))
    }

    /// A given key, so that tests can compare runs.
    #[cfg(test)]
    pub(crate) const fn fixed(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// The name of a group under this key, from its row-encoded key.
    pub(crate) fn group(&self, row: &[u8]) -> u64 {
        let mut h = SipHasher13::new_with_key(&self.0);
        h.write(row);
        h.finish()
    }

    /// The rank of a group for a unit: each unit keeps its smallest.
    pub(crate) fn rank(&self, unit: u64, group: u64) -> u64 {
        let mut h = SipHasher13::new_with_key(&self.0);
        h.write_u64(unit);
        h.write_u64(group);
        h.finish()
    }
}

/// The product of the declared lists, first key slowest, as one column per key, and its length.
fn listed_cells(keys: &[Key]) -> Result<(Vec<ArrayRef>, usize), PriceError> {
    const PLANNING: PriceError = PriceError::Planning { step: "declared keys" };
    let lists: Vec<&[ScalarValue]> =
        keys.iter().map(|k| k.values.as_deref().ok_or(PLANNING)).collect::<Result<_, _>>()?;
    let cells = lists.iter().fold(1u128, |n, l| n.saturating_mul(l.len() as u128));
    if cells > u128::from(MAX_CELLS) {
        return Err(PriceError::TooManyCells { cells, limit: MAX_CELLS });
    }
    let cells = usize::try_from(cells).map_err(|_| PLANNING)?;
    let mut columns = Vec::with_capacity(keys.len());
    let mut repeat = cells;
    for (list, key) in lists.iter().zip(keys) {
        if list.is_empty() {
            return Err(PLANNING);
        }
        repeat /= list.len();
        let values = ScalarValue::iter_to_array(list.iter().cloned()).map_err(|_| PLANNING)?;
        if values.data_type() != &key.data_type {
            return Err(PLANNING);
        }
        let positions = (0..cells).map(|i| ((i / repeat) % list.len()) as u32);
        columns.push(take(&values, &UInt32Array::from_iter_values(positions), None).map_err(|_| PLANNING)?);
    }
    Ok((columns, cells))
}
