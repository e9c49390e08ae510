//! The privacy models: k-anonymity over distinct persons, l-diversity and t-closeness of sensitive columns.
//!
//! - k-anonymity (Samarati and Sweeney, 1998): a class has at least k distinct persons.
//! - distinct l-diversity: at least l different sensitive values; entropy l-diversity: their entropy is at least
//!   ln l (Machanavajjhala et al., ICDE 2006).
//! - t-closeness (Li, Li and Venkatasubramanian, ICDE 2007): the distribution in a class is at most t away from the
//!   whole table's, by the earth mover's distance: equal distance for text, ordered distance for numbers.
//!
//! l and t are over rows, k is over persons: bound the rows of a person before.

use crate::tuples::{Sensitive, Tuples};

/// A model of one sensitive column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensitiveModel {
    /// At least this many different values, at least 1.
    DistinctDiversity(u32),
    /// Entropy of at least the logarithm of this number, at least 1.
    EntropyDiversity(f64),
    /// Distance from the whole table of at most this, in [0, 1].
    Closeness(f64),
}

/// What every class of a release must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirements {
    /// Distinct persons, at least 1.
    pub k: u32,
    /// Models, each of a sensitive column by its place in the layout.
    pub sensitive: Vec<(usize, SensitiveModel)>,
}

/// Checks classes; keeps memory between them.
pub(crate) struct Judge<'r> {
    requirements: &'r Requirements,
    counts: Vec<u64>,
    touched: Vec<u32>,
}

/// What a class measures up to, in one sensitive column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) distinct: u32,
    /// exp of the entropy.
    pub(crate) entropy: f64,
    pub(crate) closeness: f64,
}

impl<'r> Judge<'r> {
    pub(crate) const fn new(requirements: &'r Requirements) -> Self {
        Self { requirements, counts: Vec::new(), touched: Vec::new() }
    }

    /// Whether only k is asked for.
    pub(crate) const fn only_k(&self) -> bool {
        self.requirements.sensitive.is_empty()
    }

    pub(crate) const fn k(&self) -> u32 {
        self.requirements.k
    }

    /// Whether these tuples, as one class, satisfy the models of sensitive columns.
    pub(crate) fn accepts(&mut self, tuples: &Tuples, members: &[u32]) -> bool {
        let requirements = self.requirements;
        requirements.sensitive.iter().all(|&(column, model)| {
            let Some(sensitive) = tuples.sensitive.get(column) else { return false };
            match model {
                // Counting stops when there are enough.
                SensitiveModel::DistinctDiversity(l) => self.distinct(sensitive, members, l),
                SensitiveModel::EntropyDiversity(l) => self.measure(sensitive, members).entropy >= l * (1.0 - 1e-12),
                SensitiveModel::Closeness(t) => self.measure(sensitive, members).closeness <= t + 1e-12,
            }
        })
    }

    fn distinct(&mut self, sensitive: &Sensitive, members: &[u32], l: u32) -> bool {
        self.counts.resize(self.counts.len().max(sensitive.values as usize), 0);
        'all: for &t in members {
            for &(value, _) in sensitive.of(t as usize) {
                if self.counts[value as usize] == 0 {
                    self.counts[value as usize] = 1;
                    self.touched.push(value);
                    if self.touched.len() >= l as usize {
                        break 'all;
                    }
                }
            }
        }
        let enough = self.touched.len() >= l as usize;
        for value in self.touched.drain(..) {
            self.counts[value as usize] = 0;
        }
        enough
    }

    /// The class's distinct values, entropy and distance.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn measure(&mut self, sensitive: &Sensitive, members: &[u32]) -> Measured {
        self.counts.resize(self.counts.len().max(sensitive.values as usize), 0);
        let mut rows = 0u64;
        for &t in members {
            for &(value, n) in sensitive.of(t as usize) {
                if self.counts[value as usize] == 0 {
                    self.touched.push(value);
                }
                self.counts[value as usize] += u64::from(n);
                rows += u64::from(n);
            }
        }
        self.touched.sort_unstable();
        let rows = rows as f64;
        let all = sensitive.total.iter().sum::<u64>() as f64;
        let entropy =
            -self.touched.iter().map(|&v| self.counts[v as usize] as f64 / rows).map(|p| p * p.ln()).sum::<f64>();
        let differences =
            (0..sensitive.values as usize).map(|v| self.counts[v] as f64 / rows - sensitive.total[v] as f64 / all);
        let closeness = if sensitive.ordered {
            let steps = f64::from(sensitive.values.saturating_sub(1).max(1));
            let mut sum = 0.0;
            differences
                .map(|d| {
                    sum += d;
                    f64::abs(sum)
                })
                .sum::<f64>()
                / steps
        } else {
            differences.map(f64::abs).sum::<f64>() / 2.0
        };
        let distinct = u32::try_from(self.touched.len()).unwrap_or(u32::MAX);
        for value in self.touched.drain(..) {
            self.counts[value as usize] = 0;
        }
        Measured { distinct, entropy: entropy.exp(), closeness }
    }
}

/// Tuples sorted into their classes.
pub(crate) struct Classes {
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Classes {
    /// From the class of each tuple; tuples of class `classes` or above are in none.
    pub(crate) fn new(class_of: &[u32], classes: usize) -> Self {
        let mut starts = vec![0u32; classes + 1];
        for &class in class_of.iter().filter(|&&c| (c as usize) < classes) {
            starts[class as usize + 1] += 1;
        }
        for class in 0..classes {
            starts[class + 1] += starts[class];
        }
        let mut next = starts.clone();
        let mut members = vec![0; starts[classes] as usize];
        for (t, &class) in (0u32..).zip(class_of) {
            if let Some(place) = next.get_mut(class as usize).filter(|_| (class as usize) < classes) {
                members[*place as usize] = t;
                *place += 1;
            }
        }
        Self { starts, members }
    }

    pub(crate) fn of(&self, class: usize) -> &[u32] {
        &self.members[self.starts[class] as usize..self.starts[class + 1] as usize]
    }
}
