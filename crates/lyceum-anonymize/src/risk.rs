//! The risk report of an anonymized release: how many people stand out, what it cost, and what nobody promises.
//!
//! [`assess`] measures a recoding against the tuples it was made from; [`RiskReport`] is JSON bound to the release's
//! content by its SHA-256; `risk/page.rs` draws it as one self-contained page. `risk/population.rs` estimates how many
//! people would be unique in the population, `risk/subgroups.rs` says whose rows disappear, `risk/composition.rs`
//! intersects with an earlier release. Reports are computed on raw data: for the owner and named reviewers only.

mod composition;
mod page;
mod population;
mod subgroups;

pub use composition::{Intersection, intersect};
pub use page::page;
pub use population::PopulationUniqueness;
pub use subgroups::SubgroupSuppression;

use crate::model::{Classes, Judge, Requirements};
use crate::recode::{Quality, Recoding};
use crate::tuples::{Grouping, Scratch, SequenceUniqueness, Tuples, sequence_uniqueness};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sets of quasi-identifiers of up to this many columns are measured.
const MAX_SET: usize = 3;
/// Events of a person that an adversary is taken to know, at most.
const MAX_EVENTS: u32 = 4;

/// What no release of this kind promises, in plain words.
pub const LIMITS: &[&str] = &[
    "Downcoding: generalisation that is as small as possible says something about what was generalised. Somebody who \
     knows the distribution of the data and the method may recover some values (Cohen, USENIX Security 2022).",
    "Composition: two releases of the same people, each with its own classes, can be intersected. What both protect \
     may stand out in both together.",
    "Minimality: that a class is no smaller, or a row is missing, tells that something finer would have failed.",
    "Knowledge: k counts people who look alike in the quasi-identifiers named here. A column that isn't named, or \
     other knowledge about a person, isn't counted.",
    "Sensitive values: l and t limit what a class says about its members on average; they are not a bound on what is \
     learnt about one person. Only differential privacy is, and this release has none.",
];

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskReport {
    /// Version of this format: 1.
    pub version: u32,
    /// SHA-256 of the release's content, in hexadecimal: what this report is about.
    pub release_sha256: String,
    /// Names of the quasi-identifiers, in the order used below.
    pub quasi_identifiers: Vec<String>,
    /// The weakest class.
    pub guarantees: Guarantees,
    /// Classes by number of distinct persons: persons → classes.
    pub class_histogram: BTreeMap<u32, u64>,
    /// Before anything was changed.
    pub before: AttackRisk,
    /// As released.
    pub after: AttackRisk,
    /// Unique people in the population, estimated from the raw data; absent without a population size.
    pub population: Option<PopulationUniqueness>,
    /// Share of persons whom a set of quasi-identifiers makes unique in the raw data.
    pub uniqueness: Vec<SetUniqueness>,
    /// Share of persons whom a few of their events make unique in the raw data; for tables with several rows a person.
    pub sequences: Vec<SequenceUniqueness>,
    /// Rows left out, by group.
    pub suppression: Vec<SubgroupSuppression>,
    /// What it cost.
    pub quality: Quality,
    /// The owner's declared queries, on the data and on the release.
    pub workload: Vec<WorkloadError>,
    /// Earlier releases of the same people.
    pub intersections: Vec<Intersection>,
    /// What the release does not promise.
    pub limits: Vec<String>,
}

/// What the weakest class of the release has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guarantees {
    /// Fewest distinct persons of a class; 0 without classes.
    pub k: u32,
    /// Per sensitive column.
    pub sensitive: Vec<SensitiveGuarantee>,
}

/// What the weakest class has of one sensitive column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensitiveGuarantee {
    /// The column.
    pub column: String,
    /// Fewest different values.
    pub distinct_l: u32,
    /// Least exp(entropy).
    pub entropy_l: f64,
    /// Greatest distance from the whole table.
    pub t: f64,
}

/// Chances of re-identification, in [0, 1] (El Emam and Dankar, JAMIA 2008; ISO/IEC 27559).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttackRisk {
    /// Prosecutor: somebody known to be in the data is picked out. The most exposed person: 1 / smallest class.
    pub prosecutor_max: f64,
    /// Share of persons in classes smaller than k.
    pub prosecutor_at_risk: f64,
    /// Journalist: somebody of the population is picked out, whether in the data or not: at most the prosecutor's,
    /// and with a population of N times the data about 1 / N of it.
    pub journalist_max: f64,
    /// Marketer: share of persons who are picked out when all are tried: classes / persons.
    pub marketer: f64,
    /// Share of persons alone in their class.
    pub unique: f64,
}

/// How many people a set of columns makes unique.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetUniqueness {
    /// The columns.
    pub columns: Vec<String>,
    /// Share of persons unique by them, in [0, 1].
    pub unique: f64,
}

/// One declared query, on the data and on the release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadError {
    /// What the owner calls it.
    pub name: String,
    /// Mean relative error over its numbers, in shares of the exact ones.
    pub mean_relative_error: f64,
    /// The greatest.
    pub max_relative_error: f64,
}

impl WorkloadError {
    /// Compares a query's numbers, in the same order. Exact zeros are compared absolutely.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn new(name: String, exact: &[f64], released: &[f64]) -> Self {
        let errors = exact.iter().enumerate().map(|(i, exact)| {
            let error = (released.get(i).copied().unwrap_or(0.0) - exact).abs();
            if *exact == 0.0 { error } else { error / exact.abs() }
        });
        let errors: Vec<f64> = errors.collect();
        let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        Self { name, mean_relative_error: mean, max_relative_error: errors.iter().copied().fold(0.0, f64::max) }
    }
}

