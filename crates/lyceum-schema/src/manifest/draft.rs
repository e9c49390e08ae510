//! A manifest being drafted: plain data that may be incomplete, and how it is printed as TOML.
//!
//! `lyceum dataset draft` fills a [`Draft`] from a file's names and types; its owner edits the text; [`Manifest::parse`]
//! judges it. A [`Manifest`] turns into a [`Draft`] too, so that printing and parsing are inverse.

use super::{Column, DataType, Domain, Evidence, Manifest, OnIdentifiers, PrivacyUnit, Role, Table, Value};
use std::fmt::Write as _;

/// A manifest that need not be valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// `[dataset] name`.
    pub name: String,
    /// A title for people.
    pub title: String,
    /// The manifest's own version.
    pub version: String,
    /// The owner's organisation.
    pub owner: String,
    /// Licence or terms.
    pub licence: String,
    /// Where the data comes from.
    pub source: String,
    /// What the data is; may be empty.
    pub description: String,
    /// The tables.
    pub tables: Vec<DraftTable>,
}

/// A `[[table]]` that need not be valid.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftTable {
    /// Name in SQL.
    pub name: String,
    /// What a row is; may be empty.
    pub description: String,
    /// Whose rows are added or removed together.
    pub unit: DraftUnit,
    /// The unit's id-space.
    pub population: Option<String>,
    /// Rows per unit; left out where the unit doesn't take it.
    pub max_rows_per_unit: Option<u64>,
    /// About how many rows, public.
    pub expected_rows: u64,
    /// The columns.
    pub columns: Vec<DraftColumn>,
}

/// `privacy_unit`, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftUnit {
    /// `{ column = … }`
    Column(String),
    /// `{ foreign_key = …, table = …, column = … }`
    ForeignKey {
        /// This table's key column.
        via: String,
        /// The parent table.
        table: String,
        /// The parent's key column.
        column: String,
    },
    /// `"row"`
    Row,
    /// `"none"`
    None,
}

/// A `[[table.column]]` that need not be valid.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftColumn {
    /// Name in SQL.
    pub name: String,
    /// Name in the file; printed where it differs.
    pub source_name: String,
    /// Type.
    pub data_type: DataType,
    /// Whether NULL is accepted.
    pub nullable: bool,
    /// Role.
    pub role: Role,
    /// Values, bounds or longest text.
    pub domain: Domain,
    /// Where the domain comes from.
    pub evidence: Evidence,
    /// Unit of measure.
    pub unit_of_measure: Option<String>,
    /// File of the hierarchy.
    pub hierarchy: Option<String>,
    /// What is done about direct identifiers in values.
    pub on_identifiers: OnIdentifiers,
    /// What it means; may be empty.
    pub description: String,
}

impl Draft {
    /// The manifest as TOML. Domains with [`Evidence::Data`] carry a comment that asks for attestation.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::from("[dataset]\n");
        text(&mut out, "name", &self.name);
        text(&mut out, "title", &self.title);
        text(&mut out, "version", &self.version);
        text(&mut out, "owner", &self.owner);
        text(&mut out, "licence", &self.licence);
        text(&mut out, "source", &self.source);
        if !self.description.is_empty() {
            text(&mut out, "description", &self.description);
        }
        for t in &self.tables {
            t.render(&mut out);
        }
        out
    }
}

impl DraftTable {
    fn render(&self, out: &mut String) {
        out.push_str("\n[[table]]\n");
        text(out, "name", &self.name);
        if !self.description.is_empty() {
            text(out, "description", &self.description);
        }
        let unit = match &self.unit {
            DraftUnit::Row => "\"row\"".to_owned(),
            DraftUnit::None => "\"none\"".to_owned(),
            DraftUnit::Column(c) => format!("{{ column = {} }}", quoted(c)),
            DraftUnit::ForeignKey { via, table, column } => {
                format!("{{ foreign_key = {}, table = {}, column = {} }}", quoted(via), quoted(table), quoted(column))
            }
        };
        let _ = writeln!(out, "privacy_unit = {unit}");
        if let Some(population) = &self.population {
            text(out, "population", population);
        }
        if let Some(rows) = self.max_rows_per_unit {
            let _ = writeln!(out, "max_rows_per_unit = {rows}");
        }
        let _ = writeln!(out, "expected_rows = {}", self.expected_rows);
        for c in &self.columns {
            c.render(out);
        }
    }
}

