//! Authors who signed two entries with one sequence (chapter `sync.md`, SYN-55).
//!
//! An entry whose sequence its author had reached before is late, or of another branch. Which of the two says the target's
//! log, read once at the end of a run that met such entries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulla_core::limits::MAX_FILTER_TERMS;
use bulla_core::values::{Filter, Head, ScanBody, Want};
use bulla_core::{AuthorKey, EntryId, VerifiedHeader};
use bulla_store::rules::start_cursor;

use crate::Fork;
use crate::keep::{Highest, Listed as _, Noted, PageSet, Tip};
use crate::side::Halt;
use crate::walk::Walk;
use crate::work::Work;

/// Most forks of one author that are kept: those with the lowest sequences.
const MOST_PER_AUTHOR: usize = 16;
/// Late entries that are looked at in one run at most.
const MOST_LATE: usize = 65_536;

/// What is known of forks.
#[derive(Debug, Default)]
pub(crate) struct Forks {
    /// The highest sequence of each author.
    pub(crate) tips: Highest<Tip>,
    /// Entries whose sequence had been reached.
    late: BTreeMap<(AuthorKey, u64), BTreeSet<EntryId>>,
    found: BTreeMap<(AuthorKey, u64), Fork>,
    pub(crate) are_tips_changed: bool,
    pub(crate) is_changed: bool,
}

impl Forks {
    /// What earlier runs left.
    pub(crate) fn new(tips: PageSet, found: Vec<Fork>) -> Self {
        Self {
            tips: Highest::new(tips),
            found: found.into_iter().map(|fork| ((fork.author, fork.sequence), fork)).collect(),
            ..Self::default()
        }
    }

    /// All entries are to be examined again. A fork that was found stays found.
    pub(crate) fn forget_tips(&mut self) {
        self.tips.clear();
        self.late.clear();
        self.are_tips_changed = true;
    }

    /// Takes note of an entry that the target holds, once the tips of its author were read.
    pub(crate) fn observe(&mut self, verified: &VerifiedHeader) {
        let header = verified.header();
        let (author, sequence, id) = (header.author, header.sequence, verified.id());
        if self.tips.get(&author).is_some_and(|tip| tip.id == id) {
            return;
        }
        match self.tips.note(Tip { author, sequence, id }) {
            Noted::Highest => self.are_tips_changed = true,
            Noted::Not => self.late(author, sequence, id),
        }
    }

    /// Takes note of an entry that is proven to exist and not held.
    fn proven(&mut self, author: AuthorKey, sequence: u64, id: EntryId) {
        let is_found = self.found.contains_key(&(author, sequence));
        if !is_found && self.tips.get(&author).is_some_and(|tip| sequence <= tip.sequence) {
            self.late(author, sequence, id);
        }
    }

    /// Whether late entries are to be looked at.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.late.is_empty()
    }

    fn late(&mut self, author: AuthorKey, sequence: u64, id: EntryId) {
        let key = (author, sequence);
        let is_new = !self.late.contains_key(&key);
        if is_new && self.late.len() >= MOST_LATE {
            return;
        }
        let ids = self.late.entry(key).or_default();
        // Any third is a fork with one of two.
        if ids.len() < 2 {
            ids.insert(id);
        }
    }

    /// Compares an entry of the log with those that came late.
    fn compare(&mut self, verified: &VerifiedHeader) {
        let header = verified.header();
        let Some(ids) = self.late.get(&(header.author, header.sequence)) else { return };
        let id = verified.id();
        if let Some(other) = ids.iter().find(|other| **other != id) {
            self.insert(Fork::new(header.author, header.sequence, id, *other));
        }
    }

    fn insert(&mut self, fork: Fork) {
        let key = (fork.author, fork.sequence);
        if self.found.contains_key(&key) || self.found.len() >= Fork::MOST {
            return;
        }
        self.found.insert(key, fork);
        let of_author = (fork.author, 0)..=(fork.author, u64::MAX);
        if self.found.range(of_author.clone()).count() > MOST_PER_AUTHOR
            && let Some((&last, _)) = self.found.range(of_author).next_back()
        {
            self.found.remove(&last);
        }
        self.is_changed = true;
    }

    /// The forks found, by author and sequence.
    pub(crate) fn found(&self) -> Vec<Fork> {
        self.found.values().copied().collect()
    }
}

