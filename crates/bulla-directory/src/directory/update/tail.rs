//! Entries that nothing held refers to: they are in nobody's past, so most of them change little.

use bulla_core::control::Role;
use bulla_core::{EntryId, InvitationId};

use super::{enter_erasure, remove_erasure};
use crate::change::Change;
use crate::directory::Directory;
use crate::graph::What;
use crate::judge::{Judging, Loss, Place};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

impl Directory {
    /// Judges a new entry and what it changes; false, with nothing lost that judging everything will need, if that would
    /// not be enough.
    pub(super) fn take_in_at_tail(&mut self, entry: EntryNo, change: &mut Change) -> bool {
        let node = &self.graph.nodes[entry];
        let author = &self.state.devices[node.author];
        let refusal = match &node.what {
            What::Genesis => return false,
            _ if author.place.is_none() => Some(Refusal::Stranger),
            What::Recovery(_) => return false,
            _ if author.is_recovery_key => Some(Refusal::Recovery),
            _ => None,
        };
        self.state.verdicts[entry] = refusal.map(Verdict::Refused);
        self.state.name_admin(&self.graph, entry);
        let is_done = match &self.graph.nodes[entry].what {
            // Epochs that do not count have a depth all the same.
            What::Epoch(_) => self.tail_epoch(entry, change),
            _ if refusal.is_some() => true,
            What::Group(_) => self.tail_group(entry, change),
            What::Erase(_) => self.tail_erasure(entry, change),
            What::Grant { device, card, .. } => {
                let invitation = card.as_ref().and_then(|card| card.invitation);
                self.tail_grant(entry, *device, invitation, change)
            }
            What::Raise { device, .. } => self.tail_raise(entry, *device, change),
            What::Lowering { device, .. } | What::Revoke { device, .. } => {
                self.tail_loss(entry, *device, change)
            }
            What::Genesis | What::Recovery(_) => false,
        };
        if is_done {
            change.verdicts.push(self.graph.nodes[entry].id);
        } else {
            self.state.verdicts[entry] = None;
        }
        is_done
    }

    fn tail_epoch(&mut self, entry: EntryNo, change: &mut Change) -> bool {
        let What::Epoch(epoch) = &self.graph.nodes[entry].what else { return false };
        if !self.state.insert_own_epoch(&self.graph, entry) {
            return false;
        }
        let verdict = Judging::complete(&self.graph, &mut self.state).epoch(entry, epoch);
        self.state.verdicts[entry] = Some(verdict);
        // One of the space's own opens a key that others named, counting or not.
        let is_named_twice =
            self.graph.by_key_id.get(&epoch.key_id).is_some_and(|epochs| epochs.len() > 1);
        if verdict.counts() || epoch.group.is_zero() && is_named_twice {
            change.key_ids.push(epoch.key_id);
        }
        if verdict.counts() && self.state.choose_writing_epoch(&self.graph, &epoch.group) {
            change.writing_epochs.push(epoch.group);
        }
        true
    }

    fn tail_erasure(&mut self, entry: EntryNo, change: &mut Change) -> bool {
        self.state.verdicts[entry] = Some(self.state.by_role(&self.graph, entry, Role::Writer));
        self.state.enter_erasure(&self.graph, entry);
        if let Some(is_admin) = self.state.erasing.get(&entry) {
            enter_erasure(&self.graph, &mut self.erasures, entry, *is_admin);
            change.erasures = true;
        }
        true
    }

    fn tail_group(&mut self, entry: EntryNo, change: &mut Change) -> bool {
        let What::Group(group) = &self.graph.nodes[entry].what else { return false };
        let verdict = Judging::complete(&self.graph, &mut self.state).group(entry, group);
        if !verdict.counts() {
            self.state.verdicts[entry] = Some(verdict);
            return true;
        }
        // Epochs by a device that leaves may not count any more.
        let epochs = self.state.epochs_by_group.get(&group.group);
        let is_author = |device: DeviceNo| epochs.is_some_and(|epochs| epochs.has_author(device));
        if group.removed.iter().any(|(device, _)| is_author(*device)) {
            return false;
        }
        self.state.verdicts[entry] = Some(verdict);
        let of = if group.group.is_zero() { self.graph.nodes[entry].id } else { group.group };
        self.state.enter_group(&self.graph, entry, group);
        for (device, _) in &group.removed {
            self.state.lose_keys(&self.graph, *device, &of, entry);
        }
        let removed = group.removed.iter().map(|(device, _)| *device);
        let named = group.added.iter().copied().chain(removed);
        change.standings.extend(named.map(|device| self.graph.key(device)));
        self.choose_again(of, change);
        true
    }

