//! Behaviour of decoding, validating and drafting through the public edge.
#![allow(clippy::unwrap_used, clippy::panic)]

mod anonymise;
mod csv;
mod draft;
mod formats;
mod hostile;
mod identifiers;
mod parquet;
mod support;
mod transform;
mod validate;
