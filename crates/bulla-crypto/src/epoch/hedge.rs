//! What a new epoch is drawn from: randomness, a secret of the device, and all that the epoch is to hold (CTL-31).

use bulla_core::cbor::Writer;
use bulla_core::domain;
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use zeroize::{Zeroize as _, Zeroizing};

use super::EpochDraft;
use crate::{EpochKey, TopicSecret};

/// Two secrets for one epoch, each used once.
pub(super) struct Hedge {
    key: Zeroizing<[u8; 32]>,
    topics: Zeroizing<[u8; 32]>,
}

impl Hedge {
    /// Draws for this draft, its parents and recipients in order. With good randomness both secrets are random, and with
    /// repeated randomness they are still others as soon as anything in the draft is.
    pub(super) fn draw(
        device: &DeviceKeys,
        draft: &EpochDraft,
        randomness: &dyn Randomness,
    ) -> Result<Self, RandomnessError> {
        let mut random = Zeroizing::new([0; 32]);
        randomness.fill(random.as_mut())?;
        let (mut key, mut topics) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        let content = content(device, draft);
        // The string at the front keeps this apart from salts, which come from the same secret (SEAL-3).
        let mut hasher = device.salt_secret().hasher();
        hasher.update(domain::EPOCH_DRAW.as_bytes()).update(random.as_ref()).update(&content);
        let mut reader = hasher.finalize_xof();
        reader.fill(key.as_mut());
        reader.fill(topics.as_mut());
        reader.zeroize();
        hasher.zeroize();
        Ok(Self { key, topics })
    }

    pub(super) fn epoch_key(&self) -> EpochKey {
        EpochKey::dangerous_from_bytes(&self.key)
    }

    pub(super) fn topic_secret(&self) -> TopicSecret {
        TopicSecret::dangerous_from_bytes(&self.topics)
    }
}

/// `[space, author, group, [parent, …], [[device, X25519 key], …], topic secret, [key id, …]]`, with `null` for a topic
/// secret that is to be made, and for a parent whose key is not handed down. A key is there by its id; of a first epoch they
/// are the older ones.
fn content(device: &DeviceKeys, draft: &EpochDraft) -> Zeroizing<Vec<u8>> {
    // Room for everything at once, so that no grown buffer leaves a copy of the topic secret behind.
    let keys = draft.parents.len() * 2 + draft.older.len();
    let room = 5 * 36 + keys * 34 + draft.recipients.len() * 69;
    let mut writer = Writer::with_capacity(room);
    writer.array(7).bytes(draft.space).bytes(device.author()).bytes(draft.group);
    writer.array(draft.parents.len());
    for parent in &draft.parents {
        writer.bytes(parent.id);
    }
    writer.array(draft.recipients.len());
    for (recipient, sealing_key) in &draft.recipients {
        writer.array(2).bytes(recipient).bytes(sealing_key);
    }
    match &draft.topics {
        Some(topics) => writer.bytes(topics.expose_secret()),
        None => writer.null(),
    };
    // Only an epoch without parents has older keys.
    writer.array(draft.parents.len() + draft.older.len());
    for parent in &draft.parents {
        match &parent.key {
            Some(_) => writer.bytes(parent.key_id),
            None => writer.null(),
        };
    }
    for older in &draft.older {
        writer.bytes(older.key().id());
    }
    Zeroizing::new(writer.into_bytes())
}
