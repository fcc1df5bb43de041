//! Pass 2: key groups and key epochs, when it is decided who has which role (DIR-23 to DIR-27).

use std::collections::HashMap;

use bulla_core::EntryId;
use bulla_core::control::Role;

use super::rights::belongs;
use super::{Addition, Judged, Judging, Removal};
use crate::graph::{EpochEntry, Graph, GroupEntry, What};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

/// What counting entries say of the members of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupState {
    pub(crate) added: HashMap<DeviceNo, Vec<Addition>>,
    pub(crate) removed: HashMap<DeviceNo, Vec<Removal>>,
}

/// What is known of one epoch entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochState {
    /// Over all parents in its past that are epochs of its group, whether they count or not (DIR-27).
    pub(crate) depth: u64,
    pub(crate) by_admin: bool,
    pub(crate) counts: bool,
    /// How many of its author and recipients do not read the group by all that is known; it is clean with none (DIR-26).
    pub(crate) unclean: usize,
}

impl GroupState {
    /// Enters what a counting entry says.
    pub(crate) fn enter(&mut self, graph: &Graph, by: EntryNo, group: &GroupEntry) {
        for device in &group.added {
            let mut addition = Addition { by, after: Vec::new() };
            addition.settle(graph, self.removals(*device));
            self.added.entry(*device).or_default().push(addition);
        }
        for (device, cuts) in &group.removed {
            self.removed.entry(*device).or_default().push(Removal::new(graph, by, cuts));
        }
    }

    /// Looks up again which removals which additions have in their past.
    fn settle(&mut self, graph: &Graph) {
        let removed = &self.removed;
        for (device, additions) in &mut self.added {
            let removals = removed.get(device).map_or(&[][..], Vec::as_slice);
            additions.iter_mut().for_each(|addition| addition.settle(graph, removals));
        }
    }

    pub(crate) fn additions(&self, device: DeviceNo) -> &[Addition] {
        self.added.get(&device).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn removals(&self, device: DeviceNo) -> &[Removal] {
        self.removed.get(&device).map_or(&[], Vec::as_slice)
    }
}

impl EpochState {
    /// DIR-26.
    pub(crate) const fn is_clean(&self) -> bool {
        self.unclean == 0
    }
}

impl Judged {
    /// Keeps what a counting group entry says.
    pub(crate) fn enter_group(&mut self, graph: &Graph, entry: EntryNo, group: &GroupEntry) {
        let of = if group.group.is_zero() { graph.nodes[entry].id } else { group.group };
        self.groups.entry(of).or_default().enter(graph, entry, group);
    }

    /// Finds the epoch that a group is written with (DIR-27), and whether it is another one than before.
    pub(crate) fn choose_writing_epoch(&mut self, graph: &Graph, group: &EntryId) -> bool {
        let entries = self.epochs_by_group.get(group).into_iter().flatten();
        let usable = entries.filter_map(|entry| {
            let state = self.epochs.get(entry).filter(|state| state.counts && state.is_clean())?;
            Some(((state.by_admin, state.depth, graph.nodes[*entry].id), *entry))
        });
        let chosen = usable.max().map(|(_, entry)| entry);
        let before = match chosen {
            Some(entry) => self.writing.insert(*group, entry),
            None => self.writing.remove(group),
        };
        before != chosen
    }

    /// Whether a device reads a group by all that is known (DIR-26).
    pub(crate) fn reads(&self, device: DeviceNo, group: &EntryId) -> bool {
        let decided = &self.devices[device];
        if decided.is_recovery_key {
            return self
                .succession
                .iter()
                .any(|step| step.device == device && step.signed.is_none());
        }
        decided.present >= Some(Role::Reader)
            && (group.is_zero()
                || self.groups.get(group).is_some_and(|group| {
                    let (additions, removals) = (group.additions(device), group.removals(device));
                    belongs(additions, removals, |_| true, |_| true)
                }))
    }
}

impl Judging<'_> {
    pub(super) fn groups(&mut self) {
        let (founding, changing): (Vec<EntryNo>, Vec<EntryNo>) =
            self.graph.groups.iter().partition(|entry| {
                matches!(&self.graph.nodes[**entry].what, What::Group(group) if group.group.is_zero())
            });
        for entry in founding.into_iter().chain(changing) {
            if self.state.verdicts[entry].is_some() {
                continue;
            }
            let What::Group(group) = &self.graph.nodes[entry].what else { continue };
            let verdict = self.group(entry, group);
            self.state.verdicts[entry] = Some(verdict);
            if verdict.counts() {
                self.state.enter_group(self.graph, entry, group);
            }
        }
        for group in self.state.groups.values_mut() {
            group.settle(self.graph);
        }
    }

    /// Judges a group entry; founding ones come first.
    pub(crate) fn group(&self, entry: EntryNo, group: &GroupEntry) -> Verdict {
        let verdict = self.state.by_role(self.graph, entry, Role::Admin);
        if !verdict.counts() || group.group.is_zero() || self.is_founded(&group.group, entry) {
            verdict
        } else {
            Verdict::Refused(Refusal::Group)
        }
    }

    pub(super) fn epochs(&mut self) {
        let mut epochs = self.graph.epochs.clone();
        epochs.sort_unstable_by_key(|entry| (self.graph.level(*entry), *entry));
        for entry in epochs {
            let What::Epoch(epoch) = &self.graph.nodes[entry].what else { continue };
            let verdict = self.epoch(entry, epoch);
            self.state.verdicts[entry] = Some(verdict);
        }
        let groups: Vec<EntryId> = self.state.epochs_by_group.keys().copied().collect();
        for group in groups {
            self.state.choose_writing_epoch(self.graph, &group);
        }
    }

