//! Which topic secret is a group's, where its epochs bring more than one (CTL-35).

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_core::EntryId;

use crate::TopicSecret;

/// The topic secrets that the epochs of a group brought: one and the same, unless an author's device is at fault.
#[derive(Debug, Default)]
pub(super) struct GroupTopics {
    /// Out of the file, or what was settled last.
    settled: Option<Arc<TopicSecret>>,
    /// By the epoch that brought it. Not in the file: whoever has an epoch's key opens the epoch again.
    brought: BTreeMap<EntryId, Arc<TopicSecret>>,
}

impl GroupTopics {
    /// The secret that a file says.
    pub(super) fn of_file(secret: Option<TopicSecret>) -> Self {
        Self { settled: secret.map(Arc::new), brought: BTreeMap::new() }
    }

    /// Adds what an epoch brought. An epoch brings one secret, whichever way it was opened.
    pub(super) fn bring(&mut self, epoch: EntryId, secret: TopicSecret) {
        // Mostly it is the one that is there already, and is shared.
        let held = self.get().filter(|held| held.is_same(&secret));
        self.brought.insert(epoch, held.unwrap_or_else(|| Arc::new(secret)));
    }

    /// The group's secret: the one that was settled, and before that one of those that were brought, which does not depend
    /// on their order either.
    pub(super) fn get(&self) -> Option<Arc<TopicSecret>> {
        self.settled.as_ref().or_else(|| self.brought.values().next()).map(Arc::clone)
    }

    /// Whether an epoch brought another than the group's.
    pub(super) fn are_rival(&self) -> bool {
        let group = self.get();
        group.is_some_and(|group| self.brought.values().any(|brought| !brought.is_same(&group)))
    }

    /// Takes the secret of the first of these epochs that brought one. If none did, nothing changes.
    pub(super) fn settle(&mut self, order: &[EntryId]) {
        if let Some(first) = order.iter().find_map(|epoch| self.brought.get(epoch)) {
            self.settled = Some(Arc::clone(first));
        }
    }

    /// The epochs of these that brought another secret than the group's, in the same order.
    pub(super) fn others(&self, of: &[EntryId]) -> Vec<EntryId> {
        let Some(group) = self.get() else { return Vec::new() };
        let is_other = |epoch: &&EntryId| {
            self.brought.get(*epoch).is_some_and(|brought| !brought.is_same(&group))
        };
        of.iter().filter(is_other).copied().collect()
    }
}
