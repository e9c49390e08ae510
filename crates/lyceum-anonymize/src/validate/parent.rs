//! Units by foreign key: which unit a parent table's key belongs to, read from the parent's stored rows.
//!
//! Keys are kept as 128-bit keyed hashes under a secret of this upload, 24 bytes a key; key values are not kept.

use super::error::ValidateError;
use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType as ArrowType, Int32Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::collections::HashMap;
use std::hash::Hasher;
use zeroize::Zeroize;

/// The units of a parent table's keys. Holds private data: no `Debug`.
pub struct ParentUnits {
    secret: [u8; 16],
    units: HashMap<u128, u64>,
}

impl Drop for ParentUnits {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl ParentUnits {
    /// No keys yet. `secret`: random, of this upload alone.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self { secret, units: HashMap::new() }
    }

    /// Adds stored rows of the parent: column 0 the unit id (UInt64), column 1 the key (Int32, Int64 or Utf8). Rows
    /// without a key have no children.
    ///
    /// # Errors
    /// [`ValidateError::ParentKeyTwice`] when a key belongs to two rows, [`ValidateError::Columns`] for other columns.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), ValidateError> {
        let [units, keys] = rows.columns() else { return Err(ValidateError::Columns) };
        let units = units.as_primitive_opt::<UInt64Type>().ok_or(ValidateError::Columns)?;
        for (unit, key) in units.values().iter().zip(self.hashes(keys)?) {
            if let Some(key) = key
                && self.units.insert(key, *unit).is_some()
            {
                return Err(ValidateError::ParentKeyTwice);
            }
        }
        Ok(())
    }

    /// The unit of each key; NULL where the key is NULL or no parent row has it.
    pub(super) fn units_of(&self, keys: &ArrayRef) -> Result<UInt64Array, ValidateError> {
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
