//! One chunk: sealed, opened, and where it lies in the file.

use crate::error::StoreError;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use zeroize::Zeroizing;

/// Plaintext bytes in a chunk.
pub(super) const CHUNK: usize = 64 * 1024;
/// Bytes of the authentication tag.
const TAG: usize = 16;

/// The key of one upload. The cipher zeroises its copy when dropped.
pub(super) struct Sealer(ChaCha20Poly1305);

impl Sealer {
    /// A fresh key.
    pub(super) fn generate() -> Result<Self, StoreError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| StoreError::Random)?;
        Ok(Self(ChaCha20Poly1305::new(&Key::from(*key))))
    }

    /// Turns plaintext into ciphertext and tag, in place. `None` never happens for chunks of at most 64 KiB.
    pub(super) fn seal(&self, number: u64, chunk: &mut Vec<u8>) -> Option<()> {
        self.0.encrypt_in_place(&nonce(number), PURPOSE, chunk).ok()
    }

    /// Turns ciphertext and tag back into plaintext, in place.
    pub(super) fn open(&self, number: u64, chunk: &mut Vec<u8>) -> Result<(), StoreError> {
        self.0.decrypt_in_place(&nonce(number), PURPOSE, chunk).map_err(|_| StoreError::SpoolCorrupt { chunk: number })
    }
}

/// Where a chunk begins in the file.
pub(super) const fn position(number: u64) -> u64 {
    number * (CHUNK + TAG) as u64
}

/// How long a chunk is in the file, given the plaintext's length.
pub(super) fn sealed_length(number: u64, plaintext: u64) -> usize {
    let left = plaintext.saturating_sub(number * CHUNK as u64);
    usize::try_from(left).unwrap_or(CHUNK).min(CHUNK) + TAG
}

const PURPOSE: &[u8] = b"lyceum spool 1";

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::from(nonce)
}
