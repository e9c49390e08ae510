//! Private rows as small integers, and exact counts of them. No `Debug`, no `Clone`: this is the data.

/// Rows by attribute: the number of the value that each row has.
pub(crate) struct Coded {
    pub(crate) sizes: Vec<usize>,
    pub(crate) columns: Vec<Vec<u16>>,
}

impl Coded {
    /// Exact counts over one or two attributes in rising order, row-major.
    pub(crate) fn counts(&self, attributes: &[usize]) -> Vec<i64> {
        match attributes {
            [a] => {
                let mut counts = vec![0; self.sizes[*a]];
                self.columns[*a].iter().for_each(|v| counts[usize::from(*v)] += 1);
                counts
            }
            [a, b] => {
                let width = self.sizes[*b];
                let mut counts = vec![0; self.sizes[*a] * width];
                for (v, w) in self.columns[*a].iter().zip(&self.columns[*b]) {
                    counts[usize::from(*v) * width + usize::from(*w)] += 1;
                }
                counts
            }
            _ => Vec::new(),
        }
    }

    /// The same rows with each attribute's values renamed; one list per attribute.
    pub(crate) fn renamed(&self, names: &[Vec<u16>], sizes: Vec<usize>) -> Self {
        let rename = |(column, names): (&Vec<u16>, &Vec<u16>)| column.iter().map(|v| names[usize::from(*v)]).collect();
        Self { sizes, columns: self.columns.iter().zip(names).map(rename).collect() }
    }
}