/// What the report is about, beside the tuples and the recoding.
pub struct Subject<'s> {
    /// SHA-256 of the release's content, in hexadecimal.
    pub release_sha256: String,
    /// Names of the quasi-identifiers, as in the layout.
    pub quasi_identifiers: Vec<String>,
    /// Names of the sensitive columns, as in the layout.
    pub sensitive: Vec<String>,
    /// People in the population that the data is drawn from, if known.
    pub population: Option<u64>,
    /// The policy's requirements.
    pub requirements: &'s Requirements,
    /// Compared queries.
    pub workload: Vec<WorkloadError>,
    /// Compared releases.
    pub intersections: Vec<Intersection>,
    /// Seed of sampled figures.
    pub seed: u64,
}

/// Measures a release.
#[must_use]
pub fn assess(tuples: &Tuples, recoding: &Recoding, subject: Subject<'_>) -> RiskReport {
    let names = &subject.quasi_identifiers;
    let identity: Vec<u32> = (0..u32::try_from(tuples.len()).unwrap_or(u32::MAX)).collect();
    let raw = tuples.persons.per_class(&identity, tuples.len());
    let released = recoding.persons(tuples);
    let k = subject.requirements.k;
    let mut class_histogram = BTreeMap::new();
    for &persons in &released {
        *class_histogram.entry(persons).or_insert(0) += 1;
    }
    RiskReport {
        version: 1,
        release_sha256: subject.release_sha256,
        guarantees: guarantees(tuples, recoding, &released, &subject.sensitive, subject.requirements),
        class_histogram,
        before: attack(&raw, k, tuples.total_persons(), subject.population),
        after: attack(&released, k, tuples.total_persons(), subject.population),
        population: subject.population.and_then(|n| population::estimate(&raw, tuples.total_persons(), n)),
        uniqueness: uniqueness(tuples, names),
        sequences: if tuples.persons.additive() {
            Vec::new()
        } else {
            sequence_uniqueness(tuples, MAX_EVENTS, subject.seed)
        },
        suppression: subgroups::suppression(tuples, recoding, names),
        quality: recoding.quality(tuples, k),
        workload: subject.workload,
        intersections: subject.intersections,
        limits: LIMITS.iter().map(|&l| l.to_owned()).collect(),
        quasi_identifiers: subject.quasi_identifiers,
    }
}

fn guarantees(
    tuples: &Tuples,
    recoding: &Recoding,
    persons: &[u32],
    names: &[String],
    requirements: &Requirements,
) -> Guarantees {
    let members = Classes::new(&recoding.class_of, recoding.classes());
    let mut judge = Judge::new(requirements);
    let sensitive = tuples.sensitive.iter().zip(names).map(|(column, name)| {
        let mut worst =
            SensitiveGuarantee { column: name.clone(), distinct_l: u32::MAX, entropy_l: f64::INFINITY, t: 0.0 };
        for class in 0..recoding.classes() {
            let found = judge.measure(column, members.of(class));
            worst.distinct_l = worst.distinct_l.min(found.distinct);
            worst.entropy_l = worst.entropy_l.min(found.entropy);
            worst.t = worst.t.max(found.closeness);
        }
        worst
    });
    Guarantees { k: persons.iter().copied().min().unwrap_or(0), sensitive: sensitive.collect() }
}

#[allow(clippy::cast_precision_loss)]
fn attack(classes: &[u32], k: u32, sample: u64, population: Option<u64>) -> AttackRisk {
    let persons: u64 = classes.iter().map(|&n| u64::from(n)).sum();
    let share = |n: u64| if persons == 0 { 0.0 } else { n as f64 / persons as f64 };
    let of = |small: &dyn Fn(u32) -> bool| classes.iter().filter(|&&n| small(n)).map(|&n| u64::from(n)).sum::<u64>();
    let prosecutor_max = classes.iter().filter(|&&n| n > 0).min().map_or(0.0, |&n| 1.0 / f64::from(n));
    let fraction = population.filter(|&n| n > sample).map_or(1.0, |n| sample as f64 / n as f64);
    AttackRisk {
        prosecutor_max,
        prosecutor_at_risk: share(of(&|n| n < k)),
        journalist_max: prosecutor_max * fraction,
        marketer: share(classes.iter().filter(|&&n| n > 0).count() as u64),
        unique: share(of(&|n| n == 1)),
    }
}

/// Uniqueness by every set of up to three columns, and by all of them.
#[allow(clippy::cast_precision_loss)]
fn uniqueness(tuples: &Tuples, names: &[String]) -> Vec<SetUniqueness> {
    let n = tuples.hierarchies.len();
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for size in 1..=MAX_SET.min(n) {
        let last: Vec<Vec<usize>> = sets.iter().filter(|s| s.len() == size - 1).cloned().collect();
        for set in last {
            let from = set.last().map_or(0, |c| c + 1);
            sets.extend((from..n).map(|c| set.iter().copied().chain([c]).collect()));
        }
    }
    if n > MAX_SET {
        sets.push((0..n).collect());
    }
    let (mut scratch, mut grouping) = (Scratch::default(), Grouping::default());
    let persons = tuples.total_persons().max(1) as f64;
    let of = |set: &Vec<usize>| {
        let levels: Vec<usize> = tuples
            .hierarchies
            .iter()
            .enumerate()
            .map(|(c, h)| if set.contains(&c) { 0 } else { h.levels() - 1 })
            .collect();
        tuples.group(&levels, &mut scratch, &mut grouping);
        let counts = tuples.persons.per_class(&grouping.class_of, grouping.first.len());
        let unique = counts.iter().filter(|&&n| n == 1).count() as f64 / persons;
        SetUniqueness { columns: set.iter().filter_map(|&c| names.get(c).cloned()).collect(), unique }
    };
    sets.iter().filter(|s| !s.is_empty()).map(of).collect()
}
