//! One part: every place where it can be cut, and the loss that each leaves.
//!
//! Per column the tuples fall into buckets by code; of each bucket are kept its rows, its persons and, for every column,
//! the first and last leaf. Sweeping the buckets from both ends gives both sides of each cut without touching tuples
//! again: O(tuples × columns²) per part.

use crate::recode::Print;
use crate::tuples::Tuples;

/// Pairwise losses are tabulated for columns of at most this many leaves.
const TABULATED: usize = 256;
/// Cuts that are handed on when sensitive models have to be checked, at most.
const MAX_CUTS: usize = 64;

/// A cut: tuples whose code in `column` is in `first..=last` on one side, the others on the other.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// Σ over both sides of rows × summed loss of the columns.
    loss: f64,
    column: usize,
    first: u32,
    last: u32,
}

/// First and last leaf per column, for each of some buckets.
#[derive(Default)]
struct Extents {
    low: Vec<u32>,
    high: Vec<u32>,
}

impl Extents {
    fn clear(&mut self, buckets: usize, width: usize) {
        self.low.clear();
        self.low.resize(buckets * width, u32::MAX);
        self.high.clear();
        self.high.resize(buckets * width, 0);
    }
}

pub(super) struct Measure<'t> {
    tuples: &'t Tuples,
    k: u64,
    print: Print,
    width: usize,
    /// Tuple by tuple.
    codes: Vec<u32>,
    /// Column: losses of all pairs, or none if there are too many leaves.
    pairs: Vec<Vec<f64>>,
    /// For each tuple, the sets of its several-tuple persons.
    sets_of: Vec<Vec<u32>>,
    /// Per set, first and last bucket in the part at hand; reset after each column.
    reach: Vec<(u32, u32)>,
    touched: Vec<u32>,
    ranks: Vec<u32>,
    distinct: Vec<u32>,
    bucket: Extents,
    before: Extents,
    after: Extents,
    rows: Vec<u64>,
    alone: Vec<u64>,
    starts: Vec<u64>,
    ends: Vec<u64>,
}

