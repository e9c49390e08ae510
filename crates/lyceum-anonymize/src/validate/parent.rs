//! Units by foreign key: which unit a parent table's key belongs to, read from the parent's stored rows.
//!
//! Keys are kept as 128-bit keyed hashes under a secret of this upload, 32 bytes a key; key values are not kept.

use super::epoch;
use super::error::ValidateError;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType as ArrowType, Int32Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use lyceum_schema::epoch::{Epoch, Every};
use siphasher::sip128::{Hasher128, SipHasher24};
use std::collections::HashMap;
use std::hash::Hasher;
use zeroize::Zeroize;

/// The units of a parent table's keys. Holds private data: no `Debug`.
pub struct ParentUnits {
    secret: [u8; 16],
    every: Option<Every>,
    units: HashMap<u128, ParentUnit>,
}

/// The unit of a parent row, and the epoch that is part of it.
#[derive(Clone, Copy)]
pub(super) struct ParentUnit {
    pub(super) id: u64,
    pub(super) epoch: Option<Epoch>,
}

impl Drop for ParentUnits {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl ParentUnits {
    /// No keys yet. `secret`: random, of this upload alone. `every`: the epochs that are part of the units.
    #[must_use]
    pub fn new(secret: [u8; 16], every: Option<Every>) -> Self {
        Self { secret, every, units: HashMap::new() }
    }

    /// Adds stored rows of the parent: column 0 the unit id (UInt64), column 1 the key (Int32, Int64 or Utf8), and with
    /// epochs column 2 the date or timestamp that tells them. Rows without a key have no children.
    ///
    /// # Errors
    /// [`ValidateError::ParentKeyTwice`] when a key belongs to two rows, [`ValidateError::Columns`] for other columns.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), ValidateError> {
        let (units, keys, epochs) = match (rows.columns(), self.every) {
            ([units, keys], None) => (units, keys, vec![None; rows.num_rows()]),
            ([units, keys, times], Some(every)) => (units, keys, epoch::of(times, every)?),
            _ => return Err(ValidateError::Columns),
        };
        let units = units.as_primitive_opt::<UInt64Type>().ok_or(ValidateError::Columns)?;
        for ((id, epoch), key) in units.values().iter().zip(epochs).zip(self.hashes(keys)?) {
            if let Some(key) = key
                && self.units.insert(key, ParentUnit { id: *id, epoch }).is_some()
            {
                return Err(ValidateError::ParentKeyTwice);
            }
        }
        Ok(())
    }

    /// The unit of each key; `None` where the key is NULL or no parent row has it.
    pub(super) fn units_of(&self, keys: &ArrayRef) -> Result<Vec<Option<ParentUnit>>, ValidateError> {
        let hashes = self.hashes(keys)?;
        Ok(hashes.into_iter().map(|key| key.and_then(|k| self.units.get(&k).copied())).collect())
    }

    /// Integers are hashed as their decimal text, as units are: 7 and "7" are the same key.
    fn hashes(&self, keys: &ArrayRef) -> Result<Vec<Option<u128>>, ValidateError> {
        let hash = |text: &[u8]| {
            let mut hasher = SipHasher24::new_with_key(&self.secret);
            hasher.write(text);
            hasher.finish128().as_u128()
        };
        Ok(match keys.data_type() {
            ArrowType::Int32 => {
                keys.as_primitive::<Int32Type>().iter().map(|v| v.map(|v| hash(v.to_string().as_bytes()))).collect()
            }
            ArrowType::Int64 => {
                keys.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| hash(v.to_string().as_bytes()))).collect()
            }
            ArrowType::Utf8 => keys.as_string::<i32>().iter().map(|v| v.map(|v| hash(v.as_bytes()))).collect(),
            _ => return Err(ValidateError::Columns),
        })
    }
}
