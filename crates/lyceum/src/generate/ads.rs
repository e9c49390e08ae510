//! Linked advertising data: `users`, `events` and `campaigns`, as `datasets/ads/manifest.toml` declares them.
//!
//! Activity per person is heavy-tailed, campaigns, sites and countries are Zipf-distributed, a coin per person decides
//! who is treated, and treatment multiplies the conversion rate by a stated factor, so that an experiment on
//! the data has a known answer. The same seed gives the same files.

use super::events::{Kind, Row, Totals, World};
use super::sink::{FileFormat, Sink};
use super::users::{Lists, Person, stream};
use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use lyceum_schema::manifest::{Domain, Manifest, Table, Value};
use lyceum_schema::name::{ColumnName, TableName};
use rand::RngExt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The manifest that the generated files satisfy.
pub(crate) const MANIFEST: &str = include_str!("../../../../datasets/ads/manifest.toml");

/// What to generate.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// People.
    pub(crate) users: u64,
    /// Days, from 2026-01-01.
    pub(crate) days: u64,
    /// Seed: equal seeds give equal files.
    pub(crate) seed: u64,
    /// Impressions per person and day, on average.
    pub(crate) mean_per_day: f64,
    /// Factor on the conversion rate of treated people.
    pub(crate) lift: f64,
    /// File format.
    pub(crate) format: FileFormat,
}

/// What was written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// Table and file.
    pub(crate) files: Vec<(TableName, PathBuf)>,
    /// Rows of the event table.
    pub(crate) events: u64,
}

/// 2026-01-01T00:00:00Z in microseconds since the epoch.
const START_MICROS: i64 = 1_767_225_600_000_000;
const SITES: usize = 4_000;

/// Writes the three tables into `out`; calls `progress` with the number of days done.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn write(plan: &Plan, out: &Path, mut progress: impl FnMut(u64)) -> io::Result<Written> {
    std::fs::create_dir_all(out)?;
    let manifest = Manifest::parse("datasets/ads/manifest.toml", MANIFEST)
        .map_err(|_| io::Error::other("the built-in manifest of the ads dataset does not parse"))?;
    let tables = Tables::new(&manifest)?;
    let world = tables.world(plan);

    let mut totals = vec![Totals::default(); usize::try_from(plan.users).map_err(io::Error::other)?];
    let events_path = out.join(format!("events.{}", plan.format.extension()));
    let mut sink = None;
    let mut events = 0;
    for day in 0..plan.days {
        let rows = world.day(day, &mut totals);
        events += rows.len() as u64;
        let batch = batch(tables.events, |column| tables.event_column(column, &rows))?;
        let sink = match &mut sink {
            Some(s) => s,
            none => none.insert(Sink::create(&events_path, plan.format, batch.schema())?),
        };
        sink.write(&batch)?;
        progress(day + 1);
    }
    if let Some(sink) = sink {
        sink.finish()?;
    }

    let people: Vec<Person> =
        (0..plan.users).map(|n| Person::new(plan.seed, n, plan.mean_per_day, &world.lists)).collect();
    let users_path = out.join(format!("users.{}", plan.format.extension()));
    write_one(&users_path, plan.format, &batch(tables.users, |c| tables.user_column(c, &people, &totals))?)?;
    let campaigns_path = out.join(format!("campaigns.{}", plan.format.extension()));
    write_one(&campaigns_path, plan.format, &batch(tables.campaigns, |c| tables.campaign_column(c, plan.seed))?)?;

    let files = [(tables.users, users_path), (tables.events, events_path), (tables.campaigns, campaigns_path)]
        .into_iter()
        .map(|(table, path)| (table.name().clone(), path))
        .collect();
    Ok(Written { files, events })
}

fn write_one(path: &Path, format: FileFormat, batch: &RecordBatch) -> io::Result<()> {
    let mut sink = Sink::create(path, format, batch.schema())?;
    sink.write(batch)?;
    sink.finish()
}

/// One batch with the table's columns, in the manifest's order and under the file's names.
fn batch(table: &Table, mut column: impl FnMut(&str) -> io::Result<ArrayRef>) -> io::Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for declared in table.columns() {
        let array = column(declared.name().as_str())?;
        fields.push(Field::new(declared.source_name(), array.data_type().clone(), false));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(io::Error::other)
}

struct Tables<'a> {
    users: &'a Table,
    events: &'a Table,
    campaigns: &'a Table,
}

impl<'a> Tables<'a> {
    fn new(manifest: &'a Manifest) -> io::Result<Self> {
        let table = |name: &str| {
            TableName::new(name).ok().and_then(|n| manifest.table(&n)).ok_or_else(|| unknown("table", name))
        };
        Ok(Self { users: table("users")?, events: table("events")?, campaigns: table("campaigns")? })
    }

    fn world(&self, plan: &Plan) -> World {
        World {
            seed: plan.seed,
            people: plan.users,
            mean_per_day: plan.mean_per_day,
            lists: Lists {
                countries: list(self.users, "country").len(),
                age_bands: list(self.users, "age_band").len(),
                devices: list(self.events, "device").len(),
                campaigns: list(self.events, "campaign").len(),
            },
            channels: list(self.events, "channel").len(),
            sites: SITES,
            max_rows: u32::try_from(self.events.max_rows_per_unit()).unwrap_or(u32::MAX),
            lift: plan.lift,
            start_micros: START_MICROS,
        }
    }

