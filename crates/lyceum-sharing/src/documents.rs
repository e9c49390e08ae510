//! Manifests and policies as stored text: parsed when they come in, parsed again when they are needed.

use crate::error::{Error, Result};
use crate::model::{DatasetRecord, ReleaseRecord};
use lyceum_schema::manifest::Manifest;
use lyceum_schema::policy::Policy;

/// A manifest as somebody sent it.
pub(crate) fn new_manifest(text: &str) -> Result<Manifest> {
    Manifest::parse("manifest.toml", text).map_err(|problems| refused("manifest", &problems))
}

/// A policy as somebody sent it.
pub(crate) fn new_policy(text: &str) -> Result<Policy> {
    Policy::parse("policy.toml", text).map_err(|problems| refused("policy", &problems))
}

/// A dataset's manifest. It parsed when it was stored; if it doesn't any more, this program is at fault.
pub(crate) fn manifest(dataset: &DatasetRecord) -> Result<Manifest> {
    Manifest::parse("manifest.toml", &dataset.manifest).map_err(|_| Error::Internal)
}

/// A release's policy, likewise.
pub(crate) fn policy(release: &ReleaseRecord) -> Result<Policy> {
    Policy::parse("policy.toml", &release.policy).map_err(|_| Error::Internal)
}

fn refused(document: &'static str, problems: &[impl std::fmt::Display]) -> Error {
    Error::Document { document, findings: problems.iter().map(ToString::to_string).collect() }
}
