//! The distributional audit of the whole line: a question is asked many times of two neighbouring towns, with production
//! noise and a fresh charge each time, and from the answers alone ε is bounded from below. The bound must not exceed what
//! was charged; with a fault planted it must.
//!
//! An answer's score is its projection on the direction that tells the first quarter of both sides' answers apart best
//! (Fisher's linear discriminant with independent columns); the other answers are audited. `LYCEUM_AUDIT` sets how
//! many answers each side gives (`cargo xtask nightly`: 400; 96 by default, which is enough for coarse faults) and
//! `LYCEUM_AUDIT_CASE` the name of the only case to run.

use crate::attacks::shop::{Event, POLICY, Shop, awkward, ordinary};
use crate::attacks::town::town;
use crate::fuzz::setting;
use crate::neighbours::NOW;
use crate::world::Pays;
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::{array::AsArray, util::display::array_value_to_string};
use lyceum_privacy::accounting::{Spent, tight_epsilon};
use lyceum_privacy::mechanism::{LiveNoise, Mechanism};
use lyceum_privacy::testing::audit::Audit;
use lyceum_query::charge::charge;
use lyceum_query::engine::PreparedQuery;
use lyceum_query::faults::{Fault, plant};
use lyceum_query::finish::finish;
use std::collections::BTreeMap;

/// A false alarm in 10,000 audits.
const AUDIT: Audit = Audit { confidence: 0.9999 };
/// δ of the claims: what hundreds of answers can see.
const DELTA: f64 = 0.01;
/// Answers a side that show a fault which lets everything through, and one that doubles a person.
const FEW: usize = 96;
const SOME: usize = 200;

/// A question, who is added to the town, and the faults that answers to it must give away.
struct Case {
    name: &'static str,
    person: &'static str,
    sql: &'static str,
    /// Each with the number of answers that are enough to see it.
    faults: &'static [(Fault, usize)],
}

/// Bounds are far below what the added person has, so that whatever lets more through is seen at once.
const CASES: &[Case] = &[
    Case {
        name: "listed keys",
        person: "high",
        sql: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) segment, SUM(clicks, contribution_bounds_per_group => (-1, 1)) AS s \
              FROM events GROUP BY segment",
        faults: &[(Fault::BallOff, FEW), (Fault::UnitSplit, SOME)],
    },
    Case {
        name: "keys from the data",
        person: "high",
        sql: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5) city, SUM(clicks, contribution_bounds_per_group => (-1, 1)) AS s \
              FROM events GROUP BY city",
        faults: &[(Fault::BallOff, FEW)],
    },
];

/// The numbers of an answer: by key and column, groups that aren't shown left out.
type Numbers = BTreeMap<String, f64>;

/// Asks once, from the text to the answer: its numbers, and the ε that its charge claims at [`DELTA`] besides the δ of
/// its selections.
async fn asked(shop: &Shop<LiveNoise>, sql: &str) -> (Numbers, f64, f64) {
    let prepared = shop.engine.prepare(sql, &shop.catalog, NOW).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let PreparedQuery::Private(priced) = prepared.query else { panic!("not private: {sql}") };
    let price = priced.price();
    // One count with sensitivity 1,000 that costs the whole ρ.
    let mechanism = Mechanism::DiscreteGaussian { sigma: 1_000.0 / (2.0 * price.rho.as_f64()).sqrt() };
    let claim = tight_epsilon(&[Spent { mechanism, sensitivity: 1_000.0, count: 1 }], DELTA);
    let Ok(charged) = charge(*priced, &Pays).await else { panic!("not paid") };
    let (groups, above, _) = shop.engine.answer(charged).await.unwrap();
    shop.noise.take();
    let answer = finish(above, &groups).await.unwrap();
    let mut numbers = Numbers::new();
    put(&mut numbers, "", &answer.batch);
    if let Some(other) = &answer.other {
        put(&mut numbers, "other ", &other.batch);
    }
    (numbers, claim, price.delta.as_f64())
}

