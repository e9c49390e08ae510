//! Exact integer aggregates per group: private data between execution and release. No `Debug`, no `Clone`, no way out
//! but [`crate::release`].

use crate::barrier::Fold;
use crate::bounded_aggregate::spec::BoundSpec;
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{Result, internal_err};
use std::collections::{BTreeMap, HashSet};

/// The groups of all partitions together.
pub(crate) struct ExactGroups {
    /// Key columns: the declared product, or the keys met, in key order.
    pub(crate) keys: Vec<ArrayRef>,
    /// Number of groups.
    pub(crate) groups: usize,
    /// By measure: how many integers a group has.
    pub(crate) widths: Vec<usize>,
    /// By measure, then group, then number: in grid units.
    pub(crate) sums: Vec<Vec<i128>>,
    /// Units that keep the group, by group, then class of weight; empty for declared keys.
    pub(crate) units: Vec<u64>,
}

/// A partition's rows: its columns from the first measure on, and the group of each row.
struct Part<'a> {
    measures: &'a [ArrayRef],
    places: Vec<usize>,
}

impl ExactGroups {
    /// Adds the partitions' groups. Integers and sets, so neither partitions nor order matter.
    pub(crate) fn merge(spec: &BoundSpec, batches: &[RecordBatch]) -> Result<Self> {
        match &spec.listed {
            Some((keys, groups)) => Self::merge_listed(spec, keys, *groups, batches),
            None => Self::merge_met(spec, batches),
        }
    }

    fn merge_listed(spec: &BoundSpec, keys: &[ArrayRef], groups: usize, batches: &[RecordBatch]) -> Result<Self> {
        if batches.iter().any(|b| b.num_rows() != groups) {
            return internal_err!("a partition has other groups");
        }
        let part = |b| Part { measures: &RecordBatch::columns(b)[1..], places: (0..groups).collect() };
        let parts: Vec<Part<'_>> = batches.iter().map(part).collect();
        let (widths, sums) = add(spec, groups, &parts)?;
        Ok(Self { keys: keys.to_vec(), groups, widths, sums, units: Vec::new() })
    }

    fn merge_met(spec: &BoundSpec, batches: &[RecordBatch]) -> Result<Self> {
        let (keys, measures) = (spec.keys.len(), spec.measures.len());
        let fields = spec.keys.iter().map(|k| SortField::new(k.data_type.clone())).collect();
        let rows = RowConverter::new(fields)?;
        let mut encoded = Vec::with_capacity(batches.len());
        let mut known: BTreeMap<OwnedRow, usize> = BTreeMap::new();
        for batch in batches {
            let converted = rows.convert_columns(&batch.columns()[..keys])?;
            let owned: Vec<OwnedRow> = converted.iter().map(|row| row.owned()).collect();
            known.extend(owned.iter().cloned().map(|row| (row, 0)));
            encoded.push(owned);
        }
        known.values_mut().enumerate().for_each(|(i, place)| *place = i);
        let place = |row: &OwnedRow| known.get(row).copied().unwrap_or_default();
        let part = |(b, rows): (_, Vec<OwnedRow>)| Part {
            measures: &RecordBatch::columns(b)[keys..],
            places: rows.iter().map(place).collect(),
        };
        let parts: Vec<Part<'_>> = batches.iter().zip(encoded).map(part).collect();
        let classes = spec.classes().max(1);
        let mut units = vec![0u64; known.len() * classes];
        for part in &parts {
            let counted = part.measures[measures].as_fixed_size_list().values().as_primitive::<UInt64Type>().values();
            for (&place, counted) in part.places.iter().zip(counted.chunks_exact(classes)) {
                units[place * classes..].iter_mut().zip(counted).for_each(|(sum, n)| *sum += n);
            }
        }
        let columns = rows.convert_rows(known.keys().map(OwnedRow::row))?;
        let (widths, sums) = add(spec, known.len(), &parts)?;
        Ok(Self { keys: columns, groups: known.len(), widths, sums, units })
    }
}

/// Widths and sums by measure.
fn add(spec: &BoundSpec, groups: usize, parts: &[Part<'_>]) -> Result<(Vec<usize>, Vec<Vec<i128>>)> {
    let widths: Vec<usize> = spec.measures.iter().map(|m| m.fold.width()).collect();
    let mut sums: Vec<Vec<i128>> = Vec::with_capacity(widths.len());
    for (m, measure) in spec.measures.iter().enumerate() {
        let columns = parts.iter().map(|p| (&p.measures[m], &p.places));
        let mut total = vec![0i128; groups * measure.fold.width()];
        match measure.fold {
            Fold::Rows | Fold::NonNull { .. } | Fold::Sum { .. } | Fold::Units => {
                for (column, places) in columns {
                    let values = column.as_primitive::<Decimal128Type>().values();
                    places.iter().zip(values).for_each(|(&place, v)| total[place] += v);
                }
            }
            Fold::Leaves { nodes, .. } => {
                let nodes = nodes as usize;
                for (column, places) in columns {
                    let values = column.as_fixed_size_list().values().as_primitive::<Int64Type>().values();
                    for (place, values) in places.iter().zip(values.chunks_exact(nodes)) {
                        let into = total[place * nodes..(place + 1) * nodes].iter_mut();
                        into.zip(values).for_each(|(sum, v)| *sum += i128::from(*v));
                    }
                }
            }
            Fold::Distinct { .. } => {
                let mut values: Vec<HashSet<u64>> = vec![HashSet::new(); groups];
                for (column, places) in columns {
                    let lists = column.as_list::<i32>();
                    for (row, &place) in places.iter().enumerate() {
                        values[place].extend(lists.value(row).as_primitive::<UInt64Type>().values());
                    }
                }
                total.iter_mut().zip(values).for_each(|(sum, v)| *sum = v.len() as i128);
            }
            // Coarser levels come after their leaves.
            Fold::Level { leaves, by, .. } => {
                let Some(fine) = sums.get(leaves).filter(|l| l.len() == total.len() * by as usize) else {
                    return internal_err!("a level doesn't fit its leaves");
                };
                let families = fine.chunks_exact(by as usize).map(|family| family.iter().sum());
                total.iter_mut().zip(families).for_each(|(sum, family)| *sum = family);
            }
        }
        sums.push(total);
    }
    Ok((widths, sums))
}
