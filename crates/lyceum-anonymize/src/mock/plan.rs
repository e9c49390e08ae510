//! Sizes, units and keys of a mock, settled from the manifest before any row is made.
//!
//! A table that others refer to has a key for each of its rows: the k-th row has the k-th value of the domain that both
//! ends share. So a child needs no memory of its parents' keys, only the number of the parent's row.

use super::MockError;
use super::cells::{Index, Source};
use lyceum_schema::epoch::EpochSpan;
use lyceum_schema::manifest::{Column, DataType, Domain, Manifest, PrivacyUnit, Role, Table, Value};
use lyceum_schema::name::ColumnName;
use std::collections::HashMap;

/// Values of a join key that no table is listed by.
const LOOSE_KEYS: u64 = 1_000;

/// Where a table's units come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    /// One of the population's, by its index among populations.
    Population(usize),
    /// Each row is one.
    Rows,
    /// The unit of a row of the parent, by the parent's index.
    Parent(usize),
    /// None.
    Public,
}

/// One table.
#[derive(Debug, Clone)]
pub(crate) struct TablePlan {
    pub(crate) rows: u64,
    pub(crate) units: Units,
    pub(crate) max_rows_per_unit: u64,
}

/// A key that tables share: its values and how many of them exist.
#[derive(Debug, Clone)]
struct Key {
    domain: Domain,
    count: u64,
}

/// All tables.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    tables: Vec<TablePlan>,
    /// Number of units by population.
    populations: Vec<u64>,
    /// The epochs that units are drawn from, by table.
    epochs: Vec<Option<EpochSpan>>,
    /// By table and column: the key whose value stands at the row's own number.
    own: HashMap<(usize, ColumnName), Key>,
    /// By child and its column: the key whose value stands at the parent row's number.
    parent: HashMap<(usize, ColumnName), Key>,
    /// Join keys by name and type.
    joins: HashMap<(ColumnName, DataType), Key>,
}

impl Plan {
    pub(crate) fn new(manifest: &Manifest, rows: u64) -> Result<Self, MockError> {
        let tables = manifest.tables();
        let index = |name| tables.iter().position(|t| t.name() == name);
        let largest = tables.iter().filter(|t| *t.unit() != PrivacyUnit::None).map(Table::expected_rows).max();
        let mut sizes: Vec<u64> = tables.iter().map(|t| share(t, rows, largest.unwrap_or(1))).collect();

        // Keys that units come by: unique in the parent, so the parent has at most as many rows as there are keys.
        let (mut own, mut parent) = (HashMap::new(), HashMap::new());
        for (child, table) in tables.iter().enumerate() {
            let PrivacyUnit::ForeignKey { via, table: to, column } = table.unit() else { continue };
            let ends = index(to).and_then(|p| Some((p, tables[p].column(column)?, table.column(via)?)));
            let Some((at, target, via)) = ends else { continue };
            let empty = || MockError::Keys { table: table.name().clone(), column: via.name().clone() };
            let key = own.entry((at, column.clone())).or_insert_with(|| key_domain(target));
            *key = common(key, via.domain()).ok_or_else(empty)?;
            sizes[at] = sizes[at].min(capacity(key, target.data_type()));
            parent.insert((child, via.name().clone()), (at, column.clone()));
        }
        let count = |at: usize, domain: &Domain| Key { domain: domain.clone(), count: sizes[at] };
        let own: HashMap<_, _> = own.iter().map(|((at, name), d)| ((*at, name.clone()), count(*at, d))).collect();
        let parent = parent.into_iter().filter_map(|(child, key)| Some((child, own.get(&key)?.clone()))).collect();

        let mut plan = Self {
            populations: Vec::new(),
            epochs: epochs(tables),
            tables: Vec::new(),
            own,
            parent,
            joins: HashMap::new(),
        };
        plan.units(tables, &sizes);
        plan.join_keys(tables);
        Ok(plan)
    }

    pub(crate) fn rows(&self, table: usize) -> u64 {
        self.tables.get(table).map_or(0, |t| t.rows)
    }

