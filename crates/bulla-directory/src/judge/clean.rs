//! Clean epochs: nobody has the key of one who was to lose it (DIR-26), and of them the one that a group is written with
//! (DIR-27).
//!
//! An epoch that is not clean at an entry is not clean at any that has this in its past. So of the counting epochs of one
//! lane, each of which has the earlier ones in its past, only the last that an entry knows is looked at; and of the losses
//! of one lane, only the first that an epoch does not know. What a hostile device writes costs no more than itself.

use std::collections::HashMap;

use bulla_core::EntryId;
use bulla_core::control::Role;

use super::{Judged, Judging};
use crate::graph::{EpochEntry, Graph, What};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

/// What is known of one epoch entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct EpochState {
    /// Over all parents in its past that are epochs of its group, whether they count or not (DIR-27).
    pub(crate) depth: u64,
    pub(crate) by_admin: bool,
    /// Its author's earlier epochs of the group lie in its past, one after another (DIR-25).
    pub(crate) is_chained: bool,
    pub(crate) counts: bool,
    /// Its author and recipients read the group by what is known at the epoch.
    pub(super) is_sound: bool,
    /// What takes the key from one of these and is not known at the epoch: of each lane the first.
    pub(super) losses: Vec<EntryNo>,
    /// A counting epoch of the group has it in its past.
    pub(super) is_superseded: bool,
}

/// The epochs of one group.
#[derive(Debug, Default)]
pub(crate) struct GroupEpochs {
    /// All that a device wrote, counting or not, by `(sequence, id)`.
    by_author: HashMap<DeviceNo, Vec<EntryNo>>,
    /// Those that count.
    pub(crate) counting: Vec<EntryNo>,
    /// The same by lane, the earlier before the later.
    lanes: HashMap<u32, Vec<EntryNo>>,
    /// Those that count and that no other which counts has in its past.
    heads: Vec<EntryNo>,
}

impl EpochState {
    /// Whether it is clean by all there is; only what counts is.
    pub(crate) const fn is_clean(&self) -> bool {
        self.counts && self.is_sound && self.losses.is_empty() && !self.is_superseded
    }

    /// Adds a loss that nothing else knows.
    fn lose(&mut self, graph: &Graph, loss: EntryNo) {
        let lane = graph.lane(loss);
        if self.losses.iter().all(|earlier| graph.lane(*earlier) != lane) {
            self.losses.push(loss);
        }
    }
}

impl GroupEpochs {
    /// Whether a device wrote epochs of the group.
    pub(crate) fn has_author(&self, device: DeviceNo) -> bool {
        self.by_author.contains_key(&device)
    }
}

impl Judged {
    /// Enters an epoch among those of its author, as the last.
    pub(super) fn enter_own_epoch(&mut self, graph: &Graph, entry: EntryNo) {
        let node = &graph.nodes[entry];
        let What::Epoch(epoch) = &node.what else { return };
        let of = self.epochs_by_group.entry(epoch.group).or_default();
        of.by_author.entry(node.author).or_default().push(entry);
    }

    pub(super) fn sort_own_epochs(&mut self, graph: &Graph) {
        let own = self.epochs_by_group.values_mut().flat_map(|of| of.by_author.values_mut());
        own.for_each(|own| own.sort_unstable_by_key(|entry| graph.order(*entry)));
    }

    /// Enters an epoch in its place among those of its author; false if the verdict of one after it may be another now.
    pub(crate) fn insert_own_epoch(&mut self, graph: &Graph, entry: EntryNo) -> bool {
        let node = &graph.nodes[entry];
        let What::Epoch(epoch) = &node.what else { return true };
        let of = self.epochs_by_group.entry(epoch.group).or_default();
        let own = of.by_author.entry(node.author).or_default();
        let order = graph.order(entry);
        let place = own.partition_point(|other| graph.order(*other) < order);
        own.insert(place, entry);
        // None of those after it has in its past what nothing refers to. Those after one that is not chained are not either.
        let mut is_same = true;
        for later in own.iter().skip(place + 1) {
            let Some(state) = self.epochs.get_mut(later).filter(|state| state.is_chained) else {
                break;
            };
            state.is_chained = false;
            // Others are refused for what is asked first, or count by what plays no part here.
            let is_asked = !matches!(
                self.verdicts[*later],
                Some(Verdict::Refused(Refusal::NoRight | Refusal::Stranger | Refusal::Recovery))
            );
            is_same &= state.by_admin || !is_asked;
        }
        is_same
    }

    /// Whether the epochs that its author wrote before one lie in its past, and so on (DIR-25).
    pub(super) fn is_chained(&self, graph: &Graph, entry: EntryNo, group: &EntryId) -> bool {
        let of = self.epochs_by_group.get(group);
        let own = of.and_then(|of| of.by_author.get(&graph.nodes[entry].author));
        let own = own.map_or(&[][..], Vec::as_slice);
        let order = graph.order(entry);
        let place = own.partition_point(|other| graph.order(*other) < order);
        let Some(before) = place.checked_sub(1).and_then(|before| own.get(before)) else {
            return true;
        };
        graph.in_past(*before, entry)
            && self.epochs.get(before).is_some_and(|before| before.is_chained)
    }

