//! MST: noisy one-way counts, a spanning tree of pairs chosen where independence is most wrong, their noisy counts, one fit
//! (McKenna, Miklau and Sheldon, *Winning the NIST contest*, 2021).

use super::SyntheticError;
use super::coded::Coded;
use super::meter::{Meter, SCORE_PARTS, distance, split};
use super::model::Model;
use super::rare::Compression;
use lyceum_privacy::Rho;
use lyceum_privacy::mechanism::{ChoiceSource, NoiseSource};

/// Most steps of the last fit.
const STEPS: usize = 800;
/// Parts of ρ for one-way counts, choices and pairs.
const SHARES: [u64; 3] = [25, 15, 60];

/// Fits a tree of pairs. `rows`: most rows of one person. `given`: so many first attributes are known when rows are
/// sampled; they are not linked to each other.
pub(super) fn fit<N: NoiseSource + ChoiceSource + ?Sized>(
    data: &Coded,
    rows: u64,
    given: usize,
    meter: &mut Meter<'_, N>,
) -> Result<(Model, Compression), SyntheticError> {
    let attributes = data.sizes.len();
    let links = if given > 0 { attributes - given } else { attributes.saturating_sub(1) };
    let total = meter.left();
    let shares = if links > 0 { split(total, &SHARES) } else { vec![total, Rho::ZERO, Rho::ZERO] };
    let one_ways = one_ways(data, rows, shares[0], meter)?;
    let (compression, one_ways) = Compression::new(one_ways);
    let data = compression.apply(data);
    let mut model = Model::new(data.sizes.clone());
    one_ways.into_iter().for_each(|m| model.add(m));
    model.fit(STEPS);
    let mut parts: Vec<usize> = (0..attributes).map(|a| if a < given { 0 } else { a }).collect();
    let singles = super::pairs::Marginals::new(&model).singles;
    let mut candidates: Vec<(Vec<usize>, Vec<i64>, i64)> = Vec::new();
    for a in 0..attributes {
        for b in (a + 1).max(given)..attributes {
            let exact = data.counts(&[a, b]);
            let independent: Vec<f64> = singles[a]
                .iter()
                .flat_map(|x| singles[b].iter().map(move |y| x * y))
                .map(|n| n / model.total())
                .collect();
            let score = distance(&exact, &independent);
            candidates.push((vec![a, b], exact, score));
        }
    }
    let choices = split(shares[1], &vec![1; links]);
    let mut chosen = Vec::new();
    for rho in choices {
        candidates.retain(|(pair, ..)| parts[pair[0]] != parts[pair[1]]);
        let scores = candidates.iter().map(|c| c.2).collect();
        let index = meter.choose(scores, rows * SCORE_PARTS, rho)?;
        let (pair, exact, _) = candidates.swap_remove(index);
        let (from, to) = (parts[pair[1]], parts[pair[0]]);
        parts.iter_mut().filter(|p| **p == from).for_each(|p| *p = to);
        chosen.push((pair, exact));
    }
    let noise = split(shares[2], &vec![1; links]);
    for ((pair, exact), rho) in chosen.into_iter().zip(noise) {
        model.add(meter.counts(&pair, exact, rows, rho)?);
    }
    model.fit(STEPS);
    Ok((model, compression))
}

/// Noisy counts of every attribute, for equal parts of `rho`.
pub(super) fn one_ways<N: NoiseSource + ChoiceSource + ?Sized>(
    data: &Coded,
    rows: u64,
    rho: Rho,
    meter: &mut Meter<'_, N>,
) -> Result<Vec<super::model::Measured>, SyntheticError> {
    let parts = split(rho, &vec![1; data.sizes.len()]);
    parts.into_iter().enumerate().map(|(a, part)| meter.counts(&[a], data.counts(&[a]), rows, part)).collect()
}
