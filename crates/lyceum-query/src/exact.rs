//! Exact integer aggregates per group: private data between execution and release. No `Debug`, no `Clone`, no way out
//! but [`crate::release`].

use crate::bounded_aggregate::spec::BoundSpec;
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Decimal128Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{Result, internal_err};
use std::collections::BTreeMap;

/// The groups of all partitions together.
pub(crate) struct ExactGroups {
    /// Key columns: the declared product, or the keys met, in key order.
    pub(crate) keys: Vec<ArrayRef>,
    /// Number of groups.
    pub(crate) groups: usize,
    /// By measure, then group, in grid units.
    pub(crate) sums: Vec<Vec<i128>>,
    /// Units kept, by group; empty for declared keys.
    pub(crate) units: Vec<u64>,
}

impl ExactGroups {
    /// Adds the partitions' groups. Integers, so neither partitions nor order matter.
    pub(crate) fn merge(spec: &BoundSpec, batches: &[RecordBatch]) -> Result<Self> {
        match &spec.listed {
            Some((keys, groups)) => Self::merge_listed(spec, keys, *groups, batches),
            None => Self::merge_met(spec, batches),
        }
    }

    fn merge_listed(spec: &BoundSpec, keys: &[ArrayRef], groups: usize, batches: &[RecordBatch]) -> Result<Self> {
        let mut sums = vec![vec![0i128; groups]; spec.measures.len()];
        for batch in batches {
            if batch.num_rows() != groups {
                return internal_err!("a partition has other groups");
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                let part = batch.column(m + 1).as_primitive::<Decimal128Type>().values();
                sums.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
            }
        }
        Ok(Self { keys: keys.to_vec(), groups, sums, units: Vec::new() })
    }

    fn merge_met(spec: &BoundSpec, batches: &[RecordBatch]) -> Result<Self> {
        let (keys, measures) = (spec.keys.len(), spec.measures.len());
        let fields = spec.keys.iter().map(|k| SortField::new(k.data_type.clone())).collect();
        let rows = RowConverter::new(fields)?;
        let mut groups: BTreeMap<OwnedRow, (Vec<i128>, u64)> = BTreeMap::new();
        for batch in batches {
            let encoded = rows.convert_columns(&batch.columns()[..keys])?;
            let units = batch.column(keys + measures).as_primitive::<UInt64Type>();
            for (i, row) in encoded.iter().enumerate() {
                let entry = groups.entry(row.owned()).or_insert_with(|| (vec![0; measures], 0));
                for (m, sum) in entry.0.iter_mut().enumerate() {
                    *sum += batch.column(keys + m).as_primitive::<Decimal128Type>().value(i);
                }
                entry.1 += units.value(i);
            }
        }
        let keys = rows.convert_rows(groups.keys().map(OwnedRow::row))?;
        let mut sums = vec![Vec::with_capacity(groups.len()); measures];
        for (values, _) in groups.values() {
            sums.iter_mut().zip(values).for_each(|(column, v)| column.push(*v));
        }
        let units = groups.values().map(|(_, units)| *units).collect();
        Ok(Self { keys, groups: groups.len(), sums, units })
    }
}