    pub(crate) fn table(&self, table: usize) -> Option<&TablePlan> {
        self.tables.get(table)
    }

    pub(crate) fn population(&self, index: usize) -> u64 {
        self.populations.get(index).copied().unwrap_or(0)
    }

    /// What stands in a column.
    pub(crate) fn cells(&self, table: &Table, index: usize, column: &Column) -> Source {
        let at = (index, column.name().clone());
        if let Some(key) = self.own.get(&at) {
            return Source::new(column, &key.domain, Index::Own(key.count));
        }
        if let Some(key) = self.parent.get(&at) {
            return Source::new(column, &key.domain, Index::Parent(key.count));
        }
        if let Some(key) = (column.role() == Role::JoinKey)
            .then(|| self.joins.get(&(column.name().clone(), column.data_type())))
            .flatten()
        {
            return Source::new(column, &key.domain, Index::Uniform(key.count));
        }
        if let Some(epoch) = table.epoch().filter(|e| e.column() == column.name()) {
            let span = self.epochs.get(index).copied().flatten().unwrap_or_else(|| epoch.span());
            return Source::in_epoch(column, span);
        }
        Source::of(column)
    }

    /// Sizes of tables and populations. A population has a unit for each row of its largest table with one row per unit;
    /// without such a table, units have √max_rows_per_unit rows on average.
    fn units(&mut self, tables: &[Table], sizes: &[u64]) {
        let mut names = Vec::new();
        for (index, table) in tables.iter().enumerate() {
            let units = match table.unit() {
                PrivacyUnit::Column(_) => {
                    let name = table.population();
                    let known = names.iter().position(|n| *n == name);
                    Units::Population(known.unwrap_or_else(|| {
                        names.push(name);
                        names.len() - 1
                    }))
                }
                PrivacyUnit::ForeignKey { table: parent, .. } => {
                    tables.iter().position(|t| t.name() == parent).map_or(Units::Rows, Units::Parent)
                }
                PrivacyUnit::Row => Units::Rows,
                PrivacyUnit::None => Units::Public,
            };
            self.tables.push(TablePlan { rows: sizes[index], units, max_rows_per_unit: table.max_rows_per_unit() });
        }
        for population in 0..names.len() {
            let members = || self.tables.iter().filter(|t| t.units == Units::Population(population));
            let listed = members().filter(|t| t.max_rows_per_unit == 1).map(|t| t.rows).max();
            let typical = members().map(|t| t.rows.div_ceil(t.max_rows_per_unit.isqrt())).max();
            let least = members().map(|t| t.rows.div_ceil(t.max_rows_per_unit)).max();
            self.populations.push(listed.or(typical).max(least).unwrap_or(1).max(1));
        }
    }

    /// Join keys: a public table's first one is its key, as far as its domain allows; so is what units come by. Others pick among those.
    fn join_keys(&mut self, tables: &[Table]) {
        let keys = tables
            .iter()
            .enumerate()
            .flat_map(|(i, t)| t.visible_columns().filter(|c| c.role() == Role::JoinKey).map(move |c| (i, t, c)));
        let keys: Vec<_> = keys.collect();
        for (_, _, column) in &keys {
            let name = (column.name().clone(), column.data_type());
            if self.joins.contains_key(&name) {
                continue;
            }
            let ends =
                || keys.iter().filter(|(_, _, c)| c.name() == column.name() && c.data_type() == column.data_type());
            let domain = ends().try_fold(key_domain(column), |d, (_, _, c)| common(&d, c.domain()));
            // Lists that have nothing in common can't be joined: each table keeps its own.
            let Some(domain) = domain else { continue };
            let all = capacity(&domain, column.data_type());
            let owner = ends().find(|(i, table, c)| {
                let first = table.visible_columns().find(|c| c.role() == Role::JoinKey);
                let fits = self.rows(*i) <= all;
                *table.unit() == PrivacyUnit::None && first.is_some_and(|f| f.name() == c.name()) && fits
            });
            let unit_key = self.own.iter().find(|((_, n), _)| n == column.name()).map(|(_, key)| key.clone());
            let key = match (unit_key, owner) {
                (Some(key), _) => key,
                (None, Some((index, ..))) => {
                    let key = Key { domain, count: self.rows(*index) };
                    self.own.insert((*index, column.name().clone()), key.clone());
                    key
                }
                (None, None) => {
                    let loose = if matches!(domain, Domain::Values(_)) { all } else { all.min(LOOSE_KEYS) };
                    Key { domain, count: loose }
                }
            };
            self.joins.insert(name, key);
        }
    }
}

