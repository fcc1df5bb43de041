//! The epoch keys a device has, by space and key group (chapter `keys.md`, KEY-6, KEY-7).

mod bound;
mod file;
mod group;
mod learned;
mod topics;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bulla_core::limits::MAX_EPOCH_PARENTS;
use bulla_core::{EntryId, KeyId, SpaceId};

use crate::{EpochKey, OpenedEpoch, TopicSecret};
use group::GroupKeys;

pub use bound::{BoundKey, OlderKey};
pub use learned::Learned;

/// The space's own epochs, as a group (CTL-30).
const OWN: EntryId = EntryId::ZERO;

/// The epoch keys a device has. The keys of a group keep the order in which they were learned; each knows the epoch entry
/// that brings it, and each group its topic secret.
///
/// Ids are computed from the keys and never taken from outside, so a lookup by id commits (KEY-6). Which key to write with
/// is for the directory: it names the writing epoch, and [`get`](Self::get) gives the key. Only in a space without epoch
/// entries is it the last one learned ([`current`](Self::current)).
#[derive(Debug, Default)]
pub struct Keyring {
    spaces: BTreeMap<SpaceId, SpaceKeys>,
}

/// The keys of one space.
#[derive(Debug, Default)]
struct SpaceKeys {
    groups: BTreeMap<EntryId, GroupKeys>,
    /// Every key of every group, by its id. Ids are public: they stand in headers.
    index: HashMap<KeyId, Indexed>,
}

/// A key, and the groups that have it: one, as long as authors draw their keys.
#[derive(Debug)]
struct Indexed {
    key: Arc<EpochKey>,
    groups: Vec<EntryId>,
    /// It came for another epoch or group too. Not in the file: whoever reads the epochs again finds it again.
    is_repeated: bool,
}

impl SpaceKeys {
    fn get(&self, id: &KeyId) -> Option<&Indexed> {
        // Found by a hash table, and then compared in constant time (KEY-6).
        self.index.get(id).filter(|indexed| indexed.key.has_id(id))
    }

    /// Adds a key to a group; `false` when the group has it already.
    fn add(&mut self, group: EntryId, key: EpochKey, epoch: Option<EntryId>) -> bool {
        let indexed = self.index.entry(key.id()).or_insert_with(|| Indexed {
            key: Arc::new(key),
            groups: Vec::new(),
            is_repeated: false,
        });
        if indexed.groups.contains(&group) {
            return false;
        }
        indexed.groups.push(group);
        self.groups.entry(group).or_default().push(Arc::clone(&indexed.key), epoch);
        true
    }

    /// Adds the key of an epoch entry.
    fn learn(&mut self, group: EntryId, epoch: EntryId, key: EpochKey, learned: &mut Learned) {
        let id = key.id();
        let is_known = self.get(&id).is_some();
        let is_repeated = if self.add(group, key, Some(epoch)) {
            learned.new_keys += usize::from(!is_known);
            is_known
        } else {
            !self.groups.get_mut(&group).is_some_and(|held| held.is_of(&id, epoch))
        };
        if is_repeated {
            self.mark_repeated(&id, learned);
        }
    }

    /// Adds a key that the space had before its epochs. One that a group has is known to all readers of the space now.
    fn learn_older(&mut self, key: EpochKey, learned: &mut Learned) {
        let id = key.id();
        let is_known = self.get(&id).is_some();
        if self.add(OWN, key, None) {
            learned.new_keys += usize::from(!is_known);
            if is_known {
                self.mark_repeated(&id, learned);
            }
        }
    }

    fn mark_repeated(&mut self, id: &KeyId, learned: &mut Learned) {
        learned.repeated = true;
        if let Some(indexed) = self.index.get_mut(id) {
            indexed.is_repeated = true;
        }
    }
}

impl Keyring {
    /// An empty keyring.
    #[must_use]
    pub const fn new() -> Self {
        Self { spaces: BTreeMap::new() }
    }

    /// Adds a key of a space that no epoch entry brought; `false` when it was there already, which changes nothing.
    pub fn insert(&mut self, space: SpaceId, key: EpochKey) -> bool {
        self.spaces.entry(space).or_default().add(OWN, key, None)
    }

