//! The transparency log: events, RFC 6962 Merkle tree, C2SP tiles, checkpoints, proofs and verification.
//! No I/O, no async: callers bring bytes.
//!
//! # For the platform
//! An [`event::Event`] becomes bytes by `to_canonical_json`; [`tile::append`] turns a batch of them into files;
//! once those are durable, [`checkpoint::Checkpoint::sign`] commits to them. [`receipt::Receipt::from_tiles`] makes the
//! receipt that goes out with an answer.
//!
//! # For a third party
//! What is needed: the log's verifier key or a [`policy::Policy`] that names it and the witnesses, obtained from
//! somebody other than the operator; and, to see rollbacks and forks, a checkpoint kept from an earlier visit.
//!
//! One receipt, offline, with this crate:
//! ```
//! use lyceum_audit::{AuditResult, policy::Policy, receipt::Receipt};
//!
//! fn check(receipt: &str, policy: &str) -> AuditResult<()> {
//!     let policy: Policy = policy.parse()?;
//!     let proved = receipt.parse::<Receipt>()?.verify(&policy)?;
//!     assert!(proved.index < proved.believed.checkpoint.size);
//!     Ok(())
//! }
//! ```
//! A whole copied log: implement [`tile::TileReader`] over the folder and call [`verify::verify_log`].
//!
//! Without this crate, in any language with SHA-256, Ed25519, base64 and JSON, a receipt is verified so:
//! 1. The text after the first blank line is the checkpoint, a signed note. Up to and with the newline before its own
//!    blank line it is the signed text; a line `— <name> <base64>` carries four bytes of key id, then the signature.
//!    The key id is the start of `SHA-256(name ‖ "\n" ‖ 0x01 ‖ key)`; the Ed25519 signature is over the text.
//! 2. The text's three lines are the log's name, the number of entries, and the root in base64.
//! 3. `extra`, decoded, is the event; its leaf hash is `SHA-256(0x00 ‖ event)`. `extra` is not signed by itself: what
//!    makes it trustworthy is that this hash, and no other, leads to the root in the next step.
//! 4. `index` and the sibling hashes lead from the leaf to the root by RFC 9162 §2.1.3.2, with
//!    `SHA-256(0x01 ‖ left ‖ right)` for nodes.
//! 5. The event is canonical JSON (RFC 8785); references in it are `SHA-256(salt ‖ content)` of what stands beside the
//!    log, and are checked by whoever was given salt and content.
//!
//! A whole log: hash all entries of `tile/entries/…` (each after its length as two bytes, big-endian), compare with the
//! hashes in `tile/0/…`, fold each full tile into the one above, compare the root, and replay by the rules in [`replay`].

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
pub mod witness;

pub use error::{AuditError, AuditResult};