impl DraftColumn {
    fn render(&self, out: &mut String) {
        out.push_str("\n[[table.column]]\n");
        text(out, "name", &self.name);
        if self.source_name != self.name {
            text(out, "source_name", &self.source_name);
        }
        text(out, "type", self.data_type.as_str());
        let _ = writeln!(out, "nullable = {}", self.nullable);
        text(out, "role", self.role.as_str());
        match &self.domain {
            Domain::Values(values) => {
                let list: Vec<_> = values.iter().map(literal).collect();
                let _ = writeln!(out, "values = [{}]", list.join(", "));
            }
            Domain::Bounds { low, high } => {
                let _ = writeln!(out, "bounds = [{}, {}]", literal(low), literal(high));
            }
            Domain::Text { max_bytes } => {
                let _ = writeln!(out, "max_bytes = {max_bytes}");
            }
            Domain::Unbounded => {}
        }
        if self.evidence == Evidence::Data {
            let _ = writeln!(
                out,
                "source = \"data\"  # read off the file: replace by public knowledge and write source = \"public\""
            );
        }
        if let Some(unit) = &self.unit_of_measure {
            text(out, "unit", unit);
        }
        if let Some(hierarchy) = &self.hierarchy {
            text(out, "hierarchy", hierarchy);
        }
        if self.on_identifiers != OnIdentifiers::Reject {
            text(out, "identifiers", self.on_identifiers.as_str());
        }
        if !self.description.is_empty() {
            text(out, "description", &self.description);
        }
    }
}

impl From<&Manifest> for Draft {
    fn from(m: &Manifest) -> Self {
        Self {
            name: m.dataset.to_string(),
            title: m.title.clone(),
            version: m.version.clone(),
            owner: m.owner.to_string(),
            licence: m.licence.clone(),
            source: m.source.clone(),
            description: m.description.clone(),
            tables: m.tables.iter().map(DraftTable::from).collect(),
        }
    }
}

impl From<&Table> for DraftTable {
    fn from(t: &Table) -> Self {
        let (unit, max_rows_per_unit) = match &t.unit {
            PrivacyUnit::Column(c) => (DraftUnit::Column(c.to_string()), Some(t.max_rows_per_unit)),
            PrivacyUnit::ForeignKey { via, table, column } => (
                DraftUnit::ForeignKey { via: via.to_string(), table: table.to_string(), column: column.to_string() },
                Some(t.max_rows_per_unit),
            ),
            PrivacyUnit::Row => (DraftUnit::Row, None),
            PrivacyUnit::None => (DraftUnit::None, None),
        };
        Self {
            name: t.name.to_string(),
            description: t.description.clone(),
            unit,
            population: t.population.as_ref().map(ToString::to_string),
            max_rows_per_unit,
            expected_rows: t.expected_rows,
            columns: t.columns.iter().map(DraftColumn::from).collect(),
        }
    }
}

impl From<&Column> for DraftColumn {
    fn from(c: &Column) -> Self {
        Self {
            name: c.name.to_string(),
            source_name: c.source_name.clone(),
            data_type: c.data_type,
            nullable: c.nullable,
            role: c.role,
            domain: c.domain.clone(),
            evidence: c.evidence,
            unit_of_measure: c.unit_of_measure.clone(),
            hierarchy: c.hierarchy.clone(),
            on_identifiers: c.on_identifiers,
            description: c.description.clone(),
        }
    }
}

/// Widens an interval to the next rungs of the fixed ladder 0, ±1, ±2, ±5, ±10, ±20, ±50, …, so that a drafted bound
/// says little about the data it was drafted from. Infinite or NaN ends become the widest rung, ±1e18.
#[must_use]
pub fn round_bounds(low: f64, high: f64) -> (f64, f64) {
    (-rung_at_or_above(-low), rung_at_or_above(high))
}

/// The smallest rung that isn't below `x`.
fn rung_at_or_above(x: f64) -> f64 {
    let rungs = || (0..18).flat_map(|k| [1.0, 2.0, 5.0].map(|d| d * 10f64.powi(k))).chain([1e18]);
    if x.is_nan() {
        return 1e18;
    }
    if x > 0.0 {
        return rungs().find(|r| *r >= x).unwrap_or(1e18);
    }
    // Below zero the ladder is mirrored: the largest rung that fits into |x|.
    -rungs().take_while(|r| *r <= -x).last().unwrap_or(0.0)
}

fn text(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {}", quoted(value));
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn literal(value: &Value) -> String {
    match value {
        Value::Boolean(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(f) => format!("{f:?}"),
        Value::String(s) => quoted(s),
        Value::Date(days) => jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(*days))
            .map_or_else(|_| days.to_string(), |d| quoted(&d.to_string())),
        Value::Timestamp(us) => quoted(&crate::time::Micros(*us).to_string()),
    }
}
