//! From fitted models to rows: persons are sampled at once, events as their batches are pulled.

use super::attributes::Attribute;
use super::collect::{Collector, PersonSheet, Shape};
use super::meter::{Meter, split};
use super::model::Model;
use super::pairs::Marginals;
use super::rare::Compression;
use super::sample::sample;
use super::{FitReport, Generator, SyntheticError, SyntheticOptions, aim, mst};
use crate::mock::cells::Cells;
use crate::mock::plan::Plan;
use crate::mock::spine::{RowAt, Unit};
use crate::mock::{scaled, unit_interval};
use crate::validate::accepted_schema;
use arrow::array::{ArrayRef, UInt64Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use lyceum_privacy::mechanism::{ChoiceSource, NoiseSource};
use lyceum_schema::manifest::{Manifest, PrivacyUnit};
use lyceum_schema::name::TableName;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

/// A fitted population: rows can be sampled, the same ones each time.
#[derive(Debug, Clone)]
pub struct Synthesis<'m> {
    manifest: &'m Manifest,
    plan: Plan,
    shapes: Vec<Shape>,
    tables: Vec<Drawn>,
    seed: [u8; 32],
    report: FitReport,
}

/// One table: how many rows each person has, and where their values come from.
#[derive(Debug, Clone)]
struct Drawn {
    units: Arc<Vec<u64>>,
    counts: Vec<u32>,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    /// By modelled column: each person's value.
    Persons(Vec<Vec<u16>>),
    /// Drawn event by event.
    Events(Arc<EventModel>),
}

/// Event attributes given those of persons.
#[derive(Debug)]
struct EventModel {
    /// Each person's attributes, as the event model names them.
    persons: Vec<Vec<u16>>,
    compression: Compression,
    attributes: usize,
    steps: Vec<Step>,
}

/// An event attribute given one that is known: cumulative weights by the known one's value.
#[derive(Debug)]
struct Step {
    from: usize,
    to: usize,
    cumulative: Vec<Vec<f64>>,
}

impl<'m> Collector<'m> {
    /// Fits the population for exactly `options.rho`, equal parts for the persons and each table of events.
    ///
    /// # Errors
    /// [`SyntheticError::Options`], [`SyntheticError::Budget`], [`SyntheticError::Keys`]; [`SyntheticError::Noise`] from the source: the charge stays.
    pub fn fit<N: NoiseSource + ChoiceSource + ?Sized>(
        self,
        options: &SyntheticOptions,
        noise: &N,
    ) -> Result<Synthesis<'m>, SyntheticError> {
        if options.rows_per_person == 0 || options.model_cells == 0 {
            return Err(SyntheticError::Options);
        }
        let plan = Plan::new(self.manifest, crate::mock::MAX_ROWS)?;
        let sheets = self.person_sheets();
        let events = self.shapes.iter().filter(|s| s.count.is_some()).count();
        let mut parts = split(options.rho, &vec![1; sheets.len() + events]).into_iter();
        let mut meter = Meter::new(noise, options.query);
        let mut tables: Vec<Option<Drawn>> = self.shapes.iter().map(|_| None).collect();
        for (sheet, coded) in &sheets {
            meter.begin(parts.next().unwrap_or_default());
            let (model, compression) = match options.generator {
                Generator::Mst => mst::fit(coded, 1, 0, &mut meter)?,
                Generator::Aim => aim::fit(coded, 1, options.model_cells, &mut meter)?,
            };
            let mut rng = ChaCha8Rng::from_seed(meter.seed());
            let persons = model.total().round() as usize;
            let columns = expanded(sample(&model, persons, &mut rng), &compression, &mut rng);
            let units = Arc::new(unit_ids(persons, &mut rng));
            for part in &sheet.parts {
                let Some(shape) = self.shapes.get(part.table) else { continue };
                let drawn = match &shape.count {
                    None => present(shape, sheet, part.table, &columns, &units, &mut rng),
                    Some(count) => {
                        let rows = columns[part.first].iter().map(|c| count.any_whole(*c, &mut rng) as u32).collect();
                        meter.begin(parts.next().unwrap_or_default());
                        let coded = self.event_sheet(part.table, coded, sheet, options.rows_per_person);
                        let given = columns.len();
                        let model = event_model(&coded, &columns, given, options, &mut meter)?;
                        Drawn { units: units.clone(), counts: rows, values: Values::Events(Arc::new(model)) }
                    }
                };
                tables[part.table] = Some(drawn);
            }
        }
        let mut tables: Vec<Drawn> = tables.into_iter().flatten().collect();
        childless(self.manifest, &self.shapes, &mut tables);
        let unmodelled = self.shapes.iter().flat_map(|shape| {
            let columns = self.manifest.tables().get(shape.index).into_iter().flat_map(|t| t.visible_columns());
            let open = columns.enumerate().filter(|(place, _)| shape.modelled.iter().all(|m| m.place != *place));
            open.map(|(_, column)| (shape.name.clone(), column.name().clone()))
        });
        let report = FitReport {
            generator: options.generator,
            spent: meter.spent(),
            rows_per_person: options.rows_per_person,
            unmodelled: unmodelled.collect(),
        };
        let seed = meter.seed();
        Ok(Synthesis { manifest: self.manifest, plan, shapes: self.shapes, tables, seed, report })
    }
}

