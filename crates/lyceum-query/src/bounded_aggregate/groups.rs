//! Which group a row is in: a cell of the declared product, or a key met before.

use super::lookup::{Lookup, MISSING};
use super::slots::NO_GROUP;
use super::spec::BoundSpec;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Schema;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;

/// The groups of a pass.
pub(super) struct Groups {
    keys: Keys,
    /// The group of each row of the batch, or [`NO_GROUP`].
    rows: Vec<u32>,
}

enum Keys {
    /// One table per key; a group is the sum of its keys' codes.
    Listed {
        keys: Vec<Lookup>,
        groups: u32,
    },
    Met(Met),
}

/// Undeclared keys, numbered as they are met.
struct Met {
    values: Box<dyn GroupValues>,
    rows: RowConverter,
    /// Keyed names of groups, for sampling.
    names: Vec<u64>,
    index: Vec<usize>,
}

impl Groups {
    /// Declared groups are known from the start, in the order of their product.
    pub(super) fn new(spec: &BoundSpec) -> Result<Self> {
        let keys = if let Some((_, cells)) = &spec.listed {
            let Ok(groups) = u32::try_from(*cells) else { return internal_err!("too many declared groups") };
            let mut step = groups;
            let mut keys = Vec::with_capacity(spec.keys.len());
            for key in &spec.keys {
                let Some(list) = &key.values else { return internal_err!("a key has no list") };
                step /= u32::try_from(list.len()).unwrap_or(u32::MAX).max(1);
                keys.push(Lookup::new(key, list, step)?);
            }
            Keys::Listed { keys, groups }
        } else {
            let schema = Arc::new(Schema::new(spec.key_fields().collect::<Vec<_>>()));
            let fields = spec.keys.iter().map(|k| SortField::new(k.data_type.clone())).collect();
            Keys::Met(Met {
                values: new_group_values(schema, &GroupOrdering::None)?,
                rows: RowConverter::new(fields)?,
                names: Vec::new(),
                index: Vec::new(),
            })
        };
        Ok(Self { keys, rows: Vec::new() })
    }

    /// Finds the group of each of `rows` rows. There may be more groups afterwards.
    pub(super) fn find(&mut self, columns: &[ArrayRef], rows: usize, spec: &BoundSpec) -> Result<()> {
        self.rows.clear();
        match &mut self.keys {
            Keys::Listed { keys, .. } => {
                self.rows.resize(rows, 0);
                for (key, column) in keys.iter().zip(columns) {
                    key.add_codes(column, &mut self.rows)?;
                }
                if !keys.is_empty() {
                    self.rows.iter_mut().for_each(|g| *g = if *g < MISSING { *g } else { NO_GROUP });
                }
            }
            Keys::Met(met) => {
                met.find(columns, spec)?;
                // Groups are as many as rows at most, which fit: the slots of a batch are counted in 32 bits, too.
                self.rows.extend(met.index.iter().map(|&g| u32::try_from(g).unwrap_or(NO_GROUP)));
            }
        }
        Ok(())
    }

    /// The group of each row of the batch, or [`NO_GROUP`].
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        match &self.keys {
            Keys::Listed { groups, .. } => *groups as usize,
            Keys::Met(met) => met.names.len(),
        }
    }

    /// The keyed name of each group; none for declared keys.
    pub(super) fn names(&self) -> &[u64] {
        match &self.keys {
            Keys::Listed { .. } => &[],
            Keys::Met(met) => &met.names,
        }
    }

    /// The columns that say which group a row of the result is.
    pub(super) fn emit(self) -> Result<Vec<ArrayRef>> {
        match self.keys {
            Keys::Listed { groups, .. } => Ok(vec![Arc::new(UInt32Array::from_iter_values(0..groups))]),
            Keys::Met(mut met) => met.values.emit(EmitTo::All),
        }
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        let met = match &self.keys {
            Keys::Listed { .. } => 0,
            Keys::Met(met) => met.values.size() + 8 * (met.names.capacity() + met.index.capacity()),
        };
        met + 4 * self.rows.capacity()
    }
}

impl Met {
    fn find(&mut self, columns: &[ArrayRef], spec: &BoundSpec) -> Result<()> {
        self.values.intern(columns, &mut self.index)?;
        let (known, all) = (self.names.len(), self.values.len());
        if all == known {
            return Ok(());
        }
        // Groups are numbered as they are met, so each new one's first row is met in order.
        let mut first = Vec::with_capacity(all - known);
        for (row, &group) in self.index.iter().enumerate() {
            if group == known + first.len() {
                first.push(row as u32);
            }
        }
        let first = UInt32Array::from(first);
        let new = columns.iter().map(|c| take(c, &first, None)).collect::<std::result::Result<Vec<_>, _>>()?;
        let encoded = self.rows.convert_columns(&new)?;
        self.names.extend(encoded.iter().map(|row| spec.sampling.group(row.as_ref())));
        if self.names.len() == all { Ok(()) } else { internal_err!("groups are not numbered as they are met") }
    }
}
