//! How far answers are from the truth: the exact answer of the same query without any bounds.

use crate::ours::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The error of a cell over its trials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Score {
    /// How many answers.
    pub(crate) trials: usize,
    /// Σ|error| / Σ exact, mean over the trials; a group that isn't released counts with its whole value.
    pub(crate) error: f64,
    /// The standard error of that mean.
    pub(crate) error_se: f64,
    /// Σ error / Σ exact: below 0, bounds cut off.
    pub(crate) bias: f64,
    /// Groups released, mean.
    pub(crate) released: f64,
    /// Standard deviation of a released number over the trials, pooled over groups; `None` below 10 trials.
    pub(crate) sigma: Option<f64>,
}

type Groups = BTreeMap<Vec<String>, f64>;

/// Scores answers against the exact one; `None` without either.
pub(crate) fn score(exact: &[Row], outputs: &[Vec<Row>]) -> Option<Score> {
    let exact = groups(exact);
    let total: f64 = exact.values().map(|v| v.abs()).sum();
    if outputs.is_empty() || total == 0.0 {
        return None;
    }
    let (mut errors, mut biases, mut released) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_group: BTreeMap<Vec<String>, Vec<f64>> = BTreeMap::new();
    for output in outputs {
        let found = groups(output);
        released.push(found.len() as f64);
        let missed = exact.iter().map(|(key, v)| found.get(key).copied().unwrap_or(0.0) - v);
        // Groups that the exact answer doesn't have are 0 there.
        let invented = found.iter().filter(|(key, _)| !exact.contains_key(*key)).map(|(_, v)| *v);
        let differences: Vec<f64> = missed.chain(invented).collect();
        errors.push(differences.iter().map(|d| d.abs()).sum::<f64>() / total);
        biases.push(differences.iter().sum::<f64>() / total);
        for (key, v) in found {
            by_group.entry(key).or_default().push(v);
        }
    }
    let n = errors.len() as f64;
    let (mean, variance) = moments(&errors);
    Some(Score {
        trials: outputs.len(),
        error: mean,
        error_se: (variance / n).sqrt(),
        bias: moments(&biases).0,
        released: moments(&released).0,
        sigma: (outputs.len() >= 10).then(|| pooled(&by_group, outputs.len())).flatten(),
    })
}

fn groups(rows: &[Row]) -> Groups {
    rows.iter().filter_map(|(keys, v)| Some((keys.clone(), (*v)?))).collect()
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, if values.len() > 1 { squares / (n - 1.0) } else { 0.0 })
}

fn pooled(by_group: &BTreeMap<Vec<String>, Vec<f64>>, trials: usize) -> Option<f64> {
    // Groups that are shown by chance only would look less noisy than they are.
    let always: Vec<f64> = by_group.values().filter(|v| v.len() == trials).map(|v| moments(v).1).collect();
    (!always.is_empty()).then(|| (always.iter().sum::<f64>() / always.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[(&str, f64)]) -> Vec<Row> {
        values.iter().map(|(k, v)| (vec![(*k).to_owned()], Some(*v))).collect()
    }

    #[test]
    fn errors_are_of_all_groups_together() {
        let exact = rows(&[("a", 90.0), ("b", 10.0)]);
        let score = score(&exact, &[rows(&[("a", 80.0), ("c", 5.0)]), rows(&[("a", 100.0), ("b", 10.0)])]).unwrap();
        // 10 + 10 + 5 of 100, then 10 of 100.
        assert!((score.error - 0.175).abs() < 1e-12 && (score.bias - -0.025).abs() < 1e-12, "{score:?}");
        assert!((score.error_se - 0.075).abs() < 1e-12 && score.released == 2.0);
    }
}
