//! Topics: what a relay may filter by without learning a name (chapter `keys.md`, KEY-7).

use std::fmt;

use bulla_core::{SpaceId, Topic, domain};
use bulla_identity::{Randomness, RandomnessError};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize as _, Zeroizing};

use crate::EpochKey;

/// 32 bytes that the readers of a space, or of a key group in it, share, and that stay the same through all its epochs:
/// they turn the names of an application's documents into topics, so that one document keeps one topic.
///
/// Not `Clone`, wiped on drop, and `Debug` shows nothing. Share it in an `Arc`.
///
/// ```compile_fail
/// fn clone<T: Clone>() {}
/// clone::<bulla_crypto::TopicSecret>();
/// ```
pub struct TopicSecret(
    // Where it stays for as long as it lives: what is moved leaves a copy behind that nobody wipes.
    Box<Zeroizing<[u8; 32]>>,
);

impl TopicSecret {
    /// The topic secret of a space that began with this epoch key.
    #[must_use]
    pub fn derive(first: &EpochKey, space: &SpaceId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(domain::TOPIC);
        hasher.update(first.expose_secret()).update(&space.0);
        let secret = Self::dangerous_from_bytes(hasher.finalize().as_bytes());
        hasher.zeroize();
        secret
    }

    /// The topic secret of a new key group.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`] when the source gives no bytes.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut secret = Zeroizing::new([0; 32]);
        randomness.fill(secret.as_mut())?;
        Ok(Self::dangerous_from_bytes(&secret))
    }

    /// The secret with these bytes. For keyrings, epochs, vectors and tests.
    #[must_use]
    pub fn dangerous_from_bytes(secret: &[u8; 32]) -> Self {
        let mut place = Box::new(Zeroizing::new([0; 32]));
        place.copy_from_slice(secret);
        Self(place)
    }

    /// The topic of a document: the first 16 bytes of a keyed hash of its name, whatever bytes that is.
    #[must_use]
    pub fn topic(&self, name: &[u8]) -> Topic {
        let mut topic = Topic::ZERO;
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(name).finalize_xof().fill(&mut topic.0);
        hasher.zeroize();
        topic
    }

    /// Whether both are one secret, in constant time (CTL-35).
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.expose_secret().ct_eq(other.expose_secret()).into()
    }

    /// The 32 bytes. Never print or store them but sealed.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TopicSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicSecret(..)")
    }
}
