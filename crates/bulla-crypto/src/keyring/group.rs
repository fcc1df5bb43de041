//! The keys of one group of a space.

use std::sync::Arc;

use bulla_core::{EntryId, KeyId};

use super::topics::GroupTopics;
use crate::EpochKey;

/// Keys in the order they were learned, and beside each the epoch entry that brings it.
#[derive(Debug, Default)]
pub(super) struct GroupKeys {
    pub(super) topics: GroupTopics,
    keys: Vec<Arc<EpochKey>>,
    /// As long as `keys`.
    epochs: Vec<Option<EntryId>>,
}

impl GroupKeys {
    pub(super) fn push(&mut self, key: Arc<EpochKey>, epoch: Option<EntryId>) {
        self.keys.push(key);
        self.epochs.push(epoch);
    }

    /// Sets the epoch of the key that was added last.
    pub(super) fn set_last_epoch(&mut self, epoch: Option<EntryId>) {
        if let Some(last) = self.epochs.last_mut() {
            *last = epoch;
        }
    }

    /// Whether the group has that key, from that epoch. A key that came by itself takes the epoch.
    pub(super) fn is_of(&mut self, id: &KeyId, epoch: EntryId) -> bool {
        let mut held = self.keys.iter().zip(&mut self.epochs);
        let Some((_, of)) = held.find(|(key, _)| key.has_id(id)) else { return false };
        *of.get_or_insert(epoch) == epoch
    }

    /// The key that was learned as that of this epoch.
    pub(super) fn key_of(&self, epoch: &EntryId) -> Option<Arc<EpochKey>> {
        let mut held = self.keys.iter().zip(&self.epochs);
        held.find(|(_, of)| of.as_ref() == Some(epoch)).map(|(key, _)| Arc::clone(key))
    }

    /// The key of this id, unless it was learned as that of another epoch.
    pub(super) fn key_for(&self, epoch: &EntryId, id: &KeyId) -> Option<Arc<EpochKey>> {
        let mut held = self.keys.iter().zip(&self.epochs);
        let (key, of) = held.find(|(key, _)| key.has_id(id))?;
        of.as_ref().is_none_or(|of| of == epoch).then(|| Arc::clone(key))
    }

    /// Puts the keys of these ids first, in the order of the ids; the others keep theirs.
    pub(super) fn move_to_front(&mut self, ids: &[KeyId]) {
        let place = |key: &EpochKey| ids.iter().position(|id| key.has_id(id)).unwrap_or(ids.len());
        let mut held: Vec<_> = self.keys.drain(..).zip(self.epochs.drain(..)).collect();
        held.sort_by_key(|(key, _)| place(key));
        (self.keys, self.epochs) = held.into_iter().unzip();
    }

    pub(super) fn keys(&self) -> &[Arc<EpochKey>] {
        &self.keys
    }

    pub(super) fn epochs(&self) -> &[Option<EntryId>] {
        &self.epochs
    }
}
