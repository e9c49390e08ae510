//! Manifests and policies as partners write them: what is accepted, and what is said about what is not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod datasets;
mod draft;
mod epoch;
mod manifest;
mod manifest_errors;
mod policy;
