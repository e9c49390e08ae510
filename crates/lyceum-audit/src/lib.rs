//! The transparency log: events, Merkle tree, tiles, checkpoints, proofs, verification. No I/O, no async.
