//! Rows in, opaque rows out: decode a file, validate it against its manifest, replace privacy units by opaque
//! ids, draft manifests. No I/O and no async: callers push bytes and pull batches.
//!
//! [`decode`] → [`validate`] (with [`pseudonym`]) → batches for the stored layout, and a [`report`] for the owner.
//! [`draft`] reads the same decoded batches and writes a manifest for the owner to edit.
//! [`mock`] makes rows from a manifest alone, [`synthetic`] from a model fitted under differential privacy;
//! [`profile`] describes columns for a stated part of the budget.
//!
//! An anonymized release is a line of its own: [`transform`] columns, collect [`tuples`] under [`hierarchy`]s, search
//! classes that meet the [`model`]s ([`lattice`] or [`partition`]), [`recode`] the rows into typed [`ranges`], and report
//! the [`risk`].
//!
//! Rows travel as Arrow record batches. Types of this crate that hold rows or keys have no `Debug`; errors and
//! reports name rows by number, columns by their declared name, and never carry a value.

pub mod decode;
pub mod draft;
pub mod hierarchy;
pub mod identifiers;
pub mod lattice;
pub mod mock;
pub mod model;
pub mod partition;
pub mod profile;
pub mod pseudonym;
pub mod ranges;
pub mod recode;
pub mod report;
pub mod risk;
pub mod synthetic;
pub mod transform;
pub mod tuples;
pub mod validate;
