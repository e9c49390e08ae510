//! Sets of attributes with dense tables over them: row-major, the last attribute fastest.

/// Attributes in rising order, with their numbers of values. Without attributes: one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    attributes: Vec<usize>,
    sizes: Vec<usize>,
}

impl Scope {
    /// `attributes` in any order, without repetition; `sizes` of all attributes there are.
    pub(super) fn new(mut attributes: Vec<usize>, sizes: &[usize]) -> Self {
        attributes.sort_unstable();
        let sizes = attributes.iter().map(|a| sizes[*a]).collect();
        Self { attributes, sizes }
    }

    pub(super) fn attributes(&self) -> &[usize] {
        &self.attributes
    }

    /// Number of cells; saturates.
    pub(super) fn cells(&self) -> usize {
        self.sizes.iter().fold(1usize, |n, s| n.saturating_mul(*s))
    }

    pub(super) fn contains(&self, other: &[usize]) -> bool {
        other.iter().all(|a| self.attributes.contains(a))
    }

    /// How far the index moves when an attribute's value rises by one; 0 for attributes that aren't here.
    pub(super) fn stride(&self, attribute: usize) -> usize {
        match self.attributes.iter().position(|a| *a == attribute) {
            Some(place) => self.sizes[place + 1..].iter().product(),
            None => 0,
        }
    }

    /// For each cell, the cell of `to` that it falls into: attributes that `to` lacks are summed over.
    pub(super) fn map_to(&self, to: &Self) -> Vec<u32> {
        let strides: Vec<usize> = self.attributes.iter().map(|a| to.stride(*a)).collect();
        let mut map = vec![0u32];
        for (size, stride) in self.sizes.iter().zip(strides) {
            let mut next = Vec::with_capacity(map.len() * size);
            for base in &map {
                next.extend((0..*size).map(|v| base + (v * stride) as u32));
            }
            map = next;
        }
        map
    }
}

/// Sums of `values` by where `map` puts them.
pub(super) fn project(values: &[f64], map: &[u32], cells: usize) -> Vec<f64> {
    let mut sums = vec![0.0; cells];
    for (value, at) in values.iter().zip(map) {
        sums[*at as usize] += value;
    }
    sums
}
