//! The equation that judges many signatures at once (VER-9).

use std::iter::once;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use sha2::{Digest, Sha512};

use super::Signed;
use super::keys::Judged;
use crate::Signature;

/// Whether all of these hold: items under usable keys, each with the place of its key.
///
/// With random coefficients `z` of 128 bits, `A` the keys, `R ‖ s` the signatures and `k` the challenges of VER-5:
///
/// `[8]([-Σ z·s]B + Σ [z]R + Σ [z·k]A) = 0`
///
/// If each signature holds, so does this. If one does not, this holds for one choice of its coefficient in 2^128 at most,
/// since the factor 8 leaves a group of prime order; and the coefficients come from BLAKE3 over the secret seed and
/// everything that is judged. Coefficients of signatures under one key are added up, so that a key costs the same
/// however often it signed.
pub(super) fn holds(seed: &[u8; 32], keys: &Judged<'_>, items: &[(usize, &Signed<'_>)]) -> bool {
    let mut transcript = blake3::Hasher::new_keyed(seed);
    for (_, Signed { key, message, signature }) in items {
        transcript
            .update(*key)
            .update(&signature.0)
            .update(&(message.len() as u64).to_le_bytes())
            .update(message);
    }
    let mut coefficients = transcript.finalize_xof();

    let mut of_base = Scalar::ZERO;
    let mut of_keys = vec![Scalar::ZERO; keys.keys.len()];
    let mut of_nonces = Vec::with_capacity(items.len());
    let mut nonces = Vec::with_capacity(items.len());
    for (place, Signed { key, message, signature }) in items {
        let (Some((r, nonce, s)), Some(of_key)) = (parts(signature), of_keys.get_mut(*place))
        else {
            return false;
        };
        let mut z = [0; 16];
        coefficients.fill(&mut z);
        let z = Scalar::from(u128::from_le_bytes(z));
        let challenge = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
        let challenge = Scalar::from_bytes_mod_order_wide(&challenge.finalize().into());
        of_base -= z * s;
        *of_key += z * challenge;
        of_nonces.push(z);
        nonces.push(nonce);
    }
    // No item names a key that is not usable: its coefficient is zero, and any point does.
    let nobody = EdwardsPoint::identity();
    let points = keys.keys.iter().map(|(_, key)| key.as_ref().map_or(&nobody, |key| key.point()));
    let sum = EdwardsPoint::vartime_multiscalar_mul(
        once(&of_base).chain(&of_keys).chain(&of_nonces),
        once(&ED25519_BASEPOINT_POINT).chain(points).chain(&nonces),
    );
    sum.mul_by_cofactor().is_identity()
}

/// The bytes of `R`, and `R` and `s` as VER-5 reads them; `None` when that rule refuses either.
fn parts(signature: &Signature) -> Option<(&[u8; 32], EdwardsPoint, Scalar)> {
    let (r, s) = (signature.0.first_chunk()?, signature.0.last_chunk()?);
    // Reduced encodings only.
    let s = Option::from(Scalar::from_canonical_bytes(*s))?;
    Some((r, CompressedEdwardsY(*r).decompress()?, s))
}

#[cfg(test)]
mod tests;
