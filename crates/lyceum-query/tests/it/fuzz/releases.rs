//! A seeded generator of whole queries: one release or several over the rows that `grammar` makes, and what is done with
//! them above.

use super::grammar::Grammar;
use super::words::{AGGREGATES, FORMS, HISTOGRAM, Kind, LISTED, PLAIN_AGGREGATES, TABLES, UNLISTED};

/// A query of the generator.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) sql: String,
    /// The same for plain SQL where groups are selected: it must be told to leave out those that are never shown.
    pub(super) reference: String,
    /// How many of its first columns are keys.
    pub(super) keys: usize,
    /// What it is made of, each as often as it occurs.
    pub(super) tags: Vec<&'static str>,
}

/// A release: what stands after SELECT.
struct Release {
    select: String,
    /// The names of its key columns, GROUPING() included.
    keys: Vec<String>,
    /// What a comparable group must have: somebody, or so many that it can be shown.
    having: String,
}

/// Stands where plain SQL needs a condition that the engine has by itself.
const UNITS: [&str; 2] = ["[[", "]]"];

impl Release {
    /// The statement behind SELECT, with the groups that both engines show if `comparable`.
    fn text(&self, comparable: bool) -> String {
        if comparable { format!("{}{}", self.select, self.having) } else { self.select.clone() }
    }
}

