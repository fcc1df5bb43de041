//! The directory: takes control entries, answers questions.

mod epochs;
mod members;
mod update;
mod wanted;

use std::collections::HashSet;

use bulla_core::control::Role;
use bulla_core::genesis::{Genesis, Policy, RecoveryKey};
use bulla_core::header::FORMAT_VERSION;
use bulla_core::{AuthorKey, EntryId, InvitationId, KeyId, SpaceId, VerifiedEntry, VerifiedHeader};

use crate::change::Change;
use crate::erasures::{Erasable, Erasures};
use crate::explain::{self, Explanation};
use crate::graph::{Graph, What};
use crate::judge::Judged;
use crate::standing::{Standing, standing};
use crate::table::{DeviceNo, EntryNo};
use crate::verdict::{Refusal, Verdict};

pub use epochs::{EpochInfo, GroupInfo, Recipient};
pub use members::Member;

/// Most control heads that a new control entry depends on (CTL-7).
const MAX_HEADS: usize = 60;

/// Who belongs to a space, by the control entries taken in so far (chapter `directory.md`).
///
/// All answers are a function of the *set* of these entries. An entry whose dependencies are not held yet is judged as if
/// these did not exist, and again when they come (DIR-1). Memory is linear in the bytes taken in; what is sealed (labels,
/// keys) is not kept.
///
/// It takes any number of entries, counting or not: who takes them in bounds the refused ones (`store.md`).
#[derive(Debug)]
pub struct Directory {
    space: SpaceId,
    graph: Graph,
    state: Judged,
    erasures: Erasures,
    /// Entries were taken in that nothing was judged by.
    is_behind: bool,
}

impl Directory {
    /// The directory of a space of which nothing is known yet.
    #[must_use]
    pub fn new(space: SpaceId) -> Self {
        let (graph, state) = (Graph::default(), Judged::default());
        Self { space, graph, state, erasures: Erasures::default(), is_behind: false }
    }

    /// Takes in one entry and says what it changed.
    ///
    /// Entries of other spaces, of application kinds and frontiers say nothing of who belongs to the space and change
    /// nothing; neither does an entry that was taken in before.
    pub fn insert(&mut self, entry: &VerifiedEntry) -> Change {
        self.extend(std::slice::from_ref(entry))
    }

