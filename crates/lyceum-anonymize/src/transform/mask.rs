//! Masking: characters become `*`, except some at the beginning and at the end.

use arrow::array::{ArrayRef, StringArray};
use std::sync::Arc;

/// Which characters stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// Leading characters that stay.
    pub first: usize,
    /// Trailing characters that stay; of text too short for both, nothing stays.
    pub last: usize,
}

pub(super) fn apply(mask: &Mask, array: &ArrayRef) -> Option<ArrayRef> {
    let texts = super::truncate::texts(array)?;
    Some(Arc::new(texts.iter().map(|t| t.map(|t| masked(*mask, t))).collect::<StringArray>()))
}

fn masked(mask: Mask, text: &str) -> String {
    let length = text.chars().count();
    let stays = |i: usize| mask.first + mask.last < length && (i < mask.first || i >= length - mask.last);
    text.chars().enumerate().map(|(i, c)| if stays(i) { c } else { '*' }).collect()
}
