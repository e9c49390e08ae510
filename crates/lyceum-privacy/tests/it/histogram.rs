//! Trees of counts: least squares against dense linear algebra, ranks against their predicted noise, and coverage.

use lyceum_privacy::accuracy::GaussianRedraw;
use lyceum_privacy::histogram::{ConsistentTree, TreeShape};
use proptest::prelude::*;

/// Solves A x = b for a positive definite A, by Gaussian elimination.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for pivot in 0..n {
        let row = a[pivot].clone();
        for below in pivot + 1..n {
            let factor = a[below][pivot] / row[pivot];
            a[below].iter_mut().zip(&row).for_each(|(x, p)| *x -= factor * p);
            b[below] -= factor * b[pivot];
        }
    }
    for row in (0..n).rev() {
        b[row] = (b[row] - (row + 1..n).map(|c| a[row][c] * b[c]).sum::<f64>()) / a[row][row];
    }
    b
}

/// A measured node: first leaf, leaves, level.
type Node = (usize, usize, usize);

/// The measured nodes, and the information matrix of the leaves.
fn design(shape: &TreeShape, sigmas: &[f64]) -> (Vec<Node>, Vec<Vec<f64>>) {
    let leaves = shape.nodes(sigmas.len() - 1).unwrap();
    let mut nodes = vec![];
    let mut information = vec![vec![0.0; leaves]; leaves];
    for (level, sigma) in sigmas.iter().enumerate().filter(|(_, s)| s.is_finite()) {
        let count = shape.nodes(level).unwrap();
        let width = leaves / count;
        for node in 0..count {
            nodes.push((node * width, width, level));
            for row in &mut information[node * width..(node + 1) * width] {
                for cell in &mut row[node * width..(node + 1) * width] {
                    *cell += 1.0 / (sigma * sigma);
                }
            }
        }
    }
    (nodes, information)
}

const SHAPES: [(usize, usize, &[f64]); 5] = [
    (1, 2, &[3.0, 1.0, 2.0, 5.0]),
    (1, 3, &[f64::INFINITY, 4.0, 1.5]),
    (3, 4, &[2.0, 7.0]),
    (7, 1, &[3.0]),
    (2, 2, &[1.0, f64::INFINITY, 2.0, 2.0]),
];

#[test]
fn estimates_and_variances_are_those_of_weighted_least_squares() {
    let noise = GaussianRedraw::new(5);
    for (case, (tops, branching, sigmas)) in SHAPES.into_iter().enumerate() {
        let shape = TreeShape::new(tops, branching, sigmas).unwrap();
        let (nodes, information) = design(&shape, sigmas);
        let leaves = information.len();
        let mut levels: Vec<Vec<f64>> = (0..sigmas.len()).map(|l| vec![f64::NAN; shape.nodes(l).unwrap()]).collect();
        let mut right = vec![0.0; leaves];
        for (i, &(first, width, level)) in nodes.iter().enumerate() {
            let count = 100.0 * noise.normal(case as u32, i as u64);
            levels[level][first / width] = count;
            for cell in &mut right[first..first + width] {
                *cell += count / (sigmas[level] * sigmas[level]);
            }
        }
        let tree = ConsistentTree::new(shape.clone(), &levels).unwrap();
        for (ours, dense) in tree.leaves().iter().zip(solve(information.clone(), right)) {
            assert!((ours - dense).abs() < 1e-9, "{case}: {ours} {dense}");
        }
        for boundary in 0..=leaves {
            for q in [0.0, 0.3, 1.0] {
                // Var(w·x) = wᵀ I⁻¹ w with w = 1{below} − q
                let w: Vec<f64> = (0..leaves).map(|l| f64::from(u8::from(l < boundary)) - q).collect();
                let solved = solve(information.clone(), w.clone());
                let dense: f64 = w.iter().zip(&solved).map(|(a, b)| a * b).sum();
                let ours = shape.rank_sigma(boundary, q).unwrap();
                assert!((ours * ours - dense).abs() < 1e-9, "{case} {boundary} {q}: {ours} {dense}");
            }
        }
        assert!((tree.rank(leaves).unwrap().0 - tree.total()).abs() < 1e-9);
    }
}

#[test]
fn a_tree_makes_ranks_less_noisy_than_a_flat_histogram_of_the_same_price() {
    // 4,096 leaves: eight-fold four levels cost four times a flat histogram, hence twice the σ.
    let flat = TreeShape::new(4096, 1, &[10.0]).unwrap();
    let tree = TreeShape::new(8, 8, &[20.0; 4]).unwrap();
    let (flat, tree) = (flat.rank_sigma(2000, 0.5).unwrap(), tree.rank_sigma(2000, 0.5).unwrap());
    assert!((flat - 320.0).abs() < 1.0 && tree < 50.0, "{flat} {tree}");
}

/// Noisy counts of a tree over the given leaves.
fn noisy(shape: &TreeShape, sigmas: &[f64], leaves: &[f64], stream: &GaussianRedraw, trial: u32) -> Vec<Vec<f64>> {
    let mut cell = 0;
    (0..sigmas.len())
        .map(|level| {
            let width = leaves.len() / shape.nodes(level).unwrap();
            leaves
                .chunks(width)
                .map(|c| {
                    cell += 1;
                    c.iter().sum::<f64>() + sigmas[level] * stream.normal(trial, cell)
                })
                .map(f64::round)
                .collect()
        })
        .collect()
}

