//! A key, and whose it is.

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
