//! Mock rows: a dataset made up from what its manifest says, and nothing else, for writing queries before asking for data.
//!
//! [`Mock::new`] takes a manifest, a number of rows and a seed; no other input exists, so mock rows can't say anything
//! about anybody. Types, nullability, bounds and lists hold; tables of one population share their units; foreign keys and
//! join keys meet; units have few rows mostly and many rarely (Pareto, index 2), at most `max_rows_per_unit`. Values are otherwise independent.
//!
//! The same manifest, rows and seed give the same bytes on every machine, whatever the size of batches: randomness is
//! ChaCha8 with a stream for each table, column and population, and no function that platforms round differently is used.
//! Batches are made as they are pulled, in constant memory for any number of rows.
//!
//! `mock/plan.rs` decides sizes, units and keys; `mock/spine.rs` gives each row its unit and parent; `mock/cells.rs` fills columns.

pub(crate) mod cells;
pub(crate) mod plan;
pub(crate) mod spine;

use crate::validate::accepted_schema;
use arrow::array::{ArrayRef, UInt64Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use cells::Cells;
pub(crate) use cells::integer;
use lyceum_schema::manifest::{Manifest, PrivacyUnit, Table};
use lyceum_schema::name::{ColumnName, TableName};
use plan::Plan;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use spine::{RowAt, Spine};
pub(crate) use spine::{scaled, unit_interval};
use std::sync::Arc;

/// Most rows of a table.
pub const MAX_ROWS: u64 = 1_000_000_000_000;

/// A mock dataset: sizes and keys are settled, rows are not made yet.
#[derive(Debug, Clone)]
pub struct Mock<'m> {
    manifest: &'m Manifest,
    plan: Plan,
    seed: u64,
}

impl<'m> Mock<'m> {
    /// A mock of all tables. `rows` (1 to [`MAX_ROWS`]) is what the largest private table gets; the others keep the proportions of
    /// `expected_rows`. Public tables get their `expected_rows`, at most `rows`. Tables whose keys must be unique get no more
    /// rows than their keys' domain has values.
    ///
    /// # Errors
    /// [`MockError::Rows`] for a number out of range, [`MockError::Keys`] when the two ends of a foreign key have no value
    /// in common.
    pub fn new(manifest: &'m Manifest, rows: u64, seed: u64) -> Result<Self, MockError> {
        if !(1..=MAX_ROWS).contains(&rows) {
            return Err(MockError::Rows);
        }
        Ok(Self { manifest, plan: Plan::new(manifest, rows)?, seed })
    }

    /// The schema of a table's batches, as that of its accepted and stored rows: `__unit` (UInt64, unless the table is
    /// public), then the visible columns. `None` for a name that is no table.
    #[must_use]
    pub fn schema(&self, table: &TableName) -> Option<SchemaRef> {
        self.manifest.table(table).map(accepted_schema)
    }

    /// How many rows a table will have. A table whose unit comes by foreign key may have fewer: when the units of its parents
    /// can't hold more.
    #[must_use]
    pub fn rows(&self, table: &TableName) -> Option<u64> {
        self.index(table).map(|index| self.plan.rows(index))
    }

    /// A table's rows, rising by `__unit`, in batches of `batch_rows` (0 counts as 1). `None` for a name that is no table.
    #[must_use]
    pub fn batches(&self, table: &TableName, batch_rows: usize) -> Option<MockBatches> {
        let index = self.index(table)?;
        let table = self.manifest.tables().get(index)?;
        let spine = Spine::new(&self.plan, index, self.seed);
        let columns = table.visible_columns().enumerate().map(|(place, column)| {
            let rng = stream(self.seed, Stream::Column { table: index, column: place });
            Cells::new(column, self.plan.cells(table, index, column), rng)
        });
        Some(MockBatches {
            schema: accepted_schema(table),
            with_unit: *table.unit() != PrivacyUnit::None,
            columns: columns.collect(),
            spine,
            batch_rows: batch_rows.max(1),
        })
    }

    fn index(&self, table: &TableName) -> Option<usize> {
        self.manifest.tables().iter().position(|t: &Table| t.name() == table)
    }
}

/// The batches of one table. No batch is empty.
pub struct MockBatches {
    schema: SchemaRef,
    with_unit: bool,
    columns: Vec<Cells>,
    spine: Spine,
    batch_rows: usize,
}

impl MockBatches {
    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Iterator for MockBatches {
    type Item = Result<RecordBatch, arrow::error::ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows: Vec<RowAt> = self.spine.by_ref().take(self.batch_rows).collect();
        if rows.is_empty() {
            return None;
        }
        let unit =
            self.with_unit.then(|| Arc::new(rows.iter().map(|r| r.unit.id).collect::<UInt64Array>()) as ArrayRef);
        let columns = unit.into_iter().chain(self.columns.iter_mut().map(|c| c.fill(&rows))).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options))
    }
}

/// What a stream of randomness is for: streams never overlap.
enum Stream {
    /// The units of a population.
    Population(usize),
    /// The units of a table each of whose rows is one.
    Rows(usize),
    /// How many rows each unit or parent has in a table.
    Counts(usize),
    /// The cells of a column.
    Column { table: usize, column: usize },
}

fn stream(seed: u64, of: Stream) -> ChaCha8Rng {
    let (kind, table, column) = match of {
        Stream::Population(index) => (0, index, 0),
        Stream::Rows(table) => (1, table, 0),
        Stream::Counts(table) => (2, table, 0),
        Stream::Column { table, column } => (3, table, column),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((kind << 48) | ((table as u64) << 24) | column as u64);
    rng
}

/// Why no mock can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MockError {
    /// A number of rows out of range.
    #[error("the number of mock rows must be from 1 to {MAX_ROWS}")]
    Rows,
    /// The two ends of a foreign key have no value in common.
    #[error(
        "`{table}.{column}` and the key that it refers to have no value in common: make their lists or bounds agree in the manifest"
    )]
    Keys {
        /// The table that refers.
        table: TableName,
        /// Its column.
        column: ColumnName,
    },
}

impl MockError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rows => "E1760",
            Self::Keys { .. } => "E1761",
        }
    }
}
