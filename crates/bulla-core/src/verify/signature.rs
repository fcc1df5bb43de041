//! The rule by which every signature of the project is judged: of entries, logins, acknowledgements and cards.

use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};

use super::is_small_order;
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
    items: &[Signed<'_>],
) -> Vec<Result<(), SignatureError>> {
    // Keys first: under a key of small order a batch may hold that must be refused.
    let usable = |item: &&Signed<'_>| !is_small_order(item.key);
    let together =
        items.iter().filter(usable).count() > 1 && batch_holds(seed, items.iter().filter(usable));
    let judge = |item: &Signed<'_>| match (is_small_order(item.key), together) {
        (true, _) => Err(SignatureError::Key),
        (false, true) => Ok(()),
        (false, false) => item.verify(),
    };
    items.iter().map(judge).collect()
}

fn batch_holds<'a>(seed: &[u8; 32], items: impl Iterator<Item = &'a Signed<'a>>) -> bool {
    let mut verifier = batch::Verifier::new();
    let mut transcript = blake3::Hasher::new_keyed(seed);
    for Signed { key, message, signature } in items {
        transcript
            .update(*key)
            .update(&signature.0)
            .update(&(message.len() as u64).to_le_bytes())
            .update(message);
        verifier.queue((
            VerificationKeyBytes::from(**key),
            ed25519_zebra::Signature::from(signature.0),
            *message,
        ));
    }
    verifier.verify(Coefficients(transcript.finalize_xof())).is_ok()
}

/// Batch coefficients as a random number generator: extended output over the seed and everything that is judged.
struct Coefficients(blake3::OutputReader);

impl rand_core::TryRng for Coefficients {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Coefficients {}