    /// Adds what an epoch entry of this id brought: its key, those of its parents, and a topic secret.
    ///
    /// Which topic secret is the group's, if its epochs bring more than one, [`settle_topics`](Self::settle_topics) says. One
    /// that KEY-7 only computes gives way to any that an epoch brings: which key a device has first depends on how it came in.
    pub fn learn(&mut self, space: SpaceId, epoch: EntryId, opened: OpenedEpoch) -> Learned {
        let OpenedEpoch { group, key, inheritance } = opened;
        let mut learned = Learned::default();
        let keys = self.spaces.entry(space).or_default();
        keys.learn(group, epoch, key, &mut learned);
        for (parent, key) in inheritance.parents {
            keys.learn(group, parent, key, &mut learned);
        }
        for key in inheritance.older {
            keys.learn_older(key, &mut learned);
        }
        if let Some(held) = keys.groups.get_mut(&group) {
            held.topics.bring(epoch, inheritance.topics);
        }
        learned
    }

    /// Whether epochs of a group, zero for the space's own, brought different topic secrets: then
    /// [settle](Self::settle_topics) which one holds.
    #[must_use]
    pub fn has_rival_topics(&self, space: &SpaceId, group: &EntryId) -> bool {
        self.group(space, group).is_some_and(|held| held.topics.are_rival())
    }

    /// Takes as a group's topic secret that of the first of these epochs that brought one, in the order that CTL-35 gives to
    /// the counting epochs of the group; while none of them did, it stays as it was. So whoever learned the same epochs has
    /// the same topics, whichever came first.
    ///
    /// Returns those epochs that brought another: their authors' devices are at fault.
    pub fn settle_topics(
        &mut self,
        space: &SpaceId,
        group: &EntryId,
        order: &[EntryId],
    ) -> Vec<EntryId> {
        let held = self.spaces.get_mut(space).and_then(|keys| keys.groups.get_mut(group));
        held.map_or_else(Vec::new, |held| {
            held.topics.settle(order);
            held.topics.others(order)
        })
    }

    /// Takes over the keys of a [transfer](crate::KeyTransfer) and returns how many are new. Their order counts: own keys
    /// that it lacks follow after them, so that both sides agree on the first key and with it, in a space without epoch
    /// entries, on topics.
    pub fn merge(&mut self, space: SpaceId, keys: Vec<EpochKey>) -> usize {
        let held = self.spaces.entry(space).or_default();
        let ids: Vec<KeyId> = keys.iter().map(EpochKey::id).collect();
        let added =
            keys.into_iter().filter_map(|key| held.add(OWN, key, None).then_some(())).count();
        if let Some(own) = held.groups.get_mut(&OWN) {
            own.move_to_front(&ids);
        }
        if held.groups.is_empty() {
            self.spaces.remove(&space);
        }
        added
    }

    /// Forgets all keys of a space; `false` when there were none.
    pub fn remove(&mut self, space: &SpaceId) -> bool {
        self.spaces.remove(space).is_some()
    }

    /// The key of an epoch entry of a group, zero for the space's own: only if it was learned as that of this very entry.
    ///
    /// What an entry says its key id is does not count: nobody can check whose key an id is, and one that copies the id of
    /// a group's key would have that key handed to readers who are not in the group (CTL-33).
    #[must_use]
    pub fn key_of_epoch(
        &self,
        space: &SpaceId,
        group: &EntryId,
        epoch: &EntryId,
    ) -> Option<BoundKey> {
        let key = self.group(space, group)?.key_of(epoch)?;
        Some(BoundKey::new(*space, *group, *epoch, key))
    }

    /// The keys that a space had before its first epoch, in the order they were learned; of more than 64 the last 64. For
    /// the first epoch to hand down, where policy gives newcomers the history (CTL-33).
    #[must_use]
    pub fn keys_before_epochs(&self, space: &SpaceId) -> Vec<OlderKey> {
        let Some(keys) = self.spaces.get(space) else { return Vec::new() };
        let Some(own) = keys.groups.get(&OWN) else { return Vec::new() };
        let groups_of = |key: &EpochKey| {
            let indexed = keys.get(&key.id());
            indexed.map(|indexed| indexed.groups.as_slice())
        };
        let came_alone = own.keys().iter().zip(own.epochs());
        let came_alone =
            came_alone.filter(|(key, epoch)| epoch.is_none() && groups_of(key) == Some(&[OWN][..]));
        let older: Vec<OlderKey> =
            came_alone.map(|(key, _)| OlderKey::new(*space, Arc::clone(key))).collect();
        let excess = older.len().saturating_sub(MAX_EPOCH_PARENTS);
        older.into_iter().skip(excess).collect()
    }

