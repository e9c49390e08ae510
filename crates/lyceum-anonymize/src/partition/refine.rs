//! After the cuts: classes with more persons than they need give tuples to classes near by that lose less with them.
//!
//! Classes come in the order of the cut tree, so near in that order is near in the data. A tuple moves if the summed
//! loss of both classes falls; each class is visited in order, so the result is a function of the input.

use super::part::Measure;
use crate::model::Judge;
use crate::tuples::Tuples;

/// Classes looked at on either side.
const WINDOW: usize = 24;
/// Passes over all classes.
const PASSES: usize = 2;

struct Class {
    members: Vec<u32>,
    low: Vec<u32>,
    high: Vec<u32>,
    rows: u64,
    persons: u64,
    loss: f64,
}

/// A move that gains.
struct Move {
    gain: f64,
    member: usize,
    to: usize,
}

/// Moves tuples between classes while that lowers the loss. Only for tables where each person has one tuple.
pub(super) fn refine(tuples: &Tuples, measure: &Measure<'_>, judge: &mut Judge<'_>, parts: &mut [Vec<u32>]) {
    let mut classes: Vec<Class> = parts.iter_mut().map(|p| class(tuples, measure, std::mem::take(p))).collect();
    for _ in 0..PASSES {
        let mut moved = false;
        for at in 0..classes.len() {
            while let Some(step) = best(tuples, measure, judge, &classes, at) {
                let t = classes[at].members.remove(step.member);
                let rest = std::mem::take(&mut classes[at].members);
                classes[at] = class(tuples, measure, rest);
                let mut grown = std::mem::take(&mut classes[step.to].members);
                grown.push(t);
                classes[step.to] = class(tuples, measure, grown);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    for (part, class) in parts.iter_mut().zip(classes) {
        *part = class.members;
    }
}

fn class(tuples: &Tuples, measure: &Measure<'_>, members: Vec<u32>) -> Class {
    let (low, high) = measure.extents(&members, None);
    let rows = members.iter().map(|&t| u64::from(tuples.rows[t as usize])).sum();
    let persons = members.iter().map(|&t| u64::from(tuples.persons.alone[t as usize])).sum();
    let loss = measure.loss(&low, &high, 1);
    Class { members, low, high, rows, persons, loss }
}

#[allow(clippy::cast_precision_loss)]
fn best(tuples: &Tuples, measure: &Measure<'_>, judge: &mut Judge<'_>, classes: &[Class], at: usize) -> Option<Move> {
    let from = &classes[at];
    if from.members.len() < 2 || from.persons <= u64::from(judge.k()) || from.loss == 0.0 {
        return None;
    }
    let window = at.saturating_sub(WINDOW)..classes.len().min(at + WINDOW + 1);
    let mut found: Option<Move> = None;
    for (member, &t) in from.members.iter().enumerate() {
        let rows = u64::from(tuples.rows[t as usize]);
        if from.persons - u64::from(tuples.persons.alone[t as usize]) < u64::from(judge.k()) {
            continue;
        }
        let (low, high) = measure.extents(&from.members, Some(member));
        let saved = from.loss * from.rows as f64 - measure.loss(&low, &high, from.rows - rows);
        for to in window.clone().filter(|&to| to != at) {
            let into = &classes[to];
            let least = found.as_ref().map_or(1e-9, |f| f.gain);
            if saved - into.loss * rows as f64 <= least {
                continue;
            }
            let grown = measure.widened(&into.low, &into.high, t, into.rows + rows);
            let gain = saved - (grown - into.loss * into.rows as f64);
            if gain > least && allowed(tuples, judge, from, member, into) {
                found = Some(Move { gain, member, to });
            }
        }
    }
    found
}

/// Whether both classes meet the sensitive models after the move.
fn allowed(tuples: &Tuples, judge: &mut Judge<'_>, from: &Class, member: usize, into: &Class) -> bool {
    if judge.only_k() {
        return true;
    }
    let mut rest = from.members.clone();
    let t = rest.remove(member);
    let mut grown = into.members.clone();
    grown.push(t);
    judge.accepts(tuples, &rest) && judge.accepts(tuples, &grown)
}
