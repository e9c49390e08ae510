//! The tables that *above* reads: one for each place where a barrier's groups, or totals over them, stand in the
//! query. Their columns have names of their own, so that every number in an answer can be traced to its noise.

use crate::barrier::Aggregate;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// A released table, as *above* names and reads it.
#[derive(Debug, Clone)]
pub(crate) struct ReleasedTable {
    /// Whose groups it shows.
    pub(crate) origin: Origin,
    /// Types of the key columns.
    pub(crate) keys: Vec<DataType>,
    /// What SQL's aggregates are made of.
    pub(crate) aggregates: Vec<Aggregate>,
    /// Interval columns that SQL asked for by `DP_INTERVAL_LOW/HIGH`.
    pub(crate) intervals: Vec<RequestedInterval>,
}

/// Whose groups a table shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A barrier's, as they are.
    Barrier(usize),
    /// A barrier's with declared keys, some of its noisy cells summed over all keys but these: totals that add up.
    RollUp {
        /// The barrier.
        barrier: usize,
        /// Positions of the keys that are kept, in showing order.
        kept: Vec<usize>,
        /// By key of the barrier: positions in its list that take part; empty: all of every key.
        only: Vec<Vec<usize>>,
    },
}

impl Origin {
    /// The barrier that the numbers come from.
    pub(crate) const fn barrier(&self) -> usize {
        match self {
            Self::Barrier(barrier) | Self::RollUp { barrier, .. } => *barrier,
        }
    }
}

/// An interval column that SQL asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestedInterval {
    /// Index into [`ReleasedTable::aggregates`].
    pub(crate) aggregate: usize,
    /// Confidence in (0, 1), default 0.95.
    pub(crate) confidence: f64,
    /// Upper end, else lower end.
    pub(crate) upper: bool,
}

/// A column of a released table, by its name in *above*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReleasedColumn {
    /// Index of the table.
    pub(crate) table: usize,
    /// What it is.
    pub(crate) part: Part,
}

/// What a column of a released table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A key.
    Key(usize),
    /// An aggregate.
    Aggregate(usize),
    /// The end of an interval.
    Interval(usize),
    /// The group's number: the row's identity through sorts, filters and joins.
    Cell,
}

impl ReleasedColumn {
    /// Its name. Researchers can't write names that begin with two underscores.
    pub(crate) fn name(self) -> String {
        let table = self.table;
        match self.part {
            Part::Key(i) => format!("__r{table}k{i}"),
            Part::Aggregate(i) => format!("__r{table}a{i}"),
            Part::Interval(i) => format!("__r{table}i{i}"),
            Part::Cell => format!("__r{table}c"),
        }
    }

    /// The column of a name; `None` for any other name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("__r")?;
        let letter = rest.find(|c: char| !c.is_ascii_digit())?;
        let (table, rest) = (rest.get(..letter)?.parse().ok()?, rest.get(letter..)?);
        let part = match rest.split_at_checked(1)? {
            ("c", "") => Part::Cell,
            ("k", i) => Part::Key(i.parse().ok()?),
            ("a", i) => Part::Aggregate(i.parse().ok()?),
            ("i", i) => Part::Interval(i.parse().ok()?),
            _ => return None,
        };
        Some(Self { table, part })
    }

    /// Whether the column isn't the query's own: it travels with the rows to the end and is dropped there.
    pub(crate) const fn is_carried(self) -> bool {
        matches!(self.part, Part::Cell | Part::Interval(_))
    }
}

/// The name of a released table in *above*.
pub(crate) fn table_name(table: usize) -> String {
    format!("__released{table}")
}

/// The released table of a name; `None` for any other name.
pub(crate) fn table_number(name: &str) -> Option<usize> {
    name.strip_prefix("__released")?.parse().ok()
}

impl ReleasedTable {
    /// Its columns: keys (nullable), aggregates (counts not null, the others nullable), intervals (Float64,
    /// nullable), and the cell (UInt32, not null).
    pub(crate) fn schema(&self, table: usize) -> SchemaRef {
        let name = |part| ReleasedColumn { table, part }.name();
        let keys = self.keys.iter().enumerate().map(|(i, k)| Field::new(name(Part::Key(i)), k.clone(), true));
        let aggregates = self.aggregates.iter().enumerate().map(|(i, a)| {
            let (data_type, nullable) = a.data_type();
            Field::new(name(Part::Aggregate(i)), data_type, nullable)
        });
        let intervals = (0..self.intervals.len()).map(|i| Field::new(name(Part::Interval(i)), DataType::Float64, true));
        let cell = std::iter::once(Field::new(name(Part::Cell), DataType::UInt32, false));
        Arc::new(Schema::new(keys.chain(aggregates).chain(intervals).chain(cell).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for part in [Part::Key(0), Part::Aggregate(12), Part::Interval(3), Part::Cell] {
            let column = ReleasedColumn { table: 17, part };
            assert_eq!(ReleasedColumn::parse(&column.name()), Some(column));
        }
        for other in ["__r", "__r1", "__rc", "__r1x2", "__r1k", "__r1c2", "r1c", "__grouping_id"] {
            assert_eq!(ReleasedColumn::parse(other), None, "{other}");
        }
        assert_eq!(table_number(&table_name(3)), Some(3));
    }
}
