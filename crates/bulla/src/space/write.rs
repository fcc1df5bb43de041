//! What an application wants to write.

use bulla_core::{EntryId, KeyId, Kind, Topic};
use bulla_crypto::Padding;
use zeroize::Zeroizing;

/// What an application wants to write.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Write {
    /// An application kind, 16 or above.
    pub kind: Kind,
    /// What relays may filter by; zero for none. See [`Space::topic`](crate::Space::topic).
    pub topic: Topic,
    /// Entries this one builds on, at most 64.
    pub dependencies: Vec<EntryId>,
    /// What to seal, at most [`MAX_PLAINTEXT_BYTES`](bulla_crypto::MAX_PLAINTEXT_BYTES).
    pub plaintext: Zeroizing<Vec<u8>>,
    /// How its length is hidden.
    pub padding: Padding,
    /// Whose key seals it: zero for all readers of the space, or a key group.
    pub group: EntryId,
    /// The only key that may seal it, where something outside of it was made with that key.
    pub(crate) key: Option<KeyId>,
}

impl Write {
    /// An entry of this kind for all readers of the space, without topic and dependencies, its length hidden by Padmé.
    #[must_use]
    pub fn new(kind: Kind, plaintext: impl Into<Vec<u8>>) -> Self {
        let plaintext = Zeroizing::new(plaintext.into());
        Self {
            kind,
            topic: Topic::ZERO,
            dependencies: Vec::new(),
            plaintext,
            padding: Padding::Padme,
            group: EntryId::ZERO,
            key: None,
        }
    }

    /// The same under a topic.
    #[must_use]
    pub const fn with_topic(mut self, topic: Topic) -> Self {
        self.topic = topic;
        self
    }

    /// The same, building on these entries.
    #[must_use]
    pub fn with_dependencies(mut self, dependencies: Vec<EntryId>) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// The same with this padding.
    #[must_use]
    pub const fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// The same for the members of a key group alone.
    #[must_use]
    pub const fn with_group(mut self, group: EntryId) -> Self {
        self.group = group;
        self
    }

    /// The same, refused if another key than this would seal it.
    #[must_use]
    pub(crate) const fn with_key(mut self, key: KeyId) -> Self {
        self.key = Some(key);
        self
    }
}
