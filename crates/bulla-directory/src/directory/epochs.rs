//! Key epochs and key groups (DIR-23 to DIR-27).

use bulla_core::{AuthorKey, EntryId, KeyId, SealingKey};

use super::Directory;
use crate::graph::{EpochEntry, What};
use crate::judge::EpochState;
use crate::table::{DeviceNo, EntryNo};

/// A counting epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochInfo {
    /// Its entry.
    pub id: EntryId,
    /// The entry that founded the group; zero for the space's own.
    pub group: EntryId,
    /// Who started it.
    pub author: AuthorKey,
    /// The id of its key.
    pub key_id: KeyId,
    /// The epochs before it.
    pub parents: Vec<EntryId>,
    /// How many epochs lie behind it, along the longest way (DIR-27).
    pub depth: u64,
    /// Whether it is clean: nobody has its key who was to lose it, as far as is known, and no epoch came after it (DIR-26).
    pub is_clean: bool,
}

/// A key group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// The entry that founded it.
    pub id: EntryId,
    /// The devices that read it, ascending.
    pub readers: Vec<AuthorKey>,
}

/// To whom an epoch is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// Its Ed25519 key.
    pub device: AuthorKey,
    /// Its X25519 key.
    pub sealing_key: SealingKey,
}

impl Directory {
    /// The counting epochs of a group, by depth and id, the first first; zero for the space's own.
    #[must_use]
    pub fn epochs(&self, group: &EntryId) -> Vec<EpochInfo> {
        let mut epochs: Vec<EpochInfo> = self
            .counting_epochs(group)
            .map(|(entry, epoch)| self.epoch_info(entry, epoch))
            .collect();
        epochs.sort_unstable_by_key(|epoch| (epoch.depth, epoch.id));
        epochs
    }

    /// The counting epochs of a group in the order in which their topic secrets hold, should they bring different ones: those
    /// by admins before the others, then by the seniority of their authors, then by depth and id (CTL-35).
    #[must_use]
    pub fn topic_order(&self, group: &EntryId) -> Vec<EntryId> {
        let mut epochs: Vec<(bool, DeviceNo, u64, EntryId)> = self
            .counting_epochs(group)
            .map(|(entry, _)| {
                let node = &self.graph.nodes[entry];
                let by_admin = self.state.epochs.get(&entry).is_some_and(|state| state.by_admin);
                (by_admin, node.author, self.depth(entry), node.id)
            })
            .collect();
        let is_senior = |senior, junior| self.state.is_senior(&self.graph, senior, junior);
        epochs.sort_unstable_by(|first, second| {
            // Whoever started a counting epoch has its place in the order of devices.
            let seniority = is_senior(second.1, first.1).cmp(&is_senior(first.1, second.1));
            let by_admin = second.0.cmp(&first.0);
            by_admin.then(seniority).then_with(|| (first.2, first.3).cmp(&(second.2, second.3)))
        });
        epochs.into_iter().map(|(.., id)| id).collect()
    }

    /// An epoch that counts.
    #[must_use]
    pub fn epoch(&self, id: &EntryId) -> Option<EpochInfo> {
        let entry = self.graph.entry(id)?;
        let What::Epoch(epoch) = &self.graph.nodes[entry].what else { return None };
        self.is_counting(entry).then(|| self.epoch_info(entry, epoch))
    }

    /// The epoch whose key a group is written with; `None` if no counting one is clean: then nothing is written before a new
    /// one is started, and never with an older one (DIR-27).
    #[must_use]
    pub fn writing_epoch(&self, group: &EntryId) -> Option<EpochInfo> {
        let entry = *self.state.writing.get(group)?;
        let What::Epoch(epoch) = &self.graph.nodes[entry].what else { return None };
        Some(self.epoch_info(entry, epoch))
    }

    /// The counting epochs that name a key, ascending by id; more than one only if an author lies about it.
    #[must_use]
    pub fn epochs_of_key(&self, key_id: &KeyId) -> Vec<EpochInfo> {
        let counting = self.epochs_with(key_id);
        let mut epochs: Vec<EpochInfo> =
            counting.map(|(entry, epoch)| self.epoch_info(entry, epoch)).collect();
        epochs.sort_unstable_by_key(|epoch| epoch.id);
        epochs
    }

    /// The parents of the next epoch of a group: the counting epochs that no other counting one has among its parents; at
    /// most 64, those of the greatest depth; ascending (CTL-30). All of them are in the past of an entry that depends on
    /// [`dependencies`](Self::dependencies).
    #[must_use]
    pub fn epoch_heads(&self, group: &EntryId) -> Vec<EntryId> {
        let knows = self.knows();
        let counting = self.counting_epochs(group).filter(|(entry, _)| knows(*entry));
        let counting: Vec<(EntryNo, &EpochEntry)> = counting.collect();
        let parents: std::collections::HashSet<&EntryId> =
            counting.iter().flat_map(|(_, epoch)| &epoch.parents).collect();
        let heads =
            counting.iter().map(|(entry, _)| (self.depth(*entry), self.graph.nodes[*entry].id));
        let mut heads: Vec<(u64, EntryId)> =
            heads.filter(|(_, id)| !parents.contains(id)).collect();
        heads.sort_unstable_by(|a, b| b.cmp(a));
        heads.truncate(bulla_core::limits::MAX_EPOCH_PARENTS);
        let mut heads: Vec<EntryId> = heads.into_iter().map(|(_, id)| id).collect();
        heads.sort_unstable();
        heads
    }

