//! Key groups, when it is decided who has which role (DIR-23).

use std::collections::HashMap;

use bulla_core::EntryId;
use bulla_core::control::Role;

use super::rights::belongs;
use super::{Addition, Judged, Judging, Removal};
use crate::graph::{Graph, GroupEntry, What};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

/// What counting entries say of the members of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupState {
    pub(crate) added: HashMap<DeviceNo, Vec<Addition>>,
    pub(crate) removed: HashMap<DeviceNo, Vec<Removal>>,
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

impl Judged {
    /// Keeps what a counting group entry says.
    pub(crate) fn enter_group(&mut self, graph: &Graph, entry: EntryNo, group: &GroupEntry) {
        let of = if group.group.is_zero() { graph.nodes[entry].id } else { group.group };
        self.groups.entry(of).or_default().enter(graph, entry, group);
    }

    /// Whether a device reads a group by all that is known.
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

    /// The same by what is known at some place.
    pub(crate) fn reads_by(
        &self,
        device: DeviceNo,
        group: &EntryId,
        knows: impl Fn(EntryNo) -> bool,
    ) -> bool {
        if let Some(step) = self.succession.iter().find(|step| step.device == device) {
            return step.named_by.is_none_or(&knows) && !step.signed.is_some_and(&knows);
        }
        self.role_by(device, &knows) >= Some(Role::Reader)
            && (group.is_zero()
                || self.groups.get(group).is_some_and(|group| {
                    let (additions, removals) = (group.additions(device), group.removals(device));
                    belongs(additions, removals, &knows, |removal| knows(removal.by))
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

    /// Whether a group was founded by a counting entry in the past.
    pub(super) fn is_founded(&self, group: &EntryId, entry: EntryNo) -> bool {
        self.state.groups.contains_key(group)
            && self.graph.entry(group).is_some_and(|founding| self.graph.in_past(founding, entry))
    }
}
