//! Roll-up: tuples of a node of the lattice, made from those of any node below it.

use super::{Persons, Sensitive, Tuples};
use crate::hierarchy::Hierarchy;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Key spaces up to this size are counted in an array instead of a hash table.
const DENSE: u64 = 1 << 20;

/// Memory that many groupings share.
#[derive(Default)]
pub(crate) struct Scratch {
    dense: Vec<u32>,
    table: HashTable<(u64, u32)>,
    keys: Vec<u64>,
}

/// A grouping: the class of each tuple, and of each class one tuple.
#[derive(Default)]
pub(crate) struct Grouping {
    pub(crate) class_of: Vec<u32>,
    pub(crate) first: Vec<u32>,
}

impl Tuples {
    /// Groups tuples that are equal at these levels (none below the tuples' own).
    pub(crate) fn group(&self, levels: &[usize], scratch: &mut Scratch, out: &mut Grouping) {
        let n = self.len();
        scratch.keys.clear();
        scratch.keys.resize(n, 0);
        let mut space = 1u64;
        for (c, &level) in levels.iter().enumerate() {
            let hierarchy = &self.hierarchies[c];
            let nodes = hierarchy.level(level).nodes.len() as u64;
            if nodes == 1 {
                continue;
            }
            let Some(wider) = space.checked_mul(nodes) else {
                space = compact(&mut scratch.keys);
                self.add(c, level, space, &mut scratch.keys);
                space = space.saturating_mul(nodes);
                continue;
            };
            self.add(c, level, space, &mut scratch.keys);
            space = wider;
        }
        out.class_of.clear();
        out.first.clear();
        if space <= DENSE {
            scratch.dense.clear();
            scratch.dense.resize(usize::try_from(space).unwrap_or(0), u32::MAX);
            for (t, &key) in (0u32..).zip(&scratch.keys) {
                let slot = &mut scratch.dense[usize::try_from(key).unwrap_or(0)];
                if *slot == u32::MAX {
                    *slot = class_number(out);
                    out.first.push(t);
                }
                out.class_of.push(*slot);
            }
        } else {
            scratch.table.clear();
            let hasher = foldhash::fast::FixedState::default();
            for (t, &key) in (0u32..).zip(&scratch.keys) {
                let hash = hasher.hash_one(key);
                let entry = scratch.table.entry(hash, |&(k, _)| k == key, |&(k, _)| hasher.hash_one(k));
                let class = entry.or_insert_with(|| (key, class_number(out))).get().1;
                if class as usize == out.first.len() {
                    out.first.push(t);
                }
                out.class_of.push(class);
            }
        }
    }

    fn add(&self, c: usize, level: usize, radix: u64, keys: &mut [u64]) {
        let step = step(&self.hierarchies[c], self.at[c], level);
        let step: Vec<u64> = step.iter().map(|&node| u64::from(node) * radix).collect();
        for (key, &code) in keys.iter_mut().zip(&self.codes[c]) {
            *key += step[code as usize];
        }
    }

    /// The tuples at these levels: counts added up, persons with several tuples counted once.
    pub(crate) fn roll_up(&self, levels: &[usize], scratch: &mut Scratch) -> Self {
        let mut grouping = Grouping::default();
        self.group(levels, scratch, &mut grouping);
        let classes = grouping.first.len();
        let codes = levels.iter().enumerate().map(|(c, &level)| {
            let step = step(&self.hierarchies[c], self.at[c], level);
            grouping.first.iter().map(|&t| step[self.codes[c][t as usize] as usize]).collect()
        });
        let mut rows = vec![0u32; classes];
        for (&class, &n) in grouping.class_of.iter().zip(&self.rows) {
            rows[class as usize] += n;
        }
        Self {
            hierarchies: Arc::clone(&self.hierarchies),
            at: levels.to_vec(),
            codes: codes.collect(),
            rows,
            persons: self.persons.merged(&grouping.class_of, classes),
            sensitive: self.sensitive.iter().map(|s| s.merged(&grouping.class_of, classes)).collect(),
        }
    }
}

impl Persons {
    fn merged(&self, class_of: &[u32], classes: usize) -> Self {
        let mut alone = vec![0u32; classes];
        for (&class, &n) in class_of.iter().zip(&self.alone) {
            alone[class as usize] += n;
        }
        let mut merged = Self { alone, starts: vec![0], ..Self::default() };
        let mut set = Vec::new();
        for (members, n) in self.sets() {
            set.clear();
            set.extend(members.iter().map(|&t| class_of[t as usize]));
            set.sort_unstable();
            set.dedup();
            if let [only] = set.as_slice() {
                merged.alone[*only as usize] += n;
            } else {
                merged.members.extend_from_slice(&set);
                merged.starts.push(u32::try_from(merged.members.len()).unwrap_or(u32::MAX));
                merged.weights.push(n);
            }
        }
        merged
    }
}

impl Sensitive {
    fn merged(&self, class_of: &[u32], classes: usize) -> Self {
        let mut cells: Vec<(u32, u32, u32)> = Vec::with_capacity(self.entries.len());
        for (t, &class) in class_of.iter().enumerate() {
            cells.extend(self.of(t).iter().map(|&(v, n)| (class, v, n)));
        }
        cells.sort_unstable();
        let mut starts = vec![0u32; classes + 1];
        let mut entries: Vec<(u32, u32)> = Vec::new();
        let mut last = None;
        for (class, v, n) in cells {
            if last == Some((class, v)) {
                if let Some(entry) = entries.last_mut() {
                    entry.1 += n;
                }
                continue;
            }
            last = Some((class, v));
            entries.push((v, n));
            starts[class as usize + 1] += 1;
        }
        for class in 0..classes {
            starts[class + 1] += starts[class];
        }
        Self { starts, entries, ..self.clone_head() }
    }

    fn clone_head(&self) -> Self {
        Self {
            values: self.values,
            ordered: self.ordered,
            starts: Vec::new(),
            entries: Vec::new(),
            total: self.total.clone(),
        }
    }
}

/// For each node of level `from`, its node of level `to`.
fn step(hierarchy: &Hierarchy, from: usize, to: usize) -> Vec<u32> {
    let to = &hierarchy.level(to).node_of_leaf;
    hierarchy.level(from).nodes.iter().map(|node| to[node.first as usize]).collect()
}

/// Replaces keys by numbers from 0, so that more columns fit; gives how many there are.
fn compact(keys: &mut [u64]) -> u64 {
    let mut seen = hashbrown::HashMap::new();
    for key in keys {
        let next = seen.len() as u64;
        *key = *seen.entry(*key).or_insert(next);
    }
    seen.len() as u64
}

fn class_number(out: &Grouping) -> u32 {
    u32::try_from(out.first.len()).unwrap_or(u32::MAX)
}
