//! The key that the readers of a space share (chapter `keys.md`, KEY-4 to KEY-6).

use std::fmt;

use bulla_core::{KeyId, domain};
use bulla_identity::{Randomness, RandomnessError};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 32 random bytes, and their id. Not `Clone`, wiped on drop, and `Debug` shows the id only. Share it in an `Arc`.
pub struct EpochKey {
    /// Where it stays for as long as it lives: what is moved, as by a list that grows or is taken apart, leaves a copy behind
    /// that nobody wipes.
    secret: Box<Zeroizing<[u8; 32]>>,
    id: KeyId,
}

impl EpochKey {
    /// Makes a new key.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`] when the source gives no bytes.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut secret = Zeroizing::new([0; 32]);
        randomness.fill(secret.as_mut())?;
        Ok(Self::dangerous_from_bytes(&secret))
    }

    /// The key with these bytes. For keyrings, transfers, vectors and tests.
    #[must_use]
    pub fn dangerous_from_bytes(secret: &[u8; 32]) -> Self {
        let id = KeyId(blake3::derive_key(domain::KEY_ID, secret));
        let mut place = Box::new(Zeroizing::new([0; 32]));
        place.copy_from_slice(secret);
        Self { secret: place, id }
    }

    /// The key's id: a hash nobody finds a second key for, so that it commits an entry to this key (KEY-5).
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Whether this is the key with that id, in constant time (KEY-6).
    #[must_use]
    pub fn has_id(&self, id: &KeyId) -> bool {
        self.id.0.ct_eq(&id.0).into()
    }

    /// The 32 bytes. Never print or store them but sealed.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochKey").field("id", &self.id).finish_non_exhaustive()
    }
}
