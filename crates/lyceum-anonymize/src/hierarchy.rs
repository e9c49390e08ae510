//! Generalisation hierarchies: how the values of a quasi-identifier become coarser, level by level, up to `*`.
//!
//! A [`Hierarchy`] is a tree over *leaves*: level 0 are the values themselves, the last level is one node. Leaves are
//! ordered so that every node covers a contiguous run of them: numbers and dates by value, text as its table lists it.
//! `hierarchy/table.rs` reads ARX's CSV form, `hierarchy/ladder.rs` makes levels by rule, `hierarchy/error.rs` says
//! why one is refused. The loss of a node is (leaves covered − 1) / (leaves − 1), for ladders over numbers and dates
//! its width as a share of the whole range (normalised certainty penalty: Xu et al., KDD 2006; Iyengar, KDD 2002).

mod error;
mod ladder;
mod table;

pub use error::HierarchyError;
pub(crate) use ladder::{DAY, network, step_span};

use hashbrown::HashMap;
use lyceum_schema::manifest::DataType;
use lyceum_schema::policy::HierarchySource;

/// One value of a quasi-identifier, in the order of its column: numbers, dates, instants and booleans as integers
/// (floats by a monotone image of their bits), text, NULL last. No `Debug`: it is a person's value.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leaf {
    /// A value with a numeric order; see [`Leaf::number`].
    Number(i64),
    /// Text.
    Text(Box<str>),
    /// NULL.
    Null,
}

impl Leaf {
    /// A float's leaf.
    #[must_use]
    pub const fn of_f64(value: f64) -> Self {
        // −0.0 and 0.0 are one value.
        Self::Number(monotone((if value == 0.0 { 0.0 } else { value }).to_bits().cast_signed()))
    }

    /// The value on the number line of its column: days for dates, µs for timestamps. `None` for text and NULL.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn number(&self, data_type: DataType) -> Option<f64> {
        match self {
            Self::Number(n) if data_type == DataType::Float64 => Some(f64::from_bits(monotone(*n).cast_unsigned())),
            Self::Number(n) => Some(*n as f64),
            Self::Text(_) | Self::Null => None,
        }
    }
}

/// Maps the bits of floats to integers of the same order, and back: it is its own inverse.
const fn monotone(bits: i64) -> i64 {
    bits ^ (((bits >> 63).cast_unsigned() >> 1).cast_signed())
}

/// A node: a run of leaves with one label.
#[derive(Clone)]
pub struct Node {
    pub(crate) label: Box<str>,
    /// Ordinals of the first and last leaf, inclusive.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) loss: f64,
    /// Smallest and largest value that it stands for; `None` if the rule doesn't say.
    pub(crate) bounds: Option<(Leaf, Leaf)>,
}

/// One level: which node every leaf is in.
pub struct Level {
    pub(crate) node_of_leaf: Vec<u32>,
    pub(crate) nodes: Vec<Node>,
}

/// A checked hierarchy over a column's leaves.
pub struct Hierarchy {
    data_type: DataType,
    leaves: Vec<Leaf>,
    ordinals: HashMap<Leaf, u32>,
    /// Where each leaf stands on a line of length 1, for the loss of ranges.
    positions: Vec<f64>,
    null: Option<u32>,
    levels: Vec<Level>,
    /// Whether the leaves are a list that somebody wrote, not the values that occur.
    listed: bool,
}

/// Smallest and largest value of the node over a leaf, by level.
type BoundsOf<'a> = dyn Fn(usize, &Leaf) -> Option<(Leaf, Leaf)> + 'a;

/// A leaf on its way into a hierarchy: its labels from level 1 to the last but one (the last is `*`).
struct Path {
    leaf: Leaf,
    labels: Vec<Box<str>>,
}

impl Hierarchy {
    /// Makes the hierarchy of a column of this type over the values that occur (`observed`, any order). `bounds` are
    /// the column's public bounds on its number line, if declared: they set the range that loss is a share of.
    ///
    /// # Errors
    /// A table that doesn't parse, has inconsistent parents or lacks a value that occurs; a ladder that doesn't fit
    /// the type or doesn't nest.
    pub fn new(
        source: &HierarchySource,
        data_type: DataType,
        bounds: Option<(f64, f64)>,
        observed: &[Leaf],
    ) -> Result<Self, HierarchyError> {
        match source {
            HierarchySource::Table(text) => table::read(text, data_type)?.over(observed),
            _ => ladder::climb(source, data_type, bounds, observed),
        }
    }

