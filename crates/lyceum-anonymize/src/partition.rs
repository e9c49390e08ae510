//! Engine (b), the default: multidimensional partitioning, each cut chosen by the loss it leaves over all columns.
//!
//! The tuples are cut in two, and each part again, as long as both sides meet the models (Mondrian: LeFevre, DeWitt
//! and Ramakrishnan, ICDE 2006). Where Mondrian cuts the widest column at its median, here every place of every column
//! is tried and the one that leaves least loss is taken: after a cut each side shrinks to the values it has, in all
//! columns. Printed as ranges, sides are a run of leaves and the rest; printed as labels, also a node of the hierarchy
//! and everything else. No row is left out. `partition/part.rs` measures the cuts of one part,
//! `partition/refine.rs` lets neighbouring classes exchange tuples at the end.

mod part;
mod refine;

use crate::lattice::SearchError;
use crate::model::{Judge, Requirements};
use crate::recode::{Cell, NO_LEVEL, Print, Recoding};
use crate::tuples::Tuples;
use part::{Cut, Measure};

/// Cuts a table into classes that meet the requirements. One input, one result.
///
/// # Errors
/// Even one class of all rows doesn't meet them, or there are no rows.
pub fn partition(tuples: &Tuples, requirements: &Requirements, print: Print) -> Result<Recoding, SearchError> {
    if tuples.is_empty() {
        return Err(SearchError::Empty);
    }
    let mut judge = Judge::new(requirements);
    let mut order: Vec<u32> = (0..u32::try_from(tuples.len()).unwrap_or(u32::MAX)).collect();
    if tuples.total_persons() < u64::from(requirements.k) || !judge.accepts(tuples, &order) {
        return Err(SearchError::Unreachable);
    }
    let mut measure = Measure::new(tuples, requirements.k, print);
    let mut recoding =
        Recoding { class_of: vec![0; tuples.len()], cells: Vec::new(), columns: tuples.hierarchies.len(), print };
    let mut parts: Vec<Vec<u32>> = Vec::new();
    let mut open = Vec::from([std::ops::Range { start: 0, end: order.len() }]);
    let mut cuts: Vec<Cut> = Vec::new();
    let mut spare = Vec::new();
    while let Some(range) = open.pop() {
        let part = &mut order[range.clone()];
        measure.cuts(part, judge.only_k(), &mut cuts);
        let chosen = cuts.iter().find_map(|cut| {
            let inside = measure.split(part, *cut, &mut spare);
            let (left, right) = part.split_at(inside);
            (judge.only_k() || (judge.accepts(tuples, left) && judge.accepts(tuples, right))).then_some(inside)
        });
        match chosen {
            Some(inside) => {
                open.push(range.start + inside..range.end);
                open.push(range.start..range.start + inside);
            }
            None => parts.push(part.to_vec()),
        }
    }
    if tuples.persons.additive() {
        refine::refine(tuples, &measure, &mut judge, &mut parts);
    }
    for part in &parts {
        close(tuples, part, &mut recoding);
    }
    Ok(recoding)
}

/// Makes a part a class: it shows what its tuples span.
fn close(tuples: &Tuples, part: &[u32], recoding: &mut Recoding) {
    let class = u32::try_from(recoding.classes()).unwrap_or(u32::MAX);
    for (hierarchy, codes) in tuples.hierarchies.iter().zip(&tuples.codes) {
        let span = part.iter().map(|&t| codes[t as usize]);
        let (first, last) = span.fold((u32::MAX, 0), |(low, high), code| (low.min(code), high.max(code)));
        let level = hierarchy.common_level(first, last);
        let node = &hierarchy.level(level).nodes[hierarchy.level(level).node_of_leaf[first as usize] as usize];
        let is_node = node.first == first && node.last == last;
        let level = u8::try_from(level).unwrap_or(NO_LEVEL - 1);
        let over_null = first != last && hierarchy.null() == Some(last);
        recoding.cells.push(if recoding.print == Print::Labels || over_null || is_node {
            Cell { first: node.first, last: node.last, level }
        } else {
            Cell { first, last, level: NO_LEVEL }
        });
    }
    for &t in part {
        recoding.class_of[t as usize] = class;
    }
}
