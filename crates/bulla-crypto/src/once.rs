//! ChaCha20-Poly1305 under keys that serve once: one message each, so that the nonce is always zero (SEAL-5, CTL-12,
//! CTL-33).
//!
//! The cipher does not commit to its key. Whoever opens checks before that the key is the one that was named.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

/// Bytes of the authentication tag at the end of what is sealed (SEAL-6).
pub const TAG_BYTES: usize = 16;

/// Encrypts in place and appends the tag; `None` when the cipher refuses, which needs 2^38 bytes.
pub(crate) fn seal(key: &[u8; 32], aad: &[u8], mut plaintext: Vec<u8>) -> Option<Vec<u8>> {
    let cipher = ChaCha20Poly1305::new(key.into());
    let tag =
        cipher.encrypt_inout_detached(&Nonce::default(), aad, plaintext.as_mut_slice().into());
    plaintext.extend_from_slice(&tag.ok()?);
    Some(plaintext)
}

/// The plaintext, once the tag was found right; `None` otherwise.
pub(crate) fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (ciphertext, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
    let tag = Tag::try_from(tag).ok()?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    let buffer = plaintext.as_mut_slice();
    let cipher = ChaCha20Poly1305::new(key.into());
    cipher.decrypt_inout_detached(&Nonce::default(), aad, buffer.into(), &tag).ok()?;
    Some(plaintext)
}
