//! One frame of a resumable upload: sealed, opened, and how it lies in the file.
//!
//! ```text
//! nonce (24 random bytes) │ length of the plaintext (u32, big-endian) │ ciphertext │ tag (16)
//! ```
//!
//! XChaCha20-Poly1305: its nonces are long enough to be random, so that what was cut off and sent again is never sealed
//! under the same nonce twice. The frame's place in the plaintext is authenticated with it, so that frames can't be
//! exchanged or left out.

use crate::error::StoreError;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use lyceum_sharing::port::SecretKey;

/// Most plaintext bytes in a frame.
pub(super) const FRAME: usize = 64 * 1024;
/// Bytes before the ciphertext.
pub(super) const HEADER: usize = NONCE + 4;
const NONCE: usize = 24;
const TAG: usize = 16;

/// The key of one resumable upload. The cipher zeroises its copy when dropped.
pub(super) struct FrameSealer(XChaCha20Poly1305);

impl FrameSealer {
    pub(super) fn new(key: &SecretKey) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(key.0)))
    }

    /// The frame of a plaintext of at most [`FRAME`] bytes that begins at `position` of the upload.
    pub(super) fn seal(&self, position: u64, plaintext: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut frame = vec![0; NONCE];
        getrandom::fill(&mut frame).map_err(|_| StoreError::Random)?;
        let nonce = nonce(&frame).ok_or(StoreError::Random)?;
        let length = u32::try_from(plaintext.len()).map_err(|_| corrupt(position))?;
        frame.reserve(4 + plaintext.len() + TAG);
        frame.extend_from_slice(&length.to_be_bytes());
        let mut sealed = plaintext.to_vec();
        self.0.encrypt_in_place(&nonce, &bound_to(position), &mut sealed).map_err(|_| corrupt(position))?;
        frame.append(&mut sealed);
        Ok(frame)
    }

    /// Turns ciphertext and tag back into plaintext, in place.
    pub(super) fn open(&self, position: u64, header: &Header, sealed: &mut Vec<u8>) -> Result<(), StoreError> {
        self.0.decrypt_in_place(&header.nonce, &bound_to(position), sealed).map_err(|_| corrupt(position))
    }
}

/// What stands before a ciphertext.
#[derive(Clone)]
pub(super) struct Header {
    nonce: XNonce,
    /// Bytes of the plaintext, from 1 to [`FRAME`].
    pub(super) plaintext: usize,
}

impl Header {
    /// `None` for bytes that are no header.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let length = u32::from_be_bytes(bytes[NONCE..].try_into().ok()?);
        let plaintext = usize::try_from(length).ok().filter(|n| (1..=FRAME).contains(n))?;
        Some(Self { nonce: nonce(bytes)?, plaintext })
    }

    /// Bytes of ciphertext and tag.
    pub(super) const fn sealed(&self) -> usize {
        self.plaintext + TAG
    }
}

fn nonce(bytes: &[u8]) -> Option<XNonce> {
    bytes.first_chunk::<NONCE>().map(|b| XNonce::from(*b))
}

fn bound_to(position: u64) -> Vec<u8> {
    [b"lyceum upload 1".as_slice(), &position.to_be_bytes()].concat()
}

pub(super) const fn corrupt(position: u64) -> StoreError {
    StoreError::SpoolCorrupt { chunk: position / FRAME as u64 }
}
