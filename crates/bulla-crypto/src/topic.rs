//! Topics: what a relay may filter by without learning a name (chapter `keys.md`, KEY-7).

use std::fmt;

use bulla_core::{SpaceId, Topic, domain};
use zeroize::Zeroizing;

use crate::EpochKey;

/// Turns the names of an application's documents into topics.
///
/// It comes from the first epoch key of a space and stays when later epochs begin, so that one document keeps one topic.
pub struct TopicKey(Zeroizing<[u8; 32]>);

impl TopicKey {
    /// The topic key of a space whose first epoch key this is.
    #[must_use]
    pub fn derive(first: &EpochKey, space: &SpaceId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(domain::TOPIC);
        hasher.update(first.expose_secret()).update(&space.0);
        Self(Zeroizing::new(hasher.finalize().into()))
    }

    /// The topic of a document: the first 16 bytes of a keyed hash of its name, whatever bytes that is.
    #[must_use]
    pub fn topic(&self, name: &[u8]) -> Topic {
        let mut topic = Topic::ZERO;
        blake3::Hasher::new_keyed(&self.0).update(name).finalize_xof().fill(&mut topic.0);
        topic
    }
}

impl fmt::Debug for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicKey(..)")
    }
}
