//! Which key epochs count, when it is decided who has which role and belongs to which group (DIR-25).

use std::cell::OnceCell;

use bulla_core::EntryId;
use bulla_core::control::Role;

use super::rights::belongs;
use super::{EpochState, Judging};
use crate::graph::{EpochEntry, What};
use crate::table::EntryNo;
use crate::verdict::{Refusal, Verdict};

impl Judging<'_> {
    pub(super) fn epochs(&mut self) {
        let mut epochs = self.graph.epochs.clone();
        for entry in &epochs {
            self.state.enter_own_epoch(self.graph, *entry);
        }
        self.state.sort_own_epochs(self.graph);
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

    /// Judges an epoch and keeps what follows from it; those in its past come first, and it is entered among those of its
    /// author.
    pub(crate) fn epoch(&mut self, entry: EntryNo, epoch: &EpochEntry) -> Verdict {
        let (parents, depth) = self.parents(entry, epoch);
        let is_chained = self.state.is_chained(self.graph, entry, &epoch.group);
        // A recovery key's and a stranger's epochs were judged before.
        let verdict = self.state.verdicts[entry].unwrap_or_else(|| {
            if let Err(refusal) = self.epoch_rights(entry, epoch, is_chained) {
                Verdict::Refused(refusal)
            } else if !epoch.group.is_zero() && !self.is_founded(&epoch.group, entry) {
                Verdict::Refused(Refusal::Group)
            } else if parents < epoch.parents.len() {
                Verdict::Refused(Refusal::Parents)
            } else {
                Verdict::Counts
            }
        });
        let by_admin = self.state.role_at(self.graph, entry) >= Some(Role::Admin);
        let state = EpochState { depth, by_admin, is_chained, ..EpochState::default() };
        self.state.epochs.insert(entry, state);
        if verdict.counts() {
            self.enter_counting_epoch(entry, epoch);
        }
        self.state.epoch_steps += self.steps.take();
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

    /// Whether the author may start this epoch.
    fn epoch_rights(
        &self,
        entry: EntryNo,
        epoch: &EpochEntry,
        is_chained: bool,
    ) -> Result<(), Refusal> {
        let author = self.graph.nodes[entry].author;
        let needed = OnceCell::new();
        let is_needed = || {
            let compute = || is_chained && self.is_needed(entry, epoch);
            *needed.get_or_init(compute)
        };
        let may = |role: Option<Role>, belongs: bool| {
            role >= Some(Role::Admin) || role >= Some(Role::Writer) && belongs && is_needed()
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

    /// Whether one that is no admin has a reason to start this epoch: all others it seals it to read, and what it would have
    /// to write with otherwise is unknown to it.
    fn is_needed(&self, entry: EntryNo, epoch: &EpochEntry) -> bool {
        let author = self.graph.nodes[entry].author;
        let mut others = epoch.recipients(self.graph).filter(|device| *device != Some(author));
        if !others.all(|device| self.reads_at(device, &epoch.group, entry)) {
            return false;
        }
        let clean = self.clean_at(entry, &epoch.group);
        let of = |clean: &EntryNo| self.state.epochs.get(clean);
        if clean.iter().filter_map(of).any(|clean| clean.by_admin) {
            return false;
        }
        let order = |clean: &&EntryNo| {
            (of(clean).map_or(0, |state| state.depth), self.graph.nodes[**clean].id)
        };
        clean.iter().max_by_key(order).is_none_or(|newest| {
            let node = &self.graph.nodes[*newest];
            let is_sealed = matches!(
                &node.what,
                What::Epoch(newest) if newest.is_sealed_to(self.graph, author)
            );
            node.author != author && !is_sealed
        })
    }
}
