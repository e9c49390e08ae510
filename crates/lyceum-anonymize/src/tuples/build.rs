//! Record batches → [`Tuples`](super::Tuples): one pass, a hash table of tuples, persons in runs.

use super::intern::Interner;
use super::{MAX_TUPLES, Persons, Sensitive, Tuples};
use crate::hierarchy::{Hierarchy, Leaf};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, UInt64Type};
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Which columns of the batches are what, by position.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// The quasi-identifiers, at least one.
    pub quasi: Vec<usize>,
    /// The sensitive columns.
    pub sensitive: Vec<usize>,
    /// The person's id: an integer column in ascending order, as the stored layout has it. `None`: a row is a person.
    pub person: Option<usize>,
    /// Rows of one person that count, at least 1: later ones are left out here and must be left out of the release.
    pub max_rows_per_person: Option<u32>,
    /// A column with the number of rows that each row stands for: the output of a GROUP BY. `None`: one.
    pub weight: Option<usize>,
}

/// Why tuples can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TuplesError {
    /// A column of a type that can't be a quasi-identifier, sensitive or an id.
    #[error("a column of the type {0} can't be anonymised: cast it to a number, date, timestamp, boolean or text")]
    Type(String),
    /// The layout names a column that the batch doesn't have.
    #[error("the rows have no column at position {0}")]
    Column(usize),
    /// Rows of one person are not together.
    #[error("rows must come in the order of their persons' ids: sort them by id")]
    Order,
    /// More different tuples than one search takes.
    #[error(
        "more than {MAX_TUPLES} different combinations of quasi-identifiers: leave some out or truncate them first"
    )]
    TooMany,
    /// Another number of hierarchies than of quasi-identifiers.
    #[error("one hierarchy for each quasi-identifier is needed: {found} for {expected}")]
    Hierarchies {
        /// Quasi-identifiers.
        expected: usize,
        /// Hierarchies.
        found: usize,
    },
    /// A value that the hierarchy lacks.
    #[error("quasi-identifier {0} has a value that its hierarchy lacks")]
    NotInHierarchy(usize),
}

/// Collects batches. Push all, then [`observed`](Self::observed) to make hierarchies, then [`finish`](Self::finish).
pub struct TupleBuilder {
    layout: Layout,
    quasi: Vec<Interner>,
    sensitive: Vec<Interner>,
    table: HashTable<u32>,
    hasher: foldhash::fast::FixedState,
    /// Tuple by tuple: the numbers of its values.
    codes: Vec<u32>,
    rows: Vec<u32>,
    alone: Vec<u32>,
    sets: HashMap<Vec<u32>, u32>,
    histograms: Vec<HashMap<(u32, u32), u32>>,
    run: Run,
    columns: Vec<Vec<u32>>,
}

/// The rows of the person at hand.
#[derive(Default)]
struct Run {
    person: Option<u64>,
    rows: u32,
    tuples: Vec<u32>,
}