    /// The key to open with what an epoch entry of a group hands down, where no seal is for this device: of that id, in
    /// that group, and of this entry or of none known yet. What opens with it is learned as that of the entry.
    #[must_use]
    pub fn key_for_epoch(
        &self,
        space: &SpaceId,
        group: &EntryId,
        epoch: &EntryId,
        id: &KeyId,
    ) -> Option<Arc<EpochKey>> {
        self.group(space, group)?.key_for(epoch, id)
    }

    /// The key of that id, if it is one of this space, of whichever group: for reading. Whose key it is says
    /// [`key_of_epoch`](Self::key_of_epoch).
    #[must_use]
    pub fn get(&self, space: &SpaceId, id: &KeyId) -> Option<Arc<EpochKey>> {
        self.spaces.get(space)?.get(id).map(|indexed| Arc::clone(&indexed.key))
    }

    /// Whether the key of that id came for more than one epoch or group: whoever was to lose access with one of them reads
    /// what is sealed with it, so nothing should be (CTL-31).
    #[must_use]
    pub fn is_repeated(&self, space: &SpaceId, id: &KeyId) -> bool {
        let indexed = self.spaces.get(space).and_then(|keys| keys.get(id));
        indexed.is_some_and(|indexed| indexed.is_repeated)
    }

    /// The key to seal with in a space without epoch entries: the last one learned. `None` once an epoch entry was
    /// learned: then only the directory knows the writing epoch, and what was learned last may be a key that a removed
    /// device has.
    #[must_use]
    pub fn current(&self, space: &SpaceId) -> Option<Arc<EpochKey>> {
        let own = self.group(space, &OWN)?;
        if own.topics.get().is_some() { None } else { own.keys().last().map(Arc::clone) }
    }

    /// What turns names into topics in this space; `None` without a key.
    #[must_use]
    pub fn topics(&self, space: &SpaceId) -> Option<Arc<TopicSecret>> {
        self.topics_of(space, &OWN)
    }

    /// What turns names into topics in a group of this space, zero for the space's own; `None` without a key (KEY-7).
    #[must_use]
    pub fn topics_of(&self, space: &SpaceId, group: &EntryId) -> Option<Arc<TopicSecret>> {
        let keys = self.group(space, group)?;
        keys.topics.get().or_else(|| {
            let first = keys.keys().first()?;
            group.is_zero().then(|| Arc::new(TopicSecret::derive(first, space)))
        })
    }

    /// The keys of a space's own epochs in the order they were learned.
    #[must_use]
    pub fn keys(&self, space: &SpaceId) -> &[Arc<EpochKey>] {
        self.keys_of(space, &OWN)
    }

    /// The keys of a group of this space, zero for the space's own, in the order they were learned.
    #[must_use]
    pub fn keys_of(&self, space: &SpaceId, group: &EntryId) -> &[Arc<EpochKey>] {
        self.group(space, group).map(GroupKeys::keys).unwrap_or_default()
    }

    /// The epoch entries that brought the keys of a group, in the order of [`keys_of`](Self::keys_of); `None` for a key
    /// that came by itself.
    #[must_use]
    pub fn epochs_of(&self, space: &SpaceId, group: &EntryId) -> &[Option<EntryId>] {
        self.group(space, group).map(GroupKeys::epochs).unwrap_or_default()
    }

    /// The groups of a space that there are keys for, ascending; zero is the space's own.
    pub fn groups(&self, space: &SpaceId) -> impl Iterator<Item = EntryId> + use<'_> {
        self.spaces.get(space).into_iter().flat_map(|keys| keys.groups.keys().copied())
    }

    /// The spaces there are keys for, ascending.
    pub fn spaces(&self) -> impl Iterator<Item = SpaceId> + '_ {
        self.spaces.keys().copied()
    }

    fn group(&self, space: &SpaceId, group: &EntryId) -> Option<&GroupKeys> {
        self.spaces.get(space)?.groups.get(group)
    }
}

#[cfg(test)]
mod tests;
