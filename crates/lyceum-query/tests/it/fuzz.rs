//! Fuzzed queries: each valid one is replayed on neighbouring tables and, where any engine understands it alike,
//! compared with plain SQL. `LYCEUM_FUZZ` sets how many are replayed (`cargo xtask nightly`: 1,000) and
//! `LYCEUM_FUZZ_SEED` where the generator starts.

mod grammar;
mod releases;
mod texts;
mod words;

use crate::attacks::shop::{Event, POLICY, Shop, ShowAll, awkward, ordinary};
use crate::attacks::town::{generous, plain, town};
use crate::below::{exact, rows};
use crate::neighbours::{NOW, Outcome, compared, run};
use arrow::compute::concat_batches;
use grammar::Grammar;
use lyceum_privacy::mechanism::{ExactCells, MechanismCall, NoiseError, NoiseSource};
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::engine::PreparedQuery;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use words::{WORDS, plain_tags, tags};

/// A number from the environment, or its default.
pub(crate) fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

async fn neighbours() -> (Shop<ShowAll>, Vec<(&'static str, Shop<ShowAll>)>) {
    let base = ordinary();
    let mut with = Vec::new();
    for (name, rows) in awkward() {
        let all: Vec<Event> = base.iter().cloned().chain(rows).collect();
        with.push((name, town(&all, 2, POLICY, ShowAll).await));
    }
    (town(&base, 2, POLICY, ShowAll).await, with)
}

#[tokio::test]
async fn fuzzed_queries_give_no_person_away() {
    let (wanted, seed) = (setting("LYCEUM_FUZZ", 60), setting("LYCEUM_FUZZ_SEED", 1));
    let long = wanted >= 1_000;
    let (base, with) = neighbours().await;
    let mut grammar = Grammar::new(seed as u64, false);
    let (mut valid, mut tried, mut worst, mut several) = (0, 0, 0.0_f64, 0);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    while valid < wanted {
        tried += 1;
        assert!(tried < 20 * wanted, "too few valid queries, seed {seed}: {valid} of {tried}: {reasons:#?}");
        let query = grammar.query();
        let without = run(&base, &query.sql).await;
        let told = |e: String, name: &str| panic!("seed {seed}, query {tried}, {name}: {e}\n{}", query.sql);
        // What is refused is refused without looking at rows: one neighbour is enough, and all in the long run.
        let refused = matches!(without, Outcome::Refused(_));
        let pick = if refused {
            1
        } else if long {
            with.len()
        } else {
            2
        };
        for (name, shop) in (0..pick).map(|i| &with[(tried + i) % with.len()]) {
            match compared(&run(shop, &query.sql).await, &without) {
                Ok(part) => worst = worst.max(part.unwrap_or(0.0)),
                Err(e) => told(e, name),
            }
        }
        match &without {
            Outcome::Answered(run) => {
                several += usize::from(run.explanation.releases.len() > 1);
                grammar.count(&query);
                valid += 1;
            }
            Outcome::Refused(why) => {
                *reasons.entry(reason(why)).or_default() += 1;
            }
            Outcome::Failed => told("a charged query failed".to_owned(), "without"),
        }
    }
    let rare = rare(&grammar, tags(), wanted / 50);
    println!("{valid} valid of {tried}, {several} with several releases, worst {worst:.3}, refused: {reasons:#?}");
    assert!(!long || rare.is_empty(), "too rare: {rare:?}");
    assert!(rare.len() * 4 < tags().count(), "too rare: {rare:?}");
    assert!(several > valid / 20, "{several} of {valid} have several releases");
    assert!(worst > 0.8, "somebody uses the bounds nearly to the full: {worst}");
}

/// What a refusal says, without where and about which column.
fn reason(text: &str) -> String {
    text.split([':', '(', ';']).next().unwrap_or_default().trim().to_owned()
}

/// Prints how often each of the tags was met; those met less than `least` times.
fn rare(grammar: &Grammar, tags: impl Iterator<Item = &'static str>, least: usize) -> Vec<(&'static str, usize)> {
    let tags: BTreeSet<&str> = tags.collect();
    let counts: Vec<(&str, usize)> = tags.into_iter().map(|t| (t, grammar.met.get(t).copied().unwrap_or(0))).collect();
    println!("{}", counts.iter().map(|(t, n)| format!("{t}: {n}")).collect::<Vec<_>>().join(", "));
    counts.into_iter().filter(|(_, n)| *n < least).collect()
}

/// No noise, but so large weights of units in every group that is selected that all candidates are shown.
#[derive(Debug, Clone, Default)]
struct ShowUnits(Arc<Mutex<BTreeSet<u32>>>);

impl NoiseSource for ShowUnits {
    fn add_noise(&self, call: &MechanismCall, exact: ExactCells) -> Result<Vec<i64>, NoiseError> {
        let lift = if self.0.lock().unwrap().contains(&call.measure) { 1 << 40 } else { 0 };
        Ok(ZeroNoise.add_noise(call, exact)?.into_iter().map(|v| v + lift).collect())
    }
}

#[tokio::test]
async fn fuzzed_queries_answer_what_plain_sql_does() {
    let (wanted, seed) = (setting("LYCEUM_FUZZ", 60), setting("LYCEUM_FUZZ_SEED", 1));
    // Values inside of all declared bounds, else the scan would clamp them.
    let events: Vec<Event> = ordinary().into_iter().map(|e| Event { score: e.score.map(f64::abs), ..e }).collect();
    let policy = generous().replace("minimum_group_size = 5", "minimum_group_size = 2");
    let units = ShowUnits::default();
    let (context, shop) = (plain(&events), town(&events, 2, &policy, units.clone()).await);
    let mut grammar = Grammar::new(seed as u64 + 1_000, true);
    let (mut compared, mut several, mut selected, mut elsewhere, mut tried) = (0, 0, 0, 0, 0);
    let mut wrong = Vec::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    while compared < wanted {
        tried += 1;
        assert!(tried < 30 * wanted, "too few comparable queries: {compared} of {tried}, {elsewhere} fail elsewhere");
        let query = grammar.query();
        let priced = match shop.engine.prepare(&query.sql, &shop.catalog, NOW).await.map(|p| p.query) {
            Ok(PreparedQuery::Private(priced)) => priced,
            Ok(PreparedQuery::Public(_)) => continue,
            Err(e) => {
                *reasons.entry(reason(&e.to_string())).or_default() += 1;
                continue;
            }
        };
        let explained = priced.explain();
        let of_units = explained.mechanisms.iter().enumerate().filter(|(_, m)| m.what == "weights of units per group");
        let weights: BTreeSet<u32> = of_units.map(|(i, _)| i as u32).collect();
        // A key without a written list may have an inferred one: then its groups are shown however small.
        let selections = explained.releases.iter().filter(|r| r.selection.is_some()).count();
        let is_selected = selections > 0;
        if weights.len() < selections {
            // Selected by a count that is part of the answer: it can't be lifted without changing it.
            continue;
        }
        *units.0.lock().unwrap() = weights;
        let reference = if is_selected { &query.reference } else { &query.sql };
        let batches = match context.sql(reference).await {
            Ok(frame) => frame.collect().await,
            Err(e) => Err(e),
        };
        let batches = match batches {
            Ok(batches) if batches.is_empty() => continue,
            Ok(batches) => batches,
            Err(e) => {
                *reasons.entry(format!("plain SQL: {}", reason(&e.strip_backtrace()))).or_default() += 1;
                elsewhere += 1;
                continue;
            }
        };
        let theirs = rows(&concat_batches(&batches[0].schema(), &batches).unwrap(), query.keys);
        // Beyond the bounds that a sum of this many rows can have, something was undefined.
        if theirs.values().flatten().any(|v| !v.is_finite()) {
            continue;
        }
        let ours = exact(&shop, &query.sql).await.map(|batch| rows(&batch, query.keys));
        let alike = ours.as_ref().is_ok_and(|ours| alike(ours, &theirs));
        if !alike {
            wrong.push(format!("{}\n  found  {ours:?}\n  wanted {theirs:?}", query.sql));
        }
        grammar.count(&query);
        several += usize::from(explained.releases.len() > 1);
        selected += usize::from(is_selected);
        compared += 1;
    }
    let rare = rare(&grammar, plain_tags(), wanted / 50);
    println!(
        "{compared} compared of {tried}, {several} with several releases, {selected} with keys from the data, \
         {elsewhere} fail in plain SQL, refused: {reasons:#?}"
    );
    assert!(wrong.is_empty(), "seed {seed}: {} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(several > compared / 20 && selected > compared / 100, "{several} and {selected} of {compared}");
    assert!(wanted < 1_000 || rare.is_empty(), "too rare: {rare:?}");
}

/// The table of functions in docs/SQL.md is written from the engine's own.
#[test]
fn every_documented_function_is_fuzzed() {
    let text = include_str!("../../../../docs/SQL.md");
    let table = text.split("<!-- functions:").nth(1).unwrap().split("<!-- end of functions").next().unwrap();
    let names: BTreeSet<&str> = table
        .lines()
        .filter_map(|l| l.strip_prefix("| `"))
        .flat_map(|l| l.split("` |").next().unwrap_or_default().split("), "))
        .map(|call| call.split(['(', ' ']).next().unwrap_or_default())
        .filter(|name| *name != "EXTRACT")
        .collect();
    assert!(names.len() > 90, "{}", names.len());
    let same = [("character_length", "length"), ("date_part", "EXTRACT"), ("ifnull", "nvl")];
    let missing: Vec<&str> = names
        .into_iter()
        .map(|name| same.iter().find(|(n, _)| *n == name).map_or(name, |(_, other)| other))
        .filter(|name| !WORDS.iter().any(|w| w.form.contains(&format!("{name}("))))
        .collect();
    assert!(missing.is_empty(), "without a word in words.rs: {missing:?}");
}

/// Equal but for the steps of the grids, over as many rows as there are.
fn alike(ours: &BTreeMap<String, Vec<f64>>, theirs: &BTreeMap<String, Vec<f64>>) -> bool {
    const GRID: f64 = 1e-3;
    let zero = Vec::new();
    let cells = |of: &BTreeMap<String, Vec<f64>>, key: &String, i: usize| {
        of.get(key).unwrap_or(&zero).get(i).copied().unwrap_or(0.0)
    };
    ours.iter().chain(theirs).all(|(key, values)| {
        (0..values.len()).all(|i| {
            let (x, y) = (cells(ours, key, i), cells(theirs, key, i));
            (x - y).abs() <= GRID + 1e-6 * y.abs()
        })
    })
}
