//! Rows from a model, clique by clique: numbers of rows are expected counts, rounded at random, so that marginals keep
//! nothing of a multinomial's noise (the generation of Private-PGM, McKenna et al. 2019).

use super::model::Model;
use super::scope::{Scope, project};
use crate::mock::{scaled, unit_interval};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// `rows` rows by attribute.
pub(super) fn sample(model: &Model, rows: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<u16>> {
    let sizes = model.sizes();
    let mut columns: Vec<Vec<u16>> = vec![vec![0; rows]; sizes.len()];
    let mut known = vec![false; sizes.len()];
    for ((clique, belief), (_, separator)) in
        model.tree().cliques.iter().zip(model.beliefs()).zip(&model.tree().parents)
    {
        let fresh: Vec<usize> = clique.attributes().iter().copied().filter(|a| !known[*a]).collect();
        fresh.iter().for_each(|a| known[*a] = true);
        let new = Scope::new(fresh.clone(), sizes);
        let (given, wanted) = (clique.map_to(separator), clique.map_to(&new));
        // By cell of the separator: what the new attributes' cells weigh.
        let mut weights = vec![vec![0.0; new.cells()]; separator.cells()];
        for ((b, s), n) in belief.iter().zip(&given).zip(&wanted) {
            weights[*s as usize][*n as usize] += b;
        }
        let overall = project(belief, &wanted, new.cells());
        for (members, weights) in groups(&columns, separator, rows).into_iter().zip(weights) {
            let weights = if weights.iter().sum::<f64>() > 0.0 { &weights } else { &overall };
            let mut cells = apportion(weights, members.len(), rng);
            shuffle(&mut cells, rng);
            for (row, cell) in members.into_iter().zip(cells) {
                for (attribute, place) in fresh.iter().zip(0..) {
                    let size = sizes[*attribute];
                    let stride: usize = fresh[place + 1..].iter().map(|a| sizes[*a]).product();
                    columns[*attribute][row as usize] = (cell as usize / stride % size) as u16;
                }
            }
        }
    }
    columns
}

/// Rows by the cell of a scope that they are in.
fn groups(columns: &[Vec<u16>], scope: &Scope, rows: usize) -> Vec<Vec<u32>> {
    let mut cells = vec![0usize; rows];
    for attribute in scope.attributes() {
        let stride = scope.stride(*attribute);
        cells.iter_mut().zip(&columns[*attribute]).for_each(|(cell, value)| *cell += usize::from(*value) * stride);
    }
    let mut groups = vec![Vec::new(); scope.cells()];
    (0u32..).zip(cells).for_each(|(row, cell)| groups[cell].push(row));
    groups
}

/// `rows` cells in proportion to the weights: whole parts surely, the rest by their fractions without repetition (systematic
/// sampling, Madow 1949).
pub(super) fn apportion(weights: &[f64], rows: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let total: f64 = weights.iter().sum();
    let mut out = Vec::with_capacity(rows);
    if rows == 0 || weights.is_empty() {
        return out;
    }
    let mut order: Vec<u32> = (0..weights.len() as u32).filter(|c| weights[*c as usize] > 0.0).collect();
    shuffle(&mut order, rng);
    let mut at = unit_interval(rng.next_u64());
    let mut sum = 0.0;
    for cell in &order {
        sum += weights[*cell as usize] / total * rows as f64;
        while at < sum && out.len() < rows {
            out.push(*cell);
            at += 1.0;
        }
    }
    // The last step may be lost to rounding.
    let last = order.last().copied().unwrap_or(0);
    out.resize(rows, last);
    out
}

fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for end in (1..items.len()).rev() {
        items.swap(end, scaled(rng.next_u64(), end as u64 + 1) as usize);
    }
}