    /// Finds the epoch that a group is written with (DIR-27), and whether it is another one than before.
    pub(crate) fn choose_writing_epoch(&mut self, graph: &Graph, group: &EntryId) -> bool {
        let heads = self.epochs_by_group.get(group).map_or(&[][..], |of| &of.heads);
        let usable = heads.iter().filter_map(|entry| {
            let state = self.epochs.get(entry).filter(|state| state.is_clean())?;
            Some(((state.by_admin, state.depth, graph.nodes[*entry].id), *entry))
        });
        let chosen = usable.max().map(|(_, entry)| entry);
        let before = match chosen {
            Some(entry) => self.writing.insert(*group, entry),
            None => self.writing.remove(group),
        };
        before != chosen
    }

    /// Takes the keys of a group from a device by an entry that nothing refers to: no epoch knows it.
    pub(crate) fn lose_keys(
        &mut self,
        graph: &Graph,
        device: DeviceNo,
        group: &EntryId,
        loss: EntryNo,
    ) {
        if self.devices[device].is_recovery_key {
            return;
        }
        let counting = self.epochs_by_group.get(group).map_or(&[][..], |of| &of.counting);
        for entry in counting {
            let node = &graph.nodes[*entry];
            let has_key = node.author == device
                || matches!(&node.what, What::Epoch(epoch) if epoch.is_sealed_to(graph, device));
            if let Some(state) = self.epochs.get_mut(entry).filter(|_| has_key) {
                state.lose(graph, loss);
            }
        }
    }
}

impl Judging<'_> {
    /// Keeps what follows from an epoch that counts.
    pub(super) fn enter_counting_epoch(&mut self, entry: EntryNo, epoch: &EpochEntry) {
        let author = self.graph.nodes[entry].author;
        let holders = || epoch.recipients(self.graph).chain([Some(author)]);
        let is_sound = holders().all(|device| self.reads_at(device, &epoch.group, entry));
        let losses = match is_sound {
            true => self.losses_unknown_at(entry, holders().flatten(), &epoch.group),
            false => Vec::new(),
        };
        if let Some(state) = self.state.epochs.get_mut(&entry) {
            (state.counts, state.is_sound, state.losses) = (true, is_sound, losses);
        }
        let of = self.state.epochs_by_group.entry(epoch.group).or_default();
        of.counting.push(entry);
        of.lanes.entry(self.graph.lane(entry)).or_default().push(entry);
        self.steps.set(self.steps.get() + of.heads.len() as u64);
        let (graph, epochs) = (self.graph, &mut self.state.epochs);
        of.heads.retain(|head| {
            let is_superseded = graph.in_past(*head, entry);
            if let Some(state) = epochs.get_mut(head).filter(|_| is_superseded) {
                state.is_superseded = true;
            }
            !is_superseded
        });
        of.heads.push(entry);
    }

    /// What takes the key of an epoch from these and is not in its past: of each lane the first.
    fn losses_unknown_at(
        &self,
        entry: EntryNo,
        holders: impl Iterator<Item = DeviceNo>,
        group: &EntryId,
    ) -> Vec<EntryNo> {
        let group = self.state.groups.get(group);
        let mut losses = Vec::new();
        for device in holders {
            let decided = &self.state.devices[device];
            if decided.is_recovery_key {
                let mut steps = self.state.succession.iter();
                losses
                    .extend(steps.find(|step| step.device == device).and_then(|step| step.signed));
                continue;
            }
            let reading = decided.losses.iter().filter(|loss| loss.role < Some(Role::Reader));
            losses.extend(reading.map(|loss| loss.by));
            losses.extend(group.into_iter().flat_map(|g| g.removals(device)).map(|lost| lost.by));
        }
        losses.retain(|loss| !self.knows(*loss, entry));
        losses.sort_unstable_by_key(|loss| (self.graph.lane(*loss), self.graph.level(*loss)));
        losses.dedup_by_key(|loss| self.graph.lane(*loss));
        losses
    }

    /// The counting epochs of a group in the past of an entry that are clean at it.
    pub(super) fn clean_at(&self, entry: EntryNo, group: &EntryId) -> Vec<EntryNo> {
        let Some(of) = self.state.epochs_by_group.get(group) else { return Vec::new() };
        let newest = |lane: &Vec<EntryNo>| {
            let known = lane.partition_point(|epoch| self.knows(*epoch, entry));
            known.checked_sub(1).and_then(|last| lane.get(last)).copied()
        };
        let newest: Vec<EntryNo> = of.lanes.values().filter_map(newest).collect();
        let mut clean = newest.clone();
        clean.retain(|epoch| {
            self.state.epochs.get(epoch).is_some_and(|state| {
                state.is_sound && !state.losses.iter().any(|loss| self.knows(*loss, entry))
            }) && !newest.iter().any(|later| self.knows(*epoch, *later))
        });
        clean
    }

    /// Whether a device reads a group by what is known at an entry; `None` is one of which nothing is known.
    pub(super) fn reads_at(
        &self,
        device: Option<DeviceNo>,
        group: &EntryId,
        entry: EntryNo,
    ) -> bool {
        self.steps.set(self.steps.get() + 1);
        let knows = |earlier| self.knows(earlier, entry);
        device.is_some_and(|device| self.state.reads_by(device, group, knows))
    }

    fn knows(&self, earlier: EntryNo, entry: EntryNo) -> bool {
        self.steps.set(self.steps.get() + 1);
        self.graph.in_past(earlier, entry)
    }
}
