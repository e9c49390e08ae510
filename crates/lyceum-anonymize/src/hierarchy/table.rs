//! ARX's CSV form of a hierarchy: one line per value, `value;level 1;…;*`, semicolons, optional quotes.

use super::{Hierarchy, HierarchyError, Leaf, Path};
use csv_core::{ReadRecordResult, ReaderBuilder};
use hashbrown::{HashMap, HashSet};
use lyceum_schema::manifest::DataType;

/// Values in one table, at most.
const MAX_LEAVES: usize = 1_000_000;

/// A parsed table, before it is known which values occur.
pub(super) struct Table {
    data_type: DataType,
    paths: Vec<Path>,
}

/// Reads and checks a table.
pub(super) fn read(text: &str, data_type: DataType) -> Result<Table, HierarchyError> {
    let records = records(text)?;
    let expected = records.first().ok_or(HierarchyError::Empty)?.1.len();
    let mut paths = Vec::with_capacity(records.len());
    let mut seen = HashSet::new();
    let mut parents: Vec<HashMap<String, String>> = vec![HashMap::new(); expected];
    for (line, fields) in records {
        if fields.len() != expected {
            return Err(HierarchyError::Fields { line, expected, found: fields.len() });
        }
        for level in 1..expected.saturating_sub(1) {
            let parent = parents[level].entry(fields[level].clone()).or_insert_with(|| fields[level + 1].clone());
            if *parent != fields[level + 1] {
                return Err(HierarchyError::Parent { line, level });
            }
        }
        let leaf = parse(&fields[0], data_type).ok_or(HierarchyError::Type { line })?;
        if !seen.insert(leaf.clone()) {
            return Err(HierarchyError::Twice { line });
        }
        parents[expected - 1].insert(fields[expected - 1].clone(), String::new());
        paths.push(Path { leaf, labels: fields.into_iter().skip(1).map(Into::into).collect() });
    }
    let labels = parents[expected - 1].len();
    if expected > 1 && labels > 1 {
        return Err(HierarchyError::Top { labels });
    }
    let mut below = paths.len();
    for level in 1..expected {
        let nodes = paths.iter().map(|p| &p.labels[level - 1]).collect::<HashSet<_>>().len();
        if nodes == below && paths.len() > 1 {
            return Err(HierarchyError::Redundant(level - 1, level));
        }
        below = nodes;
    }
    Ok(Table { data_type, paths })
}

impl Table {
    /// The hierarchy, if it has all these values. NULL needs no line: it joins the others at the top only.
    pub(super) fn over(mut self, observed: &[Leaf]) -> Result<Hierarchy, HierarchyError> {
        let known: HashSet<&Leaf> = self.paths.iter().map(|p| &p.leaf).collect();
        let missing = observed.iter().filter(|leaf| **leaf != Leaf::Null && !known.contains(leaf)).count();
        drop(known);
        if missing > 0 {
            return Err(HierarchyError::Missing(missing));
        }
        if observed.contains(&Leaf::Null) {
            let depth = self.paths.first().map_or(0, |p| p.labels.len());
            let labels = (0..depth)
                .map(|level| if level + 1 == depth { self.paths[0].labels[level].clone() } else { "".into() });
            let labels = labels.collect();
            self.paths.push(Path { leaf: Leaf::Null, labels });
        }
        // The last label is the top's; the top is made by `assemble`.
        for path in &mut self.paths {
            path.labels.pop();
        }
        Hierarchy::assemble(self.data_type, self.paths, None, None)
    }
}

/// The fields of every line that isn't empty, with its number.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, HierarchyError> {
    let mut reader = ReaderBuilder::new().delimiter(b';').build();
    // Ended by a newline, the last record is whole before the input is empty.
    let text = format!("{}\n", text.trim_start_matches('\u{feff}'));
    let mut input = text.as_bytes();
    let mut output = vec![0; input.len() + 1];
    let mut ends = vec![0; 256];
    let mut found = Vec::new();
    loop {
        let line = usize::try_from(reader.line()).unwrap_or(usize::MAX);
        let (result, read, _, fields) = reader.read_record(input, &mut output, &mut ends);
        input = &input[read..];
        match result {
            ReadRecordResult::End => return Ok(found),
            // What is left is fed once more, empty: the end.
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                return Err(HierarchyError::Syntax { line });
            }
            ReadRecordResult::Record => {
                let mut start = 0;
                let mut record = Vec::with_capacity(fields);
                for &end in &ends[..fields] {
                    let field =
                        std::str::from_utf8(&output[start..end]).map_err(|_| HierarchyError::Syntax { line })?;
                    record.push(field.trim().to_owned());
                    start = end;
                }
                found.push((line, record));
                if found.len() > MAX_LEAVES {
                    return Err(HierarchyError::TooLarge { found: found.len(), limit: MAX_LEAVES });
                }
            }
        }
    }
}

/// A value of the table as the column's type.
fn parse(text: &str, data_type: DataType) -> Option<Leaf> {
    Some(match data_type {
        DataType::String => Leaf::Text(text.into()),
        DataType::Int32 => Leaf::Number(i64::from(text.parse::<i32>().ok()?)),
        DataType::Int64 => Leaf::Number(text.parse().ok()?),
        DataType::Float64 => Leaf::of_f64(text.parse().ok().filter(|f: &f64| f.is_finite())?),
        DataType::Boolean => Leaf::Number(i64::from(text.parse::<bool>().ok()?)),
        DataType::Date => {
            let date: jiff::civil::Date = text.parse().ok()?;
            Leaf::Number(i64::from((date - jiff::civil::Date::constant(1970, 1, 1)).get_days()))
        }
        DataType::Timestamp => Leaf::Number(text.parse::<jiff::Timestamp>().ok()?.as_microsecond()),
    })
}
