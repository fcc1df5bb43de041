//! What payloads and labels have in common: one message under a key that comes from an epoch key and a salt (SEAL-3 to
//! SEAL-5, CTL-12), made by hand.

use bulla_core::KeyId;
use bulla_crypto::{EpochKey, Keyring};
use bulla_identity::{Randomness, RandomnessError};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;

use super::{Field, Group, Inputs, Mismatch, Shape};

/// What a reader of a space has to open with: the fields of a group of cases.
pub(super) fn reader_fields() -> Vec<Field> {
    vec![
        Field::required("space", Shape::HexOf(32), "the space of all entries of the group"),
        Field::required(
            "epochKeys",
            Shape::list(Shape::HexOf(32)),
            "the epoch keys the reader has for it",
        ),
    ]
}

/// A group whose reader has these epoch keys.
pub(super) fn reader(space: [u8; 32], keys: &[[u8; 32]]) -> Group {
    let keys: Vec<String> = keys.iter().map(|key| KeyId(*key).to_string()).collect();
    Group::new().hex("space", space).value("epochKeys", keys)
}

/// The keyring of that reader.
pub(super) fn keyring(inputs: &Inputs<'_>) -> Result<Keyring, Mismatch> {
    let mut keyring = Keyring::new();
    let space = bulla_core::SpaceId(inputs.array("space")?);
    for key in inputs.arrays("epochKeys")? {
        keyring.insert(space, EpochKey::dangerous_from_bytes(&key));
    }
    Ok(keyring)
}

/// The 32 random bytes that a case gives.
#[derive(Debug)]
pub(super) struct Given(pub(super) [u8; 32]);

impl Randomness for Given {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        let given = self.0.get(..bytes.len()).ok_or(RandomnessError)?;
        bytes.copy_from_slice(given);
        Ok(())
    }
}

/// Encrypts one message.
pub(super) fn encrypt(
    epoch_key: &[u8; 32],
    salt: &[u8; 24],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let mut once = [0; 32];
    let expanded = Hkdf::<Sha256>::new(Some(salt), epoch_key).expand(info, &mut once);
    expanded.expect("32 bytes are few");
    let message = Payload { msg: plaintext, aad };
    ChaCha20Poly1305::new(&once.into()).encrypt(&Nonce::default(), message).expect("short")
}