impl Grammar {
    /// One release of so many keys.
    fn release(&mut self, keys: usize, listed: bool) -> Release {
        let depth = 1 + self.below(2);
        let mut rows = self.rows(depth);
        if self.below(2) == 0 {
            self.tags.push("where");
            let condition = self.expression(Kind::Bool, &rows, 2);
            rows.conditions.push(condition);
        }
        let (mut list, mut forms, mut names, mut all_listed) = (Vec::new(), Vec::new(), Vec::new(), true);
        for i in 0..keys {
            let form = if !self.plain && self.below(6) == 0 {
                self.tags.push("histogram");
                HISTOGRAM.to_owned()
            } else {
                let listed = listed || self.below(2) == 0;
                all_listed &= listed;
                self.tags.push(if listed { "listed key" } else { "unlisted key" });
                let stored = rows.columns.iter().filter(|c| c.sql.ends_with(".city") || c.sql.ends_with(".note"));
                let stored: Vec<String> = stored.map(|c| c.sql.clone()).collect();
                // Most expressions have few values, which are a list.
                if !listed && !stored.is_empty() && self.below(3) > 0 {
                    stored[self.below(stored.len())].clone()
                } else {
                    let forms = if listed { LISTED } else { UNLISTED };
                    forms[self.below(forms.len())].to_owned()
                }
            };
            let form = self.fill(&form, &rows, 1);
            list.push(format!("{form} AS k{i}"));
            forms.push(form);
            names.push(format!("k{i}"));
        }
        let by = match (keys, self.below(4)) {
            (0, _) => {
                self.tags.push("no key");
                String::new()
            }
            (_, 0) if !self.plain || all_listed => {
                const SETS: [&str; 3] = ["ROLLUP", "CUBE", "GROUPING SETS"];
                // A total's key is NULL, as a group's may be: GROUPING() tells them apart.
                for (i, form) in forms.iter().enumerate() {
                    list.push(format!("GROUPING({form}) AS g{i}"));
                    names.push(format!("g{i}"));
                }
                match SETS[self.rare(SETS.len(), |i| SETS[i])] {
                    "GROUPING SETS" => format!(" GROUP BY GROUPING SETS (({}), ())", forms.join(", ")),
                    sets => format!(" GROUP BY {sets} ({})", forms.join(", ")),
                }
            }
            _ => format!(" GROUP BY {}", forms.join(", ")),
        };
        if keys > 1 {
            self.tags.push("two keys");
        }
        let aggregates: Vec<(&'static str, &str)> = if self.plain { PLAIN_AGGREGATES } else { AGGREGATES }
            .iter()
            // Units that are counted twice over would be lifted with the selection's.
            .filter(|a| !self.plain || all_listed || a.0 != "COUNT DISTINCT unit")
            .copied()
            .collect();
        for i in 0..=self.below(3) {
            let form = aggregates[self.rare(aggregates.len(), |i| aggregates[i].0)].1;
            list.push(format!("{} AS a{i}", self.fill(form, &rows, 2)));
        }
        let having = match (keys, all_listed) {
            (0, _) => String::new(),
            (_, true) => " HAVING COUNT(*) > 0".to_owned(),
            (_, false) => format!(" HAVING {}{}{}", UNITS[0], rows.unit, UNITS[1]),
        };
        let select = format!("{} FROM {}{}{by}", list.join(", "), rows.from, Self::conditions(&rows));
        Release { select, keys: names, having }
    }

    /// The next query.
    pub(super) fn query(&mut self) -> Query {
        (self.names, self.ctes, self.tags) = (0, Vec::new(), Vec::new());
        let mut options = Vec::new();
        if !self.plain && self.below(3) == 0 {
            self.tags.push("epsilon");
            options.push(format!("epsilon = 0.{}", 1 + self.below(9)));
        }
        if !self.plain && self.below(3) == 0 {
            self.tags.push("max_groups_contributed");
            options.push(format!("max_groups_contributed = {}", 1 + self.below(4)));
        }
        let with = if options.is_empty() {
            String::new()
        } else {
            format!("WITH DIFFERENTIAL_PRIVACY OPTIONS ({}) ", options.join(", "))
        };
        let keys = [0, 1, 1, 2][self.below(4)];
        let listed = self.below(2) == 0;
        let release = self.release(keys, listed);
        let (keys, body) = self.above(&release, &with);
        let ctes = if self.ctes.is_empty() { String::new() } else { format!("WITH {} ", self.ctes.join(", ")) };
        let marked = ctes + &body;
        Query {
            sql: unmarked(&marked, |_| "COUNT(*) > 0".to_owned()),
            reference: unmarked(&marked, |unit| format!("COUNT(DISTINCT {unit}) >= 2")),
            keys,
            tags: std::mem::take(&mut self.tags),
        }
    }

    /// What happens to what is released: how many keys the result has, and the query.
    fn above(&mut self, release: &Release, with: &str) -> (usize, String) {
        let (keys, text) = (release.keys.len(), release.text(self.plain));
        let whole = format!("SELECT {with}{text}");
        if self.below(3) == 0 {
            return (keys, whole);
        }
        let forms: Vec<&'static str> = FORMS.iter().filter(|f| f.1 || !self.plain).map(|f| f.0).collect();
        let form = forms[self.rare(forms.len(), |i| forms[i])];
        let list: String = release.keys.iter().map(|k| format!("r.{k}, ")).collect();
        let from = format!("FROM (SELECT {text}) r");
        let mut other = || self.release(0, true).select;
        match form {
            "having" if keys == 0 => (keys, whole),
            "having" if release.having.is_empty() || !whole.contains(" HAVING ") => {
                (keys, format!("{whole} HAVING COUNT(*) > 3"))
            }
            "having" => (keys, format!("{whole} AND COUNT(*) > 3")),
            "order by" => (keys, format!("{whole} ORDER BY a0 DESC")),
            "limit" => (keys, format!("{whole} ORDER BY a0 LIMIT 3")),
            "interval" => (
                keys,
                format!(
                    "SELECT {with}{list}r.a0, DP_INTERVAL_LOW(r.a0) AS low, DP_INTERVAL_HIGH(r.a0, 0.5) AS h {from}"
                ),
            ),
            "rank above" => {
                (keys, format!("SELECT {with}{list}r.a0, COUNT(*) OVER () AS n, MAX(r.a0) OVER () AS m {from}"))
            }
            "filter above" => (keys, format!("SELECT {with}{list}r.a0 {from} WHERE r.a0 BETWEEN 0.51 AND 1000.01")),
            "union of releases" => {
                let texts: String = release.keys.iter().map(|k| format!("CAST(r.{k} AS VARCHAR) AS {k}, ")).collect();
                let nulls = "CAST(NULL AS VARCHAR), ".repeat(keys);
                let other = other();
                let second = format!("SELECT 's', {nulls}s.a0 FROM (SELECT {other}) s");
                (keys + 1, format!("SELECT {with}'r' AS part, {texts}r.a0 AS v {from} UNION ALL {second}"))
            }
            "joined releases" => {
                let other = other();
                (keys, format!("SELECT {with}{list}r.a0 AS v, s.a0 AS w {from} CROSS JOIN (SELECT {other}) s"))
            }
            "share of a release" => {
                let table = TABLES[self.below(TABLES.len())].0;
                (keys, format!("SELECT {with}{list}r.a0 * 1.0 / (SELECT COUNT(*) FROM {table}) AS v {from}"))
            }
            "in a release" => {
                let other = other();
                let exists = format!("EXISTS (SELECT 1 FROM (SELECT {other}) s WHERE s.a0 > 0.01)");
                (keys, format!("SELECT {with}{list}r.a0 AS v {from} WHERE {exists}"))
            }
            _ => (0, format!("SELECT {with}MAX(r.a0) AS m, COUNT(*) AS n {from} WHERE r.a0 > 5.01")),
        }
    }
}

/// The text with each marked unit replaced.
fn unmarked(text: &str, by: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(UNITS[0]);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (unit, rest) = part.split_once(UNITS[1]).unwrap_or((part, ""));
        whole += &by(unit);
        whole += rest;
    }
    whole
}
