//! AIM: pairs are measured one after another, each where the model so far is most wrong by more than the noise that measuring it
//! would add, within a bound on the model's size (McKenna, Mullins, Sheldon and Miklau 2022).

use super::SyntheticError;
use super::coded::Coded;
use super::graph::JunctionTree;
use super::meter::{Meter, SCORE_PARTS, distance, split};
use super::model::Model;
use super::mst::one_ways;
use super::pairs::Marginals;
use super::rare::Compression;
use lyceum_privacy::Rho;
use lyceum_privacy::accounting::gaussian_sigma;
use lyceum_privacy::mechanism::{ChoiceSource, NoiseSource};

/// Most steps of a fit between rounds, and of the last one.
const STEPS: (usize, usize) = (60, 600);
/// Rounds per attribute that the budget is laid out for at first; it grows when a round teaches nothing.
const ROUNDS: u64 = 16;
/// Parts of a round's ρ for the choice and the counts.
const SHARES: [u64; 2] = [1, 9];

/// Fits a model of at most `cells` cells. `rows`: most rows of one person.
pub(super) fn fit<N: NoiseSource + ChoiceSource + ?Sized>(
    data: &Coded,
    rows: u64,
    cells: usize,
    meter: &mut Meter<'_, N>,
) -> Result<(Model, Compression), SyntheticError> {
    let attributes = data.sizes.len();
    let total = meter.left();
    let mut round = Rho((total.0 / (ROUNDS * attributes as u64)).max(1));
    let first = Rho(u64::try_from(u128::from(round.0) * 9 * attributes as u128 / 10).unwrap_or(u64::MAX).max(1));
    let (compression, singles) = Compression::new(one_ways(data, rows, first, meter)?);
    let data = compression.apply(data);
    let mut model = Model::new(data.sizes.clone());
    singles.into_iter().for_each(|m| model.add(m));
    model.fit(STEPS.1);

    let pairs = (0..attributes).flat_map(|a| (a + 1..attributes).map(move |b| vec![a, b]));
    let mut candidates: Vec<Candidate> = (0..attributes)
        .map(|a| vec![a])
        .chain(pairs)
        .map(|scope| {
            // A pair helps itself and, by each of its attributes, the other pairs of it.
            let weight = scope.len() as i64;
            Candidate { exact: data.counts(&scope), scope, weight }
        })
        .collect();
    let heaviest = candidates.iter().map(|c| c.weight).max().unwrap_or(1).unsigned_abs();
    let mut marginals = Marginals::new(&model);
    while meter.left() > Rho::ZERO {
        // What wouldn't pay for two rounds is one last round.
        let last = meter.left().0 < 2 * round.0.max(1);
        let rho = if last { meter.left() } else { round };
        let [choice, counts] = split(rho, &SHARES)[..] else { break };
        let sigma = gaussian_sigma(rows as f64, counts);
        let expected_noise = (2.0 / std::f64::consts::PI).sqrt() * sigma;
        let used = 1.0 - (meter.left().0 - rho.0) as f64 / total.0.max(1) as f64;
        let room = (cells as f64 * used) as usize;
        let scopes = model.scopes();
        let fits = |c: &Candidate| {
            model.tree().cliques.iter().any(|k| k.contains(&c.scope)) || {
                let more: Vec<Vec<usize>> = scopes.iter().cloned().chain([c.scope.clone()]).collect();
                JunctionTree::cells(&data.sizes, &more) <= room
            }
        };
        let open: Vec<&mut Candidate> = candidates.iter_mut().filter(|c| fits(c)).collect();
        let score = |c: &&mut Candidate| {
            let penalty = expected_noise * c.exact.len() as f64 * SCORE_PARTS as f64;
            (distance(&c.exact, marginals.of(&c.scope)) - penalty as i64).saturating_mul(c.weight)
        };
        let scores: Vec<i64> = open.iter().map(score).collect();
        if scores.is_empty() || choice == Rho::ZERO {
            break;
        }
        let index = meter.choose(scores, rows * SCORE_PARTS * heaviest, choice)?;
        let Some(chosen) = open.get(index) else { break };
        let before = marginals.of(&chosen.scope).to_vec();
        model.add(meter.counts(&chosen.scope, chosen.exact.clone(), rows, counts)?);
        model.fit(if last { STEPS.1 } else { STEPS.0 });
        marginals = Marginals::new(&model);
        let moved: f64 = before.iter().zip(marginals.of(&chosen.scope)).map(|(a, b)| (a - b).abs()).sum();
        if moved <= expected_noise * before.len() as f64 {
            round = Rho(round.0.saturating_mul(4));
        }
    }
    Ok((model, compression))
}

struct Candidate {
    scope: Vec<usize>,
    exact: Vec<i64>,
    weight: i64,
}