/// Texts are keys, all else are numbers.
fn put(numbers: &mut Numbers, name: &str, batch: &RecordBatch) {
    let is_key = |c: usize| batch.column(c).data_type() == &DataType::Utf8;
    for row in 0..batch.num_rows() {
        let keys = (0..batch.num_columns()).filter(|&c| is_key(c));
        let key: Vec<String> = keys.map(|c| array_value_to_string(batch.column(c), row).unwrap()).collect();
        // Rows without a key are in the order of the query's releases.
        let key = if key.is_empty() { row.to_string() } else { key.join("|") };
        for c in (0..batch.num_columns()).filter(|&c| !is_key(c)) {
            let column = cast(batch.column(c), &DataType::Float64).unwrap();
            let value = column.as_primitive::<Float64Type>().iter().nth(row).flatten();
            numbers.insert(format!("{name}{key} {c}"), value.unwrap_or(0.0));
        }
    }
}

/// Scores of both sides' answers but the first quarter, from which the direction is learnt.
fn scores(sides: [&[Numbers]; 2]) -> [Vec<f64>; 2] {
    let quarter = sides[0].len() / 4;
    let names: std::collections::BTreeSet<&String> =
        sides.iter().flat_map(|s| &s[..quarter]).flat_map(BTreeMap::keys).collect();
    let value = |numbers: &Numbers, name: &str| numbers.get(name).copied().unwrap_or(0.0);
    let direction: Vec<(&String, f64)> = names
        .into_iter()
        .map(|name| {
            let moments = sides.map(|side| {
                let n = quarter as f64;
                let mean = side[..quarter].iter().map(|a| value(a, name)).sum::<f64>() / n;
                (mean, side[..quarter].iter().map(|a| (value(a, name) - mean).powi(2)).sum::<f64>() / n)
            });
            let ((a, v), (b, w)) = (moments[0], moments[1]);
            (name, (a - b) / (v + w).max(1e-9))
        })
        .collect();
    sides.map(|side| {
        side[quarter..].iter().map(|a| direction.iter().map(|(name, weight)| weight * value(a, name)).sum()).collect()
    })
}

/// What is found of a question: the lower bound of ε, and the claim.
async fn audited(case: &Case, towns: [&Shop<LiveNoise>; 2], fault: Option<Fault>, answers: usize) -> (f64, f64) {
    let _planted = fault.map(plant);
    let (mut sides, mut claim, mut delta) = ([Vec::new(), Vec::new()], 0.0, 0.0);
    for (side, shop) in sides.iter_mut().zip(towns) {
        for _ in 0..answers {
            let (numbers, claimed, selected) = asked(shop, case.sql).await;
            side.push(numbers);
            (claim, delta) = (claimed, selected);
        }
    }
    let [with, without] = scores([&sides[0], &sides[1]]);
    (AUDIT.epsilon(&with, &without, DELTA + delta).bound, claim)
}

#[tokio::test]
async fn answers_give_no_more_away_than_was_charged_and_faults_do() {
    let (answers, only) = (setting("LYCEUM_AUDIT", FEW), std::env::var("LYCEUM_AUDIT_CASE").ok());
    let base = ordinary();
    let without = town(&base, 1, POLICY, LiveNoise).await;
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|c| only.as_deref().is_none_or(|name| c.name == name)) {
        let person = awkward().into_iter().find(|(name, _)| *name == case.person).unwrap().1;
        let events: Vec<Event> = base.iter().cloned().chain(person).collect();
        let with = town(&events, 1, POLICY, LiveNoise).await;
        // In the short run only what can be seen in it.
        let faults: Vec<_> = case.faults.iter().filter(|(_, enough)| answers >= *enough).collect();
        if faults.is_empty() {
            continue;
        }
        let runs = faults.into_iter().map(|(fault, enough)| (Some(*fault), *enough));
        for (fault, answers) in std::iter::once((None, answers)).chain(runs) {
            let (bound, claim) = audited(case, [&with, &without], fault, answers).await;
            println!("{}, {fault:?}: at least ε = {bound:.3}, {claim:.3} charged, {answers} answers a side", case.name);
            if (bound > claim) != fault.is_some() {
                wrong.push(format!("{}, {fault:?}: {bound} of {claim}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
