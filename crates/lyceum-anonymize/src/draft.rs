//! Drafting a manifest.
