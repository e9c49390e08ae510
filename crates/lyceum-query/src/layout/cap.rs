//! The cap of rows per unit. Every row gets a rank: a keyed hash (SipHash-2-4) of its content. Sorted by unit and
//! rank, a unit's first rows are a sample of its rows that an outsider can't predict, that no order of upload
//! changes, and that depends on no other unit.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array};
use arrow::datatypes::{Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::sync::Arc;

/// The rank column's name while sorting.
pub(super) const RANK_COLUMN: &str = "__rank";

/// Adds the rank as the last column.
pub(super) struct Ranker {
    converter: RowConverter,
    key: [u8; 16],
    schema: SchemaRef,
}

impl Ranker {
    pub(super) fn new(schema: &Schema, ranked: SchemaRef, key: [u8; 16]) -> Result<Self, ArrowError> {
        let fields = schema.fields().iter().map(|f| SortField::new(f.data_type().clone())).collect();
        Ok(Self { converter: RowConverter::new(fields)?, key, schema: ranked })
    }

    pub(super) fn rank(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = self.converter.convert_columns(batch.columns())?;
        let ranks: UInt64Array = rows
            .iter()
            .map(|row| {
                let mut hasher = SipHasher24::new_with_key(&self.key);
                hasher.write(row.as_ref());
                Some(hasher.finish())
            })
            .collect();
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(ranks) as ArrayRef);
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// Counts units and rows in a stream sorted by unit, and says which rows exceed the cap.
pub(super) struct Cap {
    max_rows: u64,
    current: Option<u64>,
    rows_of_current: u64,
    pub(super) units: u64,
    pub(super) capped_rows: u64,
}

impl Cap {
    pub(super) const fn new(max_rows: u64) -> Self {
        Self { max_rows, current: None, rows_of_current: 0, units: 0, capped_rows: 0 }
    }

    /// The rows to keep; `None`: all.
    pub(super) fn keep(&mut self, units: &UInt64Array) -> Option<BooleanArray> {
        let before = self.capped_rows;
        let keep: Vec<bool> = units.values().iter().map(|unit| self.admit(*unit)).collect();
        (self.capped_rows > before).then(|| keep.into())
    }

    fn admit(&mut self, unit: u64) -> bool {
        if self.current != Some(unit) {
            self.current = Some(unit);
            self.rows_of_current = 0;
            self.units += 1;
        }
        self.rows_of_current += 1;
        let admitted = self.rows_of_current <= self.max_rows;
        self.capped_rows += u64::from(!admitted);
        admitted
    }
}

/// The unit column of a stored batch.
pub(super) fn units(batch: &RecordBatch) -> Option<&UInt64Array> {
    batch.columns().first().and_then(|c| c.as_primitive_opt::<UInt64Type>()).filter(|a| a.null_count() == 0)
}