/// The rows of a table with one row per person. Whoever is in the table but has no value there gets somebody else's.
fn present(
    shape: &Shape,
    sheet: &PersonSheet,
    table: usize,
    columns: &[Vec<u16>],
    units: &Arc<Vec<u64>>,
    rng: &mut ChaCha8Rng,
) -> Drawn {
    let part = sheet.parts.iter().find(|p| p.table == table);
    let (first, flag) = part.map_or((0, false), |p| (p.first, p.flag));
    let persons = columns.first().map_or(0, Vec::len);
    let counts: Vec<u32> = (0..persons).map(|p| if flag { u32::from(columns[first][p] == 1) } else { 1 }).collect();
    let values = shape.modelled.iter().enumerate().map(|(place, modelled)| {
        let column = &columns[first + usize::from(flag) + place];
        let absent = modelled.attribute.size();
        let known: Vec<u16> = column.iter().copied().filter(|c| usize::from(*c) < absent).collect();
        let other = |rng: &mut ChaCha8Rng| known.get(scaled(rng.next_u64(), known.len() as u64) as usize).copied();
        column.iter().map(|c| if usize::from(*c) < absent { *c } else { other(rng).unwrap_or(0) }).collect()
    });
    Drawn { counts, values: Values::Persons(values.collect()), units: units.clone() }
}

fn event_model<N: NoiseSource + ChoiceSource + ?Sized>(
    coded: &super::coded::Coded,
    persons: &[Vec<u16>],
    given: usize,
    options: &SyntheticOptions,
    meter: &mut Meter<'_, N>,
) -> Result<EventModel, SyntheticError> {
    let attributes = coded.sizes.len();
    let (model, compression) = mst::fit(coded, options.rows_per_person, given, meter)?;
    let renamed = persons.iter().enumerate().map(|(a, c)| c.iter().map(|v| compression.name(a, *v)).collect());
    Ok(EventModel {
        persons: renamed.collect(),
        steps: steps(&model, given),
        attributes: attributes - given,
        compression,
    })
}

