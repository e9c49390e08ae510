//! Two runs of a query on neighbouring tables, side by side: everything that a researcher or an operator could compare
//! must be alike, but for the exact cells that go into noise, and those differ by no more than what is charged.
//!
//! Both runs sample groups with the same key. Groups are compared release by release, by their keys. Undeclared groups
//! that only one side could show are paid for with δ: at most L0 of them, each with exactly k units.

use crate::attacks::shop::{Shop, ShowAll};
use crate::world::Pays;
use arrow::util::display::array_value_to_string;
use lyceum_privacy::mechanism::Mechanism;
use lyceum_privacy::testing::{Recorded, recorded_rho};
use lyceum_privacy::{Budget, selection};
use lyceum_query::charge::charge;
use lyceum_query::engine::PreparedQuery;
use lyceum_query::faults::fix_sampling;
use lyceum_query::finish::finish;
use lyceum_query::price::{ExplainedRelease, Explanation};
use lyceum_query::release::ReleasedGroups;
use lyceum_schema::time::Micros;
use std::collections::BTreeMap;

/// 2026-09-24, fixed.
pub(crate) const NOW: Micros = Micros(1_790_000_000_000_000);

/// Everything about one run that could be compared.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) price: Budget,
    pub(crate) explanation: Explanation,
    pub(crate) notes: Vec<String>,
    /// By release: groups that could be shown, in the order of their cells.
    pub(crate) keys: Vec<Vec<String>>,
    pub(crate) records: Vec<Recorded>,
}

/// How a query ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Answered(Box<Run>),
    /// Before the charge.
    Refused(String),
    /// After the charge.
    Failed,
}

impl Outcome {
    pub(crate) fn run(self) -> Run {
        match self {
            Self::Answered(run) => *run,
            Self::Refused(why) => panic!("{why}"),
            Self::Failed => panic!("failed after the charge"),
        }
    }
}

/// Runs a query whose noise shows all candidates.
pub(crate) async fn run(shop: &Shop<ShowAll>, sql: &str) -> Outcome {
    fix_sampling(Some([9; 16]));
    let prepared = shop.engine.prepare(sql, &shop.catalog, NOW).await;
    fix_sampling(None);
    let priced = match prepared.map(|p| p.query) {
        Ok(PreparedQuery::Private(priced)) => priced,
        Ok(PreparedQuery::Public(_)) => return Outcome::Refused("not private".to_owned()),
        Err(e) => return Outcome::Refused(e.to_string()),
    };
    let (price, explanation) = (priced.price(), priced.explain());
    shop.noise.take();
    let Ok(charged) = charge(*priced, &Pays).await else { panic!("not paid") };
    let Ok((groups, above, _)) = shop.engine.answer(charged).await else { return Outcome::Failed };
    let records = shop.noise.take();
    // What is above is computed from released numbers alone.
    let notes = finish(above, &groups).await.map(|a| a.notes).unwrap_or_default();
    Outcome::Answered(Box::new(Run { price, explanation, notes, keys: keys(&groups), records }))
}

/// The keys of all groups, by release.
fn keys(groups: &ReleasedGroups) -> Vec<Vec<String>> {
    let name = |columns: &[arrow::array::ArrayRef], row: usize| {
        // NULL and the empty text are different keys.
        let cells = columns.iter().map(|c| {
            if c.is_null(row) { "NULL".into() } else { format!("{:?}", array_value_to_string(c, row).unwrap()) }
        });
        cells.collect::<Vec<String>>().join("|")
    };
    groups.keys().map(|(columns, rows)| (0..rows).map(|row| name(columns, row)).collect()).collect()
}

/// The privacy loss between two outcomes as a part of what was charged (`None`: both refused alike), or how they give
/// themselves away.
pub(crate) fn compared(with: &Outcome, without: &Outcome) -> Result<Option<f64>, String> {
    match (with, without) {
        (Outcome::Answered(a), Outcome::Answered(b)) => loss(a, b).map(Some),
        (Outcome::Refused(a), Outcome::Refused(b)) if a == b => Ok(None),
        (Outcome::Failed, _) | (_, Outcome::Failed) => Err("a charged query failed".to_owned()),
        _ => Err("it is refused on one side only, or with other words".to_owned()),
    }
}