    fn tail_grant(
        &mut self,
        entry: EntryNo,
        device: DeviceNo,
        invitation: Option<InvitationId>,
        change: &mut Change,
    ) -> bool {
        let author = self.graph.nodes[entry].author;
        let verdict = self.state.by_role(&self.graph, entry, Role::Admin);
        let judging = Judging::complete(&self.graph, &mut self.state);
        let refusal = if verdict.counts() {
            let is_above = judging.is_senior_or_same(device, author);
            let is_revoked = || self.state.knows_revoked(&self.graph, entry, device);
            let is_revoked = || is_revoked().then_some(Refusal::Revoked);
            is_above.then_some(Refusal::Seniority).or_else(is_revoked)
        } else {
            verdict.refusal()
        };
        if let Some(refusal) = refusal {
            self.state.verdicts[entry] = Some(Verdict::Refused(refusal));
            return true;
        }
        let first = invitation.and_then(|invitation| self.state.claims.get(&invitation).copied());
        let is_later = first.is_some_and(|first| {
            let by = self.graph.nodes[first].author;
            if by == author {
                self.graph.order(first) < self.graph.order(entry)
            } else {
                self.state.is_senior(&self.graph, by, author)
            }
        });
        if first.is_some_and(|first| !self.graph.nodes[first].what.names().contains(&device)) {
            self.state.verdicts[entry] = Some(Verdict::Refused(Refusal::Invitation));
            return is_later;
        }
        let row = &self.graph.devices[device];
        let place = Place::granted(&self.graph, &self.state, entry);
        let is_simple = match self.state.devices[device].place {
            // What was said of it, or by it, was judged while nobody knew it.
            None => row.own.is_empty() && row.about == [entry],
            // A better place moves all below it; a card lifts earlier raises.
            Some(now) => {
                !self.state.is_before(&self.graph, place, now)
                    && !self.state.devices[device].is_bare
            }
        };
        if !is_simple {
            return false;
        }
        if let Some(invitation) = invitation.filter(|_| !is_later) {
            self.state.claims.insert(invitation, entry);
        }
        self.state.verdicts[entry] = Some(Verdict::Counts);
        self.state.devices[device].place.get_or_insert(place);
        self.gather_again(device, change);
        true
    }

    fn tail_raise(&mut self, entry: EntryNo, device: DeviceNo, change: &mut Change) -> bool {
        let verdict = Judging::complete(&self.graph, &mut self.state).own_entry(entry);
        let counts = verdict.is_some_and(Verdict::counts);
        self.state.verdicts[entry] = verdict;
        if counts && self.state.devices[device].place.is_some() {
            self.gather_again(device, change);
        }
        true
    }

    fn tail_loss(&mut self, entry: EntryNo, device: DeviceNo, change: &mut Change) -> bool {
        let mut judging = Judging::complete(&self.graph, &mut self.state);
        let verdict = if self.graph.nodes[entry].author == device {
            Some(judging.own_loss(entry))
        } else {
            judging.own_entry(entry)
        };
        let Some(verdict) = verdict else { return false };
        if !verdict.counts() || self.state.devices[device].place.is_none() {
            self.state.verdicts[entry] = Some(verdict);
            return true;
        }
        let mut erasures = Vec::new();
        for own in self.graph.devices[device].own.iter().filter(|own| **own != entry) {
            let may_change = !matches!(
                self.state.verdicts[*own],
                Some(Verdict::Refused(Refusal::Cut | Refusal::NoRight | Refusal::Recovery))
            );
            match &self.graph.nodes[*own].what {
                What::Genesis => {}
                What::Erase(_) if may_change => erasures.push(*own),
                _ if may_change => return false,
                _ => {}
            }
        }
        self.state.verdicts[entry] = Some(verdict);
        self.gather_again(device, change);
        let loss = Loss::of(&self.graph, entry, device);
        if loss.is_some_and(|loss| loss.role < Some(Role::Reader)) {
            let groups: Vec<EntryId> = self.state.epochs_by_group.keys().copied().collect();
            for group in groups {
                self.state.lose_keys(&self.graph, device, &group, entry);
                self.choose_again(group, change);
            }
        }
        for own in erasures {
            let verdict = Some(self.state.by_role(&self.graph, own, Role::Writer));
            let was = self.state.erasing.get(&own).copied();
            if self.state.verdicts[own] != verdict {
                self.state.verdicts[own] = verdict;
                change.verdicts.push(self.graph.nodes[own].id);
            }
            self.state.enter_erasure(&self.graph, own);
            let now = self.state.erasing.get(&own).copied();
            if now != was {
                if let Some(was_admin) = was {
                    remove_erasure(&self.graph, &mut self.erasures, own, was_admin);
                }
                if let Some(is_admin) = now {
                    enter_erasure(&self.graph, &mut self.erasures, own, is_admin);
                }
                change.erasures = true;
            }
        }
        true
    }

    /// Collects anew what a device was given and lost.
    fn gather_again(&mut self, device: DeviceNo, change: &mut Change) {
        let present = self.state.devices[device].present;
        Judging::complete(&self.graph, &mut self.state).gather(device);
        let own = self.graph.devices[device].own.iter();
        let own = own.filter(|own| self.state.verdicts[**own] == Some(Verdict::Counts));
        let own: Vec<Loss> = own.filter_map(|own| Loss::own(&self.graph, *own)).collect();
        self.state.devices[device].lose(&self.graph, own);
        let now = self.state.present_role(device);
        self.state.devices[device].present = now;
        change.standings.push(self.graph.key(device));
        if now != present {
            change.members.push(self.graph.key(device));
        }
    }

    fn choose_again(&mut self, group: EntryId, change: &mut Change) {
        if self.state.choose_writing_epoch(&self.graph, &group) {
            change.writing_epochs.push(group);
        }
    }
}
