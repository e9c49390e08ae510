//! One declared column: a raw column in, a typed one out, faults and corrections reported row by row.

use super::ValidateError;
use super::arrow_type;
use super::cell::{self, Cell, Reading, Source};
use super::domain::Check;
use crate::identifiers;
use crate::report::{Correction, Reason};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, StringBuilder,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType as ArrowType, Int32Type, Int64Type};
use lyceum_schema::manifest::{Column, DataType, Domain, OnIdentifiers, Role};
use lyceum_schema::name::ColumnName;
use std::borrow::Cow;
use std::sync::Arc;

/// What a column's values must be.
pub(super) struct ColumnCheck {
    name: ColumnName,
    data_type: DataType,
    nullable: bool,
    is_unit: bool,
    check: Check,
    on_identifiers: OnIdentifiers,
    source_name: String,
}

/// Callbacks of one pass over a column.
struct Pass<'a> {
    source: Source,
    rows: usize,
    mark: &'a mut dyn FnMut(usize, Reason),
    correct: &'a mut dyn FnMut(usize, Correction),
}

impl ColumnCheck {
    pub(super) fn new(column: &Column) -> Self {
        Self {
            name: column.name().clone(),
            data_type: column.data_type(),
            nullable: column.nullable(),
            is_unit: column.role() == Role::PrivacyUnit,
            check: Check::new(column.domain()),
            // Listed values are public.
            on_identifiers: match column.domain() {
                Domain::Values(_) => OnIdentifiers::Allow,
                Domain::Unbounded | Domain::Text { .. } | Domain::Bounds { .. } => column.on_identifiers(),
            },
            source_name: column.source_name().to_owned(),
        }
    }

    pub(super) const fn name(&self) -> &ColumnName {
        &self.name
    }

    pub(super) const fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Whether the column is stored: the raw unit is not.
    pub(super) const fn visible(&self) -> bool {
        !self.is_unit
    }