    /// Judges an epoch and keeps what follows from it; those in its past come first.
    pub(crate) fn epoch(&mut self, entry: EntryNo, epoch: &EpochEntry) -> Verdict {
        let (parents, depth) = self.parents(entry, epoch);
        let verdict = self.epoch_rights(entry, epoch).map_or_else(Verdict::Refused, |()| {
            if !epoch.group.is_zero() && !self.is_founded(&epoch.group, entry) {
                Verdict::Refused(Refusal::Group)
            } else if parents < epoch.parents.len() {
                Verdict::Refused(Refusal::Parents)
            } else {
                Verdict::Counts
            }
        });
        // A recovery key's and a stranger's epochs were judged before.
        let verdict = self.state.verdicts[entry].unwrap_or(verdict);
        let author = self.graph.nodes[entry].author;
        let readers = std::iter::once(author).filter(|author| !epoch.is_sealed_to(*author));
        let readers = readers.chain(epoch.recipients.iter().copied());
        let unclean = readers.filter(|device| !self.state.reads(*device, &epoch.group)).count();
        let by_admin = self.state.role_at(self.graph, entry) >= Some(Role::Admin);
        let counts = verdict.counts();
        self.state.epochs.insert(entry, EpochState { depth, by_admin, counts, unclean });
        self.state.epochs_by_group.entry(epoch.group).or_default().push(entry);
        verdict
    }

    /// How many of the parents are epochs of the group in the past, and the depth that follows.
    fn parents(&self, entry: EntryNo, epoch: &EpochEntry) -> (usize, u64) {
        let (mut parents, mut depth) = (0, 0);
        for parent in epoch.parents.iter().filter_map(|id| self.graph.entry(id)) {
            let What::Epoch(of) = &self.graph.nodes[parent].what else { continue };
            if of.group != epoch.group || !self.graph.in_past(parent, entry) {
                continue;
            }
            parents += 1;
            let above = self.state.epochs.get(&parent).map_or(0, |parent| parent.depth);
            depth = depth.max(above + 1);
        }
        (parents, depth)
    }

    /// Whether the author may start this epoch (DIR-25).
    fn epoch_rights(&self, entry: EntryNo, epoch: &EpochEntry) -> Result<(), Refusal> {
        let author = self.graph.nodes[entry].author;
        let may = |role: Option<Role>, belongs: bool| {
            role >= Some(Role::Admin)
                || role >= Some(Role::Writer) && belongs && !self.knows_clean(entry, &epoch.group)
        };
        let group = self.state.groups.get(&epoch.group);
        let belongs_at = |losses: bool| {
            epoch.group.is_zero()
                || group.is_some_and(|group| {
                    belongs(
                        group.additions(author),
                        group.removals(author),
                        |addition| self.graph.in_past(addition, entry),
                        |removal| losses && !removal.covers(self.graph, entry),
                    )
                })
        };
        if may(self.state.role_at(self.graph, entry), belongs_at(true)) {
            Ok(())
        } else if may(self.state.role_but_for_losses(self.graph, entry), belongs_at(false)) {
            Err(Refusal::Cut)
        } else {
            Err(Refusal::NoRight)
        }
    }

    /// Whether a counting epoch of the group in the past of an entry, whose key the author was given, is clean at it
    /// (DIR-26).
    fn knows_clean(&self, entry: EntryNo, group: &EntryId) -> bool {
        // The newest first: most often that is the clean one.
        let earlier = self.state.epochs_by_group.get(group).into_iter().flatten().rev();
        let author = self.graph.nodes[entry].author;
        earlier.into_iter().any(|earlier| {
            let What::Epoch(epoch) = &self.graph.nodes[*earlier].what else { return false };
            self.state.epochs.get(earlier).is_some_and(|state| state.counts)
                && (epoch.is_sealed_to(author) || self.graph.nodes[*earlier].author == author)
                && self.graph.in_past(*earlier, entry)
                && self.is_clean_at(*earlier, epoch, entry)
        })
    }

    fn is_clean_at(&self, earlier: EntryNo, epoch: &EpochEntry, entry: EntryNo) -> bool {
        let group = self.state.groups.get(&epoch.group);
        let reads = |device: DeviceNo| {
            if let Some(step) = self.state.succession.iter().find(|step| step.device == device) {
                let before = |by: EntryNo| self.graph.in_past(by, entry);
                return step.named_by.is_none_or(before) && !step.signed.is_some_and(before);
            }
            self.state.role_by(self.graph, device, entry) >= Some(Role::Reader)
                && (epoch.group.is_zero()
                    || group.is_some_and(|group| {
                        belongs(
                            group.additions(device),
                            group.removals(device),
                            |addition| self.graph.in_past(addition, entry),
                            |removal| self.graph.in_past(removal.by, entry),
                        )
                    }))
        };
        reads(self.graph.nodes[earlier].author) && epoch.recipients.iter().all(|d| reads(*d))
    }

    /// Whether a group was founded by a counting entry in the past.
    fn is_founded(&self, group: &EntryId, entry: EntryNo) -> bool {
        self.state.groups.contains_key(group)
            && self.graph.entry(group).is_some_and(|founding| self.graph.in_past(founding, entry))
    }
}
