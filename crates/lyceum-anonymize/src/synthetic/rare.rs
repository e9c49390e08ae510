//! Rare values share one cell: below three σ a noisy count says little, and each of its cells costs noise in every pair
//! (the domain compression of McKenna, Miklau and Sheldon, *Winning the NIST contest*, 2021).

use super::coded::Coded;
use super::model::Measured;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// By attribute: new names of its values, and which old ones a new one stands for, with their weights.
#[derive(Debug, Clone)]
pub(super) struct Compression {
    names: Vec<Vec<u16>>,
    members: Vec<Vec<Vec<(u16, f64)>>>,
}

impl Compression {
    /// Decided on the noisy one-way counts alone. Gives them back over the new values: the shared cell's count is the sum of its
    /// members', with the sum of their variances.
    pub(super) fn new(one_ways: Vec<Measured>) -> (Self, Vec<Measured>) {
        let (mut names, mut members) = (Vec::new(), Vec::new());
        let merge = |measured: Measured| {
            let cells: Vec<(f64, f64)> = measured.counts.into_iter().zip(measured.precisions).collect();
            let rare = |(count, precision): &(f64, f64)| *count < 3.0 / precision.sqrt();
            let few = cells.iter().filter(|c| rare(c)).count();
            let kept = if few > 1 && few < cells.len() { cells.len() - few } else { cells.len() };
            let (mut to, mut of) = (Vec::with_capacity(cells.len()), vec![Vec::new(); kept]);
            let (mut counts, mut precisions) = (Vec::new(), Vec::new());
            let mut shared: Vec<(u16, f64)> = Vec::new();
            let (mut sum, mut variance) = (0.0, 0.0);
            for (value, cell) in cells.iter().enumerate() {
                if kept < cells.len() && rare(cell) {
                    to.push(kept as u16);
                    shared.push((value as u16, cell.0.max(0.0)));
                    sum += cell.0;
                    variance += 1.0 / cell.1;
                } else {
                    to.push(counts.len() as u16);
                    of[counts.len()].push((value as u16, 1.0));
                    counts.push(cell.0);
                    precisions.push(cell.1);
                }
            }
            if !shared.is_empty() {
                of.push(shared);
                counts.push(sum);
                precisions.push(1.0 / variance);
            }
            names.push(to);
            members.push(of);
            Measured { attributes: measured.attributes, counts, precisions }
        };
        let merged = one_ways.into_iter().map(merge).collect();
        (Self { names, members }, merged)
    }

    /// Numbers of values after merging.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.members.iter().map(Vec::len).collect()
    }

    /// The rows with the new values.
    pub(super) fn apply(&self, data: &Coded) -> Coded {
        data.renamed(&self.names, self.sizes())
    }

    /// The new name of an old value.
    pub(super) fn name(&self, attribute: usize, value: u16) -> u16 {
        self.names[attribute].get(usize::from(value)).copied().unwrap_or(0)
    }

    /// An old value for a new one: any of its members by weight.
    pub(super) fn expand(&self, attribute: usize, value: u16, rng: &mut ChaCha8Rng) -> u16 {
        let members = &self.members[attribute][usize::from(value)];
        let total: f64 = members.iter().map(|m| m.1).sum();
        let (Some(first), true) = (members.first(), members.len() > 1) else {
            return members.first().map_or(0, |m| m.0);
        };
        if total <= 0.0 {
            return members[crate::mock::scaled(rng.next_u64(), members.len() as u64) as usize].0;
        }
        let mut at = crate::mock::unit_interval(rng.next_u64()) * total;
        for (member, weight) in members {
            if at < *weight {
                return *member;
            }
            at -= weight;
        }
        first.0
    }
}
