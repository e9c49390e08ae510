//! Fuzzed queries: each valid one is replayed on neighbouring tables and, where any engine understands it alike,
//! compared with plain SQL. `LYCEUM_FUZZ` sets how many are replayed (`cargo xtask nightly`: 1,000) and
//! `LYCEUM_FUZZ_SEED` where the generator starts.

mod grammar;
mod texts;
mod words;

use crate::attacks::shop::{Event, POLICY, Shop, ShowAll, awkward, ordinary};
use crate::attacks::town::{generous, plain, town};
use crate::below::{exact, rows};
use crate::neighbours::{Outcome, compared, run};
use arrow::compute::concat_batches;
use grammar::Grammar;
use lyceum_privacy::testing::ZeroNoise;
use lyceum_query::engine::PreparedQuery;
use std::collections::BTreeMap;
use words::tags;

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
                *reasons.entry(why.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
            }
            Outcome::Failed => told("a charged query failed".to_owned(), "without"),
        }
    }
    let least = wanted / 50;
    let rare: Vec<(&str, usize)> =
        tags().map(|t| (t, grammar.met.get(t).copied().unwrap_or(0))).filter(|(_, n)| *n < least).collect();
    println!("{valid} valid of {tried}, {several} with several releases, worst {worst:.3}, refused: {reasons:#?}");
    assert!(!long || rare.is_empty(), "too rare: {rare:?}");
    assert!(rare.len() * 4 < tags().count(), "too rare: {rare:?}");
    assert!(several > valid / 20, "{several} of {valid} have several releases");
    assert!(worst > 0.8, "somebody uses the bounds nearly to the full: {worst}");
}

#[tokio::test]
async fn fuzzed_queries_answer_what_plain_sql_does() {
    let (wanted, seed) = (setting("LYCEUM_FUZZ", 60), setting("LYCEUM_FUZZ_SEED", 1));
    // Values inside of all declared bounds, else the scan would clamp them.
    let events: Vec<Event> = ordinary().into_iter().map(|e| Event { score: e.score.map(f64::abs), ..e }).collect();
    let (context, shop) = (plain(&events), town(&events, 2, &generous(), ZeroNoise).await);
    let mut grammar = Grammar::new(seed as u64 + 1_000, true);
    let (mut compared, mut elsewhere, mut tried, mut wrong) = (0, 0, 0, Vec::new());
    while compared < wanted {
        tried += 1;
        assert!(tried < 30 * wanted, "too few comparable queries: {compared} of {tried}, {elsewhere} fail elsewhere");
        let query = grammar.query();
        let Ok(prepared) = shop.engine.prepare(&query.sql, &shop.catalog, crate::neighbours::NOW).await else {
            continue;
        };
        let PreparedQuery::Private(priced) = prepared.query else { continue };
        if priced.explain().releases.iter().any(|r| r.selection.is_some()) {
            continue;
        }
        let batches = match context.sql(&query.sql).await {
            Ok(frame) => frame.collect().await,
            Err(e) => Err(e),
        };
        let Some(batches) = batches.ok().filter(|b| !b.is_empty()) else {
            elsewhere += 1;
            continue;
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
        compared += 1;
    }
    println!("{compared} compared of {tried}, {elsewhere} fail in plain SQL");
    assert!(wrong.is_empty(), "seed {seed}: {} differ:\n{}", wrong.len(), wrong.join("\n"));
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
