//! What signed frontiers prove to exist, and whether the target has it (chapter `sync.md`, SYN-50 to SYN-53).

mod reach;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulla_core::{AuthorKey, EntryId, Kind, VerifiedHeader};

use crate::keep::Known;

/// Most entries of one author that are known by proof and not held: more branches than an honest author has.
const MOST_PER_AUTHOR: u32 = 16;
/// Frontiers that wait at most before they are read.
const DUE: usize = 16_384;
/// Claims that are asked about in one run at most.
const MOST_HINTS: usize = 4_096;

/// Who signed a header, and where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attestation {
    pub(crate) author: AuthorKey,
    pub(crate) sequence: u64,
    /// The frontier that has it.
    pub(crate) by: EntryId,
    /// Who signed the frontier.
    pub(crate) witness: AuthorKey,
}

/// What the target's frontiers prove to exist.
#[derive(Debug, Default)]
pub(crate) struct Frontiers {
    /// Not held by the target.
    unreached: BTreeMap<EntryId, Attestation>,
    per_author: HashMap<AuthorKey, u32>,
    /// Of each author the highest that the target holds, as far as there is room.
    reached: BTreeMap<AuthorKey, (EntryId, Attestation)>,
    /// Frontiers not read yet.
    waiting: BTreeSet<EntryId>,
    /// Entries that frontiers claim without proof and the target does not hold.
    hints: BTreeSet<EntryId>,
    /// The list is not what was loaded.
    pub(crate) is_changed: bool,
    /// Something that found no room before would find some now.
    pub(crate) has_room_again: bool,
}

impl Frontiers {
    /// What earlier runs learnt.
    pub(crate) fn new(records: Vec<Known>) -> Self {
        let mut frontiers = Self::default();
        for Known { id, attestation, is_held } in records {
            match is_held {
                true => frontiers.reached(id, attestation),
                false => _ = frontiers.unreached(id, attestation),
            }
        }
        frontiers.is_changed = false;
        frontiers
    }

    /// Forgets everything: all entries are to be examined again.
    pub(crate) fn clear(&mut self) {
        *self = Self { is_changed: true, ..Self::default() };
    }

    /// Takes note of an entry that the target holds, to be read if it is a frontier.
    pub(crate) fn observe(&mut self, verified: &VerifiedHeader) {
        if verified.header().kind == Kind::FRONTIER {
            self.waiting.insert(verified.id());
        }
    }

    /// Whether so many wait that they should be read.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting.len() >= DUE
    }

    /// Whether frontiers wait to be read.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether there may be more than the list holds.
    pub(crate) fn is_full(&self) -> bool {
        self.unreached.len() >= Known::MOST_UNREACHED
    }

    /// What is proven and not held.
    pub(crate) fn unreached_entries(&self) -> impl Iterator<Item = (EntryId, &Attestation)> {
        self.unreached.iter().map(|(id, attestation)| (*id, attestation))
    }

    fn knows(&self, id: &EntryId) -> bool {
        self.unreached.contains_key(id)
    }

    /// An entry that is proven and held.
    fn reached(&mut self, id: EntryId, attestation: Attestation) {
        let highest = self.reached.get(&attestation.author);
        let is_higher = match highest {
            Some((_, known)) => known.sequence < attestation.sequence,
            None => self.reached.len() < Known::MOST_REACHED,
        };
        if is_higher {
            self.reached.insert(attestation.author, (id, attestation));
            self.is_changed = true;
        }
    }

    /// An entry that is proven and not held; whether that is news.
    fn unreached(&mut self, id: EntryId, attestation: Attestation) -> bool {
        let is_full = self.is_full();
        let of_author = self.per_author.entry(attestation.author).or_insert(0);
        if self.unreached.contains_key(&id) || is_full || *of_author >= MOST_PER_AUTHOR {
            return false;
        }
        *of_author += 1;
        self.unreached.insert(id, attestation);
        self.is_changed = true;
        true
    }

    /// The target holds this entry by now.
    fn settle(&mut self, id: &EntryId) {
        if let Some(attestation) = self.remove(id) {
            self.reached(*id, attestation);
        }
    }

    /// Drops an entry from those that are not held. Where the list was full others may have found no room: then
    /// everything is examined anew.
    fn remove(&mut self, id: &EntryId) -> Option<Attestation> {
        let was_full = self.is_full();
        let attestation = self.unreached.remove(id)?;
        self.is_changed = true;
        if let Some(count) = self.per_author.get_mut(&attestation.author) {
            self.has_room_again |= was_full || *count >= MOST_PER_AUTHOR;
            *count = count.saturating_sub(1);
        }
        Some(attestation)
    }

    /// For keeping.
    pub(crate) fn records(&self) -> Vec<Known> {
        let unreached = self.unreached.iter().map(|(id, attestation)| Known {
            id: *id,
            attestation: *attestation,
            is_held: false,
        });
        let reached = self.reached.values().map(|(id, attestation)| Known {
            id: *id,
            attestation: *attestation,
            is_held: true,
        });
        unreached.chain(reached).collect()
    }
}
