//! A key, and whose it is: what an epoch may hand down (CTL-33).

use std::sync::Arc;

use bulla_core::{EntryId, KeyId, SpaceId};

use crate::EpochKey;

/// The key of an epoch entry, as a keyring learned it from that entry or from one after it. Only
/// [`Keyring::key_of_epoch`](crate::Keyring::key_of_epoch) makes one: what is handed down as the key of an epoch cannot be
/// that of another (CTL-33).
#[derive(Debug, Clone)]
pub struct BoundKey {
    space: SpaceId,
    group: EntryId,
    epoch: EntryId,
    key: Arc<EpochKey>,
}

impl BoundKey {
    pub(super) const fn new(
        space: SpaceId,
        group: EntryId,
        epoch: EntryId,
        key: Arc<EpochKey>,
    ) -> Self {
        Self { space, group, epoch, key }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &Arc<EpochKey> {
        &self.key
    }

    /// Whether it was learned as the key of that epoch of that group, and has the id that its entry names.
    pub(crate) fn is_of(
        &self,
        space: &SpaceId,
        group: &EntryId,
        epoch: &EntryId,
        id: &KeyId,
    ) -> bool {
        self.space == *space && self.group == *group && self.epoch == *epoch && self.key.has_id(id)
    }
}

/// A key that a space had before its first epoch: one of the space's own that came by itself, and is that of no epoch and no
/// group. Only [`Keyring::keys_before_epochs`](crate::Keyring::keys_before_epochs) makes one, so that no group's key is ever
/// handed down to all readers of the space (CTL-33).
#[derive(Debug, Clone)]
pub struct OlderKey {
    space: SpaceId,
    key: Arc<EpochKey>,
}

impl OlderKey {
    pub(super) const fn new(space: SpaceId, key: Arc<EpochKey>) -> Self {
        Self { space, key }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &Arc<EpochKey> {
        &self.key
    }

    pub(crate) fn is_of(&self, space: &SpaceId) -> bool {
        self.space == *space
    }
}
