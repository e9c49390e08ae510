//! The second pass: rows in, released rows out. Quasi-identifiers become ranges, rows that are left out disappear,
//! other columns pass.

use super::{Cell, NO_LEVEL, Print, Recoding, SUPPRESSED};
use crate::hierarchy::{Hierarchy, Leaf};
use crate::ranges::{RangeType, field, fields};
use crate::tuples::{Layout, Tuples, leaves_of};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray, UInt8Array, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType as ArrowType, FieldRef, Schema, UInt64Type};
use hashbrown::{HashMap, HashTable};
use lyceum_schema::manifest::DataType;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Why rows can't be recoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecodeError {
    /// A row that the first pass didn't see.
    #[error("the rows are not the ones that were searched: a combination of values is new")]
    UnknownTuple,
    /// Other columns than in the first pass.
    #[error("the rows are not the ones that were searched: their columns differ")]
    Columns,
}

/// Recodes batches of the table that the recoding was searched for, in the same order.
pub struct Recoder {
    layout: Layout,
    hierarchies: Arc<[Hierarchy]>,
    codes: Vec<Vec<u32>>,
    class_of: Vec<u32>,
    table: HashTable<u32>,
    hasher: foldhash::fast::FixedState,
    columns: Vec<Column>,
    person: Option<(u64, u32)>,
}

/// What a column's different cells look like, and which one each class has.
struct Column {
    of_class: Vec<u32>,
    cells: StructArray,
    range: RangeType,
}

impl Recoder {
    /// A recoder for the rows behind these tuples; `layout` as in the first pass.
    #[must_use]
    pub fn new(tuples: &Tuples, recoding: &Recoding, layout: Layout) -> Self {
        let hasher = foldhash::fast::FixedState::default();
        let mut table = HashTable::with_capacity(tuples.len());
        let hash = |t: u32| hasher.hash_one(key(&tuples.codes, t));
        for t in 0..u32::try_from(tuples.len()).unwrap_or(u32::MAX) {
            table.insert_unique(hash(t), t, |&t| hash(t));
        }
        let columns = tuples.hierarchies.iter().enumerate().map(|(c, h)| Column::new(recoding, c, h)).collect();
        Self {
            layout,
            hierarchies: Arc::clone(&tuples.hierarchies),
            codes: tuples.codes.clone(),
            class_of: recoding.class_of.clone(),
            table,
            hasher,
            columns,
            person: None,
        }
    }

    /// The released schema: ranges for quasi-identifiers, the rest as it is.
    ///
    /// # Errors
    /// A schema without the layout's columns.
    pub fn schema(&self, of: &Schema) -> Result<Schema, RecodeError> {
        let mut fields: Vec<FieldRef> = of.fields().iter().cloned().collect();
        for (column, &at) in self.columns.iter().zip(&self.layout.quasi) {
            let old = fields.get(at).ok_or(RecodeError::Columns)?;
            let value = column.cells.column(0).data_type();
            let new = field(old.name(), value, old.is_nullable(), &column.range).map_err(|_| RecodeError::Columns)?;
            fields[at] = Arc::new(new);
        }
        Ok(Schema::new_with_metadata(fields, of.metadata().clone()))
    }

    /// The released rows of a batch, in their order.
    ///
    /// # Errors
    /// Rows or columns that the first pass didn't see.
    pub fn recode(&mut self, batch: &RecordBatch) -> Result<RecordBatch, RecodeError> {
        let schema = Arc::new(self.schema(&batch.schema())?);
        let mut leaves = Vec::with_capacity(self.layout.quasi.len());
        for (&at, hierarchy) in self.layout.quasi.iter().zip(self.hierarchies.iter()) {
            let (codes, values) = leaves_of(batch.column(at)).map_err(|_| RecodeError::Columns)?;
            let ordinals = values.iter().map(|leaf| hierarchy.ordinal(leaf)).collect::<Option<Vec<u32>>>();
            leaves.push((codes, ordinals.ok_or(RecodeError::UnknownTuple)?));
        }
        let persons = match self.layout.person {
            None => None,
            Some(at) => Some(
                cast(batch.columns().get(at).ok_or(RecodeError::Columns)?, &ArrowType::UInt64)
                    .map_err(|_| RecodeError::Columns)?
                    .as_primitive::<UInt64Type>()
                    .clone(),
            ),
        };
        let mut kept: Vec<u32> = Vec::with_capacity(batch.num_rows());
        let mut classes: Vec<u32> = Vec::with_capacity(batch.num_rows());
        let mut tuple = vec![0; leaves.len()];
        for row in 0..batch.num_rows() {
            if persons.as_ref().is_some_and(|persons| !self.counts(persons.value(row))) {
                continue;
            }
            for (slot, (codes, ordinals)) in tuple.iter_mut().zip(&leaves) {
                *slot = ordinals[codes[row] as usize];
            }
            let hash = self.hasher.hash_one(&tuple);
            let found =
                self.table.find(hash, |&t| self.codes.iter().zip(&tuple).all(|(c, &code)| c[t as usize] == code));
            let class = self.class_of[*found.ok_or(RecodeError::UnknownTuple)? as usize];
            if class != SUPPRESSED {
                kept.push(u32::try_from(row).unwrap_or(u32::MAX));
                classes.push(class);
            }
        }
        let kept = UInt32Array::from(kept);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
        for (at, column) in batch.columns().iter().enumerate() {
            let place = self.layout.quasi.iter().position(|&q| q == at);
            arrays.push(match place {
                None => take(column, &kept, None).map_err(|_| RecodeError::Columns)?,
                Some(place) => {
                    let column = &self.columns[place];
                    let cells: UInt32Array = classes.iter().map(|&class| column.of_class[class as usize]).collect();
                    take(&column.cells, &cells, None).map_err(|_| RecodeError::Columns)?
                }
            });
        }
        RecordBatch::try_new(schema, arrays).map_err(|_| RecodeError::Columns)
    }

