//! Where an epoch belongs, in bytes: what everything that it seals is bound to (CTL-32, CTL-33).

use bulla_core::cbor::Writer;
use bulla_core::control::{Context, Epoch};
use bulla_core::{AuthorKey, EntryId, KeyId, SealingKey, SpaceId, domain};
use zeroize::{Zeroize as _, Zeroizing};

use crate::EpochKey;

/// Fields that `space, author, group, [parent, …], key id` are.
const FIELDS: usize = 5;

/// Space and author of the entry, group, parents and key id of the epoch.
pub(super) struct Place<'a> {
    space: SpaceId,
    author: AuthorKey,
    group: EntryId,
    parents: &'a [EntryId],
    key_id: KeyId,
}

impl<'a> Place<'a> {
    pub(super) fn of(context: &Context, payload: &'a Epoch) -> Self {
        Self {
            space: context.space,
            author: context.author,
            group: payload.group,
            parents: &payload.parents,
            key_id: payload.key_id,
        }
    }

    /// The epochs before this one.
    pub(super) const fn parents(&self) -> &[EntryId] {
        self.parents
    }

    /// Whether it is the first epoch of the space's own, which may hand down what the space had before.
    pub(super) fn is_first_of_space(&self) -> bool {
        self.group.is_zero() && self.parents.is_empty()
    }

    /// The id of the epoch's key.
    pub(super) const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// HPKE's info for what is sealed to one device (CTL-32).
    pub(super) fn info(
        &self,
        recipients: &[u8; 32],
        device: &AuthorKey,
        sealing_key: &SealingKey,
    ) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.encoded_bytes() + 3 * 34);
        self.encode(&mut writer, 3).bytes(recipients).bytes(device).bytes(sealing_key);
        [domain::EPOCH_KEY.as_bytes(), writer.as_bytes()].concat()
    }

    /// The key of what the epoch hands down. It depends on all that the epoch is bound to, so that even a key drawn twice
    /// encrypts no two messages under one key (CTL-33).
    pub(super) fn inheritance_key(&self, key: &EpochKey) -> Zeroizing<[u8; 32]> {
        let mut writer = Writer::with_capacity(self.encoded_bytes());
        self.encode(&mut writer, 0);
        let mut hasher = blake3::Hasher::new_derive_key(domain::EPOCH_INHERITANCE);
        hasher.update(key.expose_secret()).update(writer.as_bytes());
        let once = Zeroizing::new(hasher.finalize().into());
        hasher.zeroize();
        once
    }

    /// The head of an array of the fields and `more`, then the fields.
    fn encode<'w>(&self, writer: &'w mut Writer, more: usize) -> &'w mut Writer {
        writer.array(FIELDS + more).bytes(self.space).bytes(self.author).bytes(self.group);
        writer.array(self.parents.len());
        for parent in self.parents {
            writer.bytes(parent);
        }
        writer.bytes(self.key_id)
    }

    /// At least the bytes that [`encode`](Self::encode) writes.
    const fn encoded_bytes(&self) -> usize {
        4 * 34 + 8 + self.parents.len() * 34
    }
}

/// The digest that binds each seal to all recipients (CTL-32).
pub(super) fn recipients_digest<'a>(
    devices: impl ExactSizeIterator<Item = &'a AuthorKey>,
) -> [u8; 32] {
    let mut writer = Writer::with_capacity(8 + devices.len() * 34);
    writer.array(devices.len());
    for device in devices {
        writer.bytes(device);
    }
    blake3::derive_key(domain::EPOCH_RECIPIENTS, writer.as_bytes())
}
