//! What one unit adds to the groups: the vectors of all measures, each cut to its level ([`super::bound`]).

use super::bound::{Level, Share};
use super::cells::{Cells, Values};
use super::spec::BoundSpec;
use crate::faults::{self, Fault};

/// Room to work in, kept from unit to unit.
#[derive(Default)]
pub(super) struct Cut {
    /// By measure: the unit's cells, saturated.
    vectors: Vec<Vec<i64>>,
    levels: Vec<Level>,
    bounded: Vec<i64>,
    sorted: Vec<u64>,
}

impl Cut {
    /// Bounds the cells of a unit at its `positions` and adds them to the sums by measure, then group. `groups` has the
    /// group of each position.
    pub(super) fn add(
        &mut self,
        spec: &BoundSpec,
        cells: &[Cells],
        positions: impl Iterator<Item = usize> + Clone,
        groups: &[u32],
        sums: &mut [Vec<i128>],
    ) {
        self.vectors.resize(cells.len(), Vec::new());
        self.levels.clear();
        let finer = spec.balls.iter().zip(&spec.fraction_bits);
        for (((ball, &fraction), cells), vector) in finer.zip(cells).zip(&mut self.vectors) {
            vector.clear();
            // A cell sums fewer than 2⁴⁰ 64-bit values, so the shift has room.
            match &cells.values {
                Values::Narrow(cells) => {
                    vector.extend(positions.clone().map(|p| ball.saturate(i128::from(cells[p]) << fraction)));
                }
                Values::Wide(cells) => vector.extend(positions.clone().map(|p| ball.saturate(cells[p] << fraction))),
            }
            self.levels.push(ball.level(vector, &mut self.sorted));
        }
        for (m, measure) in spec.measures.iter().enumerate() {
            let together = spec.measures.iter().enumerate().filter(|(_, o)| o.scale_group == measure.scale_group);
            let together = together.map(|(o, _)| (self.levels[o], &self.vectors[o]));
            let cells = self.vectors[m].iter().enumerate().map(|(i, &cell)| {
                let shares = together.clone().map(|(level, vector)| level.share(vector[i]));
                shares.fold(Share::WHOLE, Share::min).of(cell)
            });
            self.bounded.clear();
            self.bounded.extend(cells);
            // Proved in `bound`; a unit that were outside all the same contributes nothing.
            let unchecked = faults::on(Fault::BallOff) || faults::on(Fault::LevelTooHigh);
            if !unchecked && !spec.balls[m].contains(&self.bounded) {
                continue;
            }
            for (position, &v) in positions.clone().zip(&self.bounded) {
                sums[m][groups[position] as usize] += i128::from(v);
            }
        }
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        let vectors: usize = self.vectors.iter().map(|v| 8 * v.capacity()).sum();
        vectors + 8 * (self.bounded.capacity() + self.sorted.capacity() + self.levels.capacity())
    }
}
