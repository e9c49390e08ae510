//! The transparency log: events, RFC 6962 Merkle tree, C2SP tiles, checkpoints, proofs and verification.
//! No I/O, no async: callers bring bytes.

pub mod checkpoint;
pub mod error;
pub mod event;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod receipt;
pub mod replay;
pub mod tile;
pub mod verify;

pub use error::{AuditError, AuditResult};
