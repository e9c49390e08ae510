//! Drafting a manifest from a file: names, types and round bounds for the owner to edit, no values.
//!
//! Bounds are widened to the fixed ladder of [`round_bounds`], text lengths to powers of two, dates to decades,
//! row numbers to 1-2-5 steps. Everything that was read off the rows is marked [`Evidence::Data`], so nothing
//! drafted can be published before its owner has attested or replaced it. Roles are guessed from names and from what
//! [`crate::identifiers`] finds in the values, on the careful side, each with its reason.

use crate::decode::RawBatch;
use crate::identifiers::{self, ColumnScan, Confidence, Finding};
use crate::validate::cell::{self, Cell, Source};
use lyceum_schema::manifest::{
    DataType, Domain, Draft, DraftColumn, DraftTable, DraftUnit, Evidence, OnIdentifiers, Role, Value, round_bounds,
};
use lyceum_schema::name::ColumnName;
use std::collections::HashSet;

/// Reads decoded rows of one table (all columns) and drafts its manifest.
#[derive(Default)]
pub struct Drafter {
    columns: Vec<Sketch>,
    rows: u64,
}

impl Drafter {
    /// A drafter that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a batch that a decoder for all columns gave, with that decoder's headers.
    pub fn observe(&mut self, headers: &[String], raw: &RawBatch) {
        // A column that first comes late in the file has no values before.
        let late = self.rows > 0;
        let new = headers.iter().skip(self.columns.len());
        self.columns.extend(new.map(|h| Sketch { nulls: late, ..Sketch::new(h) }));
        self.rows += raw.rows();
        for (sketch, array) in self.columns.iter_mut().zip(raw.batch.columns()) {
            let Some(source) = Source::new(array) else {
                sketch.unreadable = true;
                continue;
            };
            for row in 0..array.len() {
                sketch.observe(&source.cell(row));
            }
        }
    }

    /// The draft. `dataset` and `table` are names the owner chose; columns of types that are not read are left out.
    #[must_use]
    pub fn draft(&self, dataset: &str, table: &str) -> Draft {
        let mut taken = HashSet::new();
        let columns = self.columns.iter().filter(|c| !c.unreadable).map(|c| c.column(&mut taken)).collect();
        let expected_rows = round_count(self.rows);
        let table = DraftTable {
            name: sql_name(table, &mut HashSet::new()),
            description: "One row per …".into(),
            unit: DraftUnit::Row,
            population: Some(format!("{dataset}-people")),
            max_rows_per_unit: None,
            expected_rows,
            columns,
        };
        Draft {
            name: dataset.into(),
            title: dataset.into(),
            version: "1".into(),
            owner: "your-organisation".into(),
            licence: "to be named".into(),
            source: "to be named".into(),
            description: String::new(),
            tables: vec![table],
        }
    }
}

/// What is known of a column: which types all its values read as, and how far they reach.
struct Sketch {
    header: String,
    unreadable: bool,
    values: u64,
    nulls: bool,
    int: bool,
    float: bool,
    boolean: bool,
    date: bool,
    timestamp: bool,
    low: f64,
    high: f64,
    first_day: i32,
    last_day: i32,
    longest: usize,
    scan: ColumnScan,
}

impl Sketch {
    fn new(header: &str) -> Self {
        Self {
            header: header.to_owned(),
            unreadable: false,
            values: 0,
            nulls: false,
            int: true,
            float: true,
            boolean: true,
            date: true,
            timestamp: true,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            first_day: i32::MAX,
            last_day: i32::MIN,
            longest: 0,
            scan: ColumnScan::new(ColumnName::new("c").expect("invariant: a letter is a name"), header),
        }
    }

