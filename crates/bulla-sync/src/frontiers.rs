//! What signed frontiers prove to exist, and whether the target has it (chapter `sync.md`, SYN-50 to SYN-53).

mod reach;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulla_core::{AuthorKey, EntryId, Kind, VerifiedHeader};

use crate::keep::{Highest, Known, Listed as _, Noted, PageSet, Reached};

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
    pub(crate) reached: Highest<Reached>,
    /// Frontiers not read yet.
    waiting: BTreeSet<EntryId>,
    /// Entries that frontiers claim without proof and the target does not hold.
    hints: BTreeSet<EntryId>,
    /// The list of what is not held is not what was loaded.
    pub(crate) is_changed: bool,
    /// Something that found no room before would find some now.
    pub(crate) has_room_again: bool,
}

impl Frontiers {
    /// What earlier runs learnt: what was not held, and where the rest is kept.
    pub(crate) fn new(records: Vec<Known>, reached: PageSet) -> Self {
        let mut frontiers = Self { reached: Highest::new(reached), ..Self::default() };
        for Known { id, attestation } in records {
            frontiers.unreached(id, attestation);
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
        self.unreached.len() >= Known::MOST
    }

    /// What is proven and not held.
    pub(crate) fn unreached_entries(&self) -> impl Iterator<Item = (EntryId, &Attestation)> {
        self.unreached.iter().map(|(id, attestation)| (*id, attestation))
    }

    fn knows(&self, id: &EntryId) -> bool {
        self.unreached.contains_key(id)
    }

    /// An entry that is proven and held.
    fn reached(&mut self, id: EntryId, attestation: Attestation) -> Noted {
        self.reached.note(Reached(Known { id, attestation }))
    }

    /// An entry that is proven and not held.
    fn unreached(&mut self, id: EntryId, attestation: Attestation) {
        let is_full = self.is_full();
        let of_author = self.per_author.entry(attestation.author).or_insert(0);
        if self.unreached.contains_key(&id) || is_full || *of_author >= MOST_PER_AUTHOR {
            return;
        }
        *of_author += 1;
        self.unreached.insert(id, attestation);
        self.is_changed = true;
    }

    /// The target holds this entry by now.
    fn settle(&mut self, id: &EntryId) {
        if let Some(attestation) = self.remove(id) {
            let _ = self.reached(*id, attestation);
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

    /// What is not held, for keeping.
    pub(crate) fn records(&self) -> Vec<Known> {
        let record = |(&id, &attestation): (&EntryId, &Attestation)| Known { id, attestation };
        self.unreached.iter().map(record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(i: usize) -> EntryId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&i.to_be_bytes());
        EntryId(bytes)
    }

    fn by(author: usize, sequence: u64) -> Attestation {
        let (author, by) = (AuthorKey(id(author).0), id(0));
        Attestation { author, sequence, by, witness: AuthorKey([9; 32]) }
    }

    #[test]
    fn what_is_missing_is_bounded_by_author_and_in_all() {
        let mut frontiers = Frontiers::default();
        for i in 0..20 {
            frontiers.unreached(id(i), by(0, 7));
        }
        assert_eq!(frontiers.unreached.len(), 16);
        // The same again is no news.
        frontiers.unreached(id(0), by(1, 1));
        assert_eq!((frontiers.unreached.len(), frontiers.unreached[&id(0)].sequence), (16, 7));
        for i in 100..10_000 {
            assert_eq!(frontiers.is_full(), frontiers.unreached.len() == Known::MOST);
            frontiers.unreached(id(i), by(i, 1));
        }
        assert!(frontiers.is_full() && !frontiers.has_room_again);
        assert_eq!(frontiers.unreached.len(), Known::MOST);
        // What finds room where there was none is looked for.
        frontiers.settle(&id(200));
        assert!(frontiers.has_room_again && !frontiers.is_full());
        frontiers.unreached(id(5_000), by(5_000, 1));
        assert!(frontiers.is_full());
    }

    #[test]
    fn room_where_nothing_was_left_out_needs_no_second_look() {
        let mut frontiers = Frontiers::default();
        for i in 0..15 {
            frontiers.unreached(id(i), by(0, 7));
        }
        frontiers.settle(&id(3));
        assert!(!frontiers.has_room_again);
        frontiers.unreached(id(3), by(0, 7));
        frontiers.unreached(id(15), by(0, 7));
        frontiers.settle(&id(4));
        assert!(frontiers.has_room_again);
    }

    #[test]
    fn of_what_is_held_the_highest_of_each_author_is_known_and_what_is_not_is_read_back() {
        let mut frontiers = Frontiers::default();
        for (i, sequence) in [(1, 4), (2, 9), (3, 9), (4, 2)] {
            frontiers.reached(id(i), by(0, sequence));
        }
        frontiers.unreached(id(5), by(0, 12));
        let highest = |frontiers: &Frontiers| frontiers.reached.get(&by(0, 0).author).unwrap().0.id;
        assert_eq!(highest(&frontiers), id(2));
        let records = frontiers.records();
        let again = Frontiers::new(records.clone(), PageSet::default());
        assert_eq!((again.records(), again.is_changed), (records, false));
        // Once it is there it is the highest.
        frontiers.settle(&id(5));
        assert_eq!(highest(&frontiers), id(5));
    }
}
