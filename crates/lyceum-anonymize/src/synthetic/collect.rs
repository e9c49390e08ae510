//! Stored rows in, coded sheets out: one sheet with a row for each person, one for each table with many rows of a person.
//!
//! A person's row holds the attributes of the tables that have one row per unit, whether the person is in each of them, and how
//! many rows there are in each other table. An event's row holds its person's row and its own attributes; of a
//! person's events at most a stated number go in, evenly spread over those there are.

use super::SyntheticError;
use super::attributes::Attribute;
use super::coded::Coded;
use crate::validate::{UNIT_COLUMN, accepted_schema};
use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use arrow::record_batch::RecordBatch;
use lyceum_schema::manifest::{Manifest, PrivacyUnit, Table};
use lyceum_schema::name::{PopulationName, TableName};

/// A column that is modelled: its place among visible columns, and how.
#[derive(Debug, Clone)]
pub(crate) struct Modelled {
    pub(crate) place: usize,
    pub(crate) attribute: Attribute,
}

/// Public facts about a table of the population.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) index: usize,
    pub(crate) name: TableName,
    pub(crate) modelled: Vec<Modelled>,
    /// How many rows a person has, for tables with more than one.
    pub(crate) count: Option<Attribute>,
    /// Whether each row is a person of its own.
    pub(crate) alone: bool,
}

/// Rows of one table as pushed. Private.
pub(crate) struct Rows {
    units: Vec<u64>,
    columns: Vec<Vec<u16>>,
}

/// Collects the rows of one population. Holds private data: no `Debug`. Memory: 8 bytes a row and 2 bytes a cell.
pub struct Collector<'m> {
    pub(crate) manifest: &'m Manifest,
    pub(crate) shapes: Vec<Shape>,
    rows: Vec<Rows>,
}

impl<'m> Collector<'m> {
    /// For all tables of a population.
    ///
    /// # Errors
    /// [`SyntheticError::Population`] when no table has it.
    pub fn new(manifest: &'m Manifest, population: &PopulationName) -> Result<Self, SyntheticError> {
        let tables = manifest.tables().iter().enumerate().filter(|(_, t)| t.population() == Some(population));
        let shapes: Vec<Shape> = tables.map(|(index, table)| shape(index, table)).collect();
        if shapes.is_empty() {
            return Err(SyntheticError::Population(population.clone()));
        }
        let rows = shapes.iter().map(|s| Rows { units: Vec::new(), columns: vec![Vec::new(); s.modelled.len()] });
        Ok(Self { manifest, rows: rows.collect(), shapes })
    }

    /// The tables whose rows are wanted.
    pub fn tables(&self) -> impl Iterator<Item = &TableName> {
        self.shapes.iter().map(|s| &s.name)
    }

    /// Adds rows of a table, in the schema of accepted rows and rising by unit over all batches, as they are stored.
    ///
    /// # Errors
    /// [`SyntheticError::Columns`] for another table or schema, [`SyntheticError::Order`] when units fall.
    pub fn push(&mut self, table: &TableName, batch: &RecordBatch) -> Result<(), SyntheticError> {
        let at = self.shapes.iter().position(|s| s.name == *table).ok_or(SyntheticError::Columns)?;
        let (shape, rows) = (&self.shapes[at], &mut self.rows[at]);
        let declared = self.manifest.tables().get(shape.index).ok_or(SyntheticError::Columns)?;
        let wanted = accepted_schema(declared);
        let same = wanted.fields().iter().map(|f| (f.name(), f.data_type()));
        if !same.eq(batch.schema_ref().fields().iter().map(|f| (f.name(), f.data_type()))) {
            return Err(SyntheticError::Columns);
        }
        let units = batch.column_by_name(UNIT_COLUMN).and_then(|c| c.as_primitive_opt::<UInt64Type>());
        let units = units.ok_or(SyntheticError::Columns)?.values();
        if !units.is_sorted() || rows.units.last().zip(units.first()).is_some_and(|(a, b)| a > b) {
            return Err(SyntheticError::Order);
        }
        for (modelled, column) in shape.modelled.iter().zip(&mut rows.columns) {
            let codes = modelled.attribute.encode(batch.column(modelled.place + 1)).ok_or(SyntheticError::Columns)?;
            column.extend(codes);
        }
        rows.units.extend(units);
        Ok(())
    }

    /// The sheets of persons: the one of all tables that share units, then one for each table whose rows are persons.
    pub(crate) fn person_sheets(&self) -> Vec<(PersonSheet, Coded)> {
        let shared: Vec<usize> = (0..self.shapes.len()).filter(|t| !self.shapes[*t].alone).collect();
        let alone = (0..self.shapes.len()).filter(|t| self.shapes[*t].alone).map(|t| vec![t]);
        let sheets = (!shared.is_empty()).then_some(shared).into_iter().chain(alone);
        sheets.map(|tables| self.person_sheet(tables)).collect()
    }

