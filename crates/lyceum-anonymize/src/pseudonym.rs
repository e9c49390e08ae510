//! Privacy units become opaque 64-bit ids by a keyed pseudorandom function.
//!
//! The function is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012) under
//! 128-bit keys that HMAC-SHA-256 derives from one 256-bit secret, one per use. Without the secret an id says
//! nothing about the value; with it the same value has the same id in every upload, so that uploads join.
//! Two of n units share an id with probability of about n²/2⁶⁵.

use hmac::{Hmac, KeyInit, Mac};
use lyceum_schema::epoch::{Epoch, Every};
use sha2::Sha256;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secret behind the ids: of a population for units that are column values (stable across uploads), fresh per
/// dataset version for units that are rows. Zeroised when dropped; never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PseudonymKey {
    unit: [u8; 16],
    epoch: [u8; 16],
    row: [u8; 16],
}

impl PseudonymKey {
    /// Derives the working keys from 32 random bytes.
    #[must_use]
    pub fn new(mut secret: [u8; 32]) -> Self {
        let key = Self {
            unit: derive(&secret, b"lyceum unit id v1"),
            epoch: derive(&secret, b"lyceum epoch unit id v1"),
            row: derive(&secret, b"lyceum row id v1"),
        };
        secret.zeroize();
        key
    }

    /// The id of a unit, from the canonical text of its value. Integers are written in decimal, so that 7 in a
    /// number column and "7" in a text column are the same unit.
    #[must_use]
    pub fn unit_id(&self, canonical: &[u8]) -> u64 {
        prf(&self.unit, canonical)
    }

    /// The id of a unit that is a value in one epoch. The same value in two epochs is two unrelated units.
    #[must_use]
    pub fn epoch_unit_id(&self, canonical: &[u8], epoch: Epoch) -> u64 {
        let length = match epoch.every() {
            Every::Day => b'd',
            Every::Week => b'w',
            Every::Month => b'm',
        };
        // Five bytes of epoch before the value: no two pairs are written alike.
        let mut hasher = SipHasher24::new_with_key(&self.epoch);
        hasher.write(&[length]);
        hasher.write(&epoch.index().to_le_bytes());
        hasher.write(canonical);
        hasher.finish()
    }

    /// The id of a row that is a unit by itself, from its position in the upload.
    #[must_use]
    pub fn row_id(&self, row: u64) -> u64 {
        prf(&self.row, &row.to_le_bytes())
    }
}

fn derive(secret: &[u8; 32], label: &[u8]) -> [u8; 16] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("invariant: HMAC takes keys of any length");
    mac.update(label);
    let mut full: [u8; 32] = mac.finalize().into_bytes().into();
    let mut key = [0; 16];
    key.copy_from_slice(&full[..16]);
    full.zeroize();
    key
}

fn prf(key: &[u8; 16], bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_depend_on_key_value_and_use() {
        let (a, b) = (PseudonymKey::new([1; 32]), PseudonymKey::new([2; 32]));
        assert_eq!(a.unit_id(b"7"), PseudonymKey::new([1; 32]).unit_id(b"7"));
        assert_ne!(a.unit_id(b"7"), b.unit_id(b"7"));
        assert_ne!(a.unit_id(b"7"), a.unit_id(b"07"));
        assert_ne!(a.row_id(7), a.unit_id(&7u64.to_le_bytes()));
    }

    #[test]
    fn a_value_is_another_unit_in_every_epoch() {
        let key = PseudonymKey::new([1; 32]);
        let id = |value: &[u8], epoch: &str| key.epoch_unit_id(value, epoch.parse().expect("an epoch"));
        assert_eq!(id(b"7", "2026-03"), id(b"7", "2026-03"));
        let all =
            [id(b"7", "2026-03"), id(b"7", "2026-04"), id(b"8", "2026-03"), id(b"7", "2026-03-01"), key.unit_id(b"7")];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn the_function_is_siphash_2_4() {
        // The reference vector of the SipHash paper, appendix A.
        let key: [u8; 16] = std::array::from_fn(|i| i as u8);
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(prf(&key, &message), 0xa129_ca61_49be_45e5);
    }
}