impl TupleBuilder {
    /// An empty collection.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            quasi: layout.quasi.iter().map(|_| Interner::default()).collect(),
            sensitive: layout.sensitive.iter().map(|_| Interner::default()).collect(),
            histograms: layout.sensitive.iter().map(|_| HashMap::new()).collect(),
            columns: vec![Vec::new(); layout.quasi.len() + layout.sensitive.len()],
            layout,
            table: HashTable::new(),
            hasher: foldhash::fast::FixedState::with_seed(0x6c79_6365_756d),
            codes: Vec::new(),
            rows: Vec::new(),
            alone: Vec::new(),
            sets: HashMap::new(),
            run: Run::default(),
        }
    }

    /// Adds the rows of a batch.
    ///
    /// # Errors
    /// A column that is missing or has an unfit type; persons out of order; too many tuples.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), TuplesError> {
        let column = |at: usize| batch.columns().get(at).ok_or(TuplesError::Column(at));
        let interners = self.quasi.iter_mut().chain(&mut self.sensitive);
        let places = self.layout.quasi.iter().chain(&self.layout.sensitive);
        for ((interner, &at), out) in interners.zip(places).zip(&mut self.columns) {
            interner.push(column(at)?, out)?;
        }
        let persons = self.layout.person.map(|at| column(at).and_then(ids)).transpose()?;
        let weights = self.layout.weight.map(|at| column(at).and_then(ids)).transpose()?;
        let width = self.quasi.len();
        let mut key = vec![0; width];
        for row in 0..batch.num_rows() {
            let weight = weights.as_ref().map_or(1, |w| u32::try_from(w.value(row)).unwrap_or(u32::MAX));
            if let Some(persons) = &persons
                && !self.counts(persons.value(row))?
            {
                continue;
            }
            for (slot, column) in key.iter_mut().zip(&self.columns) {
                *slot = column[row];
            }
            let tuple = self.tuple(&key)?;
            let t = tuple as usize;
            self.rows[t] += weight;
            if persons.is_none() {
                self.alone[t] += weight;
            } else if self.run.tuples.last() != Some(&tuple) {
                self.run.tuples.push(tuple);
            }
            for (histogram, column) in self.histograms.iter_mut().zip(&self.columns[width..]) {
                *histogram.entry((tuple, column[row])).or_default() += weight;
            }
        }
        Ok(())
    }

    /// Whether the person's next row counts; closes the run of the one before.
    fn counts(&mut self, person: u64) -> Result<bool, TuplesError> {
        match self.run.person {
            Some(current) if current == person => {}
            Some(current) if current > person => return Err(TuplesError::Order),
            _ => {
                self.close();
                self.run.person = Some(person);
                self.run.rows = 0;
            }
        }
        self.run.rows = self.run.rows.saturating_add(1);
        Ok(self.layout.max_rows_per_person.is_none_or(|most| self.run.rows <= most))
    }

    fn close(&mut self) {
        self.run.tuples.sort_unstable();
        self.run.tuples.dedup();
        match self.run.tuples.as_slice() {
            [] => {}
            [only] => self.alone[*only as usize] += 1,
            several => *self.sets.entry_ref(several).or_insert(0) += 1,
        }
        self.run.tuples.clear();
    }

    /// The number of a tuple, new or known.
    fn tuple(&mut self, key: &[u32]) -> Result<u32, TuplesError> {
        let width = key.len();
        let hash = self.hasher.hash_one(key);
        let codes = &self.codes;
        let at = |t: u32| &codes[t as usize * width..(t as usize + 1) * width];
        if let Some(&t) = self.table.find(hash, |&t| at(t) == key) {
            return Ok(t);
        }
        if self.rows.len() >= MAX_TUPLES {
            return Err(TuplesError::TooMany);
        }
        let t = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.table.insert_unique(hash, t, |&t| self.hasher.hash_one(at(t)));
        self.codes.extend_from_slice(key);
        self.rows.push(0);
        self.alone.push(0);
        Ok(t)
    }

    /// The values of a quasi-identifier (by its place in the layout) that occurred: what its hierarchy must hold.
    #[must_use]
    pub fn observed(&self, quasi: usize) -> &[Leaf] {
        self.quasi.get(quasi).map_or(&[], Interner::leaves)
    }

    /// The tuples, under one hierarchy for each quasi-identifier, in the order of their leaves.
    ///
    /// # Errors
    /// Hierarchies that don't fit the columns.
    pub fn finish(mut self, hierarchies: Vec<Hierarchy>) -> Result<Tuples, TuplesError> {
        self.close();
        let width = self.quasi.len();
        if hierarchies.len() != width {
            return Err(TuplesError::Hierarchies { expected: width, found: hierarchies.len() });
        }
        let mut maps = Vec::with_capacity(width);
        for (at, (interner, hierarchy)) in self.quasi.iter().zip(&hierarchies).enumerate() {
            let map = interner.leaves().iter().map(|leaf| hierarchy.ordinal(leaf));
            maps.push(map.collect::<Option<Vec<u32>>>().ok_or(TuplesError::NotInHierarchy(at))?);
        }
        let (n, codes) = (self.rows.len(), &self.codes);
        let leaf = |t: u32, c: usize| maps[c][codes[t as usize * width + c] as usize];
        // Sorted, so that nothing depends on the order in which rows came.
        let mut order: Vec<u32> = (0..u32::try_from(n).unwrap_or(u32::MAX)).collect();
        order.sort_unstable_by(|&a, &b| {
            (0..width).map(|c| leaf(a, c).cmp(&leaf(b, c))).find(|o| o.is_ne()).unwrap_or(a.cmp(&b))
        });
        let mut place = vec![0; n];
        for (new, &old) in (0..).zip(&order) {
            place[old as usize] = new;
        }
        let pick = |values: &[u32]| order.iter().map(|&t| values[t as usize]).collect::<Vec<u32>>();
        let columns = (0..width).map(|c| order.iter().map(|&t| leaf(t, c)).collect()).collect();
        let sensitive = self.sensitive.iter().zip(std::mem::take(&mut self.histograms));
        let sensitive = sensitive.map(|(interner, h)| histogram(interner, h, &place)).collect();
        Ok(Tuples {
            hierarchies: Arc::from(hierarchies),
            at: vec![0; width],
            codes: columns,
            rows: pick(&self.rows),
            persons: persons(pick(&self.alone), std::mem::take(&mut self.sets), &place),
            sensitive,
        })
    }
}

