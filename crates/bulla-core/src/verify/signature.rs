//! The rule by which every signature of the project is judged: of entries, logins, acknowledgements and cards.

use ed25519_zebra::VerificationKey;

use super::keys::KeyCache;
use super::{equation, is_small_order};
use crate::Signature;

/// Why a signature does not hold. Whoever sent it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureError {
    /// The key does not decode to a point, or its point is of small order (VER-4).
    #[error("key is not a usable Ed25519 verifying key")]
    Key,
    /// The signature does not verify under the key (VER-5).
    #[error("signature does not verify")]
    Mismatch,
}

/// A message with the signature said to be over it.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Ed25519 verifying key, 32 bytes.
    pub key: &'a [u8; 32],
    /// All the bytes that were signed, domain string included.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a Signature,
}

impl Signed<'_> {
    /// Judges this signature alone; see [`verify_signature`].
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self) -> Result<(), SignatureError> {
        if is_small_order(self.key) {
            return Err(SignatureError::Key);
        }
        let key = VerificationKey::try_from(*self.key).map_err(|_| SignatureError::Key)?;
        let signature = ed25519_zebra::Signature::from(self.signature.0);
        key.verify(&signature, self.message).map_err(|_| SignatureError::Mismatch)
    }
}

/// Judges one Ed25519 signature over `message`, domain string included: ZIP-215 with `s < l`, and keys refused that do
/// not decode or are of small order (VER-4, VER-5).
///
/// Entries go through [`Verifier`](super::Verifier), which uses this; logins, acknowledgements and cards call it.
///
/// # Errors
///
/// [`SignatureError::Key`] before [`SignatureError::Mismatch`].
pub fn verify_signature(
    key: &[u8; 32],
    message: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    Signed { key, message, signature }.verify()
}

/// One verdict per item, in order. All are judged by one equation and, only if that fails, one by one.
pub(super) fn verify_together(
    seed: &[u8; 32],
    cache: &KeyCache,
    items: &[Signed<'_>],
) -> Vec<Result<(), SignatureError>> {
    if let [one] = items {
        return vec![one.verify()];
    }
    // Keys first: under a key of small order a batch may hold that must be refused.
    let keys = cache.judge(items.iter().map(|item| item.key));
    let items = || keys.places.iter().copied().zip(items);
    let judged: Vec<_> = items().filter(|(place, _)| keys.is_usable(*place)).collect();
    let together = equation::holds(seed, &keys, &judged);
    if together {
        cache.keep(&keys);
    }
    let judge = |(place, item): (usize, &Signed<'_>)| match (keys.is_usable(place), together) {
        (false, _) => Err(SignatureError::Key),
        (true, true) => Ok(()),
        (true, false) => item.verify(),
    };
    items().map(judge).collect()
}
