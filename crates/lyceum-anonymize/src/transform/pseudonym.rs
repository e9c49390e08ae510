//! Keyed pseudonyms: HMAC-SHA-256 of a value, cut to 128 bits, under a key of one population in one workspace.
//!
//! Two releases to one workspace have the same pseudonyms and join; two workspaces have nothing in common. With the key
//! destroyed a pseudonym says nothing. Plain hashes are not offered: a dictionary reverses them.

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Int64Type};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write as _;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key of one population in one workspace. Zeroised when dropped; never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DomainKey([u8; 32]);

impl DomainKey {
    /// Derives the key from 32 secret random bytes and the names of population and workspace.
    #[must_use]
    pub fn new(secret: &[u8; 32], population: &str, workspace: &str) -> Self {
        let mut mac = keyed(secret);
        mac.update(b"lyceum pseudonym domain v1");
        for name in [population, workspace] {
            // With their lengths, no two pairs of names are written alike.
            mac.update(&(name.len() as u64).to_le_bytes());
            mac.update(name.as_bytes());
        }
        Self(mac.finalize().into_bytes().into())
    }

    /// The pseudonym of a value's canonical text: integers in decimal.
    #[must_use]
    pub fn pseudonym(&self, value: &str) -> String {
        let mut mac = keyed(&self.0);
        mac.update(value.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        digest[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("invariant: HMAC takes keys of any length")
}

pub(super) fn apply(key: &DomainKey, array: &ArrayRef) -> Option<ArrayRef> {
    if array.data_type().is_integer() {
        let numbers = cast(array, &ArrowType::Int64).ok()?;
        if numbers.null_count() != array.null_count() {
            return None;
        }
        let numbers = numbers.as_primitive::<Int64Type>().iter();
        return Some(Arc::new(numbers.map(|n| n.map(|n| key.pseudonym(&n.to_string()))).collect::<StringArray>()));
    }
    let texts = super::truncate::texts(array)?;
    Some(Arc::new(texts.iter().map(|t| t.map(|t| key.pseudonym(t))).collect::<StringArray>()))
}
