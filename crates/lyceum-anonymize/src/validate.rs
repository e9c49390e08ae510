//! Raw batches → accepted batches: types, domains, NULLs and opaque unit ids, with every rejected row counted.
//!
//! A row is rejected as a whole at its first fault, in column order. NaN and infinities become NULL, −0.0 becomes
//! 0.0; numbers, dates and booleans are read with surrounding spaces trimmed, text is taken as it is. Accepted
//! batches have `__unit` (UInt64, not null) first, unless the table is public, then
//! [`Table::visible_columns`] in manifest order as Boolean, Int32, Int64, Float64, Utf8, Date32 or
//! Timestamp(µs, no zone: the instants are UTC). Direct identifiers and the raw unit are gone.

pub(crate) mod cell;
mod column;
mod domain;
mod epoch;
mod error;
mod parent;
mod scan;

use crate::decode::RawBatch;
use crate::pseudonym::PseudonymKey;
use crate::report::{Correction, Reason, ValidationReport};
use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use column::ColumnCheck;
use lyceum_schema::epoch::Every;
use lyceum_schema::manifest::{DataType, PrivacyUnit, Role, Table};
use scan::Scan;
use std::sync::Arc;

pub use error::ValidateError;
pub use parent::ParentUnits;

/// The name of the unit column of accepted batches.
pub const UNIT_COLUMN: &str = "__unit";

/// Checks the rows of one upload of one table.
pub struct Validator {
    columns: Vec<ColumnCheck>,
    unit: Unit,
    epoch: Option<EpochAt>,
    schema: SchemaRef,
    key: PseudonymKey,
    report: ValidationReport,
    next_row: u64,
    scan: Scan,
}

/// Which column tells the epoch that is part of the unit.
#[derive(Clone, Copy)]
struct EpochAt {
    place: usize,
    every: Every,
}

/// Where ids come from.
enum Unit {
    /// From the checked column at this place.
    Column(usize),
    /// From the parent's row whose key the checked column at this place names.
    Parent(usize, ParentUnits),
    /// From the row's number.
    Row,
    /// No ids: a public table.
    None,
}

impl Validator {
    /// A validator for one upload. `key` is the population's when the unit is a column, a fresh one per version
    /// when each row is a unit, and unused for public tables and foreign keys. `parent`: the parent's keys, if the
    /// unit comes by foreign key.
    ///
    /// # Errors
    /// [`ValidateError`] when units come by foreign key and no parent is given, or are neither integers nor text, or
    /// when the epoch's column is no date or timestamp.
    pub fn new(table: &Table, key: PseudonymKey, parent: Option<ParentUnits>) -> Result<Self, ValidateError> {
        let columns: Vec<ColumnCheck> = crate::decode::declared(table).map(ColumnCheck::new).collect();
        let unit = match table.unit() {
            PrivacyUnit::Column(name) => {
                let place = columns.iter().position(|c| c.name() == name);
                let place = place.ok_or_else(|| ValidateError::UnitMissing(name.clone()))?;
                if !matches!(columns[place].data_type(), DataType::Int32 | DataType::Int64 | DataType::String) {
                    return Err(ValidateError::UnitType(name.clone()));
                }
                Unit::Column(place)
            }
            PrivacyUnit::ForeignKey { via, table, .. } => {
                let parent = parent.ok_or_else(|| ValidateError::ForeignKey(table.clone()))?;
                let place = columns.iter().position(|c| c.name() == via);
                Unit::Parent(place.ok_or_else(|| ValidateError::UnitMissing(via.clone()))?, parent)
            }
            PrivacyUnit::Row => Unit::Row,
            PrivacyUnit::None => Unit::None,
        };
        let epoch = table.epoch().map(|epoch| {
            let told = columns.iter().position(|c| {
                c.name() == epoch.column() && matches!(c.data_type(), DataType::Date | DataType::Timestamp)
            });
            let place = told.ok_or_else(|| ValidateError::Epoch(epoch.column().clone()))?;
            Ok(EpochAt { place, every: epoch.every() })
        });
        let identifiers = table.columns().iter().filter(|c| c.role() == Role::DirectIdentifier);
        let report = ValidationReport {
            dropped_identifiers: identifiers.map(|c| c.name().clone()).collect(),
            ..Default::default()
        };
        let schema = accepted_schema(table);
        let scan = Scan::new(table);
        Ok(Self { columns, unit, epoch: epoch.transpose()?, schema, key, report, next_row: 0, scan })
    }