    fn event_column(&self, name: &str, rows: &[Row]) -> io::Result<ArrayRef> {
        let pick = |index: fn(&Row) -> usize| texts(&list(self.events, name), rows.iter().map(index));
        Ok(match name {
            "user_id" => Arc::new(StringArray::from_iter_values(rows.iter().map(|r| user_id(r.person)))),
            "event_time" => Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.micros))),
            "kind" => Arc::new(StringArray::from_iter_values(rows.iter().map(|r| match r.kind {
                Kind::Impression => "impression",
                Kind::Click => "click",
                Kind::Conversion => "conversion",
            }))),
            "campaign" => pick(|r| r.campaign),
            "channel" => pick(|r| r.channel),
            "device" => pick(|r| r.device),
            "site" => Arc::new(StringArray::from_iter_values(rows.iter().map(|r| site(r.site)))),
            "cost" => Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.cost))),
            "revenue" => Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.revenue))),
            other => return Err(unknown("column", other)),
        })
    }

    fn user_column(&self, name: &str, people: &[Person], totals: &[Totals]) -> io::Result<ArrayRef> {
        let pick = |index: fn(&Person) -> usize| texts(&list(self.users, name), people.iter().map(index));
        let count = |of: fn(&Totals) -> u32| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(totals.iter().map(|t| i32::try_from(of(t)).unwrap_or(i32::MAX))))
        };
        Ok(match name {
            "user_id" => Arc::new(StringArray::from_iter_values((0..people.len() as u64).map(user_id))),
            "segment" => pick(|p| p.segment),
            "country" => pick(|p| p.country),
            "age_band" => pick(|p| p.age_band),
            "arm" => Arc::new(StringArray::from_iter_values(
                people.iter().map(|p| if p.treated { "treatment" } else { "control" }),
            )),
            "impressions" => count(|t| t.impressions),
            "clicks" => count(|t| t.clicks),
            "conversions" => count(|t| t.conversions),
            "revenue" => {
                let limit = high(self.users, name);
                Arc::new(Float64Array::from_iter_values(
                    totals.iter().map(|t| ((t.revenue * 100.0).round() / 100.0).min(limit)),
                ))
            }
            other => return Err(unknown("column", other)),
        })
    }

    fn campaign_column(&self, name: &str, seed: u64) -> io::Result<ArrayRef> {
        let campaigns = list(self.events, "campaign");
        let draw = |purpose: u64, below: usize| -> Vec<usize> {
            (0..campaigns.len() as u64).map(|n| stream(seed, purpose, n).random_range(0..below.max(1))).collect()
        };
        Ok(match name {
            "campaign" => texts(&campaigns, 0..campaigns.len()),
            "brand" => match list(self.campaigns, name) {
                brands if brands.is_empty() => Arc::new(StringArray::from_iter_values(
                    draw(101, 12).into_iter().map(|b| format!("brand-{:02}", b + 1)),
                )),
                brands => texts(&brands, draw(101, brands.len()).into_iter()),
            },
            "objective" => {
                let objectives = list(self.campaigns, name);
                texts(&objectives, draw(102, objectives.len()).into_iter())
            }
            "start_date" => Arc::new(Date32Array::from_iter_values(
                draw(103, 20).into_iter().map(|d| (START_MICROS / 86_400_000_000) as i32 - d as i32),
            )),
            "budget" => {
                Arc::new(Float64Array::from_iter_values(draw(104, 100).into_iter().map(|b| 1_000.0 * (b + 1) as f64)))
            }
            other => return Err(unknown("column", other)),
        })
    }
}

fn user_id(number: u64) -> String {
    format!("u{number:08}")
}

fn site(number: usize) -> String {
    format!("site-{:04}.example", number + 1)
}

/// A column's declared texts, in order; empty if it has none.
fn list(table: &Table, column: &str) -> Vec<String> {
    let declared = ColumnName::new(column).ok().and_then(|n| table.column(&n));
    match declared.map(lyceum_schema::manifest::Column::domain) {
        Some(Domain::Values(values)) => {
            values.iter().filter_map(|v| if let Value::String(s) = v { Some(s.clone()) } else { None }).collect()
        }
        Some(Domain::Bounds { .. } | Domain::Text { .. } | Domain::Unbounded) | None => Vec::new(),
    }
}

/// A column's declared upper bound.
fn high(table: &Table, column: &str) -> f64 {
    let declared = ColumnName::new(column).ok().and_then(|n| table.column(&n));
    match declared.map(lyceum_schema::manifest::Column::domain) {
        Some(Domain::Bounds { high: Value::Float(h), .. }) => *h,
        _ => f64::MAX,
    }
}

fn texts(list: &[String], indices: impl Iterator<Item = usize>) -> ArrayRef {
    let last = list.len().saturating_sub(1);
    Arc::new(StringArray::from_iter_values(indices.map(|i| list.get(i.min(last)).map_or("", String::as_str))))
}

fn unknown(what: &str, name: &str) -> io::Error {
    io::Error::other(format!("the generator does not know the {what} {name:?} of the ads manifest"))
}
