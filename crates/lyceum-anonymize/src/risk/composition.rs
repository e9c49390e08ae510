//! Two releases of the same people, intersected: who is hidden in both may stand out in both together (Ganta,
//! Kasiviswanathan and Smith, "Composition attacks", KDD 2008).

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// What an intersection with an earlier release shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intersection {
    /// The earlier release.
    pub release: String,
    /// Persons in both.
    pub persons: u64,
    /// Fewest persons who share their classes in both releases; 0 without common persons.
    pub k: u32,
    /// Share of the common persons who are alone with their two classes.
    pub unique: f64,
    /// Share of them with fewer than k of the new policy.
    pub below_k: f64,
}

/// Intersects releases: of each person, in ascending order of ids, its class in each (of several, the first).
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn intersect(release: String, new: &[(u64, u32)], earlier: &[(u64, u32)], k: u32) -> Intersection {
    let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
    let mut at = 0;
    let mut last = None;
    for &(person, class) in new {
        if last == Some(person) {
            continue;
        }
        last = Some(person);
        at += earlier[at..].partition_point(|&(other, _)| other < person);
        if let Some(&(other, before)) = earlier.get(at)
            && other == person
        {
            *pairs.entry((class, before)).or_insert(0) += 1;
        }
    }
    let persons: u64 = pairs.values().map(|&n| u64::from(n)).sum();
    let small = |most: u32| pairs.values().filter(|&&n| n < most).map(|&n| u64::from(n)).sum::<u64>() as f64;
    let all = persons.max(1) as f64;
    Intersection {
        release,
        persons,
        k: pairs.values().copied().min().unwrap_or(0),
        unique: small(2) / all,
        below_k: small(k) / all,
    }
}
