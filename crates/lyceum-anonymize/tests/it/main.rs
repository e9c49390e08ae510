//! Behaviour of decoding, validating and drafting through the public edge.
#![allow(clippy::unwrap_used, clippy::panic)]

mod anonymise;
mod csv;
mod draft;
mod formats;
mod hostile;
mod identifiers;
mod mock;
mod parquet;
mod profile;
mod support;
mod synthetic;
mod transform;
mod validate;
