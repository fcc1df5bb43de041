//! Keys wrapped for one device: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! ChaCha20-Poly1305, one message, empty associated data (KEY-8).
//!
//! Base mode hides the keys from everybody but the recipient and says nothing about who wrapped them: the object around a
//! wrap is signed.

mod rng;

use bulla_core::SealingKey;
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open,
    single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use rng::OnceRng;

/// Bytes of an encapsulated key.
pub(crate) const ENCAPSULATED_BYTES: usize = 32;

/// An encapsulated key, and the ciphertext under what it encapsulates, tag included.
pub(crate) struct Wrapped {
    pub(crate) encapsulated: [u8; ENCAPSULATED_BYTES],
    pub(crate) ciphertext: Vec<u8>,
}

/// Why nothing was wrapped.
pub(crate) enum WrapError {
    /// With this key every agreement gives zero: anybody could unwrap.
    SealingKey,
    Randomness(RandomnessError),
}

/// Wraps key bytes for the device that has this sealing key.
pub(crate) fn wrap(
    to: &SealingKey,
    info: &[u8],
    plaintext: &[u8],
    randomness: &dyn Randomness,
) -> Result<Wrapped, WrapError> {
    let mut ephemeral = Zeroizing::new([0; 32]);
    randomness.fill(ephemeral.as_mut()).map_err(WrapError::Randomness)?;
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.0)
        .map_err(|_| WrapError::SealingKey)?;
    let (encapsulated, ciphertext) =
        single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            info,
            plaintext,
            &[],
            &mut OnceRng::new(&ephemeral),
        )
        .map_err(|_| WrapError::SealingKey)?;
    Ok(Wrapped { encapsulated: encapsulated.to_bytes().into(), ciphertext })
}

/// Unwraps what was wrapped for this device with this info; `None` for everything else, an agreement that gives zero
/// included.
pub(crate) fn unwrap(
    device: &DeviceKeys,
    encapsulated: &[u8],
    info: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let secret =
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(device.expose_sealing_secret()).ok()?;
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        info,
        ciphertext,
        &[],
    )
    .ok()
    .map(Zeroizing::new)
}
