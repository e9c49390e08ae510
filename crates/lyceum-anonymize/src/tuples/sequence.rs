//! How few events single a person out: the share of people whom 1, 2, 3, … random events of theirs make unique.
//!
//! A person's events are the different tuples of the rows; an adversary knows m of them (as in k^m-anonymity, Terrovitis
//! et al., VLDB 2008; unicity: de Montjoye et al., Scientific Reports 2013). The person is unique if nobody else has
//! all m.

use super::Tuples;
use rand::seq::{IteratorRandom, index};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Persons who are drawn, at most: the standard error of a share is then at most 0.5 %.
const SAMPLE: usize = 10_000;

/// Uniqueness by m known events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequenceUniqueness {
    /// Events known, m.
    pub events: u32,
    /// Persons drawn of those with at least m different events.
    pub persons: u64,
    /// Of these, the share whom the events make unique, in [0, 1].
    pub unique: f64,
}

/// The share of persons whom m random events make unique, for m = 1 to `most`. Persons with fewer than m events are
/// left out. One seed, one result.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn sequence_uniqueness(tuples: &Tuples, most: u32, seed: u64) -> Vec<SequenceUniqueness> {
    let postings = Postings::new(tuples);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut found = Vec::new();
    for events in 1..=most {
        let wanted = events as usize;
        let population = postings.persons(tuples, wanted);
        let drawn = population.into_iter().sample(&mut rng, SAMPLE);
        let unique = drawn.iter().filter(|who| postings.is_unique(tuples, **who, wanted, &mut rng)).count();
        if !drawn.is_empty() {
            let unique = unique as f64 / drawn.len() as f64;
            found.push(SequenceUniqueness { events, persons: drawn.len() as u64, unique });
        }
    }
    found
}

/// A person as the tuples know one: one with this tuple only, or one of this set.
#[derive(Clone, Copy)]
enum Who {
    Alone(usize),
    Set(usize),
}

/// For each tuple, the sets that have it.
struct Postings {
    sets_of: Vec<Vec<u32>>,
}

impl Postings {
    fn new(tuples: &Tuples) -> Self {
        let mut sets_of = vec![Vec::new(); tuples.len()];
        for (set, (members, _)) in (0u32..).zip(tuples.persons.sets()) {
            for &t in members {
                sets_of[t as usize].push(set);
            }
        }
        Self { sets_of }
    }

    /// Everybody with at least this many events.
    fn persons(&self, tuples: &Tuples, wanted: usize) -> Vec<Who> {
        let alone = tuples.persons.alone.iter().enumerate().filter(|_| wanted == 1);
        let alone = alone.flat_map(|(t, &n)| std::iter::repeat_n(Who::Alone(t), n as usize));
        let sets = tuples.persons.sets().enumerate().filter(|(_, (members, _))| members.len() >= wanted);
        alone.chain(sets.flat_map(|(s, (_, n))| std::iter::repeat_n(Who::Set(s), n as usize))).collect()
    }

    fn is_unique(&self, tuples: &Tuples, who: Who, wanted: usize, rng: &mut impl Rng) -> bool {
        let persons = &tuples.persons;
        let weight = |sets: &[u32]| sets.iter().map(|&s| u64::from(persons.weights[s as usize])).sum::<u64>();
        let set = match who {
            Who::Alone(t) => return u64::from(persons.alone[t]) + weight(&self.sets_of[t]) == 1,
            Who::Set(set) => set,
        };
        let members = &persons.members[persons.starts[set] as usize..persons.starts[set + 1] as usize];
        let known: Vec<usize> = index::sample(rng, members.len(), wanted).iter().map(|i| members[i] as usize).collect();
        let mut rest = self.sets_of[known[0]].clone();
        for t in &known[1..] {
            rest.retain(|set| self.sets_of[*t].binary_search(set).is_ok());
        }
        let alone = if wanted == 1 { u64::from(persons.alone[known[0]]) } else { 0 };
        alone + weight(&rest) == 1
    }
}