fn share(table: &Table, rows: u64, largest: u64) -> u64 {
    if *table.unit() == PrivacyUnit::None {
        return table.expected_rows().min(rows);
    }
    let exact = u128::from(table.expected_rows()) * u128::from(rows) / u128::from(largest.max(1));
    u64::try_from(exact).unwrap_or(rows).clamp(1, rows)
}

/// By table: the epochs that all tables of its population share, else its own.
fn epochs(tables: &[Table]) -> Vec<Option<EpochSpan>> {
    let spans = |table: &Table| {
        let all = tables.iter().filter(|t| t.population() == table.population()).filter_map(|t| t.epoch());
        let shared = all
            .map(|e| e.span())
            .reduce(|a, b| EpochSpan::new(a.first().max(b.first()), a.last().min(b.last())).unwrap_or(a));
        table.epoch().map(|own| {
            let within = |s: &EpochSpan| own.span().first() <= s.first() && s.last() <= own.span().last();
            shared.filter(within).unwrap_or_else(|| own.span())
        })
    };
    tables.iter().map(spans).collect()
}

/// What keys of a column may be: its domain, positive integers where it says nothing.
fn key_domain(column: &Column) -> Domain {
    match (column.domain(), column.data_type()) {
        (Domain::Unbounded, DataType::Int32) => {
            Domain::Bounds { low: Value::Int(1), high: Value::Int(i64::from(i32::MAX)) }
        }
        (Domain::Unbounded, DataType::Int64) => Domain::Bounds { low: Value::Int(1), high: Value::Int(i64::MAX) },
        (domain, _) => domain.clone(),
    }
}

/// What two domains of one type have in common; `None` if nothing.
fn common(one: &Domain, other: &Domain) -> Option<Domain> {
    let within = |value: &Value, domain: &Domain| match domain {
        Domain::Values(list) => list.contains(value),
        Domain::Bounds { low, high } => low <= value && value <= high,
        Domain::Text { max_bytes } => matches!(value, Value::String(s) if s.len() <= *max_bytes as usize),
        Domain::Unbounded => true,
    };
    match (one, other) {
        (Domain::Values(list), rest) | (rest, Domain::Values(list)) => {
            let kept: Vec<Value> = list.iter().filter(|v| within(v, rest)).cloned().collect();
            (!kept.is_empty()).then_some(Domain::Values(kept))
        }
        (Domain::Bounds { low: a, high: b }, Domain::Bounds { low: c, high: d }) => {
            let (low, high) = (if a >= c { a } else { c }, if b <= d { b } else { d });
            (low <= high).then(|| Domain::Bounds { low: low.clone(), high: high.clone() })
        }
        (Domain::Text { max_bytes: a }, Domain::Text { max_bytes: b }) => Some(Domain::Text { max_bytes: *a.min(b) }),
        (Domain::Unbounded, rest) | (rest, _) => Some(rest.clone()),
    }
}

/// How many different keys a domain has.
fn capacity(domain: &Domain, data_type: DataType) -> u64 {
    match domain {
        Domain::Values(list) => list.len() as u64,
        Domain::Bounds { low, high } => match (super::cells::integer(low), super::cells::integer(high)) {
            (Some(low), Some(high)) => high.wrapping_sub(low).cast_unsigned().saturating_add(1),
            _ => u64::MAX,
        },
        Domain::Text { max_bytes } => 36u64.saturating_pow(*max_bytes),
        Domain::Unbounded => {
            if data_type == DataType::Boolean {
                2
            } else {
                u64::MAX
            }
        }
    }
}