/// The privacy loss ρ between two runs as a part of what was charged, or how they give themselves away.
pub(crate) fn loss(with: &Run, without: &Run) -> Result<f64, String> {
    if (with.price, &with.explanation, &with.notes) != (without.price, &without.explanation, &without.notes) {
        return Err("what is told before or beside the answer differs".to_owned());
    }
    adds_up(with)?;
    if with.records.len() != without.records.len() || with.records.len() != with.explanation.mechanisms.len() {
        return Err("the calls of mechanisms differ".to_owned());
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (x, y) in with.records.iter().zip(&without.records) {
        let (x, y) = aligned((with, x), (without, y))?;
        let moved: f64 =
            x.exact.iter().zip(&y.exact).map(|(x, y)| (i128::from(*x) - i128::from(*y)) as f64).map(|d| d * d).sum();
        if moved.sqrt() > x.call.sensitivity.value {
            let most = x.call.sensitivity.value;
            return Err(format!("measure {} moves by {} of {most}", x.call.measure, moved.sqrt()));
        }
        a.push(x);
        b.push(y);
    }
    let rho = recorded_rho(&a, &b).ok_or("the calls of mechanisms differ")?;
    if rho > with.price.rho {
        return Err(format!("ρ {rho:?} of {:?}", with.price.rho));
    }
    selected(with, without)?;
    Ok(rho.as_f64() / with.price.rho.as_f64())
}

/// Whether the price is that of all mechanisms and selections.
fn adds_up(run: &Run) -> Result<(), String> {
    let rho: u64 = run.explanation.mechanisms.iter().map(|m| m.rho.0).sum();
    let delta: u64 = run.explanation.releases.iter().filter_map(|r| r.selection.as_ref()).map(|s| s.delta.0).sum();
    let enough = rho <= run.price.rho.0 && delta <= run.price.delta.0;
    if enough { Ok(()) } else { Err("a mechanism or a selection is not in the price".to_owned()) }
}

/// Which release a call belongs to.
fn release_of(run: &Run, measure: u32) -> Result<usize, String> {
    let mut left = measure as usize;
    for (i, release) in run.explanation.releases.iter().enumerate() {
        if left < release.mechanisms {
            return Ok(i);
        }
        left -= release.mechanisms;
    }
    Err("an unexplained call".to_owned())
}

/// Both records with the cells of the common groups only; a total has one cell that belongs to no group.
fn aligned((with, x): (&Run, &Recorded), (without, y): (&Run, &Recorded)) -> Result<(Recorded, Recorded), String> {
    let release = release_of(with, x.call.measure)?;
    let what = with.explanation.mechanisms.get(x.call.measure as usize).map(|m| m.what.as_str());
    let total = what == Some("total for the other row");
    if total {
        let single = x.exact.len() == 1 && y.exact.len() == 1;
        return if single { Ok((x.clone(), y.clone())) } else { Err("a total of several cells".to_owned()) };
    }
    let (Some(keys), Some(others)) = (with.keys.get(release), without.keys.get(release)) else {
        return Err("a release without groups".to_owned());
    };
    let (ours, theirs) = (cells(keys, x)?, cells(others, y)?);
    let pick = |record: &Recorded, ours: &BTreeMap<&String, &[i64]>, theirs: &BTreeMap<&String, &[i64]>| {
        let common = ours.iter().filter(|(k, _)| theirs.contains_key(*k));
        Recorded { exact: common.flat_map(|(_, cells)| cells.iter().copied()).collect(), ..record.clone() }
    };
    Ok((pick(x, &ours, &theirs), pick(y, &theirs, &ours)))
}

/// The cells of each group; a mechanism may have several per group.
fn cells<'a>(keys: &'a [String], record: &'a Recorded) -> Result<BTreeMap<&'a String, &'a [i64]>, String> {
    if !keys.is_empty() && !record.exact.len().is_multiple_of(keys.len()) || keys.is_empty() && !record.exact.is_empty()
    {
        return Err(format!("{} cells for {} groups", record.exact.len(), keys.len()));
    }
    let per_group = record.exact.len() / keys.len().max(1);
    if per_group == 0 && !keys.is_empty() {
        return Err("groups without cells".to_owned());
    }
    Ok(keys.iter().zip(record.exact.chunks(per_group.max(1))).collect())
}