    /// Whether the person's next row is within the bound.
    fn counts(&mut self, person: u64) -> bool {
        let rows = match self.person {
            Some((current, rows)) if current == person => rows.saturating_add(1),
            _ => 1,
        };
        self.person = Some((person, rows));
        self.layout.max_rows_per_person.is_none_or(|most| rows <= most)
    }
}

fn key(codes: &[Vec<u32>], t: u32) -> Vec<u32> {
    codes.iter().map(|c| c[t as usize]).collect()
}

impl Column {
    fn new(recoding: &Recoding, column: usize, hierarchy: &Hierarchy) -> Self {
        let mut number = HashMap::new();
        let mut cells: Vec<Cell> = Vec::new();
        let of_class = (0..recoding.classes()).map(|class| {
            let cell = recoding.cell(class, column);
            *number.entry((cell.first, cell.last, cell.level)).or_insert_with(|| {
                cells.push(cell);
                u32::try_from(cells.len() - 1).unwrap_or(u32::MAX)
            })
        });
        let of_class = of_class.collect();
        let order = if hierarchy.data_type() == DataType::String && hierarchy.listed() {
            let texts = hierarchy
                .all_leaves()
                .iter()
                .filter_map(|l| if let Leaf::Text(t) = l { Some(t.to_string()) } else { None });
            texts.collect()
        } else {
            Vec::new()
        };
        Self { of_class, cells: structs(&cells, hierarchy, recoding.print), range: RangeType { version: 1, order } }
    }
}

/// The different cells of a column as an array of ranges.
fn structs(cells: &[Cell], hierarchy: &Hierarchy, print: Print) -> StructArray {
    let of = hierarchy.data_type();
    let shown: Vec<Shown> = cells.iter().map(|cell| Shown::new(*cell, hierarchy, print)).collect();
    let lo = values(of, &shown.iter().map(|s| s.lo.as_ref()).collect::<Vec<_>>());
    let hi = values(of, &shown.iter().map(|s| s.hi.as_ref()).collect::<Vec<_>>());
    let node: StringArray = shown.iter().map(|s| s.node.as_deref()).collect();
    let level: UInt8Array = shown.iter().map(|s| s.level).collect();
    let nulls = NullBuffer::from_iter(shown.iter().map(|s| s.node.is_some()));
    let fields = fields(lo.data_type());
    StructArray::new(fields, vec![lo, hi, Arc::new(node), Arc::new(level)], Some(nulls))
}

/// A cell as it is released.
struct Shown {
    lo: Option<Leaf>,
    hi: Option<Leaf>,
    node: Option<String>,
    level: Option<u8>,
}

impl Shown {
    fn new(cell: Cell, hierarchy: &Hierarchy, print: Print) -> Self {
        let leaf = hierarchy.leaf(cell.first);
        if cell.first == cell.last && (cell.level == 0 || *leaf == Leaf::Null) {
            let node = hierarchy.text(cell.first);
            let value = (*leaf != Leaf::Null).then(|| leaf.clone());
            return Self { lo: value.clone(), hi: value, level: node.is_some().then_some(0), node };
        }
        let whole = cell.first == 0 && cell.last as usize + 1 == hierarchy.leaves();
        if cell.level == NO_LEVEL || (print == Print::Ranges && !hierarchy.listed() && !whole) {
            let (lo, hi) = (hierarchy.leaf(cell.first).clone(), hierarchy.leaf(cell.last).clone());
            let label = |ordinal| hierarchy.text(ordinal).unwrap_or_default();
            let node = Some(format!("{} … {}", label(cell.first), label(cell.last)));
            return Self { lo: Some(lo), hi: Some(hi), node, level: None };
        }
        let level = hierarchy.level(usize::from(cell.level));
        let node = &level.nodes[level.node_of_leaf[cell.first as usize] as usize];
        let (lo, hi) = node.bounds.clone().unzip();
        Self { lo, hi, node: Some(node.label.to_string()), level: Some(cell.level) }
    }
}

fn values(of: DataType, leaves: &[Option<&Leaf>]) -> ArrayRef {
    let number = |leaf: &Option<&Leaf>| match leaf {
        Some(Leaf::Number(n)) => Some(*n),
        _ => None,
    };
    let numbers = || leaves.iter().map(number);
    match of {
        DataType::Boolean => Arc::new(numbers().map(|n| n.map(|n| n != 0)).collect::<BooleanArray>()),
        DataType::Int32 => Arc::new(numbers().map(|n| n.and_then(|n| i32::try_from(n).ok())).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(numbers().collect::<Int64Array>()),
        DataType::Float64 => Arc::new(leaves.iter().map(|l| l.and_then(|l| l.number(of))).collect::<Float64Array>()),
        DataType::Date => Arc::new(numbers().map(|n| n.and_then(|n| i32::try_from(n).ok())).collect::<Date32Array>()),
        DataType::Timestamp => Arc::new(numbers().collect::<TimestampMicrosecondArray>()),
        DataType::String => Arc::new(
            leaves
                .iter()
                .map(|l| match l {
                    Some(Leaf::Text(t)) => Some(t.as_ref()),
                    _ => None,
                })
                .collect::<StringArray>(),
        ),
    }
}
