//! A seeded generator of private rows and of expressions over them, from the words in `words`; `releases` makes queries
//! of them. Of two possibilities it mostly takes the one used less often so far, so that rare ones occur, too.

use super::releases::Query;
use super::words::{KINDS, Kind, SHAPES, TABLES, WINDOWS, WITHIN, WORDS};
use std::collections::BTreeMap;

/// A column in scope.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) sql: String,
    pub(super) kind: Kind,
}

/// Private rows: what stands after FROM, their columns and their unit.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) from: String,
    pub(super) columns: Vec<Column>,
    pub(super) unit: String,
    pub(super) conditions: Vec<String>,
}

pub(super) struct Grammar {
    pub(super) state: u64,
    /// Only what any engine understands alike.
    pub(super) plain: bool,
    pub(super) names: usize,
    pub(super) ctes: Vec<String>,
    pub(super) tags: Vec<&'static str>,
    /// How often each tag was met in queries that were valid.
    pub(super) met: BTreeMap<&'static str, usize>,
}

impl Grammar {
    pub(super) fn new(seed: u64, plain: bool) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { state, plain, names: 0, ctes: Vec::new(), tags: Vec::new(), met: BTreeMap::new() }
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) % n.max(1) as u64) as usize
    }

    /// Counts a valid query.
    pub(super) fn count(&mut self, query: &Query) {
        query.tags.iter().for_each(|t| *self.met.entry(t).or_default() += 1);
    }

    fn often(&self, tag: &str) -> usize {
        self.met.get(tag).copied().unwrap_or(0) + self.tags.iter().filter(|t| **t == tag).count()
    }

    /// One of `n` things, of two random ones the less used.
    pub(super) fn rare(&mut self, n: usize, tag: impl Fn(usize) -> &'static str) -> usize {
        let (a, b) = (self.below(n), self.below(n));
        let chosen = if self.often(tag(a)) <= self.often(tag(b)) { a } else { b };
        self.tags.push(tag(chosen));
        chosen
    }

    pub(super) fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// An expression over the rows' columns.
    pub(super) fn expression(&mut self, kind: Kind, rows: &Rows, depth: usize) -> String {
        let words: Vec<usize> =
            (0..WORDS.len()).filter(|&i| WORDS[i].gives == kind && (WORDS[i].plain || !self.plain)).collect();
        if depth == 0 || self.below(3) == 0 {
            return self.leaf(kind, rows);
        }
        let word = &WORDS[words[self.rare(words.len(), |i| WORDS[words[i]].tag)]];
        self.fill(word.form, rows, depth - 1)
    }

    fn leaf(&mut self, kind: Kind, rows: &Rows) -> String {
        let columns: Vec<&Column> = rows.columns.iter().filter(|c| c.kind == kind).collect();
        if !columns.is_empty() && self.below(5) > 0 {
            return columns[self.below(columns.len())].sql.clone();
        }
        let literals: &[&str] = match kind {
            Kind::Int => &["0", "1", "3", "-2", "40"],
            Kind::Float => &["0.5", "-1.25", "2.0", "17.5"],
            Kind::Text => &["'a'", "'x1'", "'c0'", "''"],
            Kind::Bool => &["true", "false"],
            Kind::Date => &["DATE '2026-02-01'", "DATE '2026-01-15'"],
            Kind::Time => &["TIMESTAMP '2026-03-01T00:00:00'", "TIMESTAMP '2026-01-09T07:30:00'"],
        };
        literals[self.below(literals.len())].to_owned()
    }

    /// A form with its holes filled.
    pub(super) fn fill(&mut self, form: &str, rows: &Rows, depth: usize) -> String {
        let mut text = String::new();
        let mut rest = form;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            let hole = &rest[at + 1..at + 2];
            let kind = match hole {
                "i" => Some(Kind::Int),
                "f" => Some(Kind::Float),
                "n" => Some([Kind::Int, Kind::Float][self.below(2)]),
                "t" => Some(Kind::Text),
                "b" => Some(Kind::Bool),
                "d" => Some(Kind::Date),
                "m" => Some(Kind::Time),
                "x" => Some(KINDS[self.below(KINDS.len())]),
                _ => None,
            };
            match kind {
                Some(kind) => text.push_str(&self.expression(kind, rows, depth)),
                None => text.push_str(&rows.unit),
            }
            rest = &rest[at + 3..];
        }
        text + rest
    }

    fn table(&mut self) -> Rows {
        let (name, _, columns) = &TABLES[self.rare(TABLES.len(), |i| TABLES[i].1)];
        let alias = self.name("t");
        let columns = columns.iter().map(|(c, kind)| Column { sql: format!("{alias}.{c}"), kind: *kind }).collect();
        Rows { from: format!("{name} {alias}"), columns, unit: format!("{alias}.user_id"), conditions: Vec::new() }
    }

    /// Some expressions as columns with new names, and what they are.
    fn columns(&mut self, rows: &Rows, count: usize) -> (Vec<String>, Vec<(String, Kind)>) {
        let (mut sql, mut known) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let kind = KINDS[self.below(KINDS.len())];
            let name = self.name("x");
            sql.push(format!("{} AS {name}", self.expression(kind, rows, 1)));
            known.push((name, kind));
        }
        (sql, known)
    }

    fn derived(&mut self, select: &str, known: &[(String, Kind)]) -> Rows {
        let alias = self.name("q");
        let columns = known.iter().map(|(n, kind)| Column { sql: format!("{alias}.{n}"), kind: *kind }).collect();
        Rows { from: format!("({select}) {alias}"), columns, unit: format!("{alias}.user_id"), conditions: Vec::new() }
    }

    pub(super) fn conditions(rows: &Rows) -> String {
        if rows.conditions.is_empty() { String::new() } else { format!(" WHERE {}", rows.conditions.join(" AND ")) }
    }

    /// Rows as a subquery with a unit and some columns.
    fn subquery(&mut self, rows: &Rows, count: usize) -> (String, Vec<(String, Kind)>) {
        let (sql, known) = self.columns(rows, count);
        let list: Vec<String> = std::iter::once(format!("{} AS user_id", rows.unit)).chain(sql).collect();
        (format!("SELECT {} FROM {}{}", list.join(", "), rows.from, Self::conditions(rows)), known)
    }

    /// Private rows of some shape.
    pub(super) fn rows(&mut self, depth: usize) -> Rows {
        if depth == 0 || self.below(4) == 0 {
            return self.table();
        }
        let shape = SHAPES[self.rare(SHAPES.len(), |i| SHAPES[i])];
        match shape {
            "inner join" | "left join" | "right join" | "full join" => self.join(shape, depth),
            "using" => {
                let (left, right) = (self.rows(depth - 1), self.table());
                let (left, known) = self.subquery(&left, 2);
                let left = self.derived(&left, &known);
                let columns = left.columns.iter().chain(&right.columns).cloned().collect();
                Rows {
                    from: format!("{} JOIN {} USING (user_id)", left.from, right.from),
                    columns,
                    unit: left.unit,
                    conditions: right.conditions,
                }
            }
            "semi join" | "anti join" | "exists" | "not exists" => {
                let (mut rows, other) = (self.rows(depth - 1), self.table());
                let condition = self.expression(Kind::Bool, &other, 1);
                let (unit, from, theirs) = (&rows.unit, &other.from, &other.unit);
                rows.conditions.push(match shape {
                    "semi join" => format!("{unit} IN (SELECT {theirs} FROM {from} WHERE {condition})"),
                    "anti join" => format!("{unit} NOT IN (SELECT {theirs} FROM {from} WHERE {condition})"),
                    "exists" => {
                        format!("EXISTS (SELECT 1 FROM {from} WHERE {theirs} = {unit} AND {condition})")
                    }
                    _ => format!("NOT EXISTS (SELECT 1 FROM {from} WHERE {theirs} = {unit} AND {condition})"),
                });
                rows
            }
            "lookup" | "left lookup" | "lookup in" => {
                let mut rows = self.rows(depth - 1);
                let texts: Vec<String> =
                    rows.columns.iter().filter(|c| c.kind == Kind::Text).map(|c| c.sql.clone()).collect();
                let key = match texts.iter().find(|t| t.ends_with(".city")) {
                    Some(city) => city.clone(),
                    None if texts.is_empty() => "'c0'".to_owned(),
                    None => texts[self.below(texts.len())].clone(),
                };
                let alias = self.name("p");
                if shape == "lookup in" {
                    rows.conditions.push(format!("{key} IN (SELECT city FROM cities WHERE size > 1)"));
                    return rows;
                }
                let kind = if shape == "lookup" { "JOIN" } else { "LEFT JOIN" };
                rows.from = format!("{} {kind} cities {alias} ON {alias}.city = {key}", rows.from);
                rows.columns.push(Column { sql: format!("{alias}.region"), kind: Kind::Text });
                rows.columns.push(Column { sql: format!("{alias}.size"), kind: Kind::Int });
                rows
            }
            "group within" | "having within" => {
                let rows = self.rows(depth - 1);
                let key = self.expression(Kind::Text, &rows, 1);
                let mut known = vec![(self.name("x"), Kind::Text)];
                let mut list = vec![format!("{} AS user_id", rows.unit), format!("{key} AS {}", known[0].0)];
                for _ in 0..2 {
                    let (_, kind, form) = WITHIN[self.rare(WITHIN.len(), |i| WITHIN[i].0)];
                    let (name, call) = (self.name("x"), self.fill(form, &rows, 1));
                    list.push(format!("{call} AS {name}"));
                    known.push((name, kind));
                }
                let having = if shape == "having within" { " HAVING COUNT(*) >= 2" } else { "" };
                let select = format!(
                    "SELECT {} FROM {}{} GROUP BY {}, {key}{having}",
                    list.join(", "),
                    rows.from,
                    Self::conditions(&rows),
                    rows.unit
                );
                self.derived(&select, &known)
            }
            "distinct" => {
                let rows = self.rows(depth - 1);
                let (select, known) = self.subquery(&rows, 2);
                self.derived(&select.replacen("SELECT", "SELECT DISTINCT", 1), &known)
            }
            "window" | "qualify" => {
                let rows = self.rows(depth - 1);
                let (select, mut known) = self.subquery(&rows, 4);
                let inner = self.derived(&select, &known);
                let (_, kind, form) = WINDOWS[self.rare(WINDOWS.len(), |i| WINDOWS[i].0)];
                let (name, call) = (self.name("x"), self.fill(form, &inner, 0));
                let columns: Vec<String> = known.iter().map(|(n, _)| n.clone()).collect();
                let qualify = if shape == "qualify" {
                    " QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id) <= 3".replace("user_id", &inner.unit)
                } else {
                    String::new()
                };
                let select = format!(
                    "SELECT {} AS user_id, {}, {call} AS {name} FROM {}{qualify}",
                    inner.unit,
                    columns.join(", "),
                    inner.from
                );
                known.push((name, kind));
                self.derived(&select, &known)
            }
            "union all" => {
                let (a, b) = (self.rows(depth - 1), self.table());
                let (kinds, mut parts) = ([Kind::Int, Kind::Text, Kind::Float], Vec::new());
                let known: Vec<(String, Kind)> = kinds.map(|k| (self.name("x"), k)).to_vec();
                for rows in [a, b] {
                    let list: Vec<String> =
                        known.iter().map(|(n, k)| format!("{} AS {n}", self.expression(*k, &rows, 1))).collect();
                    let (unit, list, where_) = (&rows.unit, list.join(", "), Self::conditions(&rows));
                    parts.push(format!("SELECT {unit} AS user_id, {list} FROM {}{where_}", rows.from));
                }
                self.derived(&parts.join(" UNION ALL "), &known)
            }
            "cte" if self.ctes.len() < 3 => {
                let rows = self.rows(depth - 1);
                let (select, known) = self.subquery(&rows, 3);
                let name = self.name("c");
                self.ctes.push(format!("{name} AS ({select})"));
                let columns = known.iter().map(|(n, k)| Column { sql: format!("{name}.{n}"), kind: *k }).collect();
                Rows { from: name.clone(), columns, unit: format!("{name}.user_id"), conditions: Vec::new() }
            }
            _ => {
                let mut rows = self.rows(depth - 1);
                let condition = self.expression(Kind::Bool, &rows, 1);
                rows.conditions.push(condition);
                let (select, known) = self.subquery(&rows, 3);
                self.derived(&select, &known)
            }
        }
    }

    fn join(&mut self, shape: &str, depth: usize) -> Rows {
        let (left, right) = (self.rows(depth - 1), self.table());
        let (left, known) = self.subquery(&left, 3);
        let left = self.derived(&left, &known);
        let (right, known) = self.subquery(&right, 2);
        let right = self.derived(&right, &known);
        let (l, r) = (left.unit, right.unit);
        let unit = match shape {
            "right join" => r.clone(),
            "full join" => format!("COALESCE({l}, {r})"),
            _ => l.clone(),
        };
        let from = format!("{} {} {} ON {l} = {r}", left.from, shape.to_uppercase(), right.from);
        let columns = left.columns.into_iter().chain(right.columns).collect();
        Rows { from, columns, unit, conditions: Vec::new() }
    }
}
