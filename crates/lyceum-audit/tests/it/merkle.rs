//! Proofs against an independent implementation of RFC 6962, and against themselves.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use lyceum_audit::AuditResult;
use lyceum_audit::merkle::{
    Frontier, Hash, HashSource, empty_root, leaf_hash, prove_consistency, prove_inclusion, root_from, root_of,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use sha2::Sha256;

/// All leaf hashes in memory.
struct Leaves(Vec<Hash>);

impl HashSource for Leaves {
    fn subtree(&self, level: u8, index: u64) -> AuditResult<Hash> {
        let first = (index << level) as usize;
        Ok(root_of(&self.0[first..first + (1 << level)]))
    }
}

fn leaves(n: u64) -> Leaves {
    Leaves((0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect())
}

fn other(n: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..n).for_each(|i| tree.push(i.to_be_bytes().to_vec()));
    tree
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<32>().0.iter().map(|h| Hash(*h)).collect()
}

#[test]
fn roots_and_proofs_are_those_of_another_implementation() {
    for n in 1..=40_u64 {
        let (ours, theirs) = (leaves(n), other(n));
        let root = root_from(&ours, n).unwrap();
        assert_eq!(&root.0[..], &theirs.root().as_bytes()[..], "root of {n}");
        assert_eq!(root_of(&ours.0), root);
        for i in 0..n {
            let proof = prove_inclusion(&ours, i, n).unwrap();
            assert_eq!(proof, hashes(theirs.prove_inclusion(i as usize).as_bytes()), "inclusion of {i} in {n}");
            verify_inclusion(ours.0[i as usize], i, n, &proof, root).unwrap();
        }
        for old in 1..n {
            let proof = prove_consistency(&ours, old, n).unwrap();
            let addition = (n - old) as usize;
            assert_eq!(proof, hashes(theirs.prove_consistency(addition).as_bytes()), "consistency of {old} and {n}");
            let old_root = root_from(&ours, old).unwrap();
            verify_consistency(old, old_root, n, root, &proof).unwrap();
        }
    }
}

#[test]
fn the_empty_tree_has_the_hash_of_nothing() {
    assert_eq!(empty_root().to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(root_of(&[]), empty_root());
    let root = root_of(&leaves(5).0);
    verify_consistency(0, empty_root(), 5, root, &[]).unwrap();
    assert!(verify_consistency(0, root, 5, root, &[]).is_err());
    assert!(verify_consistency(0, empty_root(), 5, root, &[root]).is_err());
    assert!(verify_inclusion(root, 0, 0, &[], root).is_err());
    assert!(prove_inclusion(&leaves(5), 5, 5).is_err());
    assert!(prove_consistency(&leaves(5), 6, 5).is_err());
    assert!(verify_consistency(6, root, 5, root, &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_changed_inclusion_proof_fails(n in 2_u64..200, pick in any::<u64>(), place in any::<prop::sample::Index>(), bit in 0..256_usize) {
        let tree = leaves(n);
        let (i, root) = (pick % n, root_from(&tree, n).unwrap());
        let leaf = tree.0[i as usize];
        let proof = prove_inclusion(&tree, i, n).unwrap();
        let mut changed = proof.clone();
        let at = place.index(changed.len());
        changed[at].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(leaf, i, n, &changed, root).is_err());
        prop_assert!(verify_inclusion(leaf, i, n, &proof[1..], root).is_err());
        prop_assert!(verify_inclusion(leaf, i, n, &[proof.as_slice(), &[root]].concat(), root).is_err());
        prop_assert!(verify_inclusion(leaf, (i + 1) % n, n, &proof, root).is_err());
    }

    #[test]
    fn a_changed_consistency_proof_fails(n in 2_u64..200, pick in any::<u64>(), place in any::<prop::sample::Index>(), bit in 0..256_usize) {
        let tree = leaves(n);
        let old = 1 + pick % (n - 1);
        let (old_root, root) = (root_from(&tree, old).unwrap(), root_from(&tree, n).unwrap());
        let proof = prove_consistency(&tree, old, n).unwrap();
        let mut changed = proof.clone();
        let at = place.index(changed.len());
        changed[at].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency(old, old_root, n, root, &changed).is_err());
        prop_assert!(verify_consistency(old, old_root, n, root, &proof[1..]).is_err());
        prop_assert!(verify_consistency(old, root, n, root, &proof).is_err());
        let mut forked = old_root;
        forked.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency(old, forked, n, root, &proof).is_err());
    }

    #[test]
    fn a_growing_frontier_has_every_root(n in 0_u64..300) {
        let tree = leaves(n);
        let mut frontier = Frontier::default();
        tree.0.iter().for_each(|h| frontier.push(*h));
        prop_assert_eq!(frontier.size(), n);
        prop_assert_eq!(frontier.root(), root_from(&tree, n).unwrap());
    }
}