fn persons(alone: Vec<u32>, sets: HashMap<Vec<u32>, u32>, place: &[u32]) -> Persons {
    let mut sets: Vec<(Vec<u32>, u32)> = sets
        .into_iter()
        .map(|(set, n)| {
            let mut set: Vec<u32> = set.iter().map(|&t| place[t as usize]).collect();
            set.sort_unstable();
            (set, n)
        })
        .collect();
    sets.sort_unstable();
    let mut persons = Persons { alone, starts: vec![0], members: Vec::new(), weights: Vec::new() };
    for (set, n) in sets {
        persons.members.extend(set);
        persons.starts.push(u32::try_from(persons.members.len()).unwrap_or(u32::MAX));
        persons.weights.push(n);
    }
    persons
}

fn histogram(interner: &Interner, counts: HashMap<(u32, u32), u32>, place: &[u32]) -> Sensitive {
    let leaves = interner.leaves();
    let mut by_size: Vec<u32> = (0..u32::try_from(leaves.len()).unwrap_or(u32::MAX)).collect();
    by_size.sort_unstable_by(|&a, &b| leaves[a as usize].cmp(&leaves[b as usize]));
    let mut rank = vec![0; leaves.len()];
    for (r, &value) in (0..).zip(&by_size) {
        rank[value as usize] = r;
    }
    let mut cells: Vec<(u32, u32, u32)> =
        counts.into_iter().map(|((t, v), n)| (place[t as usize], rank[v as usize], n)).collect();
    cells.sort_unstable();
    let mut total = vec![0u64; leaves.len()];
    let mut starts = vec![0u32; place.len() + 1];
    for &(t, v, n) in &cells {
        total[v as usize] += u64::from(n);
        starts[t as usize + 1] += 1;
    }
    for t in 0..place.len() {
        starts[t + 1] += starts[t];
    }
    Sensitive {
        values: u32::try_from(leaves.len()).unwrap_or(u32::MAX),
        ordered: leaves.iter().all(|l| !matches!(l, Leaf::Text(_))),
        starts,
        entries: cells.into_iter().map(|(_, v, n)| (v, n)).collect(),
        total,
    }
}

/// Ids and weights as unsigned integers; NULL is refused by the schema, and reads as 0 here.
fn ids(array: &ArrayRef) -> Result<arrow::array::UInt64Array, TuplesError> {
    let wrong = || TuplesError::Type(array.data_type().to_string());
    if !array.data_type().is_integer() || array.null_count() > 0 {
        return Err(wrong());
    }
    let ids = cast(array, &ArrowType::UInt64).map_err(|_| wrong())?;
    if ids.null_count() > 0 {
        return Err(wrong());
    }
    Ok(ids.as_primitive::<UInt64Type>().clone())
}