    fn person_sheet(&self, tables: Vec<usize>) -> (PersonSheet, Coded) {
        let several = tables.len() > 1;
        let mut units: Vec<u64> = tables.iter().flat_map(|t| &self.rows[*t].units).copied().collect();
        units.sort_unstable();
        if !self.shapes[tables[0]].alone {
            units.dedup();
        }
        let mut parts = Vec::new();
        let mut coded = Coded { sizes: Vec::new(), columns: Vec::new() };
        for &table in &tables {
            let (shape, rows) = (&self.shapes[table], &self.rows[table]);
            let spans = spans(&units, &rows.units, shape.alone);
            let first = coded.sizes.len();
            if let Some(count) = &shape.count {
                coded.sizes.push(count.size());
                coded.columns.push(spans.iter().map(|(_, n)| count.count(*n as u64)).collect());
                parts.push(Part { table, first, flag: false });
                continue;
            }
            if several {
                coded.sizes.push(2);
                coded.columns.push(spans.iter().map(|(_, n)| u16::from(*n > 0)).collect());
            }
            for (modelled, column) in shape.modelled.iter().zip(&rows.columns) {
                // Whoever isn't in the table has one more value.
                let absent = modelled.attribute.size();
                coded.sizes.push(absent + usize::from(several));
                let code = |(start, n): &(usize, usize)| if *n > 0 { column[*start] } else { absent as u16 };
                coded.columns.push(spans.iter().map(code).collect());
            }
            parts.push(Part { table, first, flag: several });
        }
        // A person without attributes is still a person.
        if coded.sizes.is_empty() {
            coded.sizes.push(1);
            coded.columns.push(vec![0; units.len()]);
        }
        (PersonSheet { parts }, coded)
    }

    /// Exact counts of every modelled column of a table, of at most `most` rows of a person.
    pub(crate) fn histograms(&self, table: usize, most: u64) -> Vec<Vec<i64>> {
        let (shape, rows) = (&self.shapes[table], &self.rows[table]);
        let mut units = rows.units.clone();
        units.dedup();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let kept: Vec<usize> = spans(&units, &rows.units, shape.alone)
            .into_iter()
            .flat_map(|(start, n)| (0..n.min(most)).map(move |i| start + i * n / n.min(most)))
            .collect();
        let count = |(modelled, column): (&Modelled, &Vec<u16>)| {
            let mut counts = vec![0; modelled.attribute.size()];
            kept.iter().for_each(|row| counts[usize::from(column[*row])] += 1);
            counts
        };
        shape.modelled.iter().zip(&rows.columns).map(count).collect()
    }

    /// The sheet of a table's events: persons' attributes first. `persons`: the coded sheet that [`Self::person_sheets`] gave.
    pub(crate) fn event_sheet(&self, table: usize, persons: &Coded, sheet: &PersonSheet, most: u64) -> Coded {
        let tables: Vec<usize> = sheet.parts.iter().map(|p| p.table).collect();
        let mut units: Vec<u64> = tables.iter().flat_map(|t| &self.rows[*t].units).copied().collect();
        units.sort_unstable();
        units.dedup();
        let (shape, rows) = (&self.shapes[table], &self.rows[table]);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut chosen: Vec<(usize, usize)> = Vec::new();
        for (person, (start, n)) in spans(&units, &rows.units, false).into_iter().enumerate() {
            let kept = n.min(most);
            chosen.extend((0..kept).map(|i| (person, start + i * n / kept)));
        }
        let given = persons.columns.iter().map(|c| chosen.iter().map(|(p, _)| c[*p]).collect());
        let own = rows.columns.iter().map(|c| chosen.iter().map(|(_, r)| c[*r]).collect());
        let sizes = persons.sizes.iter().copied().chain(shape.modelled.iter().map(|m| m.attribute.size()));
        Coded { sizes: sizes.collect(), columns: given.chain(own).collect() }
    }
}

/// Which attributes of a persons' sheet belong to which table.
#[derive(Debug, Clone)]
pub(crate) struct PersonSheet {
    pub(crate) parts: Vec<Part>,
}

/// One table's attributes in a persons' sheet: a count, or perhaps a flag and then the modelled columns.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) table: usize,
    pub(crate) first: usize,
    pub(crate) flag: bool,
}

fn shape(index: usize, table: &Table) -> Shape {
    let modelled = table.visible_columns().enumerate().filter_map(|(place, column)| {
        let via = matches!(table.unit(), PrivacyUnit::ForeignKey { via, .. } if via == column.name());
        let attribute = if via { None } else { Attribute::new(column) };
        attribute.map(|attribute| Modelled { place, attribute })
    });
    let alone = *table.unit() == PrivacyUnit::Row;
    let many = table.max_rows_per_unit() > 1 || matches!(table.unit(), PrivacyUnit::ForeignKey { .. });
    let count = many.then(|| Attribute::row_count(table.max_rows_per_unit()));
    Shape { index, name: table.name().clone(), modelled: modelled.collect(), count, alone }
}

/// By person: where its rows start and how many they are. Both lists rise.
fn spans(persons: &[u64], units: &[u64], alone: bool) -> Vec<(usize, usize)> {
    if alone {
        return (0..units.len()).map(|row| (row, 1)).collect();
    }
    let mut at = 0;
    let span = |person: &u64| {
        let start = at;
        while units.get(at) == Some(person) {
            at += 1;
        }
        (start, at - start)
    };
    persons.iter().map(span).collect()
}