#[test]
fn quantile_intervals_hold_the_exact_quantile() {
    let stream = GaussianRedraw::new(6);
    // An even and a skewed distribution over fine leaves, through a tree and flat.
    let even = vec![20.0; 256];
    let skewed: Vec<f64> = (0..256).map(|i| (4000.0 / f64::from(i + 20)).round()).collect();
    for (tops, branching, sigmas) in [(1, 4, &[80.0; 5][..]), (16, 16, &[45.0, 70.0]), (256, 1, &[12.0])] {
        let shape = TreeShape::new(tops, branching, sigmas).unwrap();
        for leaves in [&even, &skewed] {
            for q in [0.1, 0.5, 0.9] {
                let total: f64 = leaves.iter().sum();
                let mut below = 0.0;
                let exact = leaves
                    .iter()
                    .position(|l| {
                        below += l;
                        below >= q * total
                    })
                    .unwrap() as f64
                    + 0.5;
                let trials = 2_000;
                let (mut covered, mut error) = (0, 0.0f64);
                for trial in 0..trials {
                    let levels = noisy(&shape, sigmas, leaves, &stream, trial);
                    let tree = ConsistentTree::new(shape.clone(), &levels).unwrap();
                    covered += u32::from(tree.quantile_interval(q, 0.95).contains(exact));
                    error += (tree.quantile(q).unwrap() - exact) / f64::from(trials);
                }
                let share = f64::from(covered) / f64::from(trials);
                // never less than promised; whole leaves, and estimated ranks that fall, make it a little more
                assert!((0.94..=0.996).contains(&share), "{tops} {branching} {q}: {share}");
                assert!(error.abs() < 3.0, "{tops} {branching} {q}: bias {error}");
            }
        }
    }
}

#[test]
fn the_median_of_exact_counts_is_interpolated() {
    let shape = TreeShape::new(4, 1, &[1e-6]).unwrap();
    let median = |counts: [f64; 4]| ConsistentTree::new(shape.clone(), &[counts.to_vec()]).unwrap().quantile(0.5);
    assert_eq!(median([10.0, 10.0, 10.0, 10.0]), Some(2.0));
    assert_eq!(median([0.0, 30.0, 10.0, 0.0]), Some(1.0 + 2.0 / 3.0));
    assert_eq!(median([10.0, 0.0, 0.0, 10.0]), Some(2.0), "in the middle of an empty stretch");
    assert_eq!(median([0.0, 0.0, 0.0, 0.4]), None);
    let all = ConsistentTree::new(shape.clone(), &[vec![0.0, 5.0, 5.0, 0.0]]).unwrap();
    assert_eq!((all.quantile(0.0), all.quantile(1.0), all.quantile(1.1)), (Some(0.5), Some(3.5), None));
}

#[test]
fn a_total_that_may_be_zero_says_nothing_about_quantiles() {
    let shape = TreeShape::new(1, 2, &[10.0, 10.0]).unwrap();
    let tree = ConsistentTree::new(shape, &[vec![12.0], vec![6.0, 6.0]]).unwrap();
    let interval = tree.quantile_interval(0.5, 0.95);
    assert_eq!((interval.low, interval.high), (0.0, 2.0));
}

#[test]
fn shapes_without_meaning_are_none() {
    for (tops, branching, sigmas) in [
        (0, 2, &[1.0][..]),
        (1, 0, &[1.0, 1.0]),
        (1, 2, &[]),
        (1, 2, &[1.0, 0.0]),
        (1, 2, &[f64::NAN, 1.0]),
        (1, 2, &[1.0, f64::INFINITY]),
        (1 << 20, 32, &[1.0, 1.0]),
        (usize::MAX, 2, &[1.0, 1.0]),
    ] {
        assert_eq!(TreeShape::new(tops, branching, sigmas), None, "{tops} {branching} {sigmas:?}");
    }
    let shape = TreeShape::new(1, 2, &[1.0, 1.0]).unwrap();
    assert_eq!(ConsistentTree::new(shape.clone(), &[vec![1.0], vec![1.0]]), None);
    assert_eq!(shape.rank_sigma(3, 0.0), None);
}

proptest! {
    #[test]
    fn parents_are_sums_and_quantiles_stay_inside(
        counts in proptest::collection::vec(-50.0..500.0f64, 21), q in 0.0..=1.0f64, confidence in 0.1..0.999f64,
    ) {
        let shape = TreeShape::new(1, 4, &[5.0, 3.0, 8.0]).unwrap();
        let levels = [counts[..1].to_vec(), counts[1..5].to_vec(), counts[5..].to_vec()];
        let tree = ConsistentTree::new(shape, &levels).unwrap();
        prop_assert!((tree.leaves().iter().sum::<f64>() - tree.total()).abs() < 1e-9);
        let interval = tree.quantile_interval(q, confidence);
        prop_assert!(0.0 <= interval.low && interval.low < interval.high && interval.high <= 16.0);
        if let Some(at) = tree.quantile(q) {
            prop_assert!((0.0..=16.0).contains(&at));
        }
    }
}