/// The chosen pairs in an order in which one end is known.
fn steps(model: &Model, given: usize) -> Vec<Step> {
    let marginals = Marginals::new(model);
    let mut pairs: Vec<Vec<usize>> = model.scopes().into_iter().filter(|s| s.len() == 2).collect();
    let mut known: Vec<bool> = (0..model.sizes().len()).map(|a| a < given).collect();
    let mut steps = Vec::new();
    while let Some(index) = pairs.iter().position(|p| known[p[0]] != known[p[1]]) {
        let pair = pairs.swap_remove(index);
        let (from, to) = if known[pair[0]] { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
        let (table, width) = (marginals.of(&pair), model.sizes()[pair[1]]);
        let weight = |x: usize, y: usize| if from < to { table[x * width + y] } else { table[y * width + x] };
        let row = |x: usize| {
            let weights: Vec<f64> = (0..model.sizes()[to]).map(|y| weight(x, y)).collect();
            let usable = weights.iter().sum::<f64>() > 0.0;
            let weights = if usable { &weights } else { &marginals.singles[to] };
            let running = weights.iter().scan(0.0, |sum, w| {
                *sum += w;
                Some(*sum)
            });
            running.collect()
        };
        steps.push(Step { from, to, cumulative: (0..model.sizes()[from]).map(row).collect() });
        known[to] = true;
    }
    steps
}

/// Values as they were before rare ones were merged.
fn expanded(columns: Vec<Vec<u16>>, compression: &Compression, rng: &mut ChaCha8Rng) -> Vec<Vec<u16>> {
    let expand = |(a, column): (usize, Vec<u16>)| column.into_iter().map(|v| compression.expand(a, v, rng)).collect();
    columns.into_iter().enumerate().map(expand).collect()
}

/// Rising ids, one in each of as many equal parts of the 64-bit range.
fn unit_ids(persons: usize, rng: &mut ChaCha8Rng) -> Vec<u64> {
    let part = u64::MAX / (persons as u64).max(1);
    (0..persons as u64).map(|p| p * part + scaled(rng.next_u64(), part)).collect()
}

/// Whoever has no row in a parent has none in its children.
fn childless(manifest: &Manifest, shapes: &[Shape], tables: &mut [Drawn]) {
    // A chain of tables is at most as long as there are tables.
    for _ in 0..shapes.len() {
        for child in 0..tables.len() {
            let Some(parent) = parent_of(manifest, shapes, child) else { continue };
            let parents = tables[parent].counts.clone();
            for (own, parents) in tables[child].counts.iter_mut().zip(parents) {
                *own = if parents == 0 { 0 } else { *own };
            }
        }
    }
}

fn parent_of(manifest: &Manifest, shapes: &[Shape], child: usize) -> Option<usize> {
    match manifest.tables().get(shapes.get(child)?.index)?.unit() {
        PrivacyUnit::ForeignKey { table, .. } => shapes.iter().position(|s| s.name == *table && !s.alone),
        PrivacyUnit::Column(_) | PrivacyUnit::Row | PrivacyUnit::None => None,
    }
}

impl Synthesis<'_> {
    /// What was spent and modelled.
    #[must_use]
    pub const fn report(&self) -> &FitReport {
        &self.report
    }

    /// How many rows a table has; `None` for a table of another population.
    #[must_use]
    pub fn rows(&self, table: &TableName) -> Option<u64> {
        let at = self.shapes.iter().position(|s| s.name == *table)?;
        self.tables.get(at).map(|t| t.counts.iter().map(|n| u64::from(*n)).sum())
    }

    /// A table's rows in the schema of accepted rows, rising by unit, in batches of `batch_rows` (0 counts as 1); the same rows
    /// each time, whatever the batches. `None` for a table of another population.
    #[must_use]
    pub fn batches(&self, table: &TableName, batch_rows: usize) -> Option<SyntheticBatches> {
        let at = self.shapes.iter().position(|s| s.name == *table)?;
        let (shape, drawn) = (self.shapes.get(at)?, self.tables.get(at)?);
        let declared = self.manifest.tables().get(shape.index)?;
        let rng = |stream: usize| {
            let mut rng = ChaCha8Rng::from_seed(self.seed);
            rng.set_stream(((at as u64 + 1) << 32) | stream as u64);
            rng
        };
        let column = |(place, column)| match shape.modelled.iter().position(|m| m.place == place) {
            Some(modelled) => Filled::Modelled(modelled, shape.modelled[modelled].attribute.clone(), rng(place + 2)),
            None => Filled::Made(Cells::new(column, self.plan.cells(declared, shape.index, column), rng(place + 2))),
        };
        let parent = parent_of(self.manifest, &self.shapes, at).and_then(|p| self.tables.get(p));
        Some(SyntheticBatches {
            schema: accepted_schema(declared),
            columns: declared.visible_columns().enumerate().map(column).collect(),
            drawn: drawn.clone(),
            parents: parent.map(|p| p.counts.clone()),
            events: rng(0),
            links: rng(1),
            person: 0,
            given: 0,
            row: 0,
            first_parent: 0,
            batch_rows: batch_rows.max(1),
        })
    }
}

