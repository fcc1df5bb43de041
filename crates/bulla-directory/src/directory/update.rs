//! Taking in entries: at the tail in the time it takes to judge one, otherwise by judging everything again.

mod tail;

use std::collections::{HashMap, HashSet};

use bulla_core::{AuthorKey, EntryId, VerifiedEntry};

use super::Directory;
use crate::change::Change;
use crate::erasures::{Eraser, Erasures};
use crate::graph::{Graph, What};
use crate::judge::{Decided, Judged, judge};
use crate::table::{DeviceNo, EntryNo};

impl Directory {
    pub(super) fn take_in(&mut self, entries: &[&VerifiedEntry]) -> Change {
        let mut change = Change::default();
        let mut is_outdated = std::mem::take(&mut self.is_behind);
        for entry in parents_first(entries) {
            let Some(added) = self.graph.add(entry) else { continue };
            self.state.verdicts.grow(self.graph.nodes.len(), None);
            self.state.devices.grow(self.graph.devices.len(), Decided::default());
            is_outdated =
                is_outdated || !(added.at_tail && self.take_in_at_tail(added.entry, &mut change));
        }
        if is_outdated {
            self.judge_again(&mut change);
        }
        change.sort()
    }

    pub(super) fn take_in_unjudged(&mut self, entries: &[&VerifiedEntry]) {
        for entry in parents_first(entries) {
            if self.graph.add(entry).is_some() {
                self.is_behind = true;
                // What is not decided yet has its rows, so that whoever asks meanwhile is answered.
                self.state.verdicts.grow(self.graph.nodes.len(), None);
                self.state.devices.grow(self.graph.devices.len(), Decided::default());
            }
        }
    }

    fn judge_again(&mut self, change: &mut Change) {
        let before = std::mem::replace(&mut self.state, judge(&self.graph));
        let after = &self.state;
        let verdicts = after.verdicts.iter();
        let verdicts = verdicts.filter(|(entry, verdict)| before.verdicts[*entry] != **verdict);
        change.verdicts.extend(verdicts.map(|(entry, _)| self.graph.nodes[entry].id));
        for (device, decided) in after.devices.iter() {
            let was = &before.devices[device];
            if was.is_recovery_key != decided.is_recovery_key
                || was.place.is_some() != decided.place.is_some()
                || (&was.gives, &was.losses) != (&decided.gives, &decided.losses)
            {
                change.standings.push(self.graph.key(device));
            }
            if was.present != decided.present {
                change.members.push(self.graph.key(device));
            }
        }
        for device in moved_in_groups(&before, after) {
            change.standings.push(self.graph.key(device));
        }
        for (entry, state) in &after.epochs {
            let was = before.epochs.get(entry);
            let counted = was.is_some_and(|before| before.counts);
            // One of the space's own says something already when it does not count.
            if let What::Epoch(epoch) = &self.graph.nodes[*entry].what
                && (counted != state.counts || was.is_none() && epoch.group.is_zero())
            {
                change.key_ids.push(epoch.key_id);
            }
        }
        change.writing_epochs.extend(differing(&before.writing, &after.writing));
        change.policy |= before.roots.is_empty() && !after.roots.is_empty();
        if before.erasing != after.erasing {
            change.erasures = true;
            self.collect_erasures();
        }
    }

    /// Makes the index of erasures anew.
    fn collect_erasures(&mut self) {
        self.erasures = Erasures::default();
        for (entry, is_admin) in &self.state.erasing {
            enter_erasure(&self.graph, &mut self.erasures, *entry, *is_admin);
        }
    }
}

/// Enters an erasure that counts.
fn enter_erasure(graph: &Graph, erasures: &mut Erasures, entry: EntryNo, is_admin: bool) {
    if let What::Erase(erase) = &graph.nodes[entry].what {
        let (by, key) = eraser(graph, entry, is_admin);
        erasures.enter(by, key, erase);
    }
}

/// Takes out one that counted.
fn remove_erasure(graph: &Graph, erasures: &mut Erasures, entry: EntryNo, was_admin: bool) {
    if let What::Erase(erase) = &graph.nodes[entry].what {
        let (by, key) = eraser(graph, entry, was_admin);
        erasures.remove(by, key, erase);
    }
}

fn eraser(graph: &Graph, entry: EntryNo, is_admin: bool) -> (Eraser, AuthorKey) {
    let node = &graph.nodes[entry];
    (Eraser { id: node.id, author: node.author, is_admin }, graph.key(node.author))
}

/// Devices of which groups say something else than before.
fn moved_in_groups(before: &Judged, after: &Judged) -> HashSet<DeviceNo> {
    let mut moved = HashSet::new();
    for id in differing(&before.groups, &after.groups) {
        let (was, is) = (before.groups.get(&id), after.groups.get(&id));
        let states = was.into_iter().chain(is);
        let devices: HashSet<DeviceNo> = states
            .flat_map(|state| state.added.keys().chain(state.removed.keys()))
            .copied()
            .collect();
        moved.extend(devices.into_iter().filter(|device| {
            was.map(|state| (state.additions(*device), state.removals(*device)))
                != is.map(|state| (state.additions(*device), state.removals(*device)))
        }));
    }
    moved
}

/// Keys whose values are not the same in both.
fn differing<V: PartialEq>(a: &HashMap<EntryId, V>, b: &HashMap<EntryId, V>) -> Vec<EntryId> {
    let gone = a.keys().filter(|key| !b.contains_key(*key));
    let other = b.iter().filter(|(key, value)| a.get(*key) != Some(*value)).map(|(key, _)| key);
    gone.chain(other).copied().collect()
}

/// The entries, each after those of them that it names: what has its parents when it comes costs least to index.
fn parents_first<'a>(entries: &[&'a VerifiedEntry]) -> Vec<&'a VerifiedEntry> {
    if entries.len() < 2 {
        return entries.to_vec();
    }
    let mut left: HashMap<EntryId, &VerifiedEntry> =
        entries.iter().map(|entry| (entry.id(), *entry)).collect();
    let mut order = Vec::with_capacity(entries.len());
    let mut open: Vec<(&VerifiedEntry, bool)> = Vec::new();
    for entry in entries {
        open.extend(left.remove(&entry.id()).map(|entry| (entry, false)));
        while let Some((entry, is_left)) = open.pop() {
            if is_left {
                order.push(entry);
                continue;
            }
            open.push((entry, true));
            let header = entry.header();
            let references = std::iter::once(&header.previous).chain(&header.dependencies);
            open.extend(references.filter_map(|id| left.remove(id)).map(|entry| (entry, false)));
        }
    }
    order
}