    /// To whom the next epoch of a group is to be sealed: every device that reads it, and the recovery key in force;
    /// ascending by device (CTL-31). Devices without a sealing key are left out, and so is one that an entry which depends
    /// on [`dependencies`](Self::dependencies) would not know to read: no such epoch is clean (DIR-26).
    #[must_use]
    pub fn readers(&self, group: &EntryId) -> Vec<Recipient> {
        let knows = self.knows();
        let readers = self.reading_devices(group).into_iter();
        let readers = readers.filter(|device| self.state.reads_by(*device, group, &knows));
        let mut readers: Vec<Recipient> =
            readers.filter_map(|device| self.recipient(device)).collect();
        readers.sort_unstable();
        readers
    }

    /// The readers to whom the writing epoch of a group is not sealed: it was started where they were not known yet. Until
    /// an admin starts another one they read nothing that is written (DIR-28). Nobody if there is no writing epoch.
    #[must_use]
    pub fn readers_left_out(&self, group: &EntryId) -> Vec<Recipient> {
        let writing = self.state.writing.get(group).map(|entry| &self.graph.nodes[*entry].what);
        let Some(What::Epoch(epoch)) = writing else { return Vec::new() };
        let has_seal = |reader: &Recipient| {
            let device = self.graph.known_device(&reader.device);
            device.is_some_and(|device| epoch.is_sealed_to(&self.graph, device))
        };
        let mut readers = self.readers(group);
        readers.retain(|reader| !has_seal(reader));
        readers
    }

    /// How many questions it took to judge epochs since everything was judged last.
    #[doc(hidden)]
    #[must_use]
    pub const fn epoch_steps(&self) -> u64 {
        self.state.epoch_steps
    }

    /// The counting groups, ascending by id.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupInfo> {
        let mut groups: Vec<GroupInfo> =
            self.state.groups.keys().filter_map(|id| self.group(id)).collect();
        groups.sort_unstable_by_key(|group| group.id);
        groups
    }

    /// A group that counts.
    #[must_use]
    pub fn group(&self, id: &EntryId) -> Option<GroupInfo> {
        self.state.groups.get(id)?;
        let devices = self.reading_devices(id).into_iter();
        let devices = devices.filter(|device| !self.state.devices[*device].is_recovery_key);
        let mut readers: Vec<AuthorKey> = devices.map(|device| self.graph.key(device)).collect();
        readers.sort_unstable();
        Some(GroupInfo { id: *id, readers })
    }

    /// Whether a device reads what is sealed for a group; zero for the space's own epochs.
    #[must_use]
    pub fn reads(&self, device: &AuthorKey, group: &EntryId) -> bool {
        let device = self.graph.known_device(device);
        device.is_some_and(|device| self.reads_group(device, group))
    }

    /// Which entries that count are in the past of one that is written now.
    fn knows(&self) -> impl Fn(EntryNo) -> bool + '_ {
        let heads = self.chosen_heads();
        let is_all = self.counting_heads().len() <= super::MAX_HEADS;
        move |entry| {
            is_all || heads.iter().any(|head| *head == entry || self.graph.in_past(entry, *head))
        }
    }

    pub(super) fn epochs_with(
        &self,
        key_id: &KeyId,
    ) -> impl Iterator<Item = (EntryNo, &EpochEntry)> + '_ {
        let entries = self.graph.by_key_id.get(key_id).into_iter().flatten();
        entries.filter_map(|entry| self.counting_epoch(*entry))
    }

    /// Whether an epoch of the space's own names a key, counting or not (DIR-30).
    pub(super) fn is_named_for_the_space(&self, key_id: &KeyId) -> bool {
        let entries = self.graph.by_key_id.get(key_id).into_iter().flatten();
        entries.into_iter().any(|entry| match &self.graph.nodes[*entry].what {
            What::Epoch(epoch) => epoch.group.is_zero(),
            _ => false,
        })
    }

    pub(super) fn counting_epochs(
        &self,
        group: &EntryId,
    ) -> impl Iterator<Item = (EntryNo, &EpochEntry)> + '_ {
        let epochs = self.state.epochs_by_group.get(group);
        let entries = epochs.into_iter().flat_map(|epochs| &epochs.counting);
        entries.filter_map(|entry| self.counting_epoch(*entry))
    }

    fn counting_epoch(&self, entry: EntryNo) -> Option<(EntryNo, &EpochEntry)> {
        match &self.graph.nodes[entry].what {
            What::Epoch(epoch) if self.is_counting(entry) => Some((entry, epoch)),
            _ => None,
        }
    }

    fn is_counting(&self, entry: EntryNo) -> bool {
        self.state.epochs.get(&entry).is_some_and(|state| state.counts)
    }

    fn depth(&self, entry: EntryNo) -> u64 {
        self.state.epochs.get(&entry).map_or(0, |state| state.depth)
    }

    fn epoch_info(&self, entry: EntryNo, epoch: &EpochEntry) -> EpochInfo {
        let node = &self.graph.nodes[entry];
        let state = self.state.epochs.get(&entry);
        EpochInfo {
            id: node.id,
            group: epoch.group,
            author: self.graph.key(node.author),
            key_id: epoch.key_id,
            parents: epoch.parents.clone(),
            depth: self.depth(entry),
            is_clean: state.is_some_and(EpochState::is_clean),
        }
    }

    fn reading_devices(&self, group: &EntryId) -> Vec<DeviceNo> {
        self.state.devices.numbers().filter(|device| self.reads_group(*device, group)).collect()
    }

    pub(super) fn reads_group(&self, device: DeviceNo, group: &EntryId) -> bool {
        self.state.reads(device, group)
    }

    fn recipient(&self, device: DeviceNo) -> Option<Recipient> {
        let sealing_key = self.sealing_key(device)?;
        Some(Recipient { device: self.graph.key(device), sealing_key })
    }
}