/// A column of the rows to be made.
enum Filled {
    Modelled(usize, Attribute, ChaCha8Rng),
    Made(Cells),
}

/// The batches of one table. No batch is empty.
pub struct SyntheticBatches {
    schema: SchemaRef,
    columns: Vec<Filled>,
    drawn: Drawn,
    parents: Option<Vec<u32>>,
    events: ChaCha8Rng,
    links: ChaCha8Rng,
    /// The person whose turn it is, how many rows it has been given, and the number of the next row.
    person: usize,
    given: u32,
    row: u64,
    /// The number of the person's first row in the parent table.
    first_parent: u64,
    batch_rows: usize,
}

impl SyntheticBatches {
    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next row and whose it is.
    fn next_row(&mut self) -> Option<(usize, RowAt)> {
        while self.given >= *self.drawn.counts.get(self.person)? {
            self.first_parent += self.parents.as_ref().map_or(0, |p| u64::from(p[self.person]));
            self.person += 1;
            self.given = 0;
        }
        self.given += 1;
        self.row += 1;
        let parents = self.parents.as_ref().map_or(0, |p| u64::from(p[self.person]));
        let parent = self.first_parent + scaled(self.links.next_u64(), parents);
        let unit = Unit { id: self.drawn.units[self.person], ..Unit::default() };
        Some((self.person, RowAt { unit, row: self.row - 1, parent }))
    }
}

impl Iterator for SyntheticBatches {
    type Item = Result<RecordBatch, arrow::error::ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut persons = Vec::with_capacity(self.batch_rows);
        let mut rows = Vec::with_capacity(self.batch_rows);
        while rows.len() < self.batch_rows {
            let Some((person, row)) = self.next_row() else { break };
            persons.push(person);
            rows.push(row);
        }
        if rows.is_empty() {
            return None;
        }
        let codes: Vec<Vec<u16>> = match &self.drawn.values {
            Values::Persons(columns) => columns.iter().map(|c| persons.iter().map(|p| c[*p]).collect()).collect(),
            Values::Events(model) => model.draw(&persons, &mut self.events),
        };
        let units: UInt64Array = rows.iter().map(|r| r.unit.id).collect();
        let fill = |column: &mut Filled| match column {
            Filled::Modelled(place, attribute, rng) => attribute.decode(&codes[*place], rng),
            Filled::Made(cells) => cells.fill(&rows),
        };
        let columns = std::iter::once(Arc::new(units) as ArrayRef).chain(self.columns.iter_mut().map(fill)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options))
    }
}

impl EventModel {
    /// By event attribute: a value for an event of each of these persons.
    fn draw(&self, persons: &[usize], rng: &mut ChaCha8Rng) -> Vec<Vec<u16>> {
        let given = self.persons.len();
        let mut columns: Vec<Vec<u16>> = vec![Vec::with_capacity(persons.len()); self.attributes];
        let mut values = vec![0u16; given + self.attributes];
        for person in persons {
            for (value, column) in values.iter_mut().zip(&self.persons) {
                *value = column[*person];
            }
            for step in &self.steps {
                let weights = &step.cumulative[usize::from(values[step.from])];
                let total = weights.last().copied().unwrap_or(0.0);
                let at = unit_interval(rng.next_u64()) * total;
                values[step.to] = weights.partition_point(|w| *w <= at).min(weights.len() - 1) as u16;
            }
            for (place, column) in columns.iter_mut().enumerate() {
                column.push(self.compression.expand(given + place, values[given + place], rng));
            }
        }
        columns
    }
}