impl Work {
    /// Looks for the other branch of what came late, and of what is proven and not held, in all that the target holds.
    pub(crate) async fn find_forks(&mut self, now: &Head) -> Result<(), Halt> {
        // With nothing new there is nothing new to compare.
        if self.forks.are_tips_changed {
            let authors = self.frontiers.unreached_entries().map(|(_, of)| of.author).collect();
            self.read_tips_of(authors).await?;
            let mut proven = HashMap::new();
            for (id, of) in self.frontiers.unreached_entries() {
                if let Some(other) = proven.insert((of.author, of.sequence), id) {
                    self.forks.insert(Fork::new(of.author, of.sequence, id, other));
                }
                self.forks.proven(of.author, of.sequence, id);
            }
        }
        if !self.forks.is_waiting() {
            return Ok(());
        }
        let mut authors: Vec<_> = self.forks.late.keys().map(|(author, _)| *author).collect();
        authors.dedup();
        let filter = match authors.len() <= MAX_FILTER_TERMS {
            true => Filter { authors, ..Filter::all() },
            false => Filter::all(),
        };
        let start = start_cursor(&self.keys.space, self.keys.target);
        let limit = self.options.page_limit();
        let mut walk =
            Walk::new(&self.target, start, now.cursor(), Want::Headers, limit).with_filter(filter);
        while let Some(page) = walk.next().await? {
            for item in &page.items {
                if let ScanBody::Header(header, _) = &item.body {
                    self.forks.compare(header);
                }
            }
        }
        self.forks.late.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(i: u64) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&i.to_be_bytes());
        bytes
    }

    fn fork(author: u64, sequence: u64) -> Fork {
        let (a, b) = (EntryId(bytes(2 * sequence)), EntryId(bytes(2 * sequence + 1)));
        Fork::new(AuthorKey(bytes(author)), sequence, b, a)
    }

    #[test]
    fn the_lowest_forks_of_an_author_are_kept() {
        let mut forks = Forks::default();
        for sequence in (1..=40).rev() {
            forks.insert(fork(1, sequence));
        }
        let kept: Vec<_> = forks.found().iter().map(|fork| fork.sequence).collect();
        assert_eq!(kept, (1..=16).collect::<Vec<_>>());
        for author in 2..6_000 {
            forks.insert(fork(author, 1));
        }
        assert_eq!(forks.found().len(), Fork::MOST);
        // A fork that was found first stays as it was found.
        let other = Fork { ids: [EntryId([7; 32]), EntryId([8; 32])], ..fork(1, 1) };
        forks.insert(other);
        assert_eq!(forks.found()[0], fork(1, 1));
    }

    #[test]
    fn late_entries_are_bounded_and_forks_are_read_back() {
        let mut forks = Forks::default();
        let most = u64::try_from(MOST_LATE).unwrap();
        for sequence in 0..most + 10 {
            forks.late(AuthorKey([1; 32]), sequence, EntryId(bytes(sequence)));
        }
        assert_eq!(forks.late.len(), MOST_LATE);
        // Another branch of one that is noted finds room.
        forks.late(AuthorKey([1; 32]), 5, EntryId([3; 32]));
        assert_eq!(forks.late[&(AuthorKey([1; 32]), 5)].len(), 2);
        forks.late(AuthorKey([1; 32]), 5, EntryId([4; 32]));
        assert_eq!(forks.late[&(AuthorKey([1; 32]), 5)].len(), 2);
        let again = Forks::new(PageSet::default(), vec![fork(1, 2)]);
        assert_eq!(again.found(), vec![fork(1, 2)]);
        assert!(!again.is_changed && !again.are_tips_changed && !again.is_waiting());
    }
}