    /// The schema of accepted batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Checks one raw batch; the accepted rows may be none.
    ///
    /// # Errors
    /// [`ValidateError::ColumnType`] when the file stores a column in a type that can't be read as the declared
    /// one, [`ValidateError::Columns`] when the batch was decoded for another table.
    pub fn validate(&mut self, raw: &RawBatch) -> Result<RecordBatch, ValidateError> {
        let rows = raw.batch.num_rows();
        self.report.rows_in += raw.rows();
        for (reason, column, n) in &raw.rejected {
            self.report.reject(*reason, column.as_ref(), *n);
        }
        let same = raw.batch.schema_ref().fields().iter().map(|f| f.name().as_str());
        if !same.eq(self.columns.iter().map(|c| c.name().as_str())) {
            return Err(ValidateError::Columns);
        }

        let mut faults: Vec<Option<Fault>> = vec![None; rows];
        let mut corrections: Vec<(usize, usize, Correction)> = Vec::new();
        let mut arrays: Vec<Option<ArrayRef>> = Vec::with_capacity(self.columns.len());
        let (mut unit, mut parents, mut epochs) = (None, None, None);
        for (place, check) in self.columns.iter().enumerate() {
            let mut mark = |row: usize, reason: Reason| {
                faults[row].get_or_insert(Fault { reason, place });
            };
            let mut correct = |row: usize, what: Correction| corrections.push((row, place, what));
            self.scan.observe(place, raw.batch.column(place));
            let array = check.read(raw.batch.column(place), &mut mark, &mut correct)?;
            if matches!(self.unit, Unit::Column(unit) if unit == place) {
                unit = Some(Arc::clone(&array));
            }
            if let Unit::Parent(via, parent) = &self.unit
                && *via == place
            {
                let found = parent.units_of(&array)?;
                for row in (0..rows).filter(|&row| found[row].is_none()) {
                    faults[row].get_or_insert(Fault { reason: Reason::Orphan, place });
                }
                parents = Some(found);
            }
            if let Some(EpochAt { every, .. }) = self.epoch.filter(|e| e.place == place) {
                epochs = Some(epoch::of(&array, every)?);
            }
            arrays.push(check.visible().then_some(array));
        }
        if let (Some(parents), Some(epochs), Some(EpochAt { place, .. })) = (&parents, &epochs, self.epoch) {
            for row in (0..rows).filter(|&row| parents[row].and_then(|p| p.epoch) != epochs[row]) {
                faults[row].get_or_insert(Fault { reason: Reason::OtherEpoch, place });
            }
        }
        let ids = match (&self.unit, unit, parents) {
            (Unit::Column(_), Some(unit), _) => Some(column::unit_ids(&unit, |row, value| match &epochs {
                None => self.key.unit_id(value),
                Some(epochs) => epochs[row].map_or(0, |epoch| self.key.epoch_unit_id(value, epoch)),
            })),
            (Unit::Parent(..), _, Some(parents)) => {
                Some(parents.iter().map(|parent| Some(parent.map_or(0, |p| p.id))).collect())
            }
            (Unit::Row, ..) => {
                Some((0..rows as u64).map(|i| self.key.row_id(self.next_row + i)).collect::<UInt64Array>())
            }
            (Unit::None, ..) => None,
            (Unit::Column(_) | Unit::Parent(..), ..) => return Err(ValidateError::Columns),
        };
        self.next_row += rows as u64;

        let keep: BooleanArray = faults.iter().map(|f| Some(f.is_none())).collect();
        let accepted = keep.true_count();
        self.report.accepted += accepted as u64;
        for fault in faults.iter().flatten() {
            self.report.reject(fault.reason, Some(self.columns[fault.place].name()), 1);
        }
        for (row, place, what) in corrections {
            if faults[row].is_none() {
                self.report.correct(what, self.columns[place].name(), 1);
            }
        }

        let stored = ids.map(|a| Arc::new(a) as ArrayRef).into_iter().chain(arrays.into_iter().flatten());
        // A rejected row has NULL where a value is due, so it has to go before the batch takes its schema.
        let columns: Vec<ArrayRef> = stored.collect();
        let loose = Schema::new(
            self.schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
        );
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let all = RecordBatch::try_new_with_options(Arc::new(loose), columns, &options);
        let kept = all.and_then(|all| if accepted == rows { Ok(all) } else { filter_record_batch(&all, &keep) });
        let options = RecordBatchOptions::new().with_row_count(Some(accepted));
        kept.and_then(|b| RecordBatch::try_new_with_options(self.schema.clone(), b.columns().to_vec(), &options))
            .map_err(|_| ValidateError::Columns)
    }

    /// Notes the columns of the file that the manifest does not declare.
    pub fn note_extra_columns(&mut self, names: &[String]) {
        self.report.extra_columns = names.to_vec();
    }

    /// The counts so far.
    #[must_use]
    pub const fn report(&self) -> &ValidationReport {
        &self.report
    }

    /// The counts, at the end of the upload.
    #[must_use]
    pub fn into_report(self) -> ValidationReport {
        ValidationReport { identifiers: self.scan.findings(), ..self.report }
    }
}

#[derive(Clone, Copy)]
struct Fault {
    reason: Reason,
    place: usize,
}

/// The schema of accepted batches and of stored files: `__unit` (unless public), then the visible columns.
#[must_use]
pub fn accepted_schema(table: &Table) -> SchemaRef {
    let unit = (*table.unit() != PrivacyUnit::None).then(|| Field::new(UNIT_COLUMN, ArrowType::UInt64, false));
    let visible =
        table.visible_columns().map(|c| Field::new(c.name().as_str(), arrow_type(c.data_type()), c.nullable()));
    Arc::new(Schema::new(unit.into_iter().chain(visible).collect::<Vec<_>>()))
}

pub(crate) const fn arrow_type(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Int32 => ArrowType::Int32,
        DataType::Int64 => ArrowType::Int64,
        DataType::Float64 => ArrowType::Float64,
        DataType::String => ArrowType::Utf8,
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, None),
    }
}