    /// Takes in any number of entries, in any order, and says what they changed together. For many entries this is much
    /// faster than one [`insert`](Self::insert) each.
    pub fn extend<'a>(&mut self, entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Change {
        let ours =
            entries.into_iter().filter(|entry| entry.verified_header().space() == self.space);
        let entries: Vec<&VerifiedEntry> = ours.collect();
        self.take_in(&entries)
    }

    /// Takes in entries without judging anything by them: that is left to the next [`extend`](Self::extend), of however few
    /// or no entries, and until then the answers are those of before. So a long log need not be in memory at once.
    pub fn load<'a>(&mut self, entries: impl IntoIterator<Item = &'a VerifiedEntry>) {
        let ours =
            entries.into_iter().filter(|entry| entry.verified_header().space() == self.space);
        let entries: Vec<&VerifiedEntry> = ours.collect();
        self.take_in_unjudged(&entries);
    }

    /// The space.
    #[must_use]
    pub const fn space(&self) -> SpaceId {
        self.space
    }

    /// How many control entries were taken in, counting or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graph.nodes.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a control entry counts; `None` if it was not taken in. Frontiers are judged by
    /// [`frontier_standing`](Self::frontier_standing).
    #[must_use]
    pub fn verdict(&self, id: &EntryId) -> Option<Verdict> {
        self.state.verdicts[self.graph.entry(id)?]
    }

    /// How far entries of application kinds by this author count, if they are sealed under this key (DIR-30).
    #[must_use]
    pub fn standing(&self, author: &AuthorKey, key_id: &KeyId) -> Standing {
        let counting = self.epochs_with(key_id);
        let groups: Vec<EntryId> = counting.map(|(_, epoch)| epoch.group).collect();
        let is_open = groups.is_empty() || self.is_named_for_the_space(key_id);
        let groups: Vec<_> =
            groups.iter().filter_map(|group| self.state.groups.get(group)).collect();
        self.standing_for(author, Role::Writer, (!is_open).then_some(&groups))
    }

    /// How far the frontiers of this author count (DIR-24).
    #[must_use]
    pub fn frontier_standing(&self, author: &AuthorKey) -> Standing {
        self.standing_for(author, Role::Reader, None)
    }

    fn standing_for(
        &self,
        author: &AuthorKey,
        needed: Role,
        groups: Option<&Vec<&crate::judge::GroupState>>,
    ) -> Standing {
        let Some(device) = self.graph.known_device(author) else {
            return Standing::Stranger;
        };
        let decided = &self.state.devices[device];
        if decided.is_recovery_key {
            return Standing::Refused(Refusal::Recovery);
        }
        if decided.place.is_none() {
            return Standing::Stranger;
        }
        let is_application = needed == Role::Writer;
        if is_application
            && self.policy().minimum_format.is_some_and(|least| least > FORMAT_VERSION)
        {
            return Standing::Refused(Refusal::Format);
        }
        standing(&self.graph, device, decided, needed, groups.map(Vec::as_slice))
    }

    /// The counting erasure that covers an entry, if one does (CTL-61). Takes four look-ups.
    #[must_use]
    pub fn erased_by(&self, header: &VerifiedHeader) -> Option<EntryId> {
        let id = header.id();
        let header = header.header();
        let (author, sequence) = (header.author, header.sequence);
        let (kind, topic) = (header.kind, header.topic);
        self.erased(&Erasable { id, author, sequence, kind, topic })
    }

    /// As [`erased_by`](Self::erased_by), for who knows of a header only what decides it.
    #[must_use]
    pub fn erased(&self, entry: &Erasable) -> Option<EntryId> {
        self.erasures.covers(self.graph.known_device(&entry.author), entry)
    }

    /// Whether an erasure that counts covers the entries of others too; `None` for one that does not count, and for all
    /// other entries (CTL-61).
    #[must_use]
    pub fn erasure_is_by_admin(&self, id: &EntryId) -> Option<bool> {
        self.state.erasing.get(&self.graph.entry(id)?).copied()
    }

    /// What a new control entry by `author` depends on, together with its previous: at most 60 heads, the author's newest
    /// give and its last control entry; ascending (CTL-7, CTL-8). Previous is to be left out by the caller.
    ///
    /// Whatever counts is reached over entries that count alone: others may refuse and bound what does not, so nothing may
    /// lie behind that only. Of more than 60 heads those of the most senior authors are taken.
    #[must_use]
    pub fn dependencies(&self, author: &AuthorKey) -> Vec<EntryId> {
        let mut heads = self.chosen_heads();
        if let Some(device) = self.graph.known_device(author) {
            let last = self.graph.devices[device].own.last();
            let gives = self.state.devices[device].gives.iter().filter_map(|give| give.by);
            let newest =
                gives.max_by_key(|give| (self.graph.level(*give), self.graph.order(*give)));
            heads.extend(last.copied().into_iter().chain(newest));
            heads.sort_unstable();
            heads.dedup();
        }
        self.ids(heads)
    }

    /// The control entries that no other has in its past, counting or not; ascending (CTL-7).
    #[must_use]
    pub fn control_heads(&self) -> Vec<EntryId> {
        self.ids(self.graph.heads().collect())
    }

    /// What is named and not held, and decides all the same what counts: what an entry names as previous or dependency
    /// that counts, whose author `is_heard` whatever it writes, or that lies in the past of such an entry or of a control
    /// in its cuts; and these controls themselves. Ids of application entries and frontiers may be among it.
    ///
    /// Whoever bounds the entries that do not count takes these all the same: otherwise, of two replicas that hold other
    /// such entries, each would lack what lies in the past of what the other counts. Takes time in all that is held.
    #[must_use]
    pub fn missing_references(&self, is_heard: impl Fn(&AuthorKey) -> bool) -> HashSet<EntryId> {
        let begin = self.graph.nodes.numbers().filter(|entry| {
            self.counts(*entry) || is_heard(&self.graph.key(self.graph.nodes[*entry].author))
        });
        self.graph.missing_behind(begin.collect())
    }

    /// The genesis, once it was taken in.
    #[must_use]
    pub fn genesis(&self) -> Option<&Genesis> {
        self.graph.genesis.as_ref().map(|genesis| &genesis.payload)
    }

    /// The policy; nothing is limited while the genesis is not known (GEN-4).
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.genesis().map_or_else(Policy::default, |genesis| genesis.policy)
    }

    /// The recovery key in force: the last of the succession, if it has not signed (DIR-20).
    #[must_use]
    pub fn recovery_key(&self) -> Option<RecoveryKey> {
        let step = self.state.succession.last().filter(|step| step.signed.is_none())?;
        let Some(named_by) = step.named_by else {
            return self.genesis()?.recovery;
        };
        match &self.graph.nodes[named_by].what {
            What::Recovery(recovery) => recovery.next.as_ref().map(|(_, key)| *key),
            _ => None,
        }
    }

    /// The counting grant that used an invitation: of several for one device the one by the most senior author (DIR-21).
    #[must_use]
    pub fn invitation_used(&self, invitation: &InvitationId) -> Option<EntryId> {
        self.state.claims.get(invitation).map(|grant| self.graph.nodes[*grant].id)
    }

    /// For people: who wrote an entry, with which role, and what cuts it; `None` if it was not taken in.
    #[must_use]
    pub fn explain(&self, id: &EntryId) -> Option<Explanation> {
        let entry = self.graph.entry(id)?;
        explain::explain(&self.graph, &self.state, entry)
    }

    /// Entries that the index of pasts keeps besides the entries themselves, in cells of 8 bytes; at most
    /// 65,536 + 16 for each entry.
    #[doc(hidden)]
    #[must_use]
    pub fn index_cells(&self) -> usize {
        self.graph.index_cells()
    }

    /// How many devices have a row: none that is but the recipient of epochs.
    #[doc(hidden)]
    #[must_use]
    pub fn device_rows(&self) -> usize {
        self.graph.devices.len()
    }

    /// How many ids and ranges of counting erasures are kept to be looked up: none that cannot take effect.
    #[doc(hidden)]
    #[must_use]
    pub fn erasure_rows(&self) -> usize {
        self.erasures.len()
    }

    /// The heads that new entries depend on, at most 60: those that count, and where room is left, others.
    fn chosen_heads(&self) -> Vec<EntryNo> {
        let mut heads = self.counting_heads();
        heads.extend(self.graph.heads().filter(|entry| !self.counts(*entry)));
        if heads.len() > MAX_HEADS {
            let refused = |entry: &EntryNo| !self.counts(*entry);
            heads.sort_by(|a, b| {
                let (node_a, node_b) = (&self.graph.nodes[*a], &self.graph.nodes[*b]);
                refused(a)
                    .cmp(&refused(b))
                    .then_with(|| self.by_seniority(node_a.author, node_b.author))
                    .then_with(|| node_a.id.cmp(&node_b.id))
            });
            heads.truncate(MAX_HEADS);
        }
        heads
    }

    /// The entries that count and that no other which counts names. Takes time in all that is held.
    fn counting_heads(&self) -> Vec<EntryNo> {
        let is_named = |entry: EntryNo| {
            self.graph.nodes[entry].children.iter().any(|child| self.counts(*child))
        };
        let entries = self.graph.nodes.numbers();
        entries.filter(|entry| self.counts(*entry) && !is_named(*entry)).collect()
    }

    fn counts(&self, entry: EntryNo) -> bool {
        self.state.verdicts[entry] == Some(Verdict::Counts)
    }

    fn by_seniority(&self, a: DeviceNo, b: DeviceNo) -> std::cmp::Ordering {
        let senior = |a, b| self.state.is_senior(&self.graph, a, b);
        senior(b, a).cmp(&senior(a, b))
    }

    fn ids(&self, entries: Vec<EntryNo>) -> Vec<EntryId> {
        let mut ids: Vec<EntryId> =
            entries.into_iter().map(|entry| self.graph.nodes[entry].id).collect();
        ids.sort_unstable();
        ids
    }
}
