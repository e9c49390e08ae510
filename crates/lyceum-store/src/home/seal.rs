//! The master key and how it seals the secrets that rest in the database: ChaCha20-Poly1305 (RFC 8439) with a
//! random nonce, bound to what the secret is for, so that a sealed secret moved elsewhere doesn't open.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The key that seals other secrets.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Wraps a key read from its file.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Seals a secret for `purpose`; `None` when the system gives no random bytes. Gives nonce, ciphertext, tag.
    pub(crate) fn seal(&self, purpose: &[u8], secret: &[u8; 32]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), Payload { msg: secret, aad: purpose }).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`MasterKey::seal`] gave for the same purpose; `None` when key, purpose or bytes differ.
    pub(crate) fn open(&self, purpose: &[u8], sealed: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: purpose };
        let secret = Zeroizing::new(self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()?);
        <[u8; 32]>::try_from(secret.as_slice()).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(self.0))
    }
}

const NONCE: usize = 12;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_for_the_same_key_and_purpose() {
        let master = MasterKey::new([1; 32]);
        let sealed = master.seal(b"a", &[7; 32]).unwrap();
        assert_eq!(*master.open(b"a", &sealed).unwrap(), [7; 32]);
        assert!(master.open(b"b", &sealed).is_none());
        assert!(MasterKey::new([2; 32]).open(b"a", &sealed).is_none());
        assert!(master.open(b"a", &sealed[..20]).is_none());
        assert_ne!(sealed, master.seal(b"a", &[7; 32]).unwrap());
    }
}
