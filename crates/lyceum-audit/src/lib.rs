//! The transparency log: events, RFC 6962 Merkle tree, C2SP tiles, checkpoints, proofs and verification.
//! No I/O, no async: callers bring bytes.

pub mod event;