    /// The typed column; rows with a fault are marked and have NULL.
    pub(super) fn read(
        &self,
        raw: &ArrayRef,
        mark: &mut dyn FnMut(usize, Reason),
        correct: &mut dyn FnMut(usize, Correction),
    ) -> Result<ArrayRef, ValidateError> {
        let source =
            Source::new(raw).filter(|s| s.reads_as(self.data_type)).ok_or_else(|| ValidateError::ColumnType {
                column: self.name.clone(),
                declared: declared_name(self.data_type),
                found: file_type(raw.data_type()),
            })?;
        let mut pass = Pass { source, rows: raw.len(), mark, correct };
        let check = &self.check;
        Ok(match self.data_type {
            DataType::Boolean => {
                Arc::new(self.each(&mut pass, cell::boolean, |v| check.boolean(*v)).collect::<BooleanArray>())
            }
            DataType::Int32 => {
                let narrow = |c: &Cell<'_>| match cell::int(c)? {
                    (Some(v), note) => i32::try_from(v).map(|v| (Some(v), note)).map_err(|_| Reason::WrongType),
                    (None, note) => Ok((None, note)),
                };
                Arc::new(self.each(&mut pass, narrow, |v| check.int(i64::from(*v))).collect::<Int32Array>())
            }
            DataType::Int64 => {
                let read = |c: &Cell<'_>| match cell::int(c)? {
                    (Some(v), _) if self.hides(&v.to_string()) => Ok((None, None)),
                    other => Ok(other),
                };
                let masks = matches!(self.on_identifiers, OnIdentifiers::Mask | OnIdentifiers::Drop);
                let int = |c: &Cell<'_>| if masks { read(c) } else { cell::int(c) };
                Arc::new(self.each(&mut pass, int, |v| check.int(*v)).collect::<Int64Array>())
            }
            DataType::Float64 => {
                Arc::new(self.each(&mut pass, cell::float, |v| check.float(*v)).collect::<Float64Array>())
            }
            DataType::Date => {
                Arc::new(self.each(&mut pass, cell::date, |v| check.int(i64::from(*v))).collect::<Date32Array>())
            }
            DataType::Timestamp => {
                let micros = self.each(&mut pass, cell::timestamp, |v| check.int(*v));
                Arc::new(micros.collect::<TimestampMicrosecondArray>())
            }
            DataType::String => Arc::new(self.texts(&mut pass)),
        })
    }

    fn each<'a, T>(
        &'a self,
        pass: &'a mut Pass<'_>,
        read: impl Fn(&Cell<'_>) -> Reading<T> + 'a,
        allowed: impl Fn(&T) -> Result<(), Reason> + 'a,
    ) -> impl Iterator<Item = Option<T>> + 'a {
        (0..pass.rows).map(move |row| {
            let reading = read(&pass.source.cell(row));
            self.settle(row, reading, &allowed, pass.mark, pass.correct)
        })
    }

    fn texts(&self, pass: &mut Pass<'_>) -> arrow::array::StringArray {
        let mut out = StringBuilder::with_capacity(pass.rows, pass.rows * 8);
        let allowed = |v: &Cow<'_, str>| self.check.text(v);
        for row in 0..pass.rows {
            let mut reading = cell::text(&pass.source.cell(row));
            if matches!(reading, Ok((None, _))) && !self.nullable && self.check.lists_empty_text() {
                reading = Ok((Some(Cow::Borrowed("")), None));
            }
            if let Ok((Some(value), note)) = reading {
                reading = Ok((self.without_identifiers(value), note));
            }
            out.append_option(self.settle(row, reading, &allowed, pass.mark, pass.correct));
        }
        out.finish()
    }

    /// Text as the manifest wants it when there are direct identifiers in it.
    fn without_identifiers<'a>(&self, value: Cow<'a, str>) -> Option<Cow<'a, str>> {
        match self.on_identifiers {
            OnIdentifiers::Reject | OnIdentifiers::Allow => Some(value),
            OnIdentifiers::Drop if self.hides(&value) => None,
            OnIdentifiers::Drop => Some(value),
            OnIdentifiers::Mask => Some(match value {
                Cow::Borrowed(text) => identifiers::mask(text, &self.source_name),
                Cow::Owned(text) => Cow::Owned(identifiers::mask(&text, &self.source_name).into_owned()),
            }),
        }
    }

    fn hides(&self, value: &str) -> bool {
        identifiers::holds(value, &self.source_name)
    }

    /// Checks one reading against nullability and domain.
    fn settle<T>(
        &self,
        row: usize,
        reading: Reading<T>,
        allowed: &impl Fn(&T) -> Result<(), Reason>,
        mark: &mut dyn FnMut(usize, Reason),
        correct: &mut dyn FnMut(usize, Correction),
    ) -> Option<T> {
        let (value, correction) = match reading {
            Ok(read) => read,
            Err(reason) => {
                mark(row, reason);
                return None;
            }
        };
        if let Some(what) = correction {
            correct(row, what);
        }
        let verdict = match &value {
            Some(value) => allowed(value),
            None if self.is_unit => Err(Reason::NullUnit),
            None if !self.nullable => Err(Reason::Null),
            None => Ok(()),
        };
        match verdict {
            Ok(()) => value,
            Err(reason) => {
                mark(row, reason);
                None
            }
        }
    }
}

/// The ids of a checked unit column, by row and canonical text; 0 where the row is going to be rejected.
pub(super) fn unit_ids(array: &ArrayRef, id: impl Fn(usize, &[u8]) -> u64) -> UInt64Array {
    let int = |(row, v): (usize, Option<i64>)| Some(v.map_or(0, |v| id(row, v.to_string().as_bytes())));
    match array.data_type() {
        ArrowType::Int32 => {
            let values = array.as_primitive::<Int32Type>().iter().map(|v| v.map(i64::from));
            values.enumerate().map(int).collect()
        }
        ArrowType::Int64 => array.as_primitive::<Int64Type>().iter().enumerate().map(int).collect(),
        _ => {
            let texts = array.as_string::<i32>().iter().enumerate();
            texts.map(|(row, v)| Some(v.map_or(0, |v| id(row, v.as_bytes())))).collect()
        }
    }
}

/// The manifest's word for a type.
pub(crate) const fn declared_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::Float64 => "float64",
        DataType::String => "string",
        DataType::Date => "date",
        DataType::Timestamp => "timestamp",
    }
}

/// The manifest's word for a file's type, or Arrow's where the manifest has none.
fn file_type(found: &ArrowType) -> String {
    let known = [
        DataType::Boolean,
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        DataType::String,
        DataType::Date,
        DataType::Timestamp,
    ];
    let hit = known.into_iter().find(|d| arrow_type(*d) == *found);
    hit.map_or_else(|| found.to_string(), |d| declared_name(d).to_owned())
}