    fn observe(&mut self, cell: &Cell<'_>) {
        if matches!(cell, Cell::Null) {
            self.nulls = true;
            return;
        }
        self.values += 1;
        match cell {
            Cell::Text(text) => {
                self.longest = self.longest.max(text.len());
                self.scan.observe(text);
            }
            Cell::Int(number) => self.scan.observe(&number.to_string()),
            Cell::Null | Cell::BrokenText | Cell::Float(_) | Cell::Boolean(_) | Cell::Date(_) | Cell::Timestamp(_) => {}
        }
        // Leading zeros carry meaning (post codes, account numbers), so such values are text.
        let code =
            matches!(cell, Cell::Text(t) if t.len() > 1 && t.starts_with('0') && t.bytes().all(|b| b.is_ascii_digit()));
        self.int &= !code && matches!(cell::int(cell), Ok((Some(_), _)));
        if self.float {
            match cell::float(cell) {
                Ok((Some(value), _)) if !code => {
                    self.low = self.low.min(value);
                    self.high = self.high.max(value);
                }
                Ok((None, _)) => self.nulls = true,
                _ => self.float = false,
            }
        }
        self.boolean &= cell::boolean(cell).is_ok();
        self.date &= cell::date(cell).is_ok();
        if self.timestamp {
            match cell::timestamp(cell) {
                Ok((Some(micros), _)) => {
                    let day = i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(i32::MAX);
                    self.first_day = self.first_day.min(day);
                    self.last_day = self.last_day.max(day);
                }
                _ => self.timestamp = false,
            }
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            s if s.values == 0 => DataType::String,
            s if s.int => DataType::Int64,
            s if s.float => DataType::Float64,
            s if s.boolean => DataType::Boolean,
            s if s.date => DataType::Date,
            s if s.timestamp => DataType::Timestamp,
            _ => DataType::String,
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn column(&self, taken: &mut HashSet<String>) -> DraftColumn {
        let name = sql_name(&self.header, taken);
        let data_type = self.data_type();
        let (role, hint) = guess_role(&name, &self.header, data_type, &self.scan.findings());
        let domain = match data_type {
            DataType::Boolean => Domain::Unbounded,
            DataType::Int32 | DataType::Int64 => {
                let (low, high) = round_bounds(self.low, self.high);
                Domain::Bounds { low: Value::Int(low as i64), high: Value::Int(high as i64) }
            }
            DataType::Float64 => {
                let (low, high) = round_bounds(self.low, self.high);
                Domain::Bounds { low: Value::Float(low + 0.0), high: Value::Float(high + 0.0) }
            }
            DataType::Date => {
                let (low, high) = decades(self.first_day, self.last_day);
                Domain::Bounds { low: Value::Date(low), high: Value::Date(high) }
            }
            DataType::Timestamp => {
                let micros = |day: i32| Value::Timestamp(i64::from(day) * 86_400_000_000);
                let (low, high) = decades(self.first_day, self.last_day);
                Domain::Bounds { low: micros(low), high: micros(high) }
            }
            DataType::String => {
                let longest = u32::try_from(self.longest.max(16)).unwrap_or(u32::MAX);
                Domain::Text { max_bytes: longest.checked_next_power_of_two().map_or(65_535, |n| n.min(65_535)) }
            }
        };
        DraftColumn {
            name,
            source_name: self.header.clone(),
            data_type,
            nullable: self.nulls,
            role,
            domain,
            evidence: Evidence::Data,
            unit_of_measure: None,
            hierarchy: None,
            on_identifiers: OnIdentifiers::Reject,
            description: hint,
        }
    }
}

/// A name as SQL takes it: lower case, `_` between words, unique among `taken`.
fn sql_name(header: &str, taken: &mut HashSet<String>) -> String {
    let mut name = String::new();
    let mut last_was_lower = false;
    for c in header.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && last_was_lower {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        last_was_lower = c.is_ascii_lowercase();
    }
    name.truncate(56);
    let mut name = name.trim_end_matches('_').to_owned();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name = if name.is_empty() { "column".into() } else { format!("c_{name}") };
    }
    let mut unique = name.clone();
    let mut n = 1;
    while !taken.insert(unique.clone()) {
        n += 1;
        unique = format!("{name}_{n}");
    }
    unique
}

/// Words of direct identifiers that no value tells.
const IDENTIFIERS: &[&str] = &["street", "address", "password", "username", "login", "licence", "license"];
/// Words of what must not be learnt about a person.
const SENSITIVE: &[&str] = &[
    "income",
    "salary",
    "wage",
    "debt",
    "loan",
    "credit",
    "default",
    "balance",
    "diagnosis",
    "disease",
    "illness",
    "condition",
    "medication",
    "pregnant",
    "disability",
    "hiv",
    "religion",
    "religious",
    "political",
    "party",
    "vote",
    "union",
    "orientation",
    "sexual",
    "criminal",
    "offence",
    "arrest",
    "conviction",
    "poutcome",
];
const QUASI_IDENTIFIERS: &[&str] = &[
    "age",
    "birth",
    "birthday",
    "dob",
    "born",
    "zip",
    "zipcode",
    "postcode",
    "postal",
    "plz",
    "city",
    "region",
    "state",
    "county",
    "country",
    "gender",
    "sex",
    "race",
    "ethnicity",
    "nationality",
    "native",
    "marital",
    "education",
    "occupation",
    "job",
    "profession",
    "household",
    "latitude",
    "longitude",
    "lat",
    "lon",
];

/// A role from a name and from what was found in the values, and the reason, for the owner.
fn guess_role(name: &str, header: &str, data_type: DataType, found: &[Finding]) -> (Role, String) {
    let words: Vec<&str> = name.split('_').collect();
    let any = |list: &[&str]| words.iter().find(|w| list.contains(w));
    let keyed = !matches!(data_type, DataType::Boolean | DataType::Float64 | DataType::Date | DataType::Timestamp);
    if let Some(finding) = found.first().filter(|f| keyed && f.confidence > Confidence::Low) {
        let kind = finding.kind.name();
        return (Role::DirectIdentifier, format!("Holds {kind} (found in the values): it will be dropped at upload."));
    }
    if keyed && (identifiers::suggests(header).is_some() || any(IDENTIFIERS).is_some()) {
        let reason = "Looks like a direct identifier by its name: it will be dropped at upload.";
        return (Role::DirectIdentifier, reason.to_owned());
    }
    if keyed && words.last().is_some_and(|w| ["id", "uid", "uuid", "guid"].contains(w)) {
        let hint = "May be the privacy unit: then set its role to privacy_unit, name it in the table's privacy_unit, and \
                    set max_rows_per_unit.";
        return (Role::JoinKey, hint.to_owned());
    }
    if let Some(word) = any(QUASI_IDENTIFIERS) {
        return (
            Role::QuasiIdentifier,
            format!("Looks like a quasi-identifier, by the word \u{2018}{word}\u{2019} in its name."),
        );
    }
    let sensitive = any(SENSITIVE).filter(|_| !matches!(data_type, DataType::Date | DataType::Timestamp));
    if let Some(word) = sensitive {
        let reason = format!("May be sensitive, by the word \u{2018}{word}\u{2019} in its name.");
        return (Role::Sensitive, reason);
    }
    let role = match data_type {
        DataType::Date | DataType::Timestamp => Role::Time,
        DataType::Int32 | DataType::Int64 | DataType::Float64 => Role::Measure,
        DataType::Boolean | DataType::String => Role::Dimension,
    };
    (role, String::new())
}

/// The decades that hold both days, as days since 1970: first day of the first, first day after the last.
fn decades(first: i32, last: i32) -> (i32, i32) {
    let year = |day: i32| {
        jiff::civil::Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(day)).map_or(1970, |d| d.year())
    };
    let start = |year: i16| {
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        jiff::civil::Date::new(year.clamp(0, 9990), 1, 1)
            .ok()
            .and_then(|d| d.since(epoch).ok())
            .map_or(0, |s| s.get_days())
    };
    (start(year(first).div_euclid(10) * 10), start(year(last).div_euclid(10) * 10 + 10))
}

/// The next of 1, 2, 5, 10, 20, 50, …
fn round_count(n: u64) -> u64 {
    let rungs = (0..12).flat_map(|k| [1, 2, 5].map(|d| d * 10u64.pow(k)));
    rungs.into_iter().find(|r| *r >= n).unwrap_or(1_000_000_000_000)
}