    /// The column's type.
    #[must_use]
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Number of leaves, at least 1.
    #[must_use]
    pub const fn leaves(&self) -> usize {
        self.leaves.len()
    }

    /// Number of levels, at least 1; the last is one node.
    #[must_use]
    pub const fn levels(&self) -> usize {
        self.levels.len()
    }

    /// The ordinal of a value.
    #[must_use]
    pub fn ordinal(&self, leaf: &Leaf) -> Option<u32> {
        self.ordinals.get(leaf).copied()
    }

    pub(crate) fn leaf(&self, ordinal: u32) -> &Leaf {
        &self.leaves[ordinal as usize]
    }

    /// A leaf as people write it; `None` for NULL.
    pub(crate) fn text(&self, ordinal: u32) -> Option<String> {
        let leaf = self.leaf(ordinal);
        Some(match (leaf, self.data_type) {
            (Leaf::Null, _) => return None,
            (Leaf::Text(t), _) => t.to_string(),
            (Leaf::Number(n), DataType::Boolean) => (*n != 0).to_string(),
            (Leaf::Number(n), DataType::Date) => {
                let span = jiff::Span::new().try_days(*n).unwrap_or_default();
                let date = jiff::civil::Date::constant(1970, 1, 1).checked_add(span);
                date.map_or_else(|_| n.to_string(), |d| d.to_string())
            }
            (Leaf::Number(n), DataType::Timestamp) => {
                jiff::Timestamp::from_microsecond(*n).map_or_else(|_| n.to_string(), |t| t.to_string())
            }
            (Leaf::Number(n), DataType::Float64) => {
                leaf.number(self.data_type).map_or_else(|| n.to_string(), |f| f.to_string())
            }
            (Leaf::Number(n), _) => n.to_string(),
        })
    }

    pub(crate) fn level(&self, level: usize) -> &Level {
        &self.levels[level]
    }

    /// The leaf of NULL, if NULL occurs: the last.
    pub(crate) const fn null(&self) -> Option<u32> {
        self.null
    }

    /// The lowest level with a node over both leaves.
    pub(crate) fn common_level(&self, first: u32, last: u32) -> usize {
        let (a, b) = (first as usize, last as usize);
        self.levels.iter().position(|l| l.node_of_leaf[a] == l.node_of_leaf[b]).unwrap_or(self.levels.len() - 1)
    }

    /// Loss in [0, 1] of the range from leaf `first` to `last`. A range over NULL and a value says nothing: 1.
    pub(crate) fn range_loss(&self, first: u32, last: u32) -> f64 {
        if first == last {
            return 0.0;
        }
        if self.null == Some(last) { 1.0 } else { self.positions[last as usize] - self.positions[first as usize] }
    }

    /// Loss in [0, 1] of the lowest node over both leaves.
    pub(crate) fn label_loss(&self, first: u32, last: u32) -> f64 {
        let level = &self.levels[self.common_level(first, last)];
        level.nodes[level.node_of_leaf[first as usize] as usize].loss
    }

    /// Whether the leaves are a list that somebody wrote, not the values that occur.
    pub(crate) const fn listed(&self) -> bool {
        self.listed
    }

