//! The web console as files: what npm built from `web/`, or one page that says how to get it.
//!
//! Knows nothing of HTTP: `lyceum-server` serves these files with the headers that keep them safe.

use rust_embed::RustEmbed;
use std::borrow::Cow;

/// What `build.rs` left.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/console"]
struct Files;

/// The place in `index.html` where a page's nonce for inline styles goes. A new one for every page.
pub const NONCE: &str = "__CSP_NONCE__";

/// SHA-256 (base64) of the one style element that the chart library puts into its drawings.
pub const CHART_STYLE_SHA256: &str = "jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww=";

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub media_type: String,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// A file by its path below the console's address, such as `assets/index.js`.
#[must_use]
pub fn file(path: &str) -> Option<File> {
    let found = Files::get(path)?;
    let media_type = found.metadata.mimetype().to_owned();
    Some(File { sha256: found.metadata.sha256_hash(), bytes: found.data, media_type })
}

/// Whether the console itself is in this build, and not the page that takes its place.
#[must_use]
pub fn is_built() -> bool {
    Files::iter().any(|path| path.starts_with("assets/"))
}