/// Keys that only one side could show, over all selections of the query together.
fn selected(with: &Run, without: &Run) -> Result<(), String> {
    let mut shown = 0.0;
    for (i, release) in with.explanation.releases.iter().enumerate() {
        shown += shown_by(i, release, with, without)?;
    }
    if shown > with.price.delta.as_f64() { Err(format!("δ {shown} of {:?}", with.price.delta)) } else { Ok(()) }
}

/// The chance that one release shows a group that the other side can't show.
fn shown_by(i: usize, release: &ExplainedRelease, with: &Run, without: &Run) -> Result<f64, String> {
    let none = Vec::new();
    let (keys, others) = (with.keys.get(i).unwrap_or(&none), without.keys.get(i).unwrap_or(&none));
    let only = |a: &[String], b: &[String]| -> Vec<usize> {
        let b: std::collections::BTreeSet<&String> = b.iter().collect();
        a.iter().enumerate().filter(|(_, k)| !b.contains(k)).map(|(i, _)| i).collect()
    };
    let (gained, lost) = (only(keys, others), only(others, keys));
    if !lost.is_empty() {
        return Err("a person more made a group go".to_owned());
    }
    let Some(selection) = &release.selection else {
        return if gained.is_empty() { Ok(0.0) } else { Err("public keys differ".to_owned()) };
    };
    if gained.len() > selection.groups_kept as usize {
        return Err(format!("{} groups appear", gained.len()));
    }
    let named = |r: &Recorded| with.explanation.mechanisms.get(r.call.measure as usize).map(|m| m.what.as_str());
    let own = |r: &&Recorded| release_of(with, r.call.measure) == Ok(i);
    let decides = |r: &&Recorded| !selection.weighted || named(r) == Some("weights of units per group");
    let units = with.records.iter().filter(own).find(decides).ok_or("no call for the units")?;
    let Mechanism::DiscreteGaussian { sigma } = units.call.mechanism else { return Err("not Gaussian".to_owned()) };
    // In the units of the call: those that it was explained in are people.
    let one = sigma / with.explanation.mechanisms.get(units.call.measure as usize).ok_or("no mechanism")?.sigma;
    let tau = (selection.threshold * one).round() as i64;
    let (k, l0) = (selection.minimum_group_size, release.max_groups_contributed);
    // One unit in m groups, each with k units because of it: what it weighs in them, or k where all count alike.
    for m in 1..=selection.groups_kept {
        let most = if selection.weighted { (f64::from(l0) / f64::from(m)).sqrt() } else { f64::from(k) };
        let shown = f64::from(m) * selection::passing_probability((most * one).floor() as i64, tau, sigma);
        // Classes of m round weights down and m up.
        if shown > selection.delta.as_f64() * 1.25 && m <= 16 || shown > 3.0 * selection.delta.as_f64() {
            return Err(format!("a unit in {m} groups shows one with {shown} of δ {:?}", selection.delta));
        }
    }
    let mut shown = 0.0;
    for i in gained {
        let statistic = units.exact.get(i).copied().unwrap_or(0);
        if !selection.weighted && statistic as f64 > f64::from(k) * one {
            return Err(format!("a group of {} units appears", statistic as f64 / one));
        }
        shown += selection::passing_probability(statistic, tau, sigma);
    }
    Ok(shown)
}