    /// The values, in order.
    pub(crate) fn all_leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Orders leaves so that nodes are contiguous, numbers the nodes, and checks the result. `paths` may be in any
    /// order. `bounds` gives what the node over a leaf stands for, by level from 0 for the first above the leaves;
    /// `None` for `paths` that are a written list: their nodes stand for the leaves they have.
    fn assemble(
        data_type: DataType,
        mut paths: Vec<Path>,
        range: Option<(f64, f64)>,
        bounds: Option<&BoundsOf<'_>>,
    ) -> Result<Self, HierarchyError> {
        let listed = bounds.is_none();
        let by_value = !listed || data_type != DataType::String;
        if paths.is_empty() {
            return Err(HierarchyError::Empty);
        }
        if by_value {
            paths.sort_by(|a, b| a.leaf.cmp(&b.leaf));
        }
        let depth = paths.iter().map(|p| p.labels.len()).max().unwrap_or(0);
        order(&mut paths, depth);
        if by_value && data_type != DataType::String && !paths.is_sorted_by(|a, b| a.leaf < b.leaf) {
            return Err(HierarchyError::Interleaved);
        }
        let n = paths.len();
        let values = |first: u32, last: u32| {
            let known = paths[first as usize..=last as usize].iter().filter(|p| p.leaf != Leaf::Null);
            let mut known = known.map(|p| p.leaf.clone());
            let first = known.next()?;
            Some((first.clone(), known.next_back().unwrap_or(first)))
        };
        let node = |label: Box<str>, first: u32, last: u32, at: usize| {
            let bounds = bounds.map_or_else(|| values(first, last), |of| of(at, &paths[first as usize].leaf));
            let width = bounds.as_ref().and_then(|(low, high)| Some(high.number(data_type)? - low.number(data_type)?));
            let loss = match (width, range) {
                (Some(width), Some((low, high))) if high > low && !listed => (width / (high - low)).clamp(0.0, 1.0),
                _ => share((last - first) as usize, n - 1),
            };
            Node { label, first, last, loss, bounds }
        };
        let leaf = |i: u32| Node { label: "".into(), first: i, last: i, loss: 0.0, bounds: values(i, i) };
        let mut levels =
            vec![Level { node_of_leaf: (0..to_u32(n)).collect(), nodes: (0..to_u32(n)).map(leaf).collect() }];
        for at in 0..depth {
            let level = runs(&paths, at, &node);
            if levels.last().is_some_and(|below| below.nodes.len() == level.nodes.len()) {
                continue;
            }
            levels.push(level);
        }
        if levels.last().is_some_and(|top| top.nodes.len() > 1) {
            let top = Node { loss: 1.0, ..node("*".into(), 0, to_u32(n) - 1, usize::MAX) };
            levels.push(Level { node_of_leaf: vec![0; n], nodes: vec![top] });
        }
        let null = (paths[n - 1].leaf == Leaf::Null).then(|| to_u32(n) - 1);
        let positions = positions(&paths, data_type, range);
        let leaves: Vec<Leaf> = paths.into_iter().map(|p| p.leaf).collect();
        let ordinals = leaves.iter().cloned().zip(0..).collect();
        Ok(Self { data_type, leaves, ordinals, positions, null, levels, listed })
    }
}

/// Sorts paths so that equal labels stand together at every level, groups in the order of their first leaf.
fn order(paths: &mut [Path], depth: usize) {
    for at in 0..depth {
        // From the finest level up: each stable sort keeps the order below it.
        let mut first: HashMap<Box<str>, usize> = HashMap::new();
        for (i, path) in paths.iter().enumerate() {
            first.entry(path.labels[at].clone()).or_insert(i);
        }
        paths.sort_by_key(|p| (p.leaf == Leaf::Null, first[&p.labels[at]]));
    }
}

/// The nodes of one level: runs of equal labels. NULL is in none but its own below the top.
fn runs(paths: &[Path], at: usize, node: &dyn Fn(Box<str>, u32, u32, usize) -> Node) -> Level {
    let mut level = Level { node_of_leaf: Vec::with_capacity(paths.len()), nodes: Vec::new() };
    let same = |a: &Path, b: &Path| a.labels[at] == b.labels[at] && b.leaf != Leaf::Null;
    let mut first = 0;
    for run in paths.chunk_by(same) {
        let last = first + to_u32(run.len()) - 1;
        level.node_of_leaf.extend(std::iter::repeat_n(to_u32(level.nodes.len()), run.len()));
        level.nodes.push(node(run[0].labels[at].clone(), first, last, at));
        first = last + 1;
    }
    level
}

fn positions(paths: &[Path], data_type: DataType, range: Option<(f64, f64)>) -> Vec<f64> {
    let place = |(i, path): (usize, &Path)| match (path.leaf.number(data_type), range) {
        (Some(number), Some((low, high))) if high > low => ((number - low) / (high - low)).clamp(0.0, 1.0),
        _ => share(i, paths.len() - 1),
    };
    paths.iter().enumerate().map(place).collect()
}

#[allow(clippy::cast_precision_loss)]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Ordinals and counts of distinct things: bounded by [`crate::tuples::MAX_TUPLES`].
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