impl<'t> Measure<'t> {
    pub(super) fn new(tuples: &'t Tuples, k: u32, print: Print) -> Self {
        let width = tuples.hierarchies.len();
        let mut codes = vec![0; width * tuples.len()];
        for (c, column) in tuples.codes.iter().enumerate() {
            for (t, &code) in column.iter().enumerate() {
                codes[t * width + c] = code;
            }
        }
        let pairs = tuples.hierarchies.iter().map(|h| {
            let n = u32::try_from(h.leaves()).unwrap_or(u32::MAX);
            if h.leaves() > TABULATED {
                return Vec::new();
            }
            let pair = |a: u32, b: u32| match print {
                _ if a > b => 0.0,
                Print::Ranges => h.range_loss(a, b),
                Print::Labels => h.label_loss(a, b),
            };
            (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).map(|(a, b)| pair(a, b)).collect()
        });
        let mut sets_of = vec![Vec::new(); if tuples.persons.additive() { 0 } else { tuples.len() }];
        for (set, (members, _)) in (0u32..).zip(tuples.persons.sets()) {
            for &t in members {
                sets_of[t as usize].push(set);
            }
        }
        Self {
            pairs: pairs.collect(),
            reach: vec![(u32::MAX, 0); tuples.persons.weights.len()],
            k: u64::from(k),
            sets_of,
            tuples,
            print,
            width,
            codes,
            touched: Vec::new(),
            ranks: Vec::new(),
            distinct: Vec::new(),
            bucket: Extents::default(),
            before: Extents::default(),
            after: Extents::default(),
            rows: Vec::new(),
            alone: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The cuts that leave at least k persons on both sides and lose less than the part as it is, best first; only
    /// the best if `one` is enough.
    pub(super) fn cuts(&mut self, part: &[u32], one: bool, out: &mut Vec<Cut>) {
        out.clear();
        if part.len() < 2 {
            return;
        }
        let (low, high) = self.extents(part, None);
        let rows = part.iter().map(|&t| u64::from(self.tuples.rows[t as usize])).sum();
        let whole = self.loss(&low, &high, rows);
        for column in 0..self.width {
            if low[column] == high[column] {
                continue;
            }
            self.fill(part, column, low[column], high[column]);
            let buckets = self.rows.len();
            self.sweep(buckets);
            self.runs(column, rows, whole, one, out);
            if self.print == Print::Labels {
                self.nodes(column, rows, whole, one, out);
            }
        }
        out.sort_by(|a, b| {
            a.loss.total_cmp(&b.loss).then((a.column, a.first, a.last).cmp(&(b.column, b.first, b.last)))
        });
        out.truncate(if one { 1 } else { MAX_CUTS });
    }

    /// Moves the tuples inside the cut to the front, keeping their order; gives how many there are.
    pub(super) fn split(&self, part: &mut [u32], cut: Cut, spare: &mut Vec<u32>) -> usize {
        spare.clear();
        let mut inside = 0;
        for at in 0..part.len() {
            let t = part[at];
            let code = self.codes[t as usize * self.width + cut.column];
            if (cut.first..=cut.last).contains(&code) {
                part[inside] = t;
                inside += 1;
            } else {
                spare.push(t);
            }
        }
        part[inside..].copy_from_slice(spare);
        inside
    }

    /// Sorts the part into buckets of the column's codes.
    fn fill(&mut self, part: &[u32], column: usize, low: u32, high: u32) {
        let span = (high - low) as usize + 1;
        let code = |t: u32| self.codes[t as usize * self.width + column];
        // Bucket numbers: by rank among the codes that occur.
        self.distinct.clear();
        if span <= 4 * part.len() {
            self.ranks.clear();
            self.ranks.resize(span, 0);
            for &t in part {
                self.ranks[(code(t) - low) as usize] = 1;
            }
            for (at, rank) in (0u32..).zip(&mut self.ranks) {
                if *rank == 1 {
                    *rank = u32::try_from(self.distinct.len()).unwrap_or(u32::MAX);
                    self.distinct.push(low + at);
                }
            }
        } else {
            self.ranks.clear();
            self.distinct.extend(part.iter().map(|&t| code(t)));
            self.distinct.sort_unstable();
            self.distinct.dedup();
        }
        let buckets = self.distinct.len();
        self.bucket.clear(buckets, self.width);
        for counts in [&mut self.rows, &mut self.alone, &mut self.starts, &mut self.ends] {
            counts.clear();
            counts.resize(buckets, 0);
        }
        for &t in part {
            let codes = &self.codes[t as usize * self.width..][..self.width];
            let bucket = if self.ranks.is_empty() {
                self.distinct.partition_point(|&c| c < codes[column])
            } else {
                self.ranks[(codes[column] - low) as usize] as usize
            };
            let lows = &mut self.bucket.low[bucket * self.width..][..self.width];
            let highs = &mut self.bucket.high[bucket * self.width..][..self.width];
            for ((low, high), &code) in lows.iter_mut().zip(highs).zip(codes) {
                *low = (*low).min(code);
                *high = (*high).max(code);
            }
            self.rows[bucket] += u64::from(self.tuples.rows[t as usize]);
            self.alone[bucket] += u64::from(self.tuples.persons.alone[t as usize]);
            if let Some(sets) = self.sets_of.get(t as usize) {
                let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
                for &set in sets {
                    let reach = &mut self.reach[set as usize];
                    if reach.0 == u32::MAX {
                        self.touched.push(set);
                    }
                    *reach = (reach.0.min(bucket), reach.1.max(bucket));
                }
            }
        }
        for set in self.touched.drain(..) {
            let (first, last) = std::mem::replace(&mut self.reach[set as usize], (u32::MAX, 0));
            let weight = u64::from(self.tuples.persons.weights[set as usize]);
            self.starts[first as usize] += weight;
            self.ends[last as usize] += weight;
        }
    }

    /// Extents of all buckets up to each, and from each on.
    fn sweep(&mut self, buckets: usize) {
        let w = self.width;
        self.before.low.clone_from(&self.bucket.low);
        self.before.high.clone_from(&self.bucket.high);
        self.after.low.clone_from(&self.bucket.low);
        self.after.high.clone_from(&self.bucket.high);
        for at in w..buckets * w {
            self.before.low[at] = self.before.low[at].min(self.before.low[at - w]);
            self.before.high[at] = self.before.high[at].max(self.before.high[at - w]);
        }
        for at in (0..(buckets - 1) * w).rev() {
            self.after.low[at] = self.after.low[at].min(self.after.low[at + w]);
            self.after.high[at] = self.after.high[at].max(self.after.high[at + w]);
        }
    }

    /// Cuts between two buckets.
    fn runs(&self, column: usize, rows: u64, whole: f64, one: bool, out: &mut Vec<Cut>) {
        let w = self.width;
        let (mut left_rows, mut left, mut right) =
            (0, 0, self.alone.iter().sum::<u64>() + self.ends.iter().sum::<u64>());
        for bucket in 0..self.rows.len() - 1 {
            left_rows += self.rows[bucket];
            left += self.alone[bucket] + self.starts[bucket];
            right -= self.alone[bucket] + self.ends[bucket];
            if left < self.k || right < self.k {
                continue;
            }
            let (l, r) = (bucket * w..(bucket + 1) * w, (bucket + 1) * w..(bucket + 2) * w);
            let loss = self.loss(&self.before.low[l.clone()], &self.before.high[l], left_rows)
                + self.loss(&self.after.low[r.clone()], &self.after.high[r], rows - left_rows);
            keep(Cut { loss, column, first: 0, last: self.distinct[bucket] }, whole, one, out);
        }
    }

    /// Cuts that take a node of the hierarchy out of the middle.
    fn nodes(&self, column: usize, rows: u64, whole: f64, one: bool, out: &mut Vec<Cut>) {
        // Persons with tuples on both sides aren't counted here; runs of leaves count them.
        if !self.tuples.persons.additive() {
            return;
        }
        let w = self.width;
        let hierarchy = &self.tuples.hierarchies[column];
        let total: u64 = self.alone.iter().sum();
        let (mut low, mut high) = (vec![0; w], vec![0; w]);
        let (mut rest_low, mut rest_high) = (vec![0; w], vec![0; w]);
        for level in 0..hierarchy.levels() - 1 {
            let level = hierarchy.level(level);
            let mut from = 0;
            while from < self.distinct.len() {
                let node = &level.nodes[level.node_of_leaf[self.distinct[from] as usize] as usize];
                let to = from + self.distinct[from..].partition_point(|&code| code <= node.last);
                let (start, end) = (from, to);
                from = to;
                // At the ends the node is a run.
                if start == 0 || end == self.distinct.len() {
                    continue;
                }
                let persons: u64 = self.alone[start..end].iter().sum();
                if persons < self.k || total - persons < self.k {
                    continue;
                }
                let inside: u64 = self.rows[start..end].iter().sum();
                low.copy_from_slice(&self.bucket.low[start * w..][..w]);
                high.copy_from_slice(&self.bucket.high[start * w..][..w]);
                for bucket in start + 1..end {
                    merge(&mut low, &mut high, &self.bucket, bucket * w);
                }
                rest_low.copy_from_slice(&self.before.low[(start - 1) * w..][..w]);
                rest_high.copy_from_slice(&self.before.high[(start - 1) * w..][..w]);
                merge(&mut rest_low, &mut rest_high, &self.after, end * w);
                let loss = self.loss(&low, &high, inside) + self.loss(&rest_low, &rest_high, rows - inside);
                keep(Cut { loss, column, first: node.first, last: node.last }, whole, one, out);
            }
        }
    }

    /// First and last leaf per column of some tuples, without the one at `skip`.
    pub(super) fn extents(&self, members: &[u32], skip: Option<usize>) -> (Vec<u32>, Vec<u32>) {
        let (mut low, mut high) = (vec![u32::MAX; self.width], vec![0; self.width]);
        for (_, &t) in members.iter().enumerate().filter(|(i, _)| Some(*i) != skip) {
            let codes = &self.codes[t as usize * self.width..][..self.width];
            for ((low, high), &code) in low.iter_mut().zip(&mut high).zip(codes) {
                *low = (*low).min(code);
                *high = (*high).max(code);
            }
        }
        (low, high)
    }

    /// Rows × summed loss of what these extents with one more tuple are printed as.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn widened(&self, low: &[u32], high: &[u32], t: u32, rows: u64) -> f64 {
        let codes = &self.codes[t as usize * self.width..][..self.width];
        let spans = low.iter().zip(high).zip(codes).enumerate();
        spans.map(|(c, ((&low, &high), &code))| self.cell(c, low.min(code), high.max(code))).sum::<f64>() * rows as f64
    }

    /// Rows × summed loss of what these extents are printed as.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn loss(&self, low: &[u32], high: &[u32], rows: u64) -> f64 {
        (0..self.width).map(|c| self.cell(c, low[c], high[c])).sum::<f64>() * rows as f64
    }

    /// Loss of one column's extent.
    fn cell(&self, column: usize, low: u32, high: u32) -> f64 {
        if low == high {
            return 0.0;
        }
        let hierarchy = &self.tuples.hierarchies[column];
        match self.pairs[column].get(low as usize * hierarchy.leaves() + high as usize) {
            Some(loss) => *loss,
            None if self.print == Print::Ranges => hierarchy.range_loss(low, high),
            None => hierarchy.label_loss(low, high),
        }
    }
}

fn merge(low: &mut [u32], high: &mut [u32], extents: &Extents, at: usize) {
    for (low, &other) in low.iter_mut().zip(&extents.low[at..]) {
        *low = (*low).min(other);
    }
    for (high, &other) in high.iter_mut().zip(&extents.high[at..]) {
        *high = (*high).max(other);
    }
}

/// Keeps a cut that gains something; of those only the best, if one is enough.
fn keep(cut: Cut, whole: f64, one: bool, out: &mut Vec<Cut>) {
    if cut.loss >= whole {
        return;
    }
    match out.first_mut() {
        Some(best) if one => {
            if cut.loss < best.loss {
                *best = cut;
            }
        }
        _ => out.push(cut),
    }
}
