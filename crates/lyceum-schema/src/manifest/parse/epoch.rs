//! The epoch of a privacy unit: `epoch = { column = "event_time", every = "month" }`.

use super::column::ColumnSketch;
use super::table::TableSketch;
use super::{name, nearest_name};
use crate::document::{Node, Problems};
use crate::epoch::{Epoch, EpochSpan, Every};
use crate::manifest::{Column, DataType, Domain, UnitEpoch, Value};
use crate::name::{ColumnName, PopulationName};
use crate::problem::Problem;
use std::collections::HashMap;

const EXAMPLE: &str = "epoch = { column = \"event_time\", every = \"month\" }";

/// What could be read of an epoch.
pub(super) struct EpochSketch {
    column: Option<ColumnName>,
    every: Option<Every>,
    /// Key path and offset.
    at: (String, usize),
}

pub(super) fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> EpochSketch {
    let at = (node.path().to_owned(), node.offset());
    let Some(section) = node.section(EXAMPLE, problems) else { return EpochSketch { column: None, every: None, at } };
    section.only(&["column", "every"], problems);
    let column = section.require("column", EXAMPLE, problems).and_then(|n| name::<ColumnName>(&n, '_', problems));
    let every = section.require("every", EXAMPLE, problems).and_then(|n| n.word(Every::WORDS, EXAMPLE, problems));
    EpochSketch { column, every: every.and_then(Every::from_word), at }
}

/// The epoch, if its column can say one for every row.
pub(super) fn resolve(
    sketch: &EpochSketch,
    columns: &[ColumnSketch],
    problems: &mut Problems<'_>,
) -> Option<UnitEpoch> {
    let (wanted, every) = (sketch.column.as_ref()?, sketch.every?);
    let mut fail = |problem| problems.push(&sketch.at.0, sketch.at.1, problem);
    let Some(found) = columns.iter().find(|c| c.is_named(wanted)) else {
        if columns.iter().all(|c| c.name.is_some()) {
            let suggestion = nearest_name(wanted.as_str(), columns.iter().filter_map(ColumnSketch::name_text));
            fail(Problem::EpochColumnAbsent { column: wanted.to_string(), suggestion });
        }
        return None;
    };
    let column = found.column.as_ref()?;
    match span(column, every) {
        Ok(span) => Some(UnitEpoch { column: wanted.clone(), span }),
        Err(what) => {
            fail(Problem::EpochColumn { column: wanted.to_string(), what });
            None
        }
    }
}

/// The epochs that a column's bounds reach, or what it lacks.
fn span(column: &Column, every: Every) -> Result<EpochSpan, &'static str> {
    if !matches!(column.data_type(), DataType::Date | DataType::Timestamp) {
        return Err("a date or timestamp");
    }
    if column.nullable() {
        return Err("never NULL");
    }
    let Domain::Bounds { low, high } = column.domain() else { return Err("bounded") };
    let ends = epoch_of(low, every).zip(epoch_of(high, every));
    ends.and_then(|(first, last)| EpochSpan::new(first, last)).ok_or("within the years 1 to 9999")
}

fn epoch_of(value: &Value, every: Every) -> Option<Epoch> {
    match value {
        Value::Date(day) => every.of_day(i64::from(*day)),
        Value::Timestamp(micros) => every.of_micros(*micros),
        Value::Boolean(_) | Value::Int(_) | Value::Float(_) | Value::String(_) => None,
    }
}

/// All tables of one population count people in the same epochs, or none does: else a unit of one table would be many
/// units of another.
pub(super) fn check(tables: &[TableSketch], problems: &mut Problems<'_>) {
    let mut first: HashMap<&PopulationName, Option<Every>> = HashMap::new();
    for table in tables {
        // What can't be read may be right.
        let every = match &table.epoch {
            None => None,
            Some(EpochSketch { every: Some(every), .. }) => Some(*every),
            Some(EpochSketch { every: None, .. }) => continue,
        };
        let Some(population) = &table.population else { continue };
        let known = *first.entry(population).or_insert(every);
        if known != every {
            let problem = Problem::EpochsDiffer { population: population.to_string(), other: known };
            problems.push(&table.unit_at.0, table.unit_at.1, problem);
        }
    }
}
