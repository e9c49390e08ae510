//! What a fit may spend, and the only two ways it can: noisy counts and noisy choices.
//!
//! ρ is an integer number of 1e-12 from start to end. It is split by [`split`], which loses and invents nothing, and every
//! measurement takes its part away before it is made; what isn't there can't be taken.

use super::SyntheticError;
use super::model::Measured;
use lyceum_privacy::Rho;
use lyceum_privacy::accounting::gaussian_sigma;
use lyceum_privacy::mechanism::{
    ChoiceCall, ChoiceEpsilon, ChoiceSource, ExactCells, ExactScores, Mechanism, MechanismCall, NoiseSource, Norm,
    Sensitivity,
};
use sha2::{Digest, Sha256};

/// Scores are in this many parts of a row.
pub(crate) const SCORE_PARTS: u64 = 1 << 10;

/// `total` in parts as `weights` say: they add up to `total` exactly. The first parts get what rounding leaves. Without weights: nothing.
pub(crate) fn split(total: Rho, weights: &[u64]) -> Vec<Rho> {
    let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    if sum == 0 {
        return vec![Rho::ZERO; weights.len()];
    }
    let part = |w: &u64| (u128::from(total.0) * u128::from(*w) / sum) as u64;
    let mut parts: Vec<u64> = weights.iter().map(part).collect();
    let mut left = total.0 - parts.iter().sum::<u64>();
    for (part, _) in parts.iter_mut().zip(weights).filter(|(_, w)| **w > 0) {
        let more = u64::from(left > 0);
        *part += more;
        left -= more;
    }
    parts.into_iter().map(Rho).collect()
}

/// The budget of one fit and where its noise comes from.
pub(crate) struct Meter<'n, N: ?Sized> {
    noise: &'n N,
    query: u128,
    calls: u32,
    left: Rho,
    spent: Rho,
    /// Of everything noisy so far.
    digest: Sha256,
}

impl<'n, N: NoiseSource + ChoiceSource + ?Sized> Meter<'n, N> {
    pub(crate) fn new(noise: &'n N, query: u128) -> Self {
        Self { noise, query, calls: 0, left: Rho::ZERO, spent: Rho::ZERO, digest: Sha256::new() }
    }

    /// Begins with a sheet, for which `rho` is there.
    pub(crate) fn begin(&mut self, rho: Rho) {
        self.left = rho;
    }

    /// What may still be spent on the sheet.
    pub(crate) fn left(&self) -> Rho {
        self.left
    }

    /// What has been spent on all sheets.
    pub(crate) fn spent(&self) -> Rho {
        self.spent
    }

    /// A seed for sampling: a function of noisy numbers alone, so that it costs nothing, and repeats when the noise does.
    pub(crate) fn seed(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    /// Noisy counts for exactly `rho`; one person moves them by at most `rows` in L2. With the σ of each.
    pub(crate) fn counts(
        &mut self,
        attributes: &[usize],
        exact: Vec<i64>,
        rows: u64,
        rho: Rho,
    ) -> Result<Measured, SyntheticError> {
        let call = self.take(rho)?;
        // One person's rows may all be in one cell: the L2 bound is their number.
        let sensitivity = Sensitivity { norm: Norm::L2, value: rows as f64 };
        let sigma = gaussian_sigma(sensitivity.value, rho);
        let mechanism = Mechanism::DiscreteGaussian { sigma };
        let call = MechanismCall { query: self.query, measure: call, mechanism, sensitivity };
        let noisy = self.noise.add_noise(&call, ExactCells::new(exact))?;
        noisy.iter().for_each(|v| self.digest.update(v.to_le_bytes()));
        let counts: Vec<f64> = noisy.into_iter().map(|v| v as f64).collect();
        let precisions = vec![1.0 / (sigma * sigma); counts.len()];
        Ok(Measured { attributes: attributes.to_vec(), counts, precisions })
    }

    /// A choice for at most `rho`; one person moves any score by at most `sensitivity`.
    pub(crate) fn choose(&mut self, scores: Vec<i64>, sensitivity: u64, rho: Rho) -> Result<usize, SyntheticError> {
        let measure = self.take(rho)?;
        let call = ChoiceCall { query: self.query, measure, epsilon: ChoiceEpsilon::for_rho(rho), sensitivity };
        let chosen = self.noise.choose(&call, ExactScores::new(scores))?;
        self.digest.update((chosen as u64).to_le_bytes());
        Ok(chosen)
    }

    fn take(&mut self, rho: Rho) -> Result<u32, SyntheticError> {
        let left = self.left.0.checked_sub(rho.0).filter(|_| rho > Rho::ZERO);
        self.left = Rho(left.ok_or(SyntheticError::Budget)?);
        self.spent = self.spent.checked_add(rho).ok_or(SyntheticError::Budget)?;
        self.calls += 1;
        Ok(self.calls - 1)
    }
}

/// How far a model is from the data in one scope: Σ |x − μ| in [`SCORE_PARTS`]. μ is rounded to whole parts first, so that this is an integer
/// function of the counts x, and one row moves it by exactly one row's worth at most.
pub(crate) fn distance(exact: &[i64], expected: &[f64]) -> i64 {
    let parts = SCORE_PARTS as i64;
    exact.iter().zip(expected).map(|(x, mu)| (x * parts - (mu * parts as f64).round() as i64).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::{SCORE_PARTS, distance, split};
    use lyceum_privacy::Rho;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_add_up_to_the_last_unit(total: u64, weights in prop::collection::vec(0u64..1_000_000_000_000, 1..40)) {
            let parts = split(Rho(total), &weights);
            let sum: u128 = parts.iter().map(|p| u128::from(p.0)).sum();
            let nobody = weights.iter().all(|w| *w == 0);
            prop_assert_eq!(sum, if nobody { 0 } else { u128::from(total) });
            prop_assert!(parts.iter().zip(&weights).all(|(p, w)| *w > 0 || p.0 == 0));
        }

        /// One row more in a cell moves the distance by one row's worth at most, however the model's numbers round.
        #[test]
        fn a_row_moves_the_distance_by_its_worth(
            cells in prop::collection::vec((0i64..1_000, 0f64..1_000.0), 1..30), which: prop::sample::Index
        ) {
            let (exact, expected): (Vec<i64>, Vec<f64>) = cells.into_iter().unzip();
            let mut more = exact.clone();
            more[which.index(exact.len())] += 1;
            let moved = distance(&exact, &expected).abs_diff(distance(&more, &expected));
            prop_assert!(moved <= SCORE_PARTS);
        }
    }
}
