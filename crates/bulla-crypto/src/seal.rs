//! Sealing and opening payloads: a one-time key for each (chapter `sealing.md`, SEAL-1 to SEAL-8).

use bulla_core::{Code, Header, KeyId, Salt, VerifiedEntry, domain};
use bulla_identity::SaltSecret;
use bytes::Bytes;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use crate::frame::{FrameError, unframe};
use crate::{EpochKey, Keyring, once};

/// Why a payload does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The payload of a control entry is plaintext; there is nothing to open. The caller's mistake (SEAL-1).
    #[error("the payload of a control entry is not sealed")]
    NotSealed,
    /// The keyring has no key of that id for this space. The entry may open once the key arrives (KEY-6).
    #[error("no epoch key {0} for this space")]
    UnknownKey(KeyId),
    /// The payload was not sealed for this header under the key it names (SEAL-7). Says no more on purpose.
    #[error("the payload does not open")]
    Failed,
    /// The key was right and its author framed the plaintext wrongly (PAD-4).
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::NotSealed => "open.not_sealed",
            Self::UnknownKey(_) => "open.unknown_key",
            Self::Failed => "open.failed",
            Self::Frame(error) => return error.code(),
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::NotSealed => "SEAL-1",
            Self::UnknownKey(_) => "KEY-6",
            Self::Failed => "SEAL-7",
            Self::Frame(FrameError::Version(_) | FrameError::Coding(_)) => "PAD-1",
            Self::Frame(FrameError::Truncated | FrameError::Padding) => "PAD-4",
        }
    }
}

/// Opens the payload of a verified entry with the key of its space that it names.
///
/// # Errors
///
/// [`OpenError`].
pub fn open(entry: &VerifiedEntry, keyring: &Keyring) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let header = entry.header();
    if header.kind.is_control() {
        return Err(OpenError::NotSealed);
    }
    let key =
        keyring.get(&header.space, &header.key_id).ok_or(OpenError::UnknownKey(header.key_id))?;
    open_with(entry, &key)
}

/// Opens the payload of a verified entry with this key.
///
/// That the key is the one the header names is checked first: ChaCha20-Poly1305 alone lets somebody make one ciphertext
/// that opens under two keys, to two plaintexts.
///
/// # Errors
///
/// [`OpenError`]; [`OpenError::UnknownKey`] when the header names another key.
pub fn open_with(entry: &VerifiedEntry, key: &EpochKey) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let header = entry.header();
    if header.kind.is_control() {
        return Err(OpenError::NotSealed);
    }
    if !key.has_id(&header.key_id) {
        return Err(OpenError::UnknownKey(header.key_id));
    }
    let once = one_time_key(key, header);
    let framed = once::open(&once, &header.associated_data(), entry.payload());
    Ok(unframe(framed.ok_or(OpenError::Failed)?)?)
}

/// Seals a framed plaintext for a header whose fields before the payload length are final; `None` when the cipher
/// refuses, which its bounds rule out.
pub(crate) fn seal(framed: Vec<u8>, header: &Header, key: &EpochKey) -> Option<Bytes> {
    once::seal(&one_time_key(key, header), &header.associated_data(), framed).map(Bytes::from)
}

/// The salt of an entry: a keyed hash over random bytes, every field before the salt and the framed plaintext (SEAL-3); of
/// a label, its info and its plaintext in their place (CTL-12).
///
/// With good random bytes it is random. With bad ones, after a restored backup or on a cloned machine, it still differs
/// wherever fields or plaintext do, so no one-time key serves twice.
pub(crate) fn salt(secret: &SaltSecret, random: &[u8; 32], fields: &[u8], framed: &[u8]) -> Salt {
    let mut hasher = secret.hasher();
    for part in [random.as_slice(), fields, framed] {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    let mut salt = Salt::ZERO;
    hasher.finalize_xof().fill(&mut salt.0);
    hasher.zeroize();
    salt
}

/// HKDF-SHA256 (RFC 5869) from the epoch key, with the entry's salt; info is the domain string, space, author and
/// sequence as 8 bytes big-endian (SEAL-4).
fn one_time_key(key: &EpochKey, header: &Header) -> Zeroizing<[u8; 32]> {
    let mut okm = Zeroizing::new([0; 32]);
    let sequence = header.sequence.to_be_bytes();
    let info = [domain::PAYLOAD_KEY.as_bytes(), &header.space.0, &header.author.0, &sequence];
    Hkdf::<Sha256>::new(Some(&header.salt.0), key.expose_secret())
        .expand_multi_info(&info, okm.as_mut())
        .expect("32 bytes are fewer than the 255 blocks HKDF can give");
    okm
}
