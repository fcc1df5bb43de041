//! Which entries are erased (DIR-24, CTL-61).

use std::cmp::Reverse;
use std::collections::BTreeSet;

use bulla_core::control::Erase;
use bulla_core::{AuthorKey, EntryId, Kind, Topic};

use crate::table::DeviceNo;

/// Of an entry, what decides whether it is erased (CTL-61).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasable {
    /// Its id.
    pub id: EntryId,
    /// Who wrote it.
    pub author: AuthorKey,
    /// Its author's sequence.
    pub sequence: u64,
    /// What it is for; control entries are never erased.
    pub kind: Kind,
    /// Its topic.
    pub topic: Topic,
}

/// What an erasure is entered by: itself, its author, and whether it covers the entries of others too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eraser {
    pub(crate) id: EntryId,
    pub(crate) author: DeviceNo,
    pub(crate) is_admin: bool,
}

/// Of an author and a topic or all topics, the furthest range first: its last sequence, and the erasure.
type Range = (AuthorKey, Option<Topic>, Reverse<u64>, EntryId);

/// What counting erasures cover, and nothing else: asking takes four look-ups, whatever anybody names that is not its own.
#[derive(Debug, Default)]
pub(crate) struct Erasures {
    /// The entry, whose it must be (`None`: whoever's), and the erasure.
    ids: BTreeSet<(EntryId, Option<DeviceNo>, EntryId)>,
    ranges: BTreeSet<Range>,
}

impl Erasures {
    /// Enters a counting erasure: what of it may take effect (CTL-61).
    pub(crate) fn enter(&mut self, by: Eraser, key: AuthorKey, erase: &Erase) {
        self.ids.extend(Self::named(by, erase));
        self.ranges.extend(Self::reached(by, key, erase));
    }

    /// Takes out what was entered.
    pub(crate) fn remove(&mut self, by: Eraser, key: AuthorKey, erase: &Erase) {
        for named in Self::named(by, erase) {
            self.ids.remove(&named);
        }
        for range in Self::reached(by, key, erase) {
            self.ranges.remove(&range);
        }
    }

    fn named(
        by: Eraser,
        erase: &Erase,
    ) -> impl Iterator<Item = (EntryId, Option<DeviceNo>, EntryId)> + '_ {
        let whose = (!by.is_admin).then_some(by.author);
        erase.ids.iter().map(move |id| (*id, whose, by.id))
    }

    fn reached(by: Eraser, key: AuthorKey, erase: &Erase) -> impl Iterator<Item = Range> + '_ {
        let ranges = erase.ranges.iter().filter(move |range| by.is_admin || range.author == key);
        ranges.map(move |range| (range.author, range.topic, Reverse(range.sequence), by.id))
    }

    /// The erasure that covers an entry: of several one with the least id, among those that name it by its id; otherwise
    /// one whose range goes furthest, of those for all topics before those for its own.
    pub(crate) fn covers(&self, author: Option<DeviceNo>, entry: &Erasable) -> Option<EntryId> {
        if entry.kind.is_control() {
            return None;
        }
        let whose = [Some(None), author.map(Some)].into_iter().flatten();
        let named = whose.filter_map(|whose| {
            let first = (entry.id, whose, EntryId::ZERO);
            let (id, of, by) = self.ids.range(first..).next()?;
            ((*id, *of) == (entry.id, whose)).then_some(*by)
        });
        if let Some(least) = named.min() {
            return Some(least);
        }
        [None, Some(entry.topic)].into_iter().find_map(|topic| {
            let first = (entry.author, topic, Reverse(u64::MAX), EntryId::ZERO);
            let (author, of, Reverse(last), by) = self.ranges.range(first..).next()?;
            ((*author, *of) == (entry.author, topic) && entry.sequence <= *last).then_some(*by)
        })
    }

    /// How much is kept, for those who watch its bound.
    pub(crate) fn len(&self) -> usize {
        self.ids.len() + self.ranges.len()
    }
}
